#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/codec/connect_schema.h"

// Schemas and data of Kafka Connect in Avro, as Confluent's AvroConverter writes them by its defaults. Pure.
namespace headgate::codec {

// Names have to be Avro's already (schema.name.adjustment.mode). A struct that comes again is told by its name.
std::string AvroSchemaOf(const ConnectSchema& schema);

// Appends data that JsonConverter wrote without schemas. kCorrupt: it does not fit the schema.
Status AppendAvro(std::string& out, const ConnectSchema& schema, std::string_view json);

}  // namespace headgate::codec
