#include "sinks/table/salvage.h"

#include <gmock/gmock.h>

#include <set>

#include "sinks/table/letter.h"
#include "sinks/table/postgres_dialect.h"
#include "tests/unit/sinks/sample_events.h"
#include "tests/unit/table/orders_plan.h"

namespace headgate::table {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Rows by id, of which it takes some.
class PickyTarget final : public Target {
 public:
  Status Connect(const std::vector<net::IpAddress>&) override { return Ok(); }
  const Dialect& dialect() const override { return dialect_; }
  bool ddl_commits() const override { return false; }
  Result<TargetPlace> TakeOver(std::string_view, std::string_view, const SinkContext::Stand&) override {
    return TargetPlace();
  }
  Result<std::optional<TargetTable>> Describe(const TableName&) override { return std::optional<TargetTable>(); }
  Status ChangeSchema(const std::string&) override { return Ok(); }
  Status Rollback() override { return Ok(); }
  Status Mark() override {
    marked_ = rows;
    return Ok();
  }
  Status BackToMark() override {
    rows = marked_;
    return Ok();
  }
  Status Write(const Batch& batch) override {
    ++writes;
    for (const Batch::Unit& unit : batch.Units()) {
      const std::string id(unit.table->TextOf(unit.table->At(unit.table->rows[unit.index].first, 0)));
      if (bad.contains(id) || (needs.contains(id) && !rows.contains(needs[id])))
        return Rejected("row " + id + " does not fit");
      rows.insert(id);
    }
    return broken ? Status(Transient("the connection is gone")) : Ok();
  }
  Status Commit(const TargetPlace&) override { return Ok(); }
  Result<bool> HasEvent(const TableName&, std::string_view) override { return false; }
  void Interrupt() override {}

  std::set<std::string> rows;
  std::set<std::string> bad;
  std::map<std::string, std::string> needs;  // another row that has to be there first
  bool broken = false;
  int writes = 0;

 private:
  const PostgresDialect dialect_;
  std::set<std::string> marked_;
};

class TableSalvage : public ::testing::Test {
 protected:
  TableSalvage() { plan_ = std::make_shared<const TablePlan>(OrdersPlan()); }
  void Fill(int rows) {
    for (int i = 1; i <= rows; ++i) ASSERT_TRUE(batch_.Take(events_.Insert(i), plan_).ok());
  }

  SampleEvents events_;
  PickyTarget target_;
  std::shared_ptr<const TablePlan> plan_;
  Batch batch_{target_.dialect()};
  Salvage salvage_{target_};
  std::vector<RefusedChange> refused_;
};

TEST_F(TableSalvage, ABatchThatFitsIsWrittenAtOnce) {
  Fill(1'000);
  ASSERT_TRUE(salvage_.Write(batch_, refused_).ok());
  EXPECT_EQ(target_.writes, 1);
  EXPECT_EQ(target_.rows.size(), 1'000U);
  EXPECT_THAT(refused_, IsEmpty());
}

TEST_F(TableSalvage, WhatIsRejectedIsFoundAndTheRestIsWritten) {
  Fill(1'000);
  target_.bad = {"1", "500", "1000"};
  ASSERT_TRUE(salvage_.Write(batch_, refused_).ok());
  EXPECT_EQ(target_.rows.size(), 997U);
  ASSERT_EQ(refused_.size(), 3U);
  EXPECT_EQ(refused_[1].what, "row 500 does not fit");
  EXPECT_EQ(
      refused_[1].body,
      R"({"schema":"public","table":"orders","write":"upsert","key":["id"],"row":{"id":"500","status":"open","city":"Malmö"}})"
      "\n");
  EXPECT_LT(target_.writes, 80);  // halving, not one by one
}

TEST_F(TableSalvage, ARowThatNeedsALaterOneIsTriedAgain) {
  Fill(20);
  target_.needs = {{"3", "9"}, {"9", "17"}};
  ASSERT_TRUE(salvage_.Write(batch_, refused_).ok());
  EXPECT_EQ(target_.rows.size(), 20U);
  EXPECT_THAT(refused_, IsEmpty());
}

TEST_F(TableSalvage, ATableThatTakesNothingIsAnError) {
  Fill(150);
  for (int i = 1; i <= 150; ++i) target_.bad.insert(std::to_string(i));
  const Status status = salvage_.Write(batch_, refused_);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(status.error().what, HasSubstr("took none of the last 100 rows"));
  EXPECT_THAT(refused_, IsEmpty());
}

TEST_F(TableSalvage, AnyOtherErrorEndsIt) {
  Fill(10);
  target_.broken = true;
  const Status status = salvage_.Write(batch_, refused_);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kTransient);
  EXPECT_EQ(target_.writes, 1);
}

class TableLetterBody : public TableSalvage {
 protected:
  TableLetterBody() {
    for (const char* name : {"id", "status", "city"}) {
      table_.columns.emplace_back().name = name;
      table_.columns.back().base = name == std::string_view("id") ? "bigint" : "text";
    }
    table_.unique = {{"id"}};
  }
  Result<std::vector<std::unique_ptr<Batch>>> Read(std::string_view body) {
    return ReadBody(body, options_, target_.dialect(),
                    [this](const TableName&) { return Result<std::optional<TargetTable>>(table_); });
  }
  // What is done, written down anew.
  std::vector<std::string> Again(std::string_view body) {
    std::vector<std::string> out;
    const auto batches = Read(body);
    if (!batches.ok()) return {batches.error().what};
    for (const auto& batch : *batches) {
      for (const Batch::Unit& unit : batch->Units()) out.push_back(BodyOf(unit));
    }
    return out;
  }

  Options options_;
  TargetTable table_;
};

TEST_F(TableLetterBody, SaysWhatIsDoneAndIsReadBack) {
  ASSERT_TRUE(batch_.Take(events_.Insert(1, "a \"quoted\"\nline"), plan_).ok());
  ASSERT_TRUE(batch_.Take(events_.Part(8, "paid", 7), plan_).ok());
  ASSERT_TRUE(batch_.Take(events_.Delete(2), plan_).ok());
  std::vector<std::string> lines;
  std::string body;
  for (const Batch::Unit& unit : batch_.Units()) body += lines.emplace_back(BodyOf(unit));
  EXPECT_THAT(lines, ElementsAre(HasSubstr(R"("write":"move")"), HasSubstr(R"("write":"remove")"),
                                 HasSubstr(R"("write":"upsert")"), HasSubstr(R"("id":"8")")));
  EXPECT_EQ(Again(body), lines);
}

TEST_F(TableLetterBody, WhatCannotBeDoneAnyMoreIsRejected) {
  const std::string body = R"({"schema":"s","table":"t","write":"upsert","key":["id"],"row":{"id":"1","gone":"x"}})";
  EXPECT_THAT(Again(body), ElementsAre(HasSubstr("has no column gone any more")));
  for (const char* bad : {"", "{", "[]", R"({"schema":1})", R"({"schema":"s","table":"t","write":"upsert"})",
                          R"({"schema":"s","table":"t","write":"upsert","key":["id"],"row":{"status":"a"}})",
                          R"({"schema":"s","table":"t","write":"upsert","key":["id"],"row":{"id":7}})"}) {
    const auto batches = Read(bad);
    ASSERT_FALSE(batches.ok()) << bad;
    EXPECT_EQ(batches.error().kind, ErrorKind::kRejected) << bad;
    EXPECT_THAT(batches.error().what, HasSubstr("Discard it")) << bad;
  }
}

}  // namespace
}  // namespace headgate::table
