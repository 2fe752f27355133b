// What the admin API reads of a request: the first byte chooses, the rest is the text.
#include <nlohmann/json.hpp>

#include "core/base/check.h"
#include "core/base/encoding.h"
#include "core/pipeline/filter.h"
#include "tests/fuzz/input.h"
#include "web/host_guard.h"
#include "web/http.h"
#include "web/json.h"

namespace headgate::web {
namespace {

void TryJson(std::string_view text) {
  const auto json = ParseJson(text);
  if (!json.ok()) return;
  CHECK(IsUtf8(Dump(*json)));
}

void TryTarget(std::string_view text) {
  const std::string_view path = text.substr(0, text.find('?'));
  if (const auto segments = SplitPath(path)) {
    for (const std::string& segment : *segments) CHECK(IsUtf8(segment));
  }
  if (path.size() == text.size()) return;
  if (const auto query = Query::Parse(text.substr(path.size() + 1))) {
    static_cast<void>(query->Get("a"));
    static_cast<void>(query->Flag("expand"));
  }
}

void TryHeaders(std::string_view text) {
  const std::string_view first = text.substr(0, text.find('\n'));
  const std::string_view rest = text.substr(std::min(text.size(), first.size() + 1));
  static_cast<void>(Accepts(first, "application/json"));
  static_cast<void>(Names(first, "text/event-stream"));
  static_cast<void>(MediaType(first));
  CHECK(!HostAllowed("", "127.0.0.1", {}));
  static_cast<void>(HostOf(first));
  static_cast<void>(HostAllowed(first, "127.0.0.1", {"headgate.example"}));
  static_cast<void>(OriginAllowed(first, rest, {"https://console.example"}));
}

void TryFilter(std::string_view text) { static_cast<void>(Filter::Parse(text)); }

}  // namespace
}  // namespace headgate::web

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  std::string_view text = fuzz::Bytes(data, size);
  switch (fuzz::Choose(text, 4)) {
    case 0:
      web::TryJson(text);
      break;
    case 1:
      web::TryTarget(text);
      break;
    case 2:
      web::TryHeaders(text);
      break;
    default:
      web::TryFilter(text);
      break;
  }
  return 0;
}
