// Appending: order, identity, all or nothing.
#include <barrier>
#include <map>
#include <set>
#include <thread>

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using test::AddInsert;
using test::Commit;
using test::InsertedIds;
using test::ReadAll;
using test::Seen;
using test::TwoColumns;
using Appending = test::LogTest;

TEST_F(Appending, AnEmptyLogHasNothingAndEndsAtZero) {
  EXPECT_EQ(log_->last_seq(), 0U);
  EXPECT_EQ(log_->first_seq(), 1U);
  EXPECT_TRUE(ReadAll(*log_).empty());
  EXPECT_FALSE(log_->progress("shop").has_value());
}

TEST_F(Appending, AStreamWithoutSchemaHasTheNameOfItsTable) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = writer.OpenStream("", "readings");
  ASSERT_TRUE(writer.Append({}, "state").ok());
  Reopen();
  const auto registry = log_->registry();
  ASSERT_NE(registry->FindStream("readings"), nullptr);
  EXPECT_EQ(registry->FindStream("readings")->number, stream);
  EXPECT_EQ(OpenWriter().OpenStream("", "readings"), stream);
}

TEST_F(Appending, D4_WhatTellsWhereTransactionsStandIsWrittenWithThem) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  std::vector<Transaction> batch;
  for (const std::uint64_t lsn : {100, 200}) batch.push_back(Commit(lsn, stream, 1, 1));
  std::vector<Seq> seen;
  const auto numbered = [&](std::span<const Seq> seqs, StoreBatch& also) {
    seen.assign(seqs.begin(), seqs.end());
    for (const Seq seq : seqs) also.Put(Family::kMeta, "told/" + std::to_string(seq), "x");
  };
  ASSERT_TRUE(writer.Append(batch, std::nullopt, StoreBatch(), numbered).ok());
  EXPECT_EQ(seen, (std::vector<Seq>{2, 3})) << "the first is that of the schema";
  EXPECT_TRUE(writer.store().Get(Family::kMeta, "told/3")->has_value());
  batch.push_back(Commit(300, stream, 1, 1));
  ASSERT_TRUE(writer.Append(batch, std::nullopt, StoreBatch(), numbered).ok());
  EXPECT_EQ(seen, (std::vector<Seq>{0, 0, 4})) << "repetitions stand nowhere";
}

TEST_F(Appending, WhatWasAppendedIsReadBackInOrderAlsoAfterAReopen) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  std::vector<Transaction> batch;
  batch.push_back(Commit(100, stream, 1, 2));
  batch.push_back(Commit(200, stream, 1, 1));
  batch[0].info.id = "771";
  batch[0].info.origin = "elsewhere";
  const auto outcome = writer.Append(batch, "my state");
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->appended, 2U);
  EXPECT_EQ(outcome->duplicates, 0U);
  EXPECT_EQ(outcome->last_seq, 3U);
  for (int round = 0; round < 2; ++round) {
    const auto all = ReadAll(*log_);
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[0].op, Op::kSchema);
    EXPECT_EQ(all[1].at, (At{2, 1}));
    EXPECT_EQ(all[2].at, (At{2, 2}));
    EXPECT_EQ(all[3].at, (At{3, 1}));
    EXPECT_EQ(InsertedIds(all), (std::vector<std::int64_t>{100'000, 100'001, 200'000}));
    EXPECT_EQ(all[1].info.id, "771");
    EXPECT_EQ(all[1].info.origin, "elsewhere");
    EXPECT_EQ(all[1].info.total, 2U);
    EXPECT_EQ(all[1].info.position.a, 100U);
    EXPECT_EQ(all[1].info.stored_us, clock_.now_us);
    EXPECT_EQ(all[1].info.previous_end, 0U);
    EXPECT_EQ(all[3].info.previous_end, 101U);
    Reopen();
    const auto progress = log_->progress("shop");
    ASSERT_TRUE(progress.has_value());
    EXPECT_EQ(progress->resume, "my state");
    EXPECT_EQ(progress->last->a, 200U);
    EXPECT_EQ(progress->last_end, 201U);
    EXPECT_EQ(log_->last_seq(), 3U);
    EXPECT_EQ(log_->stats(stream).records, 3U) << "the schema is no record";
    EXPECT_EQ(log_->stats(stream).last_commit_us, 2000);
  }
}

TEST_F(Appending, ARedecodedTransactionIsDroppedAlsoAfterAReopen_P2) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  std::vector<Transaction> batch;
  for (const std::uint64_t lsn : {100U, 200U, 300U}) batch.push_back(Commit(lsn, stream, 1));
  ASSERT_TRUE(writer.Append(batch, std::nullopt).ok());
  const auto before = ReadAll(*log_);
  Reopen();
  LogWriter& again = OpenWriter();
  EXPECT_EQ(Define(again), stream) << "the same schema is no new version";
  batch.erase(batch.begin());
  batch.push_back(Commit(400, stream, 1));
  const auto outcome = again.Append(batch, std::nullopt);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->duplicates, 2U);
  EXPECT_EQ(outcome->appended, 1U);
  const auto after = ReadAll(*log_);
  ASSERT_EQ(after.size(), before.size() + 1);
  EXPECT_EQ(InsertedIds(after), (std::vector<std::int64_t>{100'000, 200'000, 300'000, 400'000}));
  EXPECT_EQ(after.back().info.previous_end, 301U);
}

