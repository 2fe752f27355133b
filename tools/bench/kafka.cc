#include "tools/bench/kafka.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/headgate_process.h"
#include "tests/support/private_kafka.h"
#include "tools/bench/kafka_topic.h"
#include "tools/bench/measure.h"
#include "tools/bench/setup.h"

namespace headgate::bench {
namespace {

using test::HeadgateOptions;
using test::HeadgateProcess;
using test::PrivateKafka;

constexpr const char* kStream = "shop.public.orders";
constexpr int kPartitions = 4;
constexpr std::size_t kKept = 10'000;  // records that the reference sends again and again

// A server with the table, a broker that is not the small one of the tests, and the program.
struct KafkaBench {
  explicit KafkaBench(bool fsync)
      : setup(fsync),
        kafka(Must(PrivateKafka::Start(
            {.settings = {"num.partitions=" + std::to_string(kPartitions), "log.segment.bytes=1073741824",
                          "num.network.threads=3", "num.io.threads=8"},
             .fast = true}))) {
    HeadgateOptions options;
    options.connectors["shop"] = setup.Source();
    headgate = std::make_unique<HeadgateProcess>(options);
    Must(headgate->Start());
    AwaitStreaming(*headgate);
  }

  // A sink with the defaults beside the format, into a topic of its name.
  void Make(const std::string& sink, const char* format) const {
    const nlohmann::json config = {{"connector.class", "kafka"},
                                   {"topics", kStream},
                                   {"brokers", kafka->address()},
                                   {"topic", sink},
                                   {"format", format}};
    const auto made =
        headgate->Call("POST", "/connectors", nlohmann::json({{"name", sink}, {"config", config}}).dump());
    if (!made.ok() || made->status != 201) Must(Transient("the sink was not made"));
  }
  TopicReader Reader(const std::string& topic) const { return {kafka->address(), topic, kPartitions}; }

