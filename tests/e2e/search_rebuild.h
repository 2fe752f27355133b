#pragma once

#include <set>
#include <string>

#include "tests/e2e/search_sink.h"

namespace headgate::test {

// A sink whose indexes are made anew.
class SearchRebuild : public SearchSink {
 protected:
  ConnectorSettings Settings() const {
    ConnectorSettings sink = Sink();
    sink["keep_old_ms"] = "3600000";
    return sink;
  }
  void Begin(const ConnectorSettings& sink) {
    Create("shop", shop_->Source());
    Create("docs", sink);
    ExpectSame();
  }
  // So many rows that their load takes a while.
  void BeginLarge() {
    Exec("INSERT INTO public.orders (id, total) SELECT i, 1 FROM generate_series(100001, 140000) i");
    Create("shop", shop_->Source());
    Create("docs", Settings());
    ASSERT_TRUE(WaitFor(
        [&] {
          const auto counted = search_->Call("POST", "/orders/_refresh").ok() ? search_->Json("GET", "/orders/_count")
                                                                              : Transient("not yet");
          return counted.ok() && (*counted)["count"] == 40'200;
        },
        std::chrono::seconds(60)));
  }
  std::string Ask(const json& more = json::object()) {
    json body = {{"mode", "rebuild"}};
    body.update(more);
    const json made = Call("POST", "/api/v1/connectors/docs/snapshots", 201, body);
    return "/api/v1/connectors/docs/snapshots/" + made["id"].get<std::string>();
  }
  bool Is(const std::string& path, const std::string& member, const std::string& value) {
    const auto answer = headgate_->Call("GET", path);
    if (!answer.ok() || answer->status != 200) return false;
    const json told = json::parse(answer->body, nullptr, false);
    return told.is_object() && told.value(member, "") == value;
  }
  bool Ends(const std::string& path, const std::string& state, std::chrono::seconds within = std::chrono::seconds(60)) {
    return WaitFor([&] { return Is(path, "state", state); }, within);
  }
  std::string Told(const std::string& path) { return Call("GET", path, 200).dump() + headgate_->Stderr(); }
  // The index behind an alias; "" if there is none.
  std::string Behind(const std::string& alias) {
    const auto answer = search_->Call("GET", "/_alias/" + alias);
    if (!answer.ok() || answer->status != 200) return "";
    return json::parse(answer->body).begin().key();
  }
  std::set<std::string> Indices(const std::string& pattern) {
    std::set<std::string> indices;
    for (const json& one : Search("GET", "/_cat/indices/" + pattern + "?format=json")) indices.insert(one["index"]);
    return indices;
  }
};

}  // namespace headgate::test
