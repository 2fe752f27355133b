#include "tools/slt/runner.h"

#include <re2/re2.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/operators/engine.h"

namespace headgate::slt {
namespace {

using operators::Engine;
using operators::Outcome;

std::string Escaped(std::string_view text) {
  if (text.empty()) return "(empty)";
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        out += c;
    }
  }
  return out;
}

using Row = std::vector<std::string>;

std::vector<Row> Render(const Outcome& outcome) {
  std::vector<Row> rows;
  for (const auto& values : outcome.rows) {
    Row& row = rows.emplace_back();
    for (std::size_t c = 0; c < values.size(); ++c)
      row.push_back(values[c].null ? "NULL" : Escaped(sql::ToText(outcome.columns[c].type, values[c], "UTC")));
  }
  return rows;
}

std::vector<Row> Expected(const Record& record) {
  std::vector<Row> rows;
  for (const std::string& line : record.expected) {
    Row& row = rows.emplace_back();
    for (std::size_t at = 0; at <= line.size();) {
      const std::size_t end = std::min(line.find('\t', at), line.size());
      row.push_back(line.substr(at, end - at));
      at = end + 1;
    }
  }
  return rows;
}

void Sort(std::vector<Row>& rows, Record::Sort sort) {
  if (sort == Record::Sort::kRows) std::ranges::sort(rows);
  if (sort != Record::Sort::kValues) return;
  std::vector<Row> values;
  for (const Row& row : rows) {
    for (const std::string& value : row) values.push_back({value});
  }
  std::ranges::sort(values);
  rows = std::move(values);
}

bool SameFloat(const std::string& a, const std::string& b) {
  if (a == b) return true;
  char* end_a = nullptr;
  char* end_b = nullptr;
  const double x = std::strtod(a.c_str(), &end_a);
  const double y = std::strtod(b.c_str(), &end_b);
  if (*end_a != '\0' || *end_b != '\0' || a.empty() || b.empty()) return false;
  if (x == y) return true;
  return std::abs(x - y) <= 1e-9 * std::max(std::abs(x), std::abs(y));
}

bool SameRow(const Row& a, const Row& b, const std::string& types) {
  if (a.size() != b.size()) return false;
  for (std::size_t c = 0; c < a.size(); ++c) {
    const bool is_float = c < types.size() && types[c] == 'R';
    if (is_float ? !SameFloat(a[c], b[c]) : a[c] != b[c]) return false;
  }
  return true;
}

std::string Line(const Row& row) {
  std::string out;
  for (std::size_t c = 0; c < row.size(); ++c) out += (c > 0 ? "\t" : "") + row[c];
  return out;
}

// What differs, or nothing.
std::string Difference(const Record& record, const Outcome& outcome) {
  if (!record.types.empty() && record.types.size() != outcome.columns.size())
    return "the query has " + std::to_string(outcome.columns.size()) + " columns, the record says " +
           std::to_string(record.types.size());
  std::vector<Row> got = Render(outcome);
  std::vector<Row> wanted = Expected(record);
  Sort(got, record.sort);
  Sort(wanted, record.sort);
  for (std::size_t i = 0; i < std::max(got.size(), wanted.size()); ++i) {
    const bool same = i < got.size() && i < wanted.size() &&
                      SameRow(got[i], wanted[i], record.sort == Record::Sort::kValues ? "" : record.types);
    if (same) continue;
    return "row " + std::to_string(i + 1) + " of " + std::to_string(wanted.size()) +
           "\n  expected: " + (i < wanted.size() ? Line(wanted[i]) : "(no row)") +
           "\n  got:      " + (i < got.size() ? Line(got[i]) : "(no row)");
  }
  return "";
}

std::string Told(const operators::SqlError& error) {
  return error.message + " (" + error.code + ")" + (error.hint.empty() ? "" : " Hint: " + error.hint);
}

std::string RunRecord(Engine& engine, const Record& record) {
  const auto outcome = engine.Execute(record.sql);
  if (record.fails) {
    if (outcome.ok()) return "expected an error";
    if (record.pattern.empty() || RE2::PartialMatch(Told(outcome.error()), record.pattern)) return "";
    return "expected an error that matches " + record.pattern + "\n  got: " + Told(outcome.error());
  }
  if (!outcome.ok()) return "error: " + Told(outcome.error());
  if (record.kind == Record::Kind::kStatement) return "";
  return Difference(record, *outcome);
}

}  // namespace

FileResult RunRecords(const std::vector<Record>& records) {
  FileResult result;
  Engine engine;
  for (const Record& record : records) {
    const std::string difference = RunRecord(engine, record);
    if (difference.empty()) {
      ++result.passed;
      continue;
    }
    ++result.failed;
    if (result.first_difference.empty())
      result.first_difference = "line " + std::to_string(record.line) + ": " + record.sql + "\n  " + difference;
  }
  return result;
}

}  // namespace headgate::slt
