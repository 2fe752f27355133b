// Tails of views of the real program: what they tell folds to the view.
#include <map>

#include "tests/e2e/views.h"
#include "tests/support/event_stream.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A client that keeps a copy of a view, and complains about whatever does not fit.
class Follower {
 public:
  using json = nlohmann::json;

  explicit Follower(std::string path) : path_(std::move(path)) {}

  void Connect(const std::string& address) {
    pending_.clear();
    std::map<std::string, std::string> headers;
    if (!last_id_.empty()) headers["Last-Event-ID"] = last_id_;
    stream_ = std::make_unique<EventStream>(address, path_, headers);
  }
  void Break() { stream_.reset(); }

  // Takes events until a progress that `holds`; what comes behind the last progress counts for nothing, as for a client
  // that is cut off there.
  bool Follow(const std::function<bool(const Follower&)>& holds, seconds patience = seconds(20)) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
      const auto event = stream_->Next(milliseconds(500));
      if (!event) continue;
      ++counts_[event->event];
      if (event->event == "end") return false;
      pending_.push_back({event->event, json::parse(event->data)});
      if (event->event != "progress") continue;
      EXPECT_EQ(pending_.back().second["seq"], event->id);
      for (const auto& [what, data] : pending_) Apply(what, data);
      pending_.clear();
      last_id_ = event->id;
      if (holds(*this)) return true;
    }
    return false;
  }

  std::uint64_t seq() const { return last_id_.empty() ? 0 : std::stoull(last_id_); }
  const std::map<std::string, json>& rows() const { return rows_; }
  int count(const std::string& event) const { return counts_.contains(event) ? counts_.at(event) : 0; }
  const json& last_schema() const { return schema_; }

 private:
  void Apply(const std::string& event, const json& data) {
    if (event == "gap") rows_.clear();
    if (event == "schema") schema_ = data;
    if (event == "snapshot") {
      for (const json& row : data["rows"]) EXPECT_TRUE(rows_.emplace(row.begin()->dump(), row).second) << row;
    } else if (event == "insert") {
      EXPECT_TRUE(rows_.emplace(KeyOf(data), data["new"]).second) << "twice: " << data;
      EXPECT_FALSE(data.contains("old"));
    } else if (event == "update") {
      EXPECT_EQ(rows_[KeyOf(data)], data["old"]) << data;
      rows_[KeyOf(data)] = data["new"];
    } else if (event == "delete") {
      EXPECT_EQ(rows_[KeyOf(data)], data["old"]) << data;
      rows_.erase(KeyOf(data));
    }
  }
  static std::string KeyOf(const json& data) { return data["key"].begin()->dump(); }

  const std::string path_;
  std::unique_ptr<EventStream> stream_;
  std::vector<std::pair<std::string, json>> pending_;
  std::map<std::string, json> rows_;
  std::map<std::string, int> counts_;
  std::string last_id_;
  json schema_;
};

class ViewTail : public ViewsFixture {
 protected:
  void CaptureShop() {
    Create("shop", shop_->Source());
    Until("/api/v1/streams/shop.public.customers", [](const json&) { return true; });
  }
  void Die() {
    headgate_->KillHard();
    ASSERT_TRUE(headgate_->Start().ok());
  }
  void UntilReplaced(const std::string& view) {
    Until("/api/v1/views/" + view, [](const json& v) { return v["state"] == "running" && !v.contains("replacing"); });
  }
  // The rows as /rows has them, at or behind `seq`.
  std::map<std::string, json> Rows(const std::string& view, std::uint64_t seq) {
    const json answer =
        Call("GET", "/api/v1/views/" + view + "/rows?limit=1000&wait_ms=10000&min_seq=" + std::to_string(seq), 200);
    std::map<std::string, json> rows;
    for (const json& row : answer["items"]) rows[row.begin()->dump()] = row;
    return rows;
  }
  std::uint64_t LastSeq() {
    const auto text = headgate_->Call("GET", "/metrics");
    const std::string name = "\nheadgate_log_last_seq ";
    return std::stoull(text->body.substr(text->body.find(name) + name.size()));
  }
  void ExpectFolds(Follower& follower, const std::string& view) {
    const std::uint64_t seq = LastSeq();
    ASSERT_TRUE(follower.Follow([&](const Follower& f) { return f.seq() >= seq; })) << headgate_->Stderr();
    EXPECT_EQ(follower.rows(), Rows(view, seq));
  }
};

