#include "tests/support/tutorial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/child_process.h"

namespace headgate::test {
namespace {

using testing::HasSubstr;

std::string Fenced(const std::string& begin, const std::string& text) {
  return "```" + begin + "\n" + text + "\n```\n\n";
}

class Tutorial : public testing::Test {
 protected:
  // "" if the page can be done.
  std::string Problem(const std::string& page) {
    const std::string file = dir_.path() + "/page.md";
    std::ofstream(file) << page;
    const Status done = RunTutorial(file, {.words = {{"5432", "7777"}}, .programs = dir_.path()});
    return done.ok() ? "" : done.error().what;
  }

  TempDir dir_{"headgate-page-"};
};

TEST_F(Tutorial, FilesAreSavedAndCommandsSeeThemAndTheVariablesBefore) {
  EXPECT_EQ(
      Problem("# A page\n\n" + Fenced("yaml file=a.yaml", "port: 5432\nid: 15432") +
              Fenced("sh", "export WHO=me\ncat a.yaml") + Fenced("text", "port: 5432\nid: 15432") +
              Fenced("sh", "test $(wc -c < a.yaml) = 21\necho \"{\\\"who\\\": \\\"$WHO\\\", \\\"more\\\": [1, 2]}\"") +
              Fenced("json", R"({"who": "me", "more": [1, "..."]})") + Fenced("text shown", "nobody looks")),
      "");
  EXPECT_THAT(Problem(Fenced("sh", "echo 5432") + Fenced("text", "7778")), HasSubstr("7777"));
}

TEST_F(Tutorial, ACommandThatFailsOrShowsAnotherThingIsAnErrorWithItsLine) {
  EXPECT_THAT(Problem("\n\n" + Fenced("sh", "false\ntrue")), HasSubstr("page.md:3: exit code 1"));
  EXPECT_THAT(Problem(Fenced("sh", "false | true")), HasSubstr("page.md:1: exit code 1"));
  EXPECT_THAT(Problem(Fenced("sh", "no_such_program")), HasSubstr("page.md:1: exit code 127"));
  EXPECT_THAT(Problem(Fenced("sh", "echo one") + Fenced("text", "two")), HasSubstr("the page says:\ntwo"));
  EXPECT_THAT(Problem(Fenced("sh", "echo one") + Fenced("json", "{}")), HasSubstr("one sees:\none"));
  EXPECT_THAT(Problem("only words"), HasSubstr("nothing to do"));
}

TEST_F(Tutorial, ATerminalGoesOnUntilCtrlCAndAWaitingCommandUntilItIsSeen) {
  const std::string serves =
      "trap 'echo bye; exit 0' INT\necho ready\nwhile :; do read -t 0.1 < <(:) || :; [ ! -e go ] || touch gone; done";
  const std::string open = Fenced("sh", "export A=1") + Fenced("sh terminal", serves) + Fenced("text", "ready");
  const std::string works = Fenced("sh", "touch go") + Fenced("sh again", "ls") + Fenced("text", "go\ngone") +
                            Fenced("sh", "echo ${A-unset}") + Fenced("text", "unset");
  EXPECT_EQ(Problem(open + works + Fenced("text ctrl-c", "...\nbye")), "");
  EXPECT_THAT(Problem(open + works), HasSubstr("this still runs"));
  EXPECT_THAT(Problem(open + open), HasSubstr("still busy"));
  const std::string end = Fenced("text ctrl-c", "...\nbye");
  EXPECT_EQ(
      Problem(open + end + Fenced("sh terminal", "echo ${A-unset}; " + serves) + Fenced("text", "1\nready") + end), "");
  EXPECT_THAT(Problem(Fenced("sh terminal", "echo no; exit 3") + Fenced("text", "ready")), HasSubstr("one sees:\nno"));
  EXPECT_THAT(Problem(Fenced("text ctrl-c", "bye")), HasSubstr("nothing runs"));
}

TEST(TutorialPage, ABlockWithoutARuleIsRefusedWithItsLine) {
  const auto refusal = [](const std::string& page) {
    const auto steps = ReadTutorial("text\n" + page);
    return steps.ok() ? "" : steps.error().what;
  };
  EXPECT_THAT(refusal(Fenced("", "headgate")), HasSubstr("line 2: no rule"));
  EXPECT_THAT(refusal(Fenced("sql", "SELECT 1")), HasSubstr("\"sql\""));
  EXPECT_THAT(refusal(Fenced("sh agian", "true")), HasSubstr("\"sh agian\""));
  EXPECT_THAT(refusal(Fenced("yaml file=/etc/passwd", "x")), HasSubstr("no rule"));
  EXPECT_THAT(refusal(Fenced("sh again twice", "true")), HasSubstr("one word"));
  EXPECT_THAT(refusal("```sh\ntrue\n"), HasSubstr("line 2: the block has no end"));
  EXPECT_THAT(refusal("- item\n  ```sh\n  true\n  ```\n"), HasSubstr("left margin"));
  EXPECT_THAT(refusal(Fenced("text", "seen")), HasSubstr("no command"));
  EXPECT_THAT(refusal(Fenced("sh", "true") + Fenced("text", "a") + Fenced("text", "b")), HasSubstr("no command"));
  EXPECT_THAT(refusal(Fenced("sh again", "true")), HasSubstr("until what"));
  EXPECT_THAT(refusal(Fenced("sh", "true") + Fenced("json", "{")), HasSubstr("not JSON"));
}

TEST(TutorialPage, WhatOneSeesIsComparedToTheLastLetter) {
  const auto output = [](const std::string& want, const std::string& have) { return Unlike({want}, have).empty(); };
  EXPECT_TRUE(output("a\nb\n", "a  \nb\n\n"));
  EXPECT_FALSE(output("a\nb\n", "a\n"));
  EXPECT_FALSE(output("a\n", "a\nb\n"));
  EXPECT_FALSE(output("", "a\n"));
  EXPECT_TRUE(output("a ... c ... e\n", "a b c d e\n"));
  EXPECT_FALSE(output("a ... c\n", "a c\n"));
  EXPECT_FALSE(output("a ... c\n", "a b cd\n"));
  EXPECT_TRUE(output("...\nb\n...\n", "a\nb\nb\nc\n"));
  EXPECT_TRUE(output("...\nb\n", "b\n"));
  EXPECT_FALSE(output("...\nb\n", "b\nc\n"));
  const auto answer = [](const std::string& want, const std::string& have) {
    return Unlike({want, true}, have).empty();
  };
  EXPECT_TRUE(answer(R"({"a": {"b": 1}})", R"({"a": {"b": 1, "c": 2}, "d": 3})"));
  EXPECT_FALSE(answer(R"({"a": 1})", R"({"a": "1"})"));
  EXPECT_FALSE(answer(R"({"a": 1})", R"({})"));
  EXPECT_FALSE(answer(R"([1])", R"([1, 2])"));
  EXPECT_TRUE(answer(R"([{"a": "..."}])", R"([{"a": [1]}])"));
  EXPECT_FALSE(answer("{}", "not found"));
}

}  // namespace
}  // namespace headgate::test
