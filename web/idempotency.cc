#include "web/idempotency.h"

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/net/digest.h"

namespace headgate::web {
namespace {

constexpr std::int64_t kDayUs = 24LL * 3600 * 1'000'000;
constexpr std::size_t kKeysMax = 10'000;

std::string Fingerprint(const Request& request) {
  return net::Sha256Hex(request.method + " " + request.target + "\n" + request.body);
}

// "" if the answer is not one to keep.
std::string Encode(const std::string& fingerprint, const Response& response) {
  std::string out;
  CHECK(response.later == nullptr && response.feed == nullptr);  // the answer would not be known yet
  if (response.status >= 500) return out;
  PutBytes(out, fingerprint);
  PutVarint(out, static_cast<std::uint64_t>(response.status));
  PutBytes(out, response.type);
  PutBytes(out, response.body);
  PutVarint(out, response.headers.size());
  for (const auto& [name, value] : response.headers) {
    PutBytes(out, name);
    PutBytes(out, value);
  }
  return out;
}

Response Replay(const Request& request, const std::string& fingerprint, std::string_view kept) {
  ByteReader in(kept);
  const bool same = in.Bytes() == fingerprint;
  Response response;
  response.status = static_cast<int>(in.Varint());
  response.type = in.Bytes();
  response.body = in.Bytes();
  for (std::uint64_t n = in.Varint(); n > 0 && !in.failed(); --n) {
    std::string name(in.Bytes());
    response.headers.emplace_back(std::move(name), in.Bytes());
  }
  if (in.failed()) return Fail(request, 500, "The answer that was kept for this Idempotency-Key cannot be read.");
  if (same) return response;
  return Fail(request, 422, "This Idempotency-Key was used for another request. Take a new one.",
              "idempotency-key-reused");
}

}  // namespace

void Idempotency::Forget(std::int64_t now_us) {
  while (!order_.empty()) {
    const auto oldest = kept_.find(order_.front());
    if (order_.size() <= kKeysMax && oldest->second.at_us + kDayUs > now_us) return;
    kept_.erase(oldest);
    order_.pop_front();
  }
}

Response Idempotency::Run(Control& control, const Request& request, const std::function<Response()>& handle) {
  const std::string key(request.Header("idempotency-key"));
  if (key.empty()) return handle();
  if (key.size() > kIdempotencyKeyBytesMax)
    return Fail(request, 400, "An Idempotency-Key may not be longer than 255 bytes.");
  const std::int64_t now_us = control.clock().NowUs();
  Forget(now_us);
  const std::string fingerprint = Fingerprint(request);
  if (const auto found = kept_.find(key); found != kept_.end())
    return Replay(request, fingerprint, found->second.answer);
  if (const auto answer = control.KeptAnswer(key)) return Replay(request, fingerprint, *answer);

  Response response;
  std::string answer;
  control.KeepAnswer(key, [&] {
    response = handle();
    return answer = Encode(fingerprint, response);
  });
  if (!answer.empty()) {
    kept_[key] = {now_us, std::move(answer)};
    order_.push_back(key);
  }
  return response;
}

}  // namespace headgate::web
