#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/headgate_process.h"
#include "tests/support/http_receiver.h"
#include "tests/support/private_kafka.h"
#include "tests/support/private_mysql.h"
#include "tests/support/private_postgres.h"
#include "tests/support/private_search.h"
#include "tests/support/require.h"
#include "tests/support/tutorial.h"
#include "tests/support/wait_for.h"

// The example of each connector's page in docs/reference: with its server it validates, runs and delivers.
namespace headgate::test {
namespace {

using nlohmann::json;

const std::string kReference = HG_DOCS "/reference/";

class Examples : public testing::Test {
 protected:
  void SetUp() override {
    headgate_ = std::make_unique<HeadgateProcess>(HeadgateOptions{
        .extra_yaml = "secrets:\n  env_pattern: SHOP_.*\n",
        .env = {{"SHOP_PASSWORD", "shop-secret"}, {"SHOP_HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}}});
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    words_.emplace_back("9000", std::to_string(receiver_.port()));
  }
  void StartPostgres() {
    HG_WITH_SERVER("postgres", postgres_,
                   PrivatePostgres::Start({.hba = {"host all headgate 127.0.0.1/32 scram-sha-256"}}));
    words_.emplace_back("5432", std::to_string(postgres_->port()));
    AtPostgres("postgres", "CREATE ROLE headgate LOGIN REPLICATION PASSWORD 'shop-secret'");
    for (const char* database : {"shop", "warehouse"}) {
      AtPostgres("postgres", std::string("CREATE DATABASE ") + database);
      AtPostgres(database, std::string("GRANT CREATE ON DATABASE ") + database + " TO headgate");
      AtPostgres(database, "GRANT CREATE ON SCHEMA public TO headgate");
    }
    AtPostgres("shop",
               "CREATE TABLE orders (id int PRIMARY KEY, product text); ALTER TABLE orders OWNER TO headgate; "
               "INSERT INTO orders VALUES (1, 'a kettle')");
  }
  void AtPostgres(const std::string& database, const std::string& sql) {
    const Status done = postgres_->Exec(database, sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  void StartMysql(MyServer kind) {
    HG_WITH_SERVER(NameOf(kind), mysql_, PrivateMysql::Start(kind));
    words_.emplace_back("3306", std::to_string(mysql_->port()));
    for (const char* sql :
         {"CREATE DATABASE shop", "CREATE TABLE shop.orders (id INT PRIMARY KEY, product VARCHAR(99))",
          "INSERT INTO shop.orders VALUES (1, 'a kettle')", "CREATE USER headgate@'%' IDENTIFIED BY 'shop-secret'",
          "GRANT SELECT ON shop.* TO headgate@'%'"})
      ASSERT_TRUE(mysql_->Exec(sql).ok()) << sql;
    const std::string more = kind == MyServer::kMysql ? "REPLICATION CLIENT" : "BINLOG MONITOR";
    ASSERT_TRUE(mysql_->Exec("GRANT REPLICATION SLAVE, " + more + " ON *.* TO headgate@'%'").ok());
  }

  // The request that the page of the class shows.
  json Request(const std::string& class_name) const {
    std::ifstream in(kReference + class_name + ".md");
    const std::string page{std::istreambuf_iterator<char>(in), {}};
    const auto begin = page.find("```json\n");
    const auto end = page.find("\n```\n", begin);
    if (begin == std::string::npos || end == std::string::npos) return {};
    return json::parse(WithPlaces({.words = words_}, page.substr(begin + 8, end - begin - 8)), nullptr, false);
  }
  json Call(const std::string& method, const std::string& path, const json& body, int status) const {
    const auto answer = headgate_->Call(method, path, body.is_null() ? "" : body.dump());
    EXPECT_TRUE(answer.ok()) << answer.error().what;
    if (!answer.ok()) return {};
    EXPECT_EQ(answer->status, status) << method << " " << path << " " << answer->body;
    return json::parse(answer->body, nullptr, false);
  }
  int ErrorsOf(const std::string& class_name, json request) const {
    request["config"]["name"] = request["name"];
    return Call("PUT", "/connector-plugins/" + class_name + "/config/validate", request["config"], 200)["error_count"];
  }
  void Make(const std::string& class_name) {
    const json request = Request(class_name);
    ASSERT_TRUE(request.is_object()) << class_name;
    EXPECT_EQ(ErrorsOf(class_name, request), 0) << request;
    Call("POST", "/connectors", request, 201);
    const std::string path = "/connectors/" + request["name"].get<std::string>() + "/status";
    EXPECT_TRUE(WaitFor([&] {
      const json status = Call("GET", path, nullptr, 200);
      return status["connector"]["state"] == "RUNNING" && status["tasks"].size() == 1 &&
             status["tasks"][0]["state"] == "RUNNING";
    })) << Call("GET", path, nullptr, 200);
  }
  // Of a stream, by the example of a webhook.
  void ExpectDelivered(const std::string& stream, const std::string& text) {
    words_.emplace_back("shop.public.orders", stream);
    Make("WebhookSink");
    testing_support::HttpReceiver::Request delivered;
    EXPECT_TRUE(WaitFor([&] {
      for (const auto& request : receiver_.Requests()) {
        if (request.method == "POST") delivered = request;  // checks of the endpoint ask in another way
      }
      return !delivered.body.empty();
    })) << headgate_->Stderr();
    EXPECT_THAT(delivered.body, testing::HasSubstr(text));
    EXPECT_THAT(delivered.Header("webhook-signature").value_or(""), testing::StartsWith("v1,"));
  }

  testing_support::HttpReceiver receiver_;
  std::unique_ptr<HeadgateProcess> headgate_;
  std::unique_ptr<PrivatePostgres> postgres_;
  std::unique_ptr<PrivateMysql> mysql_;
  std::unique_ptr<PrivateKafka> kafka_;
  std::unique_ptr<PrivateSearch> search_;
  std::vector<std::pair<std::string, std::string>> words_;
};

TEST_F(Examples, EveryConnectorHasOne) {
  const json plugins = Call("GET", "/connector-plugins", nullptr, 200);
  ASSERT_GE(plugins.size(), 7U);
  for (const json& plugin : plugins) {
    const std::string class_name = plugin["class"];
    const json request = Request(class_name);
    ASSERT_TRUE(request.is_object()) << "no example on the page of " << class_name;
    std::ifstream file(kReference + "examples/" + class_name + ".json");
    EXPECT_EQ(WithPlaces({.words = words_}, json::parse(file, nullptr, false).dump()), request.dump());
  }
}

TEST_F(Examples, ASettingThatIsWrongDoesNotValidate) {
  json request = Request("HttpSource");
  EXPECT_EQ(ErrorsOf("HttpSource", request), 0);
  request["config"]["columns"] = "sensor_id intt";
  EXPECT_EQ(ErrorsOf("HttpSource", request), 1);
  words_.emplace_back("9200", std::to_string(FreePort()));
  EXPECT_EQ(ErrorsOf("SearchSink", Request("SearchSink")), 1) << "no server is there";
}

TEST_F(Examples, APostgresDeliversToAWebhook) {
  StartPostgres();
  if (IsSkipped()) return;
  Make("PostgresSource");
  ExpectDelivered("shop.public.orders", "a kettle");
}

TEST_F(Examples, AMysqlDelivers) {
  StartMysql(MyServer::kMysql);
  if (IsSkipped()) return;
  Make("MysqlSource");
  ExpectDelivered("shop.shop.orders", "a kettle");
}

TEST_F(Examples, AMariadbDelivers) {
  StartMysql(MyServer::kMariadb);
  if (IsSkipped()) return;
  Make("MariadbSource");
  ExpectDelivered("shop.shop.orders", "a kettle");
}

TEST_F(Examples, EventsOverHttpAreDelivered) {
  Make("HttpSource");
  Call("POST", "/api/v1/streams/readings/events", {{"sensor_id", 7}, {"temperature", 21.5}}, 200);
  ExpectDelivered("readings", "21.5");
}

TEST_F(Examples, ATopicIsDelivered) {
  HG_WITH_SERVER("kafka", kafka_, PrivateKafka::Start());
  words_.emplace_back("9092", std::to_string(kafka_->port()));
  const auto client = kafka_->Connect();
  ASSERT_TRUE(client.ok()) << client.error().what;
  ASSERT_TRUE(client->CreateTopic("sensor").ok());
  ASSERT_TRUE(client->Produce("sensor", {KafkaRecord{.value = R"({"sensorID":7,"temperature":21.5})"}}).ok());
  Make("KafkaSource");
  ExpectDelivered("readings", "21.5");
}

TEST_F(Examples, ATableBecomesAnIndex) {
  StartPostgres();
  if (IsSkipped()) return;
  HG_WITH_SERVER("search", search_, PrivateSearch::Start());
  words_.emplace_back("9200", std::to_string(search_->port()));
  Make("PostgresSource");
  Make("SearchSink");
  EXPECT_TRUE(WaitFor([&] {
    const auto found = search_->Json("GET", "/orders/_doc/1");
    return found.ok() && (*found)["_source"]["product"] == "a kettle";
  })) << headgate_->Stderr();
}

TEST_F(Examples, ATableBecomesATopic) {
  StartPostgres();
  if (IsSkipped()) return;
  HG_WITH_SERVER("kafka", kafka_, PrivateKafka::Start());
  words_.emplace_back("9092", std::to_string(kafka_->port()));
  Make("PostgresSource");
  Make("KafkaSink");
  const auto reader = kafka_->Connect();
  ASSERT_TRUE(reader.ok()) << reader.error().what;
  EXPECT_TRUE(WaitFor([&] {
    const auto records = reader->Read("shop.public.orders");
    return records.ok() && records->size() == 1 && records->front().key == R"({"id":1})" &&
           json::parse(*records->front().value)["after"]["product"] == "a kettle";
  })) << headgate_->Stderr();
}

TEST_F(Examples, ATableBecomesATable) {
  StartPostgres();
  if (IsSkipped()) return;
  Make("PostgresSource");
  Make("TableSink");
  const auto there = [&](const std::string& sql, const std::string& value) {
    return WaitFor([&] {
      const auto found = postgres_->Value("warehouse", sql);
      return found.ok() && *found == value;
    });
  };
  EXPECT_TRUE(there("SELECT product FROM orders WHERE id = 1", "a kettle")) << headgate_->Stderr();
  AtPostgres("shop", "ALTER TABLE orders ADD COLUMN gift text; UPDATE orders SET gift = 'a bow'");
  EXPECT_TRUE(there("SELECT gift FROM orders WHERE id = 1", "a bow")) << headgate_->Stderr();
}

}  // namespace
}  // namespace headgate::test
