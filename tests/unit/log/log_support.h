#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/check.h"
#include "core/base/clock.h"
#include "core/log/log.h"
#include "core/log/log_reader.h"
#include "core/log/store.h"

namespace headgate::test {

// Wall-clock time stands still until it is set; waits use the machine's, which a test may be ahead of.
class ManualClock final : public Clock {
 public:
  std::int64_t NowUs() const override { return now_us; }
  Steady::time_point Now() const override { return Steady::now() + std::chrono::microseconds(ahead_us); }
  std::atomic<std::int64_t> now_us = 1'700'000'000'000'000;
  std::atomic<std::int64_t> ahead_us = 0;
};

// A fresh directory, in memory where there is room: these tests are about what is written, not about the disk.
class DataDir {
 public:
  DataDir() {
    std::error_code error;
    const std::filesystem::path memory = "/dev/shm";
    const auto space = std::filesystem::space(memory, error);
    const bool roomy = !error && space.available > (std::uintmax_t{1} << 30) && ::access(memory.c_str(), W_OK) == 0;
    std::string name = (roomy ? memory : std::filesystem::temp_directory_path()).string() + "/headgate-data-XXXXXX";
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    std::filesystem::permissions(path_, std::filesystem::perms(0755), std::filesystem::perm_options::replace);
  }
  ~DataDir() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  DataDir(const DataDir&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline TableSchema TwoColumns(std::string_view table, std::string_view second = "name") {
  TableSchema schema;
  schema.schema = "public";
  schema.table = table;
  schema.columns.resize(2);
  schema.columns[0].name = "id";
  schema.columns[0].key_position = 1;
  schema.columns[1].name = second;
  return schema;
}

inline void AddInsert(Transaction& tx, StreamNo stream, std::uint32_t version, std::int64_t id,
                      std::string_view text = "x") {
  tx.StartChange(Op::kInsert, stream, version, tx.info.position.a);
  std::string& row = tx.StartRow(RowImage::kAfter);
  PutInt(row, id);
  PutBlob(row, ValueKind::kText, text);
  tx.EndRow();
  tx.EndChange();
}

// Incompressible, so that sizes on disk are about those in memory.
inline std::string Noise(std::size_t bytes, std::uint64_t seed) {
  std::string text;
  for (std::uint64_t x = seed * 2 + 1; text.size() < bytes; x = x * 6364136223846793005ULL + 1442695040888963407ULL) {
    text.append(reinterpret_cast<const char*>(&x), sizeof x);
  }
  return text;
}

// One commit at `lsn` with `changes` inserts of ids lsn * 1000, lsn * 1000 + 1, ...
inline Transaction Commit(std::uint64_t lsn, StreamNo stream, std::uint32_t version, int changes = 1,
                          std::string_view text = "x") {
  Transaction tx;
  tx.info.position = {PositionKind::kPgCommit, lsn, 0, 0, {}};
  tx.info.commit_us = static_cast<std::int64_t>(lsn) * 10;
  tx.info.end = lsn + 1;
  for (int i = 0; i < changes; ++i) AddInsert(tx, stream, version, static_cast<std::int64_t>(lsn) * 1000 + i, text);
  return tx;
}

// One change as read back, with its own copy of the row.
struct Seen {
  At at;
  Op op = Op::kInsert;
  TransactionInfo info;
  StreamNo stream = 0;
  std::uint32_t schema = 0;
  std::int64_t id = 0;  // first column of the new row
  std::size_t row_bytes = 0;
  std::string extra;
};

// Everything from `from` on; an error ends it and is added to `error` (nullptr: fails the test).
inline std::vector<Seen> ReadAll(LogReader& reader, Error* error = nullptr) {
  std::vector<Seen> all;
  LogReader::Block block;
  while (true) {
    auto more = reader.Next(block);
    if (!more.ok()) {
      if (error == nullptr) ADD_FAILURE() << more.error().what;
      if (error != nullptr) *error = more.error();
      return all;
    }
    if (!*more) return all;
    ChangeReader changes = block.Changes();
    Change change;
    std::vector<Value> values;
    while (changes.Next(change)) {
      Seen& seen = all.emplace_back();
      seen.at = {block.seq, change.ordinal};
      seen.op = change.op;
      seen.info = *block.info;
      seen.stream = change.stream;
      seen.schema = change.schema;
      seen.row_bytes = change.after.size();
      seen.extra = change.extra;
      EXPECT_TRUE(ReadRow(change.after, values).ok());
      if (!values.empty()) seen.id = values[0].i;
    }
    EXPECT_FALSE(changes.failed());
  }
}
inline std::vector<Seen> ReadAll(const Log& log, Seq from = 1) {
  const auto reader = log.NewReader();
  reader->Seek(from);
  return ReadAll(*reader);
}

inline std::vector<std::int64_t> InsertedIds(const std::vector<Seen>& all) {
  std::vector<std::int64_t> ids;
  for (const Seen& s : all) {
    if (s.op == Op::kInsert) ids.push_back(s.id);
  }
  return ids;
}

// A store and a log in a directory of their own; Reopen is what a restart of the process does.
struct LogHome {
  LogHome() { Reopen(); }

  void Close() {
    writer_.reset();
    log_.reset();
    store_.reset();
  }
  void Reopen() {
    Close();
    auto store = Store::Open(path());
    ASSERT_TRUE(store.ok()) << store.error().what;
    store_ = std::move(*store);
    auto log = Log::Open(*store_, clock_);
    ASSERT_TRUE(log.ok()) << log.error().what;
    log_ = std::move(*log);
  }
  LogWriter& OpenWriter(std::string_view source = "shop") {
    auto writer = log_->OpenWriter(source, "", "postgresql");
    EXPECT_TRUE(writer.ok()) << writer.error().what;
    writer_ = std::move(*writer);
    return *writer_;
  }
  // The stream public.<table> with its first schema, not yet durable.
  StreamNo Define(LogWriter& writer, std::string_view table = "orders") {
    const StreamNo stream = writer.OpenStream("public", table);
    EXPECT_EQ(writer.DefineSchema(stream, TwoColumns(table), 1, 1), 1U);
    return stream;
  }
  void Append(LogWriter& writer, const Transaction& tx) {
    auto outcome = writer.Append(std::span(&tx, 1), std::nullopt);
    ASSERT_TRUE(outcome.ok()) << outcome.error().what;
  }
  std::string path() const { return directory_.path() + "/data"; }
  // Appends at LSNs from `lsn` on and drops all but the newest, until retention has dropped files of the log.
  void TrimUntilFilesAreDropped(LogWriter& writer, StreamNo stream, std::uint64_t lsn) {
    for (bool dropped = false; !dropped; ++lsn) {
      clock_.now_us += 10'000'000;
      Append(writer, Commit(lsn, stream, 1, 1, Noise(100'000, lsn)));
      ASSERT_TRUE(store_->Flush(Family::kLog).ok());
      const std::uint64_t full = store_->disk_bytes(Family::kLog);
      ASSERT_TRUE(log_->Trim({.time_ms = 1000}, 0).ok());
      dropped = store_->disk_bytes(Family::kLog) + 50'000 < full;
      ASSERT_LT(full, 100'000'000U) << "retention drops nothing";
    }
  }
  // What the tables of the database take on the disk, those included that are dropped but held.
  std::uint64_t FileBytes() const {
    std::uint64_t bytes = 0;
    for (const auto& file : std::filesystem::directory_iterator(path())) {
      std::error_code gone;
      const std::uintmax_t size = file.path().extension() == ".sst" ? file.file_size(gone) : 0;
      if (!gone) bytes += size;
    }
    return bytes;
  }

  DataDir directory_;
  ManualClock clock_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogWriter> writer_;
};

class LogTest : public testing::Test, protected LogHome {};

}  // namespace headgate::test
