#pragma once

#include <string_view>

namespace headgate {

// The commit that the program was built from, "-dirty" behind it if the tree had other changes; "unknown" where the
// source came without its history. As of the last time CMake ran.
std::string_view Commit();

}  // namespace headgate
