#include "sinks/table/planner.h"

#include <gmock/gmock.h>

#include "tests/unit/sinks/sample_events.h"

namespace headgate::table {
namespace {

using ::testing::HasSubstr;

class TablePlanner : public ::testing::Test {
 protected:
  TablePlanner() {
    options_.schema = "public";
    options_.table = "copy_of_${table}";
    options_.host = "db1";
    options_.port = 5432;
    options_.dbname = "warehouse";
  }
  Result<Wanted> WantedOf(const Event& event) { return table::WantedOf(options_, event); }

  SampleEvents events_;
  Options options_;
  const std::unique_ptr<Dialect> dialect_ = MakeDialect(Database::kPostgres);
};

TEST_F(TablePlanner, ATableIsMadeFromTheSchema) {
  const auto wanted = WantedOf(events_.Insert(1));
  ASSERT_TRUE(wanted.ok());
  EXPECT_EQ(*CreateTable(*dialect_, *wanted),
            R"(CREATE TABLE "public"."copy_of_orders" ("id" bigint NOT NULL, "status" text, "city" text, )"
            R"(PRIMARY KEY ("id")))");
}

TEST_F(TablePlanner, AppendAddsItsColumnsAndNeedsNoKey) {
  EXPECT_FALSE(WantedOf(events_.Insert(1, "open", SampleEvents::kNotes)).ok()) << "F-33";
  options_.append = true;
  const auto wanted = WantedOf(events_.Insert(1, "open", SampleEvents::kNotes));
  ASSERT_TRUE(wanted.ok());
  EXPECT_THAT(*CreateTable(*dialect_, *wanted), HasSubstr("\"_event_id\" text, \"_op\" text"));
}

TEST_F(TablePlanner, AllThatIsWrongWithATableIsSaidAtOnce) {
  const auto wanted = WantedOf(events_.Insert(1));
  TargetTable table;
  table.columns = {{"id", "smallint", "smallint", "", false, false, false},
                   {"status", "text", "text", "", false, false, false},
                   {"city", "text", "text", "", false, false, false},
                   {"owner", "text", "text", "", false, true, false}};
  const auto plan = PlanFor(options_, *dialect_, *wanted, table);
  ASSERT_FALSE(plan.ok());
  EXPECT_THAT(plan.error().what, HasSubstr("column id is smallint there, and needs bigint"));
  EXPECT_THAT(plan.error().what, HasSubstr("column owner there may not be NULL"));
  EXPECT_THAT(plan.error().what, HasSubstr("no primary key or unique index on (\"id\")"));
}

TEST_F(TablePlanner, OnlyWhatTheTableLacksIsAdded) {
  const auto wanted = WantedOf(events_.Insert(1));
  TargetTable table;
  table.columns = {{"id", "bigint", "bigint", "", false, true, false}};
  table.unique = {{"id"}};
  EXPECT_EQ(*AddColumns(*dialect_, *wanted, table),
            R"(ALTER TABLE "public"."copy_of_orders" ADD COLUMN "status" text, ADD COLUMN "city" text)");
  table.columns.push_back({"status", "text", "text", "", false, false, false});
  table.columns.push_back({"city", "text", "text", "", false, false, true});
  EXPECT_EQ(*AddColumns(*dialect_, *wanted, table), "");
  const auto plan = PlanFor(options_, *dialect_, *wanted, table);
  ASSERT_TRUE(plan.ok()) << plan.error().what;
  EXPECT_EQ((*plan)->columns.size(), 2U) << "a generated column is left to the table";
  EXPECT_EQ((*plan)->key, std::vector<std::size_t>{0});
}

}  // namespace
}  // namespace headgate::table
