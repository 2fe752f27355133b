// Indexes of views: what they have, who reads by them, what is refused.
#include <gmock/gmock.h>

#include <random>

#include "core/sql/key.h"
#include "core/views/access.h"
#include "tests/unit/views/views_support.h"

namespace headgate::test {
namespace {

using sql::TypeId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Rows = std::vector<std::string>;

class ViewIndexes : public ::testing::Test {
 protected:
  // Steps that give more than so many bytes come in pieces; 0: as the service has it.
  explicit ViewIndexes(std::size_t step_bytes = 0) : shard_(64 << 20, step_bytes) {}

  // Until queries may use every index.
  bool Built() {
    return shard_.Settle() && Shard::Until([&] {
             const auto names = shard_.views().names();
             for (const auto& [name, definition] : names->definitions) {
               const auto status = shard_.views().Status(name);
               for (const auto& index : definition->record.indexes) {
                 if (status == nullptr || status->replacing != nullptr || !status->indexes.contains(index.number))
                   return false;
               }
             }
             return true;
           });
  }
  std::string Drop(const std::string& index) {
    const auto dropped = shard_.views().DropIndex(index, {});
    return dropped.ok() ? "" : dropped.error().message;
  }
  // Entries of an index: what it has, and what it would have if it were made of the rows now.
  std::vector<std::string> Entries(const views::Definition& view, const views::ViewIndex& index) {
    std::vector<std::string> entries;
    const StoreView store(shard_.store());
    EXPECT_TRUE(views::RowIndexes::Scan(store, view.record.form, index.number, "", "",
                                        [&](std::string_view entry, std::string_view) {
                                          entries.emplace_back(entry);
                                          return true;
                                        })
                    .ok());
    return entries;
  }
  std::vector<std::string> Recomputed(const views::Definition& view, const views::ViewIndex& index) {
    std::vector<std::string> entries;
    const StoreView store(shard_.store());
    const auto types = views::TypesOf(*view.relation);
    const auto columns = views::PlacesOf(index, *view.relation);
    const auto visit = [&](const views::ViewRows::Stored& stored) {
      const std::vector<sql::Datum> row = views::DecodeRow(types, stored.row);
      std::string& entry = entries.emplace_back();
      for (const std::size_t c : *columns) sql::AppendKey(entry, types[c], row[c]);
      entry += stored.cursor;
      return true;
    };
    const auto form = views::RowFormOf(*view.relation);
    EXPECT_TRUE(views::ViewRows::Scan(store, view.record.form, form, "", visit).ok());
    std::ranges::sort(entries);
    return entries;
  }
  void ExpectRight(const std::string& when) {
    const auto names = shard_.views().names();
    for (const auto& [name, view] : names->definitions) {
      for (const auto& index : view->record.indexes)
        ASSERT_EQ(Entries(*view, index), Recomputed(*view, index)) << index.name << " " << when;
    }
  }
  views::SqlResult<views::Table> Run(const std::string& text, std::size_t rows_max = 1'000'000) {
    const auto statements = sql::ReadStatements(text);
    CHECK(statements.ok());
    views::QueryLimits limits;
    limits.scanned_rows = rows_max;
    return shard_.views().Select((*statements)[0], (*statements)[0].tree, limits, {});
  }
  // How many rows, of which the query looked at no more than `seen`; "scanned" if it looked at all.
  std::string Counted(const std::string& from, std::size_t seen) {
    const auto table = Run("SELECT * FROM " + from, seen);
    if (!table.ok()) return table.error().message;
    return (table->scanned ? "scanned " : "") + std::to_string(table->rows.size());
  }

