#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/slt/script.h"

namespace headgate::slt {

struct FileResult {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::string first_difference;  // empty if none failed
};

// Runs the records in a fresh engine; goes on after a failed one.
FileResult RunRecords(const std::vector<Record>& records);

}  // namespace headgate::slt
