#include "core/pipeline/consent_desk.h"

#include <charconv>
#include <random>

#include "core/base/encoding.h"

namespace headgate {
namespace {

constexpr std::int64_t kTokenLifeUs = 24LL * 3600 * 1'000'000;
// One that is told once more has to last until somebody reads it.
constexpr std::int64_t kTokenToldUs = kTokenLifeUs / 2;

std::string RandomToken() {
  std::random_device random;
  std::string token;
  for (int i = 0; i < 4; ++i) token += Hex16((std::uint64_t{random()} << 32) | random());
  return token;
}

// In the same time wherever they differ.
bool SameText(std::string_view a, std::string_view b) {
  unsigned char differs = a.size() != b.size() || a.empty() ? 1 : 0;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) differs |= static_cast<unsigned char>(a[i] ^ b[i]);
  return differs == 0;
}

}  // namespace

std::optional<double> AllowedRate(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  std::uint32_t per_minute = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), per_minute);
  if (error != std::errc() || end != text.data() + text.size() || per_minute == 0) return std::nullopt;
  return per_minute;
}

std::string ConsentDesk::TokenFor(const std::string& url, std::int64_t now_us) {
  const auto issued = issued_.Get();
  if (!issued->token.empty() && issued->url == url && now_us < issued->at_us + kTokenToldUs) return issued->token;
  Issued next{RandomToken(), url, now_us};
  std::string token = next.token;
  issued_.Set(std::move(next));
  return token;
}

std::optional<ConsentDesk::Grant> ConsentDesk::Take() {
  auto grant = grants_.TryPop();
  if (grant) issued_.Set({});
  return grant;
}

bool ConsentDesk::Give(std::string_view token, std::optional<double> per_minute, std::int64_t now_us) {
  const auto issued = issued_.Get();
  if (!SameText(issued->token, token) || issued->token == used_ || now_us >= issued->at_us + kTokenLifeUs) return false;
  if (!grants_.TryPush({issued->url, per_minute})) return false;
  used_ = issued->token;
  return true;
}

}  // namespace headgate
