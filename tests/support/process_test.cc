#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <fstream>

#include "tests/support/headgate_process.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;

// A stand-in for the program: a shell script with what is under test of its behaviour.
class Script {
 public:
  explicit Script(const std::string& body) : dir_("headgate-script-") {
    std::ofstream(path()) << "#!/bin/bash\n" << body;
    std::filesystem::permissions(path(), std::filesystem::perms::owner_all);
  }
  std::string path() const { return dir_.path() + "/program"; }

 private:
  TempDir dir_;
};

TEST(Child, ExitCodeAndSignalAreTold) {
  auto failing = Child::Start({.command = {"sh", "-c", "exit 3"}});
  ASSERT_TRUE(failing.ok());
  EXPECT_EQ((*failing)->Wait(milliseconds(10'000))->code, 3);
  auto sleeping = Child::Start({.command = {"sleep", "600"}});
  ASSERT_TRUE(sleeping.ok());
  EXPECT_TRUE((*sleeping)->running());
  EXPECT_EQ((*sleeping)->Kill().signal, SIGKILL);
}

TEST(Child, AProgramThatDoesNotExistIsAnErrorThatNamesIt) {
  auto child = Child::Start({.command = {"/no/such/program"}});
  ASSERT_FALSE(child.ok());
  EXPECT_NE(child.error().what.find("/no/such/program"), std::string::npos);
}

TEST(Child, WhatItStartedDiesWithItsGroup) {
  TempDir dir("headgate-child-");
  auto child = Child::Start(
      {.command = {"sh", "-c", "sleep 600 & echo $!; echo ready; wait"}, .output_file = dir.path() + "/out"});
  ASSERT_TRUE(child.ok());
  pid_t grandchild = 0;
  std::string ready;
  for (int tries = 0; tries < 1000 && ready != "ready"; ++tries) {
    (*child)->Wait(milliseconds(10));
    std::ifstream(dir.path() + "/out") >> grandchild >> ready;
  }
  ASSERT_GT(grandchild, 0);
  (*child)->Kill();
  EXPECT_TRUE(WaitGone(grandchild, milliseconds(10'000)));
}

TEST(HeadgateProcess, ReadsItsAddressFromTextAndJsonLines) {
  for (const char* line : {"2026-03-04T05:06:07.123456Z info api: api listening address=127.0.0.1:4711",
                           R"({"ts":"2026","level":"info","message":"api listening","address":"127.0.0.1:4711"})"}) {
    Script script("echo 'a line before' >&2; echo '" + std::string(line) + "' >&2; exec sleep 600");
    HeadgateProcess process({.binary = script.path()});
    const Status started = process.Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    EXPECT_EQ(process.address(), "127.0.0.1:4711");
    const auto ended = process.Terminate();
    ASSERT_TRUE(ended.has_value());
    EXPECT_EQ(ended->exit.signal, SIGTERM);
  }
}

TEST(HeadgateProcess, AProgramThatEndsTellsItsExitCodeAndLastWords) {
  Script script("echo 'data directory is locked' >&2; exit 7");
  HeadgateProcess process({.binary = script.path()});
  const Status started = process.Start();
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().what.find("exit code 7"), std::string::npos) << started.error().what;
  EXPECT_NE(started.error().what.find("data directory is locked"), std::string::npos);
}

TEST(HeadgateProcess, GivesItsConfigAndFailpointsToTheProgram) {
  Script script(
      "echo \"points=$HEADGATE_FAILPOINTS $1 $2\" >&2; cat $3 >&2; echo 'api listening address=127.0.0.1:1' >&2; exec "
      "sleep 600");
  HeadgateProcess process(
      {.binary = script.path(), .connectors = {{"shop", {{"password", "a\"b\\c"}}}}, .failpoints = "x=kill"});
  ASSERT_TRUE(process.Start().ok());
  const std::string text = process.Stderr();
  EXPECT_NE(text.find("points=x=kill run --config"), std::string::npos) << text;
  EXPECT_NE(text.find("listen: 127.0.0.1:0"), std::string::npos);
  EXPECT_NE(text.find(R"(    password: "a\"b\\c")"), std::string::npos) << text;
}

}  // namespace
}  // namespace headgate::test
