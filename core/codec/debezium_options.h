#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace headgate::codec {

// Options of the `debezium` rendering (change-events contract, 3.2), per sink. Defaults are the contract's.
struct DebeziumOptions {
  enum class Decimals : std::uint8_t { kPrecise, kDouble, kString };
  enum class DecimalFormat : std::uint8_t { kBase64, kNumeric };
  enum class Time : std::uint8_t {
    kAdaptive,
    kAdaptiveTimeMicroseconds,
    kConnect,
    kIsoString,
    kMicroseconds,
    kNanoseconds,
    kStructured,
  };
  enum class Binary : std::uint8_t { kBytes, kBase64, kBase64Url, kHex };
  enum class Hstore : std::uint8_t { kJson, kMap };
  enum class Interval : std::uint8_t { kNumeric, kString };
  enum class Names : std::uint8_t { kNone, kAvro, kAvroUnicode };
  enum class NonFinite : std::uint8_t { kPark, kNull };

  Decimals decimals = Decimals::kPrecise;
  DecimalFormat decimal_format = DecimalFormat::kBase64;
  Time time = Time::kAdaptive;
  Binary binary = Binary::kBytes;
  Hstore hstore = Hstore::kJson;
  Interval interval = Interval::kNumeric;
  int money_fraction_digits = 2;
  bool unknown_types = false;
  std::string unavailable = "__debezium_unavailable_value";
  bool schemas = false;               // each key and value with its schema
  bool schemas_apart = false;         // no option: they are told beside keys and values (Record::key_schema)
  Names schema_names = Names::kNone;  // shows in schemas alone
  Names field_names = Names::kNone;
  bool tombstones = true;
  bool skip_create = false;
  bool skip_update = false;
  bool skip_delete = false;
  bool skip_truncate = true;
  bool transaction_metadata = false;
  bool null_with_default = false;
  bool extended_headers = false;
  bool unsigned_precise = false;  // BIGINT UNSIGNED
  bool time_adjuster = true;      // years of two digits
  bool swap_geometry = false;     // X and Y of geographic SRIDs (DM47)
  bool schema_comments = false;   // in the schema-change topic
  bool vector_to_json = false;    // VECTOR of MySQL as the text of an object
  enum class TinyInt1 : std::uint8_t { kDeclared, kNumber, kBoolean };
  TinyInt1 tinyint1 = TinyInt1::kDeclared;
  NonFinite nonfinite = NonFinite::kPark;
  bool ts_ns_string = false;
  bool snapshot_boolean = false;
  bool message_all_timestamps = false;
  std::string version = HEADGATE_VERSION;
  std::string task_id = "0";
  std::string run_id;

  // message.key.columns: for tables whose schema.table matches the pattern (a regular expression, without regard to
  // case), the key columns in this order.
  struct KeyColumns {
    std::string table_pattern;
    std::vector<std::string> columns;
  };
  std::vector<KeyColumns> key_columns;

  // The entry of key_columns for a table; nullptr if none matches.
  const KeyColumns* KeyColumnsOf(std::string_view schema, std::string_view table) const;
};

// Sets the option `name` ("decimal.handling.mode", ...). False if this rendering has no such option; kConfig if the
// value is none of its values.
Result<bool> SetOption(DebeziumOptions& options, std::string_view name, std::string_view value);

}  // namespace headgate::codec
