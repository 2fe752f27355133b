#include "connectors/mysql/chunk_query.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "connectors/mysql/connection.h"
#include "core/base/encoding.h"

namespace headgate::mysql {
namespace {

// Bits come as a number.
std::string Selected(const ColumnReader& column) {
  const std::string name = QuoteName(column.stored.name);
  return column.form == Form::kBits ? "(" + name + "+0)" : name;
}

// A label's number: an ENUM is ordered by it, and compared with a number by it too.
std::string NumberOfLabels(const ColumnReader& column, std::string_view text) {
  if (column.form == Form::kEnum) {
    const auto found = std::ranges::find(column.labels, text);
    return found == column.labels.end() ? "0" : std::to_string(found - column.labels.begin() + 1);
  }
  std::uint64_t bits = 0;
  while (!text.empty()) {
    const std::string_view label = text.substr(0, text.find(','));
    const auto found = std::ranges::find(column.labels, label);
    if (found != column.labels.end()) bits |= std::uint64_t{1} << (found - column.labels.begin());
    text.remove_prefix(std::min(label.size() + 1, text.size()));
  }
  return std::to_string(bits);
}

std::string Literal(const ColumnReader& column, std::string_view text) {
  switch (column.form) {
    case Form::kInt:
    case Form::kUint:
    case Form::kYear:
    case Form::kDecimal:
    case Form::kFloat:
    case Form::kDouble:
    case Form::kBits:
      return std::string(text);
    case Form::kEnum:
    case Form::kSet:
      return NumberOfLabels(column, text);
    case Form::kText:
    case Form::kJsonText: {
      const std::string_view charset = column.charset == Charset::kUtf8 ? "utf8mb4" : NameOf(column.charset);
      return "_" + std::string(charset) + " X'" + Hex(text) + "'";
    }
    case Form::kBytes:
      return "X'" + Hex(text) + "'";
    default:
      return QuoteText(text);
  }
}

// (a, b) > (1, 2), in a form that every server reads by the index.
std::string Behind(const std::vector<ColumnReader>& columns, const std::vector<std::size_t>& key,
                   const std::vector<std::string>& next) {
  std::string out;
  std::string equal;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const ColumnReader& column = columns[key[i]];
    const std::string name = QuoteName(column.stored.name);
    const std::string literal = Literal(column, next[i]);
    out += (i == 0 ? "" : " OR ") + ("(" + equal + name + ">" + literal + ")");
    equal += name + "=" + literal + " AND ";
  }
  if (key.size() == 1) return out;
  const ColumnReader& first = columns[key[0]];
  return QuoteName(first.stored.name) + ">=" + Literal(first, next[0]) + " AND (" + out + ")";
}

bool IsNumber(Form form) {
  return form == Form::kInt || form == Form::kUint || form == Form::kYear || form == Form::kDecimal ||
         form == Form::kFloat || form == Form::kDouble;
}

const ColumnReader* Find(const std::vector<ColumnReader>& columns, std::string_view name) {
  const auto found = std::ranges::find_if(columns, [&](const auto& column) { return column.stored.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

bool LooksLikeANumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

// What was judged by WhereProblem.
std::string Bounds(const ColumnReader& column, const SnapshotWhere& where) {
  const std::string name = QuoteName(column.stored.name);
  const auto literal = [&](const std::string& text) {
    if (column.form == Form::kText) return "_utf8mb4 X'" + Hex(text) + "'";
    return Literal(column, text);
  };
  std::string out;
  if (where.from) out = name + ">=" + literal(*where.from);
  if (where.to) out += (out.empty() ? "" : " AND ") + (name + "<" + literal(*where.to));
  return out;
}

}  // namespace

std::string WhereProblem(const std::vector<ColumnReader>& columns, const SnapshotWhere& where) {
  const ColumnReader* const column = Find(columns, where.column);
  if (column == nullptr) return "There is no column " + where.column + " among those that are captured.";
  switch (column->form) {
    case Form::kJson:
    case Form::kJsonText:
    case Form::kBits:
    case Form::kEnum:
    case Form::kSet:
    case Form::kBytes:
      return "Rows cannot be chosen by column " + where.column + ": take one of numbers, texts or times.";
    default:
      break;
  }
  if (!IsNumber(column->form)) return "";
  for (const auto& bound : {where.from, where.to}) {
    if (bound && !LooksLikeANumber(*bound))
      return "Column " + where.column + " has numbers, and \"" + bound->substr(0, 100) + "\" is none.";
  }
  return "";
}

std::string ChunkSql(const TableName& table, const std::vector<ColumnReader>& columns,
                     const std::vector<std::size_t>& key, const ChunkReader::Range& range) {
  std::string sql = "SELECT ";
  for (std::size_t i = 0; i < columns.size(); ++i) sql += (i == 0 ? "" : ",") + Selected(columns[i]);
  sql += " FROM " + QuoteName(table.database) + "." + QuoteName(table.table);
  if (key.empty()) return sql;
  if (!range.next.empty()) sql += " WHERE " + Behind(columns, key, range.next);
  if (range.where)
    sql += (range.next.empty() ? " WHERE " : " AND ") + Bounds(*Find(columns, range.where->column), *range.where);
  sql += " ORDER BY ";
  for (std::size_t i = 0; i < key.size(); ++i) sql += (i == 0 ? "" : ",") + QuoteName(columns[key[i]].stored.name);
  return sql + " LIMIT " + std::to_string(range.rows_max);
}

}  // namespace headgate::mysql
