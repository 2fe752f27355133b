#include "connectors/kafka/source.h"

#include <algorithm>
#include <utility>

#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/sql/column_list.h"

namespace headgate::kafka::source {
namespace {

constexpr auto kWait = std::chrono::milliseconds(250);
constexpr int kPollMs = 50;
constexpr int kSoonMs = 5;  // where what was read is being written, and is to be told
constexpr auto kPublishInterval = std::chrono::seconds(1);
constexpr auto kPatience = std::chrono::seconds(10);  // with a cluster that does not answer

std::optional<std::string_view> KeyOf(const rd_kafka_message_t& message) {
  if (message.key == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(message.key), message.key_len);
}

std::optional<std::string_view> ValueOf(const rd_kafka_message_t& message) {
  if (message.payload == nullptr) return std::nullopt;
  return std::string_view(static_cast<const char*>(message.payload), message.len);
}

std::optional<std::string> Owning(std::optional<std::string_view> bytes) {
  return bytes ? std::optional<std::string>(*bytes) : std::nullopt;
}

}  // namespace

KafkaSource::KafkaSource(Options options, const Clock& clock) : options_(std::move(options)), clock_(clock) {
  telemetry_.connector = "kafka";
  telemetry_.phase = "connecting";
  Publish(true);
}

Status KafkaSource::Open(LogWriter& writer, std::stop_token stop) {
  writer_ = &writer;
  begun_ = registered_ = dirty_ = false;
  read_.clear();
  noted_.reset();
  noted_position_ = 0;
  messages_.clear();
  next_message_ = 0;
  stuck_.reset();
  HG_RETURN_IF_ERROR(OpenReader(writer));
  HG_ASSIGN_OR_RETURN(consumer_, Consumer::Open(options_));
  HG_RETURN_IF_ERROR(FindPlaces(writer, std::move(stop)));
  numbered_ = writer.progress().last ? writer.progress().last->a : 0;
  const StreamNo stream = writer.OpenStream("", options_.stream);
  const TableSchema schema = sql::MakeSchema(reader_->columns(), options_.stream);
  reader_->SetStream(stream, writer.DefineSchema(stream, schema, position_, clock_.NowUs()));
  HG_RETURN_IF_ERROR(Assign());
  telemetry_.connected = true;
  telemetry_.phase = "streaming";
  telemetry_.last_heard_us = clock_.NowUs();
  Publish(true);
  return Ok();
}

Status KafkaSource::OpenReader(LogWriter& writer) {
  HG_ASSIGN_OR_RETURN(rejected_, RejectedRecords::Open(writer.store(), options_.name, options_.stream));
  if (options_.registry) {
    HG_ASSIGN_OR_RETURN(registry_, schema_registry::Client::Open(*options_.registry));
  }
  HG_ASSIGN_OR_RETURN(auto columns, ColumnsOf(options_));
  HG_ASSIGN_OR_RETURN(reader_, RecordReader::Make(options_, std::move(columns), registry_.get()));
  return Ok();
}

Status KafkaSource::FindPlaces(LogWriter& writer, std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(offsets_, Offsets::Decode(writer.progress().resume));
  const std::uint64_t before = offsets_.empty() ? 0 : offsets_.Sum();
  std::string lost;
  std::string reason = "offsets_lost";
  for (const auto& topic : offsets_.Topics()) {
    if (!std::ranges::binary_search(options_.topics, topic)) offsets_.Forget(topic);
  }
  for (const std::string& topic : options_.topics) HG_RETURN_IF_ERROR(FindTopic(topic, lost, stop));
  const std::string cluster = consumer_->ClusterId();
  if (!cluster.empty() && !offsets_.cluster.empty() && cluster != offsets_.cluster) {
    reason = "server_changed";
    lost = "the cluster is another one; its topics are read as if they were new";
    for (const std::string& topic : options_.topics) offsets_.Forget(topic);
    std::string none;
    for (const std::string& topic : options_.topics) HG_RETURN_IF_ERROR(FindTopic(topic, none, stop));
  }
  if (!cluster.empty()) offsets_.cluster = cluster;
  position_ = durable_ = offsets_.Sum();
  metadata_heard_at_ = clock_.Now();
  metadata_at_ = metadata_heard_at_ + options_.metadata_interval;
  return lost.empty() ? Ok() : DeclareLoss(writer, before, reason, lost);
}

Status KafkaSource::FindTopic(const std::string& topic, std::string& lost, std::stop_token stop) {
  const auto deadline = clock_.Now() + kPatience;
  HG_ASSIGN_OR_RETURN(const int count, consumer_->Partitions(topic, deadline, stop));
  const bool known = offsets_.Find(topic) != nullptr;
  std::vector<std::int64_t>& next = offsets_.Of(topic);
  const auto lose = [&](std::string_view text) { lost.append(lost.empty() ? "" : "; ").append(text); };
  if (next.size() > static_cast<std::size_t>(count)) {
    lose("topic " + topic + " has " + std::to_string(count) + " partitions where " + std::to_string(next.size()) +
         " were read: it was made anew, and is read from its beginning");
    next.clear();
  }
  for (std::int32_t p = 0; p < count; ++p) {
    HG_ASSIGN_OR_RETURN(const Consumer::Ends ends, consumer_->EndsOf(topic, p, deadline, stop));
    const auto index = static_cast<std::size_t>(p);
    const std::string place = topic + "/" + std::to_string(p);
    if (index >= next.size()) {
      next.push_back(known || options_.from_beginning ? ends.first : ends.end);
    } else if (next[index] < ends.first) {
      lose("the cluster no longer has offsets " + std::to_string(next[index]) + " to " +
           std::to_string(ends.first - 1) + " of " + place);
      next[index] = ends.first;
    } else if (next[index] > ends.end) {
      lose(place + " ends at offset " + std::to_string(ends.end) + ", and " + std::to_string(next[index]) +
           " was reached before: it was made anew or cut, and is read from its beginning");
      next[index] = ends.first;
    }
  }
  return Ok();
}

Status KafkaSource::DeclareLoss(LogWriter& writer, std::uint64_t before, const std::string& reason,
                                const std::string& text) {
  GapExtra gap;
  gap.reason = reason;
  gap.from = before;
  gap.to = position_;
  gap.streams = {options_.stream};
  gap.action = "none";
  gap.text = text;
  diag::Warn("kafka", "gap declared", {{"connector", options_.name}, {"gap", text}});
  telemetry_.findings = {{"gap", Finding::Level::kError, text,
                          "What was lost has to come from elsewhere. Let the topic keep records for longer than the "
                          "source may stand still (retention.ms)",
                          "", ""}};
  return writer.DeclareGap(gap, clock_.NowUs(), offsets_.Encode());
}

Status KafkaSource::Assign() {
  partitions_.clear();
  last_topic_ = nullptr;
  run_ = nullptr;
  for (const std::string& topic : options_.topics) {
    std::vector<std::int64_t>& next = offsets_.Of(topic);
    for (std::size_t p = 0; p < next.size(); ++p)
      partitions_.push_back({&topic, static_cast<std::int32_t>(p), &next[p], topic + "/" + std::to_string(p)});
  }
  return consumer_->Assign(offsets_);
}

Status KafkaSource::AddPartitions(std::stop_token stop) {
  metadata_at_ = clock_.Now() + options_.metadata_interval;
  bool added = false;
  for (const std::string& topic : options_.topics) {
    auto count = consumer_->Partitions(topic, clock_.Now() + kWait, stop);
    if (!count.ok()) {
      const bool waits = count.error().kind == ErrorKind::kTransient && clock_.Now() < metadata_heard_at_ + kPatience;
      metadata_at_ = clock_.Now() + kWait;
      return waits ? Ok() : std::move(count).error();
    }
    std::vector<std::int64_t>& next = offsets_.Of(topic);
    while (next.size() < static_cast<std::size_t>(*count)) {
      const auto number = static_cast<std::int32_t>(next.size());
      HG_ASSIGN_OR_RETURN(const auto ends, consumer_->EndsOf(topic, number, clock_.Now() + kPatience, stop));
      next.push_back(ends.first);
      position_ += static_cast<std::uint64_t>(ends.first);
      added = true;
    }
  }
  metadata_heard_at_ = clock_.Now();
  telemetry_.last_heard_us = clock_.NowUs();
  dirty_ = dirty_ || added;
  return added ? Assign() : Ok();
}

Status KafkaSource::AskEnds(std::stop_token stop) {
  const std::int64_t asked_us = clock_.NowUs();
  std::uint64_t sum = 1;
  for (const Partition& partition : partitions_) {
    auto ends = consumer_->EndsOf(*partition.topic, partition.number, clock_.Now() + kWait, stop);
    if (!ends.ok() && ends.error().kind == ErrorKind::kTransient) return Ok();  // the next Look asks again
    if (!ends.ok()) return std::move(ends).error();
    sum += static_cast<std::uint64_t>(ends->end);
  }
  telemetry_.asked_position = sum;
  telemetry_.asked_us = asked_us;
  Publish(true);
  return Ok();
}

Status KafkaSource::Read(SourceBatch& batch, std::stop_token stop) {
  if (stuck_) return *stuck_;
  if (!registered_) {  // so that the places are kept from which on is read
    if (!std::exchange(begun_, true)) batch.resume = offsets_.Encode();
    read_.push_back(position_);
    return Ok();
  }
  if (clock_.Now() >= metadata_at_) HG_RETURN_IF_ERROR(AddPartitions(stop));
  if (look_.exchange(false)) HG_RETURN_IF_ERROR(AskEnds(stop));
  HG_RETURN_IF_ERROR(Gather(batch, stop));
  const bool moved = std::exchange(dirty_, false);
  if (!batch.transactions.empty() || rejected_->has_noted() || moved) batch.resume = offsets_.Encode();
  if (rejected_->has_noted()) {
    auto noted = rejected_->Take();
    batch.events.push_back(rejected_->EventOf(*noted));
    batch.numbered = [this, noted](std::span<const Seq>, StoreBatch& also) {
      rejected_->Save(*noted, also, clock_.NowUs());
    };
  }
  Publish(false);
  if (stop.stop_requested()) return Stopped();
  NoteForGroup();
  read_.push_back(position_);
  return Ok();
}

void KafkaSource::NoteForGroup() {
  const auto now = clock_.Now();
  const bool due = !noted_ && position_ != noted_position_ && now - noted_at_ >= kPublishInterval;
  if (options_.group_id.empty() || !due) return;
  noted_ = offsets_;
  noted_position_ = position_;
  noted_at_ = now;
}

Status KafkaSource::Gather(SourceBatch& batch, std::stop_token stop) {
  taken_records_ = taken_bytes_ = 0;
  run_ = nullptr;
  bool some = false;
  if (read_.empty()) {
    for (const auto end = clock_.Now() + kWait; !some && clock_.Now() < end && !stop.stop_requested();)
      some = Poll(kPollMs);
  } else {
    some = Poll(kSoonMs);
  }
  const auto full = [&] {
    return taken_records_ >= options_.batch_records_max || taken_bytes_ >= options_.batch_bytes_max;
  };
  for (; some && !stuck_ && !full(); some = Poll(0)) {
    while (next_message_ < messages_.size() && !stuck_ && !full()) {
      const rd_kafka_message_t& message = *messages_[next_message_++];
      if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        HG_RETURN_IF_ERROR(Take(message, batch));
      } else if (message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        TakeEnd(message);
      } else {
        return consumer_->ErrorOf(message);
      }
    }
  }
  return Ok();
}

