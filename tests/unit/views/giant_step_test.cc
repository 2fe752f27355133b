// Steps that give far more than fits into memory: what they make of views is what they would make with room for all of
// it (F-39, pain 3).
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "tests/unit/log/in_child.h"
#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using Rows = std::vector<std::string>;

constexpr std::size_t kNoRoom = 1;

// Orders refer to controls; events come beside them.
struct World {
  World(std::size_t memory_bytes, std::size_t step_bytes) : shard(memory_bytes, step_bytes) {}

  std::map<std::string, int> Told(const std::string& view) {
    std::map<std::string, int> rows;
    const StreamInfo* stream = shard.log().registry()->FindStream(view);
    if (stream == nullptr) return rows;
    const auto reader = shard.log().NewReader();
    reader->Seek(1);
    LogReader::Block block;
    while (*reader->Next(block)) {
      ChangeReader changes = block.Changes();
      Change change;
      while (changes.Next(change)) {
        if (change.stream != stream->number || IsMarker(change.op)) continue;
        if (change.has_before) --rows[std::string(change.before)];
        if (change.has_after) ++rows[std::string(change.after)];
      }
    }
    std::erase_if(rows, [](const auto& row) { return row.second == 0; });
    return rows;
  }

  Shard shard;
  TestStream controls{shard, "s", "public", "controls", {{"id", TypeId::kInt4}, {"name", TypeId::kText}}, 1};
  TestStream orders{shard, "s", "public", "orders", {{"id", TypeId::kInt4}, {"c", TypeId::kInt4}, {"x", TypeId::kInt4}},
                    1};
  TestStream events{shard, "events", "", "events", {{"c", TypeId::kInt4}, {"n", TypeId::kInt4}}, 0};
};

constexpr const char* kViews =
    "CREATE MATERIALIZED VIEW joined AS SELECT o.id, o.x, s.name FROM s.public.orders o JOIN s.public.controls s ON "
    "s.id = o.c;"
    "CREATE MATERIALIZED VIEW keyless AS SELECT o.x, s.name FROM s.public.orders o JOIN s.public.controls s ON s.id = "
    "o.c;"
    "CREATE MATERIALIZED VIEW outer_joined AS SELECT o.id, s.name FROM s.public.orders o LEFT JOIN s.public.controls s "
    "ON s.id = o.c;"
    "CREATE MATERIALIZED VIEW used AS SELECT s.id, s.name FROM s.public.controls s WHERE EXISTS (SELECT 1 FROM "
    "s.public.orders o WHERE o.c = s.id);"
    "CREATE MATERIALIZED VIEW rows_only_come AS SELECT e.n, unnest(ARRAY[e.c, e.c, e.n]) AS value FROM events e;"
    "CREATE MATERIALIZED VIEW by_name AS SELECT name, count(*) AS n, sum(x) AS total FROM joined GROUP BY name;"
    "CREATE MATERIALIZED VIEW again AS SELECT j.id, k.x, j.name FROM joined j JOIN s.public.orders k ON k.id = j.x;"
    "CREATE MATERIALIZED VIEW of_keyless AS SELECT DISTINCT name FROM keyless;"
    "CREATE MATERIALIZED VIEW of_events AS SELECT value, count(*) AS n FROM rows_only_come GROUP BY value;"
    "CREATE MATERIALIZED VIEW last_of_events AS SELECT DISTINCT ON (value) value, n FROM rows_only_come ORDER BY "
    "value, n DESC";
constexpr const char* kNames[] = {"joined",  "keyless", "outer_joined", "used",      "rows_only_come",
                                  "by_name", "again",   "of_keyless",   "of_events", "last_of_events"};

// The same for both worlds.
class Both {
 public:
  Both(World& one, World& other) : worlds_{&one, &other} {}

  void Change(std::mt19937& random) {
    const auto below = [&](unsigned n) { return std::to_string(random() % n); };
    const unsigned kind = random() % 10;
    const std::string id = below(60);
    const std::string control = below(4);
    if (kind < 5) {
      const TestStream::Row row = {id, random() % 8 == 0 ? std::nullopt : std::optional(control), below(30)};
      Each([&](World& w) { orders_.contains(id) ? w.orders.Update(row) : w.orders.Insert(row); });
      orders_[id] = row;
    } else if (kind < 6) {
      if (orders_.erase(id) > 0) Each([&](World& w) { w.orders.Delete({id}); });
    } else if (kind < 8) {
      const TestStream::Row row = {control, "name " + below(5)};
      Each([&](World& w) { controls_.contains(control) ? w.controls.Update(row) : w.controls.Insert(row); });
      controls_.insert(control);
    } else if (kind < 9) {
      if (controls_.erase(control) > 0) Each([&](World& w) { w.controls.Delete({control}); });
    } else {
      const TestStream::Row row = {control, below(20)};
      Each([&](World& w) { w.events.Insert(row); });
      events_ = true;
    }
    tables_ = tables_ || kind < 9;
  }
  // The table of orders is read anew, and some of it has changed meanwhile; or all of it goes.
  void ReadAnew(std::mt19937& random) {
    std::erase_if(orders_, [&](const auto&) { return random() % 4 == 0; });
    std::vector<TestStream::Row> rows;
    for (auto& [id, row] : orders_) {
      row[1] = std::to_string(random() % 4);
      rows.push_back(row);
    }
    Each([&](World& w) { w.orders.Snapshot(rows); });
  }
  void Truncate() {
    Each([](World& w) { w.orders.Truncate(); });
    orders_.clear();
    tables_ = true;
  }
  void Commit() {
    if (std::exchange(tables_, false)) Each([](World& w) { w.orders.Commit(); });
    if (std::exchange(events_, false)) Each([](World& w) { w.events.Commit(); });
  }

