#include "core/codec/debezium_value.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/encoding.h"
#include "core/codec/decimal.h"
#include "core/codec/geometry.h"
#include "core/codec/java_map.h"
#include "core/codec/json_text.h"
#include "core/codec/pg_text.h"

namespace headgate::codec {

const char* const kAsNull = "the value has no form in this rendering and its column does not allow null";

namespace {

using O = DebeziumOptions;
using Form = DebeziumForm;

constexpr const char* kWrongKind = "the stored value is of another kind than its column";
constexpr const char* kNotUtf8 = "the text is not valid UTF-8, which this rendering cannot hold";
constexpr const char* kNonFinite =
    "NaN and infinities have no form under decimal.handling.mode=precise; use string or double, or compat.nonfinite_decimal=null";
constexpr const char* kMalformed = "the stored value cannot be read as its type";

const char* WriteInteger(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind == ValueKind::kInt) {
    AppendInt(out, v.i);
  } else if (v.kind == ValueKind::kUint) {
    AppendUint(out, v.u);
  } else {
    return kWrongKind;
  }
  return nullptr;
}

const char* WriteReal(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kFloat) return kWrongKind;
  AppendJavaFloat(out, static_cast<float>(v.d));
  return nullptr;
}

const char* WriteDouble(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kDouble) return kWrongKind;
  AppendJavaDouble(out, v.d);
  return nullptr;
}

const char* WriteBoolean(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kBool) return kWrongKind;
  out += v.b ? "true" : "false";
  return nullptr;
}

// Text types, and types whose server text passes through.
const char* WriteString(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind == ValueKind::kText || v.kind == ValueKind::kJson) {
    AppendJsonString(out, v.text);
    return nullptr;
  }
  if (v.kind == ValueKind::kRawText) return kNotUtf8;
  std::string text;
  if (!AppendServerText(text, v, t.type)) return kMalformed;
  AppendJsonString(out, text);
  return nullptr;
}

const char* WriteUuid(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kUuid) return WriteString(out, t, v);
  out.push_back('"');
  AppendUuid(out, v.text);
  out.push_back('"');
  return nullptr;
}

const char* WriteBytes(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kBytes) return kWrongKind;
  AppendBinary(out, v.text, t.options->binary);
  return nullptr;
}

const char* WriteUnknown(std::string& out, const DebeziumType& t, const Value& v) {
  std::string text;
  if (!AppendServerText(text, v, t.type)) return kMalformed;
  AppendBinary(out, text, t.options->binary);
  return nullptr;
}

const char* WriteBit(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kBits) return kWrongKind;
  out += v.text == "1" ? "true" : "false";
  return nullptr;
}

// The bits as a number, least significant byte first, without zero bytes at the end.
const char* WriteBits(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kBits) return kWrongKind;
  std::string bytes;
  for (std::size_t i = 0; i < v.text.size(); ++i) {
    const std::size_t bit = v.text.size() - 1 - i;  // of the number
    if (v.text[i] != '1') continue;
    if (bytes.empty()) bytes.resize(bit / 8 + 1, '\0');
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] | 1 << bit % 8);
  }
  out.push_back('"');
  AppendBase64(out, bytes);
  out.push_back('"');
  return nullptr;
}

bool IsNonFinite(std::string_view text) { return text.empty() || text.back() < '0' || text.back() > '9'; }

const char* NonFinite(std::string& out, const DebeziumType& t) {
  if (t.options->nonfinite == O::NonFinite::kPark) return kNonFinite;
  if (t.in_array) return kAsNull;
  out += "null";
  return nullptr;
}

const char* WriteDecimalText(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kDecimal) return kWrongKind;
  out.push_back('"');
  if (v.text == "NaN") {
    out += "NAN";
  } else if (IsNonFinite(v.text)) {
    out += v.text.starts_with('-') ? "NEGATIVE_INFINITY" : "POSITIVE_INFINITY";
  } else {
    out += v.text;
  }
  out.push_back('"');
  return nullptr;
}

