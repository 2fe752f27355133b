#include <algorithm>

#include "core/codec/debezium_value.h"
#include "core/codec/json_text.h"
#include "core/codec/mysql_text.h"

// Which form a type takes: the table of types that upstream knows.
namespace headgate::codec {
namespace {

using O = DebeziumOptions;
using Form = DebeziumForm;

struct NamedForm {
  std::string_view base;
  Form form;
};
// Sorted by name. What is not here is unknown to upstream.
constexpr NamedForm kForms[] = {
    {"bit", Form::kBits},
    {"bool", Form::kBoolean},
    {"box", Form::kShape},
    {"bpchar", Form::kString},
    {"bytea", Form::kBytes},
    {"char", Form::kString},
    {"cidr", Form::kString},
    {"circle", Form::kCircle},
    {"citext", Form::kString},
    {"date", Form::kDate},
    {"daterange", Form::kString},
    {"float4", Form::kReal},
    {"float8", Form::kDouble},
    {"geography", Form::kGeography},
    {"geometry", Form::kGeometry},
    {"halfvec", Form::kVector},
    {"hstore", Form::kHstore},
    {"inet", Form::kString},
    {"int2", Form::kInteger},
    {"int2vector", Form::kIntVector},
    {"int4", Form::kInteger},
    {"int4range", Form::kString},
    {"int8", Form::kInteger},
    {"int8range", Form::kString},
    {"interval", Form::kInterval},
    {"isbn", Form::kString},
    {"json", Form::kJson},
    {"jsonb", Form::kJson},
    {"line", Form::kLine},
    {"lseg", Form::kShape},
    {"ltree", Form::kString},
    {"macaddr", Form::kString},
    {"macaddr8", Form::kString},
    {"money", Form::kMoney},
    {"name", Form::kString},
    {"numeric", Form::kFreeDecimal},
    {"numrange", Form::kString},
    {"oid", Form::kInteger},
    {"oidvector", Form::kIntVector},
    {"path", Form::kShape},
    {"point", Form::kPoint},
    {"polygon", Form::kShape},
    {"sparsevec", Form::kSparseVector},
    {"text", Form::kString},
    {"time", Form::kTime},
    {"timestamp", Form::kTimestamp},
    {"timestamptz", Form::kTimestampTz},
    {"timetz", Form::kTimeTz},
    {"tsrange", Form::kString},
    {"tstzrange", Form::kString},
    {"tsvector", Form::kString},
    {"uuid", Form::kUuid},
    {"varbit", Form::kBits},
    {"varchar", Form::kString},
    {"vector", Form::kVector},
    {"xml", Form::kString},
};

Form FormOf(const DataType& type) {
  if (type.kind == TypeKind::kArray) return Form::kArray;
  if (type.kind == TypeKind::kComposite) return Form::kUnknown;
  if (type.kind == TypeKind::kEnum) return Form::kString;
  const auto* found = std::ranges::lower_bound(kForms, std::string_view(type.base), {}, &NamedForm::base);
  if (found == std::end(kForms) || found->base != type.base) return Form::kUnknown;
  if (found->form == Form::kBits && type.length == 1) return Form::kBit;
  if (found->form == Form::kFreeDecimal && type.precision >= 0) return Form::kScaledDecimal;
  return found->form;
}

// Arrays that upstream leaves out even where it captures unknown types.
bool NeverCaptured(const DataType& element) {
  return !element.domain &&
         (element.base == "point" || element.base == "name" || element.base == "money" || element.base == "interval");
}

DebeziumWriter WriterOf(const DebeziumType& t) {
  switch (t.form) {
    case Form::kDate:
    case Form::kTime:
    case Form::kTimeTz:
    case Form::kTimestamp:
    case Form::kTimestampTz:
    case Form::kInterval:
      return TemporalWriter(t.form, t.options->time, t.options->interval, t.digits);
    default:
      if (const DebeziumWriter writer = GeometricWriter(t.form)) return writer;
      return PlainWriter(t.form, t.options->decimals);
  }
}

}  // namespace

std::optional<DebeziumType> MakeDebeziumType(const DataType& type, const DebeziumOptions& options, bool in_array) {
  if (IsMysql(type)) return MakeMysqlType(type, options);
  DebeziumType t;
  t.form = in_array && type.domain ? Form::kUnknown : FormOf(type);
  t.options = &options;
  t.type = type;
  t.in_array = in_array;
  if (type.precision >= 0) t.digits = type.precision;
  t.scale = t.form == Form::kMoney ? options.money_fraction_digits : std::max(type.scale, 0);
  if (t.form == Form::kArray) {
    if (type.children.empty() || NeverCaptured(type.children[0])) return std::nullopt;
    auto element = MakeDebeziumType(type.children[0], options, true);
    if (!element) return std::nullopt;
    t.element = std::make_unique<DebeziumType>(std::move(*element));
  }
  if (t.form == Form::kUnknown && !options.unknown_types) return std::nullopt;
  t.write = WriterOf(t);
  return t;
}

std::string AdjustName(std::string_view name, O::Names mode) {
  if (mode == O::Names::kNone) return std::string(name);
  std::string out;
  bool first = true;
  ForEachUtf16(name, [&](char16_t c) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const bool digit = c >= '0' && c <= '9';
    if (mode == O::Names::kAvro) {
      if (first && digit) out.push_back('_');
      out.push_back(letter || digit || c == '_' ? static_cast<char>(c) : '_');
    } else if (letter || (digit && !first)) {
      out.push_back(static_cast<char>(c));
    } else {
      constexpr char kHex[] = "0123456789abcdef";
      out += "_u";
      for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[c >> shift & 15]);
    }
    first = false;
  });
  return out;
}

}  // namespace headgate::codec
