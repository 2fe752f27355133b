// `headgate sql` against the real program; a source of posted events stands for a database.
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/child_process.h"
#include "tests/support/headgate_process.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

class SqlCommand : public testing::Test {
 protected:
  struct Ran {
    int code = -1;
    std::string text;  // stdout and stderr
  };

  void SetUp() override {
    const Status started = headgate_.Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    const std::string events = R"([{"sensor_id":7,"place":"hall"},{"sensor_id":8,"place":null},{"sensor_id":7}])";
    ASSERT_TRUE(WaitFor([&] { return Post(events) == 200; })) << headgate_.Stderr();  // 503 while the source starts
  }
  int Post(const std::string& events) {
    const auto posted = headgate_.Call("POST", "/api/v1/streams/readings/events", events);
    return posted.ok() ? posted->status : 0;
  }
  std::unique_ptr<Child> Begin(const std::vector<std::string>& arguments) {
    ChildOptions options;
    options.command = {HG_HEADGATE, "sql", "--address", headgate_.address()};
    options.command.insert(options.command.end(), arguments.begin(), arguments.end());
    options.output_file = out_ = dir_.path() + "/out" + std::to_string(++runs_);
    auto child = Child::Start(options);
    EXPECT_TRUE(child.ok());
    return child.ok() ? std::move(*child) : nullptr;
  }
  std::string Printed() const {
    std::ifstream in(out_);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Ran Run(const std::vector<std::string>& arguments) {
    const auto exit = Begin(arguments)->Wait(seconds(20));
    return {exit && exit->signal == 0 ? exit->code : -1, Printed()};
  }
  std::string File(const std::string& text) {
    std::ofstream(dir_.path() + "/statements.sql") << text;
    return dir_.path() + "/statements.sql";
  }
  void MakeView() {
    const Ran made = Run({"-c",
                          "CREATE MATERIALIZED VIEW per_sensor WITH (history = 'retained') AS "
                          "SELECT sensor_id, count(*) AS n, max(place) AS place FROM readings GROUP BY sensor_id"});
    ASSERT_EQ(made.code, 0) << made.text;
    ASSERT_TRUE(WaitFor([&] { return Run({"-c", "SELECT * FROM per_sensor"}).code == 0; }, seconds(10)));
  }

  HeadgateProcess headgate_{
      {.connectors = {{"readings", {{"connector.class", "http"}, {"columns", "sensor_id int NOT NULL, place text"}}}}}};
  TempDir dir_{"headgate-sql-"};
  std::string out_;  // of the last run
  int runs_ = 0;
};

TEST_F(SqlCommand, RunsStatementsAndPrintsTables) {
  MakeView();
  const Ran rows = Run({"-c", "SELECT sensor_id, n, place FROM per_sensor ORDER BY n; SELECT 1 AS one"});
  EXPECT_EQ(rows.code, 0);
  EXPECT_EQ(rows.text,
            " sensor_id | n | place\n"
            "-----------+---+-------\n"
            "         8 | 1 | NULL\n"
            "         7 | 2 | hall\n"
            "(2 rows)\n"
            " one\n"
            "-----\n"
            "   1\n"
            "(1 row)\n");
  const Ran machine = Run({"--json", "-c", "SELECT sensor_id FROM per_sensor WHERE n = 2"});
  EXPECT_EQ(nlohmann::json::parse(machine.text)["rows"].dump(), "[[7]]");
  EXPECT_THAT(Run({"-c", "\\d"}).text, HasSubstr(" per_sensor | view "));
  EXPECT_THAT(Run({"-c", "\\d readings"}).text, HasSubstr(" sensor_id | "));
  EXPECT_THAT(Run({"-c", "EXPLAIN SELECT * FROM per_sensor"}).text, HasSubstr("scan per_sensor"));
}

TEST_F(SqlCommand, ShowsWhereAMistakeIsAndStopsThere) {
  MakeView();
  const std::string file = File("SELECT 1 AS a;\n\nSELECT sensor_id,\n  nope FROM per_sensor;\nSELECT 2 AS b;\n");
  const Ran wrong = Run({"-f", file});
  EXPECT_EQ(wrong.code, 1);
  EXPECT_THAT(wrong.text,
              HasSubstr(file + ":4: ERROR:  column \"nope\" does not exist\nLINE 4:   nope FROM per_sensor;\n"
                               "          ^\n"));
  EXPECT_THAT(wrong.text, HasSubstr("(1 row)"));
  EXPECT_EQ(wrong.text.find("| b"), std::string::npos);
  const Ran syntax = Run({"-f", File("SELECT 1 AS a;\nSELEC 2;\n")});
  EXPECT_EQ(syntax.code, 1);
  EXPECT_THAT(syntax.text, HasSubstr("LINE 2: SELEC 2;\n        ^\n"));
  EXPECT_EQ(syntax.text.find("(1 row)"), std::string::npos) << "nothing of it was run";
  EXPECT_EQ(Run({"-c", "SELECT 1", "-f", file}).code, 2);
  EXPECT_EQ(Run({"-f", dir_.path() + "/none"}).code, 2);
  EXPECT_EQ(Run({"--help"}).code, 0);
}

TEST_F(SqlCommand, FollowsAViewUntilItIsInterrupted) {
  MakeView();
  const auto child = Begin({"-c", "SELECT * FROM per_sensor WHERE n >= 2 EMIT CHANGES"});
  ASSERT_TRUE(WaitFor([&] { return Printed().find("\"n\":2") != std::string::npos; }, seconds(10))) << Printed();
  ASSERT_EQ(Post(R"([{"sensor_id":7},{"sensor_id":8}])"), 200);
  ASSERT_TRUE(WaitFor([&] { return Printed().find("\"sensor_id\":8") != std::string::npos; }, seconds(10)));
  ::kill(child->pid(), SIGINT);
  const auto exit = child->Wait(seconds(10));
  ASSERT_TRUE(exit);
  EXPECT_EQ(exit->code, 0);
  EXPECT_EQ(Printed(),
            "  {\"sensor_id\":7,\"n\":2,\"place\":\"hall\"}\n"
            "- {\"sensor_id\":7,\"n\":2,\"place\":\"hall\"}\n"
            "+ {\"sensor_id\":7,\"n\":3,\"place\":\"hall\"}\n"
            "+ {\"sensor_id\":8,\"n\":2,\"place\":null}\n\n");
  const Ran refused = Run({"-c", "SELECT n FROM per_sensor EMIT CHANGES"});
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.text, HasSubstr("EMIT CHANGES follows SELECT * FROM one view"));
}

