#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/net/digest.h"
#include "tests/e2e/shop.h"
#include "tests/support/headgate_process.h"
#include "tests/support/private_mysql.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

// Columns that a source masks, hashes or cuts: what they held is nowhere (OP-08). PostgreSQL, MySQL and MariaDB.
namespace headgate::test {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

constexpr auto kLong = std::chrono::seconds(60);
constexpr const char* kKey = "a key that only tests have";

// Text that is nowhere else, and that no compression takes apart.
std::string Token(const std::string& name) { return net::Sha256Hex("token " + name).substr(0, 24); }

class Masking : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (postgres()) {
      HG_WITH_SERVER("postgres", database_, TestDatabase::Create());
    } else {
      HG_WITH_SERVER(GetParam(), server_,
                     PrivateMysql::Start(GetParam() == "mysql" ? MyServer::kMysql : MyServer::kMariadb));
    }
    Exec("CREATE SCHEMA shop");
    Exec(
        "CREATE TABLE shop.people (id INT PRIMARY KEY, ssn VARCHAR(80), mail VARCHAR(80), note VARCHAR(400), n INT, "
        "seen VARCHAR(80))");
    Exec("CREATE TABLE shop.accounts (mail VARCHAR(80) PRIMARY KEY, v INT)");
    if (postgres()) Exec("ALTER TABLE shop.people REPLICA IDENTITY FULL");
    receiver_.SetPolicy([](const CountingReceiver::Request&) { return CountingReceiver::Reply::Status(400); });
    headgate_ = std::make_unique<HeadgateProcess>(HeadgateOptions{});
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
  }

  bool postgres() const { return GetParam() == "postgres"; }
  ConnectorSettings Source(const ConnectorSettings& more) const {
    ConnectorSettings settings = {
        {"connector.class", GetParam()}, {"tables", "shop.*"}, {"transaction_memory_max", "65536"}};
    if (postgres()) {
      const SharedPostgres& server = database_->postgres();
      settings["host"] = server.host();
      settings["port"] = std::to_string(server.port());
      settings["dbname"] = database_->name();
      settings["username"] = server.user();
      settings["slot_name"] = "hg_" + database_->name();
      if (!server.password().empty()) settings["password"] = server.password();
    } else {
      settings["host"] = server_->host();
      settings["port"] = std::to_string(server_->port());
      settings["username"] = "hg";
      settings["password"] = "pw";
    }
    settings.insert(more.begin(), more.end());
    return settings;
  }
  void Exec(const std::string& sql) {
    const Status done = postgres() ? database_->Exec(sql) : server_->Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  // A person all of whose secrets have names of their own, and who can be seen.
  void Insert(int id, const std::string& name) {
    secrets_.insert(secrets_.end(), {Token("ssn " + name), Token("mail " + name), Token("note " + name)});
    seen_.push_back(Token("seen " + name));
    Exec("INSERT INTO shop.people VALUES (" + std::to_string(id) + ", '" + Token("ssn " + name) + "', '" +
         Token("mail " + name) + "', 'abcd" + Token("note " + name) + "', 7, '" + Token("seen " + name) + "')");
  }
  Json Call(const std::string& method, const std::string& path, int status, const Json& body = nullptr) {
    const auto answer = headgate_->Call(method, path, body.is_null() ? "" : body.dump());
    EXPECT_TRUE(answer.ok()) << path << ": " << answer.error().what;
    if (!answer.ok()) return nullptr;
    EXPECT_EQ(answer->status, status) << method << " " << path << " " << answer->body;
    told_ += answer->body;
    return Json::parse(answer->body, nullptr, false);
  }
  void Create(const std::string& name, const ConnectorSettings& settings) {
    Call("POST", "/connectors", 201, {{"name", name}, {"config", settings}});
  }
  // The first changes of rows.
  Json Records(const std::string& table) {
    Json rows = Json::array();
    const auto page = headgate_->Call("GET", "/api/v1/streams/m.shop." + table + "/records?limit=1000");
    if (!page.ok() || page->status != 200) return rows;
    told_ += page->body;
    const Json all = Json::parse(page->body);
    for (const Json& item : all["items"]) {
      if (item.contains("after") || item.contains("before")) rows.push_back(item);
    }
    return rows;
  }
  std::uint64_t CountOf(const std::string& table) {
    const Json records = Call("GET", "/api/v1/streams/m.shop." + table, 200)["records"];
    return records.is_string() ? std::stoull(records.get<std::string>()) : records.get<std::uint64_t>();
  }
  std::size_t Letters() {
    const Json page = Call("GET", "/api/v1/connectors/hook/dead-letters?limit=100", 200);
    return page["items"].size();
  }
  std::string BytesOfLog() {
    std::string bytes;
    for (const auto& file : std::filesystem::recursive_directory_iterator(headgate_->data_dir())) {
      if (!file.is_regular_file()) continue;
      std::ifstream in(file.path(), std::ios::binary);
      std::stringstream all;
      all << in.rdbuf();
      bytes += all.str();
    }
    return bytes;
  }

  std::unique_ptr<TestDatabase> database_;
  std::unique_ptr<PrivateMysql> server_;
  CountingReceiver receiver_;
  std::unique_ptr<HeadgateProcess> headgate_;
  std::vector<std::string> secrets_;
  std::vector<std::string> seen_;  // what is not masked is where a masked value would be
  std::string told_;               // all that the API said
};

