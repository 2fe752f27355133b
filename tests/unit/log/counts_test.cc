// Sums over the log up to a place, and the counters of a source.
#include "core/log/counts.h"

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using test::Commit;

class Counts : public test::LogTest {
 protected:
  // Two streams and a message now and then; large enough for several stored sums.
  void Fill(std::uint64_t transactions, int changes) {
    LogWriter& writer = OpenWriter();
    const StreamNo orders = Define(writer);
    const StreamNo items = Define(writer, "items");
    std::vector<Transaction> batch;
    for (std::uint64_t i = 1; i <= transactions; ++i) {
      lsn_ += 10;
      batch.push_back(Commit(lsn_, i % 3 == 0 ? items : orders, 1, changes, std::string(i % 7, 'x')));
      if (i % 5 == 0) batch.push_back(Message(lsn_ + 1));
      if (batch.size() < 20) continue;
      ASSERT_TRUE(writer.Append(batch, std::nullopt).ok());
      batch.clear();
    }
    ASSERT_TRUE(writer.Append(batch, std::nullopt).ok());
  }
  static Transaction Message(std::uint64_t lsn) {
    Transaction tx;
    tx.info.position = {PositionKind::kPgMessage, lsn, 0, 0, {}};
    tx.first_ordinal = 0;
    tx.StartChange(Op::kMessage, 0, 0, lsn);
    tx.EndChange(Encode(MessageExtra{false, "audit", "user=17"}));
    return tx;
  }
  // By reading everything that is kept; with what was in front of it.
  LogCounts ByHand(At at, LogCounts counts = {}) {
    const auto reader = log_->NewReader();
    LogReader::Block block;
    Change change;
    for (auto more = reader->Next(block); more.ok() && *more; more = reader->Next(block)) {
      for (auto changes = block.Changes(); changes.Next(change);) {
        if (At{block.seq, change.ordinal} < at) counts.Add(change, block.info->source);
      }
    }
    return counts;
  }
  LogCounts Before(At at) {
    auto counts = log_->CountsBefore(at);
    EXPECT_TRUE(counts.ok()) << counts.error().what;
    return counts.ok() ? *counts : LogCounts{};
  }
  std::size_t Stored() {
    std::size_t n = 0;
    EXPECT_TRUE(store_
                    ->Scan(Family::kMeta, "counts/", "counts0",
                           [&](std::string_view, std::string_view) {
                             ++n;
                             return true;
                           })
                    .ok());
    return n;
  }

  std::uint64_t lsn_ = 0;
};

TEST_F(Counts, TheSumsInFrontOfAnyPlaceAreThoseOfReadingItAll) {
  Fill(400, 100);
  ASSERT_GE(Stored(), 3U) << "the first append, and each kCountsEvery changes";
  const Seq last = log_->last_seq();
  for (const At at :
       {At{1, 0}, At{3, 50}, At{last / 2, 0}, At{last / 2, 71}, At{last, 99}, At{last + 1, 0}, At{last * 2, 0}})
    EXPECT_EQ(Before(at), ByHand(at)) << ToText(at);
  const auto registry = log_->registry();
  const LogCounts all = Before({last + 1, 0});
  EXPECT_EQ(all.streams[0], (Count{registry->counters[0]->records, registry->counters[0]->bytes}));
  EXPECT_EQ(all.streams[1], (Count{registry->counters[1]->records, registry->counters[1]->bytes}));
  EXPECT_EQ(all.loose[0],
            (Count{registry->source_counters[0]->loose_records, registry->source_counters[0]->loose_bytes}));
}

TEST_F(Counts, TheyGoOnOverARestartAndOverRetention) {
  Fill(100, 100);
  Reopen();
  clock_.now_us += 100'000'000;
  Fill(100, 100);
  const Seq last = log_->last_seq();
  const LogCounts all = ByHand({last + 1, 0});
  const LogCounts middle = ByHand({150, 30});
  const auto trimmed = log_->Trim({.time_ms = 50'000}, 0);
  ASSERT_TRUE(trimmed.ok());
  ASSERT_GT(trimmed->first_kept, 100U);
  ASSERT_LT(trimmed->first_kept, 125U);
  EXPECT_EQ(Before({last + 1, 0}), all);
  EXPECT_EQ(Before({150, 30}), middle);
  const At kept{trimmed->first_kept, 0};
  EXPECT_EQ(ByHand({last + 1, 0}, Before(kept)), all) << "what was dropped is in the sums of the first kept place";
  EXPECT_LE(Stored(), 3U) << "sums of dropped places are dropped";
}

TEST_F(Counts, ThePlaceOfTheNextSelectedChangeIsFoundWithoutReadingAllInBetween) {
  LogWriter& writer = OpenWriter();
  const StreamNo orders = Define(writer);
  const StreamNo items = Define(writer, "items");
  for (std::uint64_t lsn = 10; lsn <= 400; lsn += 10) Append(writer, Commit(lsn, orders, 1, 1000));
  Append(writer, Commit(500, items, 1));
  Append(writer, Commit(510, items, 1));
  const auto only = [](StreamNo wanted) { return [wanted](StreamNo stream, SourceNo) { return stream == wanted; }; };
  EXPECT_EQ(*log_->NextCommit({1, 0}, only(orders)), 1) << "the schema is the first of the stream";
  EXPECT_EQ(*log_->NextCommit({4, 0}, only(items)), 5000);
  EXPECT_EQ(*log_->NextCommit({44, 0}, only(items)), 5100);
  EXPECT_EQ(*log_->NextCommit({44, 0}, only(orders)), std::nullopt);
  EXPECT_EQ(*log_->NextCommit({99, 0}, only(items)), std::nullopt);
}

TEST_F(Counts, ASourceCountsItsChangesByOperationOverRestarts) {
  Fill(10, 3);
  Reopen();
  Fill(10, 3);
  const SourceCounters& counters = *log_->registry()->source_counters[0];
  EXPECT_EQ(counters.records[static_cast<std::size_t>(Op::kInsert)], 60U);
  EXPECT_EQ(counters.records[static_cast<std::size_t>(Op::kMessage)], 4U);
  EXPECT_EQ(counters.records[static_cast<std::size_t>(Op::kSchema)], 2U);
  EXPECT_EQ(counters.loose_records, 4U);
  ASSERT_TRUE(writer_->DeclareGap({"slot_missing", 0, 1, {}, "none"}, 1, "").ok());
  EXPECT_EQ(counters.gaps, 1U);
  EXPECT_EQ(counters.records[static_cast<std::size_t>(Op::kGap)], 1U);
  Reopen();
  EXPECT_EQ(log_->registry()->source_counters[0]->gaps, 1U);
}

TEST_F(Counts, DamagedSumsAreAnErrorNotANumber) {
  for (const std::string_view bad : {std::string_view(""), std::string_view("\x02\x01\x01", 3),
                                     std::string_view("\xff\xff\xff\xff\x0f"), std::string_view("\x00\x00\x00", 3)})
    EXPECT_FALSE(DecodeCounts(bad).has_value());
  Fill(10, 3);
  StoreBatch batch;
  batch.Put(Family::kMeta, CountsKey(2), "\xff");
  ASSERT_TRUE(store_->Write(batch, true).ok());
  const auto counts = log_->CountsBefore({3, 0});
  ASSERT_FALSE(counts.ok());
  EXPECT_EQ(counts.error().kind, ErrorKind::kCorrupt);
}

}  // namespace
}  // namespace headgate
