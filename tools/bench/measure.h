#pragma once

#include <sys/types.h>

#include <functional>

#include "core/base/result.h"

// What all benchmarks measure and print with.
namespace headgate::bench {

void Must(const Status& status);  // ends the process with the error
void Pause(int ms);
double Seconds();  // of a steady clock
// Polls until it is done; false if the time passed first.
bool WaitUntil(const std::function<bool()>& done, double limit_seconds, int poll_ms = 5);

double CpuSeconds(pid_t pid);
double ResidentMiB(pid_t pid, const char* field);  // VmRSS, VmHWM

void Line(const char* name, double value, const char* unit, const char* reference);

}  // namespace headgate::bench
