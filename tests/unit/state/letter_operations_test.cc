#include "core/state/letter_operations.h"

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

class LetterOperations : public test::LogTest {
 protected:
  void Put(const LetterOperation& operation) {
    StoreBatch batch;
    PutLetterOperation(batch, operation);
    ASSERT_TRUE(store_->Write(batch, true).ok());
  }
  std::vector<LetterOperation> All() {
    std::vector<LetterOperation> all;
    const Status read = ReadLetterOperations(*store_, [&](LetterOperation&& one) { all.push_back(std::move(one)); });
    EXPECT_TRUE(read.ok()) << read.error().what;
    return all;
  }
};

TEST_F(LetterOperations, OneIsKeptWithItsLettersUntilItsEndTakesItsPlace) {
  LetterOperation one{"op-1", "hook", true, 3, false, 0, 0, {7, 8, 5'000'000'000}};
  Put(one);
  Reopen();
  ASSERT_EQ(All().size(), 1U);
  EXPECT_EQ(All()[0].id, "op-1");
  EXPECT_EQ(All()[0].owner, "hook");
  EXPECT_TRUE(All()[0].discard);
  EXPECT_FALSE(All()[0].ended);
  EXPECT_EQ(All()[0].letters, one.letters);
  Put({"op-1", "hook", true, 3, true, 2, 1, {}});
  ASSERT_EQ(All().size(), 1U);
  EXPECT_TRUE(All()[0].ended);
  EXPECT_EQ(All()[0].done, 2U);
  EXPECT_EQ(All()[0].failed, 1U);
  EXPECT_TRUE(All()[0].letters.empty());
}

TEST_F(LetterOperations, ThoseOfOneOwnerGoWithoutThoseOfAnother) {
  for (const char* owner : {"hook", "hook-2", "\x01view:hook"}) Put({"op-1", owner, false, 0, true, 0, 0, {}});
  Put({"op-2", "hook", false, 0, true, 0, 0, {}});
  StoreBatch batch;
  DeleteLetterOperation(batch, "hook-2", "op-2");
  DeleteLetterOperations(batch, "hook");
  ASSERT_TRUE(store_->Write(batch, true).ok());
  ASSERT_EQ(All().size(), 2U);
  EXPECT_EQ(All()[1].owner, "hook-2");
}

TEST_F(LetterOperations, WhatCannotBeReadIsCorrupt) {
  StoreBatch batch;
  batch.Put(Family::kMeta, "letter_operation/hook", "\xff\xff");
  ASSERT_TRUE(store_->Write(batch, true).ok());
  const Status read = ReadLetterOperations(*store_, [](LetterOperation&&) {});
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace headgate
