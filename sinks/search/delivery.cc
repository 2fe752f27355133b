#include "sinks/search/delivery.h"

#include <algorithm>
#include <unordered_map>

#include "core/codec/event.h"

namespace headgate::search {
namespace {

constexpr std::int64_t kFirstWaitMs = 1'000;
constexpr std::int64_t kLongestWaitMs = 300'000;
constexpr std::size_t kRejectedInRowMax = 100;
constexpr std::size_t kAnswerShown = 300;
constexpr std::size_t kActionBytes = 120;  // the line in front of a document, about

codec::EventContext ContextOf(const Event& event) {
  codec::EventContext context;
  context.tx = event.tx;
  context.change = event.change;
  context.schema = event.schema;
  context.schema_version = event.change->schema;
  context.source_id = event.source->id;
  context.source_name = event.source->name;
  context.connector = event.source->connector;
  context.at = event.at;
  return context;
}

bool IsRow(Op op) { return op == Op::kInsert || op == Op::kUpdate || op == Op::kDelete || op == Op::kRead; }

}  // namespace

Delivery::Delivery(const Options& options, const Identity& identity, SinkContext& context)
    : options_(options),
      identity_(identity),
      context_(context),
      documents_(Product::kOpenSearch, options.document_bytes_max),
      back_off_(kFirstWaitMs, kLongestWaitMs),
      batch_docs_(options.batch_docs_max) {}

Delivery::~Delivery() = default;

bool Delivery::Room() const {
  return state_.ok() && queue_.size() < 2 * options_.batch_docs_max && bytes_ < 2 * options_.batch_bytes_max;
}

IndexSetup& Delivery::Target(const std::string& alias) {
  auto& target = targets_[alias];
  if (target == nullptr) target = std::make_unique<IndexSetup>(options_, identity_, alias);
  return *target;
}

IndexSetup* Delivery::TargetOf(const Event& event) {
  IndexSetup*& known = target_of_[std::uint64_t{event.change->stream} << 32 | event.change->schema];
  if (known != nullptr) return known;
  const std::string alias = AliasOf(options_, event.stream->name, event.stream->schema, event.stream->table);
  IndexSetup& target = Target(alias);
  if (Status wanted = target.Want(documents_.FieldsFor(event)); !wanted.ok()) {
    state_ = std::move(wanted);
    return nullptr;
  }
  return known = &target;
}

Status Delivery::Write(const Event& event) {
  const Op op = event.change->op;
  if (op == Op::kTruncate && options_.stop_on_truncate) {
    state_ =
        ConfigError("Table " + std::string(event.stream->name) +
                    " was truncated, and deleting its documents is not available in this version. Delete them, set "
                    "on_truncate=ignore and resume");
    return state_;
  }
  if (!IsRow(op) || event.schema == nullptr) {
    if (!IsMarker(op)) ++meter_.filtered;
    context_.Done(event.at, Outcome::kFiltered);
    return Ok();
  }
  if (event.number == 0) return Corrupt("the sums of the log cannot be read, so changes have no numbers");
  Documents documents;
  HG_RETURN_IF_ERROR(documents_.Encode(event, documents));
  auto entry = std::make_unique<Entry>();
  entry->at = event.at;
  entry->version = event.number;
  entry->added = context_.clock().Now();
  entry->letter = LetterOf(event);
  entry->target = TargetOf(event);
  if (entry->target == nullptr) return state_;
  entry->documents = std::move(documents.documents);
  entry->done.resize(entry->documents.size());
  for (const Document& document : entry->documents)
    entry->bytes += document.id.size() + document.source.size() + kActionBytes;
  if (!documents.error_class.empty()) {
    Kill(*entry, documents.error_class, 0, documents.error);
    return Ok();
  }
  bytes_ += entry->bytes;
  queue_.push_back(std::move(entry));
  return Ok();
}

// All but what went wrong.
DeadLetter Delivery::LetterOf(const Event& event) {
  DeadLetter letter;
  letter.at = event.at;
  letter.event_id = EventId(event.source->id, event.tx->epoch, event.tx->position, event.change->ordinal);
  letter.stream = event.stream->name;
  letter.op = Name(event.change->op);
  letter.commit_us = event.tx->commit_us;
  static_cast<void>(native_.AppendKeyJson(letter.key, ContextOf(event)));
  static_cast<void>(native_.Append(letter.record, ContextOf(event)));
  letter.content_type = "application/x-ndjson";
  return letter;
}

Status Delivery::Retry(const DeadLetter& letter) {
  auto entry = std::make_unique<Entry>();
  entry->at = letter.at;
  entry->added = context_.clock().Now();
  entry->letter = letter;
  entry->stored = true;
  entry->lines = letter.body;
  entry->bytes = letter.body.size();
  if (entry->lines.empty()) {  // it could not be rendered, and nothing has changed about that
    Kill(*entry, letter.error_class, letter.error_status, letter.error_message);
    return Ok();
  }
  Target(AliasIn(entry->lines));  // whose index it is gets looked at first, as for a change
  bytes_ += entry->bytes;
  queue_.push_front(std::move(entry));
  return Ok();
}

bool Delivery::BatchIsDue(Time now) const {
  if (queue_.empty()) return false;
  if (queue_.size() >= batch_docs_ || bytes_ >= options_.batch_bytes_max) return true;
  const Time oldest = queue_.front()->stored ? now - options_.batch_delay_max : queue_.front()->added;
  return now >= oldest + options_.batch_delay_max;
}

Delivery::Time Delivery::NextWake() const {
  if (under_way_ || queue_.empty()) return Time::max();
  const Time due = queue_.front()->stored ? context_.clock().Now() : queue_.front()->added + options_.batch_delay_max;
  return std::max(due, held_until_);
}

std::optional<Call> Delivery::NextSetup() {
  for (const auto& [alias, target] : targets_) {
    if (target->ready()) continue;
    setting_up_ = target.get();
    return target->Next();
  }
  return std::nullopt;
}

std::optional<Call> Delivery::Next() {
  const Time now = context_.clock().Now();
  if (under_way_ || !state_.ok() || now < held_until_) return std::nullopt;
  std::optional<Call> call = NextSetup();
  if (!call && BatchIsDue(now)) call = Batch();
  under_way_ = call.has_value();
  sent_at_ = now;
  return call;
}

void Delivery::AppendLines(std::string& body, const Entry& entry, std::size_t index) {
  const Document& document = entry.documents[index];
  if (document.remove) {
    AppendDelete(body, entry.target->alias(), document.id, entry.version);
  } else {
    AppendIndex(body, entry.target->alias(), document.id, entry.version, document.source);
  }
}

// From the front of the queue. Of several writes to one document the last is sent, and speaks for those before it.
Call Delivery::Batch() {
  Call call{"POST",
            "/_bulk?require_alias=true&refresh=" + options_.refresh +
                "&filter_path=items.*.status,items.*.error.type,items.*.error.reason",
            ""};
  std::vector<Sent> all;
  std::unordered_map<std::string, std::size_t> last;  // by alias and id: in `all`
  std::size_t bytes = 0;
  std::size_t entries = 0;
  for (const auto& entry : queue_) {
    if (entries == batch_docs_ || (entries > 0 && bytes + entry->bytes > options_.batch_bytes_max)) break;
    bytes += entry->bytes;
    ++entries;
    if (entry->stored) {
      all.push_back({entry.get(), 0, {}});
      continue;
    }
    for (std::size_t i = 0; i < entry->documents.size(); ++i) {
      if (entry->done[i]) continue;
      const auto [it, first] = last.try_emplace(entry->target->alias() + '\n' + entry->documents[i].id, all.size());
      if (!first) {
        all[it->second].behind = all.size();
        it->second = all.size();
      }
      all.push_back({entry.get(), i, {}});
    }
  }
  for (const Sent& sent : all) {
    if (sent.behind) continue;
    if (sent.entry->stored) {
      call.body += sent.entry->lines;
      continue;
    }
    AppendLines(call.body, *sent.entry, sent.document);
  }
  sent_ = std::move(all);
  return call;
}

void Delivery::Answered(int status, std::string_view body) {
  under_way_ = false;
  meter_.request_ms.Add(std::chrono::duration<double, std::milli>(context_.clock().Now() - sent_at_).count());
  if (setting_up_ != nullptr) {
    Status answered = std::exchange(setting_up_, nullptr)->Answered(status, body);
    if (answered.ok()) return meter_.Succeeded(context_.clock().NowUs());
    if (answered.error().kind == ErrorKind::kTransient) return Hold("status", status, answered.error().what);
    meter_.Failed("configuration", status, answered.error().what);
    state_ = std::move(answered);
    return;
  }
  switch (JudgeRequest(status)) {
    case RequestVerdict::kItems: {
      const auto sent = static_cast<std::size_t>(std::ranges::count_if(sent_, [](const Sent& s) { return !s.behind; }));
      const auto results = ParseBulk(body, sent);
      if (results) return Settle(*results);
      HalveBatch();  // it may have been too long
      return Hold("answer", status, "the answer cannot be read or is not about what was sent");
    }
    case RequestVerdict::kSmaller:
      return Smaller(status, body);
    case RequestVerdict::kRetry:
      HalveBatch();
      return Hold(status == 429 ? "throttled" : "status_5xx", status, "HTTP " + std::to_string(status));
    case RequestVerdict::kConfigure:
      meter_.Failed("configuration", status, "HTTP " + std::to_string(status));
      state_ = ConfigError("the search server refuses to write: HTTP " + std::to_string(status) +
                           ". Check the account of this sink and its rights");
      return;
  }
}

void Delivery::Settle(const std::vector<ItemResult>& results) {
  std::vector<const ItemResult*> of(sent_.size(), nullptr);
  std::size_t next = 0;
  for (std::size_t i = 0; i < sent_.size(); ++i) {
    if (!sent_[i].behind) of[i] = &results[next++];
  }
  for (std::size_t i = sent_.size(); i-- > 0;) {  // what speaks for others comes before them
    if (sent_[i].behind) of[i] = of[*sent_[i].behind];
  }
  ItemResult said_done;
  said_done.status = 200;
  const ItemResult* pressed = nullptr;
  for (std::size_t i = 0; i < sent_.size(); ++i) {
    // A rejection is about the last write alone: what it would have replaced is gone for good.
    const bool rejected = sent_[i].behind && JudgeItem(*of[i]) == Verdict::kData;
    if (SettleOne(sent_[i], rejected ? said_done : *of[i])) pressed = of[i];
  }
  sent_.clear();
  DropSettled();
  if (!state_.ok()) return;
  if (pressed != nullptr) {
    HalveBatch();
    return Hold(pressed->status == 429 ? "throttled" : "item", pressed->status, pressed->Text());
  }
  back_off_.Reset();
  batch_docs_ = std::min(options_.batch_docs_max, batch_docs_ + batch_docs_ / 4 + 1);
  meter_.Succeeded(context_.clock().NowUs());
}

bool Delivery::SettleOne(const Sent& sent, const ItemResult& result) {
  switch (JudgeItem(result)) {
    case Verdict::kStale:
    case Verdict::kDone:
      rejected_in_row_ = 0;
      SettleDocument(sent);
      return false;
    case Verdict::kData:
      if (++rejected_in_row_ < kRejectedInRowMax || sent.entry->stored) {
        Reject(sent, result);
      } else {
        state_ = ConfigError("The index rejected " + std::to_string(kRejectedInRowMax) +
                             " documents in a row, the last with " + result.Text() + ". Its mapping does not fit");
      }
      return false;
    case Verdict::kConfigure:
      meter_.Failed("configuration", result.status, result.Text());
      state_ =
          ConfigError("The index takes no documents: " + result.Text() + ". Restart the sink once it is there again");
      return false;
    case Verdict::kPressure:
    case Verdict::kBlocked:
    case Verdict::kTransient:
      return true;
  }
  return true;
}

void Delivery::Reject(const Sent& sent, const ItemResult& result) {
  sent.entry->rejected = sent.document;
  sent.entry->rejection = result;
  SettleDocument(sent);
}

// The entry is over once all of its documents are.
void Delivery::SettleDocument(const Sent& sent) {
  Entry& entry = *sent.entry;
  if (!entry.stored) entry.done[sent.document] = true;
  if (!entry.stored && !std::ranges::all_of(entry.done, [](bool done) { return done; })) return;
  if (!entry.rejected) return Finish(entry);
  const ItemResult& said = entry.rejection;
  Kill(entry, said.status == 413 ? "too_large" : "rejected", said.status, said.Text());
}

void Delivery::Finish(Entry& entry) {
  entry.settled = true;
  ++meter_.delivered;
  const std::int64_t now_us = context_.clock().NowUs();
  if (!IsState(entry.at)) meter_.end_to_end_ms.Add(static_cast<double>(now_us - entry.letter.commit_us) / 1000);
  if (entry.stored) {
    context_.LetterDelivered(entry.letter.id);
  } else {
    context_.Done(entry.at, Outcome::kDelivered);
  }
}

void Delivery::Kill(Entry& entry, std::string_view error_class, int status, std::string_view message) {
  entry.settled = true;
  DeadLetter letter = std::move(entry.letter);
  const std::int64_t now_us = context_.clock().NowUs();
  letter.state = DeadLetter::State::kDead;
  ++letter.attempts;
  if (letter.first_failed_us == 0) letter.first_failed_us = now_us;
  letter.last_failed_us = now_us;
  letter.next_try_us = 0;
  letter.error_class = error_class;
  letter.error_status = status;
  letter.error_message = message;
  meter_.Failed(error_class, status, message);
  if (entry.stored) return context_.LetterFailed(std::move(letter));
  if (entry.rejected) AppendLines(letter.body, entry, *entry.rejected);
  context_.Store(entry.at, std::move(letter));
}

// Too large, or one of them spoils the request: fewer at once, until it is a single one.
void Delivery::Smaller(int status, std::string_view body) {
  std::size_t entries = 0;
  const Entry* before = nullptr;
  for (const Sent& sent : sent_) {
    if (sent.entry != before) ++entries;
    before = sent.entry;
  }
  if (entries > 1) {
    batch_docs_ = entries / 2;
  } else if (!sent_.empty()) {
    ItemResult result;  // of a changed key the removal is not to blame, and is sent again
    result.status = status;
    result.type = "HTTP " + std::to_string(status);
    result.reason = body.substr(0, kAnswerShown);
    Reject(sent_.back(), result);
  }
  sent_.clear();
  DropSettled();
}

void Delivery::Hold(std::string_view error_class, int status, std::string_view message) {
  meter_.Failed(error_class, status, message);
  meter_.WillRetry(error_class);
  sent_.clear();
  held_until_ = context_.clock().Now() + std::chrono::milliseconds(back_off_.NextMs());
}

void Delivery::Unanswered(std::string_view error_class, std::string_view text) {
  under_way_ = false;
  setting_up_ = nullptr;
  Hold(error_class, 0, text);
}

void Delivery::DropSettled() {
  std::erase_if(queue_, [this](const std::unique_ptr<Entry>& entry) {
    if (entry->settled) bytes_ -= entry->bytes;
    return entry->settled;
  });
}

SinkTelemetry Delivery::Telemetry() const {
  SinkTelemetry t;
  meter_.Tell(t);
  const auto now = context_.clock().Now();
  t.published_us = context_.clock().NowUs();
  t.failures_in_row = back_off_.attempts();
  t.in_flight = under_way_ ? 1 : 0;
  t.queue_bytes = bytes_;
  for (const auto& entry : queue_) {
    if (!entry->stored) {
      t.oldest_pending_commit_us = entry->letter.commit_us;
      break;
    }
  }
  t.phase = !state_.ok() ? "disabled" : now < held_until_ ? "waiting" : "delivering";
  return t;
}

}  // namespace headgate::search
