#include "core/pipeline/deliver.h"

#include <algorithm>

#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/pipeline/event_context.h"

namespace headgate {
namespace {

// How long a moved cursor may stay unwritten. A crash sends at most that much again, with the same ids.
constexpr auto kPersistEvery = std::chrono::milliseconds(50);
constexpr auto kIdle = std::chrono::milliseconds(1000);
// A sink that took nothing for so long stands still.
constexpr auto kStanding = std::chrono::milliseconds(1000);
constexpr std::size_t kDoneKept = 4096;
// Blocks that a sink does not want and reads over in one go: a stop, commands and the sink itself wait meanwhile.
constexpr std::size_t kBlocksSkimmed = 10'000;
// Changes that its filter leaves out, likewise.
constexpr std::size_t kLeftOutMax = 50'000;

}  // namespace

Deliver::Deliver(headgate::Store& store, Log& log, Events& events, Sink& sink, std::string name, TopicFilter topics,
                 const Clock& clock, StateReader* state)
    : store_(store),
      log_(log),
      events_(events),
      sink_(sink),
      name_(std::move(name)),
      topics_(std::move(topics)),
      clock_(clock),
      selection_(topics_),
      backfills_(store, log, events, state, topics_, name_, clock) {}

Status Deliver::Run(std::stop_token stop) {
  HG_RETURN_IF_ERROR(Start());
  const auto subscription = log_.Subscribe([this] { sink_.Wake(); });
  const std::stop_callback on_stop(stop, [this] { sink_.Wake(); });
  HG_RETURN_IF_ERROR(sink_.Open(*this));
  backfills_.SetRebuilder(sink_.rebuilder());
  target_ = sink_.cursor();
  if (target_) {
    HG_RETURN_IF_ERROR(StartAtTarget());
    HG_RETURN_IF_ERROR(backfills_.TakeAhead(sink_.states()));
  }
  opened_ = true;
  Status status = Loop(stop);
  sink_.Close();
  if (Status saved = Persist(true); !saved.ok() && status.error().kind == ErrorKind::kStopped) return saved;
  return status;
}

Status Deliver::Start() {
  HG_ASSIGN_OR_RETURN(letters_, DeadLetters::Open(store_, name_));
  HG_RETURN_IF_ERROR(backfills_.Open());
  HG_ASSIGN_OR_RETURN(const auto cursor, ReadCursor(store_, name_));
  HG_ASSIGN_OR_RETURN(auto replays, ReadReplays(store_, name_));
  if (!replays.empty()) replays_ = std::make_unique<ReplayFilter>(std::move(replays));
  persisted_ = cursor.value_or(At{});
  registry_ = log_.registry();
  HG_ASSIGN_OR_RETURN(const bool given, IsCursorGiven(store_, name_));
  stand_ = {cursor.value_or(At{log_.first_seq(), 0}), cursor.has_value(), given};
  return StartAt(stand_.at);
}

// What a person asked for is at the target now. A crash before this is written does it again, before anything is
// delivered.
Status Deliver::StartAtTarget() {
  StoreBatch batch;
  PutCursor(batch, name_, *target_);
  HG_RETURN_IF_ERROR(store_.Write(batch, stand_.given));
  persisted_ = *target_;
  return StartAt(*target_);
}

Status Deliver::StartAt(At at) {
  read_to_ = at;
  FindPassed();
  MoveCursor();
  HG_RETURN_IF_ERROR(FindStoredAhead());
  reader_ = log_.NewReader();
  reader_->Seek(read_to_.seq);
  return Ok();
}

std::vector<std::string> Deliver::databases() const {
  std::vector<std::string> names;
  const auto registry = log_.registry();
  StreamSelection selection(topics_);  // selection_ lists only what has been read
  for (const auto& source : registry->sources) {
    if (source == nullptr) continue;
    const bool database =
        source->connector == "postgresql" || source->connector == "mysql" || source->connector == "mariadb";
    if (database && selection.Selected(0, source->number, *registry)) names.push_back(source->name);
  }
  return names;
}

// The sums of what is selected in front of read_to_, and of all. That they cannot be read stops no delivery: the lag is
// unknown then.
void Deliver::FindPassed() {
  const auto counts = log_.CountsBefore(read_to_);
  numbered_.reset();
  inside_ = read_to_.ordinal > 0;
  if (counts.ok()) {
    numbered_ = 0;
    for (const auto* sums : {&counts->streams, &counts->loose}) {
      for (const Count& count : *sums) *numbered_ += count.records;
    }
    StreamSelection selection(topics_);  // selection_ lists only what has been read
    read_ = SelectedOf(*counts, *log_.registry(), selection);
  } else {
    diag::Warn("deliver", "how much lies behind the cursor is not known",
               {{"connector", name_}, {"error", counts.error().what}});
  }
  counted_ = counts.ok();
}

// A letter may have been stored while an earlier event still kept the cursor. After a crash its event comes again: the
// letter speaks for it.
Status Deliver::FindStoredAhead() {
  stored_ahead_.clear();
  if (letters_->size() == 0) return Ok();
  return DeadLetters::Scan(store_, name_, 0, false, [this](DeadLetter&& letter) {
    if (letter.at >= read_to_) stored_ahead_.insert(letter.at);
    return true;
  });
}

Status Deliver::Loop(std::stop_token stop) {
  while (!stop.stop_requested()) {
    TakeCommands();
    backfills_.TakeCommands();
    unread_ = false;
    if (!paused_) {
      HG_RETURN_IF_ERROR(FeedLetters());
      HG_RETURN_IF_ERROR(LookForState());
      // Letters that cannot be written stay in memory: no more events that could become some.
      if (!write_failed_ || !letters_dirty_) HG_RETURN_IF_ERROR(Feed());
    }
    HG_RETURN_IF_ERROR(LookAhead());
    const bool letters_waited = letters_dirty_;  // FeedLetters hands out only what is written
    HG_RETURN_IF_ERROR(Persist(false));
    if (!letters_dirty_) backfills_.Answer();
    if (letters_waited && !letters_dirty_ && !paused_) HG_RETURN_IF_ERROR(FeedLetters());
    if (!letters_dirty_ && !paused_) HurryLetters();
    const auto now = clock_.Now();
    ReleaseIfStanding(now);
    auto deadline = now + (unread_ || command_ ? std::chrono::milliseconds(0) : kIdle);
    if (letters_->size() > letters_in_sink_.size()) {
      const std::int64_t until_due = next_letter_scan_us_ - clock_.NowUs();
      if (until_due > 0) deadline = std::min(deadline, now + std::chrono::microseconds(until_due));
    }
    if (const auto look = paused_ ? std::nullopt : backfills_.look_at()) deadline = std::min(deadline, *look);
    const bool dirty = letters_dirty_ || cursor() != persisted_;
    if (dirty) deadline = std::min(deadline, persisted_at_ + kPersistEvery);
    HG_RETURN_IF_ERROR(sink_.Poll(deadline));
    WatchBreaker();
  }
  return Stopped();
}

Event Deliver::EventOf(const Registry& registry, const LogReader::Block& block, const Change& change) {
  Event event;
  event.at = {block.seq, change.ordinal};
  event.tx = block.info;
  event.change = &change;
  event.source = registry.Source(block.info->source);
  event.stream = registry.Stream(change.stream);
  event.schema = registry.Schema(change.stream, change.schema);
  if (event.schema == nullptr) event.database = registry.DatabaseOf(block.info->source);
  return event;
}

Status Deliver::Feed() {
  for (bool first = true; sink_.Room(); first = false) {
    if (StateIsNext()) {
      if (backfills_.Holds(read_to_.seq, numbered_.value_or(0))) break;
      HG_RETURN_IF_ERROR(FeedState());
      continue;
    }
    HG_ASSIGN_OR_RETURN(const bool found, NextChange());
    if (!found && StateIsNext()) continue;
    if (!found) break;
    if (first) fed_at_ = clock_.Now();
    Event event = event_;
    if (numbered_) event.number = *numbered_ + 1 + change_.ordinal - block_.first_ordinal;
    if (!target_ || pending_.empty() || pending_.back().at.seq != event.at.seq || pending_.back().done)
      pending_.push_back({event.at, false, IsMarker(change_.op), read_, block_.info->commit_us});
    if (pending_.size() == 1) oldest_pending_commit_us_.store(pending_.front().commit_us, std::memory_order_release);
    read_ += {1, CountedBytes(change_)};
    ahead_ = {};
    read_to_ = {event.at.seq, event.at.ordinal + 1};
    HG_RETURN_IF_ERROR(sink_.Write(event));
  }
  if (pending_.empty()) MoveCursor();
  return Ok();
}

// The state of streams that somebody asked for: as of an entry that the sink has not been given anything behind.
Status Deliver::LookForState() {
  const bool inside = changes_.has_value() || read_to_.ordinal > 0;
  return backfills_.Look(changes_ ? block_.seq : inside ? read_to_.seq : read_to_.seq - 1);
}

// Between two entries, and what is in hand belongs there.
bool Deliver::StateIsNext() const {
  return !changes_ && read_to_.ordinal == 0 && backfills_.HasRowsBefore(read_to_.seq);
}

Status Deliver::FeedState() {
  Event event;
  HG_ASSIGN_OR_RETURN(bool meant, backfills_.Next(event, numbered_.value_or(0)));
  if (meant && transforms_ != nullptr) {
    const Event stored = event;
    HG_ASSIGN_OR_RETURN(meant, transforms_->Apply(event));
    if (!meant) {
      backfills_.Done(stored.at);  // it was counted as sent
      LeaveOut(stored);
    }
  }
  if (meant) {
    fed_at_ = clock_.Now();
    pending_.push_back({event.at, false, false, read_, clock_.NowUs()});
    HG_RETURN_IF_ERROR(sink_.Write(event));
  }
  backfills_.Took();
  return Ok();
}

// With nothing under way, the next change is looked for even if it may not be handed over: its age is the sink's lag.
Status Deliver::LookAhead() {
  if (unread_ || !pending_.empty() || ahead_.commit_us != 0) return Ok();
  HG_ASSIGN_OR_RETURN(ahead_.in_hand, NextChange());
  if (ahead_.in_hand) ahead_.commit_us = block_.info->commit_us;
  MoveCursor();
  return Ok();
}

Result<bool> Deliver::NextChange() {
  if (ahead_.in_hand) return IsTaken();  // as before: but what event_ points to may be gone
  std::size_t left_out = 0;
  for (std::size_t blocks = 0;;) {
    if (!changes_) {
      if (StateIsNext()) return false;
      unread_ = ++blocks > kBlocksSkimmed;
      if (unread_) return false;
      const Seq expected = read_to_.seq;
      HG_ASSIGN_OR_RETURN(const bool more, reader_->Next(block_));
      if (!more) return false;
      if (block_.seq > expected) {
        Lost lost = *lost_.Get();
        lost.transactions += block_.seq - expected;
        if (lost.first == 0) lost.first = expected;
        lost.last = block_.seq - 1;
        lost_.Set(lost);
        diag::Error("deliver", "retention passed the cursor: records are lost to this sink",
                    {{"connector", name_}, {"from_seq", expected}, {"to_seq", block_.seq}});
        read_to_ = {block_.seq, 0};
        FindPassed();
      }
      // From the place in the entry back to its first change, which is what is read first.
      if (std::exchange(inside_, false) && numbered_) *numbered_ -= read_to_.ordinal - block_.first_ordinal;
      changes_.emplace(block_.Changes());
    }
    while (changes_->Next(change_)) {
      const At at{block_.seq, change_.ordinal};
      if (at < read_to_) continue;
      const bool stored = !stored_ahead_.empty() && stored_ahead_.erase(at) > 0;
      const bool unknown = change_.stream != 0 && registry_->Stream(change_.stream) == nullptr;
      if (unknown || change_.schema > registry_->LatestVersion(change_.stream)) {
        registry_ = log_.registry();
      }
      const bool selected = selection_.Selected(change_.stream, block_.info->source, *registry_);
      if (!selected) continue;
      const bool wanted = replays_ == nullptr || replays_->Wants(block_.seq, *block_.info, change_, *registry_);
      if (wanted && !stored) {
        HG_ASSIGN_OR_RETURN(const bool taken, IsTaken());
        if (taken) return true;
        LeaveOut(EventOf(*registry_, block_, change_));
        unread_ = ++left_out > kLeftOutMax;
      }
      read_ += {1, CountedBytes(change_)};
      read_to_ = {at.seq, at.ordinal + 1};  // its letter speaks for it, it went out before, or is not taken
      if (unread_) return false;
    }
    if (changes_->failed()) {
      return Corrupt("log entry " + std::to_string(block_.seq) + " part " + std::to_string(block_.part) +
                     " holds a malformed change");
    }
    changes_.reset();
    if (numbered_) *numbered_ += block_.count;
    if (block_.last_part) read_to_ = {block_.seq + 1, 0};
  }
}

// Whoever looks sees it as the sink would have.
void Deliver::LeaveOut(Event event) {
  ++left_out_;
  ++filtered_;
  const std::int64_t now_us = trace_ != nullptr && trace_->until_us() != 0 ? clock_.NowUs() : 0;
  if (now_us == 0 || !trace_->on(now_us) || event.stream == nullptr || event.schema == nullptr) return;
  if (!transforms_->Apply(event, false).ok()) return;
  codec::NativeEncoder native;
  DeadLetter copy = NewLetter(ContextOf(event), event.stream->name, native);
  if (!trace_->Wants(copy.record)) return;
  TracedDelivery traced;
  traced.at_us = now_us;
  traced.event_ids = {std::move(copy.event_id)};
  traced.events = 1;
  traced.outcome = "filtered";
  traced.record = std::move(copy.record);
  trace_->Add(std::move(traced));
}

std::shared_ptr<const SinkTelemetry> Deliver::telemetry() const {
  auto told = sink_.telemetry();
  if (left_out_ == 0 || told == nullptr) return told;
  SinkTelemetry all = *told;
  all.filtered += left_out_;
  return std::make_shared<const SinkTelemetry>(std::move(all));
}

Result<bool> Deliver::IsTaken() {
  event_ = EventOf(*registry_, block_, change_);
  return transforms_ == nullptr ? Result<bool>(true) : transforms_->Apply(event_);
}

// Paused, before an open breaker, or behind a receiver that hangs: the place in the log is kept, the files are not.
void Deliver::ReleaseIfStanding(Clock::Steady::time_point now) {
  if (!changes_ || now - fed_at_ < kStanding) return;
  changes_.reset();
  ahead_.in_hand = false;
  reader_->Release();
}

void Deliver::Done(At at, Outcome outcome) {
  Pending& pending = PendingAt(at);
  if (outcome == Outcome::kDelivered) {
    progressed_ = true;
    ++delivered_;
  } else if (!pending.marker) {
    ++filtered_;
  }
  Pass(pending);
}

void Deliver::DoneBefore(At at, std::uint64_t delivered, std::uint64_t filtered) {
  HG_FAILPOINT("deliver.done");
  CHECK(target_ && *target_ <= at && at <= read_to_);
  delivered_ += delivered;
  filtered_ += filtered;
  progressed_ = progressed_ || delivered > 0;
  target_ = at;
  for (auto it = pending_.begin(); it != pending_.end() && it->at < at; ++it) {
    if (IsState(it->at) || it->done) continue;
    it->done = true;
    ++done_behind_;
  }
  DropDone();
}

Deliver::Pending& Deliver::PendingAt(At at) {
  const auto it = std::ranges::lower_bound(pending_, at, {}, &Pending::at);
  CHECK(it != pending_.end() && it->at == at && !it->done);
  return *it;
}

void Deliver::Pass(Pending& pending) {
  HG_FAILPOINT("deliver.done");
  pending.done = true;
  if (IsState(pending.at)) backfills_.Done(pending.at);
  ++done_behind_;
  DropDone();
}

void Deliver::DropDone() {
  for (; !pending_.empty() && pending_.front().done; --done_behind_) pending_.pop_front();
  // What is done behind one event that waits for long is forgotten now and then.
  if (done_behind_ > kDoneKept && done_behind_ > pending_.size() / 2) {
    std::erase_if(pending_, [](const Pending& one) { return one.done; });
    done_behind_ = 0;
  }
  MoveCursor();
}

// A breaker that opens or closes is news; what it stands between is told by the sink's telemetry.
void Deliver::WatchBreaker() {
  const auto telemetry = sink_.telemetry();
  if (telemetry == nullptr || telemetry->breaker_open == breaker_open_) return;
  breaker_open_ = telemetry->breaker_open;
  ServiceEvent event;
  event.kind = "breaker";
  event.connector = name_;
  event.actor = "service";
  event.summary = breaker_open_ ? "the breaker opened: deliveries wait" : "the breaker closed: deliveries go on";
  if (breaker_open_) {
    event.details["error"] = telemetry->last_error;
    diag::Warn("deliver", "breaker opened", {{"connector", name_}, {"error", telemetry->last_error}});
  } else {
    diag::Info("deliver", "breaker closed", {{"connector", name_}});
  }
  events_.Add(batch_, std::move(event));
}

void Deliver::MoveCursor() {
  const Pending* first = pending_.empty() ? nullptr : &pending_.front();
  At at = target_ ? *target_ : first != nullptr ? first->at : read_to_;
  if (IsState(at)) at = {at.seq + 1, 0};  // they have a place of their own (Backfills)
  const Count& passed = first != nullptr ? first->before : read_;
  cursor_seq_ = at.seq;
  cursor_ordinal_ = at.ordinal;
  passed_records_.store(passed.records, std::memory_order_release);
  passed_bytes_.store(passed.bytes, std::memory_order_release);
  oldest_pending_commit_us_.store(first != nullptr ? first->commit_us : ahead_.commit_us, std::memory_order_release);
}

std::optional<SinkPlace> Deliver::place() const {
  if (!counted_) return std::nullopt;
  return SinkPlace{cursor(), {passed_records_, passed_bytes_}, oldest_pending_commit_us_};
}

// Letters are synced before the cursor may pass them; a cursor alone may be lost in a crash of the machine.
Status Deliver::Persist(bool force) {
  const bool moved = cursor() != persisted_;
  TellOfLetters();
  if (backfills_.Save(batch_)) letters_dirty_ = true;  // it waits for the write, too
  if (!moved && !letters_dirty_ && batch_.empty()) return Ok();
  if (!force && !letters_dirty_ && clock_.Now() - persisted_at_ < kPersistEvery) return Ok();
  persisted_at_ = clock_.Now();
  if (moved && cursor() != batched_) {
    PutCursor(batch_, name_, cursor());
    batched_ = cursor();
    if (replays_ != nullptr && cursor() >= replays_->until()) {
      DeleteReplays(batch_, name_);
      replays_.reset();
    }
  }
  HG_FAILPOINT("deliver.before_cursor");
  if (Status status = store_.Write(batch_, letters_dirty_); !status.ok()) {
    if (status.error().kind != ErrorKind::kTransient) return status;
    if (!write_failed_)
      diag::Error("deliver", "cursor not written", {{"connector", name_}, {"error", status.error().what}});
    write_failed_ = true;
    return Ok();  // the batch stays; the next round tries again
  }
  HG_FAILPOINT("deliver.cursor");
  batch_.Clear();
  batched_.reset();
  letters_dirty_ = write_failed_ = false;
  if (moved) persisted_ = cursor();
  return Ok();
}

}  // namespace headgate
