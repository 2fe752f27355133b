#include "core/pipeline/backfills.h"

#include <algorithm>
#include <charconv>

#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/pipeline/event_context.h"

namespace headgate {
namespace {

constexpr std::size_t kPiecesMax = 8;
constexpr auto kStateAgain = std::chrono::milliseconds(20);

std::string LedgerKey(std::string_view sink) { return std::string("backfills/").append(sink); }

std::uint64_t NumberIn(const stored::ChunkedTable& table, int index) {
  std::uint64_t number = 0;
  if (index >= table.next_size()) return number;
  const std::string& text = table.next(index);
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

bool IsNumber(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && text.find_first_of("0123456789") == 0;
}

std::string Literal(const std::string& text) {
  if (IsNumber(text) || (text.starts_with('-') && IsNumber(std::string_view(text).substr(1)))) return text;
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + "'";
}

// What a partial snapshot means, in the filter language of records.
std::string WhereText(const stored::ChunkedSnapshot& snapshot) {
  const std::string column = "after.\"" + snapshot.where_column() + "\"";
  std::string text;
  if (snapshot.has_where_from()) text = column + " >= " + Literal(snapshot.where_from());
  if (snapshot.has_where_to()) text += (text.empty() ? "" : " and ") + column + " < " + Literal(snapshot.where_to());
  return text;
}

bool IsNamed(const StreamInfo& stream, std::string_view name) {
  return name == stream.name || name == (stream.schema.empty() ? stream.table : stream.schema + "." + stream.table);
}

bool IsUnderWay(SnapshotState state) { return state == SnapshotState::kPending || state == SnapshotState::kRunning; }

// A rebuild has more to it than its rows.
bool Sends(const stored::ChunkedSnapshot& snapshot) {
  return ModeOf(snapshot) != SnapshotMode::kRebuild || PhaseOf(snapshot) == RebuildPhase::kLoad;
}

}  // namespace

Result<stored::ChunkLedger> ReadBackfills(const Store& store, std::string_view sink) {
  HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kMeta, LedgerKey(sink)));
  stored::ChunkLedger ledger;
  if (value && !ledger.ParseFromString(*value))
    return Corrupt("what the snapshots of sink " + std::string(sink) + " have sent cannot be read");
  return ledger;
}

void DeleteBackfills(StoreBatch& batch, std::string_view sink) { batch.Delete(Family::kMeta, LedgerKey(sink)); }

Backfills::Backfills(const Store& store, const Log& log, Events& events, StateReader* state, const TopicFilter& topics,
                     std::string sink, const Clock& clock)
    : store_(store),
      log_(log),
      events_(events),
      state_(state),
      topics_(topics),
      sink_(std::move(sink)),
      clock_(clock),
      rebuilds_(
          log, state, stored_, clock, [this](const std::string& stream) { return LettersOf(stream); },
          [this](const Snapshot& snapshot, std::string summary) { Tell(snapshot, std::move(summary), "service"); }) {}

Backfills::~Backfills() {
  desk_->Close("The sink has ended.");
  for (const auto& [done, answer] : answers_)
    done({SnapshotAnswer::Kind::kUnavailable, "The sink ended before that was stored.", 0});
}

Status Backfills::Open() {
  HG_ASSIGN_OR_RETURN(stored_, ReadBackfills(store_, sink_));
  return Ok();
}

Result<std::uint64_t> Backfills::LettersOf(const std::string& stream) const {
  std::uint64_t count = 0;
  HG_RETURN_IF_ERROR(DeadLetters::Scan(store_, sink_, 0, false, [&](DeadLetter&& letter) {
    count += letter.stream == stream ? 1 : 0;
    return true;
  }));
  return count;
}

// --- what people ask for

void Backfills::TakeCommands() {
  while (auto command = desk_->Take()) {
    SnapshotAnswer answer = std::visit([&](const auto& what) { return Handle(what, command->actor); }, command->what);
    answers_.emplace_back(std::move(command->done), std::move(answer));
  }
}

void Backfills::Answer() {
  rebuilds_.Stored();
  unsaved_.Clear();
  for (const auto& [done, answer] : std::exchange(answers_, {})) done(answer);
}

