#pragma once

#include <string>
#include <string_view>

namespace headgate::net {

// Runs the answer parser over the bytes, whole and in pieces. Empty, or the invariant that did not hold.
std::string FuzzResponseParser(std::string_view bytes);

}  // namespace headgate::net
