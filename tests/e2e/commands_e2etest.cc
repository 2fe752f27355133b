// The command line, the first minutes with a config file, and what `check` promises about `run`. No database.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/published.h"
#include "tests/support/child_process.h"
#include "tests/support/headgate_process.h"
#include "tests/support/http_receiver.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::Not;

class Commands : public testing::Test {
 protected:
  struct Ran {
    int code = -1;
    std::string text;  // stdout and stderr
  };

  Ran Run(std::vector<std::string> arguments) {
    ChildOptions options;
    options.command = {HG_HEADGATE};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    options.output_file = dir_.path() + "/out" + std::to_string(++runs_);
    auto child = Child::Start(options);
    if (!child.ok()) return {-1, child.error().what};
    const auto exit = (*child)->Wait(seconds(20));
    std::ifstream in(options.output_file);
    return {exit && exit->signal == 0 ? exit->code : -1, {std::istreambuf_iterator<char>(in), {}}};
  }
  Ran RunOn(const std::string& command, const std::string& yaml) {
    std::ofstream(file_) << yaml;
    return Run({command, "--config", file_});
  }
  std::string Base() const { return "data_dir: " + dir_.path() + "/data\napi:\n  listen: 127.0.0.1:0\n"; }
  static std::string Hook(const std::string& url, const std::string& name = "webhook") {
    return "    connector.class: " + name + "\n    topics: shop.public.orders\n    url: " + url + "\n";
  }

  TempDir dir_{"headgate-commands-"};
  const std::string file_ = dir_.path() + "/headgate.yaml";
  testing_support::HttpReceiver receiver_;
  int runs_ = 0;
};

mode_t ModeOf(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 ? found.st_mode & 0777 : 0;
}

TEST_F(Commands, CheckReadsTheColumnsOfAnHttpSource) {
  const std::string source = Base() + "connectors:\n  readings:\n    connector.class: http\n    columns: ";
  const Ran good = RunOn("check", source + "sensor_id int NOT NULL, temperature float8\n");
  EXPECT_EQ(good.code, 0) << good.text;
  EXPECT_THAT(good.text, HasSubstr("2 columns; events go to POST /api/v1/streams/readings/events"));
  const Ran wrong = RunOn("check", source + "sensor_id intt\n");
  EXPECT_EQ(wrong.code, 3);
  EXPECT_THAT(wrong.text, HasSubstr("columns: line 1, column 11: type \"intt\" does not exist"));
}

TEST_F(Commands, KC15_CheckTakesEveryFormOfAClassThatRunTakes) {
  for (const char* name : {"webhook", "WebhookSink", "WebhookSinkConnector", "io.headgate.WebhookSinkConnector"}) {
    const Ran ran = RunOn("check", Base() + "connectors:\n  hook:\n" + Hook(receiver_.url(), name));
    EXPECT_EQ(ran.code, 0) << name << "\n" << ran.text;
  }
  const Ran ran = RunOn("check", Base() + "connectors:\n  shop:\n    connector.class: postgress\n");
  EXPECT_EQ(ran.code, 3);
  for (const char* text : {"postgress", "PostgresSource (postgres)", "WebhookSink (webhook)"})
    EXPECT_THAT(ran.text, HasSubstr(text));
}

TEST_F(Commands, S76_AFolderThatIsNoDataDirectoryIsRefusedUntouched) {
  const std::string foreign = dir_.path() + "/foreign";
  ::mkdir(foreign.c_str(), 0755);
  std::ofstream(foreign + "/passwd") << "x";
  const Ran ran = RunOn("run", "data_dir: " + foreign + "\napi:\n  listen: 127.0.0.1:0\n");
  EXPECT_EQ(ran.code, 3) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr(foreign));
  EXPECT_THAT(ran.text, HasSubstr("data_dir"));
  EXPECT_EQ(ModeOf(foreign), 0755u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(foreign), {}), 1);
}

TEST_F(Commands, S76_NobodyElseReadsTheDataDirectory) {
  const std::string data = dir_.path() + "/open";
  ::mkdir(data.c_str(), 0755);  // as made by an installer, empty
  HeadgateProcess headgate({.data_dir = data});
  ASSERT_TRUE(headgate.Start().ok());
  EXPECT_EQ(ModeOf(data), 0700u);
  EXPECT_THAT(headgate.Stderr(), HasSubstr(data));
  for (const auto& entry : std::filesystem::directory_iterator(data))
    EXPECT_EQ(ModeOf(entry.path().string()) & 077, 0u) << entry.path();
}

