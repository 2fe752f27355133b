#pragma once

#include <filesystem>
#include <string>
#include <vector>

// The statements that golden records were made with (tests/golden/README.md).
namespace headgate::testing {

// A file of statements, one a line.
std::vector<std::string> Statements(const std::filesystem::path& file);
// The table (schema.table, unquoted) that a CREATE TABLE, ALTER TABLE, INSERT, UPDATE, DELETE or TRUNCATE is about; ""
// for any other statement.
std::string TableOfStatement(const std::string& statement);

// Statements of MySQL, which may go over lines; each ends with a semicolon at the end of a line.
std::vector<std::string> MyStatements(const std::filesystem::path& file);

}  // namespace headgate::testing
