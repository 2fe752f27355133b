#include "sinks/webhook/delivery.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "core/base/failpoint.h"
#include "core/net/digest.h"
#include "core/pipeline/retry.h"

namespace headgate::webhook {
namespace {

constexpr std::size_t kEntriesMax = 10'000;
constexpr std::size_t kBytesMax = 16 << 20;
// Buffers kept for reuse: enough for the steady state, little enough to forget a burst of large events.
constexpr std::size_t kFreeBytesMax = 4 << 20;
constexpr std::size_t kFreeEntryMax = 16 << 10;
constexpr std::uint32_t kLetterStream = 0xffffffff;  // letters stand outside every stream's barriers

bool LaterDue(const Job* a, const Job* b) { return a->due > b->due; }

}  // namespace

std::string Entry::PartId() const {
  if (event.parts == 1) return event.id;
  return event.id + (part == 0 ? "-d" : "-c");
}

std::string_view Entry::PartBody() const {
  std::string_view body = event.body;
  for (std::uint32_t i = 0; i < part; ++i) body.remove_prefix(body.find('\n') + 1);
  return event.parts == 1 ? body : body.substr(0, body.find('\n'));
}

Delivery::Delivery(const Options& options, SinkContext& context, RequestWriter& writer, Transport& transport,
                   std::uint64_t seed)
    : options_(options),
      context_(context),
      writer_(writer),
      transport_(transport),
      encoder_(options),
      breaker_(options.breaker_failures, options.breaker_open_max),
      rate_(options.request_rate_max),
      jitter_(seed) {}

Delivery::~Delivery() = default;

bool Delivery::Room() const { return state_.ok() && entries_ < kEntriesMax && bytes_ < kBytesMax; }

Entry& Delivery::NewEntry() {
  if (free_entries_.empty()) {
    all_entries_.push_back(std::make_unique<Entry>());
    free_entries_.push_back(all_entries_.back().get());
    free_bytes_ += free_entries_.back()->event.body.capacity() + free_entries_.back()->event.record.capacity();
  }
  Entry& entry = *free_entries_.back();
  free_entries_.pop_back();
  free_bytes_ -= entry.event.body.capacity() + entry.event.record.capacity();
  entry.order = next_order_++;
  entry.part = 0;
  entry.run_max = 0;
  entry.asked_for = false;
  entry.added = context_.clock().Now();
  return entry;
}

void Delivery::Release(Entry& entry) {
  lanes_.Release(entry);
  --entries_;
  bytes_ -= entry.bytes;
  entry.letter.reset();
  std::size_t kept = entry.event.body.capacity() + entry.event.record.capacity();
  if (kept > kFreeEntryMax || free_bytes_ + kept > kFreeBytesMax) {
    entry.event.body = {};
    entry.event.record = {};
    kept = entry.event.body.capacity() + entry.event.record.capacity();
  }
  free_bytes_ += kept;
  free_entries_.push_back(&entry);
}

Status Delivery::Write(const Event& event) {
  if (!state_.ok()) return state_;
  const bool marker = IsMarker(event.change->op);
  if (!options_.ops.at(static_cast<std::size_t>(event.change->op))) {
    if (!marker) ++meter_.filtered;
    context_.Done(event.at, Outcome::kFiltered);
    return Ok();
  }
  Entry& entry = NewEntry();
  const Status encoded = encoder_.Encode(event, entry.event);
  // What could not be rendered cannot be judged by the filter, so it is a dead letter rather than lost.
  const bool wanted = entry.event.parts > 0 && (options_.filter == nullptr || entry.event.error_class == "render" ||
                                                options_.filter->Matches(entry.event.Record()));
  if (!encoded.ok() || !wanted) {
    free_entries_.push_back(&entry);
    free_bytes_ += entry.event.body.capacity() + entry.event.record.capacity();
    if (!encoded.ok()) return encoded;
    if (!marker && IsTraced()) TraceFiltered(entry);
    if (!marker) ++meter_.filtered;
    context_.Done(event.at, Outcome::kFiltered);
    return Ok();
  }
  entry.at = event.at;
  entry.op = event.change->op;
  entry.commit_us = event.tx->commit_us;
  entry.stream = event.change->stream;
  entry.stream_lane = StreamLane(event.stream, event.tx->source);
  entry.lanes = entry.event.lanes;
  entry.lane_count = entry.event.lane_count;
  entry.barrier = entry.event.barrier;
  entry.bytes = entry.event.body.size() + entry.event.record.size();
  auto& name = stream_names_[event.stream != nullptr ? event.stream->name : std::string()];
  if (name == nullptr)
    name = std::make_unique<const std::string>(event.stream != nullptr ? event.stream->name : std::string());
  entry.stream_name = name.get();
  ++entries_;
  bytes_ += entry.bytes;
  ++waiting_;
  waiting_bytes_ += entry.bytes;
  lanes_.Add(entry);
  // A lone event goes out at once; in batches there is always something to wait for.
  if (!options_.batched() && in_flight_ < options_.parallelism) Dispatch();
  return state_;
}

Status Delivery::Retry(const DeadLetter& letter) {
  if (!state_.ok()) return state_;
  if (letter.body.empty() || letter.body.size() > options_.event_bytes_max) {
    FailUnsendable(letter);
    return Ok();
  }
  Entry& entry = NewEntry();
  entry.letter = std::make_unique<DeadLetter>(letter);
  entry.asked_for = letter.state == DeadLetter::State::kRetrying;
  entry.at = letter.at;
  entry.commit_us = letter.commit_us;
  entry.stream = kLetterStream;
  entry.event.id = letter.event_id;
  entry.event.body = letter.body;
  entry.event.headers = letter.headers;
  entry.event.record.clear();
  entry.event.parts = static_cast<std::uint32_t>(std::count(letter.body.begin(), letter.body.end(), '\n')) + 1;
  entry.event.error_class = {};
  entry.barrier = false;
  // The store hands out one letter of a lane at a time, and no event of a stored lane is sent. Only a letter that
  // nothing waits for may meet others of its lane here.
  entry.lane_count = 0;
  if (!Blocks(letter)) {
    for (const std::uint64_t lane : OwnLanes(letter)) {
      if (entry.lane_count < entry.lanes.size()) entry.lanes[entry.lane_count++] = lane;
    }
  }
  entry.bytes = letter.body.size();
  ++entries_;
  bytes_ += entry.bytes;
  ++waiting_;
  waiting_bytes_ += entry.bytes;
  lanes_.Add(entry);
  return Ok();
}

void Delivery::Hurry(std::span<const std::uint64_t> letters) {
  held_until_ = {};
  slowed_until_ = {};
  breaker_.EndWait(context_.clock().Now());
  const std::unordered_set<std::uint64_t> ids(letters.begin(), letters.end());
  for (const auto& entry : all_entries_) {
    if (entry->letter && ids.contains(entry->letter->id)) entry->asked_for = true;
  }
  hurry_ = true;
}

Job& Delivery::NewJob() {
  if (free_jobs_.empty()) {
    all_jobs_.push_back(std::make_unique<Job>());
    free_jobs_.push_back(all_jobs_.back().get());
  }
  Job& job = *free_jobs_.back();
  free_jobs_.pop_back();
  if (job.trail.attempts > 0) job.trail = {};
  job.failing = job.refused = false;
  return job;
}

void Delivery::Drop(Job& job) {
  if (job.failing) --failing_;
  job.entries.clear();
  free_jobs_.push_back(&job);
}

Job& Delivery::JobOf(std::vector<Waiting*>& run) {
  Job& job = NewJob();
  for (Waiting* item : run) job.entries.push_back(static_cast<Entry*>(item));
  if (options_.batched()) {
    job.id =
        "batch:" + net::Sha256Hex(job.entries.front()->event.id + "\n" + job.entries.back()->event.id).substr(0, 32);
  } else {
    job.id = job.entries.front()->PartId();
  }
  return job;
}

void Delivery::Queue(Job& job, Time due) {
  job.due = due;
  retrying_.push_back(&job);
  std::push_heap(retrying_.begin(), retrying_.end(), LaterDue);
}

Job* Delivery::TakeQueued(std::size_t index) {
  Job* job = retrying_[index];
  std::swap(retrying_[index], retrying_.back());
  retrying_.pop_back();
  std::make_heap(retrying_.begin(), retrying_.end(), LaterDue);
  return job;
}

bool Delivery::Blocked() const {
  // A full store blocks as long as something would have to go there.
  if (store_full_ && (failing_ > 0 || !held_.empty())) return true;
  return options_.on_failure == OnFailure::kBlockAll && failing_ > 0;
}

// Before that nothing is sent, whatever waits.
Delivery::Time Delivery::Gate(Time now) const {
  const Time pace = breaker_.open() ? breaker_.probe_at() : Rogue() ? slowed_until_ : now;
  return std::max({now, held_until_, rate_.Next(now), pace});
}

void Delivery::Dispatch() {
  if (!state_.ok()) return;
  if (store_full_) StoreIsFull();
  if (!held_.empty()) SettleHeld();
  if (lanes_.size() == 0) return;
  const Time now = context_.clock().Now();
  if (now < held_until_) StoreOverdue(now);
  while (in_flight_ < options_.parallelism && breaker_.Admits(now) && Gate(now) <= now && transport_.CanSend()) {
    Job* job = NextAskedFor();
    if (job == nullptr) job = breaker_.open() ? NextProbe(now) : Next(now);
    if (job == nullptr) return;
    Send(*job, now);
    if (!state_.ok()) return;
  }
}

// Of those that a person asked for, the one that is first in its lanes; only once for each time of asking, so that a
// great many of them do not keep the log's events waiting.
Job* Delivery::NextAskedFor() {
  if (!std::exchange(hurry_, false)) return nullptr;
  for (std::size_t i = 0; i < retrying_.size(); ++i) {
    if (retrying_[i]->entries.front()->asked_for) return TakeQueued(i);
  }
  return FreshLetter(true);
}

Job* Delivery::Next(Time now) {
  if (!retrying_.empty() && retrying_.front()->due <= now) return TakeQueued(0);
  if (Blocked()) return store_full_ ? FreshLetter() : nullptr;
  return Fresh(now, false);
}

// The oldest of all that wait. A job that the endpoint refused for itself (4xx) lets others go first: were it the only
// probe, one bad event would keep an endpoint closed that is well.
Job* Delivery::NextProbe(Time now) {
  std::size_t best = retrying_.size();
  const auto better = [&](const Job& a, const Job& b) {
    if (a.refused != b.refused && !Blocked()) return b.refused;
    return a.entries.front()->order < b.entries.front()->order;
  };
  for (std::size_t i = 0; i < retrying_.size(); ++i) {
    if (best == retrying_.size() || better(*retrying_[i], *retrying_[best])) best = i;
  }
  if (!Blocked()) {
    const Waiting* fresh = lanes_.Oldest();
    const bool first = best == retrying_.size() || retrying_[best]->refused ||
                       (fresh != nullptr && fresh->order < retrying_[best]->entries.front()->order);
    if (fresh != nullptr && first) {
      if (Job* job = Fresh(now, true)) return job;
    }
  }
  if (best < retrying_.size()) return TakeQueued(best);
  return store_full_ ? FreshLetter() : nullptr;  // a full store may hold all there is to send
}

bool Delivery::BatchIsDue(Time now) {
  const auto* oldest = static_cast<const Entry*>(lanes_.Oldest());
  if (oldest == nullptr) return false;
  const bool alone = oldest->letter || oldest->barrier || oldest->run_max > 0 || !oldest->event.error_class.empty();
  const bool full = waiting_ >= options_.batch_events_max || waiting_bytes_ >= options_.batch_bytes_max || !Room();
  return alone || full || now >= oldest->added + options_.batch_delay_max;
}

Job* Delivery::Fresh(Time now, bool at_once) {
  std::size_t bytes = 0;
  const auto fits = [&](const Waiting& item) {
    const auto& first = static_cast<const Entry&>(*run_.front());
    const auto& next = static_cast<const Entry&>(item);
    if (bytes == 0) bytes = first.event.body.size() + 2;  // the brackets
    if (first.letter || next.letter || !next.event.error_class.empty()) return false;
    for (const std::size_t limit : {options_.batch_events_max, first.run_max, next.run_max}) {
      if (limit != 0 && run_.size() >= limit) return false;
    }
    bytes += next.event.body.size() + 1;
    return bytes <= options_.batch_bytes_max;
  };
  while (!Blocked()) {
    run_.clear();
    bytes = 0;
    if (!options_.batched()) {
      if (Waiting* item = lanes_.Take()) run_.push_back(item);
    } else if (at_once || BatchIsDue(now)) {
      lanes_.TakeRun(run_, fits);
    }
    if (run_.empty()) return nullptr;
    for (const Waiting* item : run_) waiting_bytes_ -= static_cast<const Entry*>(item)->bytes;
    waiting_ -= run_.size();
    SettleRun();
    if (!run_.empty()) return &JobOf(run_);
  }
  return nullptr;
}

// While the store is full, what is in it still goes out: that is what makes room.
Job* Delivery::FreshLetter(bool asked_for) {
  Entry* oldest = nullptr;
  lanes_.ForEachReady([&](Waiting& item) {
    auto& entry = static_cast<Entry&>(item);
    if (!entry.letter || (asked_for && !entry.asked_for)) return;
    if (oldest == nullptr || entry.order < oldest->order) oldest = &entry;
  });
  if (oldest == nullptr) return nullptr;
  lanes_.Take(*oldest);
  --waiting_;
  waiting_bytes_ -= oldest->bytes;
  run_.assign(1, oldest);
  return &JobOf(run_);
}

std::string_view Delivery::BodyOf(const Job& job) {
  if (!options_.batched()) return job.entries.front()->PartBody();
  body_.assign(1, '[');
  for (const Entry* entry : job.entries) {
    if (body_.size() > 1) body_.push_back(',');
    const std::size_t start = body_.size();
    body_.append(entry->event.body);
    if (entry->event.parts > 1)
      std::replace(body_.begin() + static_cast<std::ptrdiff_t>(start), body_.end(), '\n', ',');
  }
  body_.push_back(']');
  return body_;
}

std::string Delivery::Shown(const Job& job) const {
  return writer_.Shown(job.id, job.entries.front()->event.headers, job.sent_us);
}

void Delivery::Send(Job& job, Time now) {
  job.sent_us = context_.clock().NowUs();
  job.sent_at = now;
  std::string request;
  if (Status status = writer_.Write(request, job.id, job.entries.front()->event.headers, BodyOf(job), job.sent_us);
      !status.ok()) {
    state_ = std::move(status);
    return Queue(job, now);
  }
  rate_.Take(now);
  job.probe = breaker_.open();
  slowed_until_ = now + kRogueWait;
  breaker_.Sent();
  ++in_flight_;
  transport_.Send(std::move(request), job);
  HG_FAILPOINT("webhook.sent");
}

Delivery::Time Delivery::NextWake() {
  if (!state_.ok() || in_flight_ >= options_.parallelism || lanes_.size() == 0) return Time::max();
  const Time now = context_.clock().Now();
  const Time gate = Gate(now);
  if (breaker_.open() && breaker_.probing()) return Time::max();
  Time wake = Time::max();
  if (!retrying_.empty()) wake = breaker_.open() ? gate : std::max(gate, retrying_.front()->due);
  if (const auto* fresh = static_cast<const Entry*>(lanes_.Oldest()); fresh != nullptr && !Blocked()) {
    wake = std::min(
        wake, options_.batched() && !breaker_.open() ? std::max(gate, fresh->added + options_.batch_delay_max) : gate);
  }
  // Never a busy loop, whatever is missing.
  return wake == Time::max() ? wake : std::max(wake, now + std::chrono::milliseconds(1));
}

SinkTelemetry Delivery::Telemetry() {
  const Time now = context_.clock().Now();
  const std::int64_t now_us = context_.clock().NowUs();
  const auto unix_us = [&](Time at) {
    return now_us + std::chrono::duration_cast<std::chrono::microseconds>(at - now).count();
  };
  SinkTelemetry t;
  meter_.Tell(t);
  t.published_us = now_us;
  t.failures_in_row = breaker_.failures_in_row();
  t.in_flight = in_flight_;
  t.queue_bytes = bytes_;
  if (!meter_.last_class.empty()) t.last_error_hint = HintFor(meter_.last_class, meter_.last_status, options_);
  t.breaker_open = breaker_.open();
  t.next_probe_us = breaker_.open() ? unix_us(breaker_.probe_at()) : Rogue() ? unix_us(slowed_until_) : 0;
  const Entry* oldest = nullptr;
  const auto look = [&](const Entry& entry) {
    if (!entry.letter && (oldest == nullptr || entry.order < oldest->order)) oldest = &entry;
  };
  for (const auto& job : all_jobs_) {
    for (const Entry* entry : job->entries) look(*entry);
  }
  for (const Entry* entry : held_) look(*entry);
  lanes_.ForEachReady([&](const Waiting& item) { look(static_cast<const Entry&>(item)); });
  t.oldest_pending_commit_us = oldest != nullptr ? oldest->commit_us : 0;
  const bool held = now < held_until_;
  t.phase = disabled_                                 ? "disabled"
            : breaker_.open()                         ? "breaker_open"
            : held || Blocked() || !retrying_.empty() ? "waiting"
                                                      : "delivering";
  Health health;
  health.store_bytes = context_.stored_bytes();
  health.held_until_us = held ? unix_us(held_until_) : 0;
  health.last_expiry_us = writer_.last_expiry_us();
  health.now_us = now_us;
  health.order_by_missing = encoder_.order_by_missing();
  t.findings = Findings(health, options_);
  return t;
}

}  // namespace headgate::webhook
