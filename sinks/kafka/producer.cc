#include "sinks/kafka/producer.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "core/base/failpoint.h"

namespace headgate::kafka::sink {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kSliceMs = 100;  // how long a call of the library waits before we look whether to go on
constexpr int kAdminMs = 10'000;
constexpr int kConnectMs = 15'000;
constexpr auto kMarkers = std::chrono::milliseconds(3);
constexpr int kTries = 5;                // of a transaction that the library gave up for what was before it
constexpr std::size_t kPollEvery = 256;  // records: what the library gives back is used again while it is in the cache

int Ms(std::chrono::milliseconds ms) { return static_cast<int>(ms.count()); }

bool ParseNumber(std::string_view text, std::size_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

// What goes with a record: its part and its number there; nothing with the progress.
void* OpaqueOf(std::uint32_t part, std::size_t record) {
  static_assert(sizeof(std::uintptr_t) == 8);
  return reinterpret_cast<void*>(std::uintptr_t{part} << 32 | record);
}

}  // namespace

Result<std::unique_ptr<Producer>> Producer::Open(const Options& options) {
  std::unique_ptr<Producer> producer(new Producer(options));
  Properties properties = {{"enable.idempotence", "true"},
                           {"message.timeout.ms", std::to_string(Ms(options.timeout))},
                           {"message.max.bytes", std::to_string(options.record_bytes_max)},
                           {"compression.type", options.compression},
                           {"partitioner", options.partitioner},
                           // Of success, too: a flush without them looks only every 10 ms whether it is done.
                           {"delivery.report.only.error", "false"},
                           // Enough to keep the brokers busy, and few enough to stay in the cache until they are sent.
                           {"queue.buffering.max.messages", "10000"},
                           {"queue.buffering.max.kbytes", "65536"},
                           // Each transaction ends with a flush, which does not wait for it: fuller requests.
                           {"linger.ms", "5"}};
  if (options.exactly_once)
    properties.emplace_back("transaction.timeout.ms", std::to_string(Ms(options.transaction_timeout)));
  for (std::size_t i = 0; i < (options.exactly_once ? kLanes : 1); ++i) {
    Lane& lane = producer->lanes_[i];
    Properties of_lane = properties;
    lane.transactional_id = options.transactional_id + (i == 0 ? "" : "/" + std::to_string(i + 1));
    if (options.exactly_once) of_lane.emplace_back("transactional.id", lane.transactional_id);
    HG_ASSIGN_OR_RETURN(lane.client, Client::Open(options.client, RD_KAFKA_PRODUCER, of_lane));
    lane.client->on_delivery = [self = producer.get()](const rd_kafka_message_t& message) { self->Told(message); };
  }
  return producer;
}

Error Producer::TransactionError(Owned<rd_kafka_error_t> error, std::string_view tried) {
  client().Poll(0);
  return client().ErrorOf(*error, tried);
}

Status Producer::InitTransactions() {
  const std::string tried = "taking over transactional id " + lane_->transactional_id;
  const auto until = SteadyClock::now() + std::chrono::milliseconds(kConnectMs);
  for (;;) {
    Owned<rd_kafka_error_t> error(rd_kafka_init_transactions(client().get(), 1'000));
    if (error == nullptr) return Ok();
    if (interrupted_) return Stopped();
    const bool again = rd_kafka_error_is_retriable(error.get()) != 0 && SteadyClock::now() < until;
    Error told = TransactionError(std::move(error), tried);
    if (!again || told.kind == ErrorKind::kConfig) return told;
  }
}

Result<Progress> Producer::TakeOver(std::string_view log_id, const SinkContext::Stand& stand) {
  for (Lane& lane : lanes_) {
    lane_ = &lane;
    HG_RETURN_IF_ERROR(InitTransactions());
  }
  HG_ASSIGN_OR_RETURN(const auto known, ReadProgress(options_, kConnectMs));
  if (!known && stand.stored && !stand.given)
    return ConfigError("Topic " + options_.progress_topic + " on " + place() + " knows nothing of sink " +
                       options_.name + ", which has delivered all before place " + std::to_string(stand.at.seq) +
                       " of the log: this is another cluster, or the topic was deleted. Rewind the sink to the place "
                       "that the topics are at (POST /api/v1/connectors/" +
                       options_.name + R"(/rewind, {"to":"beginning"} for empty ones))");
  if (known && known->log != log_id && !stand.given)
    return ConfigError("Topic " + options_.progress_topic + " on " + place() + " says that sink " + options_.name +
                       " of another data directory writes these topics, and its places mean nothing here. Give this "
                       "sink another name or progress_topic; or, to have it go on from a place of this log, rewind it");
  const bool ours = known && known->log == log_id;
  // The letter stays named until it is gone here, too.
  const Progress progress{std::string(log_id), known && !stand.given ? known->seq : stand.at.seq,
                          ours ? known->states : "", ours ? known->letter : 0};
  if (!known) {
    HG_RETURN_IF_ERROR(client().CreateTopic(
        {options_.progress_topic,
         1,
         options_.replication,
         {{"cleanup.policy", "compact"}, {"segment.bytes", "16777216"}, {"min.cleanable.dirty.ratio", "0.1"}}},
        kAdminMs));
  }
  HG_RETURN_IF_ERROR(Begin());
  HG_RETURN_IF_ERROR(Commit(progress));
  return progress;
}

Status Producer::Begin() {
  if (open_ || !options_.exactly_once) return Ok();
  AwaitMarkers();
  Owned<rd_kafka_error_t> error(rd_kafka_begin_transaction(client().get()));
  if (error != nullptr) return TransactionError(std::move(error), "beginning a transaction");
  open_ = true;
  parts_ = 0;
  progress_sent_ = false;
  return Ok();
}

Status Producer::EnsureTopic(const std::string& name) {
  HG_ASSIGN_OR_RETURN(const int partitions, client().PartitionsOf(name, kAdminMs));
  if (partitions > 0) return Ok();
  if (!options_.create_topics)
    return ConfigError("There is no topic " + name + " on " + place() +
                       ". Set create_topics=true, or make it (kafka-topics --create --topic " + name +
                       "), then restart");
  return client().CreateTopic({name, options_.partitions, options_.replication, options_.topic_settings}, kAdminMs);
}

// What is sent at once is as large as the largest record may be: the brokers would refuse all of it.
Status Producer::CheckLimit(const std::string& name) {
  const auto setting = client().TopicSetting(name, "max.message.bytes", kAdminMs);
  std::size_t limit = 0;
  // Who may not ask learns it when something is refused.
  if (!setting.ok() || !ParseNumber(*setting, limit) || limit >= options_.record_bytes_max) return Ok();
  return ConfigError("Topic " + name + " on " + place() + " takes at most " + *setting +
                     " bytes at once (max.message.bytes), and record_bytes_max is " +
                     std::to_string(options_.record_bytes_max) + ". Set record_bytes_max to at most " + *setting +
                     ", or raise the topic's, then restart");
}

Result<rd_kafka_topic_t*> Producer::TopicHandle(const std::string& name) {
  const auto it = lane_->topics.find(name);
  if (it != lane_->topics.end()) return it->second.get();
  const bool known = std::ranges::any_of(lanes_, [&](const Lane& lane) { return lane.topics.contains(name); });
  if (name != options_.progress_topic && !known) {
    HG_RETURN_IF_ERROR(EnsureTopic(name));
    HG_RETURN_IF_ERROR(CheckLimit(name));
  }
  Owned<rd_kafka_topic_t> topic(rd_kafka_topic_new(client().get(), name.c_str(), nullptr));
  if (topic == nullptr) return client().ErrorOf(rd_kafka_last_error(), "using topic " + name);
  return (lane_->topics[name] = std::move(topic)).get();
}

Status Producer::Prepare(const Batch& batch) {
  of_batch_.clear();
  for (const std::string& name : batch.topics()) {
    HG_ASSIGN_OR_RETURN(rd_kafka_topic_t* const topic, TopicHandle(name));
    of_batch_.push_back(topic);
  }
  return Ok();
}

void Producer::Told(const rd_kafka_message_t& message) {
  const auto opaque = reinterpret_cast<std::uintptr_t>(message._private);
  const auto number = static_cast<std::uint32_t>(opaque >> 32);
  if (Part* const part = Find(number)) --part->under_way;
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR)
    failed_.push_back({number, static_cast<std::uint32_t>(opaque), message.err});
}

Producer::Part* Producer::Find(std::uint32_t number) {
  const auto it = std::ranges::find(parts_under_way_, number, &Part::number);
  return it == parts_under_way_.end() ? nullptr : &*it;
}

void Producer::Release() {
  while (!parts_under_way_.empty() && parts_under_way_.front().under_way == 0) parts_under_way_.pop_front();
}

// The library reads the batch until it has told what became of the record. False: the transaction takes nothing more,
// and why is told by the flush.
Result<bool> Producer::Produce(Part& part, std::size_t record) {
  const Batch& batch = *part.batch;
  const Batch::Packed& r = batch.records()[record];
  const std::string_view key = batch.KeyOf(r);
  const std::string_view value = batch.ValueOf(r);
  batch.HeadersOf(r, headers_);
  rd_kafka_headers_t* headers = headers_.empty() ? nullptr : rd_kafka_headers_new(headers_.size());
  for (const auto& [name, text] : headers_)
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), text.data(),
                        static_cast<ssize_t>(text.size()));
  // A null value is told by its address, an empty one is none.
  const auto bytes = [](bool has, std::string_view text) {
    return has ? const_cast<char*>(text.empty() ? "" : text.data()) : nullptr;
  };
  std::array<rd_kafka_vu_t, 7> units{};
  std::size_t n = 0;
  units[n].vtype = RD_KAFKA_VTYPE_RKT;
  units[n++].u.rkt = of_batch_[r.topic];
  units[n].vtype = RD_KAFKA_VTYPE_VALUE;
  units[n++].u.mem = {bytes(r.has_value, value), value.size()};
  units[n].vtype = RD_KAFKA_VTYPE_KEY;
  units[n++].u.mem = {bytes(r.has_key, key), key.size()};
  units[n].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
  units[n++].u.i64 = options_.commit_timestamps ? r.timestamp_ms : 0;
  units[n].vtype = RD_KAFKA_VTYPE_OPAQUE;
  units[n++].u.ptr = OpaqueOf(part.number, record);
  if (headers != nullptr) {
    units[n].vtype = RD_KAFKA_VTYPE_HEADERS;
    units[n++].u.headers = headers;
  }
  const Owned<rd_kafka_error_t> error = Enqueue({units.data(), n});
  if (error == nullptr) {
    ++part.under_way;
    return true;
  }
  if (headers != nullptr) rd_kafka_headers_destroy(headers);  // an error leaves them to us
  if (interrupted_) return Stopped();
  const auto code = rd_kafka_error_code(error.get());
  if (code == RD_KAFKA_RESP_ERR__STATE && open_) return false;
  if (KindOf(code) == ErrorKind::kRejected) {
    failed_.push_back({part.number, static_cast<std::uint32_t>(record), code});
    return true;
  }
  return client().ErrorOf(*error, "writing to topic " + batch.topics()[r.topic]);
}

