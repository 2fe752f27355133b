#include "connectors/kafka/options.h"

#include <algorithm>

#include "core/config/secrets.h"
#include "core/schema_registry/settings.h"

namespace headgate::kafka::source {
namespace {

constexpr std::size_t kTopicMax = 249;

bool IsTopic(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kTopicMax && name != "." && name != ".." && std::ranges::all_of(name, fits);
}

Format FormatOf(std::string_view text) {
  if (text == "avro") return Format::kAvro;
  if (text == "protobuf") return Format::kProtobuf;
  return text == "raw" ? Format::kRaw : Format::kJson;
}

class SourceSettings {
 public:
  SourceSettings(const std::string& name, const config::Bound& bound) : bound_(bound) { o_.name = name; }

  ReadOptions Read() {
    o_.client = ReadClient(bound_,
                           {"group.id", "enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof",
                            "isolation.level", "auto.offset.reset"},
                           out_.errors);
    ReadTopics();
    ReadColumns();
    o_.registry = schema_registry::ReadOptions(bound_, false, out_.errors);
    o_.value = ReadFormat("format", "message", "schema");
    o_.key = ReadFormat("key_format", "key_message", "key_schema");
    o_.stop_on_rejected = bound_.Text("on_rejected") == "stop";
    o_.letters_max = static_cast<std::size_t>(bound_.Int("letters_max"));
    o_.batch_records_max = static_cast<std::size_t>(bound_.Int("batch_records_max"));
    o_.batch_bytes_max = static_cast<std::size_t>(bound_.Int("batch_bytes_max"));
    o_.row_bytes_max = static_cast<std::size_t>(bound_.Int("row_bytes_max"));
    o_.metadata_interval = std::chrono::milliseconds(bound_.Int("metadata_interval_ms"));
    return std::move(out_);
  }

 private:
  void Fail(std::string_view key, std::string_view text) {
    out_.errors.push_back({std::string(key), "Setting \"" + std::string(key) + "\" " + std::string(text)});
  }
  bool Known(std::string_view key) const {
    return !bound_.Text(key).empty() && !config::HasPlaceholder(bound_.Text(key));
  }

  void ReadTopics() {
    o_.topics = bound_.List("topic");
    std::ranges::sort(o_.topics);
    o_.group_id = bound_.Text("group_id");
    o_.from_beginning = bound_.Text("start") == "earliest";
    o_.committed = bound_.Text("isolation") == "read_committed";
    if (!Known("topic")) return;
    if (o_.topics.empty()) Fail("topic", "names no topic.");
    for (const std::string& topic : o_.topics) {
      if (!IsTopic(topic))
        Fail("topic", "has \"" + topic + "\", which cannot be the name of a topic: letters, digits, ., _ and -.");
    }
    if (std::ranges::adjacent_find(o_.topics) != o_.topics.end()) Fail("topic", "names a topic twice.");
  }

  void ReadColumns() {
    o_.stream = bound_.Text("stream");
    o_.columns = bound_.Text("columns");
    o_.keep_raw = bound_.Bool("keep_raw");
    if (Known("stream") && !sql::IsStreamName(o_.stream))
      Fail("stream", "cannot be the name of a stream: it is one word of letters, digits, _ and -, at most 63.");
    o_.fields = ReadFields("fields");
    o_.key_fields = ReadFields("key_fields");
    if (!Known("columns")) return;
    const auto columns = ColumnsOf(o_);
    if (!columns.ok()) return out_.errors.push_back({"columns", columns.error().what});
    const auto check = [&](std::string_view key, const FieldMap& fields) {
      for (const auto& [column, path] : fields) {
        if (std::ranges::find(columns->columns, column, &sql::InputColumn::name) == columns->columns.end())
          Fail(key, "names " + column + ", which is no column of the setting \"columns\".");
      }
    };
    for (const FieldMap* const fields : {&o_.fields, &o_.key_fields}) {
      if (o_.keep_raw && std::ranges::find(*fields, kRawColumn, &FieldMap::value_type::first) != fields->end())
        return Fail(fields == &o_.fields ? "fields" : "key_fields", "places _raw, which keep_raw fills. Leave it out.");
    }
    check("fields", o_.fields);
    check("key_fields", o_.key_fields);
    for (const auto& [column, path] : o_.key_fields) {
      if (!path.of_key)
        Fail("key_fields", "takes " + column + " from the value: a record without one has only its key.");
    }
  }

  FieldMap ReadFields(std::string_view key) {
    if (!Known(key)) return {};
    auto fields = codec::ParseFieldMap(bound_.Text(key));
    if (fields.ok()) return *std::move(fields);
    Fail(key, "is not understood: " + fields.error().what);
    return {};
  }

  RecordFormat ReadFormat(std::string_view format, std::string_view message, std::string_view schema) {
    RecordFormat out{FormatOf(bound_.Text(format)), bound_.Text(message), bound_.Text(schema)};
    if (config::HasPlaceholder(bound_.Text(format))) return out;
    const bool has_schema = out.format == Format::kAvro || out.format == Format::kProtobuf;
    if (has_schema && out.schema.empty() && bound_.Text("registry").empty())
      Fail(format,
           "is " + bound_.Text(format) + ", whose records need \"registry\" or \"" + std::string(schema) + "\".");
    if (!has_schema && !out.schema.empty())
      Fail(schema,
           "is set, and " + bound_.Text(format) + " has none. Leave it out, or set \"" + std::string(format) + "\".");
    if (out.format == Format::kProtobuf && !out.schema.empty() && out.message.empty())
      Fail(message, "is missing: which message of \"" + std::string(schema) + "\" the records are.");
    if (out.format != Format::kProtobuf && !out.message.empty())
      Fail(message, "is set, and only Protobuf has messages. Leave it out.");
    return out;
  }

  const config::Bound& bound_;
  ReadOptions out_;
  Options& o_ = out_.options;
};

}  // namespace

Result<sql::ColumnList> ColumnsOf(const Options& options) {
  HG_ASSIGN_OR_RETURN(auto list, sql::ParseColumns(options.columns));
  if (!options.keep_raw) return list;
  if (std::ranges::find(list.columns, kRawColumn, &sql::InputColumn::name) != list.columns.end())
    return ConfigError(
        "Setting \"columns\" has a column _raw, which is the one that keep_raw adds. Leave one of them out.");
  sql::InputColumn& raw = list.columns.emplace_back();
  raw.name = kRawColumn;
  raw.type = sql::TypeId::kBytea;
  return list;
}

ReadOptions Read(const std::string& name, const config::Bound& bound) { return SourceSettings(name, bound).Read(); }

}  // namespace headgate::kafka::source
