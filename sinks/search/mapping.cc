#include "sinks/search/mapping.h"

#include <algorithm>

#include "core/codec/json_text.h"

namespace headgate::search {
namespace {

constexpr std::string_view kShortText = R"({"type":"keyword","ignore_above":8191})";
constexpr std::string_view kLongText = R"({"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":1024}}})";
constexpr std::string_view kKeptOnly = R"({"type":"object","enabled":false})";  // in the source, not searched
constexpr std::int32_t kDoubleDigits = 15;                                      // decimal digits that a double keeps

struct Kind {
  std::string_view type;
  std::string_view mapping = {};  // {"type":"<type>"} if empty
};

Kind ObjectKind(Product product) { return {product == Product::kOpenSearch ? "flat_object" : "flattened"}; }

// Up to 32 bits it fits a long.
bool IsUnsigned64(const DataType& type) { return type.base.find("big") != std::string::npos || type.base == "xid8"; }

// Of PostGIS.
bool IsExtensionGeometry(const DataType& type) {
  return type.extension && (type.base == "geometry" || type.base == "geography");
}

Kind KindOf(const DataType& type, Product product) {
  if (IsExtensionGeometry(type)) return {"geo_shape"};
  if (type.extension && type.base == "sparsevec") return ObjectKind(product);
  switch (type.kind) {
    case TypeKind::kBool:
      return {"boolean"};
    case TypeKind::kInt16:
      return {"short"};
    case TypeKind::kInt32:
      return {"integer"};
    case TypeKind::kInt64:
      return {"long"};
    case TypeKind::kUint:
      return {IsUnsigned64(type) ? "unsigned_long" : "long"};
    case TypeKind::kFloat:
      return {"float"};
    case TypeKind::kDouble:
      return {"double"};
    case TypeKind::kDecimal:
      if (type.precision > 0 && type.precision <= kDoubleDigits) return {"double"};
      return {"keyword", kShortText};
    case TypeKind::kText:
    case TypeKind::kXml:
      return {"text", kLongText};
    case TypeKind::kDate:
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz:
      return {"date"};
    case TypeKind::kBytes:
      return {"binary"};
    case TypeKind::kJson:
    case TypeKind::kJsonb:
    case TypeKind::kHstore:
    case TypeKind::kComposite:
      return ObjectKind(product);
    case TypeKind::kGeometry:
      return {"geo_shape"};
    case TypeKind::kArray:
      return type.children.empty() ? Kind{"keyword", kShortText} : KindOf(type.children[0], product);
    default:
      return {"keyword", kShortText};
  }
}

bool IsDateColumn(const DataType& type) {
  if (type.kind == TypeKind::kArray && !type.children.empty()) return IsDateColumn(type.children[0]);
  return type.kind == TypeKind::kDate || type.kind == TypeKind::kTimestamp || type.kind == TypeKind::kTimestampTz;
}

template <std::size_t N>
bool IsOneOf(std::string_view type, const std::string_view (&types)[N]) {
  return std::ranges::find(types, type) != std::end(types);
}

Field::Takes TakesOf(std::string_view type, const DataType& column) {
  constexpr std::string_view kNumbers[] = {"long",  "integer",    "short",        "byte",         "double",
                                           "float", "half_float", "scaled_float", "unsigned_long"};
  constexpr std::string_view kPlain[] = {"text", "keyword", "boolean", "binary", "wildcard", "ip"};
  if (IsOneOf(type, kNumbers)) return Field::Takes::kNumber;
  if (type.starts_with("date")) return IsDateColumn(column) ? Field::Takes::kDate : Field::Takes::kPlain;
  return IsOneOf(type, kPlain) ? Field::Takes::kPlain : Field::Takes::kAny;
}

Field Named(std::string_view name, std::string_view type, std::string_view mapping = {}) {
  Field field;
  field.name = name;
  field.type = type;
  field.mapping = mapping.empty() ? "{\"type\":\"" + field.type + "\"}" : std::string(mapping);
  return field;
}

Field FieldOf(const Column& column, std::size_t index, const Options& options, Product product) {
  const auto given = options.mapping.find(column.name);
  const Kind kind = KindOf(column.type, product);
  Field field = given == options.mapping.end() ? Named(column.name, kind.type, kind.mapping)
                                               : Named(column.name, given->second.type, given->second.mapping);
  field.column = index;
  codec::AppendJsonString(field.head, field.name);
  field.head.push_back(':');
  field.takes = TakesOf(field.type, column.type);
  const bool json = column.type.kind == TypeKind::kJson || column.type.kind == TypeKind::kJsonb;
  field.wraps = json && (field.type == "flat_object" || field.type == "flattened");
  if (field.takes == Field::Takes::kNumber) field.rendering.decimal = codec::NativeOptions::Decimals::kNumber;
  if (field.type == "boolean") field.rendering.tinyint1 = codec::NativeOptions::TinyInt1::kBoolean;
  return field;
}

bool IsWanted(const std::string& column, const Options& options) {
  const auto listed = [&](const std::vector<std::string>& patterns) {
    return std::ranges::any_of(patterns, [&](const std::string& one) { return MatchesPattern(column, one); });
  };
  return (options.include.empty() || listed(options.include)) && !listed(options.exclude);
}

std::string_view TypeOf(EnvelopeField field) {
  if (field == EnvelopeField::kSeq) return "long";
  return field == EnvelopeField::kCommitAt ? "date" : "keyword";
}

// Fields that no column has. Their names must be theirs alone.
Status AddOthers(const TableSchema& schema, std::string_view stream, const Options& options, Layout& layout) {
  for (const EnvelopeField field : options.envelope_fields) layout.others.push_back(Named(Name(field), TypeOf(field)));
  if (options.soft_delete) layout.others.push_back(Named(kDeletedAt, "date"));
  for (const Field& field : layout.others) {
    if (std::ranges::find(schema.columns, field.name, &Column::name) != schema.columns.end())
      return ConfigError("Stream " + std::string(stream) + " has a column " + field.name +
                         ", and the settings give documents a field of that name. Change envelope_fields or "
                         "delete_mode, or rename the column");
  }
  for (const auto& [name, given] : options.mapping) {
    const auto is_named = [&name = name](const auto& one) { return one.name == name; };
    if (!std::ranges::any_of(schema.columns, is_named) && !std::ranges::any_of(layout.others, is_named))
      layout.others.push_back(Named(name, given.type, given.mapping));
  }
  return Ok();
}

}  // namespace

std::optional<FieldOverride> InsteadOf(std::string_view type) {
  if (type == "unsigned_long") return FieldOverride{"keyword", std::string(kShortText)};
  if (type == "flat_object" || type == "flattened" || type == "geo_shape")
    return FieldOverride{"object", std::string(kKeptOnly)};
  return std::nullopt;
}

Result<Layout> LayoutOf(const TableSchema& schema, std::string_view stream, const Options& options, Product product) {
  Layout layout;
  const auto column_of = [&](const std::string& name, std::string_view setting) -> Result<std::size_t> {
    const auto it = std::ranges::find(schema.columns, name, &Column::name);
    if (it != schema.columns.end()) return static_cast<std::size_t>(it - schema.columns.begin());
    return ConfigError("Stream " + std::string(stream) + " has no column " + name + ", which " + std::string(setting) +
                       " names");
  };
  const std::vector<std::size_t> told = schema.EventKey();
  const auto check_told = [&](std::size_t column) {
    if (std::ranges::find(told, column) == told.end()) layout.told_by_key = false;
  };
  layout.key = told;
  if (!options.key_columns.empty()) layout.key.clear();
  for (const std::string& name : options.key_columns) {
    HG_ASSIGN_OR_RETURN(const std::size_t column, column_of(name, "key_columns"));
    layout.key.push_back(column);
    check_told(column);
  }
  if (layout.key.empty())
    return ConfigError("Stream " + std::string(stream) +
                       " has no key, so its rows cannot be documents. Give the table a primary key, name columns that "
                       "tell rows apart in key_columns, or deliver a view that has a key");
  if (!options.routing_column.empty()) {
    HG_ASSIGN_OR_RETURN(layout.routing, column_of(options.routing_column, "routing_column"));
    check_told(*layout.routing);
  }
  for (const std::size_t column : layout.key) layout.key_names.push_back(schema.columns[column].name);
  for (std::size_t i = 0; i < schema.columns.size(); ++i) {
    const bool in_key = std::ranges::find(layout.key, i) != layout.key.end();
    if (in_key || IsWanted(schema.columns[i].name, options))
      layout.fields.push_back(FieldOf(schema.columns[i], i, options, product));
  }
  HG_RETURN_IF_ERROR(AddOthers(schema, stream, options, layout));
  return layout;
}

}  // namespace headgate::search
