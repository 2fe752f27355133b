#pragma once

#include <atomic>
#include <random>
#include <string>
#include <thread>

#include "tests/integration/mysql/source_fixture.h"

namespace headgate::test {

// Somebody who changes the database f of a server all the time: single statements and transactions, some taken back,
// key changes, TRUNCATE, ALTER TABLE; tables with keys of several types and one without a key.
class MysqlLoad {
 public:
  MysqlLoad(PrivateMysql& server, unsigned seed) : server_(server), random_(seed) {}

  // The tables with some thousand rows.
  Status Fill();
  void Start();
  void Stop() { thread_ = {}; }
  const std::string& failure() const { return failure_; }  // after Stop
  int steps() const { return steps_; }

 private:
  unsigned Pick(unsigned n) { return static_cast<unsigned>(random_() % n); }
  std::string Id() { return std::to_string(Pick(5'000)); }
  Status Step(MyClient& client);
  std::string Change();

  PrivateMysql& server_;
  std::mt19937 random_;
  bool added_ = false;
  std::string failure_;
  std::atomic<int> steps_ = 0;
  std::jthread thread_;
};

// What differs between tables, at most some texts each. Columns that came and went by ALTER TABLE are only in rows that
// were written meanwhile: compared is what both have.
std::vector<std::string> Differences(const FoldedTables& streamed, const FoldedTables& found);

}  // namespace headgate::test
