#include "connectors/mysql/position.h"

#include <charconv>

namespace headgate::mysql {

std::uint64_t LogPlace::FileNumber() const {
  const std::size_t dot = file.rfind('.');
  std::uint64_t number = 0;
  if (dot != std::string::npos) std::from_chars(file.data() + dot + 1, file.data() + file.size(), number);
  return number;
}

std::string MissingGtids(const BinlogPosition& server, const BinlogPosition& read) {
  GtidSet missing = server.executed;
  missing.Subtract(read.executed);
  if (!missing.empty()) return missing.ToText();
  MariadbPosition last;
  for (const auto& [domain, gtid] : server.domains.domains()) {
    if (!read.domains.Has(gtid)) last.Set(gtid);
  }
  return last.ToText();
}

}  // namespace headgate::mysql
