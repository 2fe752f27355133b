#include "core/config/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/config/secret_io.h"

namespace headgate::config {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

// A folder of its own with an open part and a closed one beside it.
class Secrets : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "hg-secrets-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = fs::canonical(pattern);
    fs::create_directories(root_ / "open" / "deep");
    fs::create_directories(root_ / "open2");
    fs::create_directories(root_ / "closed");
    policy_.allowed_paths = {(root_ / "open").string()};
    policy_.env_pattern = "SHOP_.*";
    ::setenv("SHOP_PASSWORD", "from-env", 1);
    ::setenv("OTHER_PASSWORD", "closed-env", 1);
    ::unsetenv("SHOP_UNSET");
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string Write(const std::string& name, std::string_view content) const {
    std::ofstream(root_ / name, std::ios::binary) << content;
    return (root_ / name).string();
  }
  std::string Path(const std::string& name) const { return (root_ / name).string(); }

  Result<std::string> Resolve(std::string_view text) const {
    auto resolver = SecretResolver::Create(policy_);
    CHECK(resolver.ok());
    return resolver->Resolve(text);
  }
  std::string Value(std::string_view text) const {
    const auto value = Resolve(text);
    return value.ok() ? *value : "error: " + value.error().what;
  }
  std::string Why(std::string_view text) const {
    const auto value = Resolve(text);
    return value.ok() ? "no error" : value.error().what;
  }

  fs::path root_;
  SecretPolicy policy_;
};

TEST(Placeholders, HasPlaceholderKnowsConnectsSyntax) {
  for (const char* text : {"${env:A}", "a${file:/x:y}b", "${:}", "${vault:a:b}", "${x ${env:A}"})
    EXPECT_TRUE(HasPlaceholder(text)) << text;
  for (const char* text : {"", "$", "${", "${}", "${env}", "$env:A", "{env:A}", "${env:A", "<table>.<verb>"}) {
    EXPECT_FALSE(HasPlaceholder(text)) << text;
  }
}

TEST(Placeholders, AreTakenApartAtTheFirstTwoColons) {
  const std::string_view text = "a${file:/x/y.properties:db:password}b${env:A}";
  const auto found = FindPlaceholders(text);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].whole, "${file:/x/y.properties:db:password}");
  EXPECT_EQ(found[0].provider, "file");
  EXPECT_EQ(found[0].path, "/x/y.properties");
  EXPECT_EQ(found[0].key, "db:password");
  EXPECT_EQ(found[1].path, "");
  EXPECT_EQ(found[1].key, "A");
  EXPECT_EQ(WithoutPlaceholders(text), "ab");
}

TEST_F(Secrets, TextWithoutPlaceholdersStaysAsItIs) {
  for (const char* text : {"", "plain", "$1 ${} ${x} {y}", "a$", "${"}) EXPECT_EQ(Value(text), text);
}

TEST_F(Secrets, TheExampleOfTheDesignResolves) { EXPECT_EQ(Value("${env:SHOP_PASSWORD}"), "from-env"); }

TEST_F(Secrets, SeveralInOneValueAreReplacedInPlace) {
  EXPECT_EQ(Value("a ${env:SHOP_PASSWORD} b ${env:SHOP_PASSWORD}"), "a from-env b from-env");
}

TEST_F(Secrets, WhatASecretHoldsIsNotLookedAtAgain) {
  ::setenv("SHOP_TRICK", "${env:SHOP_PASSWORD} ${file:/etc/passwd:x}", 1);
  EXPECT_EQ(Value("${env:SHOP_TRICK}"), "${env:SHOP_PASSWORD} ${file:/etc/passwd:x}");
}

TEST_F(Secrets, EnvPatternMatchesWholeNamesOnly) {
  policy_.env_pattern = "SHOP";
  ::setenv("SHOP", "exact", 1);
  EXPECT_EQ(Value("${env:SHOP}"), "exact");
  EXPECT_THAT(Why("${env:SHOP_PASSWORD}"), HasSubstr("does not match secrets.env_pattern"));
  policy_.env_pattern = "SHOP_.*|OTHER";
  EXPECT_THAT(Why("${env:OTHER_PASSWORD}"), HasSubstr("does not match"));
}

TEST_F(Secrets, NothingResolvesByDefault) {
  policy_ = {};
  const std::string file = Write("open/a.properties", "k=hunter2\n");
  for (const std::string& text : {std::string("${env:SHOP_PASSWORD}"), "${file:" + file + ":k}",
                                  "${directory:" + Path("open") + ":a.properties}", std::string("${command:any}")}) {
    ASSERT_FALSE(Resolve(text).ok()) << text;
    EXPECT_EQ(Resolve(text).error().kind, ErrorKind::kConfig);
    EXPECT_THAT(Why(text), Not(HasSubstr("hunter2")));
  }
}

