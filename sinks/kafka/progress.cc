#include "sinks/kafka/progress.h"

#include <chrono>
#include <nlohmann/json.hpp>

namespace headgate::kafka::sink {
namespace {

constexpr int kPollMs = 100;

// Everything in the progress topic, up to where it ended at the call.
class Reading {
 public:
  Reading(Client& client, const Options& options, int timeout_ms)
      : client_(client),
        options_(options),
        tried_("reading topic " + options.progress_topic),
        timeout_ms_(timeout_ms),
        until_(std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms)) {}

  Result<std::optional<Progress>> Run() {
    HG_ASSIGN_OR_RETURN(const int partitions, client_.PartitionsOf(options_.progress_topic, timeout_ms_));
    if (partitions == 0) return std::optional<Progress>();
    std::int64_t low = 0;
    const char* const topic = options_.progress_topic.c_str();
    const auto asked = rd_kafka_query_watermark_offsets(client_.get(), topic, 0, &low, &end_, timeout_ms_);
    if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return Failed(asked);
    const Owned<rd_kafka_topic_partition_list_t> list(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(list.get(), topic, 0)->offset = low;
    if (const auto code = rd_kafka_assign(client_.get(), list.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return Failed(code);
    while (!done_) HG_RETURN_IF_ERROR(Next());
    return std::move(last_);
  }

 private:
  Error Failed(rd_kafka_resp_err_t code) const { return client_.ErrorOf(code, tried_); }

  Status Next() {
    const Owned<rd_kafka_message_t> message(rd_kafka_consumer_poll(client_.get(), kPollMs));
    if (std::chrono::steady_clock::now() >= until_) {
      if (!ended_) return Failed(RD_KAFKA_RESP_ERR__TIMED_OUT);
      return Transient(tried_ + " on " + client_.place() +
                       ": a transaction of another producer is open there, which has to end first");
    }
    if (message == nullptr) return Ok();
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      // The end for those who read what is committed: an open transaction holds it back.
      ended_ = true;
      done_ = message->offset >= end_;
      return Ok();
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      const ErrorKind kind = KindOf(message->err);
      return kind == ErrorKind::kTransient ? Ok() : Status(Failed(message->err));
    }
    const std::string_view key(static_cast<const char*>(message->key), message->key_len);
    if (key != options_.name) return Ok();
    const std::string_view text(static_cast<const char*>(message->payload), message->len);
    last_ = ParseProgress(text);
    if (!last_ && !text.empty())
      return ConfigError("Topic " + options_.progress_topic + " on " + client_.place() +
                         " holds what is no progress of a sink. Set progress_topic to another one");
    return Ok();
  }

  Client& client_;
  const Options& options_;
  const std::string tried_;
  const int timeout_ms_;
  const std::chrono::steady_clock::time_point until_;
  std::int64_t end_ = 0;
  bool ended_ = false;
  bool done_ = false;
  std::optional<Progress> last_;
};

}  // namespace

std::string TextOf(const Progress& progress) {
  nlohmann::ordered_json json{{"log", progress.log}, {"seq", progress.seq}};
  if (!progress.states.empty()) json["states"] = progress.states;
  if (progress.letter != 0) json["letter"] = progress.letter;
  return json.dump();
}

std::optional<Progress> ParseProgress(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto is_number = [&](const char* name) { return json.contains(name) && json[name].is_number_unsigned(); };
  if (!json.is_object() || !json.contains("log") || !json["log"].is_string() || !is_number("seq")) return std::nullopt;
  Progress progress{json["log"].get<std::string>(), json["seq"].get<Seq>(), "", 0};
  if (json.contains("states") && json["states"].is_string()) progress.states = json["states"].get<std::string>();
  if (is_number("letter")) progress.letter = json["letter"].get<std::uint64_t>();
  return progress;
}

Result<std::optional<Progress>> ReadProgress(const Options& options, int timeout_ms) {
  const Properties properties = {{"group.id", options.progress_topic},  // asked for by the library, used by nobody
                                 {"enable.auto.commit", "false"},
                                 {"isolation.level", "read_committed"},
                                 {"enable.partition.eof", "true"},
                                 {"auto.offset.reset", "earliest"}};
  HG_ASSIGN_OR_RETURN(const auto reader, Client::Open(options.client, RD_KAFKA_CONSUMER, properties));
  return Reading(*reader, options, timeout_ms).Run();
}

}  // namespace headgate::kafka::sink