constexpr char kPerCustomer[] =
    "CREATE MATERIALIZED VIEW per_customer AS SELECT customer, count(*) AS n, sum(total) AS total "
    "FROM shop.public.orders GROUP BY customer";

TEST_F(ViewTail, FoldsToTheViewUnderLoadThroughBrokenConnectionsAKillAndAReplacement) {
  CaptureShop();
  Sql(kPerCustomer);
  shop_->StartLoad(11, 200);
  Follower follower("/api/v1/views/per_customer/tail?from=beginning&mode=all");
  follower.Connect(headgate_->address());  // perhaps before the view runs: it waits
  for (int i = 0; i < 10; ++i) {
    int groups = 0;
    ASSERT_TRUE(follower.Follow([&](const Follower&) { return ++groups == 5; })) << headgate_->Stderr();
    follower.Break();
    Wait(milliseconds(50 * (i % 3)));
    follower.Connect(headgate_->address());
  }
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  follower.Connect(headgate_->address());
  ASSERT_TRUE(follower.Follow([](const Follower& f) { return f.count("update") > 50; })) << headgate_->Stderr();
  Sql("CREATE OR REPLACE MATERIALIZED VIEW per_customer AS SELECT customer, count(*) + 1000 AS n, sum(total) AS total "
      "FROM shop.public.orders WHERE customer > 10 GROUP BY customer");
  UntilReplaced("per_customer");
  Wait(milliseconds(300));
  shop_->StopLoad();
  ExpectFolds(follower, "per_customer");
  EXPECT_EQ(follower.count("gap"), 0);
  EXPECT_GT(follower.count("delete"), 0);
  EXPECT_GT(follower.rows().size(), 10U);
  EXPECT_GT(follower.rows().begin()->second["n"], 1000);
}

TEST_F(ViewTail, OfAViewThatIsPausedItTellsNoProgressAndThenAllOfIt) {
  CaptureShop();
  Sql(kPerCustomer);
  UntilRunning("per_customer");
  shop_->StartLoad(13, 200);
  Follower follower("/api/v1/views/per_customer/tail?from=beginning&mode=all");
  follower.Connect(headgate_->address());
  ASSERT_TRUE(follower.Follow([](const Follower& f) { return f.count("update") > 5; })) << headgate_->Stderr();
  for (int round = 0; round < 3; ++round) {
    Call("PUT", "/api/v1/views/per_customer/pause", 202);
    Until("/api/v1/views/per_customer", [](const json& v) { return v["state"] == "paused"; });
    Wait(milliseconds(200));
    if (round == 1) Die();
    follower.Break();
    follower.Connect(headgate_->address());
    const std::uint64_t stands =
        std::stoull(Call("GET", "/api/v1/views/per_customer", 200)["applied_seq"].get<std::string>());
    follower.Follow([](const Follower&) { return false; }, seconds(1));
    EXPECT_LE(follower.seq(), stands);
    Call("PUT", "/api/v1/views/per_customer/resume", 202);
    if (round == 2) {
      Die();
      follower.Connect(headgate_->address());
    }
    UntilRunning("per_customer");
  }
  shop_->StopLoad();
  ExpectFolds(follower, "per_customer");
}

TEST_F(ViewTail, ASnapshotUnderReplacementsIsExact) {
  CaptureShop();
  Sql(kPerCustomer);
  UntilRunning("per_customer");
  shop_->StartLoad(12, 100);
  std::vector<std::unique_ptr<Follower>> followers;
  for (int i = 0; i < 12; ++i) {
    Sql("CREATE OR REPLACE MATERIALIZED VIEW per_customer AS SELECT customer, count(*) + " + std::to_string(i) +
        " AS n, sum(total) AS total FROM shop.public.orders GROUP BY customer");
    for (int n = 0; n < 3; ++n) {
      followers.push_back(std::make_unique<Follower>("/api/v1/views/per_customer/tail?from=beginning&mode=all"));
      followers.back()->Connect(headgate_->address());
      Wait(milliseconds(7));
    }
  }
  Wait(seconds(1));
  UntilReplaced("per_customer");
  shop_->StopLoad();
  for (const auto& follower : followers) ExpectFolds(*follower, "per_customer");
}

