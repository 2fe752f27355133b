#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <set>
#include <thread>

#include "tests/integration/mysql/source_fixture.h"
#include "tests/support/require.h"

// The fold (cdc.md, 7.3): what the source made of a busy server, with a snapshot beside the stream and restarts at any
// moment, equals what a query finds when all is quiet.
namespace headgate::test {
namespace {

using Json = nlohmann::json;

std::string Name(const ::testing::TestParamInfo<MyServer>& param) { return NameOf(param.param); }

class MysqlFold : public ::testing::TestWithParam<MyServer> {};

const std::vector<std::string> kSchema = {
    "CREATE DATABASE f CHARACTER SET utf8mb4",
    "CREATE TABLE f.plain (id INT PRIMARY KEY, v INT, t VARCHAR(40), b BLOB, d DECIMAL(10,3), at DATETIME(3))",
    "CREATE TABLE f.texts (a VARCHAR(20) CHARACTER SET latin1, n INT UNSIGNED, e ENUM('x','y','z') NOT NULL, v INT, "
    "PRIMARY KEY (a, e, n))",
    "CREATE TABLE f.bag (v INT, t TEXT)",
    "CREATE TABLE f.binary_key (k VARBINARY(32) PRIMARY KEY, v DOUBLE)",
    "CREATE TABLE f.none (id INT PRIMARY KEY)",
};

// Random statements until stop, in transactions of their own and of several, some taken back.
class Load {
 public:
  Load(PrivateMysql& server, unsigned seed) : server_(server), random_(seed) {}

  Status Fill() {
    HG_ASSIGN_OR_RETURN(MyClient client, server_.Connect());
    HG_RETURN_IF_ERROR(client.ExecAll(kSchema));
    for (int i = 0; i < 4'000; i += 100) {
      std::string plain = "INSERT INTO f.plain VALUES ";
      std::string texts = "INSERT INTO f.texts VALUES ";
      std::string bag = "INSERT INTO f.bag VALUES ";
      std::string binary = "INSERT INTO f.binary_key VALUES ";
      for (int k = i; k < i + 100; ++k) {
        const std::string n = std::to_string(k);
        const char* const comma = k == i ? "" : ",";
        plain += comma + ("(" + n + "," + n + ",'row " + n + "',X'00FF',1.5,'2026-01-02 03:04:05.678')");
        texts += comma + ("('é" + std::to_string(k % 300) + "'," + n + ",'y',0)");
        bag += comma + ("(" + std::to_string(k % 50) + ",'t')");
        binary += comma + ("(UNHEX(SHA2('" + n + "',256)),0.1)");
      }
      HG_RETURN_IF_ERROR(client.ExecAll({plain, texts, bag, binary}));
    }
    return Ok();
  }

  void Start() {
    thread_ = std::jthread([this](std::stop_token stop) {
      auto client = server_.Connect();
      while (client.ok() && !stop.stop_requested() && failure_.empty()) {
        const Status done = Step(*client);
        if (!done.ok()) failure_ = done.error().what;
        ++steps_;
      }
    });
  }
  void Stop() { thread_ = {}; }
  const std::string& failure() const { return failure_; }
  int steps() const { return steps_; }

