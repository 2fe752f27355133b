#include "sinks/search/options.h"

#include <algorithm>

#include "core/base/encoding.h"
#include "core/config/secrets.h"
#include "core/pipeline/egress.h"

namespace headgate::search {
namespace {

using config::HasPlaceholder;

bool IsIndexCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

// The rules of the servers, for the alias and for the index behind it, which has a `-v1` more.
std::string_view WrongWithIndex(std::string_view name) {
  constexpr std::size_t kLongest = 240;  // of 255
  if (name.empty()) return "is empty";
  if (name.size() > kLongest) return "is longer than 240 bytes";
  if (!std::ranges::all_of(name, IsIndexCharacter)) return "may have only a-z, 0-9, -, _ and . in it";
  if (name.front() == '-' || name.front() == '_' || name.front() == '.') return "may not begin with -, _ or .";
  return "";
}

void Replace(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

}  // namespace

std::string AliasOf(const Options& options, std::string_view stream, std::string_view schema, std::string_view table) {
  std::string alias = options.index;
  Replace(alias, "${stream}", stream);
  Replace(alias, "${schema}", schema);
  Replace(alias, "${table}", table);
  for (char& c : alias) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!IsIndexCharacter(c)) c = '-';
  }
  return alias;
}

ReadOptions Read(const config::Bound& bound) {
  ReadOptions out;
  Options& o = out.options;
  const auto fail = [&](std::string_view key, std::string_view text) {
    out.errors.push_back({std::string(key), "Setting \"" + std::string(key) + "\" " + std::string(text)});
  };
  const auto known = [&](std::string_view key) { return !bound.Text(key).empty() && !HasPlaceholder(bound.Text(key)); };
  if (known("url")) {
    auto url = net::ParseUrl(bound.Text("url"));
    if (!url.ok()) {
      out.errors.push_back({"url", "Setting \"url\": " + url.error().what});
    } else if (url->target != "/") {
      fail("url", "must end behind the port: a path in front of the server's own is not available in this version.");
    } else {
      o.url = *url;
    }
  }
  o.index = bound.Text("index");
  if (known("index")) {
    const std::string_view wrong = WrongWithIndex(AliasOf(o, "s", "s", "t"));
    if (!wrong.empty()) fail("index", wrong);
  }
  o.dynamic = bound.Text("dynamic");
  o.refresh = bound.Text("refresh");
  o.batch_bytes_max = static_cast<std::size_t>(bound.Int("batch_bytes_max"));
  o.batch_docs_max = static_cast<std::size_t>(bound.Int("batch_docs_max"));
  o.batch_delay_max = Options::Ms(bound.Int("batch_delay_ms_max"));
  o.document_bytes_max = static_cast<std::size_t>(bound.Int("document_bytes_max"));
  o.gzip = bound.Text("compression") == "gzip";
  o.gc_deletes_ms = bound.Int("gc_deletes_ms");
  o.stop_on_truncate = bound.Text("on_truncate") == "stop";
  o.timeout_ms = static_cast<int>(bound.Int("timeout_ms"));
  o.connect_timeout_ms = static_cast<int>(bound.Int("connect_timeout_ms"));
  if (o.timeout_ms > o.gc_deletes_ms / 3)
    fail("timeout_ms",
         "must be at most a third of gc_deletes_ms: a request that the server carries out later than it "
         "remembers a delete would bring the document back.");
  const std::string& user = bound.Text("auth_username");
  if (bound.Text("auth") == "basic") {
    if (user.empty()) fail("auth_username", "is missing: auth=basic needs it.");
    if (user.find(':') != std::string::npos) fail("auth_username", "holds a colon, which Basic cannot carry.");
    o.authorization = "Basic " + Base64(user + ":" + bound.Text("auth_password"));
  } else if (bound.Text("auth") == "bearer") {
    if (bound.Text("auth_token").empty()) fail("auth_token", "is missing: auth=bearer needs it.");
    o.authorization = "Bearer " + bound.Text("auth_token");
  }
  o.tls = ReadTls(bound, out.errors);
  return out;
}

}  // namespace headgate::search
