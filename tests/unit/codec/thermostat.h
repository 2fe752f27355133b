#pragma once

namespace headgate::testing {

// The messages of the thermostat; the numbers of their fields are its wire contract.
inline constexpr const char* kThermostat = R"(
  syntax = "proto3";
  message TemperatureControl { int32 sensorID = 1; double desired = 2; double upDelta = 3; double downDelta = 4; }
  message SensorData { int32 sensorID = 1; double temperature = 2; }
  enum HeaterCommand { On = 0; Off = 1; }
  message HeaterControl { int32 sensorID = 1; HeaterCommand command = 2; })";

}  // namespace headgate::testing
