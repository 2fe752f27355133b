#pragma once

#include <string>

// Views, from the log: a log of events and tables is written first, then the views' thread runs over it.
namespace headgate::bench {

// Those whose name begins with `query`.
void Views(long events, const std::string& query);

}  // namespace headgate::bench
