#include "tools/bench/kafka_source.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/headgate_process.h"
#include "tests/support/private_kafka.h"
#include "tools/bench/kafka_topic.h"
#include "tools/bench/measure.h"
#include "tools/bench/setup.h"

namespace headgate::bench {
namespace {

constexpr const char* kReadingsTopic = "sensor";
constexpr int kTopicPartitions = 4;
constexpr int kSourceRounds = 5;

std::string ReadingOf(long id, TopicFormat format) {
  const double temperature = static_cast<double>(id % 800) / 16;
  if (format == TopicFormat::kJson) {
    char text[80];
    std::snprintf(text, sizeof text, R"({"sensor_id":%ld,"temperature":%.4f})", id, temperature);
    return text;
  }
  std::string bytes = "\x08";
  for (auto left = static_cast<unsigned long>(id);;) {
    bytes.push_back(static_cast<char>(left >= 0x80 ? (left & 0x7f) | 0x80 : left));
    left >>= 7;
    if (left == 0) break;
  }
  bytes.push_back('\x11');
  char fixed[sizeof temperature];
  std::memcpy(fixed, &temperature, sizeof temperature);
  return bytes.append(fixed, sizeof fixed);
}

// How many records there are then: both readers are measured by what the topic has.
long FillTopic(const test::PrivateKafka& server, long records, TopicFormat format) {
  constexpr long kAtOnce = 50'000;
  const test::KafkaClient client = Must(server.Connect());
  Must(client.CreateTopic(kReadingsTopic, kTopicPartitions));
  for (long from = 0; from < records; from += kAtOnce) {
    std::vector<test::KafkaRecord> chunk;
    for (long id = from; id < std::min(records, from + kAtOnce); ++id) {
      test::KafkaRecord& record = chunk.emplace_back();
      record.partition = static_cast<std::int32_t>(id % kTopicPartitions);
      record.value = ReadingOf(id, format);
    }
    Must(client.Produce(kReadingsTopic, chunk));
  }
  return TopicReader(server.address(), kReadingsTopic, kTopicPartitions).Count();
}

double OwnCpuSeconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct SourceRound {
  double ratio() const { return bare / ours; }
  double bare = 0;  // seconds
  double bare_cpu = 0;
  double ours = 0;
  double ours_cpu = 0;
  double memory_mib = 0;
  std::vector<ThreadCpu> threads;
};

void ConsumeAll(const test::PrivateKafka& server, long records, SourceRound& round) {
  const double cpu = OwnCpuSeconds();
  const double start = Seconds();
  {
    // What the source sets: the library's own settings stand still for a second when its queue is full.
    TopicReader reader(server.address(), kReadingsTopic, kTopicPartitions,
                       {{"queued.max.messages.kbytes", "16384"}, {"fetch.queue.backoff.ms", "10"}});
    for (long have = 0; have < records; ++have) {
      if (reader.Next(10'000) == nullptr) Must(Transient("the bare consumer got only " + std::to_string(have)));
    }
    round.bare = Seconds() - start;
  }
  round.bare_cpu = OwnCpuSeconds() - cpu;
}

nlohmann::json SourceOn(const test::PrivateKafka& server, TopicFormat format) {
  nlohmann::json config = {{"connector.class", "kafka-source"},
                           {"brokers", server.address()},
                           {"topic", kReadingsTopic},
                           {"columns", "sensor_id int NOT NULL, temperature float8 NOT NULL"}};
  if (format == TopicFormat::kProtobuf) {
    config["format"] = "protobuf";
    config["message"] = "SensorData";
    config["schema"] = "syntax = \"proto3\"; message SensorData { int32 sensor_id = 1; double temperature = 2; }";
  }
  return {{"name", "readings"}, {"config", std::move(config)}};
}

void TakeIn(const test::PrivateKafka& server, long records, TopicFormat format, SourceRound& round) {
  test::HeadgateProcess headgate((test::HeadgateOptions()));
  Must(headgate.Start());
  const double cpu = CpuSeconds(headgate.pid());
  const double start = Seconds();
  const auto made = headgate.Call("POST", "/connectors", SourceOn(server, format).dump());
  if (!made.ok() || made->status != 201) Must(Transient("the source was not made"));
  const auto all = [&] { return RecordsOf(headgate, "readings") >= static_cast<std::uint64_t>(records); };
  if (!WaitUntil(all, 300, 10)) Must(Transient("not all records arrived"));
  round.ours = Seconds() - start;
  round.ours_cpu = CpuSeconds(headgate.pid()) - cpu;
  round.threads = ThreadsOf(headgate.pid());
  round.memory_mib = ResidentMiB(headgate.pid(), "VmHWM");
  if (RecordsOf(headgate, "readings") != static_cast<std::uint64_t>(records))
    Must(Transient("the log has other records than the topic"));
}

}  // namespace

void KafkaSourceThroughput(long records, TopicFormat format) {
  const auto server = Must(test::PrivateKafka::Start(
      {.settings = {"log.segment.bytes=1073741824", "num.network.threads=3", "num.io.threads=8"}, .fast = true}));
  records = FillTopic(*server, records, format);
  SourceRound warm;  // the broker's own compiler too
  ConsumeAll(*server, records, warm);
  std::vector<SourceRound> rounds(kSourceRounds);
  for (SourceRound& round : rounds) {  // in turn: what else the machine does changes within seconds
    ConsumeAll(*server, records, round);
    TakeIn(*server, records, format, round);
  }
  std::ranges::sort(rounds, {}, &SourceRound::ratio);
  const SourceRound& middle = rounds[kSourceRounds / 2];
  const auto count = static_cast<double>(records);
  Line(format == TopicFormat::kJson ? "a topic into the log, JSON" : "a topic into the log, Protobuf",
       count / middle.ours, "records/s", "");
  Line("  a bare consumer", count / middle.bare, "records/s", "");
  Line("  ratio, middle of 5 rounds", middle.ratio(), "", "(budget: at least 0.7)");
  Line("  ratio, worst round", rounds.front().ratio(), "", "");
  Line("  ratio, best round", rounds.back().ratio(), "", "");
  Line("  CPU a record of the bare consumer", middle.bare_cpu / count * 1e6, "us", "");
  Line("  CPU a record", middle.ours_cpu / count * 1e6, "us", "");
  for (const ThreadCpu& thread : middle.threads) {
    if (thread.seconds / count * 1e6 < 0.01) continue;
    Line(("    thread " + thread.name).c_str(), thread.seconds / count * 1e6, "us", "");
  }
  Line("  resident memory, peak", middle.memory_mib, "MiB", "");
}

}  // namespace headgate::bench
