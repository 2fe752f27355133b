#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace headgate::http {

enum class Unpacked { kOk, kBroken, kTooLarge };

// Unpacks a gzip body (RFC 1952, one member or several) into `out`, never more than `bytes_max`; `padding` more bytes
// are reserved behind the end.
Unpacked Gunzip(std::string_view packed, std::size_t bytes_max, std::size_t padding, std::string& out);

}  // namespace headgate::http
