#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "tests/support/child_process.h"
#include "tests/support/http_call.h"

namespace headgate::test {

// What stands in front of a server that is not open to everybody. The files are PEM.
struct SearchSecurity {
  std::string cert_file;  // of 127.0.0.1
  std::string key_file;
  std::string ca_file;  // whom calls of the test trust
  std::string user;
  std::string password;
  std::vector<std::string> role;  // what the user may do: the lines below a role's name in roles.yml
};

// A search server of one node (HEADGATE_TEST_SEARCH: what `./dev setup` of an opensearch or elasticsearch filled;
// default ~/.cache/headgate/opensearch) in a temporary directory, on a free port of 127.0.0.1, without sign-in unless
// told so. Gone with the object; killed if the program dies. Lives on the thread that started it, which must live as
// long.
class PrivateSearch {
 public:
  // How its Java runs: small and soon ready, or as people run it.
  enum class Java : std::uint8_t { kSmall, kFast };

  // kConfig if the server is not installed. `settings`: more lines of its opensearch.yml or elasticsearch.yml.
  static Result<std::unique_ptr<PrivateSearch>> Start(std::vector<std::string> settings = {}, Java java = Java::kSmall);
  // An Elasticsearch 8.19 with https and sign-in, whatever HEADGATE_TEST_SEARCH says: the OpenSearch of the tests has
  // neither. kConfig if `./dev setup elasticsearch-8.19` has not run.
  static Result<std::unique_ptr<PrivateSearch>> StartSecured(SearchSecurity security);
  ~PrivateSearch();
  PrivateSearch(const PrivateSearch&) = delete;
  PrivateSearch& operator=(const PrivateSearch&) = delete;

  int port() const { return port_; }
  std::string url() const { return (security_ ? "https://" : "http://") + address(); }

  // Signed in, if that is needed.
  Result<HttpAnswer> Call(const std::string& method, const std::string& path, const std::string& body = {}) const;
  // The answer of a call that must succeed.
  Result<nlohmann::json> Json(const std::string& method, const std::string& path, const std::string& body = {}) const;

  void KillHard();      // SIGKILL
  Status StartAgain();  // after KillHard; same port

 private:
  PrivateSearch(std::string root, std::vector<std::string> settings, Java java, std::optional<SearchSecurity> security);
  static Result<std::unique_ptr<PrivateSearch>> StartOf(const std::string& root,
                                                        const std::vector<std::string>& settings, Java java,
                                                        const std::optional<SearchSecurity>& security);
  bool IsElasticsearch() const;
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::vector<std::string> JavaOptions() const;
  void WriteOpenSearchSettings() const;
  Status CopyElasticsearch() const;
  Status GiveToNobody() const;
  Status AddUser() const;
  ChildOptions ElasticsearchCommand(std::vector<std::string> command) const;
  Result<HttpAnswer> SecureCall(const std::string& method, const std::string& path, const std::string& body,
                                const std::string& content_type) const;
  ChildOptions CommandOf() const;
  Status Await();

  const std::string root_;
  TempDir dir_;
  std::string cluster_;
  const std::optional<SearchSecurity> security_;
  std::vector<std::string> settings_;
  const Java java_;
  int port_ = 0;
  std::unique_ptr<Child> server_;
};

}  // namespace headgate::test