TEST_F(Secrets, EachRefusalOfTheEnvironmentSaysWhy) {
  const std::pair<std::string, const char*> table[] = {
      {"${env:OTHER_PASSWORD}", "\"OTHER_PASSWORD\": the name does not match secrets.env_pattern"},
      {"${env:SHOP_UNSET}", "\"SHOP_UNSET\": the variable is not set"},
      {"${env:path:SHOP_PASSWORD}", "a variable has no path"},
      {"${env:}", "does not match"},
      {"${env:SHOP_A B}", "does not match"},
      {"${env:SHOP_" + std::string(5000, 'A') + "}", "does not match"},
      {"${env:SHOP_\n}", "does not match"},
  };
  for (const auto& [text, why] : table) EXPECT_THAT(Why(text), HasSubstr(why)) << text;
}

TEST_F(Secrets, FileProviderReadsOneKeyOfAPropertiesFile) {
  const std::string file = Write("open/deep/db.properties", "# comment\nuser = app\npassword=hunter2\n");
  EXPECT_EQ(Value("${file:" + file + ":password}"), "hunter2");
  EXPECT_EQ(Value("${file:" + file + ":user}"), "app");
  const std::string why = Why("${file:" + file + ":nothing}");
  EXPECT_EQ(why, "Cannot resolve the secret from file \"" + file + "\": the file has no key \"nothing\".");
}

TEST_F(Secrets, DirectoryProviderReadsAWholeFileWithoutItsLineEnd) {
  Write("open/token", "one\ntwo\n");
  Write("open/crlf", "x\r\n");
  EXPECT_EQ(Value("${directory:" + Path("open") + ":token}"), "one\ntwo");
  EXPECT_EQ(Value("${directory:" + Path("open") + ":crlf}"), "x");
  for (const char* key : {"", ".", "..", "../closed/s", "deep/x", "/etc/passwd"}) {
    EXPECT_THAT(Why("${directory:" + Path("open") + ":" + key + "}"), HasSubstr("plain name of a file")) << key;
  }
}

TEST_F(Secrets, ALinkInsideTheOpenPartIsFollowed) {
  Write("open/deep/real", "hunter2");
  fs::create_symlink("deep", root_ / "open" / "current");
  fs::create_symlink("current/real", root_ / "open" / "password");
  EXPECT_EQ(Value("${directory:" + Path("open") + ":password}"), "hunter2");
}

TEST_F(Secrets, AnAllowedPathMayItselfBeALinkOrAFile) {
  const std::string file = Write("closed/one.properties", "k=v");
  fs::create_symlink(root_ / "open", root_ / "alias");
  Write("open/a", "x");
  policy_.allowed_paths = {Path("alias"), file};
  EXPECT_EQ(Value("${file:" + file + ":k}"), "v");
  EXPECT_EQ(Value("${directory:" + Path("alias") + ":a}"), "x");
  EXPECT_EQ(Value("${directory:" + Path("open") + ":a}"), "x");
}

TEST_F(Secrets, NoPathLeadsOutOfTheAllowedOnes) {
  const std::string closed = Write("closed/s.properties", "k=hunter2\n");
  Write("open2/s.properties", "k=hunter2\n");
  fs::create_symlink(closed, root_ / "open" / "link.properties");
  fs::create_symlink(root_ / "closed", root_ / "open" / "dirlink");
  const std::string table[] = {closed,
                               Path("open/link.properties"),
                               Path("open/dirlink/s.properties"),
                               Path("open/../closed/s.properties"),
                               Path("open/deep/../../closed/s.properties"),
                               Path("open/dirlink/../closed/s.properties"),
                               Path("open2/s.properties"),  // "open" is only the beginning of its name
                               Path("closed/does-not-exist"),
                               Path("open/missing/../../closed/s.properties"),
                               "/etc/passwd",
                               "/proc/self/environ"};
  for (const std::string& path : table) {
    EXPECT_THAT(Why("${file:" + path + ":k}"), HasSubstr("does not lie below secrets.allowed_paths")) << path;
    EXPECT_THAT(Why("${file:" + path + ":k}"), Not(HasSubstr("hunter2")));
  }
  EXPECT_THAT(Why("${file:relative/path:k}"), HasSubstr("must be absolute"));
  EXPECT_THAT(Why("${file:k}"), HasSubstr("no path"));
}

