#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "core/net/http_client.h"
#include "tests/support/http_receiver.h"

// What the tests of the client over plain HTTP share.
namespace headgate::net {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing_support::HttpReceiver;
using Reply = HttpReceiver::Reply;

inline EndpointOptions Options(const HttpReceiver& receiver) {
  EndpointOptions options;
  auto url = ParseUrl(receiver.url());
  CHECK(url.ok());
  options.url = *url;
  return options;
}

inline std::unique_ptr<HttpClient> Open(EndpointOptions options) {
  auto client = HttpClient::Open(std::move(options));
  EXPECT_TRUE(client.ok()) << (client.ok() ? "" : client.error().what);
  return client.ok() ? std::move(client).value() : nullptr;
}

inline std::string Post(std::string_view body = "{}") {
  return "POST /hook HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         std::string(body);
}

// Runs until `count` outcomes are there; 30 s is only the end of a broken test.
inline void RunUntil(HttpClient& client, const std::vector<Outcome>& outcomes, std::size_t count) {
  const auto deadline = steady_clock::now() + seconds(30);
  while (outcomes.size() < count && steady_clock::now() < deadline) client.Run(deadline);
  ASSERT_EQ(outcomes.size(), count);
}

inline Outcome SendOne(HttpClient& client, std::string request = Post()) {
  std::vector<Outcome> outcomes;
  client.Send(std::move(request), [&](Outcome&& outcome) { outcomes.push_back(std::move(outcome)); });
  EXPECT_TRUE(outcomes.empty()) << "done was called within Send";
  RunUntil(client, outcomes, 1);
  return outcomes.empty() ? Outcome(Failure{Failure::Kind::kTimeout, "the test waited too long"})
                          : std::move(outcomes[0]);
}

inline Response Answer(Outcome outcome) {
  if (const auto* failure = std::get_if<Failure>(&outcome)) {
    ADD_FAILURE() << Name(failure->kind) << ": " << failure->text;
    return {};
  }
  return std::get<Response>(std::move(outcome));
}

inline std::string FailureOf(const Outcome& outcome, Failure::Kind kind) {
  if (const auto* response = std::get_if<Response>(&outcome)) {
    ADD_FAILURE() << "answered with " << response->status;
    return "";
  }
  const auto& failure = std::get<Failure>(outcome);
  EXPECT_EQ(Name(failure.kind), Name(kind)) << failure.text;
  return failure.text;
}

}  // namespace headgate::net
