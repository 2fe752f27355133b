#include "connectors/mysql/mariadb_gtid.h"

#include <algorithm>
#include <charconv>

namespace headgate::mysql {
namespace {

// Three numbers with two hyphens, and nothing else.
std::optional<MariadbGtid> ReadGtid(std::string_view text) {
  MariadbGtid gtid;
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  const auto number = [&](auto& out) {
    const auto [behind, error] = std::from_chars(at, end, out);
    at = behind;
    return error == std::errc();
  };
  const auto hyphen = [&] { return at != end && *at++ == '-'; };
  const bool good = number(gtid.domain) && hyphen() && number(gtid.server) && hyphen() && number(gtid.number);
  return good && at == end ? std::optional(gtid) : std::nullopt;
}

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t from = text.find_first_not_of(kBlanks);
  return from == std::string_view::npos ? "" : text.substr(from, text.find_last_not_of(kBlanks) - from + 1);
}

}  // namespace

std::string ToText(const MariadbGtid& gtid) {
  return std::to_string(gtid.domain) + "-" + std::to_string(gtid.server) + "-" + std::to_string(gtid.number);
}

Result<MariadbPosition> MariadbPosition::Parse(std::string_view text) {
  MariadbPosition position;
  if (Trim(text).empty()) return position;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t end = std::min(text.find(',', from), text.size());
    const std::string_view part = Trim(text.substr(from, end - from));
    const auto gtid = ReadGtid(part);
    const std::string name = "\"" + std::string(text.substr(0, 200)) + "\"";
    if (!gtid) {
      return ConfigError(name + " is no GTID position: \"" + std::string(part.substr(0, 100)) +
                         "\" in it is not domain-server-number");
    }
    if (position.Of(gtid->domain))
      return ConfigError(name + " is no GTID position: domain " + std::to_string(gtid->domain) + " is in it twice");
    position.Set(*gtid);
    from = end + 1;
  }
  return position;
}

std::string MariadbPosition::ToText() const {
  std::string text;
  for (const auto& [domain, gtid] : last_) text += (text.empty() ? "" : ",") + mysql::ToText(gtid);
  return text;
}

std::optional<MariadbGtid> MariadbPosition::Of(std::uint32_t domain) const {
  const auto found = last_.find(domain);
  return found == last_.end() ? std::nullopt : std::optional(found->second);
}

bool MariadbPosition::Has(const MariadbGtid& gtid) const {
  const auto last = Of(gtid.domain);
  return last && gtid.number <= last->number;
}

}  // namespace headgate::mysql
