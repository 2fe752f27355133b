#include <algorithm>

#include "connectors/postgres/errors.h"
#include "connectors/postgres/preflight.h"
#include "connectors/postgres/source.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"

// How a source keeps its publication fit, at the start and while it streams, and tells what was lost when it was not.
namespace headgate::postgres {
namespace {

constexpr std::string_view kUnfitFinding = "publication";
// For a table that somebody has locked: the stream stands still meanwhile. Autovacuum gives way after 1 s.
constexpr auto kLockPatience = std::chrono::milliseconds(2'000);

}  // namespace

bool PostgresSource::WasCaptured(const CatalogTable& table) const {
  return resume_.IsRead(table.Id()) || IsCaptured(table.oid);
}

// A table that the settings left out for a while lacks what changed meanwhile (PG-19): it is read again, and because no
// reading shows which rows went, the gap is declared.
Status PostgresSource::FollowSettings(const PublicationPlan& plan) {
  if (!resume_.known() || options_.snapshot == SnapshotMode::kOnly) return Ok();
  const std::string before = resume_.Encode();
  std::vector<TableId> selected;
  for (const CapturedTable& captured : plan.tables) selected.push_back(captured.table.Id());
  resume_.FollowSettings(selected);
  const std::string now = resume_.Encode();
  if (now == before) return Ok();
  const auto noted = writer_->Append({}, now);
  if (!noted.ok()) return noted.error();
  return Ok();
}

// What is made of a table that goes stays: that a table went is no deletion of its rows.
void PostgresSource::NoteGone(const PublicationPlan& plan) {
  for (const CapturedTable& captured : plan.tables) gone_.erase(captured.table.Id().Text());
  for (const CapturedTable& before : tables_) {
    const std::string name = before.table.Id().Text();
    const auto named = [&](const CapturedTable& captured) { return captured.table.Id().Text() == name; };
    if (std::ranges::any_of(plan.tables, named)) continue;
    const auto same = std::ranges::find(plan.tables, before.table.oid, [](const auto& c) { return c.table.oid; });
    Finding told = TellGone(name, same == plan.tables.end() ? "" : same->table.Id().Text());
    if (gone_[name].summary == told.summary) continue;
    diag::Warn("postgres", "a table is gone", {{"connector", options_.name}, {"table", name}});
    ServiceEvent event;
    event.kind = "table_gone";
    event.summary = told.summary;
    events_.push_back(std::move(event));
    gone_[name] = std::move(told);
  }
}

// Durable before the publication is mended: a crash in between leaves nothing else that tells of the loss.
Status PostgresSource::NoteLoss(const CaptureLook& look) {
  if (!resume_.known() || options_.snapshot == SnapshotMode::kOnly) return Ok();
  const PublicationLoss loss = FindLoss(options_, look.plan, look.publication, tables_,
                                        [&](const CatalogTable& table) { return WasCaptured(table); });
  if (loss.tables.empty() || !resume_.BeginLoss(loss.tables, loss.cause)) return Ok();
  diag::Error("postgres", "the publication was altered: changes are being lost",
              {{"connector", options_.name}, {"publication", options_.publication_name}, {"cause", loss.cause}});
  const auto noted = writer_->Append({}, resume_.Encode());
  if (!noted.ok()) return noted.error();
  return Ok();
}

// The publication is fit again. What was lost until now is a declared gap (P3).
Status PostgresSource::DeclareLoss(std::stop_token stop) {
  HG_RETURN_IF_ERROR(FreeCatalog());
  HG_ASSIGN_OR_RETURN(const Rows end, query_->Query("SELECT pg_current_wal_lsn()", "reading the end of the WAL", stop));
  const stored::PublicationLoss losing = resume_.stored().losing();
  resume_.Advance(std::max(writer_->progress().last_end, stream_ == nullptr ? 0 : stream_->read_end()));
  GapExtra gap;
  gap.reason = "publication_changed";
  gap.from = losing.from();
  gap.to = end.empty() ? 0 : ParseLsn(end[0][0].value_or(""));
  gap.streams.assign(losing.tables().begin(), losing.tables().end());
  std::string names;
  for (const std::string& name : gap.streams) names += (names.empty() ? "" : ", ") + name;
  gap.text = "changes of " + names + " between " + LsnText(gap.from) + " and " + LsnText(gap.to) +
             " are missing or incomplete (" + gap.reason + "): " + losing.cause();
  const bool again = options_.snapshot == SnapshotMode::kInitial &&
                     std::ranges::none_of(gap.streams, [&](const std::string& name) { return resume_.HasRead(name); });
  gap.action = again ? "resync" : "none";
  resume_.EndLoss();
  resume_.PublishedUntil(gap.to);
  return Declare(std::move(gap));
}

// Runs the plan. What the publication kept from us of tables that are captured already is said before and after: rows
// that changed meanwhile do not have it.
Status PostgresSource::FitPublication(const CaptureLook& look, std::stop_token stop) {
  if (look.plan.sql.empty()) return Ok();
  const auto captured = [&](const CatalogTable& table) { return WasCaptured(table); };
  const std::vector<KeptBack> kept = FindKeptBack(look.plan, look.publication, captured);
  for (const KeptBack& k : kept) {
    Finding& told = kept_back_[k.Name()];
    Finding pending = TellKeptBack(options_, k, "");
    if (told.summary == pending.summary) continue;  // tried before
    told = std::move(pending);
    diag::Warn("postgres", "not published so far: what changes until it is comes without it",
               {{"connector", options_.name}, {k.column.empty() ? "table" : "column", k.Name()}});
  }
  const std::string patience = std::to_string(std::min(options_.connect_timeout / 2, kLockPatience).count());
  for (const std::string& sql : look.plan.sql) {
    diag::Info("postgres", "changing the publication", {{"connector", options_.name}, {"sql", sql}});
    const auto changed = query_->Query("SET LOCAL lock_timeout = " + patience + "; " + sql,
                                       "changing publication " + options_.publication_name, stop);
    if (!changed.ok()) {
      // Made meanwhile by a session that had been given up, say. The next attempt finds it.
      const bool exists = query_->sqlstate() == "23505" || query_->sqlstate() == "42710";
      return exists ? Transient(changed.error().what) : changed.error();
    }
    HG_FAILPOINT("pg.publication_altered");
  }
  if (kept.empty()) return Ok();
  HG_ASSIGN_OR_RETURN(const Rows end, query_->Query("SELECT pg_current_wal_lsn()", "reading the end of the WAL", stop));
  const std::string from = end.empty() ? "" : end[0][0].value_or("");
  for (const KeptBack& k : kept) {
    kept_back_[k.Name()] = TellKeptBack(options_, k, from);
    diag::Warn("postgres", "published from here on",
               {{"connector", options_.name}, {k.column.empty() ? "table" : "column", k.Name()}, {"from", from}});
  }
  return Ok();
}

// The tables or what is published of them changed while we stream. Where a new one matches and we may publish it, the
// source opens again and reads it like any table that was not read yet (P14). Where the publication fits no longer, a
// column list above all, it is altered in place. Else, or if others manage it, a finding says what is missing.
Status PostgresSource::FollowTables(std::stop_token stop) {
  HG_RETURN_IF_ERROR(FreeCatalog());
  auto looked = LookAtTables(options_, *catalog_, server_, stop);
  if (!looked.ok() && looked.error().kind == ErrorKind::kTransient &&
      query_->sqlstate() != kLockNotAvailable) {  // an idle session may have been ended
    HG_RETURN_IF_ERROR(ConnectQuery(stop));
    looked = LookAtTables(options_, *catalog_, server_, stop);
  }
  if (!looked.ok() && query_->sqlstate() == kLockNotAvailable) {  // the stream goes on
    tables_mark_.clear();
    return Ok();
  }
  if (!looked.ok()) return std::move(looked).error();
  CaptureLook look = std::move(looked).value();
  const bool all_known = std::ranges::all_of(
      look.plan.tables, [&](const CapturedTable& captured) { return IsCaptured(captured.table.oid); });
  const bool managed = options_.publication_mode == PublicationMode::kManage;
  DropFinding("new_table");
  DropFinding(kUnfitFinding);
  NoteGone(look.plan);
  HG_RETURN_IF_ERROR(NoteLoss(look));
  if (const Status fits = FirstError(options_, look.plan.findings); !fits.ok()) {
    const std::string what = all_known ? "the publication does not fit any more: " : "a new table is not captured: ";
    const bool severe = resume_.losing() || !managed;
    findings_.push_back({all_known ? std::string(kUnfitFinding) : "new_table",
                         severe ? Finding::Level::kError : Finding::Level::kWarning, what + fits.error().what,
                         "Restart the connector when that is mended.", "", "tables"});
    // The mark may be from before the look, and so the same when all is well again: look again, whatever it is.
    tables_mark_.clear();
    return Ok();
  }
  if (!all_known && managed) {
    diag::Info("postgres", "new tables match", {{"connector", options_.name}});
    return Open(*writer_, std::move(stop));
  }
  Status fitted = FitPublication(look, stop);
  if (fitted.ok()) {
    if (all_known) tables_ = std::move(look.plan.tables);
    if (resume_.losing()) return DeclareLoss(std::move(stop));
    resume_.PublishedUntil(looked_at_);
  } else if (query_->sqlstate() == kLockNotAvailable) {
    findings_.push_back({std::string(kUnfitFinding),
                         resume_.losing() ? Finding::Level::kError : Finding::Level::kWarning,
                         "the publication must be altered: " + fitted.error().what,
                         "Somebody has locked a table. It is tried again every few seconds.", "", ""});
    tables_mark_.clear();
    return Ok();
  }
  return fitted;
}

}  // namespace headgate::postgres
