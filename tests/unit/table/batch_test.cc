#include "sinks/table/batch.h"

#include <gmock/gmock.h>

#include "sinks/table/postgres_dialect.h"
#include "tests/unit/sinks/sample_events.h"
#include "tests/unit/table/orders_plan.h"

namespace headgate::table {
namespace {

using ::testing::ElementsAre;

class TableBatch : public ::testing::Test {
 protected:
  TableBatch() { plan_ = std::make_shared<const TablePlan>(OrdersPlan()); }
  Batch::Taken Take(const Event& event) {
    const auto taken = batch_.Take(event, plan_);
    EXPECT_TRUE(taken.ok()) << (taken.ok() ? "" : taken.error().what);
    return taken.ok() ? *taken : Batch::Taken::kBatchFirst;
  }
  // "-1" a removal, "1 paid Malmö" a whole row, "1 paid ?" one that is not.
  std::vector<std::string> Rows() const {
    std::vector<std::string> rows;
    if (batch_.empty()) return rows;
    const Batch::Table& table = *batch_.tables().front();
    for (const Row& row : table.rows) {
      std::string text = row.remove ? "-" : "";
      for (std::size_t c = 0; c < (row.remove ? 1U : 3U); ++c) {
        const Cell& cell = table.At(row.first, c);
        text += (c > 0 ? " " : "") + (cell.size < 0 ? std::string("?") : std::string(table.TextOf(cell)));
      }
      EXPECT_TRUE(row.remove || row.whole == (text.find('?') == std::string::npos)) << text;
      rows.push_back(text);
    }
    return rows;
  }

  SampleEvents events_;
  const PostgresDialect dialect_;
  std::shared_ptr<const TablePlan> plan_;
  Batch batch_{dialect_};
};

TEST_F(TableBatch, ChangesOfARowAreFoldedToTheLast) {
  Take(events_.Insert(1));
  Take(events_.Insert(2));
  Take(events_.Update(1, "paid"));
  Take(events_.Delete(2));
  Take(events_.Insert(3));
  Take(events_.Delete(3));
  Take(events_.Insert(3, "back"));
  EXPECT_THAT(Rows(), ElementsAre("1 paid Malmö", "-2", "3 back Malmö"));
}

TEST_F(TableBatch, WhatDidNotComeIsTakenFromTheRowBefore) {
  Take(events_.Insert(1));
  Take(events_.Part(1, "paid"));
  Take(events_.Part(2, "sent"));
  EXPECT_THAT(Rows(), ElementsAre("1 paid Malmö", "2 sent ?"));
}

TEST_F(TableBatch, AChangedKeyRemovesTheOldRow) {
  Take(events_.Update(5, "paid", 4));
  EXPECT_THAT(Rows(), ElementsAre("-4", "5 paid Malmö"));
}

TEST_F(TableBatch, AChangedKeyOfARowThatIsNotWholeIsMovedAtTheTarget) {
  Take(events_.Insert(1));
  Take(events_.Part(2, "paid", 1));  // known whole from the batch
  EXPECT_THAT(Rows(), ElementsAre("-1", "2 paid Malmö"));
  Take(events_.Part(8, "paid", 7));  // not known
  EXPECT_THAT(Rows(), ElementsAre("-1", "2 paid Malmö", "8 paid ?"));
  ASSERT_EQ(batch_.tables().front()->moves.size(), 1U);
  // The row is under way in parts: the batch goes first, and is as it was.
  EXPECT_EQ(Take(events_.Part(9, "sent", 8)), Batch::Taken::kBatchFirst);
  EXPECT_THAT(Rows(), ElementsAre("-1", "2 paid Malmö", "8 paid ?"));
}

TEST_F(TableBatch, ATruncateForgetsWhatWasBeforeIt) {
  Take(events_.Insert(1));
  Take(events_.Truncate());
  Take(events_.Insert(2));
  EXPECT_TRUE(batch_.tables().front()->truncate);
  EXPECT_THAT(Rows(), ElementsAre("2 open Malmö"));
}

TEST_F(TableBatch, APartOfItIsABatchOfItsOwn) {
  Take(events_.Insert(1));
  Take(events_.Part(8, "paid", 7));
  Take(events_.Delete(2));
  const std::vector<Batch::Unit> units = batch_.Units();
  ASSERT_EQ(units.size(), 4U);  // the move, the removal, two rows
  const auto part = batch_.Part(std::span(units).subspan(1, 2));
  ASSERT_EQ(part->tables().size(), 1U);
  const Batch::Table& table = *part->tables().front();
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_TRUE(table.rows[0].remove);
  EXPECT_EQ(table.TextOf(table.At(table.rows[0].first, 0)), "2");
  EXPECT_EQ(table.TextOf(table.At(table.rows[1].first, 2)), "Malmö");
  EXPECT_TRUE(table.moves.empty());
}

TEST_F(TableBatch, SaysWhichRowsItLeavesNothingOf) {
  Take(events_.Insert(1));
  Take(events_.Part(3, "paid"));
  Take(events_.Delete(2));
  std::map<std::string, RefusedChange> rows;
  for (const Batch::Unit& unit : batch_.Units())
    rows[std::string(unit.table->TextOf(unit.table->At(unit.table->rows[unit.index].first, 0)))].row = unit.row();
  EXPECT_TRUE(batch_.Replaces(rows["1"]));
  EXPECT_TRUE(batch_.Replaces(rows["2"]));
  EXPECT_FALSE(batch_.Replaces(rows["3"]));  // a part of it
  RefusedChange other = rows["1"];
  other.row.replace(other.row.find("orders"), 6, "others");
  EXPECT_FALSE(batch_.Replaces(other));
  Take(events_.Truncate());
  EXPECT_TRUE(batch_.Replaces(rows["3"]));
}

TEST_F(TableBatch, RowsOfAnotherShapeWaitForTheBatch) {
  Take(events_.Insert(1));
  TablePlan other = *plan_;
  other.columns.pop_back();
  const auto taken = batch_.Take(events_.Insert(2), std::make_shared<const TablePlan>(other));
  EXPECT_EQ(*taken, Batch::Taken::kBatchFirst);
  // The same shape under another schema version does not.
  EXPECT_EQ(*batch_.Take(events_.Insert(2), std::make_shared<const TablePlan>(*plan_)), Batch::Taken::kYes);
}

TEST_F(TableBatch, AValueThatTheTargetHasNoFormForIsRefusedAndLeavesTheBatchAsItWas) {
  Take(events_.Insert(1));
  const auto taken = batch_.Take(events_.Insert(2, std::string_view("a\0b", 3)), plan_);
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().kind, ErrorKind::kRejected);
  EXPECT_THAT(taken.error().what, ::testing::HasSubstr("Column status of stream shop.public.orders"));
  EXPECT_THAT(Rows(), ElementsAre("1 open Malmö"));
}

}  // namespace
}  // namespace headgate::table
