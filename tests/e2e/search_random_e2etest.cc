#include <cstdlib>
#include <iostream>
#include <random>

#include "core/base/signal.h"
#include "tests/e2e/search_rebuild.h"

// The invariant of the search page: whatever is mixed, at rest the documents are the rows. HEADGATE_SEED repeats a run.
namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SearchRandom : public SearchRebuild {
 protected:
  unsigned Pick(unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random_); }
  std::string Id() { return std::to_string(1 + Pick(260)); }
  std::string Change() {
    const std::string amount = std::to_string(Pick(10'000));
    switch (Pick(7)) {
      case 0:
      case 1:
        return "INSERT INTO public.orders (id, total) VALUES (" + Id() + ", " + amount +
               ") ON CONFLICT (id) DO UPDATE SET total = " + amount + ";";
      case 2:
        return "DELETE FROM public.orders WHERE id = " + Id() + ";";
      case 3:
        return "DELETE FROM public.orders WHERE id % 9 = " + std::to_string(Pick(9)) + ";";
      case 4: {
        const std::string id = Id();
        return "DELETE FROM public.orders WHERE id = " + id + "; INSERT INTO public.orders (id, total) VALUES (" + id +
               ", " + amount + ");";
      }
      case 5:
        return "UPDATE public.orders SET id = id + 1000 WHERE id = " + Id() +
               " AND NOT EXISTS (SELECT 1 FROM public.orders o WHERE o.id = orders.id + 1000);";
      default:
        return "UPDATE public.orders SET state = 's" + amount + "' WHERE id % 5 = " + std::to_string(Pick(5)) + ";";
    }
  }
  void ChangeRows() {
    for (unsigned transactions = 1 + Pick(20); transactions > 0; --transactions) {
      std::string sql = "BEGIN;";
      for (unsigned changes = 1 + Pick(6); changes > 0; --changes) sql += Change();
      Exec(sql + (Pick(8) == 0 ? "ROLLBACK" : "COMMIT"));
    }
    if (Pick(12) == 0) Exec("TRUNCATE public.orders");
  }
  // What a person may do at any time; it may be refused.
  void Do() {
    const std::string docs = "/api/v1/connectors/docs";
    if (Pick(20) == 0) {
      done_ += " search-kill";
      search_->KillHard();
      ChangeRows();
      ASSERT_TRUE(search_->StartAgain().ok());
    }
    switch (Pick(8)) {
      case 0:
      case 1:
      case 2:
        done_ += " rebuild";
        headgate_->Call("POST", docs + "/snapshots", R"({"mode":"rebuild"})").ok();
        break;
      case 3:
        done_ += " snapshot";
        headgate_->Call("POST", docs + "/snapshots", R"({"mode":"full"})").ok();
        break;
      case 4:
        done_ += " rewind";
        headgate_->Call("POST", docs + "/rewind", R"({"to":"beginning"})").ok();
        break;
      case 5: {
        const auto list = headgate_->Call("GET", docs + "/snapshots?limit=1");
        const json items = list.ok() ? json::parse(list->body, nullptr, false).value("items", json::array()) : json();
        if (items.empty() || Pick(2) == 0) break;
        done_ += " cancel";
        headgate_->Call("PATCH", docs + "/snapshots/" + items[0]["id"].get<std::string>(), R"({"state":"cancelled"})")
            .ok();
        break;
      }
      default: {
        done_ += " kill";
        headgate_->KillHard();
        if (Pick(2) == 0) ChangeRows();
        const Status again = headgate_->Start();
        ASSERT_TRUE(again.ok()) << again.error().what;
      }
    }
  }
  bool AllSnapshotsEnded() {
    const auto list = headgate_->Call("GET", "/api/v1/connectors/docs/snapshots?limit=100");
    if (!list.ok() || list->status != 200) return false;
    const json told = json::parse(list->body, nullptr, false);
    for (const json& one : told["items"]) {
      if (one["state"] == "pending" || one["state"] == "running" || one["phase"] == "drop") return false;
      if (one["state"] == "failed") ADD_FAILURE() << one;
    }
    return true;
  }

  std::mt19937 random_;
  std::string done_;
};

TEST_F(SearchRandom, WhateverIsMixedTheDocumentsAreTheRowsAtRest) {
  const char* const given = std::getenv("HEADGATE_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atoi(given)) : std::random_device()();
  std::cout << "HEADGATE_SEED=" << seed << "\n";
  random_.seed(seed);
  Begin(Settings());
  Signal never;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 8; ++i) {
      ChangeRows();
      Do();
      never.WaitUntil(std::chrono::steady_clock::now() + milliseconds(Pick(400)), {});
    }
    SCOPED_TRACE("HEADGATE_SEED=" + std::to_string(seed) + " did" + done_);
    EXPECT_TRUE(WaitFor([&] { return AllSnapshotsEnded(); }, seconds(60)))
        << Call("GET", "/api/v1/connectors/docs/snapshots", 200) << headgate_->Stderr();
    ExpectSame();
    EXPECT_EQ(Search("GET", "/orders/_count")["count"], Orders().size());
    EXPECT_EQ(Indices("*--next").size(), 0U);
    if (HasFailure()) return;
  }
  std::cout << "did" << done_ << ", readers have " << Behind("orders") << "\n";
}

}  // namespace
}  // namespace headgate::test
