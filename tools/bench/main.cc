// headgate-bench: the budgets of the design, each a figure or a ratio against a reference measured in the same run.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/headgate_process.h"
#include "tools/bench/catch_up.h"
#include "tools/bench/commit_latency.h"
#include "tools/bench/hot_key.h"
#include "tools/bench/ingest.h"
#include "tools/bench/kafka.h"
#include "tools/bench/kafka_source.h"
#include "tools/bench/kafka_thermostat.h"
#include "tools/bench/live_settings.h"
#include "tools/bench/measure.h"
#include "tools/bench/mysql.h"
#include "tools/bench/nexmark.h"
#include "tools/bench/receiver.h"
#include "tools/bench/render.h"
#include "tools/bench/restart.h"
#include "tools/bench/search.h"
#include "tools/bench/setup.h"
#include "tools/bench/table.h"
#include "tools/bench/view_latency.h"
#include "tools/bench/views.h"

namespace headgate::bench {
namespace {

using test::ConnectorSettings;
using test::HeadgateOptions;
using test::HeadgateProcess;

constexpr const char* kStream = "shop.public.orders";

std::string InsertRows(long first, long count) {
  return "INSERT INTO public.orders SELECT i, i % 1000, (i % 100000) / 100.0, 'order number ' || i || ' with a note', "
         "i % 2 = 0 "
         "FROM generate_series(" +
         std::to_string(first) + "::bigint, " + std::to_string(first + count - 1) + ") i";
}

// The same in transactions of `per_transaction` rows.
std::string InsertTransactions(long rows, long per_transaction) {
  return "DO $$ BEGIN FOR t IN 0.." + std::to_string(rows / per_transaction - 1) +
         " LOOP INSERT INTO public.orders SELECT i, i % 1000, (i % 100000) / 100.0, 'order number ' || i || ' with a "
         "note', i % 2 = 0 "
         "FROM generate_series(t * " +
         std::to_string(per_transaction) + "::bigint, (t + 1) * " + std::to_string(per_transaction) +
         "::bigint - 1) i; COMMIT; END LOOP; END $$";
}

// 1. PostgreSQL streaming into the durable log, against pg_recvlogical to /dev/null with the same publication.
void Streaming(long rows, long per_transaction) {
  Setup setup(false);
  HeadgateOptions options;
  options.connectors["shop"] = setup.Source();
  HeadgateProcess headgate(options);
  Must(headgate.Start());
  AwaitStreaming(headgate);
  headgate.Terminate();
  Must(setup.server->Exec(kDatabase, "SELECT pg_create_logical_replication_slot('reference', 'pgoutput')"));
  Must(setup.server->Exec(kDatabase, InsertTransactions(rows, per_transaction)));
  const auto end = setup.server->Value(kDatabase, "SELECT pg_current_wal_lsn()");
  if (!end.ok()) Must(end.error());

  double reference = 1e9;
  double ours = 1e9;
  double cpu = 0;
  // The reference first, so that the WAL is in the page cache for both; -n: it does not confirm, one slot serves all
  // rounds.
  for (int round = 0; round < 2; ++round) {
    const std::string command =
        "/usr/lib/postgresql/15/bin/pg_recvlogical -d '" + setup.server->Dsn(kDatabase) +
        "' --slot=reference --start --no-loop --endpos=" + *end +
        " -f /dev/null -F 0 -s 0 -o proto_version=1 -o publication_names=headgate_shop -o messages=true";
    const double start = Seconds();
    if (std::system(command.c_str()) != 0) Must(Transient("pg_recvlogical failed"));
    reference = std::min(reference, Seconds() - start);
    Must(setup.server->Exec(kDatabase, "SELECT pg_drop_replication_slot('reference')"));
    if (round == 0)
      Must(setup.server->Exec(kDatabase, "SELECT pg_copy_logical_replication_slot('headgate_shop', 'reference')"));
  }
  {
    const double start = Seconds();
    Must(headgate.Start());
    if (!WaitUntil([&] { return RecordsOf(headgate, kStream) >= static_cast<std::uint64_t>(rows); }, 300, 10))
      Must(Transient("not all rows arrived"));
    ours = Seconds() - start;
    cpu = CpuSeconds(headgate.pid());
  }
  char name[100];
  std::snprintf(name, sizeof name, "streaming into the log, %ld rows a transaction", per_transaction);
  Line(name, static_cast<double>(rows) / ours, "rows/s", "");
  Line("  pg_recvlogical to /dev/null, same run", static_cast<double>(rows) / reference, "rows/s", "");
  Line("  ratio", reference / ours, "", "(budget: at least 0.85)");
  Line("  CPU a row, log included, start-up included", cpu / static_cast<double>(rows) * 1e6, "us",
       "(budget: at most 4)");
  Line("  resident memory, peak", ResidentMiB(headgate.pid(), "VmHWM"), "MiB", "(budget: at most 160)");
}

ConnectorSettings Hook(const Receiver& receiver) {
  return {{"connector.class", "webhook"}, {"topics", "shop.public.orders"}, {"url", receiver.url()}};
}

// 2. Commit to the arrival of the request.
void Latency(int per_second, int seconds) {
  Setup setup(true);
  auto client = Must(setup.server->Connect(kDatabase));
  Must(client.Exec("PREPARE one AS INSERT INTO public.orders VALUES ($1, 1, 10.50, 'a note of some length', true)"));
  const auto commit = [&](long id) { Must(client.Exec("EXECUTE one(" + std::to_string(id) + ")")); };
  CommitLatency({setup.Source(), "shop.public.orders", commit, "(budget: at most 1)", "(budget: at most 5)"},
                per_second, seconds);
}

// 3. Deliveries after a burst: the log is filled while the sink is paused.
void Burst(long rows, int batch, int parallelism, bool standard) {
  Setup setup(false);
  Receiver receiver;
  HeadgateOptions options;
  options.connectors["shop"] = setup.Source();
  options.connectors["hook"] = Hook(receiver);
  options.connectors["hook"]["batch_events_max"] = std::to_string(batch);
  options.connectors["hook"]["parallelism"] = std::to_string(parallelism);
  if (standard) {
    options.connectors["hook"]["envelope"] = "standard";
    options.connectors["hook"]["signing_secrets"] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
  }
  HeadgateProcess headgate(options);
  Must(headgate.Start());
  AwaitStreaming(headgate);
  if (auto answer = headgate.Call("PUT", "/connectors/hook/pause"); !answer.ok()) Must(answer.error());
  Pause(300);
  for (long i = 0; i < rows; i += 10'000)
    Must(setup.server->Exec(kDatabase, InsertRows(i, std::min(10'000L, rows - i))));
  if (!WaitUntil([&] { return RecordsOf(headgate, kStream) >= static_cast<std::uint64_t>(rows); }, 60, 20))
    Must(Transient("not all rows arrived"));
  const double cpu = CpuSeconds(headgate.pid());
  const double start = Seconds();
  if (auto answer = headgate.Call("PUT", "/connectors/hook/resume"); !answer.ok()) Must(answer.error());
  if (!WaitUntil([&] { return receiver.events() >= static_cast<std::uint64_t>(rows); }, 120, 1))
    Must(Transient("not all events were delivered"));
  const double took = Seconds() - start;
  char name[100];
  std::snprintf(name, sizeof name, "deliveries after a burst of %ld, %d a request%s", rows, batch,
                standard ? ", standard and signed" : "");
  Line(name, static_cast<double>(rows) / took, "events/s",
       batch == 1 ? "(budget: at least 20000)" : "(budget: at least 150000)");
  Line("  requests", static_cast<double>(receiver.requests()) / took, "/s", "");
  Line("  CPU an event", (CpuSeconds(headgate.pid()) - cpu) / static_cast<double>(rows) * 1e6, "us", "");
  Line("  resident memory, peak", ResidentMiB(headgate.pid(), "VmHWM"), "MiB", "(budget: at most 160)");
}

// 4. From the start of the process to the first event at the receiver, on an existing slot.
void ColdStart() {
  Setup setup(true);
  Receiver receiver;
  HeadgateOptions options;
  options.connectors["shop"] = setup.Source();
  options.connectors["hook"] = Hook(receiver);
  HeadgateProcess headgate(options);
  Must(headgate.Start());
  AwaitStreaming(headgate);
  headgate.Terminate();
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) {
    Must(setup.server->Exec(kDatabase, InsertRows(i * 10, 1)));
    const auto before = receiver.events();
    const double start = Seconds();
    double took = 0;
    std::jthread watcher([&] {  // the process belongs to the thread that starts it, so it is this one that watches
      if (WaitUntil([&] { return receiver.events() > before; }, 20, 1)) took = (Seconds() - start) * 1000;
    });
    Must(headgate.Start());
    watcher.join();
    if (took == 0) Must(Transient("no event arrived"));
    times.push_back(took);
    headgate.Terminate();
  }
  std::ranges::sort(times);
  Line("cold start to first event, median of 5", times[2], "ms", "(budget: at most 300)");
}

constexpr const char* kUsage =
    "headgate-bench [NAME...] [OPTION VALUE...]: all but catch-up, hotkey, kafka, mysql, nexmark, render, restart, "
    "search "
    "and table if none is named\n\n"
    "  cold          start to the first delivery\n"
    "  latency       commit to webhook request\n"
    "  view-latency  commit to a view's change at a client\n"
    "  views         views of five kinds, from the log; --query NAME (all)\n"
    "  nexmark       the Nexmark queries, from the log; --events N (2000000), --per-transaction N (1000),\n"
    "                --query qN (all), --seconds N for each (60), --memory-mib N for the views (1024)\n"
    "  hotkey        a row is updated that many others of a join refer to; --rows N (1000000), --memory-mib N (64)\n"
    "  restart       start on stored state; --gib N (1)\n"
    "  render        changes as JSON, on one core\n"
    "  catch-up      memory while an index and a table catch up at once; --rows N (1000000)\n"
    "  kafka         the log into a topic of Kafka, a commit to its record, a topic into the log, the\n"
    "                thermostat; --query throughput|latency|source|thermostat (all), --rows N (1000000), --events N\n"
    "                of a topic (3000000)\n"
    "  search        the log into OpenSearch; --rows N (300000)\n"
    "  ingest        events over HTTP\n"
    "  settings      events that are judged while settings change\n"
    "  burst         deliveries of a full log\n"
    "  stream        PostgreSQL into the log\n"
    "  mysql         MySQL and MariaDB; --server mysql|mariadb (both), --query "
    "stream|snapshot|large|compressed|latency\n"
    "                (all), --rows N of the snapshot (10000000), --mib N of the large transaction (2048), --row-bytes "
    "N "
    "of it\n"
    "  table         the log into tables; --server postgres|mysql|mariadb (all), --rows N (1000000)";

struct Arguments {
  std::vector<std::string> names;
  std::map<std::string, std::string> options;  // without --

  bool Wanted(const char* name, bool by_default = true) const {
    return names.empty() ? by_default : std::ranges::find(names, name) != names.end();
  }
  double Number(const char* option, double by_default) const {
    const auto found = options.find(option);
    return found == options.end() ? by_default : std::atof(found->second.c_str());
  }
  std::string Text(const char* option) const {
    const auto found = options.find(option);
    return found == options.end() ? "" : found->second;
  }
};

// Nothing: wrong, or asks for help.
std::optional<Arguments> Parse(int argc, char** argv) {
  constexpr std::array kNames = {"cold",   "kafka",   "latency", "view-latency", "views",   "nexmark",
                                 "hotkey", "restart", "ingest",  "settings",     "burst",   "stream",
                                 "mysql",  "search",  "table",   "render",       "catch-up"};
  constexpr std::array kOptions = {"events", "per-transaction", "query", "seconds",  "memory-mib", "gib",
                                   "rows",   "server",          "mib",   "row-bytes"};
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (std::ranges::find(kNames, word) != kNames.end()) {
      arguments.names.push_back(word);
    } else if (word.starts_with("--") && std::ranges::find(kOptions, word.substr(2)) != kOptions.end() &&
               i + 1 < argc) {
      arguments.options[word.substr(2)] = argv[++i];
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

NexmarkOptions NexmarkOf(const Arguments& arguments) {
  NexmarkOptions options;
  options.events = std::lround(arguments.Number("events", static_cast<double>(options.events)));
  options.per_transaction =
      std::lround(arguments.Number("per-transaction", static_cast<double>(options.per_transaction)));
  options.limit_seconds = arguments.Number("seconds", options.limit_seconds);
  options.memory_mib = std::lround(arguments.Number("memory-mib", static_cast<double>(options.memory_mib)));
  options.query = arguments.Text("query");
  return options;
}

HotKeyOptions HotKeyOf(const Arguments& arguments) {
  HotKeyOptions options;
  options.rows = std::lround(arguments.Number("rows", static_cast<double>(options.rows)));
  options.memory_mib = std::lround(arguments.Number("memory-mib", static_cast<double>(options.memory_mib)));
  return options;
}

void Mysql(const Arguments& arguments) {
  const std::string part = arguments.Text("query");
  const auto wanted = [&](const char* name) { return part.empty() || part == name; };
  for (const auto kind : {test::MyServer::kMysql, test::MyServer::kMariadb}) {
    const std::string server = arguments.Text("server");
    if (!server.empty() && server != test::NameOf(kind)) continue;
    if (wanted("stream")) {
      MysqlStreaming(kind, 1'000'000, 1'000);
      MysqlStreaming(kind, 200'000, 1);
    }
    if (wanted("snapshot")) MysqlSnapshot(kind, std::lround(arguments.Number("rows", 10'000'000)));
    const long mib = std::lround(arguments.Number("mib", 2048));
    const long row_bytes = std::lround(arguments.Number("row-bytes", 0));
    if (wanted("large")) MysqlLarge(kind, mib, row_bytes, false);
    if (wanted("compressed")) MysqlLarge(kind, mib, row_bytes, true);
    if (wanted("latency") && kind == test::MyServer::kMysql) MysqlLatency(1000, 10);
  }
}

void Kafka(const Arguments& arguments) {
  const std::string part = arguments.Text("query");
  const auto wanted = [&](const char* name) { return part.empty() || part == name; };
  if (wanted("throughput")) KafkaThroughput(std::lround(arguments.Number("rows", 1'000'000)));
  if (wanted("latency")) KafkaLatency(1000, 10);
  if (wanted("source")) {
    const long records = std::lround(arguments.Number("events", 3'000'000));
    for (const auto format : {TopicFormat::kJson, TopicFormat::kProtobuf}) KafkaSourceThroughput(records, format);
  }
  if (wanted("thermostat")) {
    for (const int every : {10, 1}) KafkaThermostat(std::lround(arguments.Number("events", 2'000'000)), every);
  }
}

void Table(const Arguments& arguments) {
  const std::string server = arguments.Text("server");
  const long rows = std::lround(arguments.Number("rows", 1'000'000));
  if (server.empty() || server == "postgres") TablePostgres(rows);
  for (const auto kind : {test::MyServer::kMysql, test::MyServer::kMariadb}) {
    if (server.empty() || server == test::NameOf(kind)) TableMysql(kind, rows);
  }
}

}  // namespace
}  // namespace headgate::bench

int main(int argc, char** argv) {
  using namespace headgate::bench;
  const auto arguments = Parse(argc, argv);
  if (!arguments) {
    std::puts(kUsage);
    return std::string(argv[1]) == "--help" ? 0 : 2;
  }
  if (arguments->Wanted("cold")) ColdStart();
  if (arguments->Wanted("latency")) Latency(1000, 10);
  if (arguments->Wanted("view-latency")) ViewLatency(1000, 10);
  if (arguments->Wanted("views")) Views(2'000'000, arguments->Text("query"));
  if (arguments->Wanted("nexmark", false)) Nexmark(NexmarkOf(*arguments));
  if (arguments->Wanted("hotkey", false)) HotKey(HotKeyOf(*arguments));
  if (arguments->Wanted("restart", false)) Restart(arguments->Number("gib", 1));
  if (arguments->Wanted("ingest")) {
    IngestThroughput(32, 100, 10);
    IngestLatency(1000, 10);
  }
  if (arguments->Wanted("settings")) LiveSettings(50'000, 10);
  if (arguments->Wanted("burst")) {
    Burst(100'000, 1, 16, false);
    Burst(100'000, 1, 16, true);
    Burst(300'000, 500, 8, false);
  }
  if (arguments->Wanted("stream")) {
    Streaming(1'000'000, 1000);
    Streaming(200'000, 1);
  }
  if (arguments->Wanted("render", false)) Render();
  if (arguments->Wanted("catch-up", false)) CatchUp(std::lround(arguments->Number("rows", 1'000'000)));
  if (arguments->Wanted("kafka", false)) Kafka(*arguments);
  if (arguments->Wanted("mysql", false)) Mysql(*arguments);
  if (arguments->Wanted("table", false)) Table(*arguments);
  if (arguments->Wanted("search", false)) {
    SearchThroughput(static_cast<long>(arguments->Number("rows", 300'000)));
    SearchLatency(1000, 10, 0);
    SearchLatency(1000, 10, 200);
  }
  return 0;
}
