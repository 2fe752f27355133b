#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/codec/avro_schema.h"
#include "core/model/schema.h"
#include "core/model/value.h"

// What a column is in Avro, and how its values are written. Planned once a schema version.
//
//   smallint, integer                int
//   bigint; unsigned up to 32 bits   long
//   unsigned of 64 bits              bytes, decimal(20,0)
//   real, double precision           float, double
//   boolean                          boolean
//   numeric(p,s)                     bytes, decimal(p,s); NaN and infinities have no form
//   numeric                          string: Avro fixes the scale
//   date                             int, date; infinity and dates that no calendar has have no form
//   time                             long, time-micros (PostgreSQL; 24:00:00 is a day); MySQL's, which is signed:
//   string timestamp                        long, local-timestamp-micros timestamptz, MySQL's TIMESTAMP   long,
//   timestamp-micros uuid                             string, uuid bytea, BLOB, ...                 bytes text, enum,
//   json                 string array of such                    array; one dimension that starts at 1, others have no
//   form SET                              array of string everything else                  string: what the native
//   rendering shows
//
// A column that allows null is a union with null, null first and its default.
namespace headgate::codec {

struct AvroColumn;
// Appends the value, which is neither null nor absent. Returns nullptr, or why Avro has no form for it (a constant
// text; what was appended is then undefined).
using AvroWrite = const char* (*)(std::string& out, const AvroColumn& column, const Value& value);

struct AvroColumn {
  std::string name;   // a name of Avro, which no other column of the record has
  std::string plain;  // the database's, for errors
  AvroType type = AvroType::kString;
  AvroWrite write = nullptr;
  DataType source;
  bool nullable = true;
  std::unique_ptr<AvroColumn> element;  // of an array

  // The schema of its values, a null apart.
  std::string SchemaOfValue() const;
  // {"name":"total","type":["null",...],"default":null}
  std::string SchemaOfField() const;
};

// The columns in order. Names that Avro does not allow get _ for what it does not allow; equal ones a number.
std::vector<AvroColumn> AvroColumnsOf(const TableSchema& schema);
// One name of Avro: [A-Za-z_][A-Za-z0-9_]*.
std::string AvroName(std::string_view name);

// As Avro writes them: the length is a signed number.
void AppendAvroBytes(std::string& out, std::string_view bytes);

}  // namespace headgate::codec