// Waits for room among what is on its way. The library's own way to wait would never end: it waits for reports that
// this thread has to take.
Owned<rd_kafka_error_t> Producer::Enqueue(std::span<const rd_kafka_vu_t> units) {
  for (;;) {
    Owned<rd_kafka_error_t> error(rd_kafka_produceva(client().get(), units.data(), units.size()));
    const bool full = error != nullptr && rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__QUEUE_FULL;
    if (!full || interrupted_) return error;
    client().Poll(kSliceMs);
  }
}

Status Producer::ProduceProgress(const Progress& progress) {
  HG_ASSIGN_OR_RETURN(rd_kafka_topic_t* const topic, TopicHandle(options_.progress_topic));
  const std::string text = TextOf(progress);
  std::array<rd_kafka_vu_t, 5> units{};
  units[0].vtype = RD_KAFKA_VTYPE_RKT;
  units[0].u.rkt = topic;
  units[1].vtype = RD_KAFKA_VTYPE_PARTITION;
  units[1].u.i32 = 0;
  units[2].vtype = RD_KAFKA_VTYPE_VALUE;
  units[2].u.mem = {const_cast<char*>(text.data()), text.size()};
  units[3].vtype = RD_KAFKA_VTYPE_KEY;
  units[3].u.mem = {const_cast<char*>(options_.name.data()), options_.name.size()};
  units[4].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
  units[4].u.i = RD_KAFKA_MSG_F_COPY;
  const Owned<rd_kafka_error_t> error = Enqueue(units);
  if (interrupted_ && error != nullptr) return Stopped();
  if (error != nullptr) return client().ErrorOf(*error, "writing to topic " + options_.progress_topic);
  progress_sent_ = true;
  return Ok();
}

