#include "web/pulse.h"

namespace headgate::web {

void Pulse::Beat(const Control& control) {
  if (answered_ != nullptr && !*answered_) return;
  answered_ = std::make_shared<std::atomic<bool>>(false);
  asked_at_ = control.clock().Now();
  control.Ping([answered = answered_] { *answered = true; });
}

bool Pulse::IsLate(const Control& control) const {
  return answered_ != nullptr && !*answered_ && control.clock().Now() - asked_at_ >= kPatience;
}

}  // namespace headgate::web
