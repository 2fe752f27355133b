#include "tests/e2e/shop.h"

#include <gtest/gtest.h>

#include <random>

#include "core/base/signal.h"
#include "core/log/log.h"
#include "core/log/log_reader.h"
#include "core/log/store.h"

namespace headgate::test {
namespace {

constexpr const char* kSchema = R"(
CREATE TABLE public.customers (id int PRIMARY KEY, name text NOT NULL, city text, vip boolean NOT NULL DEFAULT false, notes jsonb);
CREATE TABLE public.orders (id bigint PRIMARY KEY, customer int, total numeric(12,2) NOT NULL, tags text[] NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'new', placed_at timestamptz NOT NULL DEFAULT now(), weight double precision);
)";

}  // namespace

Result<std::unique_ptr<Shop>> Shop::Create(int customers) {
  HG_ASSIGN_OR_RETURN(auto database, TestDatabase::Create());
  auto shop = std::unique_ptr<Shop>(new Shop(std::move(database)));
  HG_RETURN_IF_ERROR(shop->database_->Exec(kSchema));
  HG_RETURN_IF_ERROR(
      shop->database_->Exec("INSERT INTO public.customers SELECT i, 'customer ' || i, NULL, i % 7 = 0, "
                            "jsonb_build_object('n', i) FROM generate_series(1, " +
                            std::to_string(customers) + ") i"));
  HG_RETURN_IF_ERROR(shop->database_->Exec(
      "INSERT INTO public.orders SELECT i, 1 + i % 50, i * 1.25, ARRAY['a', 'b,c'], 'new', now(), i / 3.0 "
      "FROM generate_series(1, 200) i"));
  return shop;
}

void Shop::StartLoad(unsigned seed, int transactions_per_second) {
  StopLoad();
  load_ = std::jthread(
      [this, seed, transactions_per_second](std::stop_token stop) { Load(stop, seed, transactions_per_second); });
}

void Shop::StopLoad() { load_ = std::jthread(); }

void Shop::Load(std::stop_token stop, unsigned seed, int per_second) {
  auto client = database_->Connect();
  if (!client.ok()) return;
  std::minstd_rand random(seed);
  const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
  Signal never;
  const auto start = std::chrono::steady_clock::now();
  for (long round = 0; !stop.stop_requested(); ++round) {
    std::string sql = "BEGIN;";
    for (int i = 1 + pick(8); i > 0; --i) {
      const std::string id = std::to_string(1 + pick(2000));
      const std::string amount = std::to_string(pick(100000)) + "." + std::to_string(10 + pick(90));
      switch (pick(7)) {
        case 0:
        case 1:
        case 2:
          sql += "INSERT INTO public.orders VALUES (" + id + "," + std::to_string(pick(50)) + "," + amount +
                 ",'{x,\"y \\\"z\"}','paid',now(),random()) ON CONFLICT (id) DO UPDATE SET total = excluded.total, "
                 "state = 'again';";
          break;
        case 3:
          sql += "UPDATE public.orders SET total = total + 1, tags = tags || ARRAY['t'] WHERE id = " + id +
                 " AND cardinality(tags) < 20;";
          break;
        case 4:
          sql += "DELETE FROM public.orders WHERE id = " + id + ";";
          break;
        case 5:
          sql += "UPDATE public.customers SET city = 'city " + id +
                 "', notes = NULL WHERE id = " + std::to_string(1 + pick(50)) + ";";
          break;
        default:
          sql += "UPDATE public.orders SET id = id + 100000 WHERE id = " + id +
                 " AND NOT EXISTS (SELECT 1 FROM public.orders WHERE id = " + id + " + 100000);";
          break;
      }
    }
    sql += pick(10) == 0 ? "ROLLBACK;" : "COMMIT;";
    if (const Status status = client->Exec(sql); !status.ok()) {
      ADD_FAILURE() << "the load stopped: " << status.error().what;
      return;
    }
    ++committed_;
    never.WaitUntil(start + std::chrono::microseconds((round + 1) * 1'000'000 / per_second), stop);
  }
}

ConnectorSettings Shop::Source(int port) const {
  const SharedPostgres& server = database_->postgres();
  ConnectorSettings settings = {{"connector.class", "postgres"},
                                {"host", port != 0 ? "127.0.0.1" : server.host()},
                                {"port", std::to_string(port != 0 ? port : server.port())},
                                {"dbname", database_->name()},
                                {"username", server.user()},
                                {"tables", "public.*"},
                                {"slot_name", "hg_" + database_->name()}};
  if (!server.password().empty()) settings["password"] = server.password();
  return settings;
}

ConnectorSettings Shop::Hook(const std::string& url, const std::string& topics_regex) {
  return {{"connector.class", "webhook"}, {"topics.regex", topics_regex}, {"url", url}};
}

Result<std::vector<LoggedEvent>> EventsInLog(const std::string& data_dir) {
  HG_ASSIGN_OR_RETURN(const auto store, Store::Open(data_dir));
  HG_ASSIGN_OR_RETURN(const auto log, Log::Open(*store, SystemClock()));
  const auto registry = log->registry();
  const auto reader = log->NewReader();
  std::vector<LoggedEvent> events;
  LogReader::Block block;
  while (true) {
    HG_ASSIGN_OR_RETURN(const bool more, reader->Next(block));
    if (!more) return events;
    Change change;
    for (auto changes = block.Changes(); changes.Next(change);) {
      const auto stream = registry->Stream(change.stream);
      events.push_back(
          {EventId(registry->Source(block.info->source)->id, block.info->epoch, block.info->position, change.ordinal),
           {block.seq, change.ordinal},
           change.op,
           stream != nullptr ? stream->name : ""});
    }
  }
}

}  // namespace headgate::test
