#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/codec/avro_schema.h"
#include "core/model/value.h"

namespace headgate::codec {

// Reads one datum of a schema piece by piece, for a decoder that knows which pieces it wants. The first thing that is
// wrong stays in status(); what is read after it is null. Values are views into the bytes and into this object.
class AvroReader {
 public:
  AvroReader(const AvroSchema& schema, std::string_view bytes)
      : schema_(schema), in_(bytes), items_left_(bytes.size() + kFreeItems) {}
  AvroReader(const AvroReader&) = delete;
  AvroReader& operator=(const AvroReader&) = delete;

  const AvroSchema& schema() const { return schema_; }
  bool failed() const { return in_.failed(); }
  bool done() const { return in_.done(); }
  std::size_t remaining() const { return in_.remaining(); }
  Status status() const;
  void Fail(const char* why);  // a constant text

  // To read a datum twice.
  struct Place {
    ByteReader in;
    std::uint64_t items_left;
  };
  Place place() const { return {in_, items_left_}; }
  void Rewind(const Place& place) {
    in_ = place.in;
    items_left_ = place.items_left;
  }

  // Which branch of a union follows; nullptr on failure.
  const AvroNode* Branch(const AvroNode& node, std::size_t& index);
  // The items of the next block of an array or a map; 0: there is none.
  std::uint64_t Block();
  std::string_view Bytes();

  // Reads a datum of this type, whatever is in it.
  Value Read(const AvroNode& node);
  void Skip(const AvroNode& node) { Skip(node, 0); }
  // Reads it as JSON.
  void AppendJson(std::string& out, const AvroNode& node) { AppendJson(out, node, 0); }

 private:
  static constexpr std::size_t kFreeItems = 65'536;  // that take no bytes
  static constexpr int kLevels = 64;

  Value ReadScalar(const AvroNode& node);
  Value ReadLong(const AvroNode& node, std::int64_t v);
  Value ReadString(const AvroNode& node);
  Value ReadDecimal(const AvroNode& node, std::string_view bytes);
  Value ReadFixed(const AvroNode& node);
  Value ReadArray(const AvroNode& items);
  void Skip(const AvroNode& node, int level);
  void SkipItems(const AvroNode& node, int level);
  void AppendJson(std::string& out, const AvroNode& node, int level);
  std::string& Keep() { return kept_.emplace_back(); }

  const AvroSchema& schema_;
  ByteReader in_;
  std::uint64_t items_left_;
  const char* why_ = nullptr;
  std::deque<std::string> kept_;  // what no view into the bytes can say
};

}  // namespace headgate::codec
