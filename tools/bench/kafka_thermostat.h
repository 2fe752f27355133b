#pragma once

namespace headgate::bench {

// The thermostat with its settings, readings and commands in topics, exactly once, from readings that stand in their
// topic to the last command that is committed. `every`: how many readings of a sensor bring one command.
void KafkaThermostat(long readings, int every);

}  // namespace headgate::bench
