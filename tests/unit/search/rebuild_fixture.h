#pragma once

#include <string>
#include <vector>

#include "sinks/search/rebuild.h"
#include "tests/unit/search/delivery_fixture.h"

namespace headgate::search {

inline constexpr const char* kNotes = R"({"orders":{"new":"orders-v2","old":"orders-v1"}})";

class SearchRebuilding : public DeliveryFixture {
 protected:
  RebuildPlan Plan(RebuildPhase phase, const std::string& notes = "") {
    const Event event = events_.Insert(99);
    RebuildPlan plan;
    plan.run = 4;
    plan.tag = "4-77";
    plan.phase = phase;
    plan.notes = notes;
    plan.streams.push_back({*event.source, *event.stream, *event.schema, 1});
    return plan;
  }
  void Take(RebuildPhase phase, const std::string& notes = kNotes) { delivery_->rebuilder()->Take(Plan(phase, notes)); }
  RebuildTold Told() { return delivery_->rebuilder()->told(); }
  std::string Meta(const std::string& index, const std::string& more = "", const std::string& aliases = "{}") {
    return "{\"" + index + R"(":{"aliases":)" + aliases +
           R"(,"mappings":{"_meta":{"headgate":{"log_id":"log","sink":"docs","stream":"shop.public.orders","key":["id"])" +
           more + R"(}},"properties":{"id":{"type":"long"},"status":{"type":"text"},"city":{"type":"text"}}}}})";
  }
  std::string NextMeta() { return Meta("orders-v2", R"(,"rebuild":"4-77")"); }
  // The next call, which must be this one, is answered.
  void Expect(const std::string& call, int status, const std::string& body = "{}") {
    ASSERT_EQ(Prepare(), call) << delivery_->state().ok();
    Reply(status, body);
  }
  // Up to the index being made.
  void Create() {
    Take(RebuildPhase::kCreate, "");
    Expect("GET /orders", 200, Meta("orders-v1"));
    Expect("GET /orders-v*?expand_wildcards=open,closed", 200, Meta("orders-v1"));
    Expect("GET /orders-v1/_stats/store", 200, R"({"_all":{"primaries":{"store":{"size_in_bytes":1000}}}})");
    Expect("GET /_nodes/stats/fs", 200, R"({"nodes":{"n":{"fs":{"total":{"available_in_bytes":1500}}}}})");
    Expect("GET /orders--next", 404);
    Expect("PUT /orders-v2", 200);
    EXPECT_EQ(Prepare(), "");
    EXPECT_EQ(Told().phase, RebuildPhase::kDual) << Told().error;
  }
  // In dual writing, after a restart.
  void BeginDual() {
    Begin();
    Take(RebuildPhase::kDual);
    Expect("GET /orders--next", 200, NextMeta());
  }
  // Whose documents the last request is about, as "orders index 1", "orders--next delete 2".
  std::vector<std::string> Aliases() {
    std::vector<std::string> found;
    std::istringstream lines(body_);
    for (std::string line; std::getline(lines, line);) {
      const Json action = Json::parse(line);
      found.push_back((*action.begin())["_index"].get<std::string>() + " " + action.begin().key() + " " +
                      (*action.begin())["_id"].get<std::string>());
      if (action.begin().key() == "index") std::getline(lines, line);
    }
    return found;
  }
  Event State(std::int64_t id, std::uint64_t run) {
    Event event = events_.Insert(id);
    info_ = *event.tx;
    info_.position = {PositionKind::kState, run, 1, event.at.seq, {}};
    event.tx = &info_;
    event.at.ordinal = kStateOrdinal;
    return event;
  }

  TransactionInfo info_;
};

}  // namespace headgate::search