const char* WriteDecimalDouble(std::string& out, const DebeziumType&, const Value& v) {
  if (v.kind != ValueKind::kDecimal) return kWrongKind;
  AppendJavaDouble(out, DecimalToDouble(v.text));
  return nullptr;
}

// numeric(p,s) and money: the unscaled number at the scale of the type.
const char* WriteScaled(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kDecimal) return kWrongKind;
  if (IsNonFinite(v.text)) return NonFinite(out, t);
  if (t.options->decimal_format == O::DecimalFormat::kBase64) {
    out.push_back('"');
    if (AppendSmallUnscaledBase64(out, v.text, t.scale)) {
      out.push_back('"');
      return nullptr;
    }
    out.pop_back();
  }
  auto d = ParseDecimal(v.text);
  if (!d) return kMalformed;
  SetScale(*d, t.scale);
  if (t.options->decimal_format == O::DecimalFormat::kNumeric) {
    AppendJavaDecimal(out, *d);
    return nullptr;
  }
  out.push_back('"');
  AppendUnscaledBase64(out, *d);
  out.push_back('"');
  return nullptr;
}

// numeric without a scale: the scale travels with the value, base64 in both decimal formats.
const char* WriteFree(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kDecimal) return kWrongKind;
  if (IsNonFinite(v.text)) return NonFinite(out, t);
  auto d = ParseDecimal(v.text);
  if (!d) return kMalformed;
  StripZeros(*d);
  out += "{\"scale\":";
  AppendInt(out, d->scale);
  out += ",\"value\":\"";
  AppendUnscaledBase64(out, *d);
  out += "\"}";
  return nullptr;
}

using StringAppender = void (*)(std::string&, std::string_view);

void AppendMap(std::string& out, const std::vector<HstoreEntry>& entries, StringAppender append) {
  std::vector<std::uint32_t> hashes;
  for (const HstoreEntry& entry : entries) hashes.push_back(JavaStringHash(entry.key));
  out.push_back('{');
  bool first = true;
  for (const std::size_t i : JavaMapOrder(hashes)) {
    if (!first) out.push_back(',');
    first = false;
    append(out, entries[i].key);
    out.push_back(':');
    if (entries[i].value) {
      append(out, *entries[i].value);
    } else {
      out += "null";
    }
  }
  out.push_back('}');
}

const char* WriteHstore(std::string& out, const DebeziumType& t, const Value& v) {
  std::vector<HstoreEntry> entries;
  if (v.kind == ValueKind::kRawText) return kNotUtf8;
  if (v.kind != ValueKind::kText || !ParseHstore(v.text, entries)) return kMalformed;
  if (t.options->hstore == O::Hstore::kMap) {
    AppendMap(out, entries, AppendJsonString);
    return nullptr;
  }
  std::string json;
  AppendMap(json, entries, AppendInnerJsonString);
  AppendJsonString(out, json);
  return nullptr;
}

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
  std::string text;
  if (v.kind != ValueKind::kText) return kWrongKind;
  out.push_back('[');
  for (const char c : v.text) {
    if (c != ' ' && c != '-' && (c < '0' || c > '9')) return kMalformed;
    out.push_back(c == ' ' ? ',' : c);
  }
  out.push_back(']');
  return nullptr;
}

const char* WriteDimension(std::string& out, ArrayReader& in, const DebeziumType& element, std::size_t depth) {
  out.push_back('[');
  const std::int64_t length = in.dimensions()[depth].length;
  for (std::int64_t i = 0; i < length; ++i) {
    if (i > 0) out.push_back(',');
    if (in.done()) return kMalformed;
    if (depth + 1 < in.dimensions().size()) {
      if (const char* why = WriteDimension(out, in, element, depth + 1)) return why;
      continue;
    }
    const Value v = in.Next();
    if (in.failed() || v.is_absent()) return kMalformed;
    if (v.is_null()) {
      out += "null";
    } else if (const char* why = element.write(out, element, v)) {
      return why;
    }
  }
  out.push_back(']');
  return nullptr;
}