Result<std::vector<std::string>> Backfills::StreamsOf(const SnapshotRequest& request) const {
  const auto registry = log_.registry();
  std::vector<std::string> found;
  std::vector<bool> known(request.tables.size(), false);
  for (const auto& stream : registry->streams) {
    if (stream == nullptr || !topics_.Matches(stream->name)) continue;
    bool named = request.tables.empty();
    for (std::size_t i = 0; i < request.tables.size(); ++i) {
      if (!IsNamed(*stream, request.tables[i])) continue;
      named = known[i] = true;
    }
    if (!named) continue;
    if (Status has = state_->HasState(*stream); !has.ok()) {
      if (request.tables.empty() && has.error().kind == ErrorKind::kRejected) continue;
      return std::move(has).error();
    }
    const TableSchema* schema = registry->Schema(stream->number, registry->LatestVersion(stream->number));
    if (schema == nullptr) return Rejected("Nothing is known of " + stream->name + " yet. Try again once it has rows.");
    if (request.where) {
      const auto is_it = [&](const Column& column) { return column.name == request.where->column; };
      if (std::ranges::none_of(schema->columns, is_it) || request.where->column.find('"') != std::string::npos)
        return Rejected(stream->name + " has no column " + request.where->column + " that rows could be chosen by.");
    }
    found.push_back(stream->name);
  }
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (!known[i])
      return Rejected("The sink reads no stream " + request.tables[i] +
                      ". GET /api/v1/streams names the readers of each.");
  }
  if (found.empty()) return Rejected("The sink reads no stream that has a state.");
  return found;
}

SnapshotAnswer Backfills::Handle(const SnapshotRequest& request, const std::string& actor) {
  using Kind = SnapshotAnswer::Kind;
  for (const auto& snapshot : stored_.snapshots()) {
    if (request.key.empty() || snapshot.key() != request.key) continue;
    const bool same = snapshot.fingerprint() == request.fingerprint;
    return {same ? Kind::kRepeated : Kind::kKeyReused, "", snapshot.run()};
  }
  if (state_ == nullptr) return {Kind::kInvalid, "There is no state that could be sent.", 0};
  const bool rebuild = request.mode == SnapshotMode::kRebuild;
  if (rebuild) {
    if (auto refusal = rebuilds_.Refusal()) return *std::move(refusal);
  }
  const auto streams = StreamsOf(request);
  if (!streams.ok()) {
    const bool later = streams.error().kind == ErrorKind::kTransient;
    return {later ? Kind::kUnavailable : Kind::kInvalid, streams.error().what, 0};
  }
  for (const std::string& stream : *streams) {
    if (ledger_.FindUnfinished(stream) != nullptr)
      return {Kind::kConflict, "Stream " + stream + " is being sent by a snapshot that has not ended.", 0};
  }
  Snapshot& snapshot = ledger_.Begin(request.mode, *streams, clock_.NowUs());
  snapshot.set_note(request.note);
  snapshot.set_key(request.key);
  snapshot.set_fingerprint(request.fingerprint);
  if (request.where) {
    snapshot.set_where_column(request.where->column);
    if (request.where->from) snapshot.set_where_from(*request.where->from);
    if (request.where->to) snapshot.set_where_to(*request.where->to);
  }
  if (rebuild) rebuilds_.Begin(snapshot);
  changed_ = true;
  Tell(snapshot, "of " + std::to_string(streams->size()) + " streams asked for", actor);
  return {Kind::kDone, "", snapshot.run()};
}

SnapshotAnswer Backfills::Handle(const SnapshotChange& change, const std::string& actor) {
  if (const Snapshot* snapshot = ledger_.Find(change.run)) {
    if (auto refusal = Rebuilds::Refusal(*snapshot, change.state)) return *std::move(refusal);
  }
  SnapshotAnswer answer = ChangeState(ledger_, change, clock_.NowUs());
  if (answer.kind != SnapshotAnswer::Kind::kDone) return answer;
  changed_ = true;
  Drop(change.run, change.state == SnapshotState::kCancelled);
  Snapshot& changed = *ledger_.Find(change.run);
  if (change.state == SnapshotState::kCancelled && PhaseOf(changed) != RebuildPhase::kNone)
    rebuilds_.Cancelled(changed);
  Tell(changed, std::string(Name(change.state)), actor);
  return answer;
}

SnapshotAnswer Backfills::Handle(const TablesToAdd&, const std::string&) {
  return {SnapshotAnswer::Kind::kInvalid, "A sink has no tables of its own: name streams in its topics.", 0};
}

void Backfills::Tell(const Snapshot& snapshot, std::string summary, const std::string& actor) {
  ServiceEvent& event = told_.emplace_back();
  event.kind = "snapshot";
  event.connector = sink_;
  event.actor = actor;
  event.summary = "snapshot " + std::to_string(snapshot.run()) + ": " + std::move(summary);
  event.details["run"] = std::to_string(snapshot.run());
  for (const Table& table : snapshot.tables()) {
    std::string& list = event.details["streams"];
    list += (list.empty() ? "" : ", ") + table.table();
  }
}