 private:
  unsigned Pick(unsigned n) { return static_cast<unsigned>(random_() % n); }
  std::string Id() { return std::to_string(Pick(5'000)); }

  Status Step(MyClient& client) {
    switch (Pick(12)) {
      case 0: {
        HG_RETURN_IF_ERROR(client.ExecAll(
            {"START TRANSACTION", Change(), "SAVEPOINT s", Change(), "ROLLBACK TO SAVEPOINT s", Change(), Change()}));
        return client.Exec(Pick(4) == 0 ? "ROLLBACK" : "COMMIT");
      }
      case 1:
        return Pick(40) == 0 ? client.Exec("TRUNCATE TABLE f.binary_key") : Ok();
      case 2:
        if (Pick(60) != 0) return Ok();
        added_ = !added_;
        return client.Exec(added_ ? "ALTER TABLE f.plain ADD COLUMN extra INT DEFAULT 7 AFTER id"
                                  : "ALTER TABLE f.plain DROP COLUMN extra");
      default:
        return client.Exec(Change());
    }
  }

  std::string Change() {
    switch (Pick(10)) {
      case 0:
        return "INSERT IGNORE INTO f.plain (id, v, t) VALUES (" + Id() + ",1,'neu ü')";
      case 1:
        return "DELETE FROM f.plain WHERE id BETWEEN " + Id() + " AND 3";
      case 2:
        return "DELETE FROM f.plain WHERE id=" + Id();
      case 3:
        return "UPDATE IGNORE f.plain SET id=" + Id() + ", v=v+1 WHERE id=" + Id();
      case 4:
        return "UPDATE f.texts SET v=v+1 WHERE n BETWEEN " + Id() + "-3 AND " + Id();
      case 5:
        return "UPDATE IGNORE f.texts SET e='z', a=UPPER(a) WHERE n=" + Id();
      case 6:
        return "INSERT INTO f.bag VALUES (" + Id() + ",'new'),(1,NULL)";
      case 7:
        return "DELETE FROM f.bag WHERE v=" + std::to_string(Pick(60)) + " LIMIT 2";
      case 8:
        return "INSERT INTO f.binary_key VALUES (UNHEX(SHA2(" + Id() + ",256)),1) ON DUPLICATE KEY UPDATE v=v+0.25";
      default:
        return "UPDATE f.plain SET v=v+1, d=d+0.001, at=NULL WHERE id IN (" + Id() + "," + Id() + "," + Id() + ")";
    }
  }

  PrivateMysql& server_;
  std::mt19937 random_;
  bool added_ = false;
  std::string failure_;
  std::atomic<int> steps_ = 0;
  std::jthread thread_;
};

// Columns that came and went by ALTER TABLE are only in rows that were written meanwhile.
bool SameWhereBothHaveIt(const Json& a, const Json& b) {
  for (const auto& [name, value] : a.items()) {
    if (b.contains(name) && b[name] != value) return false;
  }
  return true;
}

void ExpectSame(const FoldedTables& streamed, const FoldedTables& found) {
  std::set<std::string> names;
  for (const auto& [name, rows] : streamed) names.insert(name);
  for (const auto& [name, rows] : found) names.insert(name);
  for (const std::string& name : names) {
    const auto a = streamed.contains(name) ? streamed.at(name) : FoldedTables::mapped_type();
    const auto b = found.contains(name) ? found.at(name) : FoldedTables::mapped_type();
    int shown = 0;
    for (const auto& [key, row] : b) {
      const auto other = a.find(key);
      const bool same =
          other != a.end() && other->second.second == row.second && SameWhereBothHaveIt(other->second.first, row.first);
      if (!same && ++shown < 5) {
        ADD_FAILURE() << name << " " << key << "\n  has    " << row.first << " x" << row.second << "\n  folded "
                      << (other == a.end() ? Json() : other->second.first);
      }
    }
    for (const auto& [key, row] : a) {
      if (!b.contains(key) && ++shown < 10) ADD_FAILURE() << name << " " << key << " is folded, but not there";
    }
    EXPECT_EQ(a.size(), b.size()) << name;
  }
}

// MY-32, MY-33, MY-34, CG-13, I1.
TEST_P(MysqlFold, SnapshotBesideTheStreamWithRestartsIsWhatTheTablesHold) {
  const char* seed_text = std::getenv("HEADGATE_SEED");
  const auto seed = static_cast<unsigned>(seed_text == nullptr ? ::testing::UnitTest::GetInstance()->random_seed() + 7
                                                               : std::atoi(seed_text));
  SCOPED_TRACE("HEADGATE_SEED=" + std::to_string(seed));
  HG_WITH_SERVER(NameOf(GetParam()), const auto scene, MysqlScene::Make(GetParam()));
  Load load(scene->server(), seed);
  const Status filled = load.Fill();
  ASSERT_TRUE(filled.ok()) << filled.error().what;
  std::mt19937 random(seed);
  load.Start();
  for (int run = 0; run < 12; ++run) {
    const Status opened = scene->Open("src", {{"tables", "f.*"}});
    ASSERT_TRUE(opened.ok()) << opened.error().what;
    const int turns = static_cast<int>(random() % 40);
    for (int i = 0; i < turns; ++i) {
      const Status turned = scene->Turn();
      ASSERT_TRUE(turned.ok()) << turned.error().what;
    }
  }
  load.Stop();
  EXPECT_EQ(load.failure(), "");
  EXPECT_GT(load.steps(), 100);
  const Status caught_up = scene->CatchUp();
  ASSERT_TRUE(caught_up.ok()) << caught_up.error().what;
  ASSERT_TRUE(scene->Open("look", {{"tables", "f.*"}}).ok());
  ASSERT_TRUE(scene->CatchUp().ok());
  const auto events = scene->Events("src");
  ASSERT_TRUE(events.ok()) << events.error().what;
  const auto rows = scene->Events("look");
  ASSERT_TRUE(rows.ok()) << rows.error().what;
  ExpectSame(FoldEvents(*events), FoldEvents(*rows));
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlFold, ::testing::Values(MyServer::kMariadb, MyServer::kMysql), Name);

}  // namespace
}  // namespace headgate::test
