#include "core/codec/debezium_schema.h"

#include <algorithm>

namespace headgate::codec {
namespace {

using O = DebeziumOptions;
using T = ConnectType;

ConnectSchema Text(std::string_view field, bool optional = false) {
  return Plain(T::kString).Optional(optional).Field(field);
}
ConnectSchema Number(T type, std::string_view field, bool optional = false) {
  return Plain(type).Optional(optional).Field(field);
}

ConnectSchema Nanoseconds(const O& options) {
  return options.ts_ns_string ? Text("ts_ns", true) : Number(T::kInt64, "ts_ns", true);
}

ConnectSchema SnapshotSchema(const O& options) {
  if (options.snapshot_boolean) return Number(T::kBoolean, "snapshot", true);
  ConnectSchema schema =
      Named(T::kString, "io.debezium.data.Enum")
          .Parameter("allowed", "true,first,first_in_data_collection,last_in_data_collection,last,false,incremental")
          .Optional()
          .Field("snapshot");
  schema.default_json = "\"false\"";
  return schema;
}

ConnectSchema TransactionSchema() {
  return StructOf("event.block", 1,
                  {Text("id"), Number(T::kInt64, "total_order"), Number(T::kInt64, "data_collection_order")})
      .Optional()
      .Field("transaction");
}

std::string ConnectorName(std::string_view connector, std::string_view what) {
  return "io.debezium.connector." + std::string(connector) + "." + std::string(what);
}

ConnectSchema ColumnOfChange() {
  return StructOf(
      "io.debezium.connector.schema.Column", 1,
      {Text("name"), Number(T::kInt32, "jdbcType"), Number(T::kInt32, "nativeType", true), Text("typeName"),
       Text("typeExpression", true), Text("charsetName", true), Number(T::kInt32, "length", true),
       Number(T::kInt32, "scale", true), Number(T::kInt32, "position"), Number(T::kBoolean, "optional", true),
       Number(T::kBoolean, "autoIncremented", true), Number(T::kBoolean, "generated", true), Text("comment", true),
       Text("defaultValueExpression", true), ArrayOf(Plain(T::kString)).Optional().Field("enumValues")});
}

ConnectSchema SchemaChangeSchema(std::string_view connector, const O& options) {
  ConnectSchema table =
      StructOf("io.debezium.connector.schema.Table", 1,
               {Text("defaultCharsetName", true), ArrayOf(Plain(T::kString)).Optional().Field("primaryKeyColumnNames"),
                ArrayOf(ColumnOfChange()).Field("columns"), Text("comment", true)})
          .Optional()
          .Field("table");
  ConnectSchema change =
      StructOf("io.debezium.connector.schema.Change", 1, {Text("type"), Text("id"), std::move(table)});
  return StructOf(
      ConnectorName(connector, "SchemaChangeValue"), 1,
      {SourceSchema(connector, options).Field("source"), Number(T::kInt64, "ts_ms"), Text("databaseName", true),
       Text("schemaName", true), Text("ddl", true), ArrayOf(std::move(change)).Field("tableChanges")});
}

ConnectSchema MessageSchema(std::string_view connector, const O& options) {
  const bool bytes = options.binary == O::Binary::kBytes;
  ConnectSchema message = StructOf(ConnectorName(connector, "Message"), 1,
                                   {Text("prefix", true), Number(bytes ? T::kBytes : T::kString, "content", true)});
  std::vector<ConnectSchema> fields = {Text("op"), Number(T::kInt64, "ts_ms", true)};
  if (options.message_all_timestamps) {
    fields.push_back(Number(T::kInt64, "ts_us", true));
    fields.push_back(Nanoseconds(options));
  }
  fields.push_back(SourceSchema(connector, options).Field("source"));
  fields.push_back(TransactionSchema());
  fields.push_back(std::move(message).Field("message"));
  return StructOf(ConnectorName(connector, "MessageValue"), 1, std::move(fields));
}

}  // namespace

ConnectSchema SourceSchema(std::string_view connector, const O& options) {
  std::vector<ConnectSchema> fields = {
      Text("version"),         Text("connector"), Text("name"),           Number(T::kInt64, "ts_ms"),
      SnapshotSchema(options), Text("db"),        Text("sequence", true), Number(T::kInt64, "ts_us", true),
      Nanoseconds(options)};
  const auto add = [&](std::initializer_list<ConnectSchema> more) {
    fields.insert(fields.end(), more.begin(), more.end());
  };
  if (connector == "postgresql") {
    add({Text("schema"), Text("table"), Number(T::kInt64, "txId", true), Number(T::kInt64, "lsn", true),
         Number(T::kInt64, "xmin", true), Text("origin", true), Number(T::kInt64, "origin_lsn", true)});
  } else {
    add({Text("table", true), Number(T::kInt64, "server_id"), Text("gtid", true), Text("file"),
         Number(T::kInt64, "pos"), Number(T::kInt32, "row"), Number(T::kInt64, "thread", true), Text("query", true)});
  }
  return StructOf(ConnectorName(connector, "Source"), 1, std::move(fields));
}

ConnectSchema EnvelopeSchema(std::string_view name, const ConnectSchema& row, std::string_view connector,
                             const O& options) {
  return StructOf(AdjustSchemaName(std::string(name) + ".Envelope", options.schema_names), 2,
                  {ConnectSchema(row).Field("before"), ConnectSchema(row).Field("after"),
                   SourceSchema(connector, options).Field("source"), TransactionSchema(), Text("op"),
                   Number(T::kInt64, "ts_ms", true), Number(T::kInt64, "ts_us", true), Nanoseconds(options)});
}

ConnectSchema KeySchemaOf(ServiceRecord record, std::string_view connector) {
  switch (record) {
    case ServiceRecord::kTransaction:
      return StructOf("io.debezium.connector.common.TransactionMetadataKey", 1, {Text("id")});
    case ServiceRecord::kMessage:
      return StructOf(ConnectorName(connector, "MessageKey"), 1, {Text("prefix", true)});
    case ServiceRecord::kSchemaChange:
      return StructOf(ConnectorName(connector, "SchemaChangeKey"), 1, {Text("databaseName")});
    case ServiceRecord::kHeartbeat:
      break;
  }
  return StructOf("io.debezium.connector.common.ServerNameKey", 1, {Text("serverName")});
}

ConnectSchema ValueSchemaOf(ServiceRecord record, std::string_view connector, const O& options) {
  switch (record) {
    case ServiceRecord::kTransaction: {
      ConnectSchema collection =
          StructOf("event.collection", 1, {Text("data_collection"), Number(T::kInt64, "event_count")}).Optional();
      return StructOf(
          "io.debezium.connector.common.TransactionMetadataValue", 1,
          {Text("status"), Text("id"), Number(T::kInt64, "event_count", true),
           ArrayOf(std::move(collection)).Optional().Field("data_collections"), Number(T::kInt64, "ts_ms")});
    }
    case ServiceRecord::kMessage:
      return MessageSchema(connector, options);
    case ServiceRecord::kSchemaChange:
      return SchemaChangeSchema(connector, options);
    case ServiceRecord::kHeartbeat:
      break;
  }
  return StructOf("io.debezium.connector.common.Heartbeat", 1, {Number(T::kInt64, "ts_ms")});
}

std::string AdjustSchemaName(std::string_view name, O::Names mode) {
  std::string out;
  for (std::size_t start = 0; start <= name.size();) {
    const std::size_t end = std::min(name.find('.', start), name.size());
    if (start != 0) out.push_back('.');
    out += AdjustName(name.substr(start, end - start), mode);
    start = end + 1;
  }
  return out;
}

}  // namespace headgate::codec
