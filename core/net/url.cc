#include "core/net/url.h"

#include <algorithm>

#include "core/base/ascii.h"

namespace headgate::net {
namespace {

constexpr std::size_t kUrlBytesMax = 8192;

bool IsAlnum(char c) { return IsDigit(c) || IsLetter(c); }

Error Bad(std::string what) { return ConfigError("The URL " + std::move(what)); }

Status CheckCharacters(std::string_view text) {
  if (text.empty()) return Bad("is empty. Write it as http://host[:port]/path or https://host[:port]/path");
  if (text.size() > kUrlBytesMax) return Bad("is longer than " + std::to_string(kUrlBytesMax) + " bytes");
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return Bad("contains a control character. Remove it or percent-encode it");
    if (c == ' ') return Bad("contains a space. Percent-encode it as %20");
    if (byte >= 0x80) {
      return Bad(
          "contains a character outside ASCII. Percent-encode it in the path; write a host name in its xn-- form");
    }
    if (c == '\\' || c == '"' || c == '<' || c == '>' || c == '^' || c == '`' || c == '{' || c == '|' || c == '}') {
      return Bad(std::string("contains the character ") + c + ". Percent-encode it");
    }
    if (c == '#') return Bad("has a fragment (#…), which is never sent. Remove it or percent-encode the # as %23");
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') continue;
    if (i + 2 >= text.size() || HexDigit(text[i + 1]) < 0 || HexDigit(text[i + 2]) < 0) {
      return Bad("has a % that is not followed by two hex digits. Write a plain percent sign as %25");
    }
  }
  return Ok();
}

// 127.1, 0x7f.0.0.1, 2130706433: forms that some libraries take for IPv4. A host name never ends in such a label.
bool LooksLikeNumber(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  if (last.empty()) return false;
  if (last.size() >= 2 && last[0] == '0' && last[1] == 'x') {
    return std::all_of(last.begin() + 2, last.end(), [](char c) { return HexDigit(c) >= 0; });
  }
  return std::all_of(last.begin(), last.end(), IsDigit);
}

Status CheckName(std::string_view host) {
  if (host.size() > 253) return Bad("has a host name longer than 253 characters");
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.') {
      if (label == 0) return Bad("has an empty label in its host name " + std::string(host));
      label = 0;
      continue;
    }
    // Underscores are no host name by the book, but container networks use them.
    if (!IsAlnum(c) && c != '-' && c != '_') {
      return Bad(std::string("has the character ") + c +
                 " in its host name, which may only have letters, digits, '-', '.' and '_'");
    }
    if (++label > 63) return Bad("has a label longer than 63 characters in its host name " + std::string(host));
  }
  if (label == 0) return Bad("has an empty label in its host name " + std::string(host));
  return Ok();
}

Status SetHost(std::string_view text, Url& url) {
  if (text.empty()) return Bad("has no host. Write it as http://host[:port]/path");
  if (text.front() == '[') {
    text = text.substr(1, text.size() - 2);
    url.literal = IpAddress::Parse(text);
    if (!url.literal || url.literal->is_v4)
      return Bad("has a host in brackets that is not an IPv6 address without zone");
    url.host = url.literal->Text();
    return Ok();
  }
  std::string host(text);
  std::transform(host.begin(), host.end(), host.begin(), LowerAscii);
  if (host.back() == '.') host.pop_back();
  if (host.empty()) return Bad("has no host. Write it as http://host[:port]/path");
  HG_RETURN_IF_ERROR(CheckName(host));
  if (LooksLikeNumber(host)) {
    url.literal = IpAddress::Parse(host);
    if (!url.literal) {
      return Bad("has the host " + host +
                 ", which is no IPv4 address of four decimal numbers 0 to 255. Octal, hexadecimal and short forms are "
                 "refused");
    }
  }
  url.host = std::move(host);
  return Ok();
}

Status SetPort(std::string_view text, Url& url) {
  std::uint32_t port = 0;
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), IsDigit)) {
    return Bad("has a port that is not a number from 1 to 65535");
  }
  for (const char c : text) port = port * 10 + static_cast<std::uint32_t>(c - '0');
  if (port == 0 || port > 65535) return Bad("has a port that is not a number from 1 to 65535");
  url.port = static_cast<std::uint16_t>(port);
  return Ok();
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  HG_RETURN_IF_ERROR(CheckCharacters(text));
  const std::size_t colon = text.find(':');
  std::string scheme(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(), LowerAscii);
  Url url;
  url.tls = scheme == "https";
  if ((scheme != "http" && scheme != "https") || text.substr(colon, 3) != "://") {
    return Bad("must start with http:// or https://");
  }
  url.port = url.tls ? 443 : 80;
  std::string_view rest = text.substr(colon + 3);
  const std::size_t path = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, path);
  const std::string_view target = rest.substr(path);
  if (authority.find('@') != std::string_view::npos) {
    return Bad("has user info before its host. Set the user and password in the authentication settings instead");
  }
  std::size_t port = authority.rfind(':');
  if (!authority.empty() && authority.front() == '[') {
    const std::size_t close = authority.find(']');
    if (close == std::string_view::npos) return Bad("has a [ without ] in its host");
    if (close + 1 < authority.size() && authority[close + 1] != ':') return Bad("has text after ] in its host");
    port = close + 1 < authority.size() ? close + 1 : std::string_view::npos;
  }
  if (port != std::string_view::npos) {
    HG_RETURN_IF_ERROR(SetPort(authority.substr(port + 1), url));
    authority = authority.substr(0, port);
  }
  HG_RETURN_IF_ERROR(SetHost(authority, url));
  if (target.empty() || target.front() == '?') url.target = '/';
  url.target += target;
  return url;
}

std::string Url::HostHeader() const {
  const bool own = port == (tls ? 443 : 80);
  return own ? (literal ? literal->UrlText() : host) : HostPort();
}

std::string Url::HostPort() const { return (literal ? literal->UrlText() : host) + ":" + std::to_string(port); }

}  // namespace headgate::net
