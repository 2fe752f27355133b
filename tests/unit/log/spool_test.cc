// Transactions that are too large for memory (docs/adr/0021).
#include "core/log/spool.h"

#include <cstdlib>
#include <filesystem>

#include "tests/unit/log/in_child.h"
#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using test::AddInsert;
using test::Commit;
using test::InsertedIds;
using test::Noise;
using test::ReadAll;
using test::Seen;

constexpr std::size_t kInMemory = 100'000;
constexpr std::size_t kRow = 50'000;

std::vector<std::int64_t> Ids(std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> ids;
  for (; from < to; ++from) ids.push_back(from);
  return ids;
}

class Spooling : public testing::Test, protected test::LogHome {
 protected:
  // An open transaction at `lsn` that leaves memory when it is large.
  Transaction Begin(std::uint64_t lsn) {
    Transaction tx;
    tx.SpoolBeyond(kInMemory, *writer_);
    tx.info.position = {PositionKind::kPgCommit, lsn, 0, 0, {}};
    tx.info.end = lsn + 1;
    tx.info.id = std::to_string(lsn);
    return tx;
  }
  void Fill(Transaction& tx, StreamNo stream, std::int64_t from, std::int64_t to) {
    for (; from < to; ++from) AddInsert(tx, stream, 1, from, Noise(kRow, static_cast<std::uint64_t>(from)));
  }
  Transaction Large(std::uint64_t lsn, StreamNo stream, std::int64_t from, std::int64_t to) {
    Transaction tx = Begin(lsn);
    Fill(tx, stream, from, to);
    EXPECT_NE(tx.spool(), nullptr);
    return tx;
  }
  std::size_t StoredParts() const {
    std::size_t parts = 0;
    EXPECT_TRUE(store_->Scan(Family::kSpool, "", "", [&](auto, auto) { return ++parts > 0; }).ok());
    return parts;
  }
  std::size_t ScratchFiles() const {
    std::error_code none;
    const std::filesystem::directory_iterator files(path() + "/scratch", none);
    return none ? 0 : static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }
};

TEST_F(Spooling, ALargeTransactionIsReadBackLikeAnyOtherBetweenItsNeighbours) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  std::vector<Transaction> batch;
  batch.push_back(Commit(100, stream, 1));
  batch.push_back(Large(200, stream, 0, 40));
  batch.push_back(Commit(300, stream, 1));
  EXPECT_LT(batch[1].blocks().size(), 3U) << "the others are not in memory";
  Transaction small;
  small.info = batch[1].info;
  Fill(small, stream, 0, 40);
  ASSERT_EQ(batch[1].bytes(), small.bytes());
  EXPECT_GT(ScratchFiles(), 0U);
  EXPECT_EQ(StoredParts(), 0U) << "nothing of it is there before its end";
  ASSERT_TRUE(writer.Append(batch, "state").ok());
  EXPECT_EQ(ScratchFiles(), 0U);
  for (int round = 0; round < 2; ++round) {
    const auto all = ReadAll(*log_, 2);
    ASSERT_EQ(all.size(), 42U);
    EXPECT_EQ(all[0].at, (At{2, 1}));
    for (std::uint32_t i = 0; i < 40; ++i) {
      const Seen& seen = all[1 + i];
      EXPECT_EQ(seen.at, (At{3, i + 1}));
      EXPECT_EQ(seen.id, i);
      EXPECT_GT(seen.row_bytes, kRow);
      EXPECT_EQ(seen.info.id, "200");
      EXPECT_EQ(seen.info.total, 40U);
      EXPECT_EQ(seen.info.previous_end, 101U);
    }
    EXPECT_EQ(all[41].at, (At{4, 1}));
    EXPECT_EQ(log_->stats(stream).records, 42U);
    EXPECT_EQ(log_->CountsBefore({4, 1})->streams.at(stream - 1).records, 42U) << "with the schema";
    EXPECT_EQ(log_->CountsBefore({3, 11})->streams.at(stream - 1).records, 12U) << "inside of it";
    Reopen();
  }
  std::uint64_t bytes = 0;
  for (const Seen& seen : ReadAll(*log_)) bytes += seen.row_bytes + 16;
  EXPECT_EQ(log_->stats(stream).bytes, bytes);
}

