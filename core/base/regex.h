#pragma once

#include <regex>
#include <string>

namespace headgate {

// std::regex(pattern, flags), for any number of threads at once: its compiler and its matcher ask the locale for single
// characters, and libstdc++ keeps the answers as they come, without a lock (its bug 77704). Here all are kept before
// the first pattern is compiled. Throws std::regex_error.
std::regex CompileRegex(const std::string& pattern, std::regex::flag_type flags);

}  // namespace headgate
