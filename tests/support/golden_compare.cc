#include "tests/support/golden_compare.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "core/base/ascii.h"

namespace headgate::testing {
namespace {

using Json = nlohmann::json;
using Records = std::vector<GoldenRecord>;

// Calls f(text, i) for every i behind an occurrence of `name`; f returns where to go on.
template <class F>
void AfterEach(std::string& text, std::string_view name, F f) {
  for (std::size_t i = text.find(name); i != std::string::npos; i = text.find(name, i)) i = f(i + name.size());
}

// The digits at i become one 0, unless they are those of `keep`.
std::size_t ZeroDigits(std::string& text, std::size_t i, std::string_view keep = {}) {
  std::size_t end = i;
  while (end < text.size() && IsDigit(text[end])) ++end;
  if (end == i || (!keep.empty() && std::string_view(text).substr(i).starts_with(keep))) return end;
  text.replace(i, end - i, "0");
  return i + 1;
}

// "571:53195829" becomes "0:0"; "571:0" keeps its zero, which is what it then shows too.
void ZeroTransactionIds(std::string& text) {
  AfterEach(text, "\"id\":\"", [&](std::size_t i) {
    std::size_t end = i;
    while (end < text.size() && IsDigit(text[end])) ++end;
    if (end == i || end >= text.size() || text[end] != ':') return i;
    const bool zero = text.substr(end, 3) == ":0\"";
    const std::size_t lsn = ZeroDigits(text, i) + 1;
    if (!zero) {
      const std::size_t last = ZeroDigits(text, lsn);
      text.replace(last - 1, 1, "N");
    }
    return lsn;
  });
}

void ZeroSource(std::string& text) {
  AfterEach(text, "\"source\":{\"version\":\"", [&](std::size_t i) {
    text.replace(i, text.find('"', i) - i, "*");
    return i;
  });
  for (const std::string_view name : {"\"txId\":", "\"lsn\":"}) {
    AfterEach(text, name, [&](std::size_t i) { return ZeroDigits(text, i); });
  }
  AfterEach(text, "\"sequence\":\"[", [&](std::size_t i) {
    while (i < text.size() && text[i] != ']') i = IsDigit(text[i]) ? ZeroDigits(text, i) : i + 1;
    return i;
  });
  for (const std::string_view name : {"\"snapshot\":\"first\"", "\"snapshot\":\"last\""}) {
    const std::size_t i = text.find(name);
    if (i != std::string::npos) text.insert(i + name.size() - 1, "_in_data_collection");
  }
}

// Of binary logs: where a record lies, and the server's UUID. The member `extensions` of geometries came after 3.6.1.
void ZeroBinlog(std::string& text) {
  if (text.find("\"server_id\":") != std::string::npos) {
    for (const std::string_view name : {"\"server_id\":", "\"pos\":", "\"thread\":"})
      AfterEach(text, name, [&](std::size_t i) { return ZeroDigits(text, i); });
    for (const std::string_view name : {"\"file\":\"", "\"gtid\":\""}) {
      AfterEach(text, name, [&](std::size_t i) {
        text.replace(i, text.find('"', i) - i, "*");
        return i;
      });
    }
    AfterEach(text, "\"thread\":null", [&](std::size_t i) {
      text.replace(i - 4, 4, "0");
      return i - 3;
    });
  }
  constexpr std::string_view kExtensions = ",\"extensions\":null";
  for (std::size_t i = text.find(kExtensions); i != std::string::npos; i = text.find(kExtensions, i))
    text.erase(i, kExtensions.size());
  static const std::regex kGtid("\"id\":\"(?:[0-9a-f-]{36}|[0-9]+-[0-9]+-[0-9]+)(?::[0-9]+)?\"");
  text = std::regex_replace(text, kGtid, "\"id\":\"*\"");
}

void SortCollections(std::string& text) {
  static constexpr std::string_view kName = "\"data_collections\":[";
  const std::size_t start = text.find(kName);
  if (start == std::string::npos) return;
  const std::size_t from = start + kName.size();
  const std::size_t to = text.find(']', from);
  Json items = Json::parse("[" + text.substr(from, to - from) + "]", nullptr, false);
  if (!items.is_array()) return;
  std::map<std::string, std::int64_t> sorted;
  for (const Json& item : items) {
    std::string name = item.value("data_collection", "");
    if (name.find("LogicalDecodingMessageId@") != std::string::npos) name = "LOGICAL_DECODING_MESSAGE";
    sorted[name] += item.value("event_count", std::int64_t{0});
  }
  std::string joined;
  for (const auto& [name, count] : sorted) joined += (joined.empty() ? "" : ",") + name + "=" + std::to_string(count);
  text.replace(from, to - from, joined);
}

std::string NormalizedText(std::string text) {
  for (const std::string_view name : {"\"ts_ms\":", "\"ts_us\":", "\"ts_ns\":"}) {
    AfterEach(text, name, [&](std::size_t i) { return ZeroDigits(text, i, "1577836800000"); });
  }
  ZeroSource(text);
  ZeroTransactionIds(text);
  ZeroBinlog(text);
  SortCollections(text);
  return text;
}

Status ReadRecords(const std::filesystem::path& path, Records& records) {
  std::ifstream in(path);
  if (!in) return ConfigError("cannot read " + path.string());
  const auto text = [](const Json& j) { return j.is_string() ? std::optional(j.get<std::string>()) : std::nullopt; };
  for (std::string line; std::getline(in, line);) {
    const Json j = Json::parse(line, nullptr, false);
    if (!j.is_object()) return ConfigError(path.string() + " has a line that is no JSON object");
    GoldenRecord& r = records.emplace_back();
    r.topic = j.value("topic", "");
    r.key = text(j["key"]);
    r.value = text(j["value"]);
    for (const auto& [name, value] : j["headers"].items())
      r.headers[name] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return Ok();
}

// A snapshot has no order of tables: the newer records of a table replace the older ones.
void OverrideTables(Records& records, const Records& newer) {
  std::set<std::string> topics;
  for (const GoldenRecord& r : newer) topics.insert(r.topic);
  std::erase_if(records, [&](const GoldenRecord& r) { return topics.contains(r.topic); });
  records.insert(records.end(), newer.begin(), newer.end());
}

// Puts the k-th newer record of a topic in the place of its k-th older one. A topic may not grow or shrink.
Status OverrideInPlace(Records& records, const Records& newer) {
  std::map<std::string, std::vector<const GoldenRecord*>> by_topic;
  for (const GoldenRecord& r : newer) by_topic[r.topic].push_back(&r);
  std::map<std::string, std::size_t> used;
  for (GoldenRecord& r : records) {
    const auto found = by_topic.find(r.topic);
    if (found == by_topic.end()) continue;
    const std::size_t k = used[r.topic]++;
    if (k >= found->second.size())
      return ConfigError("the newer records of " + r.topic + " are fewer than the older ones");
    r = *found->second[k];
  }
  for (const auto& [topic, list] : by_topic) {
    if (used[topic] != 0 && used[topic] != list.size())
      return ConfigError("the newer records of " + topic + " are more than the older ones");
  }
  return Ok();
}

// The escapes of a Java properties file: a doubled backslash and \\uXXXX (below U+0800 here).
std::string Unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out.push_back(text[i]);
    } else if (text[++i] != 'u' || i + 4 >= text.size()) {
      out.push_back(text[i]);
    } else {
      const unsigned long c = std::stoul(std::string(text.substr(i + 1, 4)), nullptr, 16);
      if (c >= 0x80) {
        out.push_back(static_cast<char>(0xC0 | c >> 6));
        out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
      } else {
        out.push_back(static_cast<char>(c));
      }
      i += 4;
    }
  }
  return out;
}

