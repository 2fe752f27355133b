#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/support/child_process.h"
#include "tests/support/http_call.h"

namespace headgate::test {

// A search server of one node (HEADGATE_TEST_SEARCH: what `./dev setup` of an opensearch or elasticsearch filled;
// default
// ~/.cache/headgate/opensearch) in a temporary directory, on a free port of 127.0.0.1, without sign-in. Gone with the
// object; killed if the program dies. Lives on the thread that started it, which must live as long.
class PrivateSearch {
 public:
  // How its Java runs: small and soon ready, or as people run it.
  enum class Java : std::uint8_t { kSmall, kFast };

  // kConfig if the server is not installed. `settings`: more lines of its opensearch.yml or elasticsearch.yml.
  static Result<std::unique_ptr<PrivateSearch>> Start(std::vector<std::string> settings = {}, Java java = Java::kSmall);
  ~PrivateSearch();
  PrivateSearch(const PrivateSearch&) = delete;
  PrivateSearch& operator=(const PrivateSearch&) = delete;

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  Result<HttpAnswer> Call(const std::string& method, const std::string& path, const std::string& body = {}) const;
  // The answer of a call that must succeed.
  Result<nlohmann::json> Json(const std::string& method, const std::string& path, const std::string& body = {}) const;

  void KillHard();      // SIGKILL
  Status StartAgain();  // after KillHard; same port

 private:
  PrivateSearch(std::vector<std::string> settings, Java java);
  std::vector<std::string> JavaOptions() const;
  void WriteOpenSearchSettings() const;
  Status CopyElasticsearch() const;
  ChildOptions CommandOf() const;
  Status Await();

  TempDir dir_;
  std::string cluster_;
  std::vector<std::string> settings_;
  const Java java_;
  int port_ = 0;
  std::unique_ptr<Child> server_;
};

}  // namespace headgate::test
