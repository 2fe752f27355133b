#include "core/config/address.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <optional>

#include "core/config/text.h"

namespace headgate::config {

namespace {

struct Bits {
  std::array<unsigned char, 16> bytes = {};
  std::size_t size = 0;  // 4 or 16
};

std::optional<Bits> ParseAddress(std::string_view text) {
  const std::string copy(text);
  Bits bits;
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  if (::inet_pton(AF_INET, copy.c_str(), bits.bytes.data()) == 1) {
    bits.size = 4;
  } else if (::inet_pton(AF_INET6, copy.c_str(), bits.bytes.data()) == 1) {
    bits.size = 16;
  } else {
    return std::nullopt;
  }
  return bits;
}

std::optional<unsigned> ParseUnsigned(std::string_view text, unsigned most) {
  unsigned number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size() || number > most) return std::nullopt;
  return number;
}

}  // namespace

std::string Listen::Text() const {
  const bool v6 = address.find(':') != std::string::npos;
  return (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
}

Result<Listen> ParseListen(std::string_view text) {
  const auto wrong = [&] {
    return ConfigError(Quoted(text) +
                       " is no address to listen on. Write IP address and port, such as 127.0.0.1:8083 or [::1]:8083");
  };
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return wrong();
  std::string_view host = text.substr(0, colon);
  const auto port = ParseUnsigned(text.substr(colon + 1), 65535);
  const bool bracketed = host.size() > 2 && host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  const auto bits = ParseAddress(host);
  if (!port || !bits || (bits->size == 16) != bracketed) return wrong();
  return Listen{std::string(host), static_cast<std::uint16_t>(*port)};
}

bool IsLoopback(std::string_view address) {
  const auto bits = ParseAddress(address);
  if (!bits) return false;
  if (bits->size == 4) return bits->bytes[0] == 127;
  constexpr std::array<unsigned char, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::array<unsigned char, 16> kLoopback = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  if (bits->bytes == kLoopback) return true;
  for (std::size_t i = 0; i < kMapped.size(); ++i) {
    if (bits->bytes[i] != kMapped[i]) return false;
  }
  return bits->bytes[12] == 127;
}

bool IsCidr(std::string_view text) {
  const auto slash = text.find('/');
  const auto bits = ParseAddress(text.substr(0, slash));
  if (!bits) return false;
  if (slash == std::string_view::npos) return true;
  const auto length = ParseUnsigned(text.substr(slash + 1), static_cast<unsigned>(bits->size * 8));
  if (!length) return false;
  for (std::size_t bit = *length; bit < bits->size * 8; ++bit) {
    if ((bits->bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) return false;
  }
  return true;
}

}  // namespace headgate::config