 private:
  template <class Do>
  void Each(const Do& todo) {
    for (World* world : worlds_) todo(*world);
  }

  std::array<World*, 2> worlds_;
  std::map<std::string, TestStream::Row> orders_;
  std::set<std::string> controls_;
  bool tables_ = false;
  bool events_ = false;
};

void Begin(World& world) {
  world.controls.Snapshot({});
  world.orders.Snapshot({});
  world.events.Insert({"0", "0"});
  world.events.Commit();
  ASSERT_EQ(world.shard.Sql(kViews), "");
  ASSERT_TRUE(world.shard.Settle());
}

void ExpectEqual(World& small, World& large) {
  ASSERT_TRUE(small.shard.Settle());
  ASSERT_TRUE(large.shard.Settle());
  for (const char* name : kNames) {
    const std::string select = std::string("SELECT * FROM ") + name;
    const Rows rows = large.shard.Select(select);
    ASSERT_EQ(small.shard.Select(select), rows) << name;
    ASSERT_EQ(small.shard.views().Status(name)->rows, rows.size()) << name;
    ASSERT_EQ(small.Told(name), large.Told(name)) << name;
  }
}

void GoesTheSameWay(unsigned seed) {
  World small(kNoRoom, kNoRoom);
  World large(64 << 20, ~std::size_t{0});
  Both both(small, large);
  std::mt19937 random(seed);
  Begin(small);
  Begin(large);
  for (int round = 0; round < 12; ++round) {
    for (unsigned commits = 0; commits < 4; ++commits) {
      for (unsigned changes = random() % 12 + 1; changes > 0; --changes) both.Change(random);
      both.Commit();
    }
    ExpectEqual(small, large);
    if (testing::Test::HasFatalFailure()) return;
    if (round == 5) small.shard.Reopen();
    if (round % 4 == 2) both.ReadAnew(random);
    if (round == 8) both.Truncate();
  }
}

TEST(GiantSteps, F39_PainThree_ViewsThatAreToldAreTheSameWithoutRoomForTheirChanges) {
  for (const unsigned seed : {1U, 2U, 3U}) GoesTheSameWay(seed);
}

TEST(GiantSteps, F39_PainThree_AViewThatIsMadeLaterTakesInTheSameWithoutRoom) {
  World small(kNoRoom, kNoRoom);
  World large(64 << 20, ~std::size_t{0});
  Both both(small, large);
  std::mt19937 random(7);
  for (World* world : {&small, &large}) {
    world->controls.Snapshot({});
    world->orders.Snapshot({});
  }
  for (int i = 0; i < 200; ++i) both.Change(random);
  both.Commit();
  for (World* world : {&small, &large}) {
    ASSERT_EQ(world->shard.Sql(kViews), "");
    ASSERT_TRUE(world->shard.Settle());
  }
  ExpectEqual(small, large);
}

TEST(GiantSteps, NothingOfThemIsLeftInTheDataDirectory) {
  World small(kNoRoom, kNoRoom);
  Begin(small);
  for (int i = 0; i < 20; ++i) small.orders.Insert({std::to_string(i), "1", "2"});
  small.controls.Insert({"1", "one"});
  small.orders.Commit();
  ASSERT_TRUE(small.shard.Settle());
  EXPECT_EQ(small.shard.Select("SELECT count(*) FROM joined"), Rows{"20"});
  const std::string scratch = small.shard.store().directory() + "/scratch";
  EXPECT_TRUE(std::filesystem::is_empty(scratch));
}

#if HEADGATE_FAILPOINTS
// Which write it is that fails is not the same in every run; each of these is some of a step's.
void AFailedWriteIsDoneAgain() {
  World small(kNoRoom, kNoRoom);
  World large(64 << 20, ~std::size_t{0});
  Both both(small, large);
  std::mt19937 random(11);
  Begin(small);
  Begin(large);
  for (unsigned commits = 0; commits < 10; ++commits) {
    for (int changes = 0; changes < 10; ++changes) both.Change(random);
    both.Commit();
    ExpectEqual(small, large);
    if (testing::Test::HasFatalFailure()) return;
  }
}

TEST(GiantSteps, WhatFailsAtTheWriteIsDoneAgainAsIfItHadNeverBeen) {
  HG_IN_CHILD([] {
    ::setenv("HEADGATE_FAILPOINTS", "store.ingest_error=error:20", 1);
    AFailedWriteIsDoneAgain();
  });
}
#endif

}  // namespace
}  // namespace headgate::test
