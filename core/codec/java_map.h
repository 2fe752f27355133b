#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

// The order in which java.util.HashMap iterates (change-events contract, 3.1). Consumers of `debezium` see maps in it.
namespace headgate::codec {

// String.hashCode over the UTF-16 units of a UTF-8 text.
std::uint32_t JavaStringHash(std::string_view utf8);

// Indexes of the entries, given in insertion order by their hashes, in iteration order. `slots` is the size of the
// empty table (a power of two); it doubles while it holds more than 3/4 of its size. Chains longer than eight, which
// Java turns into trees, keep insertion order here.
std::vector<std::size_t> JavaMapOrder(const std::vector<std::uint32_t>& hashes, std::size_t slots = 16);

// A UUID as java.util.UUID.nameUUIDFromBytes makes it (version 3, MD5), as canonical text.
std::string_view NameUuid(std::string_view bytes, char (&buffer)[36]);

}  // namespace headgate::codec