  Setup setup;
  std::unique_ptr<PrivateKafka> kafka;
  std::unique_ptr<HeadgateProcess> headgate;
};

// In transactions of a thousand. The note makes a record of 300 bytes of the row.
std::string FillSql(long rows) {
  return "DO $$ BEGIN FOR t IN 0.." + std::to_string(rows / 1'000 - 1) +
         " LOOP INSERT INTO public.orders SELECT i, i % 1000, (i % 100000) / 100.0, repeat(md5(i::text), 6), i % 2 = 0 "
         "FROM generate_series(t * 1000::bigint + 1, (t + 1) * 1000::bigint) i; COMMIT; END LOOP; END "
         "$$";
}

// A new sink writes all rows into a new topic.
struct SinkRound {
  double start = 0;    // seconds until the first of them are committed
  double writing = 0;  // and the others, as if the first ones were among them
};

SinkRound KafkaSinkRound(const KafkaBench& bench, long rows, const std::string& topic, const char* format) {
  SinkRound round;
  const double start = Seconds();
  bench.Make(topic, format);
  double delivered = 0;
  const auto reach = [&](double count, int every_ms) {
    const auto done = [&] { return (delivered = DeliveredBy(*bench.headgate, topic)) >= count; };
    if (!WaitUntil(done, 300, every_ms)) Must(Transient("not all rows were delivered"));
    return Seconds();
  };
  const double first = reach(1, 1);
  const double left = static_cast<double>(rows) - delivered;
  if (left <= 0) Must(Transient("all rows were delivered at once: too few to be timed"));
  const double end = reach(static_cast<double>(rows), 20);
  if (auto gone = bench.headgate->Call("DELETE", "/connectors/" + topic); !gone.ok()) Must(gone.error());
  round.start = first - start;
  round.writing = (end - first) * static_cast<double>(rows) / left;
  return round;
}

// All records of a topic are read, and the first ones kept.
std::vector<test::KafkaRecord> TakeRecords(const KafkaBench& bench, long rows, const std::string& topic) {
  TopicReader reader = bench.Reader(topic);
  std::vector<test::KafkaRecord> kept;
  for (long i = 0; i < rows; ++i) {
    const auto message = reader.Next(10'000);
    if (message == nullptr) Must(Transient("the topic has only " + std::to_string(i) + " records"));
    if (kept.size() < kKept) kept.push_back(RecordOf(*message));
  }
  if (reader.Next(500) != nullptr) Must(Transient("the topic has more records than the table has rows"));
  return kept;
}

void TellSizes(const std::vector<test::KafkaRecord>& records) {
  std::size_t values = 0;
  std::size_t others = 0;
  for (const test::KafkaRecord& record : records) {
    values += record.value->size();
    others += record.key->size();
    for (const auto& [name, value] : record.headers) others += name.size() + value->size();
  }
  const auto count = static_cast<double>(records.size());
  Line("a record's value", static_cast<double>(values) / count, "bytes", "");
  Line("  its key and header", static_cast<double>(others) / count, "bytes", "");
}

// Where the key is {"id":17}.
long IdOf(const rd_kafka_message_t& message) {
  const std::string_view key(static_cast<const char*>(message.key), message.key_len);
  long id = 0;
  std::from_chars(key.data() + std::min(key.find(':') + 1, key.size()), key.data() + key.size(), id);
  return id;
}

}  // namespace

void KafkaThroughput(long rows) {
  const KafkaBench bench(false);
  Must(bench.setup.server->Exec(kDatabase, FillSql(rows)));
  if (!WaitUntil([&] { return RecordsOf(*bench.headgate, kStream) >= static_cast<std::uint64_t>(rows); }, 120, 20))
    Must(Transient("not all rows arrived in the log"));
  KafkaSinkRound(bench, rows, "warm", "row");  // the broker's own compiler too
  const auto records = TakeRecords(bench, rows, "warm");
  TellSizes(records);
  struct Round {
    double ratio() const { return reference / ours; }
    double reference = 0;
    double ours = 0;
  };
  constexpr std::size_t kRounds = 5;
  std::vector<Round> rounds(kRounds);
  const auto client = Must(bench.kafka->Connect());
  double cpu = 0;
  double started = 0;
  for (std::size_t i = 0; i < kRounds; ++i) {  // in turn: what else the machine does changes within seconds
    const std::string reference = "reference" + std::to_string(i);
    Must(client.CreateTopic(reference, kPartitions));
    BareProducer producer(bench.kafka->address(), reference);
    const double start = Seconds();
    producer.Send(records, rows);
    rounds[i].reference = Seconds() - start;
    const double before = CpuSeconds(bench.headgate->pid());
    const SinkRound ours = KafkaSinkRound(bench, rows, "orders" + std::to_string(i), "row");
    rounds[i].ours = ours.writing;
    cpu += CpuSeconds(bench.headgate->pid()) - before;
    started += ours.start;
  }
  std::ranges::sort(rounds, {}, &Round::ratio);
  const Round& middle = rounds[kRounds / 2];
  const auto count = static_cast<double>(rows);
  Line("log into a topic, in transactions, rows as JSON", count / middle.ours, "records/s",
       "(budget: at least 150000)");
  Line("  a bare idempotent producer, the same from memory", count / middle.reference, "records/s", "");
  Line("  ratio, middle of 5 rounds", middle.ratio(), "", "(budget: at least 0.8)");
  Line("  ratio, worst round", rounds.front().ratio(), "", "");
  Line("  ratio, best round", rounds.back().ratio(), "", "");
  Line("  start of a sink into a new topic", started / static_cast<double>(kRounds), "s", "(beside it)");
  Line("  CPU a record", cpu / static_cast<double>(kRounds) / count * 1e6, "us", "");
  Line("  resident memory, peak", ResidentMiB(bench.headgate->pid(), "VmHWM"), "MiB", "(budget: at most 192)");
}

void KafkaLatency(int per_second, int seconds) {
  const KafkaBench bench(true);
  auto client = Must(bench.setup.server->Connect(kDatabase));
  Must(client.Exec("PREPARE one AS INSERT INTO public.orders VALUES ($1, 1, 10.50, 'a note of some length', true)"));
  Must(client.Exec("EXECUTE one(1)"));
  bench.Make("orders", "native");
  const auto reads = Must(bench.kafka->Connect());
  if (!WaitUntil([&] { return reads.PartitionsOf("orders").ok(); }, 30, 50)) Must(Transient("no topic was made"));
  TopicReader reader = bench.Reader("orders");
  if (reader.Next(30'000) == nullptr) Must(Transient("the first record did not arrive"));
  const long warm = per_second * 30L;  // the broker's own compiler too
  const long all = warm + static_cast<long>(per_second) * seconds;
  std::vector<std::atomic<double>> committed(static_cast<std::size_t>(all) + 1);
  const double start = Seconds();
  std::jthread writer([&] {
    for (long id = 2; id <= all; ++id) {
      PauseUntil(start + static_cast<double>(id) / per_second);
      Must(client.Exec("EXECUTE one(" + std::to_string(id) + ")"));
      committed[static_cast<std::size_t>(id)] = Seconds();
    }
  });
  std::vector<double> waits;
  for (long read = 2; read <= all; ++read) {
    const auto message = reader.Next(30'000);
    const double now = Seconds();
    if (message == nullptr) Must(Transient("not all records arrived"));
    const long id = IdOf(*message);
    if (id < 2 || id > all) Must(Transient("a record came twice or with a wrong key"));
    // It may be here before the writer has the answer to its commit: then it took no time.
    const double at = committed[static_cast<std::size_t>(id)];
    if (id > warm) waits.push_back(at == 0 ? 0 : std::max(0.0, now - at));
  }
  writer.join();
  const std::string name = "commit to a committed record, " + std::to_string(per_second) + "/s, p50";
  Line(name.c_str(), Percentile(waits, 0.5), "ms", "(budget: at most 10)");
  Line("  p99", Percentile(waits, 0.99), "ms", "(budget: at most 50)");
  Line("  commits reached",
       static_cast<double>(all - warm) / (committed.back() - committed[static_cast<std::size_t>(warm)]), "/s", "");
  Line("  resident memory, peak", ResidentMiB(bench.headgate->pid(), "VmHWM"), "MiB", "(budget: at most 192)");
}

}  // namespace headgate::bench
