#include "tools/bench/mysql.h"

#include <mysql.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connectors/mysql/binlog_connection.h"
#include "connectors/mysql/binlog_decoder.h"
#include "connectors/mysql/catalog.h"
#include "connectors/mysql/connection.h"
#include "connectors/mysql/tables.h"
#include "tests/support/headgate_process.h"
#include "tools/bench/commit_latency.h"
#include "tools/bench/measure.h"
#include "tools/bench/setup.h"
#include "tools/bench/shard.h"

namespace headgate::bench {
namespace {

using test::HeadgateOptions;
using test::HeadgateProcess;
using test::MyClient;
using test::MyServer;
using test::PrivateMysql;

constexpr const char* kMyStream = "shop.bench.orders";
constexpr const char* kTable =
    "CREATE TABLE bench.orders (id BIGINT PRIMARY KEY, customer INT NOT NULL, total DECIMAL(10,2) NOT NULL, "
    "note VARCHAR(100) NOT NULL, paid BOOLEAN NOT NULL, placed_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6))";
constexpr const char* kColumns = "(id, customer, total, note, paid)";
constexpr const char* kFillFirst =
    "INSERT INTO bench.orders (id, customer, total, note, paid) VALUES (0, 0, 0, 'order number 0 with a note', true)";

struct MySetup {
  explicit MySetup(MyServer kind, std::vector<std::string> settings = {}) {
    settings.insert(settings.end(), {"innodb-buffer-pool-size=1G", "max-binlog-size=1G", "max-allowed-packet=1G"});
    server = Must(PrivateMysql::Start(kind, std::move(settings)));
    client = std::make_unique<MyClient>(Must(server->Connect()));
    Exec("CREATE DATABASE aux");
    Exec("CREATE DATABASE bench");
    Exec(kTable);
    Exec("USE bench");
  }

  void Exec(const std::string& sql) { Must(client->Exec(sql)); }

  // Rows of the table, in transactions of `per_transaction` rows; their notes longer by `padding` bytes.
  void Fill(long rows, long per_transaction, long padding = 0) {
    Exec("CREATE TABLE aux.numbers (i BIGINT PRIMARY KEY)");
    Exec("INSERT INTO aux.numbers VALUES (0)");
    for (long have = 1; have < per_transaction; have *= 2)
      Exec("INSERT INTO aux.numbers SELECT i + " + std::to_string(have) + " FROM aux.numbers");
    Exec("DELETE FROM aux.numbers WHERE i >= " + std::to_string(per_transaction));
    for (long from = 0; from < rows; from += per_transaction) {
      const std::string id = "(i + " + std::to_string(from) + ")";
      Exec(std::string("INSERT INTO bench.orders ") + kColumns + " SELECT " + id + ", " + id + " % 1000, (" + id +
           " % 100000) / 100.0, CONCAT('order number ', " + id + ", ' with a note', REPEAT('x', " +
           std::to_string(padding) + ")), " + id + " % 2 = 0 FROM aux.numbers");
    }
  }

  test::ConnectorSettings Source(const std::string& snapshot) const {
    return {{"connector.class", test::NameOf(server->kind())},
            {"host", server->host()},
            {"port", std::to_string(server->port())},
            {"username", "hg"},
            {"password", "pw"},
            {"tables", "bench.*"},
            {"snapshot", snapshot}};
  }

  mysql::Options Options() const {
    mysql::Options options;
    options.name = "shop";
    options.flavor = server->kind() == MyServer::kMysql ? mysql::Flavor::kMysql : mysql::Flavor::kMariadb;
    options.hosts = {{server->host(), static_cast<std::uint16_t>(server->port())}};
    options.username = "hg";
    options.password = "pw";
    options.sslmode = "prefer";
    options.tables = {"bench.*"};
    options.server_id = 4711;
    return options;
  }

  mysql::BinlogPosition Position() const {
    const auto connection = Must(mysql::Connection::Open(Options()));
    return Must(mysql::Catalog(*connection, Options().flavor).CurrentPosition());
  }