const char* WriteArray(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kArray) return kWrongKind;
  ArrayReader in(v.text);
  if (in.failed()) return kMalformed;
  if (in.dimensions().empty()) {
    out += "[]";
    return nullptr;
  }
  const std::size_t start = out.size();
  const char* why = WriteDimension(out, in, *t.element, 0);
  if (why != kAsNull) return why;
  out.resize(start);
  out += "null";
  return nullptr;
}

struct NamedForm {
  std::string_view base;
  Form form;
};
// Sorted by name. What is not here is unknown to upstream.
constexpr NamedForm kForms[] = {
    {"bit", Form::kBits},
    {"bool", Form::kBoolean},
    {"box", Form::kShape},
    {"bpchar", Form::kString},
    {"bytea", Form::kBytes},
    {"char", Form::kString},
    {"cidr", Form::kString},
    {"circle", Form::kCircle},
    {"citext", Form::kString},
    {"date", Form::kDate},
    {"daterange", Form::kString},
    {"float4", Form::kReal},
    {"float8", Form::kDouble},
    {"geography", Form::kGeography},
    {"geometry", Form::kGeometry},
    {"halfvec", Form::kVector},
    {"hstore", Form::kHstore},
    {"inet", Form::kString},
    {"int2", Form::kInteger},
    {"int2vector", Form::kIntVector},
    {"int4", Form::kInteger},
    {"int4range", Form::kString},
    {"int8", Form::kInteger},
    {"int8range", Form::kString},
    {"interval", Form::kInterval},
    {"isbn", Form::kString},
    {"json", Form::kJson},
    {"jsonb", Form::kJson},
    {"line", Form::kLine},
    {"lseg", Form::kShape},
    {"ltree", Form::kString},
    {"macaddr", Form::kString},
    {"macaddr8", Form::kString},
    {"money", Form::kMoney},
    {"name", Form::kString},
    {"numeric", Form::kFreeDecimal},
    {"numrange", Form::kString},
    {"oid", Form::kInteger},
    {"oidvector", Form::kIntVector},
    {"path", Form::kShape},
    {"point", Form::kPoint},
    {"polygon", Form::kShape},
    {"sparsevec", Form::kSparseVector},
    {"text", Form::kString},
    {"time", Form::kTime},
    {"timestamp", Form::kTimestamp},
    {"timestamptz", Form::kTimestampTz},
    {"timetz", Form::kTimeTz},
    {"tsrange", Form::kString},
    {"tstzrange", Form::kString},
    {"tsvector", Form::kString},
    {"uuid", Form::kUuid},
    {"varbit", Form::kBits},
    {"varchar", Form::kString},
    {"vector", Form::kVector},
    {"xml", Form::kString},
};

Form FormOf(const DataType& type) {
  if (type.kind == TypeKind::kArray) return Form::kArray;
  if (type.kind == TypeKind::kComposite) return Form::kUnknown;
  if (type.kind == TypeKind::kEnum) return Form::kString;
  const auto* found = std::ranges::lower_bound(kForms, std::string_view(type.base), {}, &NamedForm::base);
  if (found == std::end(kForms) || found->base != type.base) return Form::kUnknown;
  if (found->form == Form::kBits && type.length == 1) return Form::kBit;
  if (found->form == Form::kFreeDecimal && type.precision >= 0) return Form::kScaledDecimal;
  return found->form;
}

DebeziumWriter DecimalWriter(Form form, O::Decimals mode) {
  switch (mode) {
    case O::Decimals::kDouble: return WriteDecimalDouble;
    case O::Decimals::kString: return WriteDecimalText;
    default: return form == Form::kFreeDecimal ? WriteFree : WriteScaled;
  }
}

