// Files of the data directory that are not what was written: a clear error or a clean end, never a wrong entry (CG-12).
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using test::Commit;
using test::ReadAll;

std::string ReadFile(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void WriteFile(const std::string& file, const std::string& bytes) {
  std::ofstream out(file, std::ios::binary | std::ios::trunc);
  out << bytes;
}

class Damage : public test::LogTest {
 protected:
  static constexpr int kCommits = 20;

  void SetUp() override {
    LogWriter& writer = OpenWriter();
    stream_ = Define(writer);
    for (std::uint64_t lsn = 1; lsn <= kCommits; ++lsn) Append(writer, MakeCommit(lsn));
    expected_ = ReadAll(*log_).size();
  }

  Transaction MakeCommit(std::uint64_t lsn) const { return Commit(lsn, stream_, 1, 5, test::Noise(200, lsn)); }

  void SaveCopy() { std::filesystem::copy(path(), copy(), std::filesystem::copy_options::recursive); }
  void RestoreCopy() {
    std::filesystem::remove_all(path());
    std::filesystem::copy(copy(), path(), std::filesystem::copy_options::recursive);
  }
  std::string copy() const { return directory_.path() + "/copy"; }

  // Files of the closed data directory with this ending, those with content, in order of their numbers.
  std::vector<std::string> Files(std::string_view ending) const {
    std::vector<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(path())) {
      const std::string name = entry.path().string();
      if (name.ends_with(ending) && entry.file_size() > 0) files.push_back(name);
    }
    std::ranges::sort(files);
    return files;
  }

  // Opens what is there and reads it. The first error, if any; what could be read must be a run of whole transactions.
  std::optional<Error> OpenAndRead(std::size_t& seen) {
    seen = 0;
    auto store = Store::Open(path());
    if (!store.ok()) return store.error();
    auto log = Log::Open(**store, clock_);
    if (!log.ok()) return log.error();
    Error error;
    const auto reader = (*log)->NewReader();
    const auto all = ReadAll(*reader, &error);
    seen = all.size();
    for (std::size_t i = 1; i < all.size(); ++i) {
      EXPECT_EQ(all[i].at.seq, (i - 1) / 5 + 2);
      EXPECT_EQ(all[i].id,
                static_cast<std::int64_t>(all[i].info.position.a) * 1000 + static_cast<std::int64_t>((i - 1) % 5));
    }
    if (!error.what.empty()) return error;
    // A shorter log is the log of an earlier moment: the source's position has gone back with it.
    EXPECT_TRUE(all.empty() || (all.size() - 1) % 5 == 0) << all.size();
    const auto progress = (*log)->progress("shop");
    const std::uint64_t commits = all.empty() ? 0 : (all.size() - 1) / 5;
    EXPECT_EQ(progress && progress->last ? progress->last->a : 0, commits);
    return std::nullopt;
  }

  StreamNo stream_ = 0;
  std::size_t expected_ = 0;
};

TEST_F(Damage, ABitFlippedInATableFileIsToldAndTakesNothingAwayInSilence_CG12) {
  Reopen();  // what was in the journal is in table files now
  Close();
  SaveCopy();
  std::vector<std::string> files = Files(".sst");
  std::ranges::sort(files, std::greater(), [](const std::string& file) { return std::filesystem::file_size(file); });
  ASSERT_GT(std::filesystem::file_size(files.at(0)), kCommits * 200U) << "no table file of the log";
  int corrupt = 0;
  for (const std::string& file : {files.at(0), files.at(1)}) {
    const auto size = std::filesystem::file_size(file);
    for (std::size_t at = 20; at < size; at += size / 8) {
      std::string bytes = ReadFile(file);
      bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
      WriteFile(file, bytes);
      std::size_t seen = 0;
      const auto error = OpenAndRead(seen);
      if (error) {
        EXPECT_EQ(error->kind, ErrorKind::kCorrupt) << error->what;
        ++corrupt;
      } else {
        EXPECT_EQ(seen, expected_) << "a bit at " << at << " of " << file;
      }
      RestoreCopy();
    }
  }
  EXPECT_GT(corrupt, 8);
  std::size_t seen = 0;
  EXPECT_FALSE(OpenAndRead(seen).has_value());
  EXPECT_EQ(seen, expected_);
}

// Recovery to a point in time: replay ends before the first record that does not match its checksum.
TEST_F(Damage, ABitFlippedInTheJournalEndsTheLogBeforeIt_CG12) {
  Close();
  SaveCopy();
  const std::string journal = Files(".log").back();
  const std::string good = ReadFile(journal);
  ASSERT_GT(good.size(), 5000U);
  std::size_t shorter = 0;
  for (std::size_t at = 0; at < good.size(); at += good.size() / 15) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x04);
    WriteFile(journal, bad);
    std::size_t seen = 0;
    const auto error = OpenAndRead(seen);
    EXPECT_TRUE(!error || error->kind == ErrorKind::kCorrupt) << error->what;
    EXPECT_LT(seen, expected_) << "the flip at " << at << " was not noticed";
    shorter += seen > 0 ? 1U : 0U;
    RestoreCopy();
  }
  EXPECT_GT(shorter, 8U);
}