TEST_F(Spooling, WhatIsTakenBackIsNeverSeenWhereverItWas) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  Transaction tx = Begin(100);
  AddInsert(tx, stream, 1, 0);
  const auto first = tx.Here();  // inside of what is one block else
  Fill(tx, stream, 1'000, 1'010);
  const auto inner = tx.Here();
  Fill(tx, stream, 2'000, 2'010);
  tx.Rewind(inner);
  Fill(tx, stream, 1'010, 1'012);
  tx.Rewind(first);
  Fill(tx, stream, 1, 10);
  const auto last = tx.Here();
  tx.StartChange(Op::kInsert, stream, 1, 1);
  tx.AbandonChange();
  Fill(tx, stream, 3'000, 3'001);
  tx.Rewind(last);
  AddInsert(tx, stream, 1, 10);
  EXPECT_EQ(tx.changes(), 11U);
  Append(writer, tx);
  const auto all = ReadAll(*log_, 2);
  EXPECT_EQ(InsertedIds(all), Ids(0, 11));
  for (std::uint32_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].at.ordinal, i + 1);
  EXPECT_EQ(log_->stats(stream).records, 11U);

  Transaction none = Begin(200);
  const auto start = none.Here();
  Fill(none, stream, 0, 20);
  none.Rewind(start);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.bytes(), 0U);
  Fill(none, stream, 5, 6);
  Append(writer, none);
  EXPECT_EQ(InsertedIds(ReadAll(*log_, 3)), Ids(5, 6));
}

TEST_F(Spooling, OfATransactionThatIsRolledBackNothingStays) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  {
    Transaction tx = Large(100, stream, 0, 60);
    EXPECT_GT(ScratchFiles(), 0U);
    tx.Clear();
    EXPECT_EQ(ScratchFiles(), 0U);
    Fill(tx, stream, 0, 60);
    EXPECT_GT(ScratchFiles(), 0U) << "what comes next is spooled too";
  }
  EXPECT_EQ(ScratchFiles(), 0U);
  EXPECT_EQ(StoredParts(), 0U);
}

TEST_F(Spooling, OfARepetitionNothingStays) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  Append(writer, Large(100, stream, 0, 20));
  const std::size_t parts = StoredParts();
  EXPECT_GT(parts, 0U);
  {
    const Transaction again = Large(100, stream, 0, 20);
    const auto outcome = writer.Append(std::span(&again, 1), std::nullopt);
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(outcome->duplicates, 1U);
  }
  EXPECT_EQ(StoredParts(), parts);
}

TEST_F(Spooling, AReaderThatLetGoGoesOnInTheMiddle) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  Append(writer, Large(100, stream, 0, 40));
  Append(writer, Commit(200, stream, 1));
  const auto reader = log_->NewReader();
  LogReader::Block block;
  std::vector<At> starts;
  for (bool more = true; more;) {
    const auto next = reader->Next(block);
    ASSERT_TRUE(next.ok());
    more = *next;
    if (!more) break;
    const At start{block.seq, block.first_ordinal};
    const std::string bytes(block.changes);
    const bool last = block.last_part;
    reader->Release();
    reader->Release();
    ASSERT_TRUE(reader->Next(block).ok());
    EXPECT_EQ((At{block.seq, block.first_ordinal}), start);
    EXPECT_EQ(block.changes, bytes);
    EXPECT_EQ(block.last_part, last);
    EXPECT_EQ(block.info->position.a, block.seq == 1 ? 0U : block.seq == 2 ? 100U : 200U);
    starts.push_back(start);
  }
  EXPECT_GT(starts.size(), 10U);
  EXPECT_TRUE(std::ranges::is_sorted(starts));
  EXPECT_EQ(starts.back(), (At{3, 1}));
  // The same from the start again.
  reader->Seek(2);
  EXPECT_EQ(InsertedIds(ReadAll(*reader)).size(), 41U);
}