// The section `sql` of the config file.
class FileSql : public testing::Test {
 protected:
  // Starts the program on a file with these statements, over the same data directory each time.
  Status Start(const std::string& sql) {
    headgate_.reset();
    headgate_ = std::make_unique<HeadgateProcess>(HeadgateOptions{
        .connectors = {{"readings", {{"connector.class", "http"}, {"columns", "sensor_id int NOT NULL, place text"}}}},
        .extra_yaml = "sql: |\n" + sql,
        .data_dir = dir_.path() + "/data"});
    return headgate_->Start();
  }
  nlohmann::json View(const std::string& name) {
    const auto answer = headgate_->Call("GET", "/api/v1/views/" + name);
    return answer.ok() ? nlohmann::json::parse(answer->body, nullptr, false) : nlohmann::json();
  }

  TempDir dir_{"headgate-file-sql-"};
  std::unique_ptr<HeadgateProcess> headgate_;
  const std::string kView =
      "  CREATE MATERIALIZED VIEW per_sensor AS\n  SELECT sensor_id, count(*) AS n FROM readings\n"
      "  GROUP BY sensor_id;\n";
  const std::string kQuery = "  CREATE VIEW busy AS SELECT * FROM per_sensor WHERE n > 1;\n";
};

TEST_F(FileSql, IsRunAtTheStartAndDoesNothingWhereNothingHasChanged) {
  ASSERT_TRUE(Start(kView + kQuery).ok()) << headgate_->Stderr();
  const auto first = View("per_sensor");
  EXPECT_EQ(first["kind"], "materialized");
  EXPECT_EQ(View("busy")["kind"], "query");
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(Start(kView + kQuery).ok()) << headgate_->Stderr();
  EXPECT_EQ(View("per_sensor")["created_at"], first["created_at"]);
  const std::string events = headgate_->Call("GET", "/api/v1/events")->body;
  const auto created = [](const nlohmann::json& event) { return event["kind"] == "view_created"; };
  EXPECT_EQ(std::ranges::count_if(nlohmann::json::parse(events)["items"], created), 2);
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(Start(kView).ok()) << headgate_->Stderr();
  EXPECT_THAT(headgate_->Stderr(), HasSubstr("is no longer in it but stays"));
  EXPECT_EQ(View("busy")["kind"], "query");
  ASSERT_EQ(headgate_->Call("DELETE", "/api/v1/views/busy")->status, 204);
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(Start("  CREATE MATERIALIZED VIEW per_sensor AS SELECT sensor_id, count(*) + 1 AS m FROM readings\n"
                    "  GROUP BY sensor_id;\n")
                  .ok())
      << headgate_->Stderr();
  EXPECT_EQ(View("per_sensor")["columns"][1]["name"], "m");
}