  Shard shard_;
  TestStream table_{shard_,
                    "shop",
                    "public",
                    "t",
                    {{"id", TypeId::kInt4}, {"a", TypeId::kInt4}, {"b", TypeId::kText}, {"n", TypeId::kNumeric}},
                    1};
  TestStream events_{shard_, "web", "", "e", {{"a", TypeId::kInt4}, {"b", TypeId::kText}}, 0};
};

TEST_F(ViewIndexes, AnIndexIsMadeOfTheRowsThatAreThereAndKeptWithThoseThatCome) {
  table_.Snapshot({{"1", "5", "x", "1.5"}, {"2", "5", "y", "2"}, {"3", "6", "x", {}}, {"4", {}, "x", "7"}});
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW v AS SELECT id, a, b, n FROM shop.public.t"), "");
  ASSERT_TRUE(shard_.Settle());
  EXPECT_EQ(Counted("v WHERE a = 5", 10), "scanned 2");
  ASSERT_EQ(shard_.Sql("CREATE INDEX by_a ON v (a, b)"), "");
  ASSERT_TRUE(Built());
  EXPECT_EQ(Counted("v WHERE a = 5", 2), "2");
  EXPECT_EQ(Counted("v WHERE a = 5 AND b = 'y'", 1), "1");
  EXPECT_EQ(Counted("v WHERE b >= 'y' AND a = 5", 1), "1");
  EXPECT_EQ(Counted("v WHERE a > 5", 4), "1");
  EXPECT_EQ(Counted("v WHERE a BETWEEN 4 AND 6", 3), "3");
  EXPECT_EQ(Counted("v WHERE a IS NULL", 10), "scanned 1");
  EXPECT_EQ(Counted("v WHERE b = 'x'", 10), "scanned 3");
  EXPECT_EQ(Counted("v WHERE a = 77", 0), "0");
  EXPECT_EQ(Counted("v WHERE id = 2 AND a = 5", 1), "1") << "the key first";
  EXPECT_EQ(Counted("v WHERE id > 0 AND a = 6", 1), "1") << "but it fixes nothing here";
  table_.Update({"2", "6", "y", "2"});
  table_.Delete({"3"});
  table_.Insert({"5", "5", {}, "0"});
  table_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT id, b FROM v WHERE a = 5"), ElementsAre("1|x", "5|NULL"));
  EXPECT_THAT(shard_.Select("SELECT id, b FROM v WHERE a = 6"), ElementsAre("2|y"));
  ExpectRight("after changes");
  ASSERT_EQ(Drop("by_a"), "");
  ASSERT_TRUE(Shard::Until([&] { return shard_.views().Status("v")->indexes.empty(); }));
  EXPECT_EQ(Counted("v WHERE a = 5", 10), "scanned 2");
  EXPECT_THAT(Entries(*shard_.views().Find("v"), {"by_a", 2, {"a", "b"}}), IsEmpty());
}

TEST_F(ViewIndexes, WhatIsNoIndexOfAViewIsRefusedWithAWayToWriteIt) {
  table_.Snapshot({});
  events_.Insert({"1", "x"});
  events_.Commit();
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW v AS SELECT id, a, b, to_json(b) AS j FROM shop.public.t;"
                       "CREATE VIEW q AS SELECT id FROM shop.public.t"),
            "");
  EXPECT_EQ(shard_.Sql("CREATE UNIQUE INDEX i ON v (a)"), "CREATE UNIQUE INDEX is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX CONCURRENTLY i ON v (a)"), "CONCURRENTLY is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v USING hash (a)"), "index method \"hash\" is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (a) INCLUDE (b)"), "INCLUDE is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (a) WHERE b = 'x'"), "an index of some rows (WHERE) is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (a) WITH (fillfactor = 70)"), "WITH in CREATE INDEX is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (lower(b))"), "an index of an expression is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (a DESC)"), "DESC in an index is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (a NULLS FIRST)"), "NULLS FIRST or LAST in an index is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (b COLLATE \"C\")"), "COLLATE in an index is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (b text_ops)"), "an operator class is not supported");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (c)"), "column \"c\" of view \"v\" does not exist");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (a, b, a)"), "column \"a\" stands twice in the index");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (j)"), "values of column \"j\" have no order: it is json");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON nothing (a)"), "relation \"nothing\" does not exist");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON shop.public.t (a)"),
            "\"shop.public.t\" is a table of a source: only materialized views can be indexed");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON e (a)"),
            "\"e\" is a stream of events: only materialized views can be indexed");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON q (id)"),
            "\"q\" is a query that keeps no rows: only materialized views can be indexed");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v USING btree (a ASC, b)"), "");
  EXPECT_EQ(shard_.Sql("CREATE INDEX i ON v (b)"), "index \"i\" already exists");
  EXPECT_EQ(shard_.Sql("CREATE INDEX IF NOT EXISTS i ON v (b)"), "");
  EXPECT_EQ(shard_.Sql("CREATE INDEX ON v (a, b); CREATE INDEX ON v (a, b)"), "");
  EXPECT_EQ(Drop("nothing"), "index \"nothing\" does not exist");
  EXPECT_EQ(Drop("i"), "");
  EXPECT_EQ(Drop("v_a_b_idx1"), "");
  EXPECT_EQ(Drop("i"), "index \"i\" does not exist");
  EXPECT_EQ(shard_.views().Find("v")->record.indexes.size(), 1U);
}

