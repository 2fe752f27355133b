#include "core/net/guard.h"

#include <ifaddrs.h>

#include <algorithm>
#include <charconv>

namespace headgate::net {
namespace {

struct NamedRange {
  const char* cidr;
  const char* name;
};

constexpr NamedRange kAlwaysRefused[] = {
    {"0.0.0.0/8", "unspecified"}, {"::/128", "unspecified"},           {"169.254.0.0/16", "link-local and metadata"},
    {"fe80::/10", "link-local"},  {"fd00:ec2::254/128", "metadata"},   {"224.0.0.0/4", "multicast"},
    {"ff00::/8", "multicast"},    {"255.255.255.255/32", "broadcast"},
};

constexpr NamedRange kInternal[] = {
    {"127.0.0.0/8", "loopback"},
    {"::1/128", "loopback"},
    {"10.0.0.0/8", "private"},
    {"172.16.0.0/12", "private"},
    {"192.168.0.0/16", "private"},
    {"fc00::/7", "unique local"},
    {"100.64.0.0/10", "carrier-grade NAT"},
};

struct Range {
  Cidr cidr;
  const char* name;
};

template <std::size_t N>
std::vector<Range> Compile(const NamedRange (&ranges)[N]) {
  std::vector<Range> result;
  for (const NamedRange& range : ranges) {
    const auto cidr = Cidr::Parse(range.cidr);
    CHECK(cidr.has_value());
    result.push_back({*cidr, range.name});
  }
  return result;
}

const Range* Find(const std::vector<Range>& ranges, const IpAddress& address) {
  const auto it = std::find_if(ranges.begin(), ranges.end(), [&](const Range& r) { return r.cidr.Contains(address); });
  return it == ranges.end() ? nullptr : &*it;
}

const Cidr* Find(const std::vector<Cidr>& cidrs, const IpAddress& address) {
  const auto it = std::find_if(cidrs.begin(), cidrs.end(), [&](const Cidr& c) { return c.Contains(address); });
  return it == cidrs.end() ? nullptr : &*it;
}

const std::vector<Range>& AlwaysRefused() {
  static const std::vector<Range> ranges = Compile(kAlwaysRefused);
  return ranges;
}
const std::vector<Range>& Internal() {
  static const std::vector<Range> ranges = Compile(kInternal);
  return ranges;
}

// Also true for any 127.x.y.z, which reaches a listener on 0.0.0.0 without being an interface's address.
bool IsAddressOfThisMachine(const IpAddress& address) {
  if (const Range* range = Find(Internal(), address); range != nullptr && range->name == std::string_view("loopback")) {
    return true;
  }
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return true;  // unknown: refuse rather than let through
  bool found = false;
  for (const ifaddrs* it = list; it != nullptr && !found; it = it->ifa_next) {
    const auto own = IpAddress::FromSockaddr(it->ifa_addr);
    found = own && *own == address;
  }
  freeifaddrs(list);
  return found;
}

bool Reaches(const Listener& listener, const IpAddress& address, std::uint16_t port) {
  if (listener.port != port) return false;
  return listener.address == address || (listener.address.IsUnspecified() && IsAddressOfThisMachine(address));
}

Error Refused(const IpAddress& address, std::uint16_t port, const std::string& rule) {
  return ConfigError("The outgoing guard refuses " + address.UrlText() + ":" + std::to_string(port) + ": " + rule);
}

// The rules for one form of an address; `shown` is the address that is connected to.
Status CheckForm(const GuardPolicy& policy, const IpAddress& form, const IpAddress& shown, std::uint16_t port) {
  const std::string carried = form == shown ? "" : " (it carries " + form.Text() + ")";
  for (const Listener& listener : policy.own_listeners) {
    if (Reaches(listener, form, port)) return Refused(shown, port, "it is a listener of Headgate itself" + carried);
  }
  if (const Range* range = Find(AlwaysRefused(), form)) {
    return Refused(shown, port,
                   std::string(range->name) + " addresses (" + range->cidr.Text() + ") are always refused" + carried);
  }
  if (const Cidr* cidr = Find(policy.deny, form)) {
    return Refused(shown, port, "egress.deny has " + cidr->Text() + carried);
  }
  if (const Range* range = Find(Internal(), form);
      range != nullptr && !policy.allow.empty() && Find(policy.allow, form) == nullptr) {
    return Refused(shown, port,
                   std::string("the ") + range->name + " range " + range->cidr.Text() +
                       " is admitted only where egress.allow has it" + carried);
  }
  return Ok();
}

std::vector<std::string_view> SplitList(std::string_view text) {
  std::vector<std::string_view> items;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty()) items.push_back(item);
  }
  return items;
}

