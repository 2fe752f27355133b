#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitConfig = 3;

using Arguments = std::vector<std::string_view>;

// Each runs one command to its end and returns the exit code. They print to stdout what was asked for, to stderr the
// rest.
int RunCommand(const Arguments& args);
int CheckCommand(const Arguments& args);
int TailCommand(const Arguments& args);
int SqlCommand(const Arguments& args);
int SnapshotCommand(const Arguments& args);

// Options of a command line: "--name value" or "--name=value" for those in `valued` ("-n value" for short ones),
// "--name" for those in `flags`, and
// at most `plain_max` other arguments.
struct ParsedArguments {
  std::map<std::string, std::string, std::less<>> values;
  std::vector<std::string> plain = {};
  std::string error;  // "" if the line is right

  bool Has(std::string_view name) const { return values.contains(name); }
  std::string Get(std::string_view name, std::string_view otherwise = "") const;
};
ParsedArguments ParseArguments(const Arguments& args, const std::vector<std::string_view>& valued,
                               const std::vector<std::string_view>& flags, std::size_t plain_max = 0);

}  // namespace headgate
