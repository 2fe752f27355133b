#include "core/pipeline/chunk_snapshots.h"

#include <algorithm>
#include <limits>

#include "core/base/diag.h"
#include "core/base/failpoint.h"

namespace headgate {
namespace {

constexpr std::size_t kWaitingMax = 16;  // chunks that wait for the end of a transaction; then their workers wait
constexpr std::size_t kWaitingBytes = 16U << 20;
constexpr std::size_t kChunkBytes = 4U << 20;
constexpr std::size_t kBatchBytes = 4U << 20;  // in one write
constexpr std::size_t kFirstRows = 1'000;
constexpr std::size_t kRowsMin = 100;
constexpr std::size_t kRowsMax = 100'000;
constexpr std::chrono::milliseconds kLookAgain{2};
constexpr std::chrono::milliseconds kPlanAgain{100};

}  // namespace

ChunkSnapshots::Work::Work(std::vector<Job> all, std::size_t workers)
    : jobs(std::move(all)), items(workers * 2 + 2, kWaitingBytes) {}

// One thread with its sessions.
class ChunkSnapshots::Worker {
 public:
  Worker(Work& work, std::unique_ptr<ChunkReader> reader, std::stop_token stop)
      : work_(work), reader_(std::move(reader)), stop_(std::move(stop)) {}

  void Run() {
    Status status = reader_->Open();
    std::size_t job = 0;
    while (status.ok()) {
      job = work_.next_job++;
      if (job >= work_.jobs.size()) return;
      status = work_.jobs[job].table.key.empty() ? ReadWhole(job) : ReadByKey(job);
    }
    if (status.error().kind == ErrorKind::kStopped) return;
    Item item;
    item.kind = Item::Kind::kFailed;
    item.job = std::min(job, work_.jobs.size() - 1);
    item.error = std::move(status).error();
    work_.items.Push(std::move(item), stop_);
  }

 private:
  bool Push(std::size_t job, Item::Kind kind, Chunk chunk = {}, ChangeWatch::Moment asked = 0) {
    Item item;
    item.kind = kind;
    item.job = job;
    item.chunk = std::move(chunk);
    item.asked = asked;
    const std::size_t bytes = item.chunk.rows.bytes();
    return work_.items.Push(std::move(item), stop_, bytes);
  }

  Status ReadByKey(std::size_t index) {
    const Job& job = work_.jobs[index];
    ChunkReader::Range range = job.range;
    if (!Push(index, Item::Kind::kBegun)) return Stopped();
    range.rows_max = kFirstRows;
    for (bool last = false; !last;) {
      const auto view = work_.view.Get();
      Chunk chunk;
      HG_RETURN_IF_ERROR(reader_->ReadChunk(job.table, range, *view, chunk));
      if (stop_.stop_requested()) return Stopped();
      if (chunk.changed) return Push(index, Item::Kind::kChanged) ? Ok() : Status(Stopped());
      HG_FAILPOINT("snapshot.chunk_read");
      last = chunk.last;
      if (!last) range.next = chunk.next;
      const std::size_t count = chunk.rows.changes();
      if (count > 0) range.rows_max = std::clamp(kChunkBytes / (chunk.rows.bytes() / count + 1), kRowsMin, kRowsMax);
      if (!Push(index, Item::Kind::kRows, std::move(chunk), view->moment)) return Stopped();
    }
    return Ok();
  }

  // Nothing can tell which of its rows the stream changed meanwhile, so the stream stands still at the very place that
  // the rows are read at.
  Status ReadWhole(std::size_t index) {
    if (!Push(index, Item::Kind::kBegun)) return Stopped();
    ++work_.holds;  // until the ingest thread has its last row
    auto view = work_.view.Get();
    for (Signal never; !view->held; view = work_.view.Get()) {
      never.WaitUntil(std::chrono::steady_clock::now() + kLookAgain, stop_);
      if (stop_.stop_requested()) return Stopped();
    }
    return reader_->ReadWhole(
        work_.jobs[index].table, *view,
        [&](std::any position) {
          Chunk place;
          place.seen = std::move(position);
          return Push(index, Item::Kind::kHold, std::move(place));
        },
        [&](Chunk chunk) {
          if (chunk.changed) return Push(index, Item::Kind::kChanged);
          return Push(index, Item::Kind::kRows, std::move(chunk), std::numeric_limits<ChangeWatch::Moment>::max());
        });
  }

