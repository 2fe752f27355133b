#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/charset.h"
#include "connectors/mysql/result_row.h"
#include "connectors/mysql/table_map.h"
#include "core/base/bytes.h"
#include "core/model/schema.h"

// One table of types that snapshot and stream share, so that both render the same bytes (I1): what a column's
// declaration means, how its bytes in a row of the binary log are read, and how its text form is.
namespace headgate::mysql {

// What the information schema, or a statement, says of a column. All texts are UTF-8.
struct Declaration {
  std::string name;
  std::string type;     // COLUMN_TYPE: "int(10) unsigned", "enum('a','b')"
  std::string charset;  // "" of what is no text
  bool nullable = true;
  bool generated = false;
  bool json = false;  // MariaDB: a CHECK says json_valid
  std::optional<std::string> default_value;
  bool auto_increment = false;
  std::string comment;

  bool operator==(const Declaration&) const = default;
};

enum class Form : std::uint8_t {
  kInt,
  kUint,  // BIGINT UNSIGNED: the others fit a signed number
  kFloat,
  kDouble,
  kDecimal,
  kYear,
  kDate,
  kTime,
  kDatetime,
  kTimestamp,
  kBits,
  kEnum,
  kSet,
  kText,
  kBytes,
  kJson,      // MySQL's binary form
  kJsonText,  // MariaDB's: a text that a CHECK keeps valid
  kUuid,
  kInet4,
  kInet6,
  kGeometry,  // the SRID in four bytes, then WKB
  kVector,    // floats of four bytes
  kUnknown,
};

// A column as its values are read. Immutable.
struct ColumnReader {
  Form form = Form::kUnknown;
  Charset charset = Charset::kBinary;  // of text, labels, JSON as text
  MapColumn stored;                    // how it lies in rows of the binary log
  std::int32_t length = 0;             // BINARY(n): what short values are padded to; bits
  std::uint8_t digits = 0;             // fraction digits of a time; scale of a decimal
  std::vector<std::string> labels;     // ENUM, SET: UTF-8, as values are
};

// A column as events show it, and its reader.
struct ColumnPlan {
  Column column;
  ColumnReader reader;
};

// From a declaration. `stored` stays as it is made from it: what the table map of such a column would say, as far as
// it follows (not the bytes that lengths take).
ColumnPlan PlanOf(const Declaration& declaration, Flavor flavor);
// The declaration that a column of a table map with full metadata comes from, as far as it tells. Without display
// widths, defaults, and MariaDB's types that are plain strings there.
Declaration DeclarationOf(const MapColumn& column, TextDecoder& decoder);
// Whether rows of such a column may be what the declaration says. A table map that is older or newer may not fit.
bool Fits(const MapColumn& stored, const ColumnPlan& plan);

// Values of row images and of the text protocol. Keeps scratch space and converters; one thread at a time.
class ValueReader {
 public:
  // Appends one value that is not NULL. The reader fails if the bytes end or make no sense for the type.
  void AppendStored(std::string& out, const ColumnReader& column, ByteReader& in);
  // The same from what a SELECT gives, character_set_results=NULL. Never fails: what is not what the type promises is
  // kept as text or as bytes.
  void AppendSelected(std::string& out, const ColumnReader& column, const ResultColumn& result, std::string_view value);
  void AppendText(std::string& out, const ColumnReader& column, std::string_view text);

  // MySQL's JSON that was logged as differences. False if they do not fit the document.
  bool AppendJsonChanged(std::string& out, std::string_view before, std::string_view differences);

  TextDecoder& decoder() { return decoder_; }

 private:
  void AppendCharacters(std::string& out, const ColumnReader& column, std::string_view bytes);
  void AppendJsonCharacters(std::string& out, const ColumnReader& column, std::string_view bytes);
  void AppendBinaryJson(std::string& out, std::string_view document, ByteReader& in);
  void AppendString(std::string& out, const ColumnReader& column, std::string_view bytes);
  void AppendSet(std::string& out, const ColumnReader& column, std::uint64_t bits);
  std::string_view Inflated(std::string_view bytes, ByteReader& in);

  TextDecoder decoder_;
  std::string text_;
  std::string marked_;
  std::string inflated_;
};

}  // namespace headgate::mysql