TEST_P(Masking, OP08_WhatASourceMasksHashesOrCutsIsNowhere) {
  Insert(1, "snapshot");
  secrets_.push_back(Token("account"));
  // More than one chunk: the place between two of them is a key.
  std::string accounts = "INSERT INTO shop.accounts VALUES ";
  for (int i = 0; i < 2500; ++i)
    accounts += (i == 0 ? "('" : ",('") + Token("account") + std::to_string(10'000 + i) + "', 1)";
  Exec(accounts);
  Create("m", Source({{"mask_columns", "shop.people.ssn,shop.people.n"},
                      {"hash_columns", "*.mail"},
                      {"hash_key", kKey},
                      {"truncate_columns", "shop.people.note:4"}}));
  auto hook = Shop::Hook(receiver_.url(), "m\\.shop\\.people");
  hook["non_retryable"] = "400";
  Create("hook", hook);
  ASSERT_TRUE(WaitFor([&] { return Letters() >= 1; }, kLong)) << headgate_->Stderr();

  Insert(2, "insert");
  Insert(3, "delete");
  secrets_.push_back(Token("update"));
  Exec("UPDATE shop.people SET ssn = '" + Token("update") + "' WHERE id = 2");
  Exec("DELETE FROM shop.people WHERE id = 3");
  // Larger than memory may be, also with notes that are cut: it is spooled.
  std::string many = "INSERT INTO shop.people VALUES ";
  secrets_.push_back(Token("spooled"));
  for (int i = 100; i < 2100; ++i) {
    many += (i == 100 ? "(" : ",(") + std::to_string(i) + ", '" + Token("spooled") + "', 'm" + std::to_string(i) +
            "', '" + std::string(390, 'x') + "', 1, 'many')";
  }
  Exec(many);
  ASSERT_TRUE(WaitFor([&] { return CountOf("people") >= 2005; }, kLong)) << headgate_->Stderr();
  // Read again, in chunks.
  const Json again = Call("POST", "/api/v1/connectors/m/snapshots", 201, {{"mode", "full"}});
  const std::string run = "/api/v1/connectors/m/snapshots/" + again["id"].get<std::string>();
  ASSERT_TRUE(WaitFor([&] { return Call("GET", run, 200)["state"] == "completed"; }, kLong)) << headgate_->Stderr();

  const Json first = Records("people")[0];
  EXPECT_EQ(first["after"]["ssn"], "***") << first;
  EXPECT_EQ(first["after"]["mail"], net::HmacSha256Hex(kKey, Token("mail snapshot"))) << first;
  EXPECT_EQ(first["after"]["note"], "abcd") << first;
  EXPECT_TRUE(first["after"]["n"].is_null()) << first;
  EXPECT_EQ(first["after"]["seen"], Token("seen snapshot")) << first;
  EXPECT_EQ(Records("accounts")[0]["key"]["mail"], net::HmacSha256Hex(kKey, Token("account") + "10000"));

  const Json letters = Call("GET", "/api/v1/connectors/hook/dead-letters?limit=10", 200)["items"];
  for (const Json& letter : letters)
    Call("GET", "/api/v1/connectors/hook/dead-letters/" + letter["id"].get<std::string>(), 200);
  for (const char* const path :
       {"/api/v1/events?limit=100", "/api/v1/connectors/m/health", "/api/v1/connectors/m/config/effective",
        "/api/v1/streams/m.shop.people", "/connectors/m/status", "/connectors/hook/status"})
    Call("GET", path, 200);
  const auto metrics = headgate_->Call("GET", "/metrics");
  ASSERT_TRUE(metrics.ok());
  told_ += metrics->body + headgate_->Stderr();
  std::string sent;
  for (const auto& request : receiver_.http().Requests()) sent += request.body;
  EXPECT_TRUE(headgate_->Terminate().has_value());
  const std::string bytes = BytesOfLog();
  for (const std::string& token : seen_) {
    EXPECT_THAT(told_, HasSubstr(token));  // else it would prove nothing that others are not found
    EXPECT_NE(sent.find(token), std::string::npos);
    EXPECT_NE(bytes.find(token), std::string::npos) << "the log is not looked at as it is stored";
  }
  for (const std::string& token : secrets_) {
    EXPECT_EQ(told_.find(token), std::string::npos) << token;
    EXPECT_EQ(sent.find(token), std::string::npos) << token;
    EXPECT_EQ(bytes.find(token), std::string::npos) << token;
  }
  EXPECT_EQ(told_.find(kKey), std::string::npos);
}