  Work& work_;
  const std::unique_ptr<ChunkReader> reader_;
  const std::stop_token stop_;
};

ChunkSnapshots::~ChunkSnapshots() {
  Stop();
  for (const auto& [done, answer] : answers_)
    done({SnapshotAnswer::Kind::kUnavailable, "The connector ended before it was stored; look at the snapshots.", 0});
}

// --- planning

Status ChunkSnapshots::Plan(SnapshotMode mode, const std::vector<std::string>& tables) {
  Stop();
  plan_at_.reset();
  if (!tables.empty()) {
    ledger_.Begin(mode, tables, clock_.NowUs());
    changed_ = true;
  }
  std::vector<Job> jobs;
  const auto before = std::exchange(muted_, {});
  HG_RETURN_IF_ERROR(PlanJobs(jobs));
  for (const ChunkTable& table : before) {
    const bool still = std::ranges::find(muted_, table.stream, &ChunkTable::stream) != muted_.end();
    if (!still) host_.SetMuted(table, false);
  }
  tables_left_ = jobs.size();
  loads_left_ = static_cast<std::size_t>(std::ranges::count_if(jobs, &Job::load));
  watched_from_ = watch_.now();
  for (const Job& job : jobs) {
    if (!job.table.key.empty()) watch_.Watch(job.table.stream, job.table.key);
  }
  if (!jobs.empty()) work_ = std::make_unique<Work>(std::move(jobs), settings_.workers);
  if (started_) Start();
  return Ok();
}

// Planning may add snapshots, behind those that are there.
Status ChunkSnapshots::PlanJobs(std::vector<Job>& jobs) {
  std::uint64_t done = 0;
  const auto behind = [&](const ChunkLedger::Snapshot* snapshot) { return snapshot->run() > done; };
  while (true) {
    const auto unfinished = ledger_.Unfinished();
    const auto next = std::ranges::find_if(unfinished, behind);
    if (next == unfinished.end()) return Ok();
    ChunkLedger::Snapshot& snapshot = **next;
    done = snapshot.run();
    for (ChunkLedger::Table& entry : *snapshot.mutable_tables()) {
      if (!HasEnded(StateOf(entry))) HG_RETURN_IF_ERROR(PlanJob(snapshot, entry, jobs));
    }
    if (HasEnded(StateOf(snapshot)) || !ledger_.EndIfDone(snapshot, clock_.NowUs())) continue;
    TellEnd(snapshot);
    changed_ = true;
  }
}

std::string ChunkSnapshots::Problem(const ChunkTable& table, const std::optional<SnapshotWhere>& where) const {
  if (where && table.key.empty())
    return "Table " + table.name + " has no key, so a part of its rows cannot be told from the others.";
  return host_.Problem(table, where);
}

Status ChunkSnapshots::PlanJob(ChunkLedger::Snapshot& snapshot, ChunkLedger::Table& entry, std::vector<Job>& jobs) {
  HG_ASSIGN_OR_RETURN(auto table, host_.PlanTable(entry.table()));
  Job job;
  job.run = snapshot.run();
  if (snapshot.has_where_from() || snapshot.has_where_to()) {
    SnapshotWhere& where = job.range.where.emplace();
    where.column = snapshot.where_column();
    if (snapshot.has_where_from()) where.from = snapshot.where_from();
    if (snapshot.has_where_to()) where.to = snapshot.where_to();
  }
  std::string problem;
  if (!table) {
    problem = "the server has no such table, or does not let us see it";
  } else {
    problem = Problem(*table, job.range.where);
  }
  if (!problem.empty()) {
    changed_ = true;
    entry.set_error(problem);
    entry.set_state(static_cast<std::uint32_t>(SnapshotState::kFailed));
    return Ok();
  }
  const bool keyless = table->key.empty();
  job.load = IsLoad(snapshot) || keyless;
  // Its changes are in what will be read; until then consumers have none of its rows, or only some of them.
  if (keyless && (IsLoad(snapshot) || entry.begun())) {
    host_.SetMuted(*table, true);
    muted_.push_back(*table);
  }
  if (StateOf(snapshot) == SnapshotState::kPaused) return Ok();
  // Rows of a table without a key can't be told from each other: they are read again, from the start. Nor can a place
  // be found in a key of other columns.
  const bool cannot_go_on =
      keyless ? entry.begun() : !entry.next().empty() && entry.next_size() != std::ssize(table->key);
  if (cannot_go_on) {
    changed_ = true;
    ledger_.Restart(snapshot, entry, clock_.NowUs());
    return Ok();
  }
  if (keyless && ModeOf(snapshot) != SnapshotMode::kInitial) entry.set_stale_rows(true);
  entry.set_stream(table->stream);
  entry.set_rows_estimate(table->rows_estimate);
  for (const std::string& text : entry.next()) job.range.next.push_back(text);
  job.table = std::move(*table);
  jobs.push_back(std::move(job));
  return Ok();
}

void ChunkSnapshots::Start() {
  started_ = true;
  if (work_ == nullptr) return;
  PublishStream();
  for (std::size_t i = 0; i < std::min(settings_.workers, work_->jobs.size()); ++i) {
    work_->threads.emplace_back(
        [this, work = work_.get()](std::stop_token stop) { Worker(*work, host_.NewReader(stop), stop).Run(); });
  }
}

void ChunkSnapshots::Stop() {
  if (work_ != nullptr) {
    for (std::jthread& thread : work_->threads) thread.request_stop();
    work_->items.Close();
    work_->threads.clear();  // joins
  }
  work_.reset();
  waiting_.clear();
  hold_at_.reset();
  watch_.Clear();
  tables_left_ = loads_left_ = 0;
}

// --- reading

bool ChunkSnapshots::holds_stream() const {
  if (work_ == nullptr || work_->holds == 0 || host_.InTransaction()) return false;
  return !hold_at_ || host_.Covers(*hold_at_);
}

void ChunkSnapshots::PublishStream() {
  if (work_ == nullptr) return;
  StreamView view;
  view.position = host_.StreamPosition();
  view.moment = watch_.now();
  view.held = work_->holds > 0 && !host_.InTransaction() && !hold_at_;
  work_->view.Set(std::move(view));
}

Status ChunkSnapshots::Read(SourceBatch& batch, std::chrono::steady_clock::time_point deadline,
                            const std::stop_token& stop) {
  if (plan_at_ && clock_.Now() >= *plan_at_) HG_RETURN_IF_ERROR(Plan(SnapshotMode::kFull, {}));
  if (tables_left_ == 0 || watch_.overrun()) return Ok();
  PublishStream();
  std::size_t bytes = 0;
  while (bytes < kBatchBytes && tables_left_ > 0) {
    if (host_.InTransaction() && waiting_.size() >= kWaitingMax) break;
    auto item = work_->items.Pop(stop, holds_stream() ? clock_.Now() + kLookAgain : deadline);
    if (!item) break;
    bytes += item->chunk.rows.bytes();
    HG_RETURN_IF_ERROR(TakeItem(std::move(*item), batch));
  }
  HG_RETURN_IF_ERROR(EmitReady(batch));
  if (tables_left_ == 0) Stop();
  return Ok();
}

Status ChunkSnapshots::TakeItem(Item item, SourceBatch& batch) {
  const Job& job = work_->jobs[item.job];
  ChunkLedger::Table& entry = EntryOf(job);
  switch (item.kind) {
    case Item::Kind::kFailed:
      // What was asked for beside a stream that goes on fails alone.
      if (job.load || item.error->kind == ErrorKind::kTransient) return std::move(*item.error);
      EndTable(job, entry, SnapshotState::kFailed, std::move(item.error->what));
      return Plan(SnapshotMode::kFull, {});
    case Item::Kind::kChanged:
      return Plan(SnapshotMode::kFull, {});
    case Item::Kind::kHold:
      hold_at_ = std::move(item.chunk.seen);
      return Ok();
    case Item::Kind::kBegun:
      BeginSnapshot(*ledger_.Find(job.run));
      if (StateOf(entry) == SnapshotState::kRunning) return Ok();
      entry.set_state(static_cast<std::uint32_t>(SnapshotState::kRunning));
      changed_ = true;
      // What a table without a key was is void only at the place where the stream stands still.
      if (!job.table.key.empty()) EmitBegin(job, entry, batch);
      return Ok();
    case Item::Kind::kRows:
      waiting_.push_back(std::move(item));
      return Ok();
  }
  return Ok();
}

// In their order; one table's chunks never overtake each other.
Status ChunkSnapshots::EmitReady(SourceBatch& batch) {
  if (host_.InTransaction() || work_ == nullptr) return Ok();
  std::vector<Item> still;
  bool fits = true;
  for (Item& item : waiting_) {
    const bool behind = std::ranges::any_of(still, [&](const auto& other) { return other.job == item.job; });
    if (!fits || behind || !host_.Covers(item.chunk.seen)) {
      still.push_back(std::move(item));
    } else {
      fits = Emit(std::move(item), batch);
    }
  }
  waiting_ = std::move(still);
  if (fits) return Ok();
  Stop();
  plan_at_ = clock_.Now() + kPlanAgain;
  return Ok();
}

bool ChunkSnapshots::Emit(Item item, SourceBatch& batch) {
  HG_FAILPOINT("snapshot.chunk_settled");
  const Job& job = work_->jobs[item.job];
  // The stream brought rows of another form since: its columns would be missing in ours.
  if (host_.SchemaOf(job.table.stream) != job.table.schema) return false;
  // It lacks what was brought before anybody watched.
  const ChangeWatch::Moment shown = host_.Shown(item.chunk, item.asked);
  if (shown < watched_from_) return false;
  ChunkLedger::Table& entry = EntryOf(job);
  const StreamNo stream = job.table.stream;
  Chunk& chunk = item.chunk;
  EmitBegin(job, entry, batch);
  const bool sound = watch_.Settle(chunk.rows, stream, shown);
  if (!job.table.key.empty()) watch_.ForgetBefore(stream, shown);
  Transaction& tx = chunk.rows;
  if (sound && !tx.empty()) {
    entry.set_chunks(entry.chunks() + 1);
    entry.set_rows(entry.rows() + tx.changes());
    tx.info.position = {PositionKind::kChunk, job.run, stream, entry.chunks(), {}};
    tx.info.commit_us = clock_.NowUs();
    tx.info.total = tx.changes();
    const stored::ChunkedSnapshot& snapshot = *ledger_.Find(job.run);
    std::uint64_t before = 0;
    std::size_t open = 0;
    for (const ChunkLedger::Table& table : snapshot.tables()) {
      before += table.chunks();
      open += HasEnded(StateOf(table)) ? 0 : 1;
    }
    tx.info.flags = static_cast<std::uint8_t>((entry.chunks() == 1 ? kFirstOfStream : 0) |
                                              (chunk.last ? kLastOfStream : 0) | (before == 1 ? kFirstOfSnapshot : 0) |
                                              (chunk.last && open == 1 ? kLastOfSnapshot : 0));
    host_.Stamp(tx.info);
    batch.transactions.push_back(std::move(tx));
  }
  if (!chunk.next.empty() && !job.table.key_is_hidden) {
    entry.clear_next();
    for (const std::string& text : chunk.next) entry.add_next(text);
  }
  if (!chunk.low.empty()) entry.set_low(chunk.low);
  if (!chunk.high.empty()) entry.set_high(chunk.high);
  changed_ = true;
  if (!chunk.last) return true;
  if (job.load) EmitMark(job, entry, true, batch);
  EndTable(job, entry, SnapshotState::kCompleted, "");
  return true;
}

void ChunkSnapshots::EmitBegin(const Job& job, ChunkLedger::Table& entry, SourceBatch& batch) {
  if (entry.begun()) return;
  if (job.load) EmitMark(job, entry, false, batch);
  entry.set_begun(true);
  changed_ = true;
}

void ChunkSnapshots::EmitMark(const Job& job, ChunkLedger::Table& entry, bool completed, SourceBatch& batch) {
  const StreamNo stream = job.table.stream;
  Transaction& tx = batch.transactions.emplace_back();
  tx.info.position = {PositionKind::kChunk, job.run, stream, completed ? entry.chunks() + 1 : 0, {}};
  tx.info.commit_us = clock_.NowUs();
  host_.Stamp(tx.info);
  tx.first_ordinal = 0;
  tx.StartChange(Op::kSnapshot, stream, job.table.schema, tx.info.consistent_at);
  tx.EndChange(Encode(SnapshotExtra{completed, entry.rows()}));
  if (!completed && !job.table.statement.empty()) {
    tx.StartChange(Op::kSchema, stream, job.table.schema, tx.info.consistent_at);
    tx.EndChange(job.table.statement);
  }
  if (!completed && entry.stale_rows()) {
    tx.StartChange(Op::kTruncate, stream, job.table.schema, tx.info.consistent_at);
    tx.EndChange(Encode(TruncateExtra{}));
  }
}

void ChunkSnapshots::EndTable(const Job& job, ChunkLedger::Table& entry, SnapshotState state, std::string error) {
  entry.set_state(static_cast<std::uint32_t>(state));
  entry.set_error(std::move(error));
  entry.clear_next();
  if (state == SnapshotState::kCompleted && job.load) ledger_.SetRead(entry.table());
  watch_.Forget(job.table.stream);
  if (job.table.key.empty()) {
    hold_at_.reset();
    --work_->holds;
    host_.SetMuted(job.table, false);
    std::erase_if(muted_, [&](const ChunkTable& table) { return table.stream == job.table.stream; });
  }
  --tables_left_;
  if (job.load) --loads_left_;
  changed_ = true;
  ChunkLedger::Snapshot& snapshot = *ledger_.Find(job.run);
  if (ledger_.EndIfDone(snapshot, clock_.NowUs())) TellEnd(snapshot);
}

ChunkLedger::Table& ChunkSnapshots::EntryOf(const Job& job) {
  auto& tables = *ledger_.Find(job.run)->mutable_tables();
  return *std::ranges::find_if(tables, [&](const auto& entry) { return entry.table() == job.table.name; });
}

// --- telling

void ChunkSnapshots::BeginSnapshot(ChunkLedger::Snapshot& snapshot) {
  if (StateOf(snapshot) == SnapshotState::kRunning) return;
  const bool first = snapshot.started_us() == 0;
  if (first) snapshot.set_started_us(clock_.NowUs());
  ledger_.SetState(snapshot, SnapshotState::kRunning, clock_.NowUs());
  changed_ = true;
  if (first) Tell("of " + std::to_string(snapshot.tables_size()) + " tables begun", snapshot);
}

void ChunkSnapshots::TellEnd(const ChunkLedger::Snapshot& snapshot) {
  Tell("of " + std::to_string(snapshot.tables_size()) + " tables " + std::string(Name(StateOf(snapshot))), snapshot);
}

void ChunkSnapshots::Tell(std::string summary, const ChunkLedger::Snapshot& snapshot, const std::string& actor) {
  std::uint64_t rows = 0;
  std::string names;
  for (const ChunkLedger::Table& table : snapshot.tables()) {
    rows += table.rows();
    names += (names.empty() ? "" : ", ") + table.table();
  }
  diag::Info(settings_.component, "snapshot " + summary,
             {{"connector", settings_.connector}, {"run", snapshot.run()}, {"rows", rows}});
  ServiceEvent event;
  event.kind = "snapshot";
  event.actor = actor;
  event.summary = "snapshot " + summary;
  event.details["run"] = std::to_string(snapshot.run());
  event.details["mode"] = Name(ModeOf(snapshot));
  event.details["tables"] = std::move(names);
  event.details["rows"] = std::to_string(rows);
  events_.push_back(std::move(event));
}

void ChunkSnapshots::Report(SourceTelemetry& telemetry) const {
  std::uint64_t rows = 0;
  std::uint64_t done = 0;
  std::uint64_t all = 0;
  // Of those that have not ended, else of the last one.
  const auto& snapshots = ledger_.stored().snapshots();
  for (int i = 0; i < snapshots.size(); ++i) {
    if (HasEnded(StateOf(snapshots[i])) && (all > 0 || i + 1 < snapshots.size())) continue;
    for (const ChunkLedger::Table& table : snapshots[i].tables()) {
      rows += table.rows();
      done += HasEnded(StateOf(table)) ? 1 : 0;
      ++all;
    }
  }
  telemetry.snapshot_rows = rows;
  telemetry.snapshot_tables_done = done;
  telemetry.snapshot_tables = all;
}

}  // namespace headgate
