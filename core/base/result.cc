#include "core/base/result.h"

namespace headgate {

std::string_view Name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kTransient:
      return "transient";
    case ErrorKind::kRejected:
      return "rejected";
    case ErrorKind::kConfig:
      return "config";
    case ErrorKind::kCorrupt:
      return "corrupt";
    case ErrorKind::kStopped:
      return "stopped";
  }
  return "unknown";
}

}  // namespace headgate
