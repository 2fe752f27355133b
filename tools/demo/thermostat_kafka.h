#pragma once

#include <string>

namespace headgate::demo {

// The thermostat in its original wire format: settings, readings and commands are topics of a private Kafka, records of
// Protobuf. Heaters obey the commands that come, and so close the loop. Ends after `run_seconds` (0: at Ctrl-C). The
// exit code is 0 only if the topic of commands is then, byte for byte, what the rule asks for.
int RunKafkaThermostat(const std::string& headgate, int run_seconds);

}  // namespace headgate::demo
