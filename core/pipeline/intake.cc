#include "core/pipeline/intake.h"

#include <utility>

namespace headgate {

void Intake::Open(Prepare prepare) {
  prepare_ = std::move(prepare);
  open_.store(true, std::memory_order_release);
}

Intake::Offered Intake::Offer(std::unique_ptr<IntakeRequest> request) {
  if (!open() || held_.load(std::memory_order_relaxed)) return Offered::kClosed;
  std::size_t bytes = request->body.size();
  if (request->prepared && request->prepared->transaction) bytes += request->prepared->transaction->bytes();
  if (waiting_.TryPush(std::move(request), bytes)) return Offered::kTaken;
  return open() ? Offered::kFull : Offered::kClosed;
}

std::unique_ptr<IntakeRequest> Intake::Take(std::stop_token stop, std::chrono::steady_clock::time_point deadline) {
  auto request = waiting_.Pop(stop, deadline);
  return request ? *std::move(request) : nullptr;
}

std::unique_ptr<IntakeRequest> Intake::TryTake() {
  auto request = waiting_.TryPop();
  return request ? *std::move(request) : nullptr;
}

void Intake::RefuseWaiting(const std::string& text) {
  while (const auto request = TryTake()) request->done({.text = text, .faults = {}});
}

void Intake::Hold(const std::string& text) {
  held_.store(true, std::memory_order_relaxed);
  RefuseWaiting(text);
}

void Intake::Close(const std::string& text) {
  open_.store(false, std::memory_order_release);
  waiting_.Close();
  RefuseWaiting(text);
}

}  // namespace headgate
