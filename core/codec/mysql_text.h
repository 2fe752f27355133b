#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/model/schema.h"

// Values of MySQL and MariaDB in the forms that renderings share.
namespace headgate::codec {

inline bool IsMysql(const DataType& type) { return type.family == TypeFamily::kMysql; }
inline bool IsTinyInt1(const DataType& type) { return IsMysql(type) && type.base == "tinyint" && type.length == 1; }

// [-]HH:MM:SS[.f] with `digits` digits, hours of two or three.
void AppendMysqlTime(std::string& out, std::int64_t us, int digits);

// The labels of a SET's value, as a JSON array.
void AppendLabels(std::string& out, std::string_view value);

// A spatial value as it is stored, SRID and WKB, as hexadecimal EWKB (geometry.h). "" if it cannot be one.
std::string HexEwkbOf(std::string_view stored);
// Its parts. False likewise.
bool SplitGeometry(std::string_view stored, std::uint32_t& srid, std::string_view& wkb);

// MySQL's JSON as upstream's stream writes it (DM39 to DM43, X1 to X4): `marked` is Value::marked_json().
void AppendStreamJson(std::string& out, std::string_view marked);

}  // namespace headgate::codec