TEST_F(Commands, S72_AFileConnectorWhoseSecretCannotBeResolvedIsFailedAndTheOthersRun) {
  HeadgateOptions options;
  options.connectors["bad"] = {{"connector.class", "webhook"},
                               {"topics", "a"},
                               {"url", receiver_.url()},
                               {"header.X-Token", "${env:NOT_OPENED}"}};
  options.connectors["good"] = {{"connector.class", "webhook"}, {"topics", "a"}, {"url", receiver_.url()}};
  HeadgateProcess headgate(options);
  const Status started = headgate.Start();
  ASSERT_TRUE(started.ok()) << started.error().what;
  const auto state = [&](const std::string& name) {
    const auto answer = headgate.Call("GET", "/connectors/" + name + "/status");
    return answer.ok() ? answer->body : std::string();
  };
  EXPECT_TRUE(WaitFor([&] { return state("bad").find("FAILED") != std::string::npos; })) << state("bad");
  EXPECT_THAT(state("bad"), HasSubstr("NOT_OPENED"));
  EXPECT_TRUE(WaitFor([&] { return state("good").find("RUNNING") != std::string::npos; })) << state("good");
}

TEST_F(Commands, RunNamesEveryConnectorThatIsWrongOneLineEach) {
  const Ran ran =
      RunOn("run", Base() + "connectors:\n  one:\n" + Hook("ftp://a/") + "  two:\n" + Hook(receiver_.url()) +
                       "    batch_byte_max: 5\n  three:\n" + "    connector.class: nonesuch\n");
  EXPECT_EQ(ran.code, 3);
  for (const char* text : {"headgate.yaml:8: ", "headgate.yaml:13: ", "headgate.yaml:15: ", "batch_bytes_max",
                           "nonesuch", "connector one", "connector two", "connector three"})
    EXPECT_THAT(ran.text, HasSubstr(text));
  EXPECT_THAT(ran.text, Not(HasSubstr("u000a")));
  EXPECT_THAT(ran.text, Not(HasSubstr("/connector-plugins/"))) << "nothing answers there";
  const auto first = ran.text.find("Did you mean");
  EXPECT_EQ(ran.text.find("Did you mean", first + 1), std::string::npos) << ran.text;
}

TEST_F(Commands, S17_MistakesAcrossSettingsAreToldWithThoseOfSingleOnes) {
  const std::string wrong = "connectors:\n  hook:\n" + Hook("ftp://x") + "    parallelism: 0\n    auth: bearer\n";
  for (const char* command : {"run", "check"}) {
    const Ran ran = RunOn(command, Base() + wrong);
    EXPECT_EQ(ran.code, 3);
    for (const char* text : {"parallelism", "must start with http://", "auth_token"})
      EXPECT_THAT(ran.text, HasSubstr(text)) << command;
  }
}

TEST_F(Commands, CheckFindsWhatWouldKeepRunFromStarting) {
  HeadgateProcess other({});
  ASSERT_TRUE(other.Start().ok());
  const Ran port = RunOn("check", "data_dir: " + dir_.path() + "/data\napi:\n  listen: " + other.address() + "\n");
  EXPECT_EQ(port.code, 3) << port.text;
  EXPECT_THAT(port.text, HasSubstr("another process uses that port"));

  const Ran locked = RunOn("check", "data_dir: " + other.data_dir() + "\napi:\n  listen: 127.0.0.1:0\n");
  EXPECT_EQ(locked.code, 3) << locked.text;
  EXPECT_THAT(locked.text, HasSubstr("another process has it locked"));

  const std::string plain = dir_.path() + "/plain";
  std::ofstream(plain) << "x";
  const Ran file = RunOn("check", "data_dir: " + plain + "\napi:\n  listen: 127.0.0.1:0\n");
  EXPECT_EQ(file.code, 3) << file.text;
  EXPECT_THAT(file.text, HasSubstr("not a directory"));

  const Ran below = RunOn("check", "data_dir: " + plain + "/below\napi:\n  listen: 127.0.0.1:0\n");
  EXPECT_EQ(below.code, 3) << below.text;
  EXPECT_THAT(below.text, HasSubstr(plain + " is not a directory"));

  const Ran fine = RunOn("check", Base());
  EXPECT_EQ(fine.code, 0) << fine.text;
  EXPECT_FALSE(std::filesystem::exists(dir_.path() + "/data")) << "check changes nothing";
}

TEST_F(Commands, CheckCallsADeadEndpointAWarningWithTheKey) {
  const Ran ran =
      RunOn("check", Base() + "connectors:\n  hook:\n" + Hook("http://127.0.0.1:" + std::to_string(FreePort()) + "/a"));
  EXPECT_EQ(ran.code, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("warning"));
  EXPECT_THAT(ran.text, HasSubstr("`url`"));
}

