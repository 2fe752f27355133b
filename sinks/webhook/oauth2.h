#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/net/http_client.h"
#include "sinks/webhook/options.h"

namespace headgate::webhook {

// The request for a token by client credentials (RFC 6749, 4.4). Pure.
std::string TokenRequest(const OAuth2& settings);

struct Token {
  std::string value;
  std::chrono::seconds lives{3600};
};
// What the token endpoint answered: kConfig if it refuses the client, kTransient if it may answer better later. Never
// shows what it answered, which may hold a token.
Result<Token> ReadToken(int status, std::string_view body);

// The access token of a sink (W11): kept, fetched anew before it expires, by one request at a time. For one thread.
class TokenSource {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `endpoint`: how requests of the sink are made; its URL is replaced. kConfig as of HttpClient::Open.
  static Result<std::unique_ptr<TokenSource>> Open(const OAuth2& settings, net::EndpointOptions endpoint);

  bool ready(Time now) const { return !token_.empty() && now < expires_; }
  const std::string& token() const { return token_; }
  std::uint64_t number() const { return number_; }  // of the token, from 1
  // The token of that number was refused: it is not used any more.
  void Refused(std::uint64_t number);
  // Begins a request if a token is wanted and none is under way. A failed one is repeated after a while.
  void Need(Time now);
  bool under_way() const { return client_->in_flight() > 0; }
  // When Need may have something to do.
  Time next() const;
  // Drives the request; as HttpClient::Run. Any thread: Wake.
  void Run(Time deadline) { client_->Run(deadline); }
  void Wake() { client_->Wake(); }
  void Close() { client_->Close(); }

  // Not ok once the endpoint refuses the client; else why the last request failed, "" after a success.
  const Status& state() const { return state_; }
  const std::string& error() const { return error_; }

 private:
  TokenSource(const OAuth2& settings, std::unique_ptr<net::HttpClient> client)
      : request_(TokenRequest(settings)), client_(std::move(client)) {}
  void Finished(net::Outcome&& outcome);

  const std::string request_;
  const std::unique_ptr<net::HttpClient> client_;
  std::string token_;
  std::uint64_t number_ = 0;
  Time refresh_{};  // from then on another one is fetched
  Time expires_{};
  Time again_{};  // not before, after a failure
  std::chrono::milliseconds wait_{0};
  Status state_ = Ok();
  std::string error_;
};

}  // namespace headgate::webhook
