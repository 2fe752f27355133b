#include "sinks/webhook/oauth2.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"

namespace headgate::webhook {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kFirstTokenWait{1'000};
constexpr milliseconds kLongestTokenWait{60'000};

}  // namespace

std::string TokenRequest(const OAuth2& settings) {
  std::string body = "grant_type=client_credentials";
  if (!settings.scope.empty()) body += "&scope=" + PercentEncode(settings.scope);
  if (!settings.audience.empty()) body += "&audience=" + PercentEncode(settings.audience);
  std::string request = "POST " + settings.token_url.target + " HTTP/1.1\r\n";
  request += "Host: " + settings.token_url.HostHeader() + "\r\n";
  request += "User-Agent: Headgate/" HEADGATE_VERSION "\r\nAccept: application/json\r\n";
  request += "Authorization: Basic " +
             Base64(PercentEncode(settings.client_id) + ":" + PercentEncode(settings.client_secret)) + "\r\n";
  request += "Content-Type: application/x-www-form-urlencoded\r\n";
  return request + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

Result<Token> ReadToken(int status, std::string_view body) {
  if (status == 400 || status == 401 || status == 403) {
    return ConfigError("The token endpoint refuses this client: HTTP " + std::to_string(status) +
                       ". Check auth_client_id, auth_client_secret and auth_scope, then restart");
  }
  if (status < 200 || status > 299) return Transient("the token endpoint answered HTTP " + std::to_string(status));
  const auto json = nlohmann::json::parse(body.begin(), body.end(), nullptr, false);
  if (!json.is_object() || !json.contains("access_token") || !json["access_token"].is_string())
    return Transient("the token endpoint answered without an access_token");
  Token token;
  token.value = json["access_token"].get<std::string>();
  const bool sound =
      !token.value.empty() && std::ranges::all_of(token.value, [](char c) { return c > ' ' && c < 0x7f; });
  if (!sound) return Transient("the token endpoint answered a token that no header can carry");
  if (json.contains("expires_in") && json["expires_in"].is_number())
    token.lives = seconds(std::clamp<std::int64_t>(json["expires_in"].get<std::int64_t>(), 1, 30LL * 86'400));
  return token;
}

Result<std::unique_ptr<TokenSource>> TokenSource::Open(const OAuth2& settings, net::EndpointOptions endpoint) {
  endpoint.url = settings.token_url;
  endpoint.connections_max = 1;
  endpoint.body_bytes_kept = 64 * 1024;
  HG_ASSIGN_OR_RETURN(auto client, net::HttpClient::Open(std::move(endpoint)));
  return std::unique_ptr<TokenSource>(new TokenSource(settings, std::move(client)));
}

void TokenSource::Refused(std::uint64_t number) {
  if (number != number_) return;
  token_.clear();
  refresh_ = {};
}

TokenSource::Time TokenSource::next() const {
  if (!state_.ok() || under_way()) return Time::max();
  return std::max(again_, refresh_);
}

void TokenSource::Need(Time now) {
  if (!client_->can_send() || now < next()) return;
  client_->Send(request_, [this](net::Outcome&& outcome) { Finished(std::move(outcome)); });
}

void TokenSource::Finished(net::Outcome&& outcome) {
  const Time now = std::chrono::steady_clock::now();
  Result<Token> token = Transient("");
  if (const auto* response = std::get_if<net::Response>(&outcome)) {
    token = ReadToken(response->status, response->body);
  } else {
    token = Transient(std::get<net::Failure>(outcome).text);
  }
  if (!token.ok()) {
    error_ = token.error().what;
    if (token.error().kind == ErrorKind::kConfig) state_ = std::move(token).error();
    wait_ = std::clamp(wait_ * 2, kFirstTokenWait, kLongestTokenWait);
    again_ = now + wait_;
    return;
  }
  token_ = std::move(token->value);
  ++number_;
  error_.clear();
  wait_ = milliseconds(0);
  // Early enough that no request goes out with one that expires on its way.
  expires_ = now + token->lives;
  refresh_ = now + std::max<milliseconds>(token->lives * 4 / 5, token->lives - seconds(60));
}

}  // namespace headgate::webhook
