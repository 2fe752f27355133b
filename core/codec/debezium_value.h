#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/codec/debezium_options.h"
#include "core/model/schema.h"
#include "core/model/value.h"

// How one column's values look under one set of options (change-events contract, 3.1, 3.3, 3.11).
namespace headgate::codec {

// What upstream's schema makes of a type: the row of the contract it belongs to.
enum class DebeziumForm : std::uint8_t {
  kInteger,  // int2, int4, int8, oid
  kReal,
  kDouble,
  kBoolean,
  kString,  // text, and everything whose server text passes as it is
  kJson,
  kUuid,
  kBytes,
  kBit,  // one bit: a boolean
  kBits,
  kScaledDecimal,  // numeric(p,s)
  kFreeDecimal,    // numeric
  kMoney,
  kDate,
  kTime,
  kTimeTz,
  kTimestamp,
  kTimestampTz,
  kInterval,
  kHstore,
  kPoint,
  kShape,  // box, lseg, path, polygon
  kCircle,
  kLine,
  kGeometry,
  kGeography,
  kVector,
  kSparseVector,
  kIntVector,  // int2vector, oidvector
  kArray,
  kUnknown,  // bytes of the server text
};

struct DebeziumType;

// What a writer returns for a value that upstream turns into null: null in a nullable column, else the record is
// parked.
extern const char* const kAsNull;

// Why a value is expressed in no rendering: the bytes in the log do not fit the column.
inline constexpr const char* kWrongKind = "the stored value is of another kind than its column";
inline constexpr const char* kMalformed = "the stored value cannot be read as its type";

// Appends the value; neither null nor absent. Returns nullptr, kAsNull, or why this rendering cannot express the value
// (a constant text; what was appended is then undefined).
using DebeziumWriter = const char* (*)(std::string& out, const DebeziumType& type, const Value& value);

struct DebeziumType {
  DebeziumForm form = DebeziumForm::kUnknown;
  DebeziumWriter write = nullptr;
  const DebeziumOptions* options = nullptr;  // outlives this
  DataType type;
  int digits = 6;         // fraction digits of a time type
  int scale = 0;          // of a decimal
  bool in_array = false;  // upstream treats some elements unlike columns
  // MySQL: what writes a date or a time that a calendar has, whether the column allows null, and what stands for a date
  // that none has where it does not ("": ZeroOf).
  DebeziumWriter inner = nullptr;
  bool nullable = true;
  std::string zero_date;
  std::unique_ptr<DebeziumType> element;
};

// Nothing for a type that is not captured under these options.
std::optional<DebeziumType> MakeDebeziumType(const DataType& type, const DebeziumOptions& options,
                                             bool in_array = false);

// The same of MySQL and MariaDB (debezium_mysql.cc).
std::optional<DebeziumType> MakeMysqlType(const DataType& type, const DebeziumOptions& options);

// The JSON of what the source did not send, or of an old row's column that was not logged. Nothing: upstream stops on
// it, so the record is parked.
std::optional<std::string> ZeroOf(const DebeziumType& type);
std::optional<std::string> UnavailableOf(const DebeziumType& type, bool nullable);
// The JSON of a column's DEFAULT where it counts as one (3.3): a constant, or the zero that stands for a function.
std::optional<std::string> DefaultOf(const DebeziumType& type, const std::optional<std::string>& expression);

// The writers of a form, each from its family; GeometricWriter gives nullptr for the forms of the others.
DebeziumWriter PlainWriter(DebeziumForm form, DebeziumOptions::Decimals decimals);
DebeziumWriter GeometricWriter(DebeziumForm form);
DebeziumWriter TemporalWriter(DebeziumForm form, DebeziumOptions::Time mode, DebeziumOptions::Interval interval,
                              int digits);

// The bytes as a JSON string in the given mode.
void AppendBinary(std::string& out, std::string_view bytes, DebeziumOptions::Binary mode);

// Names under field.name.adjustment.mode.
std::string AdjustName(std::string_view name, DebeziumOptions::Names mode);

}  // namespace headgate::codec
