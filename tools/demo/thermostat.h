#pragma once

#include <string>

namespace headgate::demo {

// Rooms with a heater each: what is wanted lies in a table of a private PostgreSQL, readings come in over HTTP, a view
// judges them, and its commands go out through a webhook to the heaters, which close the loop. Ends after
// `run_seconds` (0: at Ctrl-C). The exit code is 0 only if commands came and every one of them was right.
int RunThermostat(const std::string& headgate, int run_seconds);

}  // namespace headgate::demo
