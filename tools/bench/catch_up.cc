#include "tools/bench/catch_up.h"

#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/headgate_process.h"
#include "tests/support/private_search.h"
#include "tools/bench/measure.h"
#include "tools/bench/setup.h"

namespace headgate::bench {
namespace {

constexpr const char* kCopied = "shop.public.orders";

void Put(const test::HeadgateProcess& headgate, const std::string& path) {
  const auto answer = headgate.Call("PUT", path);
  if (!answer.ok()) Must(answer.error());
}

}  // namespace

void CatchUp(long rows) {
  Setup source(false);
  Setup target(false);
  const auto search = Must(test::PrivateSearch::Start({}, test::PrivateSearch::Java::kFast));
  test::HeadgateOptions options;
  options.connectors["shop"] = source.Source();
  options.connectors["copy"] = {{"connector.class", "table"},
                                {"topics", kCopied},
                                {"database", "postgres"},
                                {"host", target.server->host()},
                                {"port", std::to_string(target.server->port())},
                                {"dbname", kDatabase},
                                {"username", "postgres"}};
  options.connectors["docs"] = {
      {"connector.class", "search"}, {"topics", kCopied}, {"url", search->url()}, {"index", "orders"}};
  test::HeadgateProcess headgate(options);
  Must(headgate.Start());
  AwaitStreaming(headgate);
  for (const std::string sink : {"copy", "docs"}) Put(headgate, "/connectors/" + sink + "/stop");
  Must(source.server->Exec(
      kDatabase, "DO $$ BEGIN FOR t IN 0.." + std::to_string(rows / 1'000 - 1) +
                     " LOOP INSERT INTO public.orders SELECT i, i % 1000, (i % 100000) / 100.0, 'order number "
                     "' || i || ' with a note', i % 2 = 0 FROM generate_series(t * 1000::bigint, (t + 1) * "
                     "1000::bigint - 1) i; COMMIT; END LOOP; END $$"));
  const auto logged = [&] { return RecordsOf(headgate, kCopied) >= static_cast<std::uint64_t>(rows); };
  if (!WaitUntil(logged, 300, 20)) Must(Transient("not all rows arrived in the log"));
  Line("both sinks stand still, resident memory", ResidentMiB(headgate.pid(), "VmRSS"), "MiB", "");
  const double start = Seconds();
  for (const std::string sink : {"copy", "docs"}) Put(headgate, "/connectors/" + sink + "/resume");
  auto watch = Must(target.server->Connect(kDatabase));
  const auto copied = [&] { return Must(watch.Value("SELECT count(*) FROM orders")) == std::to_string(rows); };
  const auto indexed = [&] {
    const auto refreshed = search->Call("POST", "/orders/_refresh");
    const auto count = search->Json("GET", "/orders/_count");
    return refreshed.ok() && count.ok() && (*count)["count"] == rows;
  };
  if (!WaitUntil([&] { return copied() && indexed(); }, 900, 500)) Must(Transient("not all rows were delivered"));
  Line("an index and a table catch up at once", static_cast<double>(rows) / (Seconds() - start), "rows/s", "");
  Line("  resident memory, peak", ResidentMiB(headgate.pid(), "VmHWM"), "MiB", "(budget: at most 192)");
}

}  // namespace headgate::bench