Status ParseCidrs(const char* setting, std::string_view text, std::vector<Cidr>& out) {
  for (const std::string_view item : SplitList(text)) {
    const auto cidr = Cidr::Parse(item);
    if (!cidr) {
      return ConfigError(std::string(setting) + ": \"" + std::string(item) +
                         "\" is no network. Write networks as 10.0.0.0/8 or fd00::/8, separated by commas");
    }
    out.push_back(*cidr);
  }
  return Ok();
}

void AppendList(std::string& out, const std::vector<Cidr>& cidrs) {
  bool first = true;
  for (const Cidr& cidr : cidrs) {
    if (!first) out += ", ";
    first = false;
    out += cidr.Text();
  }
}

}  // namespace

std::vector<IpAddress> EmbeddedV4(const IpAddress& address) {
  if (address.is_v4) return {};
  const auto& b = address.bytes;
  const auto starts_with = [&](std::initializer_list<std::uint8_t> prefix) {
    return std::equal(prefix.begin(), prefix.end(), b.begin());
  };
  const auto take = [&](std::size_t at, std::uint8_t flip) {
    IpAddress v4;
    for (std::size_t i = 0; i < 4; ++i) v4.bytes[i] = b[at + i] ^ flip;
    return v4;
  };
  if (starts_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff})) return {take(12, 0)};     // mapped
  if (starts_with({0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return {take(12, 0)};  // NAT64, RFC 6052
  if (starts_with({0x20, 0x02})) return {take(2, 0)};                                    // 6to4, RFC 3056
  // Teredo, RFC 4380: the server in the clear, the client's public address inverted.
  if (starts_with({0x20, 0x01, 0, 0})) return {take(12, 0xff), take(4, 0)};
  // Compatible (deprecated); :: and ::1 are addresses of their own.
  if (starts_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) && (b[12] | b[13] | b[14]) != 0) return {take(12, 0)};
  return {};
}

Result<GuardPolicy> GuardPolicy::Parse(std::string_view allow, std::string_view deny, std::string_view deny_ports) {
  GuardPolicy policy;
  HG_RETURN_IF_ERROR(ParseCidrs("egress.allow", allow, policy.allow));
  HG_RETURN_IF_ERROR(ParseCidrs("egress.deny", deny, policy.deny));
  for (const std::string_view item : SplitList(deny_ports)) {
    unsigned port = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), port);
    if (error != std::errc() || end != item.data() + item.size() || port == 0 || port > 65535) {
      return ConfigError("egress.deny_ports: \"" + std::string(item) + "\" is no port from 1 to 65535");
    }
    policy.deny_ports.push_back(static_cast<std::uint16_t>(port));
  }
  return policy;
}

Status GuardPolicy::CheckAddress(const IpAddress& address, std::uint16_t port) const {
  if (port == 0) return Refused(address, port, "port 0 is no port");
  if (std::find(deny_ports.begin(), deny_ports.end(), port) != deny_ports.end()) {
    return Refused(address, port, "egress.deny_ports has " + std::to_string(port));
  }
  const std::vector<IpAddress> embedded = EmbeddedV4(address);
  for (const IpAddress& v4 : embedded) HG_RETURN_IF_ERROR(CheckForm(*this, v4, address, port));
  return CheckForm(*this, address, address, port);
}

Status GuardPolicy::CheckUrl(const Url& url) const {
  if (url.literal) return CheckAddress(*url.literal, url.port);
  if (std::find(deny_ports.begin(), deny_ports.end(), url.port) != deny_ports.end()) {
    return ConfigError("The outgoing guard refuses " + url.HostPort() + ": egress.deny_ports has " +
                       std::to_string(url.port));
  }
  return Ok();
}

std::string GuardPolicy::Describe() const {
  std::string text = "always refused:";
  for (const NamedRange& range : kAlwaysRefused) text.append(" ").append(range.cidr);
  for (const Listener& listener : own_listeners) {
    text.append(" ").append(listener.address.UrlText()).append(":").append(std::to_string(listener.port));
  }
  text += "\nalways refused ports:";
  if (deny_ports.empty()) text += " none";
  for (const std::uint16_t port : deny_ports) text.append(" ").append(std::to_string(port));
  text += "\nrefused by egress.deny: ";
  if (deny.empty()) text += "nothing";
  AppendList(text, deny);
  text += "\ninternal ranges (loopback, private, unique local, carrier-grade NAT): ";
  text += allow.empty() ? "all admitted, because egress.allow is empty" : "admitted only within ";
  AppendList(text, allow);
  text += "\npublic addresses: admitted unless refused above\n";
  return text;
}

}  // namespace headgate::net