TEST_F(ViewIndexes, AReplacementKeepsThemOrIsRefused) {
  table_.Snapshot({{"1", "5", "x", "1"}, {"2", "5", "y", "2"}});
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW v AS SELECT id, a, b FROM shop.public.t;"
                       "CREATE INDEX by_a ON v (a); CREATE INDEX by_b ON v (b)"),
            "");
  ASSERT_TRUE(Built());
  EXPECT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT id, a FROM shop.public.t"),
            "view \"v\" cannot be replaced: index \"by_b\" is of its columns (b), and the new one cannot have it");
  const std::uint32_t before = shard_.views().Find("v")->record.form;
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT b, id, a::text AS a FROM shop.public.t"), "");
  ASSERT_TRUE(shard_.SettleReplaced("v"));
  ASSERT_TRUE(Built());
  EXPECT_NE(shard_.views().Find("v")->record.form, before);
  EXPECT_EQ(Counted("v WHERE a = '5' AND id = 1", 1), "1");
  EXPECT_EQ(Counted("v WHERE b = 'y'", 1), "1");
  EXPECT_EQ(Counted("v WHERE a = '5'", 2), "2");
  ExpectRight("after the replacement");
  ASSERT_EQ(Drop("by_b"), "");
  ASSERT_EQ(shard_.Sql("CREATE OR REPLACE MATERIALIZED VIEW v AS SELECT id, a FROM shop.public.t"), "");
  ASSERT_TRUE(shard_.SettleReplaced("v"));
  ASSERT_TRUE(shard_.views().Drop("v", {}).ok());
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW v AS SELECT id, a FROM shop.public.t"), "");
  EXPECT_THAT(shard_.views().Find("v")->record.indexes, IsEmpty());
}