  std::unique_ptr<PrivateMysql> server;
  std::unique_ptr<MyClient> client;
};

// Everything between two places of one file, event by event.
template <class Take>
void ReadEvents(const MySetup& setup, const mysql::BinlogPosition& from, const mysql::BinlogPosition& to,
                const Take& take) {
  if (from.place.file != to.place.file) Must(Transient("the binary log has gone on into another file"));
  const auto connection =
      Must(mysql::BinlogConnection::Start(setup.Options(), 0, mysql::BinlogConnection::Mode::kPlace, from));
  constexpr std::size_t kNextPosition = 13;
  for (std::uint64_t at = 0; at < to.place.offset;) {
    const std::string_view event = Must(connection->Next({}));
    std::uint32_t next = 0;
    std::memcpy(&next, event.data() + kNextPosition, 4);
    at = std::max<std::uint64_t>(at, next);
    take(event);
  }
}

// Starts the program on what the server has, until so many rows are in the log.
double Catch(HeadgateProcess& headgate, long rows, int poll_ms = 10) {
  const double start = Seconds();
  Must(headgate.Start());
  if (!WaitUntil([&] { return RecordsOf(headgate, kMyStream) >= static_cast<std::uint64_t>(rows); }, 600, poll_ms))
    Must(Transient("not all rows arrived"));
  return Seconds() - start;
}

// The program has streamed once, and is ended: what is written now is what it reads next.
void BeginStream(HeadgateProcess& headgate, MySetup& setup) {
  Must(headgate.Start());
  AwaitStreaming(headgate);
  setup.Exec(kFillFirst);
  if (!WaitUntil([&] { return RecordsOf(headgate, kMyStream) >= 1; }, 20))
    Must(Transient("the first row did not arrive"));
  headgate.Terminate();
  setup.Exec("TRUNCATE TABLE bench.orders");
}

// Seconds of a plain client to take every row, unbuffered.
double SelectAll(const MySetup& setup, long rows) {
  const std::unique_ptr<MYSQL, void (*)(MYSQL*)> client(mysql_init(nullptr), mysql_close);
  if (mysql_real_connect(client.get(), setup.server->host().c_str(), "hg", "pw", "bench",
                         static_cast<unsigned>(setup.server->port()), nullptr, 0) == nullptr)
    Must(Transient(mysql_error(client.get())));
  const double start = Seconds();
  if (mysql_query(client.get(), "SELECT * FROM bench.orders") != 0) Must(Transient(mysql_error(client.get())));
  MYSQL_RES* const result = mysql_use_result(client.get());
  long seen = 0;
  while (mysql_fetch_row(result) != nullptr) ++seen;
  mysql_free_result(result);
  if (seen != rows) Must(Transient("SELECT gave " + std::to_string(seen) + " rows"));
  return Seconds() - start;
}

struct SnapshotRound {
  double ratio() const { return reference / ours; }

