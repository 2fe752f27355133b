// Writes that fail: nothing of them is visible or confirmed, and it goes on (CG-08).
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "tests/unit/log/in_child.h"
#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using test::Commit;
using test::InsertedIds;
using test::ReadAll;

#if HEADGATE_FAILPOINTS
// Writes of a fresh directory: 1 its identity, 2 the source, 3 the first append.
void AppendFailsOnceAndIsRepeated() {
  ::setenv("HEADGATE_FAILPOINTS", "store.write_error=error:4", 1);
  const test::DataDir directory;
  const test::ManualClock clock;
  auto store = Store::Open(directory.path());
  ASSERT_TRUE(store.ok());
  auto log = Log::Open(**store, clock);
  auto writer = (*log)->OpenWriter("shop", "", "postgresql");
  const StreamNo orders = (*writer)->OpenStream("public", "orders");
  const std::uint32_t first = (*writer)->DefineSchema(orders, test::TwoColumns("orders"), 1, 1);
  ASSERT_TRUE((*writer)->Append(std::vector{Commit(100, orders, first)}, "one").ok());
  int woken = 0;
  const auto subscription = (*log)->Subscribe([&] { ++woken; });

  const StreamNo items = (*writer)->OpenStream("public", "items");
  const std::uint32_t second = (*writer)->DefineSchema(items, test::TwoColumns("items"), 150, 1);
  const std::vector batch{Commit(200, orders, first), Commit(300, items, second)};
  const auto failed = (*writer)->Append(batch, "two");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().kind, ErrorKind::kTransient);
  EXPECT_EQ(ReadAll(**log).size(), 2U);
  EXPECT_EQ((*log)->last_seq(), 2U);
  EXPECT_EQ((*writer)->progress().last->a, 100U);
  EXPECT_EQ((*writer)->progress().resume, "one");
  EXPECT_EQ((*log)->registry()->FindStream("shop.public.items"), nullptr);
  EXPECT_EQ((*log)->stats(orders).records, 1U);
  EXPECT_EQ(woken, 0);

  const auto repeated = (*writer)->Append(batch, "two");
  ASSERT_TRUE(repeated.ok());
  EXPECT_EQ(repeated->appended, 2U);
  EXPECT_EQ(woken, 1);
  writer = Stopped();
  log = Stopped();
  store = Stopped();
  store = Store::Open(directory.path());
  log = Log::Open(**store, clock);
  const auto all = ReadAll(**log);
  ASSERT_EQ(all.size(), 5U);
  for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i].at.seq, i + 1) << "no hole";
  EXPECT_EQ(InsertedIds(all), (std::vector<std::int64_t>{100'000, 200'000, 300'000}));
  EXPECT_EQ((*log)->progress("shop")->resume, "two");
}

TEST(FailedWrite, LeavesNothingVisibleAndCanBeRepeated) { HG_IN_CHILD(AppendFailsOnceAndIsRepeated); }

void GapFailsOnceAndIsRepeated() {
  ::setenv("HEADGATE_FAILPOINTS", "store.write_error=error:3", 1);
  const test::DataDir directory;
  const test::ManualClock clock;
  auto store = Store::Open(directory.path());
  auto log = Log::Open(**store, clock);
  auto writer = (*log)->OpenWriter("shop", "", "postgresql");
  ASSERT_TRUE(writer.ok());
  ASSERT_FALSE((*writer)->DeclareGap({"slot_missing", 0, 1, {}, "none"}, 1, "fresh").ok());
  EXPECT_EQ((*writer)->progress().epoch, 0U);
  EXPECT_EQ((*log)->progress("shop")->gaps, 0U);
  ASSERT_TRUE((*writer)->DeclareGap({"slot_missing", 0, 1, {}, "none"}, 1, "fresh").ok());
  EXPECT_EQ((*writer)->progress().epoch, 1U);
  EXPECT_EQ((*log)->progress("shop")->gaps, 1U);
  EXPECT_EQ((*log)->last_seq(), 1U);
}

TEST(FailedWrite, OfAGapMovesNoEpoch) { HG_IN_CHILD(GapFailsOnceAndIsRepeated); }
#endif

// A disk that is full until `free` makes room. Appends up to the failure, checks that nothing of it shows, then goes
// on.
void AppendUntilFullThenGoOn(const std::string& path, const std::function<void()>& free) {
  const test::ManualClock clock;
  auto store = Store::Open(path);
  ASSERT_TRUE(store.ok()) << store.error().what;
  auto log = Log::Open(**store, clock);
  auto writer = (*log)->OpenWriter("shop", "", "postgresql");
  ASSERT_TRUE(writer.ok()) << writer.error().what;
  const StreamNo stream = (*writer)->OpenStream("public", "orders");
  const std::uint32_t version = (*writer)->DefineSchema(stream, test::TwoColumns("orders"), 1, 1);
  std::uint64_t lsn = 0;
  std::optional<Error> full;
  while (!full && lsn < 1000) {
    ++lsn;
    const auto outcome =
        (*writer)->Append(std::vector{Commit(lsn, stream, version, 1, test::Noise(300'000, lsn))}, std::nullopt);
    if (!outcome.ok()) full = outcome.error();
  }
  ASSERT_TRUE(full.has_value()) << "the disk never filled";
  EXPECT_GT(lsn, 10U);
  EXPECT_EQ(full->kind, ErrorKind::kTransient);
  EXPECT_EQ(full->what,
            "write to the data directory " + path + ": the disk is full. Free space; intake goes on by itself.");
  const std::uint64_t durable = lsn - 1;
  EXPECT_EQ((*writer)->progress().last->a, durable);
  EXPECT_EQ(InsertedIds(ReadAll(**log)).size(), durable);
  const auto still =
      (*writer)->Append(std::vector{Commit(lsn, stream, version, 1, test::Noise(300'000, lsn))}, std::nullopt);
  ASSERT_FALSE(still.ok());
  EXPECT_EQ(still.error().what, full->what);

  free();
  const auto again =
      (*writer)->Append(std::vector{Commit(lsn, stream, version, 1, test::Noise(300'000, lsn))}, std::nullopt);
  ASSERT_TRUE(again.ok()) << again.error().what;
  EXPECT_EQ(again->appended, 1U);
  writer = Stopped();
  log = Stopped();
  store = Stopped();
  store = Store::Open(path);
  ASSERT_TRUE(store.ok()) << store.error().what;
  log = Log::Open(**store, clock);
  const auto ids = InsertedIds(ReadAll(**log));
  ASSERT_EQ(ids.size(), lsn);
  for (std::uint64_t i = 0; i < lsn; ++i) EXPECT_EQ(ids[i], static_cast<std::int64_t>((i + 1) * 1000));
}

// A small file system at `path`, in a mount namespace of this process: it goes with the process however that ends.
class SmallDisk {
 public:
  explicit SmallDisk(std::string path) : path_(std::move(path)) {
    const bool mounted = ::unshare(CLONE_NEWNS) == 0 &&
                         ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                         ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=128m") == 0;
    error_ = mounted ? 0 : errno;
  }
  ~SmallDisk() {
    if (error_ == 0) ::umount2(path_.c_str(), MNT_DETACH);
  }
  int error() const { return error_; }

  // Takes all space but `left` bytes.
  void Fill(std::uintmax_t left) {
    std::ofstream(ballast()) << std::string(std::filesystem::space(path_).available - left, 'b');
  }
  void Free() { std::filesystem::remove(ballast()); }

 private:
  std::string ballast() const { return path_ + "/ballast"; }
  std::string path_;
  int error_ = 0;
};

// Whether a SmallDisk can be made here, asked in a child.
bool CanMount() {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(SmallDisk("/tmp").error() == 0 ? 0 : 1);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WEXITSTATUS(status) == 0;
}

#define ON_SMALL_DISK(body)                                                                \
  do {                                                                                     \
    if (!CanMount()) GTEST_SKIP() << "SKIP, needs the right to mount a small file system"; \
    HG_IN_CHILD(body);                                                                     \
  } while (false)

void AppendOnASmallDisk() {
  const test::DataDir directory;
  SmallDisk disk(directory.path());
  ASSERT_EQ(disk.error(), 0);
  disk.Fill(60 << 20);
  AppendUntilFullThenGoOn(directory.path() + "/data", [&] { disk.Free(); });
}
TEST(DiskFull, StopsTheAppendCleanlyAndGoesOnWhenSpaceReturns_CG08) { ON_SMALL_DISK(AppendOnASmallDisk); }

void CloseOnAFullDisk() {
  const test::DataDir directory;
  SmallDisk disk(directory.path());
  ASSERT_EQ(disk.error(), 0);
  const std::string path = directory.path() + "/data";
  auto store = Store::Open(path);
  ASSERT_TRUE(store.ok());
  disk.Fill(12 << 20);
  bool full = false;
  for (std::uint64_t i = 0; i < 1000 && !full; ++i) {
    StoreBatch batch;
    batch.Put(Family::kMeta, std::to_string(i), test::Noise(50'000, i));
    full = !(*store)->Write(batch, true).ok();
  }
  EXPECT_TRUE(full);
  *store = nullptr;
  disk.Free();
  store = Store::Open(path);
  ASSERT_TRUE(store.ok()) << store.error().what;
  EXPECT_TRUE((*store)->Get(Family::kMeta, "0")->has_value());
}
TEST(DiskFull, TheStoreCanStillBeClosed_CG08) { ON_SMALL_DISK(CloseOnAFullDisk); }

// What sinks have done can still be written down when intake has stopped.
void CursorOnAFullDisk() {
  const test::DataDir directory;
  SmallDisk disk(directory.path());
  ASSERT_EQ(disk.error(), 0);
  const test::ManualClock clock;
  auto store = Store::Open(directory.path() + "/data");
  ASSERT_TRUE(store.ok());
  auto log = Log::Open(**store, clock);
  auto writer = (*log)->OpenWriter("shop", "", "postgresql");
  ASSERT_TRUE(writer.ok());
  disk.Fill(20 << 20);
  EXPECT_FALSE((*writer)->Append({}, "state").ok());
  StoreBatch batch;
  batch.Put(Family::kCursors, "hook", "x");
  EXPECT_TRUE((*store)->Write(batch, true).ok());
  disk.Free();
  EXPECT_TRUE((*writer)->Append({}, "state").ok());
}
TEST(DiskFull, CursorsMoveWhenIntakeHasStopped_CG08) { ON_SMALL_DISK(CursorOnAFullDisk); }

}  // namespace
}  // namespace headgate
