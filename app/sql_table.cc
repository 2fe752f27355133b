#include "app/sql_table.h"

#include <algorithm>
#include <string_view>

namespace headgate {
namespace {

bool Begins(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::size_t Width(std::string_view text) { return static_cast<std::size_t>(std::ranges::count_if(text, Begins)); }

// A value on one line.
std::string OneLine(const std::string& value) {
  std::string line;
  for (const char c : value) {
    if (c == '\n') {
      line += "\\n";
    } else if (c == '\t') {
      line += "\\t";
    } else if (c == '\r') {
      line += "\\r";
    } else {
      line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return line;
}

void AppendCell(std::string& out, const std::string& text, std::size_t width, bool right, bool last) {
  const std::string blanks(width - Width(text), ' ');
  out += right ? blanks + text : last ? text : text + blanks;
}

}  // namespace

std::string Aligned(const TextTable& table) {
  std::vector<std::size_t> widths;
  for (const TextTable::Column& column : table.columns) widths.push_back(Width(column.name));
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : table.rows) {
    auto& lines = rows.emplace_back();
    for (std::size_t c = 0; c < row.size(); ++c) {
      lines.push_back(OneLine(row[c]));
      widths[c] = std::max(widths[c], Width(lines[c]));
    }
  }
  std::string out;
  std::string rule;
  for (std::size_t c = 0; c < widths.size(); ++c) {
    const std::size_t blanks = widths[c] - Width(table.columns[c].name);  // the name stands in the middle
    const bool last = c + 1 == widths.size();
    out += (c == 0 ? " " : "| ") + std::string(blanks / 2, ' ') + table.columns[c].name +
           (last ? "" : std::string(blanks - blanks / 2, ' ') + " ");
    rule += (c == 0 ? "" : "+") + std::string(widths[c] + 2, '-');
  }
  out += "\n" + rule + "\n";
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      const bool last = c + 1 == row.size();
      out += c == 0 ? " " : "| ";
      AppendCell(out, row[c], widths[c], table.columns[c].right, last);
      if (!last) out += " ";
    }
    out += "\n";
  }
  return out + "(" + std::to_string(rows.size()) + (rows.size() == 1 ? " row)\n" : " rows)\n");
}

std::string Pointed(const std::string& text, std::size_t offset) {
  offset = std::min(offset, text.size());
  const std::size_t newline = offset == 0 ? std::string::npos : text.rfind('\n', offset - 1);
  const std::size_t begin = newline == std::string::npos ? 0 : newline + 1;
  const auto number = std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(begin), '\n') + 1;
  const std::string head = "LINE " + std::to_string(number) + ": ";
  const std::string line = text.substr(begin, text.find('\n', begin) - begin);
  std::string out = head + line + "\n" + std::string(head.size(), ' ');
  for (const char c : text.substr(begin, offset - begin)) {
    if (Begins(c)) out += c == '\t' ? '\t' : ' ';
  }
  return out + "^\n";
}

std::size_t OffsetOf(const std::string& text, std::size_t line, std::size_t column) {
  std::size_t at = 0;
  for (; line > 1 && at < text.size(); ++at) line -= text[at] == '\n' ? 1 : 0;
  while (column > 1 && at < text.size()) {
    ++at;
    while (at < text.size() && !Begins(text[at])) ++at;
    --column;
  }
  return at;
}

}  // namespace headgate