bool KafkaSource::Poll(int timeout_ms) {
  if (next_message_ < messages_.size()) return true;
  messages_.clear();
  next_message_ = 0;
  consumer_->Poll(timeout_ms, messages_);
  return !messages_.empty();
}

KafkaSource::Partition* KafkaSource::Find(const rd_kafka_message_t& message) {
  if (last_topic_ == message.rkt && partitions_[last_partition_].number == message.partition)
    return &partitions_[last_partition_];
  const std::string_view topic = rd_kafka_topic_name(message.rkt);
  const auto found = std::ranges::find_if(
      partitions_, [&](const Partition& p) { return p.number == message.partition && *p.topic == topic; });
  if (found == partitions_.end()) return nullptr;
  last_topic_ = message.rkt;
  last_partition_ = static_cast<std::size_t>(found - partitions_.begin());
  return &*found;
}

std::int64_t KafkaSource::TimeOf(const rd_kafka_message_t& message) const {
  rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  const std::int64_t ms = rd_kafka_message_timestamp(&message, &type);
  return type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE || ms < 0 ? clock_.NowUs() : ms * 1'000;
}

void KafkaSource::Move(const Partition& partition, std::int64_t next) {
  position_ += static_cast<std::uint64_t>(next - *partition.next);
  *partition.next = next;
}

