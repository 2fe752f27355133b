#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/base/result.h"
#include "core/codec/schema_store.h"
#include "core/net/http_client.h"
#include "core/schema_registry/answer.h"

namespace headgate::schema_registry {

struct Options {
  net::Url url;          // its path stands before that of the API
  std::string username;  // "": no sign-in
  std::string password;
  net::TlsOptions tls;
  net::GuardPolicy guard;
  int timeout_ms = 10'000;       // of one request
  bool register_schemas = true;  // false: a schema has to be registered already
};

// A schema registry over HTTP. Every call blocks until there is an answer or the timeout of its requests passed; what
// was answered once is not asked again, and never changes: an id means one schema. For one thread.
//
// Errors: kTransient, nothing answered, or the registry cannot now; kConfig, a person has to change something, as of
// answer.h; kRejected, no schema has that id.
class Client final : public codec::SchemaStore {
 public:
  // kConfig: TLS files, or the guard refuses the address.
  static Result<std::unique_ptr<Client>> Open(Options options);
  ~Client() override;

  Result<std::uint32_t> IdOf(const std::string& subject, const codec::SchemaText& schema) override;
  Result<int> VersionOf(const std::string& subject, const codec::SchemaText& schema) override;
  Result<std::shared_ptr<const codec::ResolvedSchema>> SchemaOf(std::uint32_t id) override;

  // Whether the registry answers, and to this account.
  Status Probe();
  // Whether the schema might be registered, as the subject's compatibility demands; a subject without versions takes
  // everything.
  Result<Compatibility> Check(const std::string& subject, const codec::SchemaText& schema);
  // `version`: a number, or "latest".
  Result<Version> Fetch(const std::string& subject, const std::string& version);

  std::uint64_t requests() const { return requests_; }

 private:
  struct Answer {
    int status = 0;
    std::string body;
  };

  Client(Options options, std::unique_ptr<net::HttpClient> http);
  // `path` behind the URL's own; `body` "": GET.
  Result<Answer> Call(const std::string& path, const std::string& body, const std::string& what);
  // The answer's body, if it is a good one.
  Result<std::string> Ask(const std::string& path, const std::string& body, const std::string& what);
  // Appends what the schema refers to, near and far. `seen`: subject and version of what is there or under way.
  Status Resolve(const codec::SchemaText& schema, codec::ResolvedSchema& out, std::unordered_set<std::string>& seen,
                 int level);

  const Options options_;
  std::unique_ptr<net::HttpClient> http_;
  std::string head_;  // what every request has between its request line and its length
  std::unordered_map<std::string, std::uint32_t> ids_;  // by subject and schema
  std::unordered_map<std::uint32_t, std::shared_ptr<const codec::ResolvedSchema>> schemas_;
  std::uint64_t requests_ = 0;
};

}  // namespace headgate::schema_registry
