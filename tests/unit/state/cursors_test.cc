#include "core/state/cursors.h"

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using Cursors = test::LogTest;

void Move(Store& store, std::string_view sink, At at) {
  StoreBatch batch;
  PutCursor(batch, sink, at);
  ASSERT_TRUE(store.Write(batch, true).ok());
}

TEST_F(Cursors, ASinkThatNeverMovedHasNone) {
  const auto cursor = ReadCursor(*store_, "hook");
  ASSERT_TRUE(cursor.ok());
  EXPECT_FALSE(cursor->has_value());
  EXPECT_EQ(*LowestCursor(*store_), 0U);
}

TEST_F(Cursors, EachSinkHasItsOwnAndTheLowestCounts) {
  Move(*store_, "hook", {7, 3});
  Move(*store_, "hook2", {18'446'744'073'709'551'615ULL, 4'294'967'295U});
  Move(*store_, "a", {9, 0});
  Reopen();
  EXPECT_EQ(**ReadCursor(*store_, "hook"), (At{7, 3}));
  EXPECT_EQ(**ReadCursor(*store_, "hook2"), (At{18'446'744'073'709'551'615ULL, 4'294'967'295U}));
  EXPECT_EQ(*LowestCursor(*store_), 7U);
  EXPECT_EQ(*LowestCursor(*store_, [](std::string_view sink) { return sink != "hook"; }), 9U);
  StoreBatch batch;
  DeleteCursor(batch, "hook");
  ASSERT_TRUE(store_->Write(batch, true).ok());
  EXPECT_FALSE(ReadCursor(*store_, "hook")->has_value());
  EXPECT_EQ(*LowestCursor(*store_), 9U);
}

TEST_F(Cursors, OneThatCannotBeReadIsCorruptAndNamesItsSink) {
  StoreBatch batch;
  batch.Put(Family::kCursors, "hook", "\xff");
  ASSERT_TRUE(store_->Write(batch, true).ok());
  const auto cursor = ReadCursor(*store_, "hook");
  ASSERT_FALSE(cursor.ok());
  EXPECT_EQ(cursor.error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(cursor.error().what, "the cursor of sink hook cannot be read");
}

}  // namespace
}  // namespace headgate
