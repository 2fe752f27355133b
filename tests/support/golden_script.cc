#include "tests/support/golden_script.h"

#include <fstream>
#include <regex>
#include <utility>

namespace headgate::testing {

std::vector<std::string> Statements(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

std::string TableOfStatement(const std::string& statement) {
  static const std::regex kAbout(
      R"((?:CREATE TABLE|ALTER TABLE|INSERT INTO|UPDATE|DELETE FROM|TRUNCATE) ([a-z]+)\.("[^(]*"|[a-z0-9_]+)[^]*)");
  std::smatch found;
  if (!std::regex_match(statement, found, kAbout)) return "";
  std::string table = found[2];
  if (table.front() == '"') table = table.substr(1, table.size() - 2);
  return found[1].str() + "." + table;
}

std::vector<std::string> MyStatements(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::vector<std::string> statements;
  std::string statement;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line.starts_with("--")) continue;
    statement += (statement.empty() ? "" : "\n") + line;
    if (!line.ends_with(';')) continue;
    statement.pop_back();
    // The client that the records were made with leaves comments out.
    statements.push_back(std::regex_replace(std::exchange(statement, ""), std::regex(" ?/\\*[^!*]*\\*/"), ""));
  }
  return statements;
}

}  // namespace headgate::testing
