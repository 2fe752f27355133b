#include "sinks/kafka/batcher.h"

#include <algorithm>

#include "core/pipeline/egress.h"
#include "core/pipeline/event_context.h"
#include "sinks/kafka/letter.h"
#include "sinks/kafka/spec.h"

namespace headgate::kafka::sink {
namespace {

// Small enough that what one thread has written is still in the cache when another reads it.
constexpr std::size_t kPartRecords = 4'096;
constexpr std::size_t kPartBytes = 1'536 << 10;

std::vector<config::KeyError> Check(const config::Bound& bound) { return Read("", bound).errors; }

std::unique_ptr<Sink> Create(const std::string& name, const config::Bound& bound, const SinkServices& services) {
  ReadOptions read = Read(name, bound);
  const Options& o = read.options;
  BatchSinkOptions course;
  course.size_max = o.batch_records_max;
  course.bytes_max = o.batch_bytes_max;
  course.part_size = kPartRecords;
  course.part_bytes = kPartBytes;
  if (!o.exactly_once) {  // what is written is done
    course.size_max = std::min(course.size_max, kPartRecords);
    course.bytes_max = std::min(course.bytes_max, kPartBytes);
  }
  course.delay_max = o.batch_delay_max;
  course.keeps_cursor = o.exactly_once;
  course.stops_at_refusal = o.on_rejected == Options::Rejected::kStop;
  course.stop_hint = "Change the topic or the settings so that it fits, or set on_rejected=dead_letter";
  course.refusal_blocks = o.on_rejected == Options::Rejected::kBlockKey;
  Status settings = read.errors.empty() ? Ok() : Status(ConfigError(read.errors.front().text));
  return std::make_unique<BatchSink>(std::make_unique<KafkaBatcher>(std::move(read.options), services),
                                     std::move(course), std::move(settings), services);
}

}  // namespace

const SinkFactory& Factory() {
  static const SinkFactory factory{&Spec(), &Check, &Create, &Preflight, nullptr, true, nullptr, SinkTransforms::kAll};
  return factory;
}

KafkaBatcher::KafkaBatcher(Options options, const SinkServices& services)
    : options_(std::move(options)),
      log_id_(services.log_id),
      clock_(services.clock != nullptr ? *services.clock : SystemClock()),
      guard_(GuardOf(services)),
      router_(options_),
      native_(options_.records.native) {}

KafkaBatcher::~KafkaBatcher() = default;

Result<TargetPlace> KafkaBatcher::Open(SinkContext& context, BatchSink& sink) {
  context_ = &context;
  sink_ = &sink;
  if (options_.registry) {
    if (!guard_.ok()) return guard_.error();
    schema_registry::Options registry = *options_.registry;
    registry.guard = *guard_;
    HG_ASSIGN_OR_RETURN(registry_, schema_registry::Client::Open(std::move(registry)));
  }
  HG_ASSIGN_OR_RETURN(encoder_, NewEncoder());
  HG_ASSIGN_OR_RETURN(producer_, Producer::Open(options_));
  if (!options_.exactly_once) return TargetPlace{context.stand().at.seq, ""};
  HG_ASSIGN_OR_RETURN(const Progress known, producer_->TakeOver(log_id_, context.stand()));
  // It went before a crash could be told of.
  if (known.letter != 0 && context.HoldsLetter(known.letter)) context.LetterDelivered(known.letter);
  return TargetPlace{known.seq, known.states};
}

Result<std::unique_ptr<codec::RecordEncoder>> KafkaBatcher::NewEncoder() const {
  codec::RecordOptions records = options_.records;
  records.schemas = registry_.get();
  return codec::MakeRecordEncoder(std::move(records));
}

std::unique_ptr<SinkBatch> KafkaBatcher::NewBatch(const SinkBatch* like) const {
  auto batch = std::make_unique<Batch>();
  if (like != nullptr) batch->Reserve(static_cast<const Batch&>(*like));
  return batch;
}

void KafkaBatcher::Close() {
  // Readers of committed records wait for a transaction that is open. If it cannot be given up, the next start does it.
  if (producer_ != nullptr) static_cast<void>(producer_->Abort());
  producer_.reset();
  encoder_.reset();
  registry_.reset();
}

// What topics have of the stream itself, beside its rows, is for formats with a place for it.
bool KafkaBatcher::IsWanted(const Event& event) const {
  const Op op = event.change->op;
  if (op == Op::kSnapshot || op == Op::kGap) return false;
  return IsOfDebezium(options_.records) || (op != Op::kSchema && op != Op::kMessage);
}

Status KafkaBatcher::Render(codec::RecordEncoder& encoder, const Event& event) {
  records_.Clear();
  const auto topic = router_.TopicOf(event);
  const bool has_its_own = event.schema != nullptr && options_.records.outbox.Has(*event.schema);
  if (!topic.ok() && !has_its_own) return topic.error();
  return encoder.Encode(ContextOf(event), topic.ok() ? *topic : std::string_view(), records_);
}

// `at`: the change that is refused with one of them; none if it is one already.
void KafkaBatcher::AddRecords(Batch& batch, const Event& event, At at) {
  id_.clear();
  AppendEventId(id_, event.source->id, event.tx->epoch, event.tx->position, event.change->ordinal);
  for (const codec::Record& record : records_)
    batch.Add(record, options_.id_header, id_, event.tx->commit_us / 1'000, at);
}

// What the end of its transaction is told with.
void KafkaBatcher::Remember(const Event& event, At at) {
  if (!options_.records.debezium.transaction_metadata) return;
  last_id_ = id_;
  last_commit_us_ = event.tx->commit_us;
  last_at_ = at;
}

Result<Batcher::Took> KafkaBatcher::Take(const Event& event) {
  if (!IsWanted(event)) return Took::kFiltered;
  const bool behind = IsBehindLetters(event);
  if (Status made = Render(*encoder_, event); !made.ok()) {
    if (made.error().kind != ErrorKind::kRejected) return std::move(made).error();
    HG_RETURN_IF_ERROR(sink_->Refuse(event, made.error().what, ""));
    AddRecords(static_cast<Batch&>(sink_->filling()), event, At{});  // the begin of its transaction, if it is the first
    Remember(event, At{});
    return Took::kToLetters;
  }
  if (records_.empty()) return Took::kFiltered;
  if (behind) return ToLetters(event);
  AddRecords(static_cast<Batch&>(sink_->filling()), event, event.at);
  Remember(event, event.at);
  return Took::kIn;
}

// Its END, behind the last change that is for this sink.
Status KafkaBatcher::EndTransaction() {
  records_.Clear();
  HG_RETURN_IF_ERROR(encoder_->EndTransaction(records_));
  auto& batch = static_cast<Batch&>(sink_->filling());
  for (const codec::Record& record : records_)
    batch.Add(record, options_.id_header, last_id_, last_commit_us_ / 1'000, last_at_);
  return Ok();
}

Status KafkaBatcher::Write(const std::shared_ptr<const SinkBatch>& written, const std::optional<TargetPlace>& commit,
                           const Ask& ask) {
  std::optional<Progress> progress;
  if (commit) progress = Progress{log_id_, commit->seq, commit->states, 0};
  const auto batch = std::static_pointer_cast<const Batch>(written);
  HG_RETURN_IF_ERROR(
      producer_->Write(batch, progress, [&](const Batch& of, const std::vector<Refusal>& refused) -> Status {
        std::vector<RefusedChange> changes;
        for (const Refusal& one : refused) {
          const At at = of.records()[one.record].at;
          if (at == At{}) return ConfigError(one.what);  // of no change: a heartbeat, or of a transaction
          if (changes.empty() || changes.back().at != at) changes.push_back({at, one.what, BodyOf(of, at), ""});
        }
        return ask(std::move(changes));
      }));
  return progress ? producer_->Commit(*progress) : Ok();
}

void KafkaBatcher::Describe(const SinkBatch& described, TracedDelivery& traced) const {
  const auto& batch = static_cast<const Batch&>(described);
  traced.request += std::to_string(batch.size()) + " records, " + std::to_string(batch.bytes()) + " bytes\n";
  for (const Batch::Packed& record : batch.records()) {
    if (traced.body.size() >= kTextTold) break;
    AppendLine(traced.body, batch, record);
  }
}

Batcher::Time KafkaBatcher::beat_at() const {
  return options_.heartbeat_interval.count() > 0 ? beat_at_ + options_.heartbeat_interval : Time::max();
}

// Records that say that the sink lives and has what the log has of a source, where nothing changes there. They go in a
// transaction of Kafka with the progress, which they leave where it is: a beat that is given up is not written again.
Status KafkaBatcher::Beat(Time now) {
  beat_at_ = now;
  const std::int64_t now_ms = clock_.NowUs() / 1'000;
  records_.Clear();
  for (const std::string& source : context_->databases())
    HG_RETURN_IF_ERROR(encoder_->Heartbeat(options_.heartbeat_prefix, source, now_ms, records_));
  auto& batch = static_cast<Batch&>(sink_->filling());
  for (const codec::Record& record : records_) batch.Add(record, "", "", now_ms, At{});
  return Ok();
}

}  // namespace headgate::kafka::sink
