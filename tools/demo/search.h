#pragma once

#include <string>

namespace headgate::demo {

// The shop in a private PostgreSQL, and a private OpenSearch: the orders as documents as they are, and beside them one
// document an order with its customer and its items, by a view. Ends after `run_seconds` (0: at Ctrl-C). The exit code
// is 0 only if both indexes equal what the database says at the end.
int RunSearch(const std::string& headgate, int run_seconds, int changes_per_second);

}  // namespace headgate::demo