  double reference = 0;  // seconds
  double ours = 0;
  double cpu = 0;
  double peak_mib = 0;
};

void Decode(const MySetup& setup, const mysql::BinlogPosition& from, const mysql::BinlogPosition& to, long rows) {
  std::vector<std::string> events;
  ReadEvents(setup, from, to, [&](std::string_view event) { events.emplace_back(event); });
  Shard shard;
  const auto options = setup.Options();
  const auto writer = Must(shard.log().OpenWriter("shop", "", "mysql"));
  const auto connection = Must(mysql::Connection::Open(options));
  double best = 1e9;
  for (int round = 0; round < 8; ++round) {
    mysql::Tables tables(
        options, *writer,
        [&](const mysql::TableName& table, bool) {
          return mysql::Catalog(*connection, options.flavor).Describe(table);
        },
        [](const mysql::LogPlace&) { return mysql::Alterations(); }, {});
    mysql::BinlogDecoder decoder(tables, options.flavor, from, from, {});
    std::vector<Transaction> done;
    long seen = 0;
    const double start = Seconds();
    for (const std::string& event : events) {
      Must(decoder.Handle(event, done));
      for (const Transaction& tx : done) seen += tx.changes();
      done.clear();
    }
    best = std::min(best, Seconds() - start);
    if (seen != rows) Must(Transient("the decoder has seen " + std::to_string(seen) + " rows"));
  }
  Line("  the decoder alone, from memory", static_cast<double>(rows) / best, "rows/s", "(budget: at least 3000000)");
}

}  // namespace

void MysqlStreaming(MyServer kind, long rows, long per_transaction) {
  MySetup setup(kind);
  HeadgateOptions options;
  options.connectors["shop"] = setup.Source("never");
  HeadgateProcess headgate(options);
  BeginStream(headgate, setup);
  const auto from = setup.Position();
  setup.Fill(rows, per_transaction);
  const auto to = setup.Position();
  double reference = 1e9;
  for (int round = 0; round < 2; ++round) {  // also brings the log into the page cache
    const double start = Seconds();
    ReadEvents(setup, from, to, [](std::string_view) {});
    reference = std::min(reference, Seconds() - start);
  }
  const double ours = Catch(headgate, rows + 2);
  const double cpu = CpuSeconds(headgate.pid());
  const double peak = ResidentMiB(headgate.pid(), "VmHWM");
  headgate.Terminate();
  char name[100];
  std::snprintf(name, sizeof name, "%s into the log, %ld rows a transaction", test::NameOf(kind).c_str(),
                per_transaction);
  const auto count = static_cast<double>(rows);
  Line(name, count / ours, "rows/s", per_transaction > 1 ? "(budget: at least 700000)" : "");
  Line("  the C client, dropping what it is sent, same run", count / reference, "rows/s", "");
  Line("  CPU a row, log included, start-up included", cpu / count * 1e6, "us",
       per_transaction > 1 ? "(budget: at most 1.4)" : "");
  Line("  resident memory, peak", peak, "MiB", "(budget: at most 160)");
  Decode(setup, from, to, rows);
}

void MysqlSnapshot(MyServer kind, long rows) {
  MySetup setup(kind);
  setup.Exec("SET SESSION sql_log_bin=0");
  setup.Fill(rows, std::min(rows, 50'000L));
  SelectAll(setup, rows);  // brings the table into memory
  constexpr int kPollMs = 50;
  std::vector<SnapshotRound> rounds(5);
  for (SnapshotRound& round : rounds) {  // in turn: what else the machine does changes within seconds
    round.reference = SelectAll(setup, rows);
    HeadgateOptions options;
    options.connectors["shop"] = setup.Source("initial");
    options.connectors["shop"]["snapshot_workers"] = "1";
    HeadgateProcess headgate(options);
    round.ours = Catch(headgate, rows, kPollMs);
    round.cpu = CpuSeconds(headgate.pid());
    round.peak_mib = ResidentMiB(headgate.pid(), "VmHWM");
  }
  std::ranges::sort(rounds, {}, &SnapshotRound::ratio);
  const SnapshotRound& middle = rounds[rounds.size() / 2];
  const auto count = static_cast<double>(rows);
  char name[100];
  std::snprintf(name, sizeof name, "%s snapshot of %ld rows, 1 worker", test::NameOf(kind).c_str(), rows);
  Line(name, count / middle.ours, "rows/s", "(the round with the middle ratio)");
  Line("  unbuffered SELECT * over the C client, just before", count / middle.reference, "rows/s", "");
  Line("  ratio", middle.ratio(), "", "(budget: at least 0.8)");
  Line("  ratio, worst round", rounds.front().ratio(), "", "");
  Line("  ratio, best round", rounds.back().ratio(), "", "");
  Line("  CPU a row", middle.cpu / count * 1e6, "us", "");
  Line("  resident memory, peak", middle.peak_mib, "MiB", "(budget: at most 160)");
}

void MysqlLarge(MyServer kind, long mib, long row_bytes, bool compressed) {
  std::vector<std::string> settings = {"max-binlog-cache-size=64G"};
  if (compressed)
    settings.emplace_back(kind == MyServer::kMysql ? "binlog-transaction-compression=ON" : "log-bin-compress=ON");
  MySetup setup(kind, settings);
  HeadgateOptions options;
  options.connectors["shop"] = setup.Source("never");
  HeadgateProcess headgate(options);
  BeginStream(headgate, setup);
  constexpr long kRowBytes = 62;  // in an event, without padding
  constexpr long kPart = 50'000;
  row_bytes = std::max(row_bytes, kRowBytes);
  const long rows = std::max(1L, mib * (1 << 20) / row_bytes / kPart) * kPart;
  setup.Exec("ALTER TABLE bench.orders MODIFY note MEDIUMTEXT NOT NULL");
  setup.Exec("SET SESSION autocommit=0");
  setup.Fill(rows, kPart, row_bytes - kRowBytes);
  setup.Exec("COMMIT");
  const auto log = Must(setup.client->Query("SHOW BINARY LOGS"));
  const double ours = Catch(headgate, rows + 2);
  char name[100];
  std::snprintf(name, sizeof name, "%s, one transaction of %ld rows%s", test::NameOf(kind).c_str(), rows,
                compressed ? ", compressed" : "");
  Line(name, static_cast<double>(rows) / ours, "rows/s", "");
  double bytes = 0;
  for (const auto& file : log) bytes += std::stod(file[1].value_or("0"));
  Line("  binary log", bytes / (1 << 20), "MiB", "");
  Line("  CPU a row", CpuSeconds(headgate.pid()) / static_cast<double>(rows) * 1e6, "us", "");
  Line("  resident memory, peak", ResidentMiB(headgate.pid(), "VmHWM"), "MiB", "(budget: at most 256)");
}

void MysqlLatency(int per_second, int seconds) {
  MySetup setup(MyServer::kMysql, {"innodb-flush-log-at-trx-commit=1", "sync-binlog=1"});
  setup.Exec(
      "PREPARE one FROM 'INSERT INTO bench.orders (id, customer, total, note, paid) VALUES (?, 1, 10.50, "
      "''a note of some length'', true)'");
  const auto commit = [&](long id) {
    setup.Exec("SET @id=" + std::to_string(id));
    setup.Exec("EXECUTE one USING @id");
  };
  CommitLatency({setup.Source("never"), kMyStream, commit, "(budget: at most 1.5)", "(budget: at most 6)"}, per_second,
                seconds);
}

}  // namespace headgate::bench
