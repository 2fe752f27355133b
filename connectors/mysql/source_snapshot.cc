#include <algorithm>

#include "connectors/mysql/source.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"

// The snapshot as the ingest thread sees it: chunks come from the workers and go into the log when the stream covers
// what they show (docs/adr/0020).
namespace headgate::mysql {
namespace {

// Chunks that wait for the end of a transaction; then their workers wait.
constexpr std::size_t kWaitingMax = 16;

}  // namespace

Status MysqlSource::PlanSnapshot() {
  if (options_.snapshot == SnapshotMode::kNever) return Ok();
  HG_ASSIGN_OR_RETURN(const auto all, Catalog(*query_, options_.flavor).ListTables());
  std::vector<SnapshotTable> to_read;
  bool new_run = resume_.run() == 0;
  for (const TableName& name : all) {
    if (!IsCaptured(options_, name) || resume_.IsRead(name)) continue;
    HG_ASSIGN_OR_RETURN(auto plan, tables_->Plan(name, resume_.Number(), clock_.NowUs(), true));
    if (!plan) continue;
    SnapshotTable& table = to_read.emplace_back();
    table.plan = std::move(*plan);
    const stored::StreamSnapshot* entry = resume_.FindTable(name);
    // Without a key the rows that were read can't be told from the others: they are read again, from the start.
    if (entry == nullptr || table.plan.key.empty()) {
      table.stale_rows = entry != nullptr && entry->chunks() > 0;
      new_run = new_run || (entry != nullptr && entry->begun());
      continue;
    }
    table.chunks = entry->chunks();
    for (const std::string& text : entry->next()) table.next.push_back(text);
  }
  idle_ = to_read.empty() && options_.snapshot == SnapshotMode::kOnly;
  if (to_read.empty()) return Ok();
  if (new_run) resume_.BeginRun();
  for (SnapshotTable& table : to_read) {
    const stored::StreamSnapshot* entry = resume_.FindTable(table.plan.name);
    if (entry == nullptr || table.plan.key.empty()) resume_.BeginTable(table.plan.name, table.plan.stream);
    if (table.plan.key.empty()) {
      tables_->Mute(table.plan.name);
    } else {
      watch_.Watch(table.plan.stream, table.plan.key);
    }
  }
  resume_changed_ = true;
  tables_left_ = to_read.size();
  first_chunk_ = true;
  telemetry_.snapshot_tables = to_read.size();
  telemetry_.snapshot_tables_done = telemetry_.snapshot_rows = 0;
  ServiceEvent event;
  event.kind = "snapshot";
  event.summary = "snapshot of " + std::to_string(to_read.size()) + " tables begun";
  event.details["run"] = std::to_string(resume_.run());
  for (const SnapshotTable& table : to_read) {
    std::string& list = event.details["tables"];
    list += (list.empty() ? "" : ", ") + table.plan.name.database + "." + table.plan.name.table;
  }
  events_.push_back(std::move(event));
  diag::Info("mysql", "snapshot started",
             {{"connector", options_.name}, {"run", resume_.run()}, {"tables", to_read.size()}});
  snapshot_ = std::make_unique<Snapshot>(options_, host_, by_gtid_, std::move(to_read));
  return Ok();
}

void MysqlSource::PublishStream() {
  if (snapshot_ == nullptr) return;
  StreamView view;
  view.position = decoder_->position();
  view.moment = watch_.now();
  view.held = snapshot_->hold() && !decoder_->in_transaction() && !hold_at_;
  snapshot_->Publish(std::move(view));
}

Status MysqlSource::ReadSnapshot(SourceBatch& batch, Deadline deadline, const std::stop_token& stop) {
  PublishStream();
  std::size_t bytes = 0;
  while (bytes < options_.batch_bytes_max && tables_left_ > 0) {
    if (decoder_->in_transaction() && waiting_.size() >= kWaitingMax) break;
    auto item = snapshot_->Next(IsHeld() ? clock_.Now() + std::chrono::milliseconds(2) : deadline, stop);
    if (!item) break;
    bytes += item->rows.bytes();
    HG_RETURN_IF_ERROR(TakeItem(std::move(*item), batch));
  }
  EmitReady(batch);
  if (tables_left_ == 0) EndSnapshot();
  return Ok();
}

Status MysqlSource::TakeItem(SnapshotItem item, SourceBatch& batch) {
  switch (item.kind) {
    case SnapshotItem::Kind::kFailed:
      return std::move(*item.error);
    case SnapshotItem::Kind::kHold:
      hold_at_ = std::move(item.seen);
      return Ok();
    case SnapshotItem::Kind::kBegun:
      EmitMark(item.table, false, batch);
      return Ok();
    default:
      waiting_.push_back(std::move(item));
      return Ok();
  }
}

// In their order; one table's chunks never overtake each other.
void MysqlSource::EmitReady(SourceBatch& batch) {
  if (decoder_->in_transaction()) return;
  std::vector<SnapshotItem> still;
  for (SnapshotItem& item : waiting_) {
    const bool behind = std::ranges::any_of(still, [&](const auto& other) { return other.table == item.table; });
    if (behind || !Covers(decoder_->position(), item.seen, options_, by_gtid_)) {
      still.push_back(std::move(item));
    } else {
      Emit(std::move(item), batch);
    }
  }
  waiting_ = std::move(still);
}

void MysqlSource::Emit(SnapshotItem item, SourceBatch& batch) {
  HG_FAILPOINT("mysql.chunk_read");
  const TablePlan& plan = snapshot_->tables()[item.table].plan;
  stored::StreamSnapshot& entry = *resume_.FindTable(plan.name);
  const bool sound = watch_.Settle(item.rows, plan.stream, item.asked);
  if (!plan.key.empty()) watch_.ForgetBefore(plan.stream, item.asked);
  Transaction& tx = item.rows;
  if (sound && !tx.empty()) {
    entry.set_chunks(entry.chunks() + 1);
    entry.set_rows(entry.rows() + tx.changes());
    telemetry_.snapshot_rows += tx.changes();
    tx.info.position = {PositionKind::kChunk, resume_.run(), plan.stream, entry.chunks(), {}};
    tx.info.commit_us = clock_.NowUs();
    tx.info.file = decoder_->position().place.file;
    tx.info.consistent_at = resume_.base() + decoder_->position().place.Number();
    tx.info.total = tx.changes();
    tx.info.flags = static_cast<std::uint8_t>((entry.chunks() == 1 ? kFirstOfStream : 0) |
                                              (item.last ? kLastOfStream : 0) | (first_chunk_ ? kFirstOfSnapshot : 0) |
                                              (item.last && tables_left_ == 1 ? kLastOfSnapshot : 0));
    first_chunk_ = false;
    batch.transactions.push_back(std::move(tx));
  }
  if (!item.next.empty()) {
    entry.clear_next();
    for (const std::string& text : item.next) entry.add_next(text);
  }
  resume_changed_ = true;
  if (item.last) EmitMark(item.table, true, batch);
}

void MysqlSource::EmitMark(std::size_t index, bool completed, SourceBatch& batch) {
  const TablePlan& plan = snapshot_->tables()[index].plan;
  stored::StreamSnapshot& entry = *resume_.FindTable(plan.name);
  if (!completed && entry.begun()) return;
  entry.set_begun(true);
  Transaction& tx = batch.transactions.emplace_back();
  tx.info.position = {PositionKind::kChunk, resume_.run(), plan.stream, completed ? entry.chunks() + 1 : 0, {}};
  tx.info.commit_us = clock_.NowUs();
  tx.info.file = decoder_->position().place.file;
  tx.info.consistent_at = resume_.base() + decoder_->position().place.Number();
  tx.first_ordinal = 0;
  tx.StartChange(Op::kSnapshot, plan.stream, plan.schema, decoder_->position().place.offset);
  tx.EndChange(Encode(SnapshotExtra{completed, entry.rows()}));
  if (!completed && snapshot_->tables()[index].stale_rows) {
    tx.StartChange(Op::kTruncate, plan.stream, plan.schema, decoder_->position().place.offset);
    tx.EndChange(Encode(TruncateExtra{}));
  }
  resume_changed_ = true;
  if (!completed) return;
  entry.set_completed(true);
  entry.clear_next();
  watch_.Forget(plan.stream);
  if (plan.key.empty()) {
    hold_at_.reset();
    snapshot_->Release();
    tables_->Unmute(plan.name);
    decoder_->ForgetTables();
  }
  --tables_left_;
  ++telemetry_.snapshot_tables_done;
}

void MysqlSource::EndSnapshot() {
  ServiceEvent event;
  event.kind = "snapshot";
  event.summary = "snapshot of " + std::to_string(telemetry_.snapshot_tables) + " tables completed";
  event.details["rows"] = std::to_string(telemetry_.snapshot_rows);
  events_.push_back(std::move(event));
  diag::Info("mysql", "snapshot completed", {{"connector", options_.name}, {"rows", telemetry_.snapshot_rows}});
  snapshot_.reset();
  waiting_.clear();
  hold_at_.reset();
  telemetry_.phase = "streaming";
  idle_ = options_.snapshot == SnapshotMode::kOnly;
}

}  // namespace headgate::mysql