TEST_F(Secrets, OutsideTheOpenPartExistingAndMissingLookTheSame) {
  Write("closed/there", "x");
  std::string there = Why("${file:" + Path("closed/there") + ":k}");
  std::string gone = Why("${file:" + Path("closed/gone!") + ":k}");
  EXPECT_EQ(there.replace(there.find("there"), 5, "X"), gone.replace(gone.find("gone!"), 5, "X"));
}

TEST_F(Secrets, OnlyRegularFilesOfAtMost64KiB) {
  ASSERT_EQ(::mkfifo(Path("open/pipe").c_str(), 0600), 0);
  Write("open/full", "k=" + std::string(64 * 1024 - 2, 'x'));
  Write("open/large", "k=" + std::string(64 * 1024 - 1, 'x'));
  Write("open/zero", std::string_view("k=a\0b", 5));
  EXPECT_THAT(Why("${file:" + Path("open/pipe") + ":k}"), HasSubstr("not a regular file"));
  EXPECT_THAT(Why("${file:" + Path("open/deep") + ":k}"), HasSubstr("not a regular file"));
  EXPECT_EQ(Value("${file:" + Path("open/full") + ":k}").size(), 64U * 1024 - 2);
  EXPECT_THAT(Why("${file:" + Path("open/large") + ":k}"), HasSubstr("larger than 64 KiB"));
  EXPECT_THAT(Why("${file:" + Path("open/zero") + ":k}"), HasSubstr("zero byte"));
  EXPECT_THAT(Why("${file:" + Path("open/absent") + ":k}"), HasSubstr("cannot be opened: No such file"));
}

TEST_F(Secrets, BadPlaceholdersSayWhatIsWrong) {
  const std::pair<const char*, const char*> table[] = {
      {"${vault:a:b}", "No secret provider \"vault\". The providers are file, directory, env and command."},
      {"${ENV:SHOP_PASSWORD}", "No secret provider \"ENV\""},
      {"${hunter2!x:y}", "No secret provider of that name"},
      {"${env:${env:SHOP_PASSWORD}}", "may not nest"},
      {"${file:/a/${env:SHOP_PASSWORD}:x}", "may not nest"},
      {"${env:SHOP_PASSWORD", "is not closed"},
      {"${env:SHOP_PASSWORD} ${file:/x:y", "is not closed"},
  };
  for (const auto& [text, why] : table) EXPECT_THAT(Why(text), HasSubstr(why)) << text;
}

TEST_F(Secrets, AValueHoldsAtMostSixteen) {
  std::string text;
  for (int i = 0; i < 16; ++i) text += "${env:SHOP_PASSWORD}";
  EXPECT_TRUE(Resolve(text).ok());
  EXPECT_THAT(Why(text + "${env:SHOP_PASSWORD}"), HasSubstr("More than 16"));
}

