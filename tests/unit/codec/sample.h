#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/codec/debezium.h"
#include "core/codec/native.h"

// Values, types and one-column tables for tests of the renderings.
namespace headgate::testing {

// One encoded value.
std::string Null();
std::string Absent();
std::string Bool(bool v);
std::string Int(std::int64_t v);
std::string Uint(std::uint64_t v);
std::string Float(float v);
std::string Double(double v);
std::string Decimal(std::string_view text);
std::string Text(std::string_view text);
std::string RawText(std::string_view bytes);
std::string Bytes(std::string_view bytes);
std::string Json(std::string_view text);
std::string Bits(std::string_view text);
std::string Uuid(std::string_view hex);
std::string Date(std::int64_t days);
std::string Time(std::int64_t us);
std::string TimeTz(std::int64_t us, std::int32_t offset);
std::string Timestamp(std::int64_t us_since_2000);
std::string TimestampTz(std::int64_t us_since_2000);
std::string Interval(std::int32_t months, std::int32_t days, std::int64_t us);
// Of one dimension with lower bound 1; or as given.
std::string Array(const std::vector<std::string>& elements);
std::string Array(const std::vector<ArrayDimension>& dimensions, const std::vector<std::string>& elements);
std::string Composite(const std::vector<std::string>& fields);

// Microseconds of a clock time, and of a moment since 2000-01-01.
std::int64_t Clock(int hours, int minutes, int seconds, int micros = 0);
std::int64_t Moment(std::int64_t year, int month, int day, int hours = 0, int minutes = 0, int seconds = 0,
                    int micros = 0);

// A type by its server name; the modifiers are set by hand.
DataType Type(TypeKind kind, std::string_view base);
DataType ArrayOf(DataType element);
DataType Numeric(int precision, int scale);
DataType WithPrecision(DataType type, int digits);
DataType WithLength(DataType type, int length);
DataType Extension(std::string_view base);

// A table public.t with the column `id` (bigint, the key) and what is added.
struct Table {
  TableSchema schema;
  Table();
  Column& Add(std::string name, DataType type, bool nullable = true);
};

// A change in hand, with everything a rendering asks for. Streamed, in a transaction of its own, unless changed.
struct Sample {
  explicit Sample(const TableSchema& schema);
  // The change with these rows; nullptr: without the image. A row is one encoded value a column.
  codec::EventContext Change(Op op, const std::vector<std::string>* before, const std::vector<std::string>* after);

  TransactionInfo tx;
  headgate::Change change;
  codec::EventContext event;
  std::string before;
  std::string after;
};

// The JSON of a column's value in `after`; of an error its text, with its kind in front: "rejected: ...".
std::string NativeOf(const DataType& type, const std::string& value, codec::NativeOptions options = {});
std::string DebeziumOf(const DataType& type, const std::string& value, codec::DebeziumOptions options = {},
                       bool nullable = true);
// The JSON of an unlogged column in the `before` of a delete, and of one that was not sent in `after`.
std::string DebeziumUnlogged(const DataType& type, codec::DebeziumOptions options = {}, bool nullable = false,
                             std::optional<std::string> default_expression = {});
std::string DebeziumUnsent(const DataType& type, codec::DebeziumOptions options = {}, bool nullable = true);

// Options from name and value pairs; a bad one ends the test binary.
codec::DebeziumOptions With(std::initializer_list<std::pair<std::string_view, std::string_view>> options);

}  // namespace headgate::testing