Transaction& KafkaSource::TransactionOf(const Partition& partition, std::int64_t at_us, SourceBatch& batch) {
  if (run_ == &partition && run_us_ == at_us) return batch.transactions.back();
  run_ = &partition;
  run_us_ = at_us;
  Transaction& tx = batch.transactions.emplace_back();
  tx.info.position = {PositionKind::kRecords, ++numbered_, 0, 0, {}};
  tx.info.commit_us = at_us;
  tx.info.id = partition.name;
  tx.info.previous_end = position_;
  return tx;
}

Status KafkaSource::Take(const rd_kafka_message_t& message, SourceBatch& batch) {
  const Partition* const partition = Find(message);
  // What was fetched for an assignment before this one may come again (librdkafka before 2.4.0).
  if (partition == nullptr || message.offset < *partition->next) return Ok();
  const std::int64_t at_us = TimeOf(message);
  Transaction& tx = TransactionOf(*partition, at_us, batch);
  auto read = reader_->Read(KeyOf(message), ValueOf(message), message.offset, tx);
  if (!read.ok()) {
    if (tx.empty()) {
      batch.transactions.pop_back();
      --numbered_;
      run_ = nullptr;
    }
    if (read.error().kind != ErrorKind::kRejected) return read;
    return Reject(message, *partition, at_us, std::move(read).error().what);
  }
  Move(*partition, message.offset + 1);
  tx.info.end = position_;
  ++taken_records_;
  taken_bytes_ += message.len + message.key_len;
  last_commit_us_ = at_us;
  return Ok();
}