// What was read for it and has not gone out stays here; it is read again if the run goes on. The rest of a piece that
// went out in part goes as well, unless the run has ended.
void Backfills::Drop(std::uint64_t run, bool ended) {
  if (reading_.run == run) reading_ = {};
  while (!pieces_.empty() && pieces_.back().run == run && (ended || pieces_.back().looked_at == 0)) pieces_.pop_back();
}

// --- reading

std::pair<Backfills::Snapshot*, Backfills::Table*> Backfills::Current() {
  for (Snapshot* snapshot : ledger_.Unfinished()) {
    if (!IsUnderWay(StateOf(*snapshot)) || !Sends(*snapshot)) continue;
    for (Table& table : *snapshot->mutable_tables()) {
      if (!HasEnded(StateOf(table))) return {snapshot, &table};
    }
  }
  return {nullptr, nullptr};
}

bool Backfills::active() { return state_ != nullptr && Current().first != nullptr; }

bool Backfills::HasRoom() {
  const auto [snapshot, table] = Current();
  const bool same = reading_.run == snapshot->run() && reading_.stream == table->table();
  if (!same) return pieces_.empty();
  return !reading_.last && pieces_.size() < kPiecesMax;
}

std::optional<Clock::Steady::time_point> Backfills::look_at() {
  const auto step_at = rebuilds_.step_at();
  if (!active() || !HasRoom()) return step_at;
  return std::min(look_at_, step_at.value_or(look_at_));
}

void Backfills::Begin(Snapshot& snapshot, Table& table) {
  reading_ = {snapshot.run(), table.table(), {}, NumberIn(table, 2), false};
  if (table.next_size() > 0) reading_.place = {table.next(0), NumberIn(table, 1)};
  where_.reset();
  if (ModeOf(snapshot) == SnapshotMode::kPartial) {
    if (auto filter = Filter::Parse(WhereText(snapshot)); filter.ok()) where_ = std::move(*filter);
  }
  if (StateOf(snapshot) == SnapshotState::kPending) {
    ledger_.SetState(snapshot, SnapshotState::kRunning, clock_.NowUs());
    if (snapshot.started_us() == 0) snapshot.set_started_us(clock_.NowUs());
  }
  table.set_state(static_cast<std::uint32_t>(SnapshotState::kRunning));
  changed_ = true;
}

Status Backfills::Look(Seq handed) {
  if (!answers_.empty()) return Ok();  // no row goes out of what a crash may still forget
  const std::uint64_t reading = reading_.run;
  HG_ASSIGN_OR_RETURN(const bool stepped, rebuilds_.Step(handed));
  changed_ = changed_ || stepped;
  if (const Snapshot* snapshot = stepped ? ledger_.Find(reading) : nullptr; snapshot != nullptr && !Sends(*snapshot))
    Drop(reading, true);
  while (active() && HasRoom() && clock_.Now() >= look_at_) {
    const auto [snapshot, table] = Current();
    if (reading_.run != snapshot->run() || reading_.stream != table->table()) Begin(*snapshot, *table);
    const auto registry = log_.registry();
    const StreamInfo* stream = registry->FindStream(table->table());
    if (stream == nullptr) {
      End(*snapshot, *table, SnapshotState::kFailed, "the stream is gone");
      continue;
    }
    auto rows = state_->Read(*stream, reading_.place, handed);
    if (!rows.ok() && rows.error().kind != ErrorKind::kTransient) {
      diag::Error("backfill", "the state of a stream cannot be read",
                  {{"connector", sink_}, {"stream", stream->name}, {"error", rows.error().what}});
      End(*snapshot, *table, SnapshotState::kFailed, rows.error().what);
      continue;
    }
    if (!rows.ok() || !*rows) {
      const std::string why = rows.ok() ? state_->trouble() : rows.error().what;
      if (table->error() != why) {
        table->set_error(why);
        changed_ = true;
      }
      look_at_ = clock_.Now() + kStateAgain;
      return Ok();
    }
    table->clear_error();
    HG_FAILPOINT("backfill.read");
    Add(*std::move(*rows));
  }
  return Ok();
}

void Backfills::Add(StateRows rows) {
  if (rows.anew) reading_.rows = 0;
  if (std::exchange(last_at_, rows.at) != rows.at) next_ordinal_ = kStateOrdinal;
  Piece& piece = pieces_.emplace_back();
  piece.run = reading_.run;
  piece.stream = reading_.stream;
  piece.before = reading_.rows;
  piece.first_ordinal = next_ordinal_;
  piece.rows = std::move(rows);
  next_ordinal_ += static_cast<std::uint32_t>(piece.rows.times.size());
  reading_.rows += piece.rows.times.size();
  reading_.place = piece.rows.place;
  reading_.last = piece.rows.last;
}