Status Producer::ProduceAll(Part* part, std::span<const Refusal> without, const std::optional<Progress>& progress) {
  bool whole = true;
  auto next = without.begin();
  for (std::size_t i = 0; part != nullptr && i < part->batch->records().size(); ++i) {
    if (next != without.end() && next->record == i) {
      ++next;
      continue;
    }
    HG_ASSIGN_OR_RETURN(whole, Produce(*part, i));
    if (!whole) break;
    if (i % kPollEvery == 0) client().Poll(0);
    if (!failed_.empty() && (open_ || KindOf(failed_.back().code) != ErrorKind::kRejected)) break;
  }
  const bool well = whole && failed_.empty();
  if (well && open_ && !progress) return Ok();  // the next part follows
  if (well && open_) HG_RETURN_IF_ERROR(ProduceProgress(*progress));
  HG_RETURN_IF_ERROR(Flush());
  return whole || !failed_.empty() ? Ok() : Status(WhyPurged());
}

// Until everything has been answered. What was refused stays in failed_.
Status Producer::Flush() {
  const auto until = SteadyClock::now() + options_.timeout + std::chrono::seconds(5);
  while (rd_kafka_flush(client().get(), kSliceMs) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
    if (interrupted_) return Stopped();
    if (SteadyClock::now() >= until) return client().ErrorOf(RD_KAFKA_RESP_ERR__TIMED_OUT, "writing records");
  }
  if (const auto it = std::ranges::find(failed_, 0U, &Failed::part); it != failed_.end()) {
    const Failed progress = *it;
    failed_.erase(it);
    if (!progress.is_purged()) {
      Error told = client().ErrorOf(progress.code, "writing to topic " + options_.progress_topic);
      // It is of the sink, not of a change that could become a letter.
      return told.kind == ErrorKind::kRejected
                 ? ConfigError(told.what + ". Give the topic back its settings (max.message.bytes), then restart")
                 : told;
    }
    if (failed_.empty()) return WhyPurged();
  }
  std::ranges::sort(failed_);
  bool refused = false;
  bool purged = false;
  for (const Failed& one : failed_) {
    const bool rejected = KindOf(one.code) == ErrorKind::kRejected;
    if (!rejected && !one.is_purged()) return client().ErrorOf(one.code, "writing records");
    refused = refused || rejected;
    purged = purged || !rejected;
  }
  only_purged_ = purged && !refused;
  return only_purged_ ? Status(WhyPurged()) : Ok();
}

