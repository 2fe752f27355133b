#include "tools/bench/measure.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/base/signal.h"

namespace headgate::bench {

void Must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "bench: %s\n", status.error().what.c_str());
  std::exit(1);
}

void RunApart(const std::function<void()>& body) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child == 0) {
    body();
    std::fflush(stdout);
    ::_exit(0);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child || status != 0) Must(Transient("a part of the run failed"));
}

void Pause(int ms) {
  Signal never;
  never.WaitUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(ms), {});
}

void PauseUntil(double at) {
  using Steady = std::chrono::steady_clock;
  Signal never;
  never.WaitUntil(Steady::time_point(std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(at))),
                  {});
}

double Seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double Percentile(std::vector<double>& seconds, double p) {
  std::ranges::sort(seconds);
  return seconds[static_cast<std::size_t>(p * static_cast<double>(seconds.size() - 1))] * 1000;
}

// CPU seconds and resident memory of a process.
double CpuSeconds(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text = text.substr(text.rfind(')') + 2);
  std::vector<std::string> fields;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    fields.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return static_cast<double>(std::stol(fields[11]) + std::stol(fields[12])) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double ResidentMiB(pid_t pid, const char* field) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field))
      return static_cast<double>(std::atol(line.c_str() + line.find_first_of("0123456789"))) / 1024.0;
  }
  return 0;
}

bool WaitUntil(const std::function<bool()>& done, double limit_seconds, int poll_ms) {
  const double end = Seconds() + limit_seconds;
  while (!done()) {
    if (Seconds() > end) return false;
    Pause(poll_ms);
  }
  return true;
}

void PeakMemoryLine(pid_t pid, std::size_t views_bytes) {
  char budget[60];
  std::snprintf(budget, sizeof budget, "(budget: at most %zu + 64)", views_bytes >> 20);
  Line("    resident memory, peak", ResidentMiB(pid, "VmHWM"), "MiB", budget);
}

void Line(const char* name, double value, const char* unit, const char* reference) {
  std::printf("%-52s %12.2f %-10s %s\n", name, value, unit, reference);
  std::fflush(stdout);
}

}  // namespace headgate::bench
