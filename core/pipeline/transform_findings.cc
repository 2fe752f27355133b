#include "core/pipeline/transform_findings.h"

#include <algorithm>

#include "core/base/wildcard.h"

namespace headgate {
namespace {

// The patterns of all rules with the setting that has them.
template <class Each>
void ForEachPattern(const ColumnRules& rules, const Each& each) {
  for (const std::string& pattern : rules.mask) each("mask_columns", pattern);
  for (const std::string& pattern : rules.hash) each("hash_columns", pattern);
  for (const auto& [pattern, characters] : rules.truncate) each("truncate_columns", pattern);
  for (const auto& [name, to] : rules.rename) each("rename_columns", name);
}

bool NamesColumn(std::string_view pattern, std::span<const TableSchema> tables) {
  return std::ranges::any_of(tables, [&](const TableSchema& table) {
    return std::ranges::any_of(table.columns, [&](const Column& column) {
      return MatchesWildcard(pattern, QualifiedColumn(table.schema, table.table, column.name));
    });
  });
}

// The setting that the text of an error begins with: Setting "mask_columns": ...
std::string SettingOf(std::string_view text) {
  const auto start = text.find('"');
  const auto end = text.find('"', start + 1);
  return end == std::string_view::npos ? "" : std::string(text.substr(start + 1, end - start - 1));
}

}  // namespace

std::vector<Finding> JudgeTransforms(const ColumnRules& rules, std::span<const TableSchema> tables) {
  std::vector<Finding> findings;
  for (const TableSchema& table : tables) {
    const auto made = Compile(rules, table);
    if (made.ok()) continue;
    findings.push_back({"transforms", Finding::Level::kError, made.error().what, "", "", SettingOf(made.error().what)});
  }
  ForEachPattern(rules, [&](std::string_view setting, const std::string& pattern) {
    if (NamesColumn(pattern, tables)) return;
    findings.push_back({"transforms", Finding::Level::kWarning,
                        std::string(setting) + " has " + pattern + ", which is no column of the tables that are read",
                        "Correct the name, or leave it if the column is still to come.", "", std::string(setting)});
  });
  return findings;
}

bool MayConcern(const ColumnRules& rules, std::string_view schema, std::string_view table) {
  const std::string name = QualifiedColumn(schema, table, "");
  bool may = false;
  ForEachPattern(rules, [&](std::string_view, const std::string& pattern) {
    const auto last = pattern.rfind('.');
    may = may || pattern.find('*') != std::string::npos || MatchesWildcard(pattern.substr(0, last + 1), name);
  });
  return may;
}

}  // namespace headgate
