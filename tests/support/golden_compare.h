#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

// Compares rendered records with what a real Debezium wrote (tests/golden/README.md). Pure but for reading the files.
namespace headgate::testing {

struct GoldenRecord {
  std::string topic;
  std::optional<std::string> key;  // JSON text; nothing: null
  std::optional<std::string> value;
  std::map<std::string, std::string> headers;
};

// Replaces what differs from run to run: clocks, LSNs, transaction ids, the version, the run id; a snapshot's `first`
// and `last` become those of the table (of a table with one row the comparison takes either); the collections of an END
// record are sorted by name.
GoldenRecord Normalized(GoldenRecord record);

// One option set: what it was made with and what came out.
struct GoldenSet {
  std::map<std::string, std::string> options;  // of options.properties, without those of connection and snapshot
  std::vector<std::string> tables;             // regular expressions over schema.table
  std::vector<GoldenRecord> snapshot;
  std::vector<GoldenRecord> stream;

  bool Captures(const std::string& schema_and_table) const;
};

// Reads <root>/sets/<name>, with the tables for which <root>/sets-3.7.0/<name> has records replaced by them.
Result<GoldenSet> ReadGoldenSet(const std::filesystem::path& root, const std::string& name);

// What differs, one text a difference, expected and rendered side by side; empty if all is equal. Topics in `ignored`
// are left out on both sides. A stream is compared in its order, a snapshot table by table.
std::vector<std::string> CompareStream(const std::vector<GoldenRecord>& rendered,
                                       const std::vector<GoldenRecord>& expected,
                                       const std::vector<std::string>& ignored = {});
std::vector<std::string> CompareSnapshot(const std::vector<GoldenRecord>& rendered,
                                         const std::vector<GoldenRecord>& expected,
                                         const std::vector<std::string>& ignored = {});

}  // namespace headgate::testing
