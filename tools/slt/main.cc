#include <fstream>
#include <iostream>
#include <sstream>

#include "tools/slt/runner.h"

// slt FILE...: runs sqllogictest scripts, each in a fresh engine.
namespace headgate::slt {
namespace {

int Main(int count, char** arguments) {
  if (count < 2) {
    std::cerr << "usage: slt FILE...\n";
    return 2;
  }
  std::size_t files_failed = 0;
  FileResult all;
  for (int i = 1; i < count; ++i) {
    std::ifstream in(arguments[i]);
    std::stringstream text;
    text << in.rdbuf();
    const auto records = in ? ParseScript(text.str()) : Result<std::vector<Record>>(ConfigError("cannot be read"));
    FileResult result;
    if (records.ok()) {
      result = RunRecords(*records);
    } else {
      result.failed = 1;
      result.first_difference = records.error().what;
    }
    all.passed += result.passed;
    all.failed += result.failed;
    if (result.failed == 0) continue;
    ++files_failed;
    std::cout << arguments[i] << ": " << result.failed << " of " << result.passed + result.failed
              << " statements failed; the first:\n"
              << result.first_difference << "\n";
  }
  std::cout << "files: " << static_cast<std::size_t>(count - 1) - files_failed << " passed, " << files_failed
            << " failed\n"
            << "statements: " << all.passed << " passed, " << all.failed << " failed\n";
  return files_failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace headgate::slt

int main(int count, char** arguments) { return headgate::slt::Main(count, arguments); }