// The transaction's own trouble is told by the next call that is about it.
Error Producer::WhyPurged() {
  std::array<char, 512> text{};
  const auto fatal = rd_kafka_fatal_error(client().get(), text.data(), text.size());
  if (fatal != RD_KAFKA_RESP_ERR_NO_ERROR) return client().ErrorOf(fatal, "writing records", text.data());
  if (open_) {
    Owned<rd_kafka_error_t> error(rd_kafka_commit_transaction(client().get(), kSliceMs));
    if (error != nullptr) return TransactionError(std::move(error), "writing records");
  }
  return Transient("writing records on " + place() + ": they were given up");
}

Status Producer::Write(std::shared_ptr<const Batch> batch, const std::optional<Progress>& progress,
                       const OnRefused& refused) {
  Part* part = nullptr;
  if (batch != nullptr) {
    HG_RETURN_IF_ERROR(Prepare(*batch));
    part = &parts_under_way_.emplace_back(Part{std::move(batch), ++last_number_});
  }
  HG_RETURN_IF_ERROR(Begin());
  HG_FAILPOINT("kafka.begun");
  const bool alone = parts_ == 0;
  HG_RETURN_IF_ERROR(ProduceAll(part, {}, progress));
  if (failed_.empty()) refused_in_row_ = 0;
  std::vector<Refusal> found;
  Part* blamed = nullptr;
  while (!failed_.empty()) {
    HG_ASSIGN_OR_RETURN(blamed, Refused(found));
    if (options_.exactly_once && !alone) {
      HG_RETURN_IF_ERROR(refused(*blamed->batch, found));
      return Transient("a record was refused in the middle of a transaction, which is written again without it");
    }
    // All of the others in their order: without transactions some of them come again.
    HG_RETURN_IF_ERROR(Anew([&] {
      failed_.clear();  // those of before, where there are no transactions
      return ProduceAll(blamed, found, progress);
    }));
  }
  if (!found.empty()) {
    HG_FAILPOINT("kafka.refused");
    HG_RETURN_IF_ERROR(refused(*blamed->batch, found));
  }
  if (part != nullptr) ++parts_;
  Release();
  HG_FAILPOINT("kafka.written");
  return Ok();
}

