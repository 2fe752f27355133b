#include "connectors/kafka/spec.h"

#include "connectors/kafka/moves.h"
#include "connectors/kafka/offsets.h"
#include "connectors/kafka/options.h"
#include "connectors/kafka/source.h"
#include "core/config/option_builders.h"
#include "core/schema_registry/settings.h"
#include "core/sql/column_list.h"

namespace headgate::kafka::source {
namespace {

using config::Choice;
using config::Defaulted;
using config::Number;
using config::Option;
using config::Optional;
using config::OptionType;
using config::Required;
using config::WithExample;

std::vector<Option> TopicOptions() {
  constexpr std::string_view kGroup = "Topics";
  return {
      Required("topic", OptionType::kList, kGroup, "Topic",
               "The topic that is read, or several separated by commas. Partitions that are added are read from their "
               "beginning.",
               "sensor"),
      Choice("start", "earliest", {"earliest", "latest"}, kGroup, "Start",
             "Where a topic is begun that was not read before. Afterwards reading goes on where the log has it."),
      Choice("isolation", "read_committed", {"read_committed", "read_uncommitted"}, kGroup, "Isolation",
             "read_committed: records of transactions come when these are committed, and not at all if they are "
             "aborted."),
      WithExample(Optional("group_id", OptionType::kString, kGroup, "Group",
                           "A consumer group that is told, about once a second, which records are durable, so that the "
                           "cluster's tools show the lag. It decides nothing: where reading goes on is in the log. No "
                           "consumer may be a member of it. Default: none is told."),
                  "headgate-readings"),
      Number("metadata_interval_ms", "5000", 100, 3'600'000, kGroup, "Metadata interval",
             "How often the cluster is asked for new partitions."),
  };
}

std::vector<Option> StreamOptions() {
  constexpr std::string_view kGroup = "Stream";
  Option stream = Optional("stream", OptionType::kString, kGroup, "Stream",
                           "Name of the stream in the log: one word that no other source has. Default: the "
                           "connector's name.");
  stream.derive = [](std::string_view connector) { return std::string(connector); };
  stream.importance = config::Importance::kHigh;
  stream.example = "readings";
  Option source_id = Optional("source_id", OptionType::kString, kGroup, "Source id",
                              "Name of the source in event ids, fixed when it is first started. Default: from the "
                              "connector's name.");
  source_id.example = "readings";
  return {
      std::move(stream),
      Required("columns", OptionType::kString, kGroup, "Columns",
               "Columns of the stream's rows as in CREATE TABLE: names, types, NOT NULL, DEFAULT constant, PRIMARY "
               "KEY. With a primary key the stream is a control stream: a record replaces the row of its key, and one "
               "without a value deletes it. Without one every record is an event. A change makes a new schema version.",
               "sensor_id int NOT NULL, temperature float8 NOT NULL"),
      WithExample(
          Optional("fields", OptionType::kString, kGroup, "Fields",
                   "Where columns are in a record, as column=path, separated by commas: a path goes through "
                   "the fields of the value, or of the key behind key.; value and key are the whole of it, #type "
                   "behind a path says which branch of a union is there. A column that is not named is the "
                   "field of its own name in the value."),
          "sensor_id=sensorID,device=key.id"),
      Defaulted(
          "keep_raw", OptionType::kBoolean, "false", kGroup, "Keep raw",
          "The stream has one more column behind the others, _raw bytea: the value of the record as it came, NULL "
          "where it has none."),
      WithExample(Optional("key_fields", OptionType::kString, kGroup, "Key fields",
                           "The same for the columns of the primary key in records without a value. Default: what "
                           "fields takes from the key."),
                  "sensor_id=key"),
      std::move(source_id),
  };
}

Option RelevantFor(Option option, std::string_view key, std::string_view value) {
  option.relevant_if_key = key;
  option.relevant_if_value = value;
  return option;
}

std::vector<Option> RecordOptions() {
  constexpr std::string_view kGroup = "Records";
  std::vector<Option> out = {
      Choice("format", "json", {"json", "avro", "protobuf", "raw"}, kGroup, "Format",
             "What the values of records are. raw: bytes, or text, that one column takes."),
      RelevantFor(WithExample(Optional("message", OptionType::kString, kGroup, "Message",
                                       "The Protobuf message that values are; with a registry it is optional."),
                              "SensorData"),
                  "format", "protobuf"),
      RelevantFor(Optional("schema", OptionType::kString, kGroup, "Schema",
                           "The schema of values that come without a registry's header: of Avro its JSON, of Protobuf "
                           "the text of a .proto file, or a descriptor in base64."),
                  "format", "avro,protobuf"),
      Choice("key_format", "raw", {"json", "avro", "protobuf", "raw"}, kGroup, "Key format",
             "What the keys of records are, if columns are taken from them."),
      RelevantFor(Optional("key_message", OptionType::kString, kGroup, "Key message",
                           "The Protobuf message that keys are; with a registry it is optional."),
                  "key_format", "protobuf"),
      RelevantFor(Optional("key_schema", OptionType::kString, kGroup, "Key schema",
                           "The schema of keys that come without a registry's header."),
                  "key_format", "avro,protobuf"),
  };
  schema_registry::AppendOptions(out, false);
  return out;
}

std::vector<Option> IntakeOptions() {
  constexpr std::string_view kGroup = "Intake";
  return {
      Choice("on_rejected", "dead_letter", {"dead_letter", "stop"}, kGroup, "On a rejected record",
             "What becomes of a record that is no row of the stream: it is stored with its place and its bytes and "
             "later ones go on, or the source stops in front of it."),
      Number("letters_max", "10000", 1, 1'000'000, kGroup, "Dead letters, most",
             "With so many stored records the source stops in front of the next one, as their format is probably "
             "another one than the settings say."),
      Number("batch_records_max", "20000", 1, 1'000'000, kGroup, "Batch, records",
             "At most so many records are written to the log at once."),
      Number("batch_bytes_max", "4194304", 1'024, 256 << 20, kGroup, "Batch, bytes", "The same in bytes, about."),
      Number("row_bytes_max", "16777216", 64, 1 << 28, kGroup, "Largest row",
             "A record with a larger row is rejected."),
      Number("failed_after_ms", "60000", 0, 86'400'000, kGroup, "Failed after",
             "How long the source may fail before the state shows FAILED. Attempts go on all the same."),
  };
}

config::ComponentSpec Make() {
  config::ComponentSpec spec{"KafkaSource", {"kafka-source"},  config::ComponentKind::kSource,
                             ClientSpec(),  {kPropertyPrefix}, true};
  for (auto* group : {&TopicOptions, &StreamOptions, &RecordOptions, &IntakeOptions}) {
    for (Option& option : group()) spec.options.push_back(std::move(option));
  }
  return spec;
}

std::uint64_t DurableOf(const SourceProgress& progress) {
  const auto offsets = Offsets::Decode(progress.resume);
  return offsets.ok() && !offsets->empty() ? offsets->Sum() : 0;
}

SourceFactory MakeFactory() {
  SourceFactory f{};
  f.spec = &Spec();
  f.connector = "kafka";
  f.check = [](const config::Bound& bound) { return Read("", bound).errors; };
  f.create = [](const std::string& name, const config::Bound& bound, const Clock& clock) -> std::unique_ptr<Source> {
    return std::make_unique<KafkaSource>(Read(name, bound).options, clock);
  };
  f.preflight = Preflight;
  f.durable = DurableOf;
  f.offset = [](const SourceProgress& progress) -> SourceOffset {
    const std::uint64_t durable = DurableOf(progress);
    if (durable == 0) return {};
    return {{"records", std::to_string(durable - 1), true}};
  };
  f.offsets = PlacesOf;
  f.move_partitions = MoveTo;
  f.declared_schema = [](const std::string& name, const config::Bound& bound) -> std::optional<TableSchema> {
    const Options options = Read(name, bound).options;
    const auto columns = ColumnsOf(options);
    if (!columns.ok()) return std::nullopt;
    return sql::MakeSchema(*columns, options.stream);
  };
  f.move_note = "It goes on where its partitions are told to, and what lies between is skipped or read again.";
  return f;
}

}  // namespace

const config::ComponentSpec& Spec() {
  static const config::ComponentSpec spec = Make();
  return spec;
}

const SourceFactory& Factory() {
  static const SourceFactory factory = MakeFactory();
  return factory;
}

}  // namespace headgate::kafka::source
