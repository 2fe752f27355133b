#include "tools/bench/table.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/headgate_process.h"
#include "tools/bench/measure.h"
#include "tools/bench/setup.h"

namespace headgate::bench {
namespace {

using test::ConnectorSettings;
using test::HeadgateOptions;
using test::HeadgateProcess;

constexpr const char* kStream = "shop.public.orders";
constexpr long kPerSourceTransaction = 1'000;
constexpr long kPerBatch = 10'000;
constexpr const char* kPlaced = "2026-03-04 05:06:07.123456";

// What the source does: `change` 0 inserts the rows, later ones change them.
std::string SourceSql(long rows, int change) {
  const std::string body =
      change == 0 ? std::string(
                        "INSERT INTO public.orders SELECT i, i % 1000, (i % 100000) / 100.0, 'order number ' || i || "
                        "' with a note', i % 2 = 0, '") +
                        kPlaced + "+00' FROM generate_series(t * 1000::bigint, (t + 1) * 1000::bigint - 1) i"
                  : "UPDATE public.orders SET total = total + 1, paid = NOT paid WHERE id BETWEEN t * 1000::bigint AND "
                    "(t + 1) * "
                    "1000::bigint - 1";
  return "DO $$ BEGIN FOR t IN 0.." + std::to_string(rows / kPerSourceTransaction - 1) + " LOOP " + body +
         "; COMMIT; END LOOP; END $$";
}

// The six columns of a row, with `quote` around text and `between` them.
std::string RowText(long i, int change, const char* quote, const char* between) {
  char text[200];
  std::snprintf(text, sizeof text, "%ld%s%ld%s%ld.%02ld%s%sorder number %ld with a note%s%s%d%s%s%s%s", i, between,
                i % 1000, between, i % 100'000 / 100 + change, i % 100, between, quote, i, quote, between,
                (i + change) % 2 == 0 ? 1 : 0, between, quote, kPlaced, quote);
  return text;
}

struct Measured {
  double seconds = 0;
  double reference = 0;
};

void Report(const std::string& server, const char* what, long rows, const Measured& m, const char* budget) {
  const auto count = static_cast<double>(rows);
  Line((server + " table, log to " + what).c_str(), count / m.seconds, "rows/s", budget);
  Line("  by hand, the same rows from memory, same run", count / m.reference, "rows/s", "");
  Line("  ratio", m.reference / m.seconds, "", "(budget: at least 0.7)");
}

// Fills the log with the sink stopped, then measures how long the sink takes. `reached` tells whether the target has
// it.
double Deliver(HeadgateProcess& headgate, Setup& setup, const std::string& sql, std::uint64_t records,
               const std::function<bool()>& reached) {
  if (auto answer = headgate.Call("PUT", "/connectors/copy/stop"); !answer.ok()) Must(answer.error());
  Must(setup.server->Exec(kDatabase, sql));
  if (!WaitUntil([&] { return RecordsOf(headgate, kStream) >= records; }, 300, 20))
    Must(Transient("not all rows arrived in the log"));
  const double start = Seconds();
  if (auto answer = headgate.Call("PUT", "/connectors/copy/resume"); !answer.ok()) Must(answer.error());
  if (!WaitUntil(reached, 600, 20)) Must(Transient("not all rows arrived at the target"));
  return Seconds() - start;
}

void Both(const std::string& server, long rows, const ConnectorSettings& target,
          const std::function<double(int)>& by_hand, const std::function<bool(int)>& reached) {
  Setup setup(false);
  HeadgateOptions options;
  options.connectors["shop"] = setup.Source();
  options.connectors["copy"] = target;
  HeadgateProcess headgate(options);
  Must(headgate.Start());
  AwaitStreaming(headgate);
  const auto count = static_cast<std::uint64_t>(rows);
  for (int change = 0; change < 2; ++change) {
    Measured measured;
    measured.reference = by_hand(change);
    const double cpu = CpuSeconds(headgate.pid());
    measured.seconds = Deliver(headgate, setup, SourceSql(rows, change), count * static_cast<std::uint64_t>(change + 1),
                               [&] { return reached(change); });
    Report(server, change == 0 ? "rows that come" : "rows that change", rows, measured,
           server == "postgres" ? "(budget: at least 60000)" : "");
    Line("  CPU a row, from the source into the table",
         (CpuSeconds(headgate.pid()) - cpu) / static_cast<double>(rows) * 1e6, "us", "");
  }
  Line("  resident memory, peak", ResidentMiB(headgate.pid(), "VmHWM"), "MiB", "(budget: at most 192)");
}

}  // namespace

void TablePostgres(long rows) {
  Setup target(true);
  auto session = Must(target.server->Connect(kDatabase));
  Must(session.Exec("CREATE TABLE by_hand (LIKE orders INCLUDING ALL); CREATE TEMP TABLE staging (LIKE orders)"));
  auto watch = Must(target.server->Connect(kDatabase));
  const auto by_hand = [&](int change) {
    std::vector<std::string> batches;
    for (long i = 0; i < rows; ++i) {
      if (i % kPerBatch == 0) batches.emplace_back();
      batches.back() += RowText(i, change, "", "\t") + "\n";
    }
    const double start = Seconds();
    for (const std::string& batch : batches) {
      Must(session.Exec("BEGIN"));
      Must(session.CopyIn("COPY staging FROM STDIN", batch));
      Must(session.Exec(
          "INSERT INTO by_hand SELECT * FROM staging ON CONFLICT (id) DO UPDATE SET customer = EXCLUDED.customer, "
          "total "
          "= EXCLUDED.total, note = EXCLUDED.note, paid = EXCLUDED.paid, placed_at = EXCLUDED.placed_at; TRUNCATE "
          "staging; COMMIT"));
    }
    return Seconds() - start;
  };
  const std::string last = std::to_string(rows - 1);
  const auto reached = [&](int change) {
    const std::string paid = (rows - 1 + change) % 2 == 0 ? "true" : "false";
    return Must(watch.Value("SELECT count(*) FROM orders WHERE id = " + last + " AND paid = " + paid)) == "1";
  };
  Both("postgres", rows,
       {{"connector.class", "table"},
        {"topics", kStream},
        {"database", "postgres"},
        {"host", target.server->host()},
        {"port", std::to_string(target.server->port())},
        {"dbname", kDatabase},
        {"username", "postgres"}},
       by_hand, reached);
}

void TableMysql(test::MyServer kind, long rows) {
  const auto server =
      Must(test::PrivateMysql::Start(kind, {"innodb-buffer-pool-size=1G", "max-allowed-packet=1G", "skip-log-bin"}));
  auto session = Must(server->Connect());
  auto watch = Must(server->Connect());
  Must(session.Exec("CREATE DATABASE bench"));
  const std::string columns =
      " (id BIGINT PRIMARY KEY, customer INT, total DECIMAL(10,2), note LONGTEXT CHARACTER SET utf8mb4, paid "
      "TINYINT(1), "
      "placed_at DATETIME(6))";
  Must(session.Exec("CREATE TABLE bench.orders" + columns));
  Must(session.Exec("CREATE TABLE bench.by_hand" + columns));
  const auto by_hand = [&](int change) {
    std::vector<std::string> batches;
    for (long i = 0; i < rows; ++i) {
      if (i % kPerBatch == 0) batches.emplace_back("INSERT INTO bench.by_hand VALUES ");
      batches.back() += (i % kPerBatch == 0 ? "(" : ",(") + RowText(i, change, "'", ",") + ")";
    }
    const double start = Seconds();
    for (const std::string& batch : batches) {
      Must(session.Exec(batch +
                        " ON DUPLICATE KEY UPDATE customer=VALUES(customer), total=VALUES(total), note=VALUES(note), "
                        "paid=VALUES(paid), placed_at=VALUES(placed_at)"));
    }
    return Seconds() - start;
  };
  const auto reached = [&](int change) {
    return Must(watch.Value("SELECT count(*) FROM bench.orders WHERE id = " + std::to_string(rows - 1) +
                            " AND paid = " + std::to_string((rows - 1 + change) % 2 == 0 ? 1 : 0))) == "1";
  };
  Both(test::NameOf(kind), rows,
       {{"connector.class", "table"},
        {"topics", kStream},
        {"database", test::NameOf(kind)},
        {"host", server->host()},
        {"port", std::to_string(server->port())},
        {"dbname", "bench"},
        {"username", "hg"},
        {"password", "pw"}},
       by_hand, reached);
}

}  // namespace headgate::bench
