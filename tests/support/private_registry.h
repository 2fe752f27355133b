#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/result.h"
#include "tests/support/child_process.h"
#include "tests/support/http_call.h"

namespace headgate::test {

// A schema registry (Apicurio) with the API of Confluent's, in memory, on a free port of 127.0.0.1, without sign-in.
// Unlike Confluent's it takes any new version of a schema until a compatibility is set. Gone with the object; killed if
// the program dies. Lives on the thread that started it, which must live as long.
class PrivateRegistry {
 public:
  // kConfig if it is not installed (HEADGATE_TEST_REGISTRY: what `./dev setup registry` filled; default
  // ~/.cache/headgate/registry).
  static Result<std::unique_ptr<PrivateRegistry>> Start();

  int port() const { return port_; }
  // What schema.registry.url is set to. Paths below are relative to it.
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + kBase; }

  Result<HttpAnswer> Call(const std::string& method, const std::string& path, const std::string& body = {}) const;
  // The answer of a call that must succeed.
  Result<nlohmann::json> Json(const std::string& method, const std::string& path, const std::string& body = {}) const;

  void KillHard();      // SIGKILL; forgets everything
  Status StartAgain();  // after KillHard; same port, empty
  Status Freeze() const;
  Status Thaw() const;

 private:
  static constexpr const char* kBase = "/apis/ccompat/v7";

  PrivateRegistry() : dir_("headgate-registry-") {}
  Status Await();
  Status Signal(int signal) const;

  TempDir dir_;
  int port_ = 0;
  std::unique_ptr<Child> server_;
};

}  // namespace headgate::test