Status ReadProperties(const std::filesystem::path& path, GoldenSet& set) {
  // Settings of the connector, not of the rendering.
  static const std::set<std::string> kNotOurs = {"topic.prefix",
                                                 "plugin.name",
                                                 "snapshot.mode",
                                                 "publication.autocreate.mode",
                                                 "publish.via.partition.root",
                                                 "database.include.list",
                                                 "include.schema.changes",
                                                 "include.query"};
  std::ifstream in(path);
  if (!in) return ConfigError("cannot read " + path.string());
  for (std::string line; std::getline(in, line);) {
    const std::size_t equals = line.find('=');
    if (equals == std::string::npos) continue;
    std::string name = line.substr(0, equals);
    std::string value = line.substr(equals + 1);
    if (name == "table.include.list") {
      value = Unescaped(value);
      for (std::size_t start = 0; start < value.size();) {
        const std::size_t end = std::min(value.find(',', start), value.size());
        set.tables.push_back(value.substr(start, end - start));
        start = end + 1;
      }
    } else if (!kNotOurs.contains(name)) {
      for (const std::string_view prefix : {"value.converter.", "key.converter.", "converter."}) {
        if (name.starts_with(prefix)) name.erase(0, prefix.size());
      }
      set.options[name] = value;
    }
  }
  return Ok();
}

