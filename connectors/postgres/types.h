#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/schema.h"
#include "core/model/value.h"

// One table of types that snapshot and stream share, so that both render the same bytes (I1): which PostgreSQL type is
// which TypeKind, and how its text form becomes a typed value.
namespace headgate::postgres {

// How a text form is read. Everything without a reading of its own stays the server's text.
enum class Form : std::uint8_t {
  kText,
  kBool,
  kInt,
  kUint,
  kFloat,
  kDouble,
  kNumeric,
  kMoney,
  kBytes,
  kBits,
  kDate,
  kTime,
  kTimeTz,
  kTimestamp,
  kTimestampTz,
  kInterval,
  kUuid,
  kJson,
  kArray,
  kComposite,
};

struct Type;
using TypePtr = std::shared_ptr<const Type>;

// One type with its modifier. Immutable.
struct Type {
  Form form = Form::kText;
  char delimiter = ',';  // between the elements of an array of this type
  int money_digits = 2;  // fraction digits of the database's own lc_monetary
  DataType data;
  std::vector<TypePtr> parts;  // the element of an array, the attributes of a composite
};

// What pg_type says of one type; Make* turn it into a Type.
struct TypeRow {
  std::uint32_t oid = 0;
  std::string name;  // typname
  char type = 'b';   // typtype: b base, c composite, d domain, e enum, r range, m multirange, p pseudo
  char delimiter = ',';
  bool extension = false;
  std::uint32_t element_oid = 0;   // of a true array, else 0
  std::uint32_t base_oid = 0;      // of a domain
  std::int32_t base_typmod = -1;   // of a domain
  std::uint32_t relation_oid = 0;  // of a composite
};

// Scalars: built-in, enum, range, from an extension or unknown. `declared` as format_type() prints it.
TypePtr MakeScalar(const TypeRow& row, std::int32_t typmod, std::string declared, int money_digits);
TypePtr MakeArray(const TypeRow& row, std::string declared, TypePtr element);
TypePtr MakeComposite(const TypeRow& row, std::string declared, std::vector<std::string> names,
                      std::vector<TypePtr> attributes);
// The base type under the domain's name.
TypePtr MakeDomain(const TypeRow& row, std::string declared, const Type& base);
// A type that the catalog no longer knows.
TypePtr UnknownType(std::uint32_t oid);

// Turns text forms into encoded values. Keeps scratch space between calls; one thread at a time.
class ValueEncoder {
 public:
  // Appends one encoded value. Text that is not what the type promises stays text (kText; kRawText if it is not UTF-8):
  // a value is never lost and never fails.
  void Append(std::string& out, const Type& type, std::string_view text);

 private:
  struct Level {
    std::string body;     // encoded elements
    std::string payload;  // header and body
    std::string text;     // one unescaped element
    std::vector<ArrayDimension> dimensions;
  };
  class Nesting;
  bool AppendArray(std::string& out, const Type& type, std::string_view text);
  bool AppendComposite(std::string& out, const Type& type, std::string_view text);
  Level& LevelAt(std::size_t depth);

  std::deque<Level> levels_;  // by depth of nesting; a deque so that references stay
  std::size_t depth_ = 0;
};

}  // namespace headgate::postgres