// Nothing is lost where it stops: the offset stays in front of the record.
Status KafkaSource::Reject(const rd_kafka_message_t& message, const Partition& partition, std::int64_t at_us,
                           std::string why) {
  const std::string place = "the record at offset " + std::to_string(message.offset) + " of " + partition.name;
  if (options_.stop_on_rejected) {
    stuck_ = ConfigError(place + " is no row of stream " + options_.stream + ": " + why +
                         ". Correct the settings, or set on_rejected=dead_letter, then restart");
    return Ok();
  }
  if (rejected_->size() >= options_.letters_max) {
    stuck_ = ConfigError(place + " is no row of stream " + options_.stream + ": " + why + ". There are " +
                         std::to_string(options_.letters_max) +
                         " dead letters already (letters_max). Correct the settings or discard them, then restart");
    return Ok();
  }
  rejected_->Add(
      {partition.name, message.offset, at_us, Owning(KeyOf(message)), Owning(ValueOf(message)), std::move(why)});
  Move(partition, message.offset + 1);
  ++taken_records_;
  taken_bytes_ += message.len + message.key_len;
  return Ok();
}

// The end may lie behind markers of transactions, which are no records.
void KafkaSource::TakeEnd(const rd_kafka_message_t& message) {
  const Partition* const partition = Find(message);
  if (partition == nullptr || message.offset <= *partition->next) return;
  Move(*partition, message.offset);
}

Status KafkaSource::Acknowledge() {
  registered_ = true;
  const std::uint64_t reached = read_.front();
  read_.pop_front();
  const bool moved = std::exchange(durable_, reached) != reached;
  if (moved) telemetry_.last_heard_us = clock_.NowUs();
  if (noted_ && durable_ >= noted_position_) consumer_->TellGroup(*std::exchange(noted_, std::nullopt));
  const bool caught_up = telemetry_.caught_up;
  See();
  if (telemetry_.caught_up != caught_up || (moved && telemetry_.asked_position > telemetry_.read_position))
    Publish(true);
  return Ok();
}

Status KafkaSource::KeepAlive() {
  if (clock_.Now() >= metadata_at_) metadata_heard_at_ = clock_.Now();  // nobody asks meanwhile
  Publish(false);
  return Ok();
}

void KafkaSource::Close() {
  messages_.clear();
  consumer_ = nullptr;
  telemetry_.connected = telemetry_.caught_up = false;
  telemetry_.phase = "closed";
  Publish(true);
}

// How far the topics are, as the last fetches told.
void KafkaSource::See() {
  std::uint64_t server = position_;
  bool known = consumer_ != nullptr && !partitions_.empty();
  for (const Partition& partition : partitions_) {
    if (consumer_ == nullptr) break;
    const std::int64_t end = consumer_->SeenEnd(*partition.topic, partition.number);
    known = known && end >= 0;
    if (end > *partition.next) server += static_cast<std::uint64_t>(end - *partition.next);
  }
  telemetry_.server_position = server;
  telemetry_.durable_position = telemetry_.read_position = telemetry_.confirmed_position = durable_;
  telemetry_.caught_up = known && server == durable_;
  telemetry_.oldest_pending_commit_us = telemetry_.caught_up ? 0 : last_commit_us_;
}

void KafkaSource::Publish(bool at_once) {
  const auto now = clock_.Now();
  if (!at_once && now - published_at_ < kPublishInterval) return;
  published_at_ = now;
  if (telemetry_.connected) See();
  telemetry_.published_us = clock_.NowUs();
  published_.Set(telemetry_);
}

}  // namespace headgate::kafka::source
