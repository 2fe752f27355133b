#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "sinks/webhook/delivery.h"
#include "sinks/webhook/settings_text.h"

// The second half of Delivery: what an outcome leads to, and what goes to the dead-letter store.
namespace headgate::webhook {
namespace {

using State = DeadLetter::State;

std::string ResponseText(const Answer& answer) {
  std::string text = "HTTP " + std::to_string(answer.status) + "\r\n";
  text.append(answer.header_lines);
  if (!text.ends_with("\n")) text.append("\r\n");
  text.append("\r\n").append(answer.body.substr(0, 4096));
  return text;
}

// {"failures":[{"id":"shop:0-...:1","retry":true|false}]} (W7). Anything else names no failures.
std::map<std::string, bool> FailuresIn(std::string_view body) {
  std::map<std::string, bool> failures;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("failures") || !json["failures"].is_array()) return failures;
  for (const auto& item : json["failures"]) {
    if (!item.is_object() || !item.contains("id") || !item["id"].is_string()) continue;
    failures[item["id"].get<std::string>()] = !(item.contains("retry") && item["retry"] == false);
  }
  return failures;
}

}  // namespace

void Delivery::Answered(Job& job, const Answer& answer) {
  HG_FAILPOINT("webhook.answered");
  const Time now = context_.clock().Now();
  const std::int64_t now_us = context_.clock().NowUs();
  --in_flight_;
  meter_.request_ms.Add(std::chrono::duration<double, std::milli>(now - job.sent_at).count());
  if (answer.retry_after) {
    // The webhook specification of CloudEvents has 429 honoured in full (webhooks.md 3.4).
    const bool in_full = answer.status == 429 && IsCloudEvent(options_.envelope);
    const auto wait = in_full ? std::chrono::milliseconds(*answer.retry_after)
                              : std::min<std::chrono::milliseconds>(*answer.retry_after, options_.retry_after_cap);
    held_until_ = std::max(held_until_, now + wait);
  }
  const Verdict verdict =
      JudgeStatus(answer.status, answer.retry_after.has_value(), job.entries.size(), options_.non_retryable);
  if (verdict.action == Action::kDone) {
    if (IsTraced()) Trace(job, {"delivered", answer.status, "", ResponseText(answer), now_us});
    breaker_.Succeeded(now);
    meter_.Succeeded(now_us);
    return Delivered(job, answer.body, now_us);
  }
  Judge(job, verdict,
        {verdict.error_class, answer.status, "HTTP " + std::to_string(answer.status), ResponseText(answer), now_us});
}

void Delivery::Unanswered(Job& job, Trouble trouble, std::string_view text) {
  --in_flight_;
  const Verdict verdict = JudgeTrouble(trouble);
  Judge(job, verdict, {verdict.error_class, 0, std::string(text), "", context_.clock().NowUs()});
}

void Delivery::Trace(const Job& job, const Failed& failed) {
  constexpr std::size_t kIdsShown = 20;
  TracedDelivery traced;
  bool wanted = false;
  for (const Entry* entry : job.entries) {
    wanted = wanted ||
             context_.trace()->Wants(entry->letter ? std::string_view(entry->letter->record) : entry->event.Record());
    if (traced.event_ids.size() < kIdsShown) traced.event_ids.push_back(entry->PartId());
  }
  if (!wanted) return;
  traced.at_us = job.sent_us;
  traced.events = job.entries.size();
  traced.request = Shown(job);
  traced.body = BodyOf(job).substr(0, 4096);
  traced.status = failed.status;
  traced.response = failed.response;
  traced.duration_ms = std::chrono::duration<double, std::milli>(context_.clock().Now() - job.sent_at).count();
  traced.outcome = failed.error_class;
  traced.error = failed.message;
  context_.trace()->Add(std::move(traced));
}

void Delivery::TraceFiltered(const Entry& entry) {
  if (!context_.trace()->Wants(entry.event.Record())) return;
  TracedDelivery traced;
  traced.at_us = context_.clock().NowUs();
  traced.event_ids = {entry.event.id};
  traced.events = 1;
  traced.outcome = "filtered";
  traced.record = entry.event.Record();
  context_.trace()->Add(std::move(traced));
}

