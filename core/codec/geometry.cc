#include "core/codec/geometry.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "core/base/bytes.h"
#include "core/base/encoding.h"
#include "core/codec/json_text.h"

namespace headgate::codec {
namespace {

constexpr std::uint32_t kHasZ = 0x80000000;
constexpr std::uint32_t kHasM = 0x40000000;
constexpr std::uint32_t kHasSrid = 0x20000000;
constexpr int kMaxDepth = 64;

enum Shape : std::uint32_t {
  kPoint = 1,
  kLineString = 2,
  kPolygon = 3,
  kMultiPoint = 4,
  kMultiLineString = 5,
  kMultiPolygon = 6,
  kCollection = 7,
  kCircularString = 8,
  kCompoundCurve = 9,
  kCurvePolygon = 10,
  kMultiCurve = 11,
  kMultiSurface = 12,
  kPolyhedralSurface = 15,
  kTin = 16,
  kTriangle = 17,
};

const char* ShapeName(std::uint32_t shape) {
  switch (shape) {
    case kPoint:
      return "Point";
    case kLineString:
      return "LineString";
    case kPolygon:
      return "Polygon";
    case kMultiPoint:
      return "MultiPoint";
    case kMultiLineString:
      return "MultiLineString";
    case kMultiPolygon:
      return "MultiPolygon";
    case kCollection:
      return "GeometryCollection";
    case kCircularString:
      return "CircularString";
    case kCompoundCurve:
      return "CompoundCurve";
    case kCurvePolygon:
      return "CurvePolygon";
    case kMultiCurve:
      return "MultiCurve";
    case kMultiSurface:
      return "MultiSurface";
    case kPolyhedralSurface:
      return "PolyhedralSurface";
    case kTin:
      return "TIN";
    case kTriangle:
      return "Triangle";
    default:
      return nullptr;
  }
}

struct Header {
  std::uint32_t shape = 0;
  bool z = false;
  bool m = false;
  std::optional<std::uint32_t> srid;
  std::size_t dimensions() const { return 2u + (z ? 1 : 0) + (m ? 1 : 0); }
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : in_(bytes) {}

  bool ReadHeader(Header& h) {
    big_ = in_.Byte() == 0;
    const std::uint32_t type = Count();
    h = {type & 0xFFFF, (type & kHasZ) != 0, (type & kHasM) != 0, std::nullopt};
    if ((type & kHasSrid) != 0) h.srid = Count();
    return !in_.failed() && ShapeName(h.shape) != nullptr;
  }
  std::uint32_t Count() {
    const auto v = in_.Fixed<std::uint32_t>();
    return big_ ? __builtin_bswap32(v) : v;
  }
  double Coordinate() {
    const auto v = in_.Fixed<std::uint64_t>();
    return std::bit_cast<double>(big_ ? __builtin_bswap64(v) : v);
  }
  bool failed() const { return in_.failed(); }
  bool done() const { return in_.done(); }

