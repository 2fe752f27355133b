#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

// Avro schemas from their JSON (Avro 1.11 specification, "Schema Declaration"). Pure.
namespace headgate::codec {

enum class AvroType : std::uint8_t {
  kNull,
  kBoolean,
  kInt,
  kLong,
  kFloat,
  kDouble,
  kBytes,
  kString,
  kRecord,
  kEnum,
  kArray,
  kMap,
  kUnion,
  kFixed,
};

// A logical type that does not fit its type is ignored, as the specification demands.
enum class AvroLogical : std::uint8_t {
  kNone,
  kDecimal,
  kUuid,
  kDate,
  kTimeMillis,
  kTimeMicros,
  kTimestampMillis,
  kTimestampMicros,
  kLocalTimestampMillis,
  kLocalTimestampMicros,
  kDuration,
};

using AvroIndex = std::uint32_t;  // of a node in its schema

struct AvroNode {
  struct Field {
    std::string name;
    AvroIndex node = 0;
  };
  AvroType type = AvroType::kNull;
  AvroLogical logical = AvroLogical::kNone;
  int precision = 0;
  int scale = 0;
  std::uint32_t size = 0;           // bytes of a fixed
  std::string name;                 // full name of a record, enum or fixed
  std::vector<Field> fields;        // of a record
  std::vector<std::string> labels;  // of an enum
  std::vector<AvroIndex> children;  // branches of a union; the items of an array, the values of a map

  std::string_view short_name() const;  // without namespace; of other types the type's name
};

// A schema as a graph of nodes: a record may hold itself. Immutable.
class AvroSchema {
 public:
  // `referenced`: schemas whose named types this one may use, each behind those that it uses. The error (kRejected)
  // says which part is wrong. Refused are more than 1 MiB of text, 10 000 types, and 64 levels.
  static Result<AvroSchema> Parse(std::string_view json, const std::vector<std::string_view>& referenced = {});

  const AvroNode& root() const { return nodes_[root_]; }
  const AvroNode& at(AvroIndex index) const { return nodes_[index]; }
  std::size_t size() const { return nodes_.size(); }

 private:
  friend class AvroSchemaParser;
  std::vector<AvroNode> nodes_;
  AvroIndex root_ = 0;
};

}  // namespace headgate::codec