DebeziumWriter WriterOf(const DebeziumType& t) {
  switch (t.form) {
    case Form::kInteger: return WriteInteger;
    case Form::kReal: return WriteReal;
    case Form::kDouble: return WriteDouble;
    case Form::kBoolean: return WriteBoolean;
    case Form::kString:
    case Form::kJson: return WriteString;
    case Form::kUuid: return WriteUuid;
    case Form::kBytes: return WriteBytes;
    case Form::kBit: return WriteBit;
    case Form::kBits: return WriteBits;
    case Form::kScaledDecimal:
    case Form::kFreeDecimal:
    case Form::kMoney: return DecimalWriter(t.form, t.options->decimals);
    case Form::kDate:
    case Form::kTime:
    case Form::kTimeTz:
    case Form::kTimestamp:
    case Form::kTimestampTz:
    case Form::kInterval: return TemporalWriter(t.form, t.options->time, t.options->interval, t.digits);
    case Form::kHstore: return WriteHstore;
    case Form::kPoint: return WritePoint;
    case Form::kShape: return WriteShape;
    case Form::kCircle: return WriteCircle;
    case Form::kLine: return WriteLine;
    case Form::kGeometry:
    case Form::kGeography: return WriteGeometry;
    case Form::kVector: return WriteVector;
    case Form::kSparseVector: return WriteSparseVector;
    case Form::kIntVector: return WriteIntVector;
    case Form::kArray: return WriteArray;
    case Form::kUnknown: return WriteUnknown;
  }
  return WriteUnknown;
}

// Arrays that upstream leaves out even where it captures unknown types.
bool NeverCaptured(const DataType& element) {
  return !element.domain && (element.base == "point" || element.base == "name" || element.base == "money" || element.base == "interval");
}

}  // namespace

std::optional<DebeziumType> MakeDebeziumType(const DataType& type, const DebeziumOptions& options, bool in_array) {
  DebeziumType t;
  t.form = in_array && type.domain ? Form::kUnknown : FormOf(type);
  t.options = &options;
  t.type = type;
  t.in_array = in_array;
  if (type.precision >= 0) t.digits = type.precision;
  t.scale = t.form == Form::kMoney ? options.money_fraction_digits : std::max(type.scale, 0);
  if (t.form == Form::kArray) {
    if (type.children.empty() || NeverCaptured(type.children[0])) return std::nullopt;
    auto element = MakeDebeziumType(type.children[0], options, true);
    if (!element) return std::nullopt;
    t.element = std::make_unique<DebeziumType>(std::move(*element));
  }
  if (t.form == Form::kUnknown && !options.unknown_types) return std::nullopt;
  t.write = WriterOf(t);
  return t;
}

void AppendBinary(std::string& out, std::string_view bytes, O::Binary mode) {
  out.push_back('"');
  switch (mode) {
    case O::Binary::kBytes:
    case O::Binary::kBase64: AppendBase64(out, bytes); break;
    case O::Binary::kBase64Url: AppendBase64Url(out, bytes); break;
    case O::Binary::kHex: AppendHex(out, bytes); break;
  }
  out.push_back('"');
}

std::string AdjustName(std::string_view name, O::Names mode) {
  if (mode == O::Names::kNone) return std::string(name);
  std::string out;
  bool first = true;
  ForEachUtf16(name, [&](char16_t c) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    const bool digit = c >= '0' && c <= '9';
    if (mode == O::Names::kAvro) {
      if (first && digit) out.push_back('_');
      out.push_back(letter || digit || c == '_' ? static_cast<char>(c) : '_');
    } else if (letter || (digit && !first)) {
      out.push_back(static_cast<char>(c));
    } else {
      constexpr char kHex[] = "0123456789abcdef";
      out += "_u";
      for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[c >> shift & 15]);
    }
    first = false;
  });
  return out;
}

}  // namespace headgate::codec
