#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// PostGIS geometries arrive as the server's text, which is hexadecimal EWKB; PostgreSQL's own shapes become WKB here.
namespace headgate::codec {

// The bytes of the server's text and the SRID in them. Nothing if it is not EWKB.
struct Ewkb {
  std::string bytes;
  std::optional<std::uint32_t> srid;
};
std::optional<Ewkb> ParseEwkb(std::string_view hex);

// {"type":"Point","coordinates":[1,2],"srid":4326} (contract, NP44, NP45). False, `out` undefined, if it cannot be
// read.
bool AppendGeoJson(std::string& out, std::string_view hex);
// {"wkb":"...","srid":4326}: little-endian ISO WKB, SRID apart (NP46). False likewise.
bool AppendWkbObject(std::string& out, std::string_view hex);

// Little-endian WKB of points x1, y1, x2, y2, ...
std::string WkbPoint(double x, double y);
std::string WkbLine(const std::vector<double>& points);
std::string WkbPolygon(const std::vector<double>& ring);

}  // namespace headgate::codec