TEST_F(Damage, ATruncatedJournalTailEndsTheLogAtTheLastWholeTransaction_CG12) {
  Close();
  SaveCopy();
  const std::string journal = Files(".log").back();
  const auto size = std::filesystem::file_size(journal);
  std::size_t last = expected_;
  for (const std::uintmax_t cut :
       {std::uintmax_t{1}, std::uintmax_t{100}, std::uintmax_t{2000}, size / 2, size - 1, size}) {
    std::filesystem::resize_file(journal, size - cut);
    std::size_t seen = 0;
    const auto error = OpenAndRead(seen);
    EXPECT_FALSE(error.has_value()) << error->what;
    EXPECT_LT(seen, expected_);
    EXPECT_LE(seen, last);
    last = seen;
    RestoreCopy();
  }
}

TEST_F(Damage, AfterATruncatedTailTheSourceDecodesAgainAndTheLogIsWhole_CG12) {
  Close();
  const std::string journal = Files(".log").back();
  std::filesystem::resize_file(journal, std::filesystem::file_size(journal) - 3000);
  Reopen();
  LogWriter& writer = OpenWriter();
  ASSERT_TRUE(writer.progress().last.has_value());
  const std::uint64_t durable = writer.progress().last->a;
  EXPECT_LT(durable, static_cast<std::uint64_t>(kCommits));
  std::vector<Transaction> again;
  for (std::uint64_t lsn = 1; lsn <= kCommits; ++lsn) again.push_back(MakeCommit(lsn));
  const auto outcome = writer.Append(again, std::nullopt);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->duplicates, durable);
  Close();
  std::size_t seen = 0;
  EXPECT_FALSE(OpenAndRead(seen).has_value());
  EXPECT_EQ(seen, expected_);
}

TEST_F(Damage, ATableFileThatIsMissingIsTold_CG12) {
  Reopen();
  Close();
  std::filesystem::remove(Files(".sst").front());
  std::size_t seen = 0;
  const auto error = OpenAndRead(seen);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->kind, ErrorKind::kCorrupt);
  EXPECT_TRUE(error->what.starts_with("open data directory " + path())) << error->what;
  EXPECT_TRUE(error->what.ends_with(
      ". Restore it from a copy, or move it away to start empty: sources then take a new snapshot."))
      << error->what;
}

// Our own checksum: the database cannot know that an entry is not what we wrote.
TEST_F(Damage, AnEntryThatDoesNotMatchItsChecksumNamesItsSeqAndIsNotSkipped) {
  std::string key("\0\0\0\0\0\0\0\5\0\0\0\0", 12);
  auto value = store_->Get(Family::kLog, key);
  ASSERT_TRUE(value.ok() && *value);
  (**value)[40] = static_cast<char>((**value)[40] ^ 1);
  StoreBatch batch;
  batch.Put(Family::kLog, key, **value);
  ASSERT_TRUE(store_->Write(batch, true).ok());
  const auto reader = log_->NewReader();
  for (int round = 0; round < 3; ++round) {
    Error error;
    const auto all = ReadAll(*reader, &error);
    EXPECT_EQ(all.size(), round == 0 ? 16U : 0U);
    EXPECT_EQ(error.kind, ErrorKind::kCorrupt);
    EXPECT_EQ(
        error.what,
        "log entry 5 part 0: checksum does not match. Restore the data directory from a copy, or move it away and "
        "take a new snapshot.");
  }
  reader->Seek(6);
  EXPECT_EQ(ReadAll(*reader).size(), expected_ - 21);
}

TEST_F(Damage, AStreamRecordThatCannotBeReadIsCorrupt) {
  StoreBatch batch;
  batch.Put(Family::kStreams, std::string("t\0\0\0\1", 5), "\xff\xff");
  ASSERT_TRUE(store_->Write(batch, true).ok());
  log_.reset();
  const auto log = Log::Open(*store_, clock_);
  ASSERT_FALSE(log.ok());
  EXPECT_EQ(log.error().kind, ErrorKind::kCorrupt);
}

TEST_F(Damage, ADirectoryOfANewerFormatIsRefused) {
  StoreBatch batch;
  batch.Put(Family::kMeta, "format", "4");
  ASSERT_TRUE(store_->Write(batch, true).ok());
  Close();
  const auto store = Store::Open(path());
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(store.error().what, "open data directory " + path() +
                                    ": written in format 4, this program reads format 3. Use the newer headgate.");
}

TEST_F(Damage, ADirectoryOfAnOlderFormatIsTakenOver) {
  for (const char* const format : {"1", "2"}) {
    StoreBatch batch;
    batch.Put(Family::kMeta, "format", format);
    ASSERT_TRUE(store_->Write(batch, true).ok());
    Reopen();
    EXPECT_EQ(store_->Get(Family::kMeta, "format")->value_or(""), "3");
    const auto reader = log_->NewReader();
    EXPECT_EQ(ReadAll(*reader).size(), expected_);
  }
}

TEST_F(Damage, AnInstanceKeepsItsIdForLife) {
  const std::string id = store_->instance_id();
  EXPECT_EQ(id.size(), 32U);
  Reopen();
  EXPECT_EQ(store_->instance_id(), id);
}

}  // namespace
}  // namespace headgate
