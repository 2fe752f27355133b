#pragma once

#include <string>
#include <vector>

#include "core/codec/connect_schema.h"
#include "core/codec/debezium.h"
#include "core/codec/debezium_value.h"

namespace headgate::codec {

// How the rows of one schema version are written: everything about a column that does not depend on its value.
struct DebeziumEncoder::Shape {
  struct Field {
    std::size_t column = 0;  // in the stored row
    std::string name;        // "id":
    std::string plain_name;  // as the server knows it, for errors
    DebeziumType type;
    bool nullable = true;
    std::string default_json;                // of the column, where it counts as one; "": none
    std::string null;                        // JSON of a NULL
    std::optional<std::string> absent;       // of a column that an old row lacks; nothing: park
    std::optional<std::string> unavailable;  // of one that a new row lacks; nothing: park
  };

  std::string table;  // schema.table
  std::string topic;
  SourceNames names;
  std::size_t columns = 0;  // of the stored row
  std::vector<Field> fields;
  std::vector<std::size_t> key;  // indexes of fields, in key order
  // What stands before a key and a value: {"schema":...,"payload": or nothing.
  std::string key_head;
  std::string value_head;
  std::optional<ConnectSchema> key_schema;  // told apart
  std::optional<ConnectSchema> value_schema;

  Shape(const TableSchema& schema, std::string_view source_name, std::string_view connector,
        const DebeziumOptions& options);

  enum class Image { kBefore, kAfter };
  Status AppendField(std::string& out, const Field& field, const Value& value, Image image) const;
  Status AppendRow(std::string& out, const std::vector<Value>& row, Image image) const;
  static ConnectSchema SchemaOf(const Field& field, const Column& column, const DebeziumOptions& options);
  // Of rows; of keys, if there are any. `schema`: the one that this was made of.
  ConnectSchema RowSchema(const TableSchema& schema, const DebeziumOptions& options) const;
  ConnectSchema KeySchema(const TableSchema& schema, const DebeziumOptions& options) const;
  // Nothing is appended without key columns.
  Status AppendKey(std::string& out, const std::vector<Value>& row, Image image) const;
};

// {"schema":...,"payload":
std::string SchemaHead(const ConnectSchema& schema);

}  // namespace headgate::codec