 private:
  ByteReader in_;
  bool big_ = false;
};

bool AppendCoordinates(std::string& out, Reader& in, const Header& h, int depth);

void AppendPosition(std::string& out, const double* c, std::size_t n) {
  out.push_back('[');
  for (std::size_t i = 0; i < n; ++i) {
    if (i > 0) out.push_back(',');
    AppendEcmaDouble(out, c[i]);
  }
  out.push_back(']');
}

void ReadPoint(Reader& in, const Header& h, double (&c)[4]) {
  for (std::size_t i = 0; i < h.dimensions(); ++i) c[i] = in.Coordinate();
}

bool AppendLine(std::string& out, Reader& in, const Header& h) {
  out.push_back('[');
  for (std::uint32_t n = in.Count(), i = 0; i < n && !in.failed(); ++i) {
    if (i > 0) out.push_back(',');
    double c[4];
    ReadPoint(in, h, c);
    AppendPosition(out, c, h.dimensions());
  }
  out.push_back(']');
  return !in.failed();
}

// Members that are geometries of their own but show only their coordinates.
bool AppendMembers(std::string& out, Reader& in, int depth) {
  out.push_back('[');
  for (std::uint32_t n = in.Count(), i = 0; i < n && !in.failed(); ++i) {
    if (i > 0) out.push_back(',');
    Header member;
    if (!in.ReadHeader(member) || !AppendCoordinates(out, in, member, depth + 1)) return false;
  }
  out.push_back(']');
  return !in.failed();
}

bool AppendCoordinates(std::string& out, Reader& in, const Header& h, int depth) {
  if (depth > kMaxDepth) return false;
  switch (h.shape) {
    case kPoint: {
      double c[4];
      ReadPoint(in, h, c);
      if (std::isnan(c[0]) && std::isnan(c[1])) {  // the empty point
        out += "[]";
      } else {
        AppendPosition(out, c, h.dimensions());
      }
      return !in.failed();
    }
    case kLineString:
    case kCircularString:
      return AppendLine(out, in, h);
    case kPolygon:
    case kTriangle: {
      out.push_back('[');
      for (std::uint32_t n = in.Count(), i = 0; i < n && !in.failed(); ++i) {
        if (i > 0) out.push_back(',');
        if (!AppendLine(out, in, h)) return false;
      }
      out.push_back(']');
      return !in.failed();
    }
    default:
      return AppendMembers(out, in, depth);
  }
}

bool HoldsGeometries(std::uint32_t shape) {
  return shape == kCollection || (shape >= kCompoundCurve && shape <= kMultiSurface);
}

bool AppendGeometry(std::string& out, Reader& in, int depth) {
  Header h;
  if (depth > kMaxDepth || !in.ReadHeader(h)) return false;
  out += "{\"type\":\"";
  out += ShapeName(h.shape);
  if (HoldsGeometries(h.shape)) {
    out += "\",\"geometries\":[";
    for (std::uint32_t n = in.Count(), i = 0; i < n && !in.failed(); ++i) {
      if (i > 0) out.push_back(',');
      if (!AppendGeometry(out, in, depth + 1)) return false;
    }
    out.push_back(']');
  } else {
    out += "\",\"coordinates\":";
    if (!AppendCoordinates(out, in, h, depth)) return false;
  }
  if (h.m && !h.z) out += ",\"dims\":\"XYM\"";
  if (h.srid && depth == 0) {
    out += ",\"srid\":";
    AppendUint(out, *h.srid);
  }
  out.push_back('}');
  return !in.failed();
}

// Copies a geometry into little-endian ISO WKB: no SRID, dimensions as thousands of the type.
bool CopyIso(std::string& wkb, Reader& in, Header& h, int depth) {
  if (depth > kMaxDepth || !in.ReadHeader(h)) return false;
  wkb.push_back('\1');
  PutFixed(wkb, h.shape + (h.z ? 1000u : 0u) + (h.m ? 2000u : 0u));
  const auto points = [&](std::uint32_t n) {
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(n) * h.dimensions() && !in.failed(); ++i)
      PutFixed(wkb, in.Coordinate());
  };
  const auto count = [&] {
    const std::uint32_t n = in.Count();
    PutFixed(wkb, n);
    return n;
  };
  switch (h.shape) {
    case kPoint:
      points(1);
      break;
    case kLineString:
    case kCircularString:
      points(count());
      break;
    case kPolygon:
    case kTriangle:
      for (std::uint32_t n = count(), i = 0; i < n && !in.failed(); ++i) points(count());
      break;
    default:
      for (std::uint32_t n = count(), i = 0; i < n && !in.failed(); ++i) {
        Header member;
        if (!CopyIso(wkb, in, member, depth + 1)) return false;
      }
  }
  return !in.failed();
}

std::string WkbStart(std::uint32_t type) {
  std::string wkb(1, '\1');
  PutFixed(wkb, type);
  return wkb;
}

}  // namespace

std::optional<Ewkb> ParseEwkb(std::string_view hex) {
  auto bytes = FromHex(hex);
  if (!bytes) return std::nullopt;
  Header h;
  if (!Reader(*bytes).ReadHeader(h)) return std::nullopt;
  return Ewkb{std::move(*bytes), h.srid};
}

bool AppendGeoJson(std::string& out, std::string_view hex) {
  const auto bytes = FromHex(hex);
  if (!bytes) return false;
  Reader in(*bytes);
  return AppendGeometry(out, in, 0) && in.done();
}

bool AppendWkbObject(std::string& out, std::string_view hex) {
  const auto bytes = FromHex(hex);
  if (!bytes) return false;
  Reader in(*bytes);
  std::string wkb;
  Header h;
  if (!CopyIso(wkb, in, h, 0) || !in.done()) return false;
  out += "{\"wkb\":\"";
  AppendBase64(out, wkb);
  out.push_back('"');
  if (h.srid) {
    out += ",\"srid\":";
    AppendUint(out, *h.srid);
  }
  out.push_back('}');
  return true;
}

std::string WkbPoint(double x, double y) {
  std::string wkb = WkbStart(kPoint);
  PutFixed(wkb, x);
  PutFixed(wkb, y);
  return wkb;
}

std::string WkbLine(const std::vector<double>& points) {
  std::string wkb = WkbStart(kLineString);
  PutFixed(wkb, static_cast<std::uint32_t>(points.size() / 2));
  for (const double c : points) PutFixed(wkb, c);
  return wkb;
}

std::string WkbPolygon(const std::vector<double>& ring) {
  std::string wkb = WkbStart(kPolygon);
  PutFixed(wkb, std::uint32_t{1});
  PutFixed(wkb, static_cast<std::uint32_t>(ring.size() / 2));
  for (const double c : ring) PutFixed(wkb, c);
  return wkb;
}

}  // namespace headgate::codec
