#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

// What stands before a value whose schema is in a registry: a zero byte and the schema's id in four bytes, big-endian.
// In Protobuf follows which message of the file it is, as a path of indexes: their number, then each, all of them
// zigzag varints; the single byte 00 is short for the path [0]. Pure.
//
//   00 00000007 ...          Avro, schema 7
//   00 00000007 00 ...       Protobuf, the first message of schema 7
//   00 00000007 04 02 00 ... its second message's first nested one: 2 indexes, 1 and 0
namespace headgate::codec {

inline constexpr std::size_t kWireHeaderBytes = 5;  // without indexes

struct WireHeader {
  std::uint32_t schema_id = 0;
  std::vector<int> message_path;  // Protobuf alone; then never empty
  std::size_t size = 0;           // where the value starts
};

void AppendWireHeader(std::string& out, std::uint32_t schema_id);
// `path` is not empty.
void AppendMessagePath(std::string& out, const std::vector<int>& path);

// kRejected: the first byte is no zero, the bytes end too soon, or the path is none (longer than 64, negative).
Result<WireHeader> ReadWireHeader(std::string_view bytes, bool with_message_path);

}  // namespace headgate::codec
