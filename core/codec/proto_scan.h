#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "core/model/value.h"

namespace google::protobuf {
class Descriptor;
class FieldDescriptor;
}  // namespace google::protobuf

namespace headgate::codec {

// Reads plain fields of a message from its bytes, without building the message: what most records are. Immutable.
//
// Plain is a singular field of numbers, bool, string or bytes that is in no oneof. Whatever else is in the bytes, and
// every fault of them, is left to the library: Read says false then, and nothing else.
class ProtoScan {
 public:
  using Wanted = std::vector<std::pair<const google::protobuf::FieldDescriptor*, int>>;  // field and column
  // Nothing if one of these is not plain or is there twice, or the message has fields that it requires. The message
  // must outlive it.
  static std::optional<ProtoScan> Of(const google::protobuf::Descriptor& message, const Wanted& wanted);

  // Texts are views into `bytes`. False: `values` are of no use.
  bool Read(std::string_view bytes, std::vector<Value>& values) const;

 private:
  enum class Kind : std::uint8_t { kSigned, kZigzag, kUnsigned, kBool, kReal, kText, kBytes };
  struct Field {
    std::uint32_t tag = 0;
    Kind kind = Kind::kSigned;
    bool narrow = false;  // of 32 bits
    int column = -1;      // -1: it is not wanted
    Value absent;         // where it is not in the bytes
  };

  static std::optional<Field> Plain(const google::protobuf::FieldDescriptor& field);
  static bool Set(const Field& field, std::uint64_t number, std::string_view bytes, Value& value);
  const Field* Find(std::uint32_t tag, std::size_t& next) const;

  std::vector<Field> fields_;  // by tag
  const google::protobuf::Descriptor* message_ = nullptr;
};

}  // namespace headgate::codec
