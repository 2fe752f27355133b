#include "sinks/search/delivery.h"

#include <algorithm>

#include "core/codec/event.h"
#include "core/pipeline/event_context.h"

namespace headgate::search {
namespace {

constexpr std::int64_t kFirstWaitMs = 1'000;
constexpr std::int64_t kLongestWaitMs = 300'000;
constexpr std::size_t kActionBytes = 120;  // the line in front of a document, about

codec::EventContext ContextOf(const Entry& entry) {
  codec::EventContext context;
  context.tx = entry.kept->tx.get();
  context.change = &entry.kept->change;
  context.schema = &entry.route->schema;
  context.schema_version = entry.kept->change.schema;
  context.source_id = entry.route->source.id;
  context.source_name = entry.route->source.name;
  context.connector = entry.route->source.connector;
  context.at = entry.at;
  return context;
}

}  // namespace

Delivery::Delivery(const Options& options, const Identity& identity, SinkContext& context)
    : options_(options),
      identity_(identity),
      context_(context),
      documents_(options),
      back_off_(kFirstWaitMs, kLongestWaitMs),
      rebuild_(options, identity, context.clock()),
      batch_docs_(options.batch_docs_max),
      parallelism_(options.parallelism),
      began_us_(context.clock().NowUs()) {}

Delivery::~Delivery() = default;

// As much as can be under way, and one request more.
bool Delivery::Room() const {
  const std::size_t requests = options_.parallelism + 1;
  return state_.ok() && server_ && !rebuild_.WantsQuiet() && !stands_still_ &&
         outbox_.size() < requests * options_.batch_docs_max && outbox_.bytes() < requests * options_.batch_bytes_max;
}

IndexSetup* Delivery::Target(const std::string& alias, const std::string& stream) {
  auto& target = targets_[alias];
  if (target == nullptr) target = std::make_unique<IndexSetup>(options_, identity_, alias, stream);
  if (target->stream() == stream) return target.get();
  state_ = ConfigError("Streams " + target->stream() + " and " + stream + " would both have their documents in index " +
                       alias + ", where their ids may meet. Put ${table}, ${schema} or ${stream} into `index`");
  return nullptr;
}

const Route* Delivery::RouteOf(const Event& event) {
  auto& known = routes_[std::uint64_t{event.change->stream} << 32 | event.change->schema];
  if (known != nullptr) return known.get();
  auto route = std::make_unique<Route>();
  auto layout = LayoutOf(*event.schema, event.stream->name, options_, server_->product);
  if (!layout.ok()) {
    state_ = layout.error();
    return nullptr;
  }
  route->layout = *std::move(layout);
  route->source = *event.source;
  route->stream = *event.stream;
  route->schema = *event.schema;
  route->target =
      Target(AliasOf(options_, event.stream->name, event.stream->schema, event.stream->table), event.stream->name);
  if (route->target == nullptr) return nullptr;
  if (Status wanted = route->target->Want(route->layout); !wanted.ok()) {
    state_ = std::move(wanted);
    return nullptr;
  }
  rebuild_.Want(route->target->alias(), route->layout, event.change->schema);
  known = std::move(route);
  return known.get();
}

// An index that cannot take what comes is left as it is (Q23). Its changes wait for the one that takes its place.
void Delivery::FollowConflicts() {
  conflict_ = stands_still_ = false;
  for (const auto& [alias, target] : targets_) {
    if (target->conflict().empty()) continue;
    conflict_ = true;
    stands_still_ = stands_still_ || rebuild_.Next(alias) == nullptr;
    if (rebuild_.Covers(alias)) {
      relied_run_ = rebuild_.run();
    } else if (relied_run_ != 0) {
      const std::string why = rebuild_.told().error.empty() ? "it was cancelled" : rebuild_.told().error;
      return Stop(0, target->conflict(), ConfigError(target->conflict() + ". It was not made anew: " + why));
    } else {
      if (rebuild_.IsUnderWay())
        rebuild_.Fail("the index of stream " + target->stream() + " has to be made anew first");
      rebuild_.Ask(target->stream());
    }
  }
  if (!conflict_) relied_run_ = 0;
}

// The next indices are made for the latest shape; what is on its way may have an older one.
void Delivery::FollowRebuild() {
  FollowConflicts();
  if (has_next_ && !rebuild_.dual() && !conflict_) {
    for (const auto& entry : outbox_.ForgetNext()) End(*entry);
    has_next_ = outbox_.size() > 0;
  }
  if (!rebuild_.dual() || followed_run_ == rebuild_.run()) return;
  followed_run_ = rebuild_.run();
  for (const auto& [key, route] : routes_) {
    if (route != nullptr) rebuild_.Want(route->target->alias(), route->layout, static_cast<std::uint32_t>(key));
  }
}

// While there are two indices each write goes to both; what is read again for the new one only goes there.
void Delivery::AddNext(const Event& event, Entry& entry) const {
  const bool dual = rebuild_.Next(entry.target->alias()) != nullptr;
  const bool of_rebuild = IsState(event.at) && rebuild_.run() == event.tx->position.a && rebuild_.run() != 0;
  const bool only_next = !entry.target->conflict().empty();
  std::vector<Document> next;
  for (Document& document : entry.documents) {
    if (dual || only_next) next.emplace_back(document).next = true;
  }
  if (of_rebuild || only_next) entry.documents.clear();
  entry.documents.insert(entry.documents.end(), next.begin(), next.end());
}

std::unique_ptr<Entry> Delivery::NewEntry(const Event& event, const Route& route) {
  // Rows of a state are of no transaction: they stand between two.
  if (transaction_ == nullptr || transaction_seq_ != event.at.seq || IsState(event.at)) {
    transaction_ = std::make_shared<const TransactionInfo>(*event.tx);
    transaction_seq_ = IsState(event.at) ? 0 : event.at.seq;
  }
  auto entry = std::make_unique<Entry>();
  entry->at = event.at;
  entry->version = event.number;
  entry->commit_us = event.tx->commit_us;
  entry->added = context_.clock().Now();
  entry->fresh = event.tx->stored_us >= began_us_ && !IsState(event.at);
  entry->target = route.target;
  entry->route = &route;
  entry->kept = std::make_unique<KeptChange>(event, transaction_);
  return entry;
}

Status Delivery::Write(const Event& event) {
  const Op op = event.change->op;
  if (op == Op::kTruncate) return WriteTruncate(event);
  if (!IsOfRow(op) || event.schema == nullptr) {
    if (!IsMarker(op)) ++meter_.filtered;
    context_.Done(event.at, Outcome::kFiltered);
    return Ok();
  }
  if (event.number == 0) return Corrupt("the sums of the log cannot be read, so changes have no numbers");
  const Route* const route = RouteOf(event);
  if (route == nullptr) return state_;
  HG_RETURN_IF_ERROR(documents_.Encode(event, route->layout, encoded_));
  auto entry = NewEntry(event, *route);
  entry->documents = std::move(encoded_.documents);
  FollowRebuild();
  AddNext(event, *entry);
  for (const Document& document : entry->documents)
    entry->bytes += document.id.size() + document.routing.size() + document.source.size() + kActionBytes;
  has_next_ = has_next_ || std::ranges::any_of(entry->documents, &Document::next);
  if (!encoded_.error_class.empty())
    entry->failure = {std::string(encoded_.error_class), 0, std::move(encoded_.error), {}};
  if (!entry->documents.empty()) {
    stuck_ = false;
    outbox_.Add(std::move(entry));
  } else if (entry->failure) {
    Kill(*entry);
  } else {  // what is gone never was a document
    ++meter_.filtered;
    context_.Done(event.at, Outcome::kFiltered);
  }
  return Ok();
}

Status Delivery::WriteTruncate(const Event& event) {
  using OnTruncate = Options::OnTruncate;
  if (options_.on_truncate == OnTruncate::kStop) {
    state_ = ConfigError("Table " + std::string(event.stream->name) +
                         " was truncated, and on_truncate=stop. Set it to delete or ignore and resume");
    return state_;
  }
  if (options_.on_truncate == OnTruncate::kIgnore || event.schema == nullptr) {
    ++meter_.filtered;
    context_.Done(event.at, Outcome::kFiltered);
    return Ok();
  }
  if (event.number == 0) return Corrupt("the sums of the log cannot be read, so changes have no numbers");
  const Route* const route = RouteOf(event);
  if (route == nullptr) return state_;
  auto entry = NewEntry(event, *route);
  entry->truncation = true;
  outbox_.Add(std::move(entry));
  return Ok();
}

DeadLetter Delivery::LetterOf(const Entry& entry) {
  return entry.letter != nullptr ? *entry.letter : NewLetter(ContextOf(entry), entry.route->stream.name, native_);
}

Status Delivery::Retry(const DeadLetter& letter) {
  auto entry = std::make_unique<Entry>();
  entry->at = letter.at;
  entry->commit_us = letter.commit_us;
  entry->added = context_.clock().Now() - options_.batch_delay_max;
  entry->letter = std::make_unique<DeadLetter>(letter);
  entry->bytes = letter.body.size();
  auto write = ReadWrite(letter.body);
  if (!write) {  // it could not be rendered, and nothing has changed about that
    entry->failure = {letter.error_class, letter.error_status, letter.error_message, {}};
    Kill(*entry);
    return Ok();
  }
  // Whose index it is gets looked at first, as for a change.
  entry->target = Target(write->alias, letter.stream);
  if (entry->target == nullptr) return state_;
  entry->version = write->version;
  entry->documents.push_back(std::move(write->document));
  if (!entry->target->conflict().empty()) {
    entry->documents.front().next = has_next_ = true;
  } else if (rebuild_.Next(write->alias) != nullptr) {
    Document next = entry->documents.front();
    next.next = has_next_ = true;
    entry->documents.push_back(std::move(next));
  }
  outbox_.AddLetter(std::move(entry));
  return Ok();
}

// What waits behind a request under way may as well become a larger one; a server with nothing to do is not kept
// waiting for long.
Delivery::Time Delivery::BatchDue() const {
  constexpr int kIdleShare = 5;
  const auto delay = options_.batch_delay_max / (outbox_.requests() == 0 ? kIdleShare : 1);
  return outbox_.first()->added + delay;
}

bool Delivery::BatchIsDue(Time now) const {
  if (outbox_.first() == nullptr) return false;
  if (outbox_.waiting() >= batch_docs_ || outbox_.waiting_bytes() >= options_.batch_bytes_max) return true;
  return now >= BatchDue();
}

Delivery::Time Delivery::NextWake() const {
  if (!state_.ok()) return Time::max();
  return std::min(NextWrite(), rebuild_call_ == 0 ? rebuild_.NextWake(IsQuiet()) : Time::max());
}

Delivery::Time Delivery::NextWrite() const {
  if (preparing_ || stuck_ || stands_still_ || (server_ && outbox_.first() == nullptr)) return Time::max();
  const bool waits = server_ && !truncation_;
  return std::max(waits ? BatchDue() : context_.clock().Now(), held_until_);
}

std::optional<Call> Delivery::NextPreparation() {
  preparing_.emplace();
  if (!server_) return Call{"GET", "/", "", 0};
  for (const auto& [alias, target] : targets_) {
    if (target->ready()) continue;
    preparing_->target = target.get();
    return target->Next();
  }
  if (IndexSetup* const next = rebuild_.Unready()) {
    preparing_->rebuild = rebuild_.run();
    preparing_->alias = next->alias();
    return next->Next();
  }
  const Entry* const first = outbox_.first();
  if (first != nullptr && first->truncation && outbox_.requests() == 0) {
    if (!truncation_) {
      const std::string alias = first->target->alias() + (first->truncated ? "--next" : "");
      truncation_.emplace(options_, alias, first->version, first->commit_us);
    }
    preparing_->truncation = true;
    return truncation_->Next();
  }
  preparing_.reset();
  return std::nullopt;
}

std::optional<Call> Delivery::Next() {
  const Time now = context_.clock().Now();
  if (state_.ok()) FollowRebuild();
  if (!state_.ok()) return std::nullopt;
  const bool makes_next = preparing_ && preparing_->rebuild != 0;  // of a rebuild that has ended, maybe
  if (server_ && rebuild_call_ == 0 && !makes_next) {
    if (auto call = rebuild_.NextCall(IsQuiet())) {
      call->number = rebuild_call_ = ++last_number_;
      return call;
    }
  }
  if (preparing_ || now < held_until_) return std::nullopt;
  std::optional<Call> call = NextPreparation();
  if (call) {
    call->number = preparing_->number = ++last_number_;
    return call;
  }
  if (stuck_ || stands_still_ || !BatchIsDue(now)) return std::nullopt;
  call = Batch(now);
  stuck_ = !call;
  return call;
}

std::optional<Call> Delivery::Batch(Time now) {
  if (outbox_.requests() >= (blocked_.empty() ? parallelism_ : 1)) return std::nullopt;
  const std::size_t most = blocked_.empty() ? batch_docs_ : 1;
  const Outbox::Request* const request = outbox_.Take(last_number_ + 1, most, options_.batch_bytes_max, now);
  if (request == nullptr) return std::nullopt;
  Call call{"POST",
            std::string("/_bulk?refresh=") + options_.refresh + (options_.manage_index ? "&require_alias=true" : "") +
                "&filter_path=items.*.status,items.*.error.type,items.*.error.reason",
            "", ++last_number_};
  for (const Outbox::Sent& sent : request->sent) {
    if (sent.behind) continue;
    const Document& document = sent.entry->documents[sent.document];
    const std::string& alias = sent.entry->target->alias();
    AppendWrite(call.body, document.next ? alias + "--next" : alias, sent.entry->version, document);
  }
  return call;
}

SinkTelemetry Delivery::Telemetry() const {
  SinkTelemetry t;
  meter_.Tell(t);
  const auto now = context_.clock().Now();
  t.published_us = context_.clock().NowUs();
  t.failures_in_row = back_off_.attempts();
  t.in_flight = outbox_.requests() + (preparing_ ? 1 : 0) + (rebuild_call_ != 0 ? 1 : 0);
  t.queue_bytes = outbox_.bytes();
  t.oldest_pending_commit_us = outbox_.oldest_commit_us().value_or(0);
  t.phase = !state_.ok() ? "disabled" : now < held_until_ ? "waiting" : "delivering";
  if (server_) {
    if (auto untried = UntriedVersion(*server_)) t.findings.push_back(*std::move(untried));
  }
  if (!blocked_.empty()) {
    t.findings.push_back({"index_blocked", Finding::Level::kError, "The index takes no writes: " + blocked_,
                          "Free disk space on the search server, or lift the block. One change is tried every 30 s.",
                          "", "index"});
    if (now < held_until_)
      t.next_probe_us =
          t.published_us + std::chrono::duration_cast<std::chrono::microseconds>(held_until_ - now).count();
  }
  if (const auto share = stale_.excess()) {
    t.findings.push_back({"foreign_writer", Finding::Level::kWarning,
                          "Of the changes of five minutes " + std::to_string(static_cast<int>(*share * 100 + 0.5)) +
                              " % found a newer document in the index",
                          "Somebody else writes to the index. Take the right to write away from others, or deliver to "
                          "another index.",
                          "", "index"});
  }
  return t;
}

}  // namespace headgate::search
