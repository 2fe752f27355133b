#include "core/codec/record_decoder.h"

#include <algorithm>

namespace headgate::codec {
namespace {

std::string_view TrimBlanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

Result<FieldPath> ParseFieldPath(std::string_view text) {
  const std::string shown(text);
  FieldPath path;
  const std::size_t mark = text.find('#');
  if (mark != std::string_view::npos) {
    if (text.substr(mark) != "#type")
      return ConfigError("the path '" + shown + "' ends with something else than #type");
    path.type_name = true;
    text = text.substr(0, mark);
  }
  for (std::string_view rest = text;;) {
    const std::size_t dot = rest.find('.');
    const std::string_view step = rest.substr(0, dot);
    if (step.empty()) return ConfigError("the path '" + shown + "' has a part without name");
    path.steps.emplace_back(step);
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  path.of_key = path.steps.front() == "key";
  if (path.of_key || path.steps.front() == "value") path.steps.erase(path.steps.begin());
  return path;
}

Result<std::vector<std::pair<std::string, std::string>>> ParsePairs(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!TrimBlanks(text).empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view pair = TrimBlanks(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    std::string left(TrimBlanks(pair.substr(0, equals)));
    std::string right(TrimBlanks(pair.substr(std::min(equals + 1, pair.size()))));
    if (left.empty() || right.empty())
      return ConfigError("'" + std::string(pair) + "' is no pair: write a=b, with commas between pairs");
    const bool again = std::ranges::any_of(pairs, [&](const auto& known) { return known.first == left; });
    if (again) return ConfigError("'" + left + "' is there twice");
    pairs.emplace_back(std::move(left), std::move(right));
  }
  return pairs;
}

Result<std::vector<std::pair<std::string, FieldPath>>> ParseFieldMap(std::string_view text) {
  HG_ASSIGN_OR_RETURN(auto pairs, ParsePairs(text));
  std::vector<std::pair<std::string, FieldPath>> map;
  for (auto& [column, path_text] : pairs) {
    HG_ASSIGN_OR_RETURN(FieldPath path, ParseFieldPath(path_text));
    map.emplace_back(std::move(column), std::move(path));
  }
  return map;
}

bool SameFieldName(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  std::size_t k = 0;
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  for (;; ++i, ++k) {
    while (i < a.size() && a[i] == '_') ++i;
    while (k < b.size() && b[k] == '_') ++k;
    if (i == a.size() || k == b.size()) return i == a.size() && k == b.size();
    if (lower(a[i]) != lower(b[k])) return false;
  }
}

const WantedFields* WantedFields::Find(std::string_view name) const {
  for (const auto& [known, wanted] : fields) {
    if (known == name) return &wanted;
  }
  return nullptr;
}

void WantedFields::SetNull(std::vector<Value>& values) const {
  for (const int place : {column, type_column}) {
    if (place >= 0) values[static_cast<std::size_t>(place)] = Value{};
  }
  for (const auto& [name, wanted] : fields) wanted.SetNull(values);
}

Result<WantedFields> WantedOf(const std::vector<FieldPath>& paths) {
  WantedFields root;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    WantedFields* at = &root;
    for (const std::string& step : paths[i].steps) {
      auto known = std::ranges::find(at->fields, step, &WantedFields::Field::name);
      if (known == at->fields.end()) known = at->fields.insert(known, {step, {}});
      at = &known->wanted;
    }
    int& column = paths[i].type_name ? at->type_column : at->column;
    if (column >= 0) return ConfigError("two columns are taken from the same field of a record");
    column = static_cast<int>(i);
  }
  return root;
}

}  // namespace headgate::codec
