#pragma once

#include <string_view>

namespace headgate::http {

// By the grammar of RFC 8259. The parser of events looks only at where tokens begin.
bool IsJsonNumber(std::string_view token);

}  // namespace headgate::http
