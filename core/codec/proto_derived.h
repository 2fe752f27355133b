#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/model/schema.h"

namespace headgate::codec {

// A .proto file of messages Value and Key with the columns of a table (proto_encoder.h); `key` are the columns of the
// latter, which is left out if there are none. Fields are numbered from 1.
std::string ProtoTextOf(const TableSchema& schema, std::string_view source, const std::vector<std::size_t>& key);

}  // namespace headgate::codec