TEST_F(ViewTail, FromTheEndItTellsChangesOnlyOfWhatTheFilterLetsThrough) {
  CaptureShop();
  Sql("CREATE MATERIALIZED VIEW names AS SELECT id, name, vip FROM shop.public.customers");
  UntilRunning("names");
  EventStream all(headgate_->address(), "/api/v1/views/names/tail");
  EventStream vips(headgate_->address(), "/api/v1/views/names/tail?mode=all&key.vip=true&from.id=8000");
  ASSERT_EQ(all.Next()->event, "progress");
  ASSERT_EQ(vips.Next()->event, "progress");
  // One by one: what happens within a step is told as one change.
  const std::pair<const char*, int> statements[] = {
      {"INSERT INTO public.customers (id, name) VALUES (9001, 'Ada'), (7001, 'Bo')", 2},
      {"UPDATE public.customers SET vip = true WHERE id IN (9001, 7001)", 2},
      {"UPDATE public.customers SET name = 'Eve' WHERE id = 9001", 1},
      {"DELETE FROM public.customers WHERE id = 9001", 1}};
  std::vector<std::string> told;
  for (const auto& [statement, changes] : statements) {
    ASSERT_TRUE(shop_->database().Exec(statement).ok());
    for (const std::size_t expected = told.size() + changes; told.size() < expected;) {
      const auto event = all.Next();
      ASSERT_TRUE(event);
      if (event->event != "progress") told.push_back(event->event + " " + event->data);
    }
  }
  EXPECT_EQ(told[0], R"(insert {"key":{"id":9001},"new":{"id":9001,"name":"Ada","vip":false}})");
  EXPECT_EQ(told[2].substr(0, 8), "update {");
  EXPECT_EQ(told[4], R"(update {"key":{"id":9001},"old":{"id":9001,"name":"Ada","vip":true},)"
                     R"("new":{"id":9001,"name":"Eve","vip":true}})");
  EXPECT_EQ(told[5], R"(delete {"key":{"id":9001},"old":{"id":9001,"name":"Eve","vip":true}})");
  told.clear();
  std::uint64_t seq = 0;
  while (told.size() < 3) {
    const auto event = vips.Next();
    ASSERT_TRUE(event);
    if (event->event == "progress") {
      EXPECT_GE(std::stoull(event->id), seq);
      seq = std::stoull(event->id);
    } else {
      told.push_back(event->event);
    }
  }
  EXPECT_EQ(told, (std::vector<std::string>{"insert", "update", "delete"}));
}

TEST_F(ViewTail, EndsWhenTheViewIsDroppedAndBeginsAnewIfAnotherOneHasItsName) {
  CaptureShop();
  Sql("CREATE MATERIALIZED VIEW names AS SELECT id, name FROM shop.public.customers");
  Follower follower("/api/v1/views/names/tail?from=beginning&mode=all");
  follower.Connect(headgate_->address());
  ASSERT_TRUE(follower.Follow([](const Follower& f) { return f.rows().size() == 50; }));
  EXPECT_EQ(follower.count("insert"), 0);
  Sql("DROP MATERIALIZED VIEW names");
  EXPECT_FALSE(follower.Follow([](const Follower&) { return false; }));
  EXPECT_EQ(follower.count("end"), 1);
  Call("GET", "/api/v1/views/names/tail", 404);
  Sql("CREATE MATERIALIZED VIEW names AS SELECT id, name FROM shop.public.customers WHERE id <= 20");
  follower.Connect(headgate_->address());
  ASSERT_TRUE(follower.Follow([](const Follower& f) { return f.count("gap") == 1; }));
  EXPECT_EQ(follower.rows().size(), 20U);
  Sql("CREATE OR REPLACE MATERIALIZED VIEW names AS SELECT id, name, city FROM shop.public.customers WHERE id <= 30");
  ASSERT_TRUE(follower.Follow([](const Follower& f) { return f.count("schema") == 1; }));
  EXPECT_EQ(follower.rows().size(), 30U);
  EXPECT_EQ(follower.last_schema()["columns"].size(), 3U);
  Call("GET", "/api/v1/views/names/tail?from=yesterday", 400);
  Call("GET", "/api/v1/views/names/tail?key.nothing=1", 400);
}

}  // namespace
}  // namespace headgate::test
