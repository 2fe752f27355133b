#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/model/value.h"

// Records of a topic into columns: one interface over the formats that have a schema. Pure but for the registry.
namespace headgate::codec {

// Where a column is in a record.
//
//   temperature        the field of the value
//   value.event.name   a field of a field; `value.` may stand before any path
//   key.id             a field of the key
//   key, value         the whole of it
//   value.event#type   which branch of the union, or which record, stands there: its name without namespace
struct FieldPath {
  bool of_key = false;
  bool type_name = false;
  std::vector<std::string> steps;
  bool operator==(const FieldPath&) const = default;
};
Result<FieldPath> ParseFieldPath(std::string_view text);

// "a=b,c=d", blanks trimmed, in order. kConfig: a pair is none, or two have the same left side.
Result<std::vector<std::pair<std::string, std::string>>> ParsePairs(std::string_view text);

// "sensor_id=sensorID,name=value.event.name": column and path, in order. kConfig: a pair is none, a column is there
// twice.
Result<std::vector<std::pair<std::string, FieldPath>>> ParseFieldMap(std::string_view text);

// True if they differ in nothing but the case of letters and underscores: sensor_id and sensorID.
bool SameFieldName(std::string_view a, std::string_view b);

// Reads keys, or values, of one topic. For one thread.
class RecordDecoder {
 public:
  virtual ~RecordDecoder() = default;

  // `values` gets the value at each of the decoder's paths, in their order. Absent: the record has no such field (it is
  // of an older schema, or of another branch of a union); null where a null stands anywhere on the path. Integers,
  // decimals, times and so on come in their kinds, arrays of such as arrays of one dimension, what is nested deeper as
  // JSON. Texts are views into `bytes` and into the decoder, until its next call.
  //
  // Empty bytes are decoded like others: a null record must not come here. Errors: kRejected, these bytes are no record
  // of the format, or their schema is unknown: a dead letter; others come of the registry and say nothing of the
  // record.
  virtual Status Decode(std::string_view bytes, std::vector<Value>& values) = 0;
};

// The paths as a tree, for decoders: one walk over a record finds them all.
struct WantedFields {
  struct Field;

  int column = -1;       // which gets the value here
  int type_column = -1;  // which gets the name of its type
  std::vector<Field> fields;

  const WantedFields* Find(std::string_view name) const;
  // Gives everything here and below a null.
  void SetNull(std::vector<Value>& values) const;
};
struct WantedFields::Field {
  std::string name;
  WantedFields wanted;
};
// kConfig: two columns have the same path.
Result<WantedFields> WantedOf(const std::vector<FieldPath>& paths);

}  // namespace headgate::codec
