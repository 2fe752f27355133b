#include "core/codec/avro_reader.h"

#include <limits>

#include "core/base/encoding.h"
#include "core/codec/decimal.h"
#include "core/codec/json_text.h"
#include "core/codec/native_value.h"
#include "core/codec/time_text.h"

namespace headgate::codec {
namespace {

// Beyond it no server has a number, and turning bytes into digits takes its square.
constexpr std::size_t kDecimalBytesMax = 1024;

Value ValueOf(ValueKind kind, std::int64_t i) {
  Value v;
  v.kind = kind;
  v.i = i;
  return v;
}

Value ValueOf(ValueKind kind, std::string_view text) {
  Value v;
  v.kind = kind;
  v.text = text;
  return v;
}

Value RealOf(ValueKind kind, double d) {
  Value v;
  v.kind = kind;
  v.d = d;
  return v;
}

// Hex digits with hyphens, as RFC 9562 writes them; nothing else.
std::optional<std::string> UuidBytesOf(std::string_view text) {
  if (text.size() != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return std::nullopt;
  std::string digits;
  for (const char c : text) {
    if (c != '-') digits.push_back(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return digits.size() == 32 ? FromHex(digits) : std::nullopt;
}

bool IsScalar(const AvroNode& node) {
  return node.type != AvroType::kRecord && node.type != AvroType::kArray && node.type != AvroType::kMap &&
         node.type != AvroType::kUnion;
}

// An element of an array as it is stored.
void PutScalar(std::string& out, const Value& v) {
  switch (v.kind) {
    case ValueKind::kBool:
      return PutBool(out, v.b);
    case ValueKind::kInt:
      return PutInt(out, v.i);
    case ValueKind::kFloat:
      return PutFloat(out, static_cast<float>(v.d));
    case ValueKind::kDouble:
      return PutDouble(out, v.d);
    case ValueKind::kDate:
      return PutDate(out, v.i);
    case ValueKind::kTime:
      return PutTime(out, v.i);
    case ValueKind::kTimestamp:
      return PutTimestamp(out, v.i);
    case ValueKind::kTimestampTz:
      return PutTimestampTz(out, v.i);
    case ValueKind::kInterval:
      return PutInterval(out, v.aux, v.i2, v.i);
    case ValueKind::kUuid:
      return PutUuid(out, v.text);
    case ValueKind::kDecimal:
    case ValueKind::kText:
    case ValueKind::kRawText:
    case ValueKind::kBytes:
      return PutBlob(out, v.kind, v.text);
    default:
      return PutNull(out);
  }
}

}  // namespace

void AvroReader::Fail(const char* why) {
  if (!in_.failed() && why_ == nullptr) why_ = why;
  in_.Fail();
}

Status AvroReader::status() const {
  if (!in_.failed()) return Ok();
  return Rejected(why_ != nullptr ? why_ : "the bytes end before the record does: it is cut off");
}

const AvroNode* AvroReader::Branch(const AvroNode& node, std::size_t& index) {
  const std::int64_t v = in_.Signed();
  if (in_.failed()) return nullptr;
  if (v < 0 || static_cast<std::uint64_t>(v) >= node.children.size()) {
    Fail("a union names a branch that its schema does not have");
    return nullptr;
  }
  index = static_cast<std::size_t>(v);
  return &schema_.at(node.children[index]);
}

std::uint64_t AvroReader::Block() {
  std::int64_t count = in_.Signed();
  if (count < 0) {
    in_.Signed();  // the bytes of the block, for those who skip it
    if (count == std::numeric_limits<std::int64_t>::min()) count = 0, Fail("a block has an impossible length");
    count = -count;
  }
  if (in_.failed()) return 0;
  if (static_cast<std::uint64_t>(count) > items_left_) {
    Fail("an array or map claims more items than its bytes can hold");
    return 0;
  }
  items_left_ -= static_cast<std::uint64_t>(count);
  return static_cast<std::uint64_t>(count);
}

std::string_view AvroReader::Bytes() {
  const std::int64_t size = in_.Signed();
  if (size < 0) Fail("a text or bytes have a negative length");
  return in_.Take(size < 0 ? 0 : static_cast<std::size_t>(size));
}

Value AvroReader::ReadLong(const AvroNode& node, std::int64_t v) {
  using L = AvroLogical;
  std::int64_t us = v;
  const bool millis =
      node.logical == L::kTimeMillis || node.logical == L::kTimestampMillis || node.logical == L::kLocalTimestampMillis;
  if (millis && __builtin_mul_overflow(v, std::int64_t{1'000}, &us)) Fail("a time is beyond what its type can hold");
  switch (node.logical) {
    case L::kDate:
      return ValueOf(ValueKind::kDate, v);
    case L::kTimeMillis:
    case L::kTimeMicros:
      if (!IsTimeOfDay(us)) Fail("a time of day is not within a day");
      return ValueOf(ValueKind::kTime, us);
    case L::kTimestampMillis:
    case L::kTimestampMicros:
    case L::kLocalTimestampMillis:
    case L::kLocalTimestampMicros: {
      std::int64_t since_2000 = 0;
      if (__builtin_sub_overflow(us, kEpoch2000Us, &since_2000) || since_2000 == kMinusInfinity)
        Fail("a time is beyond what its type can hold");
      const bool local = node.logical == L::kLocalTimestampMillis || node.logical == L::kLocalTimestampMicros;
      return ValueOf(local ? ValueKind::kTimestamp : ValueKind::kTimestampTz, since_2000);
    }
    default:
      return ValueOf(ValueKind::kInt, v);
  }
}

Value AvroReader::ReadString(const AvroNode& node) {
  const std::string_view text = Bytes();
  if (node.logical == AvroLogical::kUuid) {
    if (auto bytes = UuidBytesOf(text)) return ValueOf(ValueKind::kUuid, Keep() = std::move(*bytes));
  }
  return ValueOf(IsUtf8(text) ? ValueKind::kText : ValueKind::kRawText, text);
}

Value AvroReader::ReadDecimal(const AvroNode& node, std::string_view bytes) {
  if (bytes.size() > kDecimalBytesMax) {
    Fail("a decimal has more than 1024 bytes");
    return {};
  }
  std::string& text = Keep();
  AppendPlainDecimal(text, FromUnscaled(bytes, node.scale));
  return ValueOf(ValueKind::kDecimal, text);
}

Value AvroReader::ReadFixed(const AvroNode& node) {
  const std::string_view bytes = in_.Take(node.size);
  if (in_.failed()) return {};
  if (node.logical == AvroLogical::kDecimal) return ReadDecimal(node, bytes);
  if (node.logical != AvroLogical::kDuration) return ValueOf(ValueKind::kBytes, bytes);
  ByteReader parts(bytes);
  const auto months = parts.Fixed<std::uint32_t>();
  const auto days = parts.Fixed<std::uint32_t>();
  const auto ms = parts.Fixed<std::uint32_t>();
  constexpr auto kMax = static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max());
  if (months > kMax || days > kMax) Fail("a duration is beyond what an interval can hold");
  Value v = ValueOf(ValueKind::kInterval, std::int64_t{ms} * 1'000);
  v.aux = static_cast<std::int32_t>(months);
  v.i2 = static_cast<std::int32_t>(days);
  return v;
}

Value AvroReader::ReadScalar(const AvroNode& node) {
  switch (node.type) {
    case AvroType::kBoolean: {
      const std::uint8_t byte = in_.Byte();
      if (byte > 1) Fail("a boolean is neither 0 nor 1");
      Value v;
      v.kind = ValueKind::kBool;
      v.b = byte == 1;
      return v;
    }
    case AvroType::kInt:
    case AvroType::kLong: {
      const std::int64_t v = in_.Signed();
      if (node.type == AvroType::kInt && v != static_cast<std::int32_t>(v)) Fail("an int has more than 32 bits");
      return ReadLong(node, v);
    }
    case AvroType::kFloat:
      return RealOf(ValueKind::kFloat, static_cast<double>(in_.Fixed<float>()));
    case AvroType::kDouble:
      return RealOf(ValueKind::kDouble, in_.Fixed<double>());
    case AvroType::kBytes: {
      const std::string_view bytes = Bytes();
      return node.logical == AvroLogical::kDecimal ? ReadDecimal(node, bytes) : ValueOf(ValueKind::kBytes, bytes);
    }
    case AvroType::kString:
      return ReadString(node);
    case AvroType::kEnum: {
      const std::int64_t v = in_.Signed();
      if (v >= 0 && static_cast<std::uint64_t>(v) < node.labels.size())
        return ValueOf(ValueKind::kText, node.labels[static_cast<std::size_t>(v)]);
      Fail("an enum has an index that its schema does not have");
      return {};
    }
    case AvroType::kFixed:
      return ReadFixed(node);
    default:
      return {};
  }
}

// Nothing but scalars, or scalars and nulls, are an array; others become JSON.
Value AvroReader::ReadArray(const AvroNode& items) {
  std::string elements;
  std::int64_t length = 0;
  for (std::uint64_t count = Block(); count > 0; count = Block()) {
    for (; count > 0 && !failed(); --count, ++length) {
      std::size_t branch = 0;
      const AvroNode* node = items.type == AvroType::kUnion ? Branch(items, branch) : &items;
      PutScalar(elements, node == nullptr ? Value{} : ReadScalar(*node));
    }
  }
  if (failed()) return {};
  std::string& payload = Keep();
  if (length == 0) {
    PutArrayHeader(payload, {});
  } else {
    PutArrayHeader(payload, {{length, 1}});
  }
  payload += elements;
  return ValueOf(ValueKind::kArray, payload);
}

Value AvroReader::Read(const AvroNode& node) {
  Value v;
  if (IsScalar(node)) {
    v = ReadScalar(node);
  } else if (node.type == AvroType::kUnion) {
    std::size_t branch = 0;
    const AvroNode* chosen = Branch(node, branch);
    if (chosen != nullptr) v = Read(*chosen);
  } else {
    const AvroNode* items = node.type == AvroType::kArray ? &schema_.at(node.children[0]) : nullptr;
    bool scalars = items != nullptr && IsScalar(*items);
    if (items != nullptr && items->type == AvroType::kUnion) {
      scalars = true;
      for (const AvroIndex branch : items->children) scalars = scalars && IsScalar(schema_.at(branch));
    }
    if (scalars) {
      v = ReadArray(*items);
    } else {
      std::string& json = Keep();
      AppendJson(json, node, 0);
      v = ValueOf(ValueKind::kJson, json);
    }
  }
  return failed() ? Value{} : v;
}

void AvroReader::SkipItems(const AvroNode& node, int level) {
  for (;;) {
    const std::int64_t count = in_.Signed();
    if (count < 0) {  // the block tells its size
      const std::int64_t size = in_.Signed();
      if (size < 0) Fail("a block has a negative length");
      in_.Take(size < 0 ? 0 : static_cast<std::size_t>(size));
    }
    if (count == 0 || failed()) return;
    if (count < 0) continue;
    if (static_cast<std::uint64_t>(count) > items_left_)
      return Fail("an array or map claims more items than its bytes can hold");
    items_left_ -= static_cast<std::uint64_t>(count);
    for (std::int64_t i = 0; i < count && !failed(); ++i) {
      if (node.type == AvroType::kMap) Bytes();
      Skip(schema_.at(node.children[0]), level + 1);
    }
  }
}

void AvroReader::Skip(const AvroNode& node, int level) {
  if (level > kLevels) return Fail("its parts are nested more than 64 levels deep");
  switch (node.type) {
    case AvroType::kNull:
      return;
    case AvroType::kBoolean:
      in_.Byte();
      return;
    case AvroType::kInt:
    case AvroType::kLong:
    case AvroType::kEnum:
      in_.Varint();
      return;
    case AvroType::kFloat:
      in_.Take(4);
      return;
    case AvroType::kDouble:
      in_.Take(8);
      return;
    case AvroType::kBytes:
    case AvroType::kString:
      Bytes();
      return;
    case AvroType::kFixed:
      in_.Take(node.size);
      return;
    case AvroType::kRecord:
      for (const AvroNode::Field& field : node.fields) {
        if (failed()) return;
        Skip(schema_.at(field.node), level + 1);
      }
      return;
    case AvroType::kArray:
    case AvroType::kMap:
      return SkipItems(node, level);
    case AvroType::kUnion: {
      std::size_t branch = 0;
      if (const AvroNode* chosen = Branch(node, branch)) Skip(*chosen, level + 1);
      return;
    }
  }
}

void AvroReader::AppendJson(std::string& out, const AvroNode& node, int level) {
  if (level > kLevels) return Fail("its parts are nested more than 64 levels deep");
  if (IsScalar(node)) {
    static const DataType kAnyType;
    const Value v = ReadScalar(node);
    if (!failed() && !AppendNativeValue(out, v, kAnyType, {})) Fail("a value has no form in JSON");
    return;
  }
  if (node.type == AvroType::kUnion) {
    std::size_t branch = 0;
    if (const AvroNode* chosen = Branch(node, branch)) AppendJson(out, *chosen, level + 1);
    return;
  }
  if (node.type == AvroType::kRecord) {
    out.push_back('{');
    for (std::size_t i = 0; i < node.fields.size() && !failed(); ++i) {
      if (i > 0) out.push_back(',');
      AppendJsonString(out, node.fields[i].name);
      out.push_back(':');
      AppendJson(out, schema_.at(node.fields[i].node), level + 1);
    }
    out.push_back('}');
    return;
  }
  const bool map = node.type == AvroType::kMap;
  const char* separator = map ? "{" : "[";
  for (std::uint64_t count = Block(); count > 0; count = Block()) {
    for (; count > 0 && !failed(); --count) {
      out += separator;
      separator = ",";
      if (map) {
        const std::string_view key = Bytes();
        if (!IsUtf8(key)) Fail("a key of a map is no text");
        AppendJsonString(out, key);
        out.push_back(':');
      }
      AppendJson(out, schema_.at(node.children[0]), level + 1);
    }
  }
  if (*separator != ',') out += separator;
  out.push_back(map ? '}' : ']');
}

}  // namespace headgate::codec
