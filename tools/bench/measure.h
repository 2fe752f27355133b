#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"

// What all benchmarks measure and print with.
namespace headgate::bench {

void Must(const Status& status);  // ends the process with the error
template <class T>
T Must(Result<T> result) {
  if (!result.ok()) Must(Status(result.error()));
  return std::move(*result);
}
// Runs it in a process of its own, so that its memory is its own, and ends this one if that one fails. Not while there
// are threads.
void RunApart(const std::function<void()>& body);
void Pause(int ms);
void PauseUntil(double at);  // of Seconds()
double Seconds();            // of a steady clock
// Polls until it is done; false if the time passed first.
bool WaitUntil(const std::function<bool()>& done, double limit_seconds, int poll_ms = 5);

double Percentile(std::vector<double>& seconds, double p);  // in milliseconds; sorts

double CpuSeconds(pid_t pid);
struct ThreadCpu {
  std::string name;
  double seconds = 0;
};
// Of the threads that a process has at the moment, the busiest first.
std::vector<ThreadCpu> ThreadsOf(pid_t pid);
double ResidentMiB(pid_t pid, const char* field);  // VmRSS, VmHWM

inline constexpr std::size_t kViewsMemory = 64 << 20;  // what the program gives the views if nothing is set
// The peak of a process beside what it may take: the memory that views were given, and 64 MiB.
void PeakMemoryLine(pid_t pid, std::size_t views_bytes);
void Line(const char* name, double value, const char* unit, const char* reference);

}  // namespace headgate::bench