void Delivery::Judge(Job& job, const Verdict& verdict, const Failed& failed) {
  if (IsTraced()) Trace(job, failed);
  const Time now = context_.clock().Now();
  const bool counted = !breaker_.open();
  meter_.Failed(failed.error_class, failed.status, failed.message);
  if (verdict.counts_for_breaker) {
    breaker_.Failed(now, job.probe);
  } else {
    breaker_.Neutral(now, job.probe);
  }
  if (verdict.action == Action::kRetry || verdict.action == Action::kSplit) meter_.WillRetry(failed.error_class);
  job.refused = verdict.refused;
  switch (verdict.action) {
    case Action::kDone:
      break;
    case Action::kRetry:
      return Fail(job, failed, counted);
    case Action::kSplit:
      return Split(job);
    case Action::kDeadLetter:
      return Kill(job, failed);
    case Action::kDisable:
      disabled_ = true;
      state_ = ConfigError(
          "Endpoint disabled: " + options_.shown_url +
          " answered 410 Gone, so nothing is sent to it any more. The events stay in "
          "the log. Check `url` with the owner of the endpoint, then restart the connector to enable it again.");
      return Queue(job, now);
    case Action::kConfigure:
      state_ = ConfigError(failed.message);
      return Queue(job, now);
  }
}

void Delivery::Delivered(Job& job, std::string_view body, std::int64_t now_us) {
  if (options_.batched()) {
    if (options_.batch_item_results && !body.empty()) ItemResults(job, body, now_us);
    for (Entry* entry : job.entries) DeliveredEntry(*entry, now_us);
    return Drop(job);
  }
  Entry& entry = *job.entries.front();
  if (entry.part + 1 == entry.event.parts) {
    DeliveredEntry(entry, now_us);
    return Drop(job);
  }
  ++entry.part;
  job.id = entry.PartId();
  if (job.failing) --failing_;
  job.failing = false;
  job.trail = {};
  Queue(job, context_.clock().Now());
}

void Delivery::DeliveredEntry(Entry& entry, std::int64_t now_us) {
  ++meter_.delivered;
  if (entry.letter) {
    const std::uint64_t id = entry.letter->id;
    Release(entry);
    return context_.LetterDelivered(id);
  }
  if (!IsState(entry.at))  // that is as old as it is
    meter_.end_to_end_ms.Add(static_cast<double>(std::max<std::int64_t>(0, now_us - entry.commit_us)) / 1000);
  const At at = entry.at;
  Release(entry);
  context_.Done(at, Outcome::kDelivered);
}

// Takes what failed out of the job, each as a job of its own.
void Delivery::ItemResults(Job& job, std::string_view body, std::int64_t now_us) {
  std::map<std::string, bool> failures = FailuresIn(body);
  if (failures.empty()) return;
  std::vector<Entry*> failed;
  std::erase_if(job.entries, [&](Entry* entry) {
    const bool hit = failures.contains(entry->event.id);
    if (hit) failed.push_back(entry);
    return hit;
  });
  for (Entry* entry : failed) {
    const auto found = failures.extract(entry->event.id);
    run_.assign(1, entry);
    Job& single = JobOf(run_);
    single.sent_us = job.sent_us;
    const Failed failure{
        "item", 0,
        found.mapped() ? "the endpoint reported the event as failed" : "the endpoint refused the event for good", "",
        now_us};
    meter_.Failed(failure.error_class, 0, failure.message);
    if (found.mapped()) {
      meter_.WillRetry(failure.error_class);
      Fail(single, failure, true);
    } else {
      Kill(single, failure);
    }
  }
  if (!failures.empty()) {
    diag::Warn("webhook", "the answer names events that were not in the batch",
               {{"batch", job.id}, {"unknown", failures.size()}});
  }
}

// Never tried again by itself.
void Delivery::Kill(Job& job, const Failed& failed) {
  if (job.entries.front()->letter) return FailLetter(job, failed, true, true);
  if (job.trail.attempts == 0) job.failing_since = ClosedClock(context_.clock().Now());
  Record(job.trail, failed, false);
  if (!StoreAll(job, State::kDead)) WaitInMemory(job);
}

void Delivery::WaitInMemory(Job& job) {
  if (!job.failing) ++failing_;
  job.failing = true;
  const Time now = context_.clock().Now();
  const auto spent = ClosedClock(now) - job.failing_since;
  auto wait = std::chrono::duration_cast<Time::duration>(MemoryWait(job.trail.attempts - 1, jitter_));
  // The last attempt in memory is at the end of its time, not long after.
  if (options_.on_failure != OnFailure::kBlockAll && spent < options_.memory_retry)
    wait = std::min<Time::duration>(wait, options_.memory_retry - spent);
  Queue(job, now + wait);
}