TEST_P(Masking, OP08_AMaskedColumnThatGetsAnotherNameStopsTheSourceUntilItIsNamed) {
  Insert(1, "snapshot");
  ConnectorSettings settings = Source({{"mask_columns", "shop.people.ssn"}});
  Create("m", settings);
  ASSERT_TRUE(WaitFor([&] { return Records("people").size() == 1; }, kLong)) << headgate_->Stderr();
  Exec(postgres() ? "ALTER TABLE shop.people RENAME COLUMN ssn TO social"
                  : "ALTER TABLE shop.people CHANGE ssn social VARCHAR(80)");
  Insert(2, "renamed");
  const auto told = [&] { return Call("GET", "/connectors/m/status", 200).dump(); };
  ASSERT_TRUE(WaitFor([&] { return told().find("is gone and social has come") != std::string::npos; }, kLong))
      << told();
  EXPECT_EQ(Records("people").size(), 1U);
  settings["mask_columns"] = "shop.people.ssn,shop.people.social";
  Call("PUT", "/connectors/m/config", 200, settings);
  ASSERT_TRUE(WaitFor([&] { return Records("people").size() == 2; }, kLong)) << told();
  EXPECT_EQ(Records("people")[1]["after"]["social"], "***");
  EXPECT_EQ(told_.find(Token("ssn renamed")), std::string::npos);
}

TEST_P(Masking, OP08_RulesThatCannotBeObeyedAreErrorsOfTheirSettingAndStopTheSource) {
  Create("m", Source({{"mask_columns", "shop.people.id"}}));
  EXPECT_TRUE(WaitFor(
      [&] {
        return Call("GET", "/connectors/m/status", 200).dump().find("shop.people.id is part of the key") !=
               std::string::npos;
      },
      kLong))
      << Call("GET", "/connectors/m/status", 200);
  const std::string plugin = GetParam() == "postgres" ? "PostgresSource"
                             : GetParam() == "mysql"  ? "MysqlSource"
                                                      : "MariadbSource";
  const auto errors_of = [&](const ConnectorSettings& more, const std::string& key) {
    ConnectorSettings settings = Source(more);
    settings["name"] = "v";
    const Json answer = Call("PUT", "/connector-plugins/" + plugin + "/config/validate", 200, settings);
    for (const Json& one : answer["configs"]) {
      if (one["value"]["name"] == key) return one["value"]["errors"].dump();
    }
    return std::string("no such key");
  };
  EXPECT_THAT(errors_of({{"mask_columns", "shop.people.id"}}, "mask_columns"), HasSubstr("is part of the key"));
  EXPECT_THAT(errors_of({{"truncate_columns", "shop.people.n:3"}}, "truncate_columns"),
              HasSubstr("only text can be cut"));
  EXPECT_THAT(errors_of({{"hash_columns", "shop.people.mail"}}, "hash_key"), HasSubstr("is missing"));
  EXPECT_EQ(errors_of({{"mask_columns", "shop.people.ssn"}}, "mask_columns"), "[]");
  if (postgres()) return;
  EXPECT_THAT(errors_of({{"mask_columns", "shop.people.ssn"}, {"include_query", "true"}}, "include_query"),
              HasSubstr("A statement shows the values"));
}

INSTANTIATE_TEST_SUITE_P(Sources, Masking, ::testing::Values("postgres", "mysql", "mariadb"),
                         [](const auto& server) { return server.param; });

}  // namespace
}  // namespace headgate::test