TEST_F(Spooling, RetentionDropsItWithItsEntryAndAReaderInTheMiddleGoesOnBehindIt) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  Append(writer, Large(100, stream, 0, 40));
  auto reader = log_->NewReader();
  LogReader::Block block;
  ASSERT_TRUE(*reader->Next(block));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(*reader->Next(block));
  EXPECT_EQ(block.seq, 2U);
  reader->Release();
  clock_.now_us += 10'000'000;
  Append(writer, Large(200, stream, 40, 60));
  Append(writer, Commit(300, stream, 1));
  ASSERT_TRUE(log_->Trim({.time_ms = 1000}, 0).ok());
  EXPECT_EQ(log_->first_seq(), 3U);
  ASSERT_TRUE(*reader->Next(block));
  EXPECT_EQ((At{block.seq, block.first_ordinal}), (At{3, 1}));
  EXPECT_EQ(InsertedIds(ReadAll(*log_)).size(), 21U);
  // By size what it refers to counts.
  ASSERT_TRUE(log_->Trim({.time_ms = 0, .bytes_max = 500'000}, 0).ok());
  EXPECT_EQ(log_->first_seq(), 4U);
  EXPECT_EQ(StoredParts(), 0U);
  reader.reset();
  Reopen();
  EXPECT_EQ(InsertedIds(ReadAll(*log_)), (std::vector<std::int64_t>{300'000}));
  LogWriter& next = OpenWriter();
  Append(next, Large(400, stream, 0, 20));
  EXPECT_EQ(InsertedIds(ReadAll(*log_, 5)), Ids(0, 20));
}

TEST_F(Spooling, AMissingOrDamagedPartIsNamed) {
  LogWriter& writer = OpenWriter();
  const StreamNo stream = Define(writer);
  Append(writer, Large(100, stream, 0, 40));
  StoreBatch batch;
  const std::string key = SpoolKey(1, 5);
  batch.Delete(Family::kSpool, key);
  ASSERT_TRUE(store_->Write(batch, true).ok());
  const auto fails = [&](std::string_view what) {
    const auto reader = log_->NewReader();
    Error error;
    const auto seen = ReadAll(*reader, &error);
    EXPECT_GT(seen.size(), 10U);
    EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
    EXPECT_NE(error.what.find("log entry 2 part 5: " + std::string(what)), std::string::npos) << error.what;
    LogReader::Block block;
    EXPECT_FALSE(reader->Next(block).ok()) << "it is not stepped over";
  };
  fails("its spooled changes are missing");
  StoreBatch other;
  other.Put(Family::kSpool, key, "\x01 nonsense");
  ASSERT_TRUE(store_->Write(other, true).ok());
  fails("checksum does not match");
}

#if HEADGATE_FAILPOINTS
// Writes of a fresh directory: 1 its identity, 2 the source, 3 the append of the reference.
void TheReferenceFailsOnceAndIsRepeated() {
  ::setenv("HEADGATE_FAILPOINTS", "store.write_error=error:3", 1);
  const test::DataDir directory;
  const test::ManualClock clock;
  auto store = Store::Open(directory.path());
  ASSERT_TRUE(store.ok());
  auto log = Log::Open(**store, clock);
  auto writer = (*log)->OpenWriter("shop", "", "postgresql");
  const StreamNo orders = (*writer)->OpenStream("public", "orders");
  (*writer)->DefineSchema(orders, test::TwoColumns("orders"), 1, 1);
  Transaction tx;
  tx.SpoolBeyond(kInMemory, **writer);
  tx.info.position = {PositionKind::kPgCommit, 100, 0, 0, {}};
  for (int i = 0; i < 40; ++i) AddInsert(tx, orders, 1, i, Noise(kRow, static_cast<std::uint64_t>(i) + 1));
  const auto failed = (*writer)->Append(std::span(&tx, 1), "one");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind, ErrorKind::kTransient);
  EXPECT_TRUE(ReadAll(**log).empty());
  ASSERT_TRUE((*writer)->Append(std::span(&tx, 1), "one").ok());
  EXPECT_EQ(InsertedIds(ReadAll(**log)), Ids(0, 40));
}
TEST(SpoolFailedWrite, TheReferenceCanBeRepeated_CG08) { HG_IN_CHILD(TheReferenceFailsOnceAndIsRepeated); }

// Dies with the blocks in the database and nothing that refers to them.
void DieBetweenBlocksAndReference(const std::string& path) {
  ::setenv("HEADGATE_FAILPOINTS", "log.spool_taken_in=kill", 1);
  const test::ManualClock clock;
  auto store = Store::Open(path);
  auto log = Log::Open(**store, clock);
  auto writer = (*log)->OpenWriter("shop", "", "postgresql");
  const StreamNo orders = (*writer)->OpenStream("public", "orders");
  (*writer)->DefineSchema(orders, test::TwoColumns("orders"), 1, 1);
  Transaction tx;
  tx.SpoolBeyond(kInMemory, **writer);
  tx.info.position = {PositionKind::kPgCommit, 100, 0, 0, {}};
  for (int i = 0; i < 40; ++i) AddInsert(tx, orders, 1, i, Noise(kRow, 1));
  static_cast<void>((*writer)->Append(std::span(&tx, 1), "one"));
}
TEST(SpoolCrash, BlocksThatNothingRefersToGoWithTheNextOpening_K09) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const char* const shared = std::getenv("HG_SPOOL_DIRECTORY");  // the fresh image takes the directory of this one
  const test::DataDir directory;
  const std::string path = shared != nullptr ? shared : directory.path();
  ::setenv("HG_SPOOL_DIRECTORY", path.c_str(), 1);
  EXPECT_EXIT(DieBetweenBlocksAndReference(path), testing::KilledBySignal(SIGKILL), "");
  ::unsetenv("HG_SPOOL_DIRECTORY");
  const auto parts = [](const Store& store) {
    std::size_t count = 0;
    EXPECT_TRUE(store.Scan(Family::kSpool, "", "", [&](auto, auto) { return ++count > 0; }).ok());
    return count;
  };
  auto store = Store::Open(path);
  ASSERT_TRUE(store.ok());
  EXPECT_GT(parts(**store), 5U) << "it died before they were there";
  const test::ManualClock clock;
  auto log = Log::Open(**store, clock);
  ASSERT_TRUE(log.ok());
  EXPECT_EQ(parts(**store), 0U);
  EXPECT_EQ((*log)->last_seq(), 0U);
}
#endif

}  // namespace
}  // namespace headgate
