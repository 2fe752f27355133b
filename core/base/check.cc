#include "core/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace headgate {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "invariant violated: %s at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace headgate
