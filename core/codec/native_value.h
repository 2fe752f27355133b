#pragma once

#include <string>

#include "core/model/schema.h"
#include "core/model/value.h"

namespace headgate::codec {

// Options of the `native` rendering, per sink (contract 4.1).
struct NativeOptions {
  enum class Decimals { kString, kNumber };
  enum class Json { kEmbed, kText };
  enum class Geometry { kGeoJson, kWkb };
  enum class TinyInt1 { kNumber, kBoolean };

  Decimals decimal = Decimals::kString;
  Json json = Json::kEmbed;
  Geometry geometry = Geometry::kGeoJson;
  TinyInt1 tinyint1 = TinyInt1::kNumber;
};

// Sets the option `name` (decimal, json, geometry, tinyint1). False if it is none of them; kConfig if the value is none
// of its values.
Result<bool> SetOption(NativeOptions& options, std::string_view name, std::string_view value);

// Appends the value as JSON (contract 4.4). An absent value must not come here. False if its stored bytes are
// malformed; what was appended is then undefined.
bool AppendNativeValue(std::string& out, const Value& value, const DataType& type, const NativeOptions& options);

// True for a json or jsonb document that is the JSON null.
bool IsJsonNull(const Value& value);

}  // namespace headgate::codec
