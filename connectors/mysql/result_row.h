#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/temporal.h"

// Rows of a SELECT as the binary protocol of prepared statements has them: numbers, floats and moments as they are, all
// else as text. (MySQL source documentation, "Binary Protocol Resultset".) Pure; no length is trusted.
namespace headgate::mysql {

// A column of a result.
struct ResultColumn {
  enum class Kind : std::uint8_t { kInteger, kFloat, kDouble, kMoment, kTime, kText, kNothing };
  Kind kind = Kind::kText;
  std::uint8_t bytes = 0;  // of integers
  bool is_unsigned = false;
};
// From its definition. Nothing if that makes no sense.
std::optional<ResultColumn> ParseResultColumn(std::string_view definition);

// Views of the packet, each without its length; NULL is no data pointer. False if it is no such row.
bool SplitRow(std::string_view packet, const std::vector<ResultColumn>& columns, std::vector<std::string_view>& values);

// Values of SplitRow.
std::int64_t IntegerOf(const ResultColumn& column, std::string_view value);  // of unsigned ones the bits
StoredMoment MomentOf(std::string_view value);
std::int64_t TimeOf(std::string_view value);  // microseconds, signed
float FloatOf(std::string_view value);
double DoubleOf(std::string_view value);
// What compares equal to it in SQL.
std::string TextOf(const ResultColumn& column, std::string_view value);

}  // namespace headgate::mysql
