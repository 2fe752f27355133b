#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/support/child_process.h"
#include "tests/support/http_call.h"

namespace headgate::test {

// An OpenSearch of one node (HEADGATE_TEST_SEARCH; default ~/.cache/headgate/opensearch, which `./dev setup opensearch`
// fills) in a temporary directory, on a free port of 127.0.0.1, without sign-in. Gone with the object; killed if the
// program dies. Lives on the thread that started it, which must live as long.
class PrivateSearch {
 public:
  // kConfig if the server is not installed. `settings`: lines of its opensearch.yml.
  static Result<std::unique_ptr<PrivateSearch>> Start(std::vector<std::string> settings = {});
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
  explicit PrivateSearch(std::vector<std::string> settings);
  Status Await();

  TempDir dir_;
  std::string cluster_;
  int port_ = 0;
  std::unique_ptr<Child> server_;
};

}  // namespace headgate::test
