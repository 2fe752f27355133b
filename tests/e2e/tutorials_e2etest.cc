#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/private_kafka.h"
#include "tests/support/private_mysql.h"
#include "tests/support/private_postgres.h"
#include "tests/support/private_search.h"
#include "tests/support/require.h"
#include "tests/support/tutorial.h"

// The pages of docs/tutorials, done against real servers as their reader would do it.
namespace headgate::test {
namespace {

const std::string kPages = HG_DOCS "/tutorials/";

class Tutorials : public testing::Test {
 protected:
  void SetUp() override {
    // Passwords that a page gives away are asked for.
    HG_WITH_SERVER("postgres", postgres_,
                   PrivatePostgres::Start(
                       {.hba = {"host all postgres 127.0.0.1/32 trust", "host all all 127.0.0.1/32 scram-sha-256"}}));
    before_ = LeftAtPostgres();
  }
  TutorialPlaces Places() const {
    const std::string api = std::to_string(FreePort());
    TutorialPlaces places;
    places.programs = std::filesystem::path(HG_HEADGATE).parent_path();
    places.words = {{"5432", std::to_string(postgres_->port())}, {"8083", api}};
    for (const auto& [command, option] : {std::pair{"sql", "address"}, {"tail", "api"}, {"snapshot", "api"}})
      places.words.emplace_back(std::string("headgate ") + command,
                                std::string("headgate ") + command + " --" + option + " 127.0.0.1:" + api);
    if (search_) places.words.emplace_back("9200", std::to_string(search_->port()));
    if (kafka_) places.words.emplace_back("9092", std::to_string(kafka_->port()));
    if (mysql_) places.words.emplace_back("3306", std::to_string(mysql_->port()));
    return places;
  }
  std::string LeftAtPostgres() const {
    const auto left = postgres_->Value(
        "postgres",
        "SELECT string_agg(name, ' ' ORDER BY name) FROM (SELECT datname AS name FROM pg_database UNION ALL "
        "SELECT rolname FROM pg_roles UNION ALL SELECT slot_name FROM pg_replication_slots) n");
    return left.ok() ? *left : left.error().what;
  }
  std::string LeftAtMysql() const {
    const auto left = mysql_->Value(
        "SELECT GROUP_CONCAT(name ORDER BY name) FROM (SELECT schema_name AS name FROM information_schema.schemata "
        "UNION SELECT user FROM mysql.user) n");
    return left.ok() ? *left : left.error().what;
  }
  void Do(const std::string& page) {
    const Status done = RunTutorial(kPages + page, Places());
    EXPECT_TRUE(done.ok()) << done.error().what;
    EXPECT_EQ(LeftAtPostgres(), before_);
  }

  std::unique_ptr<PrivatePostgres> postgres_;
  std::unique_ptr<PrivateSearch> search_;
  std::unique_ptr<PrivateMysql> mysql_;
  std::unique_ptr<PrivateKafka> kafka_;
  std::string before_;
};

TEST_F(Tutorials, PostgresToOpenSearch) {
  HG_WITH_SERVER("search", search_, PrivateSearch::Start());
  Do("postgres-to-opensearch.md");
  const auto left = search_->Json("GET", "/_cat/indices?format=json");
  ASSERT_TRUE(left.ok()) << left.error().what;
  EXPECT_EQ(left->dump(), "[]");
}

TEST_F(Tutorials, TwoDatabasesIntoATable) {
  HG_WITH_SERVER("mysql", mysql_, PrivateMysql::Start(MyServer::kMysql));
  const std::string before = LeftAtMysql();
  Do("two-databases-into-a-table.md");
  EXPECT_EQ(LeftAtMysql(), before);
}

TEST_F(Tutorials, MysqlToKafka) {
  HG_WITH_SERVER("mysql", mysql_, PrivateMysql::Start(MyServer::kMysql));
  HG_WITH_SERVER("kafka", kafka_, PrivateKafka::Start());
  const std::string before = LeftAtMysql();
  Do("mysql-to-kafka.md");
  EXPECT_EQ(LeftAtMysql(), before);
}

TEST(TutorialPages, NoneIsWithoutItsTest) {
  std::vector<std::string> pages;
  for (const auto& entry : std::filesystem::directory_iterator(kPages)) pages.push_back(entry.path().filename());
  EXPECT_THAT(pages, testing::UnorderedElementsAre("README.md", "mysql-to-kafka.md", "postgres-to-opensearch.md",
                                                   "two-databases-into-a-table.md"));
}

}  // namespace
}  // namespace headgate::test
