#include "core/schema_registry/client.h"

#include <chrono>
#include <optional>

#include "core/base/encoding.h"

namespace headgate::schema_registry {
namespace {

constexpr std::size_t kAnswerBytesMax = std::size_t{4} << 20;
constexpr int kReferenceLevelsMax = 32;
constexpr std::size_t kReferencesMax = 1'000;
constexpr std::string_view kContentType = "application/vnd.schemaregistry.v1+json";

std::string KeyOf(const std::string& subject, const codec::SchemaText& schema) {
  std::string key = subject;
  key.push_back('\0');
  for (const codec::SchemaReference& reference : schema.references) {
    key += reference.name + '\0' + reference.subject + '\0' + std::to_string(reference.version);
    key.push_back('\0');
  }
  key += Name(schema.language);
  return key + schema.text;
}

}  // namespace

Client::Client(Options options, std::unique_ptr<net::HttpClient> http)
    : options_(std::move(options)), http_(std::move(http)) {
  head_ =
      " HTTP/1.1\r\nHost: " + options_.url.HostHeader() + "\r\nUser-Agent: Headgate/" HEADGATE_VERSION "\r\nAccept: ";
  head_ += kContentType;
  head_ += ", application/json\r\n";
  if (!options_.username.empty())
    head_ += "Authorization: Basic " + Base64(options_.username + ":" + options_.password) + "\r\n";
}

Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::Open(Options options) {
  net::EndpointOptions endpoint;
  endpoint.url = options.url;
  endpoint.guard = options.guard;
  endpoint.tls = options.tls;
  endpoint.timeout_ms = options.timeout_ms;
  endpoint.connections_max = 1;
  endpoint.body_bytes_max = endpoint.body_bytes_kept = kAnswerBytesMax;
  HG_ASSIGN_OR_RETURN(auto http, net::HttpClient::Open(std::move(endpoint)));
  return std::unique_ptr<Client>(new Client(std::move(options), std::move(http)));
}

Result<Client::Answer> Client::Call(const std::string& path, const std::string& body, const std::string& what) {
  std::string base = options_.url.target;
  while (base.ends_with('/')) base.pop_back();
  std::string request = (body.empty() ? "GET " : "POST ") + base + path + head_;
  if (!body.empty()) {
    request += "Content-Type: ";
    request += kContentType;
    request += "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  request += "\r\n" + body;
  std::optional<net::Outcome> outcome;
  ++requests_;
  http_->Send(std::move(request), [&outcome](net::Outcome&& o) { outcome = std::move(o); });
  // The client's own deadline comes first; the one here only bounds a wait that should not be.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.timeout_ms + 1'000);
  while (!outcome && std::chrono::steady_clock::now() < deadline) http_->Run(deadline);
  const std::string where = "the schema registry at " + options_.url.HostPort();
  if (!outcome) {
    http_->Close();
    return Transient(what + ": " + where + " did not answer in time");
  }
  if (const auto* failure = std::get_if<net::Failure>(&*outcome)) {
    const std::string text = what + ": " + where + " was not reached: " + failure->text;
    return failure->kind == net::Failure::Kind::kRefusedByGuard ? ConfigError(text) : Transient(text);
  }
  auto& response = std::get<net::Response>(*outcome);
  if (response.body_cut) return ConfigError(what + ": " + where + " answers more than 4 MiB");
  return Answer{response.status, std::move(response.body)};
}

Result<std::string> Client::Ask(const std::string& path, const std::string& body, const std::string& what) {
  HG_ASSIGN_OR_RETURN(Answer answer, Call(path, body, what));
  HG_RETURN_IF_ERROR(Judge(answer.status, answer.body, what));
  return std::move(answer.body);
}

Result<std::uint32_t> Client::IdOf(const std::string& subject, const codec::SchemaText& schema) {
  std::string key = KeyOf(subject, schema);
  if (const auto known = ids_.find(key); known != ids_.end()) return known->second;
  const std::string what =
      (options_.register_schemas ? "registering" : "looking up") + (" a schema under subject '" + subject + "'");
  const std::string path = "/subjects/" + PercentEncode(subject) + (options_.register_schemas ? "/versions" : "");
  HG_ASSIGN_OR_RETURN(const std::string body, Ask(path, SchemaBody(schema), what));
  HG_ASSIGN_OR_RETURN(const std::uint32_t id, ReadId(body, what));
  ids_.emplace(std::move(key), id);
  return id;
}

Result<int> Client::VersionOf(const std::string& subject, const codec::SchemaText& schema) {
  HG_RETURN_IF_ERROR(IdOf(subject, schema));
  const std::string what = "looking up the version of a schema under subject '" + subject + "'";
  HG_ASSIGN_OR_RETURN(const std::string body, Ask("/subjects/" + PercentEncode(subject), SchemaBody(schema), what));
  HG_ASSIGN_OR_RETURN(const Version found, ReadVersion(body, what));
  if (found.version == 0) return ConfigError(what + ": the schema registry tells none. Check its URL");
  return found.version;
}

Result<Version> Client::Fetch(const std::string& subject, const std::string& version) {
  const std::string what = "reading version " + version + " of subject '" + subject + "'";
  HG_ASSIGN_OR_RETURN(const std::string body,
                      Ask("/subjects/" + PercentEncode(subject) + "/versions/" + PercentEncode(version), "", what));
  return ReadVersion(body, what);
}

Status Client::Resolve(const codec::SchemaText& schema, codec::ResolvedSchema& out,
                       std::unordered_set<std::string>& seen, int level) {
  if (level > kReferenceLevelsMax || seen.size() > kReferencesMax)
    return Rejected("the schema refers to more than 1000 others, or more than 32 levels deep");
  for (const codec::SchemaReference& reference : schema.references) {
    const std::string version = std::to_string(reference.version);
    if (!seen.insert(reference.subject + '\0' + version + '\0' + reference.name).second) continue;
    HG_ASSIGN_OR_RETURN(Version found, Fetch(reference.subject, version));
    HG_RETURN_IF_ERROR(Resolve(found.schema, out, seen, level + 1));
    out.parts.push_back({reference.name, std::move(found.schema.text)});
  }
  return Ok();
}

Result<std::shared_ptr<const codec::ResolvedSchema>> Client::SchemaOf(std::uint32_t id) {
  if (const auto known = schemas_.find(id); known != schemas_.end()) return known->second;
  const std::string what = "reading schema " + std::to_string(id);
  HG_ASSIGN_OR_RETURN(const std::string body, Ask("/schemas/ids/" + std::to_string(id), "", what));
  HG_ASSIGN_OR_RETURN(Version version, ReadVersion(body, what));
  auto resolved = std::make_shared<codec::ResolvedSchema>();
  std::unordered_set<std::string> seen;
  HG_RETURN_IF_ERROR(Resolve(version.schema, *resolved, seen, 0));
  resolved->schema = std::move(version.schema);
  schemas_.emplace(id, resolved);
  return std::shared_ptr<const codec::ResolvedSchema>(std::move(resolved));
}

Status Client::Probe() {
  auto answer = Ask("/subjects", "", "listing the subjects of the schema registry");
  return answer.ok() ? Ok() : Status(std::move(answer).error());
}

Result<Compatibility> Client::Check(const std::string& subject, const codec::SchemaText& schema) {
  const std::string what = "checking a schema against subject '" + subject + "'";
  HG_ASSIGN_OR_RETURN(const Answer answer,
                      Call("/compatibility/subjects/" + PercentEncode(subject) + "/versions/latest?verbose=true",
                           SchemaBody(schema), what));
  if (answer.status == 404) return Compatibility{true, ""};
  HG_RETURN_IF_ERROR(Judge(answer.status, answer.body, what));
  return ReadCompatibility(answer.body, what);
}

}  // namespace headgate::schema_registry