TEST_F(Appending, AnEarlierPositionInsideOneBatchIsDroppedToo) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  std::vector<Transaction> batch;
  for (const std::uint64_t lsn : {200U, 100U, 200U}) batch.push_back(Commit(lsn, stream, 1));
  const auto outcome = writer.Append(batch, std::nullopt);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->appended, 1U);
  EXPECT_EQ(outcome->duplicates, 2U);
}

TEST_F(Appending, ChunksHaveNoOrderAndAreAllKept) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  Append(writer, Commit(500, stream, 1));
  for (const std::uint64_t chunk : {2U, 1U}) {
    Transaction tx;
    tx.info.position = {PositionKind::kChunk, 1, stream, chunk, {}};
    AddInsert(tx, stream, 1, static_cast<std::int64_t>(chunk));
    Append(writer, tx);
  }
  EXPECT_EQ(InsertedIds(ReadAll(*log_)), (std::vector<std::int64_t>{500'000, 2, 1}));
  EXPECT_EQ(writer.progress().last->a, 500U) << "a chunk moves no position";
}

TEST_F(Appending, ATransactionOfManyBlocksIsOneSeqWithOneInfo) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  Append(writer, Commit(100, stream, 1, 100, std::string(20'000, 'x')));
  const auto reader = log_->NewReader();
  reader->Seek(2);
  LogReader::Block block;
  std::uint32_t parts = 0;
  std::uint32_t changes = 0;
  bool last = false;
  while (true) {
    const auto more = reader->Next(block);
    ASSERT_TRUE(more.ok());
    if (!*more) break;
    EXPECT_FALSE(last);
    EXPECT_EQ(block.seq, 2U);
    EXPECT_EQ(block.part, parts++);
    EXPECT_EQ(block.first_ordinal, changes + 1);
    EXPECT_EQ(block.info->total, 100U);
    EXPECT_EQ(block.info->position.a, 100U);
    EXPECT_LT(block.changes.size(), 300'000U);
    changes += block.count;
    last = block.last_part;
  }
  EXPECT_TRUE(last);
  EXPECT_GT(parts, 10U);
  EXPECT_EQ(changes, 100U);
  EXPECT_EQ(log_->stats(stream).records, 100U);
}

TEST_F(Appending, StateAloneIsDurableWithoutATransaction) {
  ASSERT_TRUE(OpenWriter().Append({}, "here").ok());
  Reopen();
  EXPECT_EQ(log_->progress("shop")->resume, "here");
  ASSERT_TRUE(OpenWriter().Append({}, std::nullopt).ok());
  Reopen();
  EXPECT_EQ(log_->progress("shop")->resume, "here") << "nothing given: unchanged";
  EXPECT_EQ(log_->last_seq(), 0U);
}

// Each round all writers append at once; the log has to be one order without holes, and each source's own order in it.
TEST_F(Appending, WritersOnManyThreadsShareOneOrderWithoutHoles) {
  constexpr int kWriters = 4;
  constexpr std::uint64_t kRounds = 50;
  std::vector<std::unique_ptr<LogWriter>> writers;
  for (int i = 0; i < kWriters; ++i) {
    auto writer = log_->OpenWriter("source" + std::to_string(i), "", "postgresql");
    ASSERT_TRUE(writer.ok());
    writers.push_back(std::move(*writer));
  }
  std::atomic<int> failed = 0;
  {
    std::barrier start(kWriters);
    std::vector<std::jthread> threads;
    for (auto& writer : writers) {
      threads.emplace_back([&start, &failed, &writer] {
        const StreamNo stream = writer->OpenStream("public", "t");
        const std::uint32_t version = writer->DefineSchema(stream, TwoColumns("t"), 1, 1);
        for (std::uint64_t lsn = 1; lsn <= kRounds; ++lsn) {
          start.arrive_and_wait();
          const Transaction tx = Commit(lsn, stream, version);
          failed += writer->Append(std::span(&tx, 1), std::nullopt).ok() ? 0 : 1;
        }
      });
    }
  }
  EXPECT_EQ(failed, 0);
  for (int round = 0; round < 2; ++round) {
    const auto all = ReadAll(*log_);
    ASSERT_EQ(all.size(), kWriters * (kRounds + 1));
    std::map<SourceNo, std::uint64_t> last;
    std::map<SourceNo, std::set<StreamNo>> streams;
    for (std::size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].at.seq, i + 1);
      streams[all[i].info.source].insert(all[i].stream);
      if (all[i].op != Op::kInsert) continue;
      EXPECT_EQ(all[i].info.position.a, ++last[all[i].info.source]);
    }
    EXPECT_EQ(streams.size(), static_cast<std::size_t>(kWriters));
    for (const auto& [source, numbers] : streams) EXPECT_EQ(numbers.size(), 1U);
    writers.clear();
    Reopen();
  }
}

TEST_F(Appending, TheSourceIdIsTheNameWhereItFitsElseDerived_KC4) {
  EXPECT_EQ(OpenWriter("shop_1-a").source().id, "shop_1-a");
  const std::string id = OpenWriter("Shop.Ä").source().id;
  EXPECT_TRUE(id.starts_with("shop----")) << id;
  EXPECT_EQ(id.size(), std::string("shop----").size() + 6) << id;
  EXPECT_LE(OpenWriter(std::string(200, 'a')).source().id.size(), 48U);
  Reopen();
  EXPECT_EQ(OpenWriter("Shop.Ä").source().id, id) << "fixed at creation";
}

TEST_F(Appending, TwoSourcesCannotHaveOneId) {
  OpenWriter("shop");
  const auto second = log_->OpenWriter("other", "shop", "postgresql");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(second.error().what, "source other: the id shop belongs to source shop. Set source_id to another one.");
}

TEST_F(Appending, ASourceOfAnotherDatabaseKindIsRefusedUntilItsPositionIsForgotten) {
  LogWriter& writer = OpenWriter();
  Append(writer, Commit(100, Define(writer), 1));
  const auto refused = log_->OpenWriter("shop", "", "mysql");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_NE(refused.error().what.find("was a postgresql source before"), std::string::npos) << refused.error().what;
  writer_.reset();
  ASSERT_TRUE(log_->NextEpoch("shop", "").ok());
  Reopen();
  const auto taken = log_->OpenWriter("shop", "", "mysql");
  ASSERT_TRUE(taken.ok()) << taken.error().what;
  EXPECT_EQ((*taken)->source().connector, "mysql");
  EXPECT_EQ((*taken)->progress().epoch, 1U);
}

TEST_F(Appending, ADeletedSourceThatComesAgainGoesOnInTheNextEpoch) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  ASSERT_TRUE(writer.Append(std::vector{Commit(100, stream, 1)}, "state").ok());
  writer_.reset();
  ASSERT_TRUE(log_->NextEpoch("shop", std::nullopt).ok());
  EXPECT_EQ(log_->progress("shop")->epoch, 1U);
  EXPECT_EQ(log_->progress("shop")->resume, "state");
  EXPECT_EQ(log_->progress("shop")->last->a, 100U);
  ASSERT_TRUE(log_->NextEpoch("shop", "").ok());
  Reopen();
  const auto progress = log_->progress("shop");
  EXPECT_EQ(progress->epoch, 2U);
  EXPECT_EQ(progress->resume, "");
  EXPECT_FALSE(progress->last.has_value());
  LogWriter& again = OpenWriter();
  Append(again, Commit(50, stream, 1));
  EXPECT_EQ(ReadAll(*log_).back().info.epoch, 2U);
}

TEST_F(Appending, AGapBeginsANewEpochWithoutMemoryOfPositions_P3) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  Append(writer, Commit(500, stream, 1));
  // What the source found out before it declared the gap comes behind the gap.
  EXPECT_EQ(writer.DefineSchema(stream, TwoColumns("orders", "title"), 40, 1), 2U);
  ASSERT_TRUE(writer.DeclareGap({"slot_missing", 500, 40, {"shop.public.orders"}, "resync"}, 77, "fresh").ok());
  EXPECT_EQ(writer.progress().epoch, 1U);
  EXPECT_EQ(writer.progress().gaps, 1U);
  EXPECT_FALSE(writer.progress().last.has_value());
  Append(writer, Commit(50, stream, 2));
  Reopen();
  EXPECT_EQ(log_->progress("shop")->resume, "fresh");
  EXPECT_EQ(log_->progress("shop")->gaps, 1U);
  const auto all = ReadAll(*log_);
  ASSERT_EQ(all.size(), 5U);
  const Seen& gap = all[2];
  EXPECT_EQ(gap.op, Op::kGap);
  EXPECT_EQ(gap.at.ordinal, 0U);
  EXPECT_EQ(gap.info.commit_us, 77);
  EXPECT_EQ(EventId("shop", gap.info.epoch, gap.info.position, gap.at.ordinal), "shop:1-gap:0");
  const auto extra = DecodeGap(gap.extra);
  ASSERT_TRUE(extra.ok());
  EXPECT_EQ(extra->reason, "slot_missing");
  EXPECT_EQ(extra->from, 500U);
  EXPECT_EQ(all[3].op, Op::kSchema);
  EXPECT_EQ(all[3].info.epoch, 1U);
  EXPECT_EQ(all[4].info.position.a, 50U) << "an earlier position is new in a new epoch";
  EXPECT_EQ(all[4].info.previous_end, 0U);
}

TEST_F(Appending, ATransactionWithoutChangesIsAnEntryWithATime) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = writer.OpenStream("public", "orders");
  writer.DefineSchema(stream, TwoColumns("orders"), 1, 1);
  Append(writer, Commit(500, stream, 1));
  Append(writer, Commit(501, stream, 1, 0));
  Append(writer, Commit(502, stream, 1));
  Reopen();
  EXPECT_EQ(log_->last_seq(), 4U);
  const auto reader = log_->NewReader();
  reader->Seek(3);
  LogReader::Block block;
  ASSERT_TRUE(*reader->Next(block));
  EXPECT_EQ(block.seq, 3U);
  EXPECT_EQ(block.count, 0U);
  EXPECT_TRUE(block.last_part);
  EXPECT_EQ(block.info->position.a, 501U);
  EXPECT_EQ(block.info->stored_us, clock_.NowUs());
  ASSERT_TRUE(*reader->Next(block));
  EXPECT_EQ(block.seq, 4U);
  EXPECT_EQ(log_->progress("shop")->last->a, 502U);
}

}  // namespace
}  // namespace headgate
