#pragma once

#include <functional>
#include <string>

#include "core/base/signal.h"
#include "tests/e2e/api.h"

namespace headgate::test {

// The program with views, asked over its API.
class ViewsFixture : public Api {
 protected:
  using milliseconds = std::chrono::milliseconds;
  using seconds = std::chrono::seconds;

  // Until the path answers 200 and `holds` says yes; the last answer if it never does.
  json Until(const std::string& path, const std::function<bool(const json&)>& holds, seconds patience = seconds(20)) {
    json last;
    for (const auto end = std::chrono::steady_clock::now() + patience; std::chrono::steady_clock::now() < end;) {
      const auto answer = headgate_->Call("GET", path);
      if (answer.ok()) last = json::parse(answer->body, nullptr, false);
      if (answer.ok() && answer->status == 200 && holds(last)) return last;
      Wait(milliseconds(10));
    }
    ADD_FAILURE() << path << ": " << last.dump() << "\n" << headgate_->Stderr();
    return last;
  }
  void Wait(milliseconds time) { Signal().WaitUntil(std::chrono::steady_clock::now() + time, {}); }
  json Sql(const std::string& statements, int status = 200) {
    return Call("POST", "/api/v1/sql", status, {{"statements", statements}});
  }
  json Query(const std::string& sql, int status = 200) { return Call("POST", "/api/v1/query", status, {{"sql", sql}}); }
  void UntilRunning(const std::string& view) {
    Until("/api/v1/views/" + view, [](const json& v) { return v["state"] == "running"; });
  }
  void Exec(const std::string& sql) {
    const Status done = shop_->database().Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  std::string One(const std::string& sql) {
    const auto value = shop_->database().Value(sql);
    EXPECT_TRUE(value.ok());
    return value.ok() ? *value : "";
  }
};

}  // namespace headgate::test
