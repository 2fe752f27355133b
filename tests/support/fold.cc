#include "tests/support/fold.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <set>

namespace headgate::test {
namespace {

using nlohmann::json;

std::uint64_t ParseLsn(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return 0;
  return (std::strtoull(text.c_str(), nullptr, 16) << 32) | std::strtoull(text.c_str() + slash + 1, nullptr, 16);
}

// Where an event stands in its source, ascending: an LSN, or the file of a binary log and an offset in it.
std::uint64_t PlaceOf(const json& position, bool streamed) {
  if (!position.contains("file")) return ParseLsn(position.value(streamed ? "commit_lsn" : "lsn", ""));
  const std::string file = position.value("file", "");
  const std::size_t dot = file.rfind('.');
  const std::uint64_t number = dot == std::string::npos ? 0 : std::strtoull(file.c_str() + dot + 1, nullptr, 10);
  return number << 40 | position.value("pos", std::uint64_t{0});
}

std::string CanonicalNumber(double v) {
  if (v == std::floor(v) && std::fabs(v) < 1e15) return std::to_string(static_cast<long long>(v));
  char buffer[40];
  std::snprintf(buffer, sizeof(buffer), "%.17g", v);
  return buffer;
}

std::string CanonicalText(std::string text) {
  // to_json writes an instant with +00:00 where the session's zone is UTC.
  constexpr std::string_view kZone = "+00:00";
  if (text.size() > 19 && text[10] == 'T' && text.ends_with(kZone))
    text.replace(text.size() - kZone.size(), kZone.size(), "Z");
  return text == "null" ? "\"null\"" : text;
}

// Inside documents strings keep their quotes: there "5" and 5 are different values.
std::string CanonicalNested(const json& value) {
  if (value.is_string()) return json(CanonicalText(value.get<std::string>())).dump();
  return CanonicalValue(value);
}

// A key or a whole row as one text, the same for columns that mean the same.
std::string RowText(const json& row) {
  std::string out;
  for (const auto& item : row.items())
    out += (out.empty() ? "" : ", ") + item.key() + "=" + CanonicalValue(item.value());
  return "(" + out + ")";
}

json Pick(const json& row, const std::vector<std::string>& columns) {
  json key = json::object();
  for (const std::string& c : columns) key[c] = row.contains(c) ? row.at(c) : json();
  return key;
}

// The first columns that differ, by name: "total: 5 != 6".
std::string RowDifference(const json& folded, const json& expected) {
  std::set<std::string> names;
  for (const auto& item : folded.items()) names.insert(item.key());
  for (const auto& item : expected.items()) names.insert(item.key());
  for (const std::string& name : names) {
    const std::string left = folded.contains(name) ? CanonicalValue(folded.at(name)) : "(absent)";
    const std::string right = expected.contains(name) ? CanonicalValue(expected.at(name)) : "(absent)";
    if (left != right)
      return "column " + name + ": delivered " + left.substr(0, 80) + ", table has " + right.substr(0, 80);
  }
  return {};
}

}  // namespace

std::string CanonicalValue(const json& value) {
  switch (value.type()) {
    case json::value_t::null:
      return "null";
    case json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case json::value_t::number_integer:
      return std::to_string(value.get<std::int64_t>());
    case json::value_t::number_unsigned:
      return std::to_string(value.get<std::uint64_t>());
    case json::value_t::number_float:
      return CanonicalNumber(value.get<double>());
    case json::value_t::string:
      return CanonicalText(value.get<std::string>());
    case json::value_t::array: {
      std::string out = "[";
      for (const json& item : value) {
        if (out.size() > 1) out += ',';
        out += CanonicalNested(item);
      }
      out += ']';
      return out;
    }
    case json::value_t::object: {
      std::string out = "{";  // members come sorted by name
      for (const auto& item : value.items()) {
        if (out.size() > 1) out += ',';
        out += json(item.key()).dump();
        out += ':';
        out += CanonicalNested(item.value());
      }
      out += '}';
      return out;
    }
    default:
      return value.dump();
  }
}

void Fold::Violation(std::string text) {
  if (violations_.size() < 100) violations_.push_back(std::move(text));
}

void Fold::Accept(std::string_view body) {
  try {  // a member of the wrong type throws
    json parsed = json::parse(body, nullptr, false);
    if (parsed.is_object() && parsed.contains("data") && !parsed.contains("op")) parsed = json(parsed["data"]);
    if (parsed.is_array()) {
      for (const json& event : parsed) AcceptEvent(event);
    } else {
      AcceptEvent(parsed);
    }
  } catch (const json::exception& e) {
    Violation(std::string("a body is not an event in native form: ") + e.what());
  }
}

void Fold::AcceptEvent(const json& event) {
  ++events_;
  if (!event.is_object() || !event.contains("id") || !event["id"].is_string() || !event.contains("op") ||
      !event["op"].is_string()) {
    Violation("a body is not an event in native form: " +
              event.dump(-1, ' ', false, json::error_handler_t::replace).substr(0, 120));
    return;
  }
  const std::string id = event["id"];
  const std::uint64_t content = std::hash<std::string>{}(event.dump(-1, ' ', false, json::error_handler_t::replace));
  const auto [known, is_new] = ids_.emplace(id, content);
  if (!is_new) {
    if (known->second != content) Violation("event " + id + " came with two contents");
    ++duplicates_;
    return;
  }
  const std::string op = event["op"];
  ++by_op_[op];
  if (op == "gap") ++gaps_;
  if (op == "gap" || op == "message" || op == "schema" || op == "snapshot") return;

  const json position = event.value("position", json::object());
  const bool streamed = event.contains("tx");
  const std::size_t epoch = id.find(':');
  const Place place{epoch == std::string::npos ? 0 : std::strtoull(id.c_str() + epoch + 1, nullptr, 10),
                    PlaceOf(position, streamed), streamed ? 1 : 0,
                    streamed && event.contains("tx") ? event["tx"].value("ordinal", std::uint64_t{0}) : 0};
  Apply(event, place);
}

void Fold::Apply(const json& event, const Place& place) {
  Stream& stream = streams_[event.value("stream", "")];
  if (event["op"] == "truncate") {
    Truncate(stream, place);
  } else if (event.contains("key")) {
    ApplyKeyed(stream, event, place);
  } else {
    ApplyBag(stream, event);
  }
}

void Fold::Truncate(Stream& stream, const Place& place) {
  stream.bag.clear();
  stream.truncated = std::max(stream.truncated, place);
  for (auto& [key, row] : stream.rows) {
    if (row.place < place) row.deleted = true;
  }
}

bool Fold::InOrder(const Row& row, const Place& place, const json& event) {
  const bool same_state = event["op"] == "read" && row.place == place;  // a row that is read again
  if (row.place == Place{} || row.place < place || same_state) return true;
  Violation("event " + event["id"].get<std::string>() + " of stream " + event.value("stream", "") +
            " came after a later event of the same key");
  return false;
}

void Fold::ApplyKeyed(Stream& stream, const json& event, const Place& place) {
  Row& row = stream.rows[RowText(event["key"])];
  json base = row.deleted ? json::object() : row.columns;  // absent columns keep their value
  if (event.contains("previous_key")) {
    Row& previous = stream.rows[RowText(event["previous_key"])];
    if (InOrder(previous, place, event)) {
      base = previous.columns;
      previous.place = place;
      previous.deleted = true;
    }
  }
  if (!InOrder(row, place, event)) return;
  row.place = place;
  row.deleted = event["op"] == "delete" || place < stream.truncated;
  row.columns = event.value("after", json::object());
  for (const json& name : event.value("unavailable", json::array())) {
    if (base.is_object() && base.contains(name.get<std::string>()))
      row.columns[name.get<std::string>()] = base[name.get<std::string>()];
  }
}

void Fold::ApplyBag(Stream& stream, const json& event) {
  if (event.contains("before") && event["op"] != "insert") --stream.bag[RowText(event["before"])];
  if (event.contains("after")) ++stream.bag[RowText(event["after"])];
}

std::vector<std::string> Fold::streams() const {
  std::vector<std::string> names;
  for (const auto& [name, stream] : streams_) names.push_back(name);
  return names;
}

std::size_t Fold::rows(const std::string& stream) const {
  const auto found = streams_.find(stream);
  if (found == streams_.end()) return 0;
  std::size_t count = 0;
  for (const auto& [key, row] : found->second.rows) count += row.deleted ? 0 : 1;
  for (const auto& [content, n] : found->second.bag) count += static_cast<std::size_t>(std::max<std::int64_t>(n, 0));
  return count;
}

std::vector<std::string> Fold::Difference(const std::string& name, const TableRows& table, std::size_t limit) const {
  std::vector<std::string> out;
  std::size_t more = 0;
  const auto tell = [&](const std::string& text) {
    if (out.size() < limit) {
      out.push_back(name + ": " + text);
    } else {
      ++more;
    }
  };
  static const Stream kNone;
  const auto found = streams_.find(name);
  const Stream& stream = found == streams_.end() ? kNone : found->second;
  if (table.key_columns.empty()) {
    std::map<std::string, std::int64_t> bag = stream.bag;
    for (const json& row : table.rows) --bag[RowText(row)];
    for (const auto& [content, n] : bag) {
      if (n != 0) tell("row " + content.substr(0, 120) + (n > 0 ? " was delivered too often" : " was not delivered"));
    }
  } else {
    std::set<std::string> expected;
    for (const json& row : table.rows) {
      const std::string key = RowText(Pick(row, table.key_columns));
      expected.insert(key);
      const auto at = stream.rows.find(key);
      if (at == stream.rows.end() || at->second.deleted) {
        tell("row " + key + (at == stream.rows.end() ? " was not delivered" : " was delivered as deleted, but exists"));
      } else if (const std::string difference = RowDifference(at->second.columns, row); !difference.empty()) {
        tell("row " + key + ", " + difference);
      }
    }
    for (const auto& [key, row] : stream.rows) {
      if (!row.deleted && expected.count(key) == 0) tell("row " + key + " does not exist in the table");
    }
  }
  if (more > 0) out.push_back(name + ": and " + std::to_string(more) + " more");
  return out;
}

}  // namespace headgate::test
