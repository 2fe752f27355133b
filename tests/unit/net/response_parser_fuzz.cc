#include "tests/unit/net/response_parser_fuzz.h"

#include "core/base/check.h"
#include "core/net/response_parser.h"

namespace headgate::net {
namespace {

constexpr ResponseParser::Limits kSmall = {.head_bytes_max = 256, .body_bytes_max = 128, .body_bytes_kept = 16};

struct FuzzOutcome {
  ResponseParser::State state;
  int status;
  std::string headers;
  std::string body;
  bool operator==(const FuzzOutcome&) const = default;
};

FuzzOutcome Run(std::string_view bytes, std::size_t step) {
  ResponseParser parser(kSmall);
  for (std::size_t i = 0; i < bytes.size(); i += step) parser.Feed(bytes.substr(i, step));
  const ResponseParser::State state = parser.FinishAtEnd();
  if (state == ResponseParser::State::kBroken) return {state, 0, "", ""};
  return {state, parser.status(), parser.TakeHeaderLines(), parser.TakeBody()};
}

}  // namespace

std::string FuzzResponseParser(std::string_view bytes) {
  const FuzzOutcome whole = Run(bytes, bytes.size() + 1);
  if (whole.state == ResponseParser::State::kNeedMore) return "not over at the end of the connection";
  if (whole.headers.size() > kSmall.head_bytes_max || whole.body.size() > kSmall.body_bytes_kept) return "limit passed";
  if (whole.state != ResponseParser::State::kBroken && (whole.status < 200 || whole.status > 599))
    return "status out of range";
  for (const std::size_t step : {1U, 2U, 7U}) {
    if (!(Run(bytes, step) == whole)) return "pieces of " + std::to_string(step) + " give another outcome";
  }
  if (const auto value = FindHeader(whole.headers, "Retry-After"))
    static_cast<void>(ParseRetryAfter(*value, 1'700'000'000));
  static_cast<void>(ParseRetryAfter(bytes.substr(0, 40), 1'700'000'000));
  return "";
}

}  // namespace headgate::net

// libFuzzer's entry; the unit tests link the same file.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  CHECK(headgate::net::FuzzResponseParser({reinterpret_cast<const char*>(data), size}).empty());
  return 0;
}
