#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/model/value.h"
#include "core/sql/eval_context.h"
#include "core/sql/type.h"

// JSON values as the values of SQL columns.
namespace headgate::http {

inline constexpr int kJsonDepthMax = 64;  // as the API's default (SE7)

// Reads a value whatever it is, as strictly as one that is wanted. False: it is not JSON, or nested too deeply.
bool SkipValue(simdjson::ondemand::value value, int depth = 1);

// Keeps scratch space between calls; one thread at a time.
class ValueReader {
 public:
  enum class Outcome : std::uint8_t { kOk, kNull, kRefused, kMalformed };

  // Appends the stored form of a value of this type. On kNull that is NULL; on kRefused detail() says what was expected
  // and what came, without the value itself, and `out` is of no use.
  Outcome Append(std::string& out, const sql::Type& type, simdjson::ondemand::value value);
  const std::string& detail() const { return detail_; }

 private:
  using Value = simdjson::ondemand::value;
  Outcome Refuse(const sql::Type& type, std::string_view got);
  Outcome AppendNumber(std::string& out, const sql::Type& type, std::string_view token);
  Outcome AppendDecimal(std::string& out, const sql::Type& type, std::string_view text, std::string_view got);
  Outcome AppendInteger(std::string& out, const sql::Type& type, std::string_view token);
  Outcome AppendFloat(std::string& out, const sql::Type& type, std::string_view token);
  Outcome AppendString(std::string& out, const sql::Type& type, std::string_view text);
  Outcome AppendText(std::string& out, const sql::Type& type, std::string_view text);
  Outcome AppendBytes(std::string& out, const sql::Type& type, std::string_view text);
  Outcome AppendJson(std::string& out, const sql::Type& type, Value value);
  Outcome AppendArray(std::string& out, const sql::Type& type, Value value);
  Outcome AppendElements(const sql::Type& element, Value value, std::size_t depth);
  // By the rules for texts of the type, as an assignment.
  Outcome AppendFromText(std::string& out, const sql::Type& type, std::string_view text, std::string_view got);

  sql::EvalContext context_;
  std::string detail_;
  std::string digits_;
  std::vector<ArrayDimension> dimensions_;  // of the array being read; a length of -1 is not known yet
  std::string elements_;
};

}  // namespace headgate::http
