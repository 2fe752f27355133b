#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/codec/connect_schema.h"
#include "core/codec/debezium_value.h"

// The schemas that upstream gives its records (schemas.enable), by the options that shape their values. What upstream
// says of 3.7.0: SchemaFactory, PostgresValueConverter, BinlogValueConverters, TemporalPrecisionMode. Pure.
namespace headgate::codec {

// Of the values of a column, which may be null or not by what the caller makes of it; save geometries, which upstream
// always lets be null.
ConnectSchema SchemaOfType(const DebeziumType& type);

// `connector`: "postgresql", "mysql", "mariadb".
ConnectSchema SourceSchema(std::string_view connector, const DebeziumOptions& options);
// `name`: of the topic, without .Envelope. `row`: of before and after.
ConnectSchema EnvelopeSchema(std::string_view name, const ConnectSchema& row, std::string_view connector,
                             const DebeziumOptions& options);

// Records that belong to no table.
enum class ServiceRecord : std::uint8_t { kTransaction, kMessage, kSchemaChange, kHeartbeat };
ConnectSchema KeySchemaOf(ServiceRecord record, std::string_view connector);
ConnectSchema ValueSchemaOf(ServiceRecord record, std::string_view connector, const DebeziumOptions& options);

// A schema's name under schema.name.adjustment.mode; its dots stay.
std::string AdjustSchemaName(std::string_view name, DebeziumOptions::Names mode);

}  // namespace headgate::codec
