#include "tools/bench/measure.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
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

namespace {

// What /proc/PID/stat has, of a process or of a thread.
ThreadCpu ReadStat(const std::string& path) {
  std::ifstream in(path);
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  const std::size_t name = text.find('(');
  const std::size_t behind = text.rfind(')');
  if (name == std::string::npos || behind == std::string::npos) return {};  // it has ended
  std::istringstream rest(text.substr(behind + 1));
  const std::vector<std::string> fields{std::istream_iterator<std::string>(rest), {}};
  return {text.substr(name + 1, behind - name - 1), static_cast<double>(std::stol(fields[11]) + std::stol(fields[12])) /
                                                        static_cast<double>(sysconf(_SC_CLK_TCK))};
}

}  // namespace

double CpuSeconds(pid_t pid) { return ReadStat("/proc/" + std::to_string(pid) + "/stat").seconds; }

std::vector<ThreadCpu> ThreadsOf(pid_t pid) {
  std::vector<ThreadCpu> threads;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", error))
    threads.push_back(ReadStat(entry.path().string() + "/stat"));
  std::ranges::sort(threads, std::greater(), &ThreadCpu::seconds);
  return threads;
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