std::string Show(const GoldenRecord* r) {
  if (r == nullptr) return "nothing";
  std::string text = r->topic + " " + r->key.value_or("null") + " " + r->value.value_or("null");
  for (const auto& [name, value] : r->headers) text += " " + name + ": " + value;
  return text;
}

Records Chosen(const Records& records, const std::vector<std::string>& ignored) {
  Records chosen;
  for (const GoldenRecord& r : records) {
    if (std::ranges::find(ignored, r.topic) == ignored.end()) chosen.push_back(Normalized(r));
  }
  return chosen;
}

void CompareInOrder(const Records& rendered, const Records& expected, std::vector<std::string>& differences) {
  for (std::size_t i = 0; i < std::max(rendered.size(), expected.size()); ++i) {
    const std::string got = Show(i < rendered.size() ? &rendered[i] : nullptr);
    const std::string want = Show(i < expected.size() ? &expected[i] : nullptr);
    if (got != want)
      differences.push_back("record " + std::to_string(i + 1) + "\n  expected " + want + "\n  rendered " + got);
  }
}

std::map<std::string, Records> ByTopic(const Records& records) {
  std::map<std::string, Records> topics;
  for (const GoldenRecord& r : records) topics[r.topic].push_back(r);
  return topics;
}

}  // namespace

bool GoldenSet::Captures(const std::string& schema_and_table) const {
  if (tables.empty()) return true;
  return std::ranges::any_of(tables,
                             [&](const std::string& t) { return std::regex_match(schema_and_table, std::regex(t)); });
}

GoldenRecord Normalized(GoldenRecord record) {
  if (record.key && record.topic.ends_with(".transaction")) {
    ZeroTransactionIds(*record.key);
    ZeroBinlog(*record.key);
  }
  if (record.value) record.value = NormalizedText(std::move(*record.value));
  if (const auto run = record.headers.find("__debezium.context.runId"); run != record.headers.end()) run->second = "*";
  return record;
}

Result<GoldenSet> ReadGoldenSet(const std::filesystem::path& root, const std::string& name) {
  GoldenSet set;
  const std::filesystem::path older = root / "sets" / name;
  const std::filesystem::path newer = root / "sets-3.7.0" / name;
  const std::filesystem::path base = std::filesystem::exists(older) ? older : newer;
  HG_RETURN_IF_ERROR(ReadProperties(base / "options.properties", set));
  HG_RETURN_IF_ERROR(ReadRecords(base / "snapshot.jsonl", set.snapshot));
  HG_RETURN_IF_ERROR(ReadRecords(base / "stream.jsonl", set.stream));
  if (base == newer || !std::filesystem::exists(newer)) return set;
  Records snapshot;
  Records stream;
  HG_RETURN_IF_ERROR(ReadRecords(newer / "snapshot.jsonl", snapshot));
  HG_RETURN_IF_ERROR(ReadRecords(newer / "stream.jsonl", stream));
  OverrideTables(set.snapshot, snapshot);
  HG_RETURN_IF_ERROR(OverrideInPlace(set.stream, stream));
  return set;
}

std::vector<std::string> CompareStream(const Records& rendered, const Records& expected,
                                       const std::vector<std::string>& ignored) {
  std::vector<std::string> differences;
  CompareInOrder(Chosen(rendered, ignored), Chosen(expected, ignored), differences);
  return differences;
}

std::vector<std::string> CompareSnapshot(const Records& rendered, const Records& expected,
                                         const std::vector<std::string>& ignored) {
  std::vector<std::string> differences;
  auto got = ByTopic(Chosen(rendered, ignored));
  auto want = ByTopic(Chosen(expected, ignored));
  std::set<std::string> topics;
  for (const auto& [topic, records] : got) topics.insert(topic);
  for (const auto& [topic, records] : want) topics.insert(topic);
  const auto one_row = [](Records& records) {  // first and last at once: which of both depends on the order of tables
    static constexpr std::string_view kFirst = "\"snapshot\":\"first_";
    if (records.size() != 1 || !records[0].value) return;
    const std::size_t i = records[0].value->find(kFirst);
    if (i != std::string::npos) records[0].value->replace(i, kFirst.size(), "\"snapshot\":\"last_");
  };
  for (const std::string& topic : topics) {
    one_row(got[topic]);
    one_row(want[topic]);
    CompareInOrder(got[topic], want[topic], differences);
  }
  return differences;
}

}  // namespace headgate::testing