TEST_F(Commands, KC18_ValidateCallsADeadEndpointAnErrorOfTheUrlWhileCreationWorks) {
  HeadgateProcess headgate({});
  ASSERT_TRUE(headgate.Start().ok());
  const std::string dead = "http://127.0.0.1:" + std::to_string(FreePort()) + "/a";
  const std::string tls = "https" + receiver_.url().substr(4);
  for (const std::string& url : {dead, std::string("http://nosuch.invalid/a"), tls}) {
    const json config = {{"connector.class", "webhook"}, {"name", "hook"}, {"topics", "a"}, {"url", url}};
    const auto answer = headgate.Call("PUT", "/connector-plugins/webhook/config/validate", config.dump());
    ASSERT_TRUE(answer.ok());
    const json infos = json::parse(answer->body, nullptr, false);
    EXPECT_EQ(infos["error_count"], 1) << url;
    for (const auto& key : infos["configs"])
      EXPECT_EQ(key["value"]["errors"].size(), key["value"]["name"] == "url" ? 1u : 0u) << key["value"]["name"];
  }
  const json body = {{"name", "hook"}, {"config", {{"connector.class", "webhook"}, {"topics", "a"}, {"url", dead}}}};
  EXPECT_EQ(headgate.Call("POST", "/connectors", body.dump())->status, 201);
}

TEST_F(Commands, S74_TokensInUrlsAreMaskedInEvents) {
  HeadgateProcess headgate({});
  ASSERT_TRUE(headgate.Start().ok());
  for (const char* token : {"abc123", "def456"}) {
    const json config = {
        {"connector.class", "webhook"}, {"topics", "a"}, {"url", receiver_.url() + "?token=" + token + "&x=1"}};
    const auto put = headgate.Call("PUT", "/connectors/hook/config", config.dump());
    EXPECT_EQ(put->status / 100, 2) << put->body;
  }
  const std::string events = headgate.Call("GET", "/api/v1/events")->body;
  EXPECT_THAT(events, HasSubstr("token=***&x=1"));
  EXPECT_THAT(events, HasSubstr("before.url"));
  EXPECT_THAT(events, Not(HasSubstr("abc123")));
  EXPECT_THAT(events, Not(HasSubstr("def456")));
}

TEST_F(Commands, AP27_TheCommitIsTold) {
  HeadgateProcess headgate({.extra_yaml = "  allowed_origins: [https://console.example.com]\n"});
  const Status started = headgate.Start();
  ASSERT_TRUE(started.ok()) << started.error().what;
  const json root = json::parse(headgate.Call("GET", "/")->body, nullptr, false);
  EXPECT_NE(root["commit"], "");
  EXPECT_THAT(headgate.Call("GET", "/metrics")->body,
              HasSubstr("commit=\"" + root["commit"].get<std::string>() + "\""));
  EXPECT_THAT(Run({"version"}).text, HasSubstr(root["commit"].get<std::string>()));
}

TEST_F(Commands, AWrongCommandLineSaysWhatIsWrong) {
  EXPECT_THAT(Run({"run", "--config", file_, "extra"}).text, HasSubstr("unexpected argument \"extra\""));
  EXPECT_THAT(Run({"check", "--config", file_, "extra"}).text, HasSubstr("unexpected argument \"extra\""));
  for (const std::vector<std::string>& line : std::vector<std::vector<std::string>>{
           {"tail", "-x"}, {"version", "extra"}, {"run", "-x"}, {"help", "nonesuch"}}) {
    const Ran ran = Run(line);
    EXPECT_EQ(ran.code, 2) << line[0] << ran.text;
  }
  const Ran help = Run({"help", "run"});
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.text, Run({"run", "--help"}).text);
}

TEST_F(Commands, TailSaysWhyItEnded) {
  using Reply = testing_support::HttpReceiver::Reply;
  Published<std::string> answer;  // set here, read on the service's thread
  testing_support::HttpReceiver service({}, [&](const auto&) {
    Reply reply = Reply::Raw(*answer.Get());
    reply.close_after = true;
    return reply;
  });
  const std::string url = service.url();
  const std::string api = url.substr(7, url.find('/', 7) - 7);
  const auto tail = [&](const std::string& text) {
    answer.Set(text);
    return Run({"tail", "shop.public.orders", "--api", api});
  };
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nretry: 2000\n\n";
  const Ran ended = tail(head + "event: end\ndata: {}\n\n");
  EXPECT_EQ(ended.code, 0) << ended.text;
  const Ran killed = tail(head + "event: progress\ndata: {\"seq\":\"1\"}\n\n");
  EXPECT_EQ(killed.code, 1) << killed.text;
  EXPECT_THAT(killed.text, HasSubstr("connection"));
  const Ran problem = tail(
      "HTTP/1.1 404 Not Found\r\nContent-Type: application/problem+json\r\n\r\n"
      R"({"type":"/problems/not-found","title":"Not found","status":404,"detail":"There is no stream a.b.","request_id":"r"})");
  EXPECT_EQ(problem.code, 1) << problem.text;
  EXPECT_EQ(problem.text, "headgate tail: There is no stream a.b.\n");
}

}  // namespace
}  // namespace headgate::test
