#include "core/model/schema.h"

#include <algorithm>

#include "core/model/change.pb.h"

namespace headgate {
namespace {

void Store(const DataType& type, stored::StoredType& out) {
  out.set_kind(static_cast<std::uint32_t>(type.kind));
  out.set_declared(type.declared);
  out.set_base(type.base);
  out.set_oid(type.oid);
  out.set_length(type.length);
  out.set_precision(type.precision);
  out.set_scale(type.scale);
  out.set_domain(type.domain);
  out.set_extension(type.extension);
  out.set_family(static_cast<std::uint32_t>(type.family));
  out.set_family(static_cast<std::uint32_t>(type.family));
  for (const DataType& child : type.children) Store(child, *out.add_children());
  for (const std::string& name : type.field_names) out.add_field_names(name);
}

DataType Load(const stored::StoredType& in) {
  DataType type;
  type.kind = static_cast<TypeKind>(in.kind());
  type.declared = in.declared();
  type.base = in.base();
  type.oid = in.oid();
  type.length = in.length();
  type.precision = in.precision();
  type.scale = in.scale();
  type.domain = in.domain();
  type.extension = in.extension();
  type.family = static_cast<TypeFamily>(in.family());
  type.family = static_cast<TypeFamily>(in.family());
  for (const auto& child : in.children()) type.children.push_back(Load(child));
  for (const auto& name : in.field_names()) type.field_names.push_back(name);
  return type;
}

}  // namespace

std::vector<std::size_t> TableSchema::Key() const {
  std::vector<std::size_t> key;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].key_position > 0) key.push_back(i);
  }
  std::ranges::sort(key, {}, [&](std::size_t i) { return columns[i].key_position; });
  return key;
}

std::vector<std::size_t> TableSchema::EventKey() const {
  std::vector<std::size_t> key = Key();
  const auto logged = [&](std::size_t i) { return columns[i].identity; };
  if (replica_identity != 'i' || (!key.empty() && std::ranges::all_of(key, logged))) return key;
  std::vector<std::size_t> index;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (logged(i)) index.push_back(i);
  }
  return index.empty() ? key : index;
}

std::string EncodeSchema(const TableSchema& schema) {
  stored::StoredSchema out;
  out.set_database(schema.database);
  out.set_schema(schema.schema);
  out.set_table(schema.table);
  out.set_replica_identity(static_cast<unsigned char>(schema.replica_identity));
  out.set_relation_id(schema.relation_id);
  for (const Column& column : schema.columns) {
    auto& c = *out.add_columns();
    c.set_name(column.name);
    Store(column.type, *c.mutable_type());
    c.set_nullable(column.nullable);
    c.set_generated(column.generated);
    c.set_identity(column.identity);
    c.set_key_position(column.key_position);
    if (column.default_expression) c.set_default_expression(*column.default_expression);
    if (column.value_before) c.set_value_before(*column.value_before);
    c.set_written(column.written);
    if (column.written_default) c.set_written_default(*column.written_default);
    c.set_charset(column.charset);
    c.set_auto_increment(column.auto_increment);
    c.set_comment(column.comment);
  }
  out.set_charset(schema.charset);
  out.set_comment(schema.comment);
  return out.SerializeAsString();
}

Result<TableSchema> DecodeSchema(std::string_view bytes) {
  stored::StoredSchema in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return Corrupt("stored schema cannot be read");
  TableSchema schema;
  schema.database = in.database();
  schema.schema = in.schema();
  schema.table = in.table();
  schema.replica_identity = static_cast<char>(in.replica_identity());
  schema.relation_id = in.relation_id();
  for (const auto& c : in.columns()) {
    Column& column = schema.columns.emplace_back();
    column.name = c.name();
    column.type = Load(c.type());
    column.nullable = c.nullable();
    column.generated = c.generated();
    column.identity = c.identity();
    column.key_position = c.key_position();
    if (c.has_default_expression()) column.default_expression = c.default_expression();
    if (c.has_value_before()) column.value_before = c.value_before();
    column.written = c.written();
    if (c.has_written_default()) column.written_default = c.written_default();
    column.charset = c.charset();
    column.auto_increment = c.auto_increment();
    column.comment = c.comment();
  }
  schema.charset = in.charset();
  schema.comment = in.comment();
  return schema;
}

}  // namespace headgate
