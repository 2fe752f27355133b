#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace headgate::mysql {

// The name of one transaction of MariaDB, as text 0-1-270. Numbers ascend within a domain, whichever server writes.
struct MariadbGtid {
  std::uint32_t domain = 0;
  std::uint32_t server = 0;
  std::uint64_t number = 0;
  auto operator<=>(const MariadbGtid&) const = default;
};
std::string ToText(const MariadbGtid& gtid);  // also the part of an event id (change-events contract, 2)

// How far a reader is: the last transaction of each domain. A value.
class MariadbPosition {
 public:
  // 0-1-270,1-2-5, as servers write it. Config error; also if a domain is there twice.
  static Result<MariadbPosition> Parse(std::string_view text);
  // Domains ascend. What @slave_connect_state is set to.
  std::string ToText() const;

  bool empty() const { return last_.empty(); }
  const std::map<std::uint32_t, MariadbGtid>& domains() const { return last_; }
  std::optional<MariadbGtid> Of(std::uint32_t domain) const;
  // The transaction was read: it stands for its domain from now on, whichever server wrote the one before.
  void Set(const MariadbGtid& gtid) { last_[gtid.domain] = gtid; }
  // Whether the transaction was read before: its number is not larger than the last of its domain.
  bool Has(const MariadbGtid& gtid) const;

  bool operator==(const MariadbPosition&) const = default;

 private:
  std::map<std::uint32_t, MariadbGtid> last_;
};

}  // namespace headgate::mysql
