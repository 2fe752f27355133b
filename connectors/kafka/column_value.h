#pragma once

#include <string>
#include <string_view>

#include "core/model/value.h"
#include "core/sql/eval_context.h"
#include "core/sql/type.h"

namespace headgate::kafka::source {

// Values of records as the values of SQL columns. What loses nothing fits: a whole number in any column of numbers that
// has room for it, a text where the type's own text form is read, as in an assignment of SQL. Whole numbers in columns
// of timestamps are Unix time in milliseconds, as records have it themselves. Bytes are texts where they are UTF-8.
// Keeps scratch space between calls; one thread at a time.
class ColumnWriter {
 public:
  // Appends the stored form; a null or absent value is NULL. False: detail() says what was expected and what came,
  // without the value itself, and `out` is of no use.
  bool Append(std::string& out, const sql::Type& type, const Value& value);
  const std::string& detail() const { return detail_; }

 private:
  bool AppendNumber(std::string& out, const sql::Type& type, const Value& value);
  bool AppendInteger(std::string& out, const sql::Type& type, std::int64_t number);
  bool AppendWhole(std::string& out, const sql::Type& type, std::string_view digits);
  bool AppendFloat(std::string& out, const sql::Type& type, const Value& value);
  bool AppendText(std::string& out, const sql::Type& type, std::string_view text, std::string_view got);
  bool AppendFromText(std::string& out, const sql::Type& type, std::string_view text, std::string_view got);
  bool AppendJson(std::string& out, const sql::Type& type, const Value& value);
  bool AppendArray(std::string& out, const sql::Type& type, std::string_view payload);
  bool AppendTime(std::string& out, const sql::Type& type, const Value& value);
  bool Refuse(const sql::Type& type, std::string_view got);

  sql::EvalContext context_;
  std::string detail_;
  std::string text_;
};

}  // namespace headgate::kafka::source
