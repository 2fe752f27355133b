#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/model/schema.h"

// Values of MySQL and MariaDB in the forms that renderings share.
namespace headgate::codec {

inline bool IsMysql(const DataType& type) { return type.family == TypeFamily::kMysql; }
// "boolean": declared by that word, which only the stream of statements tells.
inline bool IsTinyInt1(const DataType& type) {
  return IsMysql(type) && (type.base == "tinyint" || type.base == "boolean") && type.length == 1;
}

// [-]HH:MM:SS[.f] with `digits` digits, hours of two or three.
void AppendMysqlTime(std::string& out, std::int64_t us, int digits);

// The labels of a SET's value, as a JSON array.
void AppendLabels(std::string& out, std::string_view value);

// A spatial value as it is stored, SRID and WKB, as hexadecimal EWKB (geometry.h). "" if it cannot be one.
std::string HexEwkbOf(std::string_view stored);
// Its parts. False likewise.
bool SplitGeometry(std::string_view stored, std::uint32_t& srid, std::string_view& wkb);

// Exchanges X and Y of every point. False, `wkb` undefined, if it makes no sense.
bool SwapCoordinates(std::string& wkb);

// A double as the server prints it in JSON: the shortest digits, plain up to 15 places on either side of the point.
void AppendMysqlDouble(std::string& out, double v);
// Whether the text of a number with a point cannot be that of a double: it is a DECIMAL then.
bool IsSurelyDecimal(std::string_view number);

// MySQL's JSON as upstream's stream writes it (DM39 to DM43, X1 to X4): `marked` is Value::marked_json().
void AppendStreamJson(std::string& out, std::string_view marked);

}  // namespace headgate::codec
