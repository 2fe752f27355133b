#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace headgate::net {

enum class DigestKind : std::uint8_t { kMd5, kSha224, kSha256, kSha384, kSha512 };

// The digest's bytes.
std::string Digest(DigestKind kind, std::string_view bytes);
// SHA-256 as 64 lower-case hex digits.
std::string Sha256Hex(std::string_view bytes);
// HMAC-SHA-256 (RFC 2104) likewise. Any thread.
std::string HmacSha256Hex(std::string_view key, std::string_view bytes);

}  // namespace headgate::net
