#include "core/codec/debezium_value.h"

#include <vector>

#include "core/base/encoding.h"
#include "core/codec/decimal.h"
#include "core/codec/java_map.h"
#include "core/codec/json_text.h"
#include "core/codec/pg_text.h"

namespace headgate::codec {

const char* const kAsNull = "the value has no form in this rendering and its column does not allow null";

namespace {

using O = DebeziumOptions;
using Form = DebeziumForm;

constexpr const char* kNotUtf8 = "the text is not valid UTF-8, which this rendering cannot hold";
constexpr const char* kNonFinite =
    "NaN and infinities have no form under decimal.handling.mode=precise; use string or double, or "
    "compat.nonfinite_decimal=null";

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

constexpr const char* kNested =
    "an array of several dimensions does not fit the schema of its column, which knows one; use schemas.enable=false";

const char* WriteArray(std::string& out, const DebeziumType& t, const Value& v) {
  if (v.kind != ValueKind::kArray) return kWrongKind;
  ArrayReader in(v.text);
  if (in.failed()) return kMalformed;
  if (in.dimensions().empty()) {
    out += "[]";
    return nullptr;
  }
  if ((t.options->schemas || t.options->schemas_apart) && in.dimensions().size() > 1) return kNested;
  const std::size_t start = out.size();
  const char* why = WriteDimension(out, in, *t.element, 0);
  if (why != kAsNull) return why;
  out.resize(start);
  out += "null";
  return nullptr;
}

DebeziumWriter DecimalWriter(Form form, O::Decimals mode) {
  switch (mode) {
    case O::Decimals::kDouble:
      return WriteDecimalDouble;
    case O::Decimals::kString:
      return WriteDecimalText;
    default:
      return form == Form::kFreeDecimal ? WriteFree : WriteScaled;
  }
}

}  // namespace

DebeziumWriter PlainWriter(DebeziumForm form, DebeziumOptions::Decimals decimals) {
  switch (form) {
    case Form::kInteger:
      return WriteInteger;
    case Form::kReal:
      return WriteReal;
    case Form::kDouble:
      return WriteDouble;
    case Form::kBoolean:
      return WriteBoolean;
    case Form::kString:
    case Form::kJson:
      return WriteString;
    case Form::kUuid:
      return WriteUuid;
    case Form::kBytes:
      return WriteBytes;
    case Form::kBit:
      return WriteBit;
    case Form::kBits:
      return WriteBits;
    case Form::kScaledDecimal:
    case Form::kFreeDecimal:
    case Form::kMoney:
      return DecimalWriter(form, decimals);
    case Form::kHstore:
      return WriteHstore;
    case Form::kArray:
      return WriteArray;
    default:
      return WriteUnknown;
  }
}

void AppendBinary(std::string& out, std::string_view bytes, O::Binary mode) {
  out.push_back('"');
  switch (mode) {
    case O::Binary::kBytes:
    case O::Binary::kBase64:
      AppendBase64(out, bytes);
      break;
    case O::Binary::kBase64Url:
      AppendBase64Url(out, bytes);
      break;
    case O::Binary::kHex:
      AppendHex(out, bytes);
      break;
  }
  out.push_back('"');
}

}  // namespace headgate::codec
