#include "core/base/clock.h"

namespace headgate {
namespace {

class MachineClock final : public Clock {
 public:
  std::int64_t NowUs() const override {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
  }
  Steady::time_point Now() const override { return Steady::now(); }
};

}  // namespace

const Clock& SystemClock() {
  static const MachineClock clock;
  return clock;
}

}  // namespace headgate
