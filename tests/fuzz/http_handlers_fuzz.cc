// A request through the route table to its handler and back: the first line is method and target, then come header
// lines, an empty line, the body. The service behind is the unit tests' one.
#include <nlohmann/json.hpp>

#include "core/base/check.h"
#include "core/base/encoding.h"
#include "tests/fuzz/input.h"
#include "tests/unit/web/fake_control.h"
#include "web/api.h"

namespace headgate::web {
namespace {

std::string_view TakeUntil(std::string_view& text, char end) {
  const std::string_view part = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), part.size() + 1));
  return part;
}

// As the HTTP parser does, before a handler sees anything: no control characters, and no blank inside a target.
std::string Printable(std::string_view text, char least) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= static_cast<unsigned char>(least) && byte != 0x7f) out.push_back(c);
  }
  return out;
}

Request ReadRequest(std::string_view text) {
  Request request;
  std::string_view first = TakeUntil(text, '\n');
  request.method = Printable(TakeUntil(first, ' '), '!');
  request.target = Printable(first, '!');
  while (!text.empty()) {
    std::string_view line = TakeUntil(text, '\n');
    if (line.empty()) break;
    const std::string name = Printable(TakeUntil(line, ':'), '!');
    request.headers.emplace_back(Lower(name), Trim(Printable(line, ' ')));
  }
  request.body = text;
  request.peer = request.local = "127.0.0.1";
  request.id = "r-1";
  return request;
}

// Every input meets the same service.
void Prepare(test::FakeControl& control) {
  for (const std::string& name : control.Names()) control.Delete(name, true, false, "fuzz");
  control.calls.clear();
  control.AddConnector("shop", {{"connector.class", "db"}, {"host", "h1"}, {"password", "literal"}});
  control.AddConnector("hook", {{"connector.class", "hook"}, {"topics", "shop.public.orders"}, {"url", "http://h/"}});
  DeadLetter letter;
  letter.id = 7;
  letter.stream = "shop.public.orders";
  letter.key = "{\"id\":1}";
  letter.record = letter.body = "{\"op\":\"insert\"}";
  control.letters = {{letter.id, letter}};
}

test::FakeControl& Service() {
  static test::FakeControl control;
  static const bool filled = [] {
    for (std::uint64_t i = 1; i <= 3; ++i) control.Insert(i, static_cast<std::int64_t>(i), "name \"x\"");
    control.AddEvent("connector.created", "shop");
    return true;
  }();
  CHECK(filled);
  Prepare(control);
  return control;
}

void CheckResponse(const Response& response) {
  CHECK(response.status >= 200 && response.status < 600 && response.status != 500);
  const bool json = response.type == "application/json" || response.type == "application/problem+json";
  CHECK(!json || nlohmann::json::accept(response.body));
  for (const auto& [name, value] : response.headers) {
    CHECK((name + value).find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
}

}  // namespace
}  // namespace headgate::web

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  static const web::Router router(web::AllRoutes());
  static const web::ServerOptions options;
  test::FakeControl& control = web::Service();
  web::Api api{control, options, "127.0.0.1:8083", web::HealthBook(), web::Idempotency(), {}, {}};
  web::Request request = web::ReadRequest(fuzz::Bytes(data, size));
  web::Response response = web::Dispatch(api, router, request);
  if (response.later != nullptr) response = response.later->work(std::stop_token());
  web::CheckResponse(response);
  if (response.feed != nullptr) {
    std::string out;
    for (int i = 0; i < 8 && response.feed->Pull(out, 4096) == web::Feed::Next::kMore; ++i) CHECK(IsUtf8(out));
  }
  return 0;
}
