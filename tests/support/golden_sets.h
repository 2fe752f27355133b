#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/codec/debezium.h"
#include "tests/support/golden_compare.h"

// The option sets that the `debezium` rendering is compared with, and what is known to differ. Shared by the test that
// replays typed values and the one that reads a real server.
namespace headgate::testing {

const std::vector<std::string>& GoldenSetNames();

// Topics in which upstream is wrong; those of one phase, where upstream contradicts itself (contract 3.13).
const std::vector<std::string>& GoldenDefects();
const std::vector<std::string>& GoldenSnapshotDefects();
const std::vector<std::string>& GoldenStreamDefects();

// The same of MySQL and MariaDB ("mysql", "mariadb").
std::vector<std::string> MysqlSetNames(const std::string& connector);
std::vector<std::string> MysqlDefects(const std::string& connector, const std::string& set, bool snapshot);

// The schema-change topic of a snapshot, on both sides in the order of statements: upstream also tells how a consumer
// would make room for what comes, and tells tables in the order of names; of CHAR(0) it says that it has ten
// characters.
void AlignSchemaChanges(std::vector<GoldenRecord>& rendered, std::vector<GoldenRecord>& expected);
// Leaves out statements that name no table, which upstream does if it keeps those of captured tables alone.
void LeaveOutStatementsOfNoTable(std::vector<GoldenRecord>& records);

std::vector<std::string> Joined(std::vector<std::string> a, const std::vector<std::string>& b);

// One set and the encoder with its options.
class GoldenRendering {
 public:
  // kConfig if the set cannot be read or has an option that the encoder lacks.
  // `schemas`: its records have them (schemas.enable), which those of the set do not.
  static Result<GoldenRendering> Of(const std::filesystem::path& root, const std::string& name, bool schemas = false);

  const GoldenSet& set() const { return set_; }
  // `table` without its schema, which is always g.
  bool Captures(const std::string& table);
  // Appends what the encoder makes of the change. Errors are those of the encoder.
  Status Append(const codec::EventContext& event, std::vector<GoldenRecord>& records);
  // The files leave out rows that exist only to be large: in all sets but `default`, and there in the tables whose
  // records are those of 3.7.0.
  void LeaveOutLargeRows(std::vector<GoldenRecord>& records) const;

 private:
  std::string name_;
  GoldenSet set_;
  std::map<std::string, bool> captured_;
  std::unique_ptr<codec::DebeziumEncoder> encoder_;
  codec::RecordList list_;
};

}  // namespace headgate::testing
