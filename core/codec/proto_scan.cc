#include "core/codec/proto_scan.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <cstring>

#include "core/base/encoding.h"

namespace headgate::codec {
namespace {

using Descriptor = google::protobuf::FieldDescriptor;

constexpr std::uint32_t kWireBits = 3;
constexpr std::uint32_t kWireMask = 7;
enum Wire : std::uint32_t { kVarint = 0, kFixed64 = 1, kLength = 2, kFixed32 = 5 };

// The bytes of a message from the front. Everything fails at the end and on what is not well-formed.
struct ProtoBytes {
  bool Varint(std::uint64_t& v) {
    v = 0;
    for (int shift = 0; shift < 64 && p != end; shift += 7) {
      const auto byte = static_cast<unsigned char>(*p++);
      v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Take(std::uint64_t size, std::string_view& out) {
    if (size > static_cast<std::uint64_t>(end - p)) return false;
    out = {p, static_cast<std::size_t>(size)};
    p += size;
    return true;
  }
  // What stands behind a tag: a number, or bytes.
  bool Content(std::uint32_t wire, std::uint64_t& number, std::string_view& bytes) {
    switch (wire) {
      case kVarint:
        return Varint(number);
      case kFixed64:
        return Take(8, bytes);
      case kFixed32:
        return Take(4, bytes);
      case kLength:
        return Varint(number) && Take(number, bytes);
      default:
        return false;
    }
  }

  const char* p;
  const char* end;
};

// Little-endian, as this machine is.
std::uint64_t FixedOf(std::string_view bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), bytes.size());
  return number;
}

double RealOf(std::string_view bytes) {
  if (bytes.size() == sizeof(float)) {
    float narrow;
    std::memcpy(&narrow, bytes.data(), sizeof narrow);
    return narrow;
  }
  double number;
  std::memcpy(&number, bytes.data(), sizeof number);
  return number;
}

std::uint32_t WireOf(Descriptor::Type type) {
  switch (type) {
    case Descriptor::TYPE_DOUBLE:
    case Descriptor::TYPE_FIXED64:
    case Descriptor::TYPE_SFIXED64:
      return kFixed64;
    case Descriptor::TYPE_FLOAT:
    case Descriptor::TYPE_FIXED32:
    case Descriptor::TYPE_SFIXED32:
      return kFixed32;
    case Descriptor::TYPE_STRING:
    case Descriptor::TYPE_BYTES:
      return kLength;
    default:
      return kVarint;
  }
}

}  // namespace

std::optional<ProtoScan::Field> ProtoScan::Plain(const Descriptor& field) {
  if (field.is_repeated() || field.real_containing_oneof() != nullptr) return std::nullopt;
  Field out;
  out.tag = static_cast<std::uint32_t>(field.number()) << kWireBits | WireOf(field.type());
  const bool zigzag = field.type() == Descriptor::TYPE_SINT32 || field.type() == Descriptor::TYPE_SINT64;
  const auto become = [&](Kind kind, ValueKind absent, bool narrow = false) {
    out.kind = kind;
    out.narrow = narrow;
    if (!field.has_presence()) out.absent.kind = absent;
  };
  switch (field.cpp_type()) {
    case Descriptor::CPPTYPE_INT32:
      become(zigzag ? Kind::kZigzag : Kind::kSigned, ValueKind::kInt, true);
      break;
    case Descriptor::CPPTYPE_INT64:
      become(zigzag ? Kind::kZigzag : Kind::kSigned, ValueKind::kInt);
      break;
    case Descriptor::CPPTYPE_UINT32:
      become(Kind::kUnsigned, ValueKind::kUint, true);
      break;
    case Descriptor::CPPTYPE_UINT64:
      become(Kind::kUnsigned, ValueKind::kUint);
      break;
    case Descriptor::CPPTYPE_BOOL:
      become(Kind::kBool, ValueKind::kBool);
      break;
    case Descriptor::CPPTYPE_FLOAT:
      become(Kind::kReal, ValueKind::kFloat);
      break;
    case Descriptor::CPPTYPE_DOUBLE:
      become(Kind::kReal, ValueKind::kDouble);
      break;
    case Descriptor::CPPTYPE_STRING:
      if (field.type() == Descriptor::TYPE_BYTES) {
        become(Kind::kBytes, ValueKind::kBytes);
      } else {
        become(Kind::kText, ValueKind::kText);
      }
      break;
    default:
      return std::nullopt;
  }
  return out;
}

std::optional<ProtoScan> ProtoScan::Of(const google::protobuf::Descriptor& message, const Wanted& wanted) {
  ProtoScan scan;
  scan.message_ = &message;
  for (int i = 0; i < message.field_count(); ++i) {
    const Descriptor& field = *message.field(i);
    if (field.is_required() || std::ranges::count(wanted, &field, &Wanted::value_type::first) > 1) return std::nullopt;
    const auto found = std::ranges::find(wanted, &field, &Wanted::value_type::first);
    auto plain = Plain(field);
    if (found != wanted.end() && (!plain || field.has_default_value())) return std::nullopt;
    if (!plain) continue;
    if (found != wanted.end()) plain->column = found->second;
    scan.fields_.push_back(*plain);
  }
  std::ranges::sort(scan.fields_, {}, &Field::tag);
  return scan;
}

// Fields come in the order of their numbers, as a rule: the one behind the last is looked at first.
const ProtoScan::Field* ProtoScan::Find(std::uint32_t tag, std::size_t& next) const {
  if (next < fields_.size() && fields_[next].tag == tag) return &fields_[next++];
  const auto found = std::ranges::lower_bound(fields_, tag, {}, &Field::tag);
  if (found == fields_.end() || found->tag != tag) return nullptr;
  next = static_cast<std::size_t>(found - fields_.begin()) + 1;
  return &*found;
}

bool ProtoScan::Set(const Field& field, std::uint64_t number, std::string_view bytes, Value& value) {
  const std::uint32_t wire = field.tag & kWireMask;
  if (wire == kFixed64 || wire == kFixed32) number = FixedOf(bytes);
  if (field.narrow) number = static_cast<std::uint32_t>(number);
  switch (field.kind) {
    case Kind::kSigned:
      value.kind = ValueKind::kInt;
      value.i = field.narrow ? static_cast<std::int32_t>(number) : static_cast<std::int64_t>(number);
      break;
    case Kind::kZigzag:
      value.kind = ValueKind::kInt;
      value.i = static_cast<std::int64_t>(number >> 1 ^ (~(number & 1) + 1));
      break;
    case Kind::kUnsigned:
      value.kind = ValueKind::kUint;
      value.u = number;
      break;
    case Kind::kBool:
      value.kind = ValueKind::kBool;
      value.b = number != 0;
      break;
    case Kind::kReal:
      value.kind = bytes.size() == sizeof(float) ? ValueKind::kFloat : ValueKind::kDouble;
      value.d = RealOf(bytes);
      break;
    case Kind::kText:
    case Kind::kBytes:
      value.kind = field.kind == Kind::kText ? ValueKind::kText : ValueKind::kBytes;
      value.text = bytes;
      return field.kind == Kind::kBytes || IsUtf8(bytes);
  }
  return true;
}

bool ProtoScan::Read(std::string_view bytes, std::vector<Value>& values) const {
  for (const Field& field : fields_) {
    if (field.column >= 0) values[static_cast<std::size_t>(field.column)] = field.absent;
  }
  ProtoBytes in{bytes.data(), bytes.data() + bytes.size()};
  Value unwanted;
  std::size_t next = 0;
  while (in.p != in.end) {
    std::uint64_t tag = 0;
    std::uint64_t number = 0;
    std::string_view content;
    if (!in.Varint(tag) || tag >> 32 != 0 || tag >> kWireBits == 0) return false;
    if (!in.Content(static_cast<std::uint32_t>(tag) & kWireMask, number, content)) return false;
    const Field* const field = Find(static_cast<std::uint32_t>(tag), next);
    if (field == nullptr) {
      if (message_->FindFieldByNumber(static_cast<int>(tag >> kWireBits)) != nullptr) return false;
      continue;  // of another version of the schema
    }
    Value& value = field->column >= 0 ? values[static_cast<std::size_t>(field->column)] : unwanted;
    if (!Set(*field, number, content, value)) return false;
  }
  return true;
}

}  // namespace headgate::codec
