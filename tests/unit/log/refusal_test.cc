// A data directory that cannot be used: the error names it and what to do.
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/require.h"
#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

using Refusal = test::LogTest;

TEST_F(Refusal, ASecondOpenOfTheDirectoryIsRefused) {
  const auto second = Store::Open(path());
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(second.error().what,
            "open data directory " + path() +
                ": another process has it locked. Stop the other headgate, or give this one its own data_dir.");
}

TEST_F(Refusal, ASecondProcessIsRefusedUntilTheFirstIsGone) {
#ifdef __SANITIZE_THREAD__
  HG_REQUIRE_MACHINE("a build without the thread sanitizer", "it cannot follow threads of a forked child");
#endif
  const auto open_in_child = [this] {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const auto store = Store::Open(path());
      const bool locked = !store.ok() && store.error().kind == ErrorKind::kConfig &&
                          store.error().what.find("another process has it locked") != std::string::npos;
      ::_exit(store.ok() ? 10 : locked ? 11 : 12);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(open_in_child(), 11);
  Close();
  EXPECT_EQ(open_in_child(), 10);
  Reopen();
}

TEST_F(Refusal, ADirectoryWithoutPermissionIsToldAsThat) {
  if (::geteuid() != 0) GTEST_SKIP() << "SKIP, needs root to become another user";
  Close();
  ASSERT_EQ(::chmod(path().c_str(), 0700), 0);
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(13);
    const auto unreadable = Store::Open(path());
    const bool first = !unreadable.ok() && unreadable.error().kind == ErrorKind::kConfig &&
                       unreadable.error().what ==
                           "open data directory " + path() +
                               ": permission denied. Make it writable for this user, or set data_dir elsewhere.";
    const auto absent = Store::Open("/headgate-test-absent/data");
    const bool second = !absent.ok() && absent.error().kind == ErrorKind::kConfig &&
                        absent.error().what ==
                            "create data directory /headgate-test-absent/data: Permission denied. Set data_dir to a "
                            "directory that this user may write.";
    ::_exit((first ? 0 : 1) + (second ? 0 : 2));
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "1: unreadable, 2: absent";
}

TEST_F(Refusal, AFileInPlaceOfTheDirectoryIsToldAsThat) {
  const std::string file = directory_.path() + "/block";  // the word lock in a path means nothing
  std::ofstream(file) << "x";
  const auto store = Store::Open(file);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(store.error().what,
            "open data directory " + file + ": not a directory. Set data_dir to one that this user may write.");
}

TEST_F(Refusal, ANewDirectoryIsForItsOwnerOnly) {
  struct stat info {};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(Refusal, S76_ADirectoryWithOtherFilesIsRefusedAndAnUnfinishedOneOfOursIsNot) {
  const std::string foreign = path() + "-foreign";
  ASSERT_EQ(::mkdir(foreign.c_str(), 0755), 0);
  std::ofstream(foreign + "/LOCK") << "";
  std::ofstream(foreign + "/IDENTITY") << "";
  std::ofstream(foreign + "/MANIFEST-000001") << "";
  EXPECT_TRUE(Store::Check(foreign).ok());
  EXPECT_TRUE(Store::Open(foreign).ok()) << "a first start that was killed";
  struct stat found {};
  ASSERT_EQ(::stat(foreign.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700U);
  std::filesystem::remove_all(foreign);

  ASSERT_EQ(::mkdir(foreign.c_str(), 0755), 0);
  std::ofstream(foreign + "/passwd") << "x";
  for (const Status& refused : {Store::Check(foreign), Status(Store::Open(foreign).error())}) {
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
    EXPECT_EQ(refused.error().what,
              "open data directory " + foreign +
                  ": it holds other files, such as passwd, and no data of Headgate's. Set data_dir to a new or an "
                  "empty directory.");
  }
  std::filesystem::remove_all(foreign);
}

TEST_F(Refusal, CheckTellsWhatOpenWouldMeetAndTouchesNothing) {
  Close();
  EXPECT_TRUE(Store::Check(path()).ok());
  const std::string file = path() + "-file";
  std::ofstream(file) << "x";
  EXPECT_EQ(Store::Check(file).error().what,
            "open data directory " + file + ": not a directory. Set data_dir to one that this user may write.");
  EXPECT_EQ(Store::Check(file + "/below").error().what, "create data directory " + file + "/below: " + file +
                                                            " is not a directory. Set data_dir to one that this user "
                                                            "may write.");
  std::filesystem::remove(file);
  EXPECT_TRUE(Store::Check(file).ok());
  EXPECT_FALSE(std::filesystem::exists(file));
}

}  // namespace
}  // namespace headgate