// 413: every event goes into a batch of at most half the size.
void Delivery::Split(Job& job) {
  const std::size_t half = std::max<std::size_t>(1, job.entries.size() / 2);
  for (Entry* entry : job.entries) {
    entry->run_max = half;
    GiveBack(*entry);
  }
  Drop(job);
}

void Delivery::GiveBack(Entry& entry) {
  ++waiting_;
  waiting_bytes_ += entry.bytes;
  lanes_.Untake(entry);
}

void Delivery::Fail(Job& job, const Failed& failed, bool counted) {
  const Time now = context_.clock().Now();
  if (job.entries.front()->letter) return FailLetter(job, failed, counted, false);
  if (!counted) {
    if (!job.failing) ++failing_;
    job.failing = true;
    return Queue(job, now);  // the breaker says when
  }
  if (job.trail.attempts == 0) job.failing_since = ClosedClock(now);
  Record(job.trail, failed, false);
  const bool may_store =
      options_.on_failure != OnFailure::kBlockAll && ClosedClock(now) - job.failing_since >= options_.memory_retry;
  const State state = options_.on_failure == OnFailure::kDeadLetter ? State::kDead : State::kWaiting;
  if (!may_store || !StoreAll(job, state)) WaitInMemory(job);
}

// A letter without a body, or with one over the limit: only a person can mend that.
void Delivery::FailUnsendable(DeadLetter letter) {
  const bool too_large = !letter.body.empty();
  const Failed failed{
      too_large ? "too_large" : "render", 0,
      too_large ? "the event has more bytes than event_bytes_max" : "the letter has no body that could be sent", "",
      context_.clock().NowUs()};
  Record(letter, failed, true);
  letter.state = State::kDead;
  letter.next_try_us = 0;
  if (options_.after_dead_letter == AfterDeadLetter::kFollow) Unblock(letter);
  context_.LetterFailed(std::move(letter));
}

void Delivery::FailLetter(Job& job, const Failed& failed, bool counted, bool dead) {
  if (!counted) return Queue(job, context_.clock().Now());
  Entry& entry = *job.entries.front();
  DeadLetter letter = std::move(*entry.letter);
  Record(letter, failed, true);
  letter.request = Shown(job);
  if (entry.part > 0) {
    letter.body = entry.PartBody();
    letter.event_id = entry.PartId();
  }
  if (dead || options_.on_failure == OnFailure::kDeadLetter) {
    letter.state = State::kDead;
    letter.next_try_us = 0;
  } else {
    Schedule(letter, options_.retry_schedule, failed.at_us, jitter_);
  }
  if (letter.state == State::kDead && options_.after_dead_letter == AfterDeadLetter::kFollow) Unblock(letter);
  Release(entry);
  Drop(job);
  context_.LetterFailed(std::move(letter));
}

bool Delivery::StoreIsFull() {
  store_full_ = context_.stored_bytes() >= options_.store_bytes_max;
  return store_full_;
}

bool Delivery::StoreAll(Job& job, State state) {
  if (StoreIsFull()) return false;
  job.trail.request = Shown(job);
  for (Entry* entry : job.entries) {
    // Members of a batch may share lanes: each takes its own turn, as it would have without the batch.
    if (Lanes::IsFirst(*entry)) {
      StoreEntry(*entry, job.trail, state);
    } else {
      GiveBack(*entry);
    }
  }
  Drop(job);
  return true;
}

// While Retry-After holds the endpoint, what was retried long enough does not keep the cursor.
void Delivery::StoreOverdue(Time now) {
  if (options_.on_failure == OnFailure::kBlockAll || breaker_.open()) return;
  for (std::size_t i = retrying_.size(); i-- > 0;) {
    Job& job = *retrying_[i];
    if (job.trail.attempts == 0 || ClosedClock(now) - job.failing_since < options_.memory_retry || StoreIsFull())
      continue;
    TakeQueued(i);
    i = retrying_.size();
    StoreAll(job, options_.on_failure == OnFailure::kDeadLetter ? State::kDead : State::kWaiting);
  }
}