TEST_F(Secrets, ForeignTextInErrorsIsCutAndCleaned) {
  const std::string why = Why("${file:/x\n" + std::string(10'000, 'y') + ":k}");
  EXPECT_LT(why.size(), 400U);
  EXPECT_THAT(why, Not(HasSubstr("\n")));
}

TEST_F(Secrets, APatternThatIsNoneIsRefused) {
  for (const std::string& pattern : {std::string("SHOP_["), std::string("("), std::string(300, 'a')}) {
    SecretPolicy policy;
    policy.env_pattern = pattern;
    const auto resolver = SecretResolver::Create(policy);
    ASSERT_FALSE(resolver.ok());
    EXPECT_THAT(resolver.error().what, HasSubstr("secrets.env_pattern"));
  }
}

TEST_F(Secrets, CommandOutputIsTheSecretWithoutItsLineEnd) {
  policy_.commands["vault"] = {"/bin/sh", "-c", "echo \"$1\"; echo noise >&2", "sh", "two words"};
  EXPECT_EQ(Value("${command:vault}"), "two words");
}

TEST_F(Secrets, CommandKeySelectsFromItsOutputAndIsNoArgument) {
  policy_.commands["vault"] = {"/bin/sh", "-c", "echo user=app; echo password=$#", "sh"};
  EXPECT_EQ(Value("${command:vault:password}"), "0");
  EXPECT_THAT(Why("${command:vault:--help}"), HasSubstr("has no key \"--help\""));
}

TEST_F(Secrets, CommandFailuresNameTheCommandNeverItsOutput) {
  policy_.commands["status"] = {"/bin/sh", "-c", "echo hunter2; exit 3"};
  policy_.commands["signal"] = {"/bin/sh", "-c", "echo hunter2; kill -9 $$"};
  policy_.commands["absent"] = {"/no/such/program"};
  policy_.commands["flood"] = {"/bin/sh", "-c", "while :; do echo hunter2hunter2hunter2; done"};
  const std::pair<const char*, const char*> table[] = {{"status", "ended with status 3"},
                                                       {"signal", "ended by signal 9"},
                                                       {"absent", "cannot be started: No such file"},
                                                       {"flood", "more than 64 KiB"},
                                                       {"unknown", "has no command of this name"}};
  for (const auto& [name, why] : table) {
    const std::string text = Why("${command:" + std::string(name) + "}");
    EXPECT_THAT(text, HasSubstr("from command \"" + std::string(name) + "\"")) << name;
    EXPECT_THAT(text, HasSubstr(why)) << name;
    EXPECT_THAT(text, Not(HasSubstr("hunter2"))) << name;
  }
}

TEST_F(Secrets, ACommandThatDoesNotEndIsKilledWithItsChildren) {
  // Both hold the write end of a named pipe: once they are dead, and not before, its reader sees the end.
  const std::string pipe = Path("open/pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  policy_.commands["hangs"] = {"/bin/sh", "-c", "exec 7>" + pipe + "; sleep 600 & wait"};
  policy_.command_timeout = std::chrono::milliseconds(500);
  EXPECT_THAT(Why("${command:hangs}"), HasSubstr("did not end in time"));
  ::fcntl(reader, F_SETFL, 0);
  char byte = 0;
  EXPECT_EQ(::read(reader, &byte, 1), 0) << "returns only when no writer is left";
  ::close(reader);
}

TEST_F(Secrets, ACommandWhoseChildHoldsTheOutputDoesNotHoldUsUp) {
  policy_.commands["leaves"] = {"/bin/sh", "-c", "sleep 600 & echo done"};
  EXPECT_EQ(Value("${command:leaves}"), "done");
}

TEST_F(Secrets, ACommandGetsNoInputAndNoneOfOurFiles) {
  const int ours = ::open("/dev/null", O_RDONLY);  // NOLINT: inheritable on purpose
  policy_.commands["looks"] = {"/bin/sh", "-c", "cat; ls /proc/self/fd | tr '\\n' ' '"};
  EXPECT_EQ(Value("${command:looks}"), "0 1 2 3 ");  // 3 is the folder that ls reads
  ::close(ours);
}

TEST(FindProperty, ReadsTheFormatOfJavaProperties) {
  const std::string_view text =
      "# comment=1\n! also=2\n\n  indented = value \nplain value with blanks\ncolon: x\ntab\t=\ty\nempty=\nalone\n"
      "esc\\=aped\\ key=k\nlong=one,\\\n    two\\\r\n  "
      "three\nback=a\\\\\nuni=\\u00e9\\uD83D\\uDE00\nbad=\\u12g4\ntwice=1\ntwice=2\r\n"
      "tabs=a\\tb\\nc\nlast=\\";
  const std::pair<const char*, const char*> table[] = {
      {"indented", "value "}, {"plain", "value with blanks"},
      {"colon", "x"},         {"tab", "y"},
      {"empty", ""},          {"alone", ""},
      {"esc=aped key", "k"},  {"long", "one,twothree"},
      {"back", "a\\"},        {"uni", "\u00e9\U0001F600"},
      {"bad", "u12g4"},       {"twice", "2"},
      {"tabs", "a\tb\nc"},    {"last", ""},
  };
  for (const auto& [key, value] : table)
    EXPECT_THAT(FindProperty(text, key), ::testing::Optional(std::string(value))) << key;
  for (const char* key : {"comment", "# comment", "also", "two", "", "nothing"})
    EXPECT_EQ(FindProperty(text, key), std::nullopt) << key;
}

TEST(FindProperty, SurvivesEveryCutOfAText) {
  const std::string text = "a\\u00e9=\\uD83D\\uDE00\\\r\n b\\";
  for (std::size_t end = 0; end <= text.size(); ++end) FindProperty(std::string_view(text).substr(0, end), "a\u00e9");
  EXPECT_EQ(FindProperty("k=\\uD83D", "k"), "\xEF\xBF\xBD");
}

TEST(Secret, PrintsAsStars) {
  const Secret secret("hunter2");
  std::ostringstream out;
  out << secret;
  EXPECT_EQ(out.str(), "***");
  EXPECT_EQ(::testing::PrintToString(secret), "***");
  EXPECT_EQ(secret.Reveal(), "hunter2");
}

}  // namespace
}  // namespace headgate::config