// In a transaction of its own. Behind one in which something was refused the library may give up the next one, too, as
// sequence numbers are missing: that is over once it is given up.
Status Producer::Anew(const std::function<Status()>& produce) {
  for (int tries = 1;; ++tries) {
    HG_RETURN_IF_ERROR(Begin());
    Status status = produce();
    const bool again = !status.ok() && only_purged_ && open_ && status.error().kind == ErrorKind::kTransient;
    if (!again || tries == kTries) return status;
    HG_RETURN_IF_ERROR(Abort());
  }
}

Status Producer::Commit(const Progress& progress) {
  if (!options_.exactly_once) return Ok();
  HG_RETURN_IF_ERROR(Begin());  // there may be no records to go with it
  failed_.clear();
  if (!progress_sent_) {
    HG_RETURN_IF_ERROR(ProduceProgress(progress));
    HG_RETURN_IF_ERROR(Flush());
  }
  HG_FAILPOINT("kafka.commit");
  const auto until = SteadyClock::now() + options_.timeout;
  for (;;) {
    Owned<rd_kafka_error_t> error(rd_kafka_commit_transaction(client().get(), kSliceMs));
    if (error == nullptr) break;
    if (interrupted_) return Stopped();
    if (rd_kafka_error_is_retriable(error.get()) != 0 && SteadyClock::now() < until) continue;
    return TransactionError(std::move(error), "committing a transaction");
  }
  open_ = false;
  client().Well();
  lane_->committed_at = SteadyClock::now();
  lane_ = lane_ == &lanes_.front() ? &lanes_.back() : &lanes_.front();
  HG_FAILPOINT("kafka.committed");
  return Ok();
}

// The brokers write the markers of a commit after they have answered it. They turn away a transaction of the same id
// that begins before, and the library asks again after 20 ms.
void Producer::AwaitMarkers() {
  const auto until = lane_->committed_at + kMarkers;
  while (!interrupted_ && SteadyClock::now() < until) client().Poll(1);
}

Status Producer::Abort() {
  if (!open_) return Ok();
  const auto until = SteadyClock::now() + options_.timeout;
  for (;;) {
    Owned<rd_kafka_error_t> error(rd_kafka_abort_transaction(client().get(), kSliceMs));
    if (error == nullptr) break;
    if (interrupted_) return Stopped();
    if (rd_kafka_error_is_retriable(error.get()) != 0 && SteadyClock::now() < until) continue;
    return TransactionError(std::move(error), "giving up a transaction");
  }
  open_ = progress_sent_ = false;
  parts_ = 0;
  failed_.clear();
  return Ok();
}

}  // namespace headgate::kafka::sink