TEST_F(FileSql, AnIndexIsMadeOnceAndAnewWhereItHasChanged) {
  const auto indexes = [&] { return View("per_sensor")["indexes"]; };
  const auto ready = [&] { return indexes().size() == 1 && indexes()[0]["state"] == "ready"; };
  const auto events = [&](const std::string& kind) {
    const auto all = nlohmann::json::parse(headgate_->Call("GET", "/api/v1/events")->body)["items"];
    return std::ranges::count_if(all, [&](const nlohmann::json& event) { return event["kind"] == kind; });
  };
  ASSERT_TRUE(Start(kView + "  CREATE INDEX by_n ON per_sensor (n);\n").ok()) << headgate_->Stderr();
  EXPECT_TRUE(WaitFor(ready, seconds(10))) << indexes();
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(Start(kView + "  CREATE INDEX by_n ON per_sensor (n);\n").ok()) << headgate_->Stderr();
  EXPECT_TRUE(WaitFor(ready, seconds(10))) << indexes();
  EXPECT_EQ(events("index_created"), 1);
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(Start(kView + "  CREATE INDEX by_n ON per_sensor (n, sensor_id);\n").ok()) << headgate_->Stderr();
  EXPECT_TRUE(WaitFor(ready, seconds(10))) << indexes();
  EXPECT_EQ(indexes()[0]["columns"].size(), 2U);
  EXPECT_EQ(events("index_created"), 2);
  EXPECT_EQ(events("index_dropped"), 1);
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_TRUE(Start(kView).ok()) << headgate_->Stderr();
  EXPECT_THAT(headgate_->Stderr(), HasSubstr("is no longer in it but stays: drop it if it should go name=by_n"));
  EXPECT_EQ(indexes().size(), 1U);
  ASSERT_TRUE(headgate_->Terminate().has_value());
  for (const char* wrong : {"  CREATE INDEX ON per_sensor (n)\n", "  CREATE INDEX i ON per_sensor (m)\n",
                            "  CREATE INDEX i ON per_sensor (n); CREATE INDEX i ON per_sensor (n)\n",
                            "  CREATE INDEX i ON nowhere (n)\n"}) {
    EXPECT_FALSE(Start(kView + wrong).ok()) << wrong;
    EXPECT_THAT(headgate_->Stderr(), HasSubstr(": sql: ")) << wrong;
  }
}

TEST_F(FileSql, AMistakeIsToldWithItsLineAndNothingIsRun) {
  ASSERT_TRUE(Start(kView).ok());
  ASSERT_TRUE(headgate_->Terminate().has_value());
  ASSERT_FALSE(Start("  CREATE VIEW good AS SELECT * FROM per_sensor;\n\n  CREATE VIEW bad AS\n  SELECT nope FROM\n"
                     "  per_sensor;\n")
                   .ok());
  EXPECT_THAT(headgate_->Stderr(), HasSubstr("sql: column \\\"nope\\\" does not exist"));
  ASSERT_TRUE(Start(kView).ok());
  EXPECT_EQ(View("good")["status"], 404);
  EXPECT_EQ(View("per_sensor")["kind"], "materialized");
  ASSERT_TRUE(headgate_->Terminate().has_value());
  for (const char* wrong :
       {"  SELEC 1\n", "  DROP VIEW x\n", "  CREATE VIEW x AS SELECT 1; CREATE VIEW x AS SELECT 2\n",
        "  CREATE VIEW x AS SELECT * FROM nowhere\n"}) {
    EXPECT_FALSE(Start(wrong).ok()) << wrong;
    EXPECT_THAT(headgate_->Stderr(), HasSubstr(": sql: ")) << wrong;
  }
}

}  // namespace
}  // namespace headgate::test
