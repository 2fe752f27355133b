// Reading, waiting, and what retention takes away.
#include "core/base/signal.h"
#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using test::Commit;
using test::InsertedIds;
using test::Noise;
using test::ReadAll;

constexpr std::int64_t kSecondUs = 1'000'000;

class Reading : public test::LogTest {
 protected:
  // Entry 1 is the schema; then one commit each at lsn 10, 20, ... , appended a second apart.
  void Fill(int commits, std::string_view text = "x") {
    LogWriter& writer = OpenWriter();
    stream_ = Define(writer);
    for (int i = 1; i <= commits; ++i) {
      clock_.now_us += kSecondUs;
      Append(writer, Commit(static_cast<std::uint64_t>(i) * 10, stream_, 1, 1, text));
    }
  }
  Log::Trimmed Trim(const RetentionPolicy& policy, Seq lowest_cursor = 0) {
    auto trimmed = log_->Trim(policy, lowest_cursor);
    EXPECT_TRUE(trimmed.ok()) << trimmed.error().what;
    return trimmed.ok() ? *trimmed : Log::Trimmed{};
  }
  StreamNo stream_ = 0;
};

TEST_F(Reading, WhatTellsOfALossIsWrittenWithIt_D4) {
  Fill(5);
  const auto also = [](const Log::Trimmed& dropped, StoreBatch& batch) {
    batch.Put(Family::kMeta, "told", std::to_string(dropped.lost_transactions));
  };
  ASSERT_TRUE(log_->Trim({.time_ms = 3'600'000}, 1, also).ok());
  EXPECT_FALSE(store_->Get(Family::kMeta, "told")->has_value()) << "nothing was dropped";
  ASSERT_TRUE(log_->Trim({.time_ms = 2500}, 1, also).ok());
  EXPECT_EQ(store_->Get(Family::kMeta, "told")->value_or(""), "3");
}