// --- handing over

bool Backfills::Holds(Seq next, std::uint64_t number) {
  const bool holds = rebuilds_.HoldsBefore(next);
  if (holds) rebuilds_.Hold(number);
  return holds;
}

bool Backfills::HasRowsBefore(Seq next) const {
  if (rebuilds_.HoldsBefore(next)) return true;
  const auto piece = std::ranges::find_if(pieces_, [](const Piece& p) { return p.looked_at < p.rows.times.size(); });
  return piece != pieces_.end() && piece->rows.at < next;
}

void Backfills::NextChange(Piece& piece) {
  if (piece.looked_at == 0) {
    block_ = 0;
    changes_.reset();
  }
  const auto& blocks = piece.rows.rows.blocks();
  while (true) {
    if (!changes_) changes_.emplace(blocks[block_].bytes, blocks[block_].first_ordinal);
    if (changes_->Next(change_)) return;
    CHECK(!changes_->failed());  // made by the reader of the state
    changes_.reset();
    ++block_;
  }
}

Result<bool> Backfills::Next(Event& event, std::uint64_t number) {
  Piece& piece = *std::ranges::find_if(pieces_, [](const Piece& p) { return p.looked_at < p.rows.times.size(); });
  NextChange(piece);
  const std::size_t row = piece.looked_at++;
  registry_ = log_.registry();
  info_ = piece.rows.rows.info;
  info_.position = {PositionKind::kState, piece.run, change_.stream, piece.rows.at, {}};
  info_.commit_us = piece.rows.times[row].commit_us;
  info_.stored_us = piece.rows.times[row].stored_us;
  change_.ordinal = static_cast<std::uint32_t>(piece.before + row + 1);
  event = {};
  event.at = {piece.rows.at, piece.first_ordinal + static_cast<std::uint32_t>(row)};
  event.number = number;
  event.tx = &info_;
  event.change = &change_;
  event.source = registry_->Source(info_.source);
  event.stream = registry_->Stream(change_.stream);
  event.schema = registry_->Schema(change_.stream, change_.schema);
  bool meant = true;
  if (where_) HG_RETURN_IF_ERROR(IsMeant(event, meant));
  if (meant) ++piece.sent;
  return meant;
}

void Backfills::Took() {
  for (Piece& piece : pieces_) piece.taken = piece.looked_at;
}

Status Backfills::IsMeant(const Event& event, bool& meant) {
  record_.clear();
  HG_RETURN_IF_ERROR(native_.Append(record_, ContextOf(*registry_, event.at.seq, info_, change_)));
  meant = where_->Matches(record_);
  return Ok();
}

void Backfills::Done(At at) {
  for (Piece& piece : pieces_) {
    const bool holds = piece.rows.at == at.seq && at.ordinal >= piece.first_ordinal &&
                       at.ordinal - piece.first_ordinal < piece.rows.times.size();
    if (holds) return void(++piece.done);
  }  // else of one that was cancelled
}

// --- how far it is

void Backfills::End(Snapshot& snapshot, Table& table, SnapshotState state, const std::string& error) {
  table.set_state(static_cast<std::uint32_t>(state));
  table.set_error(error);
  reading_ = {};
  changed_ = true;
  if (ModeOf(snapshot) == SnapshotMode::kRebuild) {
    const auto whole = [](const Table& one) { return StateOf(one) == SnapshotState::kCompleted; };
    const auto ended = [](const Table& one) { return HasEnded(StateOf(one)); };
    if (std::ranges::all_of(snapshot.tables(), ended))
      rebuilds_.Loaded(snapshot, std::ranges::all_of(snapshot.tables(), whole));
    return;
  }
  if (!ledger_.EndIfDone(snapshot, clock_.NowUs())) return;
  std::uint64_t rows = 0;
  for (const Table& one : snapshot.tables()) rows += one.rows();
  Tell(snapshot, std::string(Name(StateOf(snapshot))) + ", " + std::to_string(rows) + " rows", "service");
}

bool Backfills::Save(StoreBatch& batch) {
  for (; !pieces_.empty() && pieces_.front().whole(); pieces_.pop_front()) Settle(pieces_.front());
  if (!changed_) return false;
  changed_ = false;
  batch.Put(Family::kMeta, LedgerKey(sink_), stored_.SerializeAsString());
  for (ServiceEvent& event : std::exchange(told_, {})) events_.Add(batch, std::move(event));
  HG_FAILPOINT("backfill.save");
  return true;
}

}  // namespace headgate
