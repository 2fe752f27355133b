#include "sinks/search/mapping.h"

#include "core/codec/json_text.h"

namespace headgate::search {
namespace {

constexpr std::string_view kShortText = R"({"type":"keyword","ignore_above":8191})";
constexpr std::string_view kLongText = R"({"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":1024}}})";
constexpr std::int32_t kDoubleDigits = 15;  // decimal digits that a double keeps

struct Kind {
  std::string_view type;
  std::string_view mapping = {};  // {"type":"<type>"} if empty
};

Kind ObjectKind(Product product) { return {product == Product::kOpenSearch ? "flat_object" : "flattened"}; }

// Up to 32 bits it fits a long.
bool IsUnsigned64(const DataType& type) { return type.base.find("big") != std::string::npos || type.base == "xid8"; }

Kind KindOf(const DataType& type, Product product) {
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

}  // namespace

std::vector<Field> FieldsOf(const TableSchema& schema, Product product) {
  std::vector<Field> fields;
  for (const Column& column : schema.columns) {
    const Kind kind = KindOf(column.type, product);
    Field& field = fields.emplace_back();
    field.name = column.name;
    field.type = kind.type;
    field.mapping = kind.mapping.empty() ? "{\"type\":\"" + field.type + "\"}" : std::string(kind.mapping);
    field.wraps = column.type.kind == TypeKind::kJson || column.type.kind == TypeKind::kJsonb;
    if (kind.type == "double") field.rendering.decimal = codec::NativeOptions::Decimals::kNumber;
  }
  return fields;
}

std::string Properties(const std::vector<Field>& fields) {
  std::string out = "{";
  for (const Field& field : fields) {
    if (out.size() > 1) out.push_back(',');
    codec::AppendJsonString(out, field.name);
    out.append(":").append(field.mapping);
  }
  return out + "}";
}

}  // namespace headgate::search