TEST_F(Reading, AReaderAtTheEndSeesWhatIsAppendedLater) {
  Fill(2);
  const auto reader = log_->NewReader();
  EXPECT_EQ(ReadAll(*reader).size(), 3U);
  EXPECT_TRUE(ReadAll(*reader).empty());
  Append(*writer_, Commit(30, stream_, 1));
  EXPECT_EQ(InsertedIds(ReadAll(*reader)), std::vector<std::int64_t>{30'000});
  Append(*writer_, Commit(40, stream_, 1));
  Append(*writer_, Commit(50, stream_, 1));
  EXPECT_EQ(InsertedIds(ReadAll(*reader)), (std::vector<std::int64_t>{40'000, 50'000}));
}

TEST_F(Reading, AnAppendInTheMiddleOfARunIsSeenInTheSameRun) {
  Fill(3);
  const auto reader = log_->NewReader();
  LogReader::Block block;
  ASSERT_TRUE(*reader->Next(block));
  Append(*writer_, Commit(40, stream_, 1));
  EXPECT_EQ(ReadAll(*reader).size(), 4U);
}

TEST_F(Reading, SeekGoesForthAndBackAndBeyondTheEnd) {
  Fill(5);
  const auto reader = log_->NewReader();
  reader->Seek(5);
  EXPECT_EQ(InsertedIds(ReadAll(*reader)), (std::vector<std::int64_t>{40'000, 50'000}));
  reader->Seek(0);
  EXPECT_EQ(ReadAll(*reader).size(), 6U);
  reader->Seek(7);
  EXPECT_TRUE(ReadAll(*reader).empty());
  Append(*writer_, Commit(60, stream_, 1));
  EXPECT_EQ(InsertedIds(ReadAll(*reader)), std::vector<std::int64_t>{60'000});
}

TEST_F(Reading, SubscribersAreWokenUntilTheyLetGo) {
  Fill(1);
  int first = 0;
  int second = 0;
  auto one = log_->Subscribe([&] { ++first; });
  const auto two = log_->Subscribe([&] { ++second; });
  Append(*writer_, Commit(100, stream_, 1));
  EXPECT_EQ(first, 1);
  one.reset();
  Append(*writer_, Commit(110, stream_, 1));
  EXPECT_EQ(first, 1);
  EXPECT_EQ(second, 2);
}

TEST_F(Reading, ASubscriptionMayOutliveTheLog) {
  auto subscription = log_->Subscribe([] {});
  Close();
  subscription.reset();
}

TEST_F(Reading, AWaitingThreadIsWokenByAnAppendOfAnother) {
  Fill(1);
  Signal news;
  const auto subscription = log_->Subscribe([&] { news.Raise(); });
  std::vector<test::Seen> seen;
  std::jthread thread([&](std::stop_token stop) {
    const auto reader = log_->NewReader();
    reader->Seek(3);
    while (seen.empty() && !stop.stop_requested()) {
      news.WaitUntil(std::chrono::steady_clock::now() + std::chrono::seconds(60), stop);
      seen = ReadAll(*reader);
    }
  });
  Append(*writer_, Commit(20, stream_, 1));
  thread.join();
  EXPECT_EQ(InsertedIds(seen), std::vector<std::int64_t>{20'000});
}

TEST_F(Reading, SeekTimeFindsTheFirstAppendNotBefore) {
  const std::int64_t start = clock_.now_us;
  Fill(5);  // seq 1 and 2 at +1 s, 3 at +2 s, ... 6 at +5 s
  EXPECT_EQ(log_->SeekTime(0), 1U);
  EXPECT_EQ(log_->SeekTime(start + kSecondUs), 1U);
  EXPECT_EQ(log_->SeekTime(start + kSecondUs + 1), 3U);
  EXPECT_EQ(log_->SeekTime(start + 3 * kSecondUs), 4U);
  EXPECT_EQ(log_->SeekTime(start + 5 * kSecondUs), 6U);
  EXPECT_EQ(log_->SeekTime(start + 5 * kSecondUs + 1), 7U);
}

TEST_F(Reading, AClockThatIsPutBackMakesNoLaterEntryOlderAndTrimDropsNothingForIt) {
  Fill(5);
  const std::int64_t right = clock_.now_us;
  for (std::uint64_t round = 0; round < 6; ++round) {
    clock_.now_us = 1'000'000;  // 1970, as after a boot without a battery
    Append(*writer_, Commit(60 + round * 10, stream_, 1));
    Reopen();
    OpenWriter();
  }
  clock_.now_us = right + kSecondUs;
  Append(*writer_, Commit(200, stream_, 1));
  std::int64_t last = 0;
  for (const auto& entry : ReadAll(*log_)) {
    EXPECT_GE(entry.info.stored_us, last);
    last = entry.info.stored_us;
  }
  EXPECT_EQ(last, right + kSecondUs);
  EXPECT_EQ(log_->SeekTime(right), 6U);
  EXPECT_EQ(Trim({.time_ms = 3600 * 1000}).transactions, 0U);
}

TEST_F(Reading, TrimByTimeKeepsWhatIsYoungerAndSurvivesAReopen) {
  Fill(5);
  const Log::Trimmed trimmed = Trim({.time_ms = 2500});  // entries of +3 s and later stay
  EXPECT_EQ(trimmed.first_kept, 4U);
  EXPECT_EQ(trimmed.transactions, 3U);
  EXPECT_EQ(trimmed.lost_transactions, 0U);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(log_->first_seq(), 4U);
    EXPECT_EQ(log_->last_seq(), 6U);
    EXPECT_EQ(InsertedIds(ReadAll(*log_)), (std::vector<std::int64_t>{30'000, 40'000, 50'000}));
    EXPECT_EQ(log_->stats(stream_).first_seq, 4U);
    Reopen();
  }
  EXPECT_EQ(Trim({.time_ms = 2500}).transactions, 0U);
}

TEST_F(Reading, AfterEverythingWasTrimmedNumbersGoOn) {
  Fill(3);
  clock_.now_us += 3600 * kSecondUs;
  EXPECT_EQ(Trim({.time_ms = 1000}).first_kept, 5U);
  Reopen();
  EXPECT_EQ(log_->first_seq(), 5U);
  EXPECT_EQ(log_->last_seq(), 4U);
  EXPECT_TRUE(ReadAll(*log_).empty());
  LogWriter& writer = OpenWriter();
  Append(writer, Commit(30, stream_, 1));
  EXPECT_EQ(log_->last_seq(), 4U) << "still known as a duplicate";
  Append(writer, Commit(40, stream_, 1));
  EXPECT_EQ(ReadAll(*log_).at(0).at.seq, 5U);
}

TEST_F(Reading, WhatFallsOffBeforeACursorReadItIsADeclaredLoss) {
  Fill(5);
  const Log::Trimmed trimmed = Trim({.time_ms = 2500}, 2);
  EXPECT_EQ(trimmed.transactions, 3U);
  EXPECT_EQ(trimmed.lost_transactions, 2U);
  EXPECT_EQ(log_->lost_records(), 2U);
  clock_.now_us += kSecondUs;
  EXPECT_EQ(Trim({.time_ms = 2500}, 2).lost_transactions, 1U) << "what was lost before is not lost again";
  Reopen();
  EXPECT_EQ(log_->lost_records(), 3U);
}

TEST_F(Reading, ACursorAtTheFirstKeptLosesNothing) {
  Fill(5);
  EXPECT_EQ(Trim({.time_ms = 2500}, 4).lost_transactions, 0U);
}

TEST_F(Reading, AReaderBehindTheTrimGoesOnAtTheFirstKept) {
  Fill(5);
  const auto fresh = log_->NewReader();
  const auto started = log_->NewReader();
  LogReader::Block block;
  ASSERT_TRUE(*started->Next(block));
  EXPECT_EQ(block.seq, 1U);
  ASSERT_EQ(Trim({.time_ms = 2500}, 1).lost_transactions, 3U);
  ASSERT_TRUE(*fresh->Next(block));
  EXPECT_EQ(block.seq, 4U) << "the jump shows in the number";
  EXPECT_EQ(block.info->position.a, 30U);
  // One that reads goes on over what it sees, or jumps: never a wrong or repeated entry.
  const auto rest = ReadAll(*started);
  ASSERT_FALSE(rest.empty());
  for (std::size_t i = 1; i < rest.size(); ++i) EXPECT_EQ(rest[i].at.seq, rest[i - 1].at.seq + 1);
  EXPECT_EQ(rest.back().at.seq, 6U);
}

TEST_F(Reading, AReaderThatIsReleasedHoldsNoDroppedFilesAndLosesNotItsPlace) {
  LogWriter& writer = OpenWriter();
  stream_ = Define(writer);
  Append(writer, Commit(10, stream_, 1, 2, Noise(100'000, 1)));
  Append(writer, Commit(20, stream_, 1));
  ASSERT_TRUE(store_->Flush(Family::kLog).ok());
  const auto reader = log_->NewReader();
  LogReader::Block block;
  for (Seq seq = 1; seq <= 2; ++seq) {
    ASSERT_TRUE(*reader->Next(block));
    EXPECT_EQ(block.seq, seq);
  }
  reader->Release();
  reader->Release();
  ASSERT_TRUE(*reader->Next(block));
  EXPECT_EQ(block.seq, 2U) << "it stands in this block";
  EXPECT_EQ(block.info->position.a, 10U);
  EXPECT_EQ(block.count, 2U);

  TrimUntilFilesAreDropped(writer, stream_, 30);
  const std::uint64_t held = FileBytes();
  EXPECT_GT(held, store_->disk_bytes(Family::kLog) + 50'000) << "dropped files that the reader holds";
  reader->Release();
  EXPECT_LT(FileBytes(), held - 50'000);
  ASSERT_TRUE(*reader->Next(block));
  EXPECT_EQ(block.seq, log_->first_seq()) << "the jump shows in the number";
}

TEST_F(Reading, AReaderIsReleasedInTheMiddleOfATransactionOfManyBlocks) {
  LogWriter& writer = OpenWriter();
  stream_ = Define(writer);
  Append(writer, Commit(10, stream_, 1, 30, Noise(50'000, 1)));
  const auto reader = log_->NewReader();
  std::vector<std::uint32_t> parts;
  LogReader::Block block;
  while (*reader->Next(block)) {
    if (block.seq != 2) continue;
    parts.push_back(block.part);
    EXPECT_EQ(block.info->position.a, 10U);
    reader->Release();
    const std::uint32_t part = block.part;
    ASSERT_TRUE(*reader->Next(block));
    EXPECT_EQ(block.part, part);
    EXPECT_EQ(block.info->position.a, 10U);
  }
  ASSERT_GT(parts.size(), 2U);
  for (std::uint32_t i = 0; i < parts.size(); ++i) EXPECT_EQ(parts[i], i);
  reader->Release();
  EXPECT_FALSE(*reader->Next(block)) << "at the end there is nothing to stand in";
}

TEST_F(Reading, TrimByBytesKeepsAboutThatMuchAndNoMoreIsTakenTheNextTime) {
  LogWriter& writer = OpenWriter();
  stream_ = Define(writer);
  for (std::uint64_t i = 1; i <= 40; ++i) Append(writer, Commit(i, stream_, 1, 1, Noise(100'000, i)));
  const RetentionPolicy policy{.time_ms = 0, .bytes_max = 2'000'000};
  const Log::Trimmed trimmed = Trim(policy);
  EXPECT_NEAR(static_cast<double>(trimmed.transactions), 21.0, 3.0);
  for (int round = 0; round < 5; ++round) EXPECT_EQ(Trim(policy).transactions, 0U) << "round " << round;
  const auto kept = ReadAll(*log_);
  EXPECT_EQ(kept.size(), 41 - trimmed.transactions);
  EXPECT_EQ(kept.back().id, 40'000);
  Append(writer, Commit(41, stream_, 1, 1, Noise(1'000'000, 41)));
  EXPECT_NEAR(static_cast<double>(Trim(policy).transactions), 10.0, 3.0);
}

TEST_F(Reading, TheNewestTransactionStaysHoweverLargeItIs) {
  LogWriter& writer = OpenWriter();
  stream_ = Define(writer);
  for (std::uint64_t i = 1; i <= 3; ++i) Append(writer, Commit(i, stream_, 1, 1, Noise(500'000, i)));
  Trim({.time_ms = 0, .bytes_max = 1000});
  const auto kept = ReadAll(*log_);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].id, 3000);
}

TEST_F(Reading, NothingIsTrimmedWithoutALimit) {
  Fill(3);
  clock_.now_us += 1'000'000 * kSecondUs;
  EXPECT_EQ(Trim({.time_ms = 0, .bytes_max = 0}).transactions, 0U);
  EXPECT_EQ(ReadAll(*log_).size(), 4U);
}

}  // namespace
}  // namespace headgate
