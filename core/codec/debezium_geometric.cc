#include <charconv>
#include <vector>

#include "core/base/encoding.h"
#include "core/codec/debezium_value.h"
#include "core/codec/geometry.h"
#include "core/codec/java_map.h"
#include "core/codec/json_text.h"
#include "core/codec/pg_text.h"

// Shapes and vectors, rows DP64 to DP71: they arrive as server text and leave as structures.
namespace headgate::codec {
namespace {

using Form = DebeziumForm;

void AppendWkb(std::string& out, std::string_view wkb) {
  out += "\"wkb\":\"";
  AppendBase64(out, wkb);
  out += "\",\"srid\":";
}

void AppendPoint(std::string& out, double x, double y) {
  out += "{\"x\":";
  AppendJavaDouble(out, x);
  out += ",\"y\":";
  AppendJavaDouble(out, y);
  out.push_back(',');
  AppendWkb(out, WkbPoint(x, y));
  out += "null}";
}

bool Numbers(const Value& v, std::vector<double>& numbers) {
  return v.kind == ValueKind::kText && ParseNumbers(v.text, numbers);
}

const char* WritePoint(std::string& out, const DebeziumType&, const Value& v) {
  std::vector<double> n;
  if (!Numbers(v, n) || n.size() != 2) return kMalformed;
  AppendPoint(out, n[0], n[1]);
  return nullptr;
}

// box, lseg, path, polygon as WKB; a box is the ring from its upper right corner clockwise.
const char* WriteShape(std::string& out, const DebeziumType& t, const Value& v) {
  std::vector<double> n;
  if (!Numbers(v, n) || n.size() % 2 != 0 || n.size() < 2) return kMalformed;
  const std::string& name = t.type.base;
  std::string wkb;
  if (name == "box") {
    if (n.size() != 4) return kMalformed;
    wkb = WkbPolygon({n[0], n[1], n[0], n[3], n[2], n[3], n[2], n[1], n[0], n[1]});
  } else if (name == "polygon") {
    if (n.size() > 2 && !(n[0] == n[n.size() - 2] && n[1] == n.back())) n.insert(n.end(), {n[0], n[1]});
    wkb = WkbPolygon(n);
  } else {
    wkb = WkbLine(n);
  }
  out.push_back('{');
  AppendWkb(out, wkb);
  out += "null,\"extensions\":{\"type\":\"" + name;
  if (name == "path") out += v.text.starts_with('(') ? "\",\"closed\":\"true" : "\",\"closed\":\"false";
  out += "\"}}";
  return nullptr;
}

const char* WriteCircle(std::string& out, const DebeziumType&, const Value& v) {
  std::vector<double> n;
  if (!Numbers(v, n) || n.size() != 3) return kMalformed;
  out += "{\"center\":";
  AppendPoint(out, n[0], n[1]);
  out += ",\"radius\":";
  AppendJavaDouble(out, n[2]);
  out.push_back('}');
  return nullptr;
}

const char* WriteLine(std::string& out, const DebeziumType&, const Value& v) {
  std::vector<double> n;
  if (!Numbers(v, n) || n.size() != 3) return kMalformed;
  out += "{\"a\":";
  AppendJavaDouble(out, n[0]);
  out += ",\"b\":";
  AppendJavaDouble(out, n[1]);
  out += ",\"c\":";
  AppendJavaDouble(out, n[2]);
  out.push_back('}');
  return nullptr;
}

const char* WriteGeometry(std::string& out, const DebeziumType& t, const Value& v) {
  const auto geometry = v.kind == ValueKind::kText ? ParseEwkb(v.text) : std::nullopt;
  if (!geometry) return kMalformed;
  out.push_back('{');
  AppendWkb(out, geometry->bytes);
  if (geometry->srid) {
    AppendUint(out, *geometry->srid);
  } else {
    out += "null";
  }
  out += t.form == Form::kGeometry ? ",\"extensions\":null}" : "}";
  return nullptr;
}

const char* WriteVector(std::string& out, const DebeziumType&, const Value& v) {
  std::vector<double> n;
  if (v.text != "[]" && !Numbers(v, n)) return kMalformed;
  out.push_back('[');
  for (std::size_t i = 0; i < n.size(); ++i) {
    if (i > 0) out.push_back(',');
    AppendJavaFloat(out, static_cast<float>(n[i]));
  }
  out.push_back(']');
  return nullptr;
}

const char* WriteSparseVector(std::string& out, const DebeziumType&, const Value& v) {
  SparseVector sparse;
  if (v.kind != ValueKind::kText || !ParseSparseVector(v.text, sparse)) return kMalformed;
  if (sparse.dimensions > 32'767) return kAsNull;  // its count is an INT16
  std::size_t slots = 1;
  while (slots < sparse.indices.size()) slots *= 2;
  out += "{\"dimensions\":";
  AppendUint(out, sparse.dimensions);
  out += ",\"vector\":[";
  bool first = true;
  for (const std::size_t i : JavaMapOrder(sparse.indices, slots)) {
    out += first ? "[" : ",[";
    first = false;
    AppendUint(out, sparse.indices[i]);
    out.push_back(',');
    AppendJavaFloat(out, sparse.values[i]);
    out.push_back(']');
  }
  out += "]}";
  return nullptr;
}

const char* WriteIntVector(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kText) return kMalformed;
  out.push_back('[');
  const char* p = v.text.data();
  const char* const end = p + v.text.size();
  while (p != end) {
    if (p != v.text.data()) {
      if (*p++ != ' ') return kMalformed;
      out.push_back(',');
    }
    std::int64_t number = 0;
    const auto read = std::from_chars(p, end, number);
    if (read.ec != std::errc()) return kMalformed;
    AppendInt(out, number);
    p = read.ptr;
  }
  out.push_back(']');
  return nullptr;
}

}  // namespace

DebeziumWriter GeometricWriter(DebeziumForm form) {
  switch (form) {
    case Form::kPoint:
      return WritePoint;
    case Form::kShape:
      return WriteShape;
    case Form::kCircle:
      return WriteCircle;
    case Form::kLine:
      return WriteLine;
    case Form::kGeometry:
    case Form::kGeography:
      return WriteGeometry;
    case Form::kVector:
      return WriteVector;
    case Form::kSparseVector:
      return WriteSparseVector;
    case Form::kIntVector:
      return WriteIntVector;
    default:
      return nullptr;
  }
}

}  // namespace headgate::codec
