#include "tests/integration/mysql/load.h"

#include <set>

#include "core/base/signal.h"

namespace headgate::test {
namespace {

using Json = nlohmann::json;

const std::vector<std::string> kSchema = {
    "CREATE DATABASE f CHARACTER SET utf8mb4",
    "CREATE TABLE f.plain (id INT PRIMARY KEY, v INT, t VARCHAR(40), b BLOB, d DECIMAL(10,3), at DATETIME(3))",
    "CREATE TABLE f.texts (a VARCHAR(20) CHARACTER SET latin1, n INT UNSIGNED, e ENUM('x','y','z') NOT NULL, v INT, "
    "PRIMARY KEY (a, e, n))",
    "CREATE TABLE f.bag (v INT, t TEXT)",
    "CREATE TABLE f.binary_key (k VARBINARY(32) PRIMARY KEY, v DOUBLE)",
    "CREATE TABLE f.none (id INT PRIMARY KEY)",
};

bool SameWhereBothHaveIt(const Json& a, const Json& b) {
  for (const auto& [name, value] : a.items()) {
    if (b.contains(name) && b[name] != value) return false;
  }
  return true;
}

}  // namespace

Status MysqlLoad::Fill() {
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

void MysqlLoad::Start() {
  thread_ = std::jthread([this](std::stop_token stop) {
    auto client = server_.Connect();
    Signal never;
    while (client.ok() && !stop.stop_requested() && failure_.empty()) {
      const Status done = Step(*client);
      if (!done.ok()) failure_ = done.error().what;
      ++steps_;
      never.WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(1), stop);
    }
  });
}

Status MysqlLoad::Step(MyClient& client) {
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

std::string MysqlLoad::Change() {
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

std::vector<std::string> Differences(const FoldedTables& streamed, const FoldedTables& found) {
  std::vector<std::string> differences;
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
        differences.push_back(name + " " + key + "\n  has    " + row.first.dump() + "\n  folded " +
                              (other == a.end() ? "nothing" : other->second.first.dump()));
      }
    }
    for (const auto& [key, row] : a) {
      if (!b.contains(key) && ++shown < 10) differences.push_back(name + " " + key + " is folded, but not there");
    }
    if (a.size() != b.size()) differences.push_back(name + ": other numbers of rows");
  }
  return differences;
}

}  // namespace headgate::test
