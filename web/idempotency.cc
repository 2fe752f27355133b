#include "web/idempotency.h"

namespace headgate::web {
namespace {

constexpr std::int64_t kDayUs = 24LL * 3600 * 1'000'000;
constexpr std::size_t kKeysMax = 10'000;
constexpr std::size_t kKeyBytesMax = 255;

// The body is kept whole up to a bound, so that two requests are never taken for one another by a hash.
constexpr std::size_t kBodyBytesMax = 16 * 1024;

}  // namespace

void Idempotency::Forget(std::int64_t now_us) {
  while (!order_.empty()) {
    const auto oldest = kept_.find(order_.front());
    if (order_.size() <= kKeysMax && oldest->second.at_us + kDayUs > now_us) return;
    kept_.erase(oldest);
    order_.pop_front();
  }
}

Response Idempotency::Run(const Request& request, std::int64_t now_us, const std::function<Response()>& handle) {
  const std::string key(request.Header("idempotency-key"));
  if (key.empty()) return handle();
  if (key.size() > kKeyBytesMax) return Fail(request, 400, "An Idempotency-Key may not be longer than 255 bytes.");
  if (request.body.size() > kBodyBytesMax)
    return Fail(request, 413, "A request with an Idempotency-Key may not have more than 16 KiB.");
  Forget(now_us);
  const std::string fingerprint = request.method + " " + request.target + "\n" + request.body;
  if (const auto found = kept_.find(key); found != kept_.end()) {
    if (found->second.fingerprint != fingerprint) {
      return Fail(request, 422, "This Idempotency-Key was used for another request. Take a new one.",
                  "idempotency-key-reused");
    }
    Response replay;
    replay.status = found->second.status;
    replay.type = found->second.type;
    replay.body = found->second.body;
    replay.headers = found->second.headers;
    return replay;
  }
  Response response = handle();
  if (response.status >= 500 || response.later != nullptr || response.feed != nullptr) return response;
  kept_[key] = {fingerprint, now_us, response.status, response.type, response.body, response.headers};
  order_.push_back(key);
  return response;
}

}  // namespace headgate::web
