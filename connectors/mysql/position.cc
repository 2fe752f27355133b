#include "connectors/mysql/position.h"

#include <charconv>

namespace headgate::mysql {

std::uint64_t LogPlace::FileNumber() const {
  const std::size_t dot = file.rfind('.');
  std::uint64_t number = 0;
  if (dot != std::string::npos) std::from_chars(file.data() + dot + 1, file.data() + file.size(), number);
  return number;
}

}  // namespace headgate::mysql
