#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headgate {

// `pattern` with * (any run, dots too) and ? (one byte); everything else literally.
bool MatchesWildcard(std::string_view pattern, std::string_view text);
bool MatchesAnyWildcard(const std::vector<std::string>& patterns, std::string_view text);

}  // namespace headgate
