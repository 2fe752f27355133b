#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/codec/record_decoder.h"
#include "core/config/spec.h"
#include "core/kafka/client_options.h"
#include "core/schema_registry/client.h"
#include "core/sql/column_list.h"

namespace headgate::kafka::source {

enum class Format : std::uint8_t { kJson, kAvro, kProtobuf, kRaw };
using FieldMap = std::vector<std::pair<std::string, codec::FieldPath>>;  // column and path

// How keys, or values, are to be read.
struct RecordFormat {
  Format format = Format::kJson;
  std::string message;  // of Protobuf; "": whatever the registry's header says
  std::string schema;   // "": the registry has it
};

// The settings of one source in the form that the code uses. Immutable; `name` is the connector's.
struct Options {
  std::string name;
  ClientOptions client;
  std::vector<std::string> topics;
  std::string group_id;        // "": nobody is told how far the source is
  bool from_beginning = true;  // where a topic is begun that was not read before
  bool committed = true;       // records of committed transactions alone
  std::string stream;
  std::string columns;
  bool keep_raw = false;  // the last column, kRawColumn, has the bytes of values as they came
  FieldMap fields;
  FieldMap key_fields;  // of records without a value
  RecordFormat value;
  RecordFormat key{Format::kRaw, "", ""};
  std::optional<schema_registry::Options> registry;
  bool stop_on_rejected = false;
  std::size_t letters_max = 10'000;
  std::size_t batch_records_max = 20'000;
  std::size_t batch_bytes_max = 4 << 20;
  std::size_t row_bytes_max = 16 << 20;
  std::chrono::milliseconds metadata_interval{5'000};
};

struct ReadOptions {
  Options options;
  std::vector<config::KeyError> errors;
};
inline constexpr const char* kRawColumn = "_raw";

// The columns of the stream: those that are declared, and the one of keep_raw. Error: where in the text, what to write.
Result<sql::ColumnList> ColumnsOf(const Options& options);

// Values that still hold a placeholder pass every check of their content.
ReadOptions Read(const std::string& name, const config::Bound& bound);

}  // namespace headgate::kafka::source