TEST_F(ViewIndexes, AnIndexIsBuiltOverARestartAndNobodyUsesItBefore) {
  std::vector<TestStream::Row> rows;
  for (int id = 0; id < 50'000; ++id) rows.push_back({std::to_string(id), std::to_string(id % 100), "x", {}});
  table_.Snapshot(rows);
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW v AS SELECT id, a, b FROM shop.public.t"), "");
  ASSERT_TRUE(shard_.Settle());
  shard_.views().Stop();  // nothing is built until Reopen
  ASSERT_EQ(shard_.Sql("CREATE INDEX by_a ON v (a)"), "");
  EXPECT_EQ(Counted("v WHERE a = 7", 50'000), "scanned 500");
  table_.Update({"7", "8", "y", {}});
  table_.Commit();
  shard_.Reopen();
  while (!shard_.views().Status("v")->indexes.contains(shard_.views().Find("v")->record.indexes[0].number))
    ASSERT_THAT(Counted("v WHERE a = 9", 50'000), testing::AnyOf("500", "scanned 500"));
  ASSERT_TRUE(Built());
  EXPECT_EQ(Counted("v WHERE a = 7", 500), "499");
  ExpectRight("after the build");
}

// Rows by GET, page by page.
TEST_F(ViewIndexes, PagesOfRowsGoOnInTheOrderOfTheIndex) {
  std::vector<TestStream::Row> rows;
  for (int id = 0; id < 30; ++id)
    rows.push_back({std::to_string(id), std::to_string(id % 3), "b" + std::to_string(id % 10), {}});
  table_.Snapshot(rows);
  ASSERT_EQ(
      shard_.Sql("CREATE MATERIALIZED VIEW v AS SELECT id, a, b FROM shop.public.t; CREATE INDEX by_a ON v (a, b)"),
      "");
  ASSERT_TRUE(Built());
  views::RowsRequest request;
  request.equal = {{"a", "1"}};
  request.from = {{"b", "b2"}};
  request.limit = 3;
  Rows seen;
  do {
    const auto page = shard_.views().Rows("v", request, {});
    ASSERT_TRUE(page.ok()) << page.error().message;
    EXPECT_FALSE(page->table.scanned);
    for (const auto& row : page->table.rows) seen.push_back(row[2].s + "/" + std::to_string(row[0].i));
    request.cursor = page->next_cursor;
  } while (!request.cursor.empty());
  EXPECT_THAT(seen, ElementsAre("b2/22", "b3/13", "b4/4", "b5/25", "b6/16", "b7/7", "b8/28", "b9/19"));
  const auto first = shard_.views().Rows("v", request, {});
  request.cursor = first->next_cursor;
  ASSERT_EQ(Drop("by_a"), "");
  ASSERT_TRUE(Shard::Until([&] { return shard_.views().Status("v")->indexes.empty(); }));
  const auto gone = shard_.views().Rows("v", request, {});
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().message, "the index that the cursor is of is gone");
  request.cursor.clear();
  request.limit = 100;
  const auto all = shard_.views().Rows("v", request, {});
  EXPECT_TRUE(all->table.scanned);
  EXPECT_EQ(all->table.rows.size(), 8U);
}

TEST_F(ViewIndexes, RetentionTakesTheirEntriesToo) {
  events_.Insert({"1", "x"});
  events_.Commit();
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW v WITH (retention = '300 ms') AS SELECT a, b FROM e;"
                       "CREATE INDEX by_a ON v (a)"),
            "");
  ASSERT_TRUE(Built());
  for (int i = 0; i < 100; ++i) {
    events_.Insert({std::to_string(i % 10), "x"});
    events_.Insert({std::to_string(i % 10), "x"});
    events_.Commit();
  }
  ASSERT_TRUE(shard_.Settle());
  const auto v = shard_.views().Find("v");
  ASSERT_TRUE(Shard::Until([&] { return shard_.views().Status("v")->rows == 0; }));
  EXPECT_THAT(Entries(*v, v->record.indexes[0]), IsEmpty());
  events_.Insert({"3", "y"});
  events_.Commit();
  ASSERT_TRUE(shard_.Settle());
  EXPECT_THAT(shard_.Select("SELECT b FROM v WHERE a = 3"), ElementsAre("y"));
}

// The rows of a view of events are carried over when a column comes to the table that they are judged by.
TEST_F(ViewIndexes, RowsThatAreCarriedIntoAnotherFormAreInItsIndexes) {
  table_.Snapshot({{"1", "10", "x", {}}, {"2", "20", "y", {}}});
  events_.Insert({"1", "p"});
  events_.Commit();
  ASSERT_EQ(shard_.Sql("CREATE MATERIALIZED VIEW v AS SELECT r.b AS event, s.* FROM e r JOIN shop.public.t "
                       "FOR SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.id = r.a; CREATE INDEX by_a ON v (a)"),
            "");
  for (const char* event : {"1", "2", "1"}) {
    events_.Insert({event, "q"});
    events_.Commit();
  }
  ASSERT_TRUE(Built());
  EXPECT_EQ(Counted("v WHERE a = 10", 2), "2");
  TestStream wide(shard_, "shop", "public", "t",
                  {{"id", TypeId::kInt4},
                   {"a", TypeId::kInt4},
                   {"b", TypeId::kText},
                   {"n", TypeId::kNumeric},
                   {"c", TypeId::kText}},
                  1);
  wide.Update({"2", "10", "y", {}, "new"});
  wide.Commit();
  events_.Insert({"2", "r"});
  events_.Commit();
  ASSERT_TRUE(Shard::Until([&] {
    shard_.views().Attend({});
    return shard_.Select("SELECT c FROM v WHERE event = 'r'") == Rows{"new"};
  }));
  ASSERT_TRUE(Built());
  EXPECT_EQ(Counted("v WHERE a = 10", 3), "3");
  ExpectRight("after the rows were carried");
}

// Random changes into views of every form of rows; indexes come and go meanwhile.
class IndexModel : public ViewIndexes {
 protected:
  explicit IndexModel(std::size_t step_bytes = 0) : ViewIndexes(step_bytes) {}
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  std::optional<std::string> Value(int n) {
    const int value = Below(n + 1);
    return value == n ? std::nullopt : std::optional(std::to_string(value));
  }
  void Change() {
    for (int n = 1 + Below(5); n > 0; --n) {
      const int id = Below(40);
      const bool there = ids_.contains(id);
      const TestStream::Row row = {std::to_string(id), Value(4), Value(3), Value(3)};
      if (there && Below(3) == 0) {
        table_.Delete(row);
        ids_.erase(id);
      } else if (there) {
        table_.Update(row);
      } else {
        table_.Insert(row);
        ids_.insert(id);
      }
    }
    table_.Commit();
    for (int n = Below(3); n > 0; --n) events_.Insert({Value(4), Value(3)});
    events_.Insert({Value(4), Value(3)});
    events_.Commit();
  }
  // A query gives what it gives where no index can be used.
  void ExpectLikeAScan(const std::string& view, const std::string& a, const std::string& b) {
    const std::string value = std::to_string(Below(5));
    const std::string other = std::to_string(Below(4));
    for (const auto& [where, hidden] : {std::pair{a + " = " + value, a + " + 0 = " + value},
                                        {a + " > " + value, a + " + 0 > " + value},
                                        {a + " = " + value + " AND " + b + " <= '" + other + "'",
                                         a + " + 0 = " + value + " AND " + b + " || '' <= '" + other + "'"},
                                        {b + " = '" + other + "'", b + " || '' = '" + other + "'"}}) {
      const std::string from = "SELECT * FROM " + view + " WHERE ";
      ASSERT_EQ(shard_.Select(from + where), shard_.Select(from + hidden)) << from << where;
    }
  }

  void ChangeAndCompare(int rounds) {
    table_.Snapshot({});
    events_.Insert({"1", "1"});
    events_.Commit();
    ASSERT_EQ(shard_.Sql(R"(
  CREATE MATERIALIZED VIEW keyed AS SELECT id, a, b, n FROM shop.public.t;
  CREATE MATERIALIZED VIEW counted AS SELECT a, b FROM shop.public.t;
  CREATE MATERIALIZED VIEW groups AS SELECT b, count(*)::int AS a, sum(n) AS s FROM shop.public.t GROUP BY b;
  CREATE MATERIALIZED VIEW plain AS SELECT b, count(*) AS a, sum(n) AS s FROM shop.public.t GROUP BY b;
  CREATE MATERIALIZED VIEW whole AS SELECT b, max(a) AS m, count(a) AS a FROM shop.public.t GROUP BY b;
  CREATE MATERIALIZED VIEW blocks AS SELECT a, b FROM e;)"),
              "");
    ASSERT_TRUE(shard_.Settle());
    const Rows views = {"keyed", "counted", "groups", "plain", "whole", "blocks"};
    for (int round = 0; round < rounds; ++round) {
      for (int n = 1 + Below(4); n > 0; --n) Change();
      for (const std::string& view : views) {
        const std::string index = view + std::to_string(Below(2));
        const bool there = shard_.views().Find(view)->record.indexes.size() > 1 && Below(2) == 0 && Drop(index).empty();
        if (there || Below(3) > 0) continue;
        const std::string columns = Below(2) == 0 ? " (a, b)" : " (b)";
        ASSERT_EQ(shard_.Sql("CREATE INDEX IF NOT EXISTS " + index + " ON " + view + columns), "");
      }
      if (Below(10) == 0) shard_.Reopen();
      ASSERT_TRUE(Built()) << round;
      ExpectRight("in round " + std::to_string(round));
      for (const std::string& view : views) ExpectLikeAScan(view, "a", "b");
    }
    for (const std::string& view : views) {
      ASSERT_EQ(shard_.Sql("CREATE INDEX last_" + view + " ON " + view + " (a)"), "");
      ASSERT_TRUE(Built());
      EXPECT_FALSE(Run("SELECT * FROM " + view + " WHERE a = 1")->scanned) << view;
    }
  }

  std::mt19937 random_{11};
  std::set<int> ids_;
};

TEST_F(IndexModel, EveryIndexHasWhatItWouldHaveIfItWereMadeNow) { ChangeAndCompare(60); }

class IndexModelInPieces : public IndexModel {
 protected:
  IndexModelInPieces() : IndexModel(1) {}
};

TEST_F(IndexModelInPieces, EveryIndexHasWhatItWouldHaveIfItWereMadeNow) { ChangeAndCompare(15); }

}  // namespace
}  // namespace headgate::test