// The letter takes the place of the event.
void Delivery::StoreEntry(Entry& entry, const DeadLetter& trail, State state) {
  DeadLetter letter = trail;
  const std::string_view record = entry.event.Record();
  letter.state = state;
  letter.event_id = entry.part > 0 ? entry.PartId() : entry.event.id;
  letter.at = entry.at;
  letter.stream = *entry.stream_name;
  letter.op = Name(entry.op);
  letter.key = JsonMember(record, "key");
  letter.source_position = JsonMember(record, "position");
  letter.record = record;
  letter.body = entry.part > 0 ? entry.PartBody() : std::string_view(entry.event.body);
  letter.headers = entry.event.headers;
  letter.content_type = ContentTypeOf(options_.envelope);
  letter.commit_us = entry.commit_us;
  letter.lanes = LanesOf(entry);
  if (state == State::kWaiting) Schedule(letter, options_.retry_schedule, context_.clock().NowUs(), jitter_);
  if (letter.state == State::kDead && options_.after_dead_letter == AfterDeadLetter::kFollow) Unblock(letter);
  const At at = entry.at;
  Release(entry);
  context_.Store(at, std::move(letter));
}

// Where it stands in the store. A truncate is behind everything of its table, and everything later behind it: it has
// the table alone, and what is ordered by key shares it.
std::vector<LetterLane> Delivery::LanesOf(const Entry& entry) const {
  std::vector<LetterLane> lanes;
  for (std::size_t slot = 0; slot < entry.lane_count; ++slot) lanes.push_back({LaneText(entry.lanes[slot]), false});
  if (entry.barrier) {
    lanes.push_back({LaneText(entry.stream_lane), false});
  } else if (options_.ordering == Ordering::kKey && entry.lane_count > 0 && entry.lanes[0] != entry.stream_lane) {
    lanes.push_back({LaneText(entry.stream_lane), true});
  }
  return lanes;
}

bool Delivery::IsBehindStored(const Entry& entry) const {
  return context_.stored_bytes() > 0 && context_.LanesAreStored(LanesOf(entry));
}

// Whether the event, whose turn it is, is to be sent. If not, it goes to the store or waits for the store; and if an
// earlier one of its lanes is in the same run, it comes back after that one.
Delivery::Turn Delivery::Settle(Entry& entry) {
  if (entry.letter) return Turn::kSend;
  const bool behind = IsBehindStored(entry);
  if (!behind && entry.event.error_class.empty()) return Turn::kSend;
  if (!Lanes::IsFirst(entry)) return Turn::kNotYet;
  if (StoreIsFull()) {
    held_.push_back(&entry);
    return Turn::kHeld;
  }
  DeadLetter trail;
  if (!entry.event.error_class.empty()) {
    trail.error_class = entry.event.error_class;
    trail.error_message = entry.event.error;
    trail.first_failed_us = trail.last_failed_us = context_.clock().NowUs();
    meter_.Failed(entry.event.error_class, 0, entry.event.error);
  }
  StoreEntry(entry, trail, behind ? State::kParked : State::kDead);
  return Turn::kStored;
}

// Leaves in run_ what is to be sent.
void Delivery::SettleRun() {
  cut_.clear();
  std::erase_if(run_, [this](Waiting* item) {
    auto& entry = static_cast<Entry&>(*item);
    const auto lanes = std::span(entry.lanes).first(entry.lane_count);
    const bool behind_cut = std::any_of(lanes.begin(), lanes.end(), [&](std::uint64_t lane) {
      return std::find(cut_.begin(), cut_.end(), lane) != cut_.end();
    });
    const Turn turn = behind_cut ? Turn::kNotYet : Settle(entry);
    if (turn == Turn::kHeld || turn == Turn::kNotYet) cut_.insert(cut_.end(), lanes.begin(), lanes.end());
    if (turn == Turn::kNotYet) GiveBack(entry);
    return turn != Turn::kSend;
  });
}

void Delivery::SettleHeld() {
  std::vector<Entry*> held = std::move(held_);
  held_.clear();
  for (Entry* entry : held) {
    const Turn turn = Settle(*entry);
    if (turn == Turn::kNotYet) GiveBack(*entry);
    if (turn != Turn::kSend) continue;
    run_.assign(1, entry);
    Queue(JobOf(run_), context_.clock().Now());
  }
}

}  // namespace headgate::webhook
