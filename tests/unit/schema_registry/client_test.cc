// The client of a schema registry on a socket: what it sends, what it remembers, what it makes of silence.
#include "core/schema_registry/client.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/http_receiver.h"

namespace headgate::schema_registry {
namespace {

using codec::SchemaLanguage;
using codec::SchemaText;
using testing_support::HttpReceiver;

std::unique_ptr<Client> Connect(const std::string& url, bool register_schemas = true, int timeout_ms = 10'000) {
  Options options;
  options.url = *net::ParseUrl(url);
  options.username = "me";
  options.password = "secret";
  options.register_schemas = register_schemas;
  options.timeout_ms = timeout_ms;
  auto client = Client::Open(std::move(options));
  EXPECT_TRUE(client.ok());
  return std::move(*client);
}

HttpReceiver::Reply Answer(std::string body, int status = 200) {
  return HttpReceiver::Reply::Status(status, {{"Content-Type", "application/vnd.schemaregistry.v1+json"}},
                                     std::move(body));
}

const SchemaText kInt{SchemaLanguage::kAvro, "\"int\"", {}};

TEST(RegistryClient, RegistersASchemaOnceAndRemembersItsId) {
  HttpReceiver receiver({}, [](const auto&) { return Answer(R"({"id":7})"); });
  const auto client = Connect(receiver.url("/apis/ccompat/v7/"));
  for (int i = 0; i < 3; ++i) {
    const auto id = client->IdOf("a/b-value", kInt);
    ASSERT_TRUE(id.ok()) << id.error().what;
    EXPECT_EQ(*id, 7U);
  }
  const auto requests = receiver.Requests();
  ASSERT_EQ(requests.size(), 1U);
  EXPECT_EQ(requests[0].method, "POST");
  EXPECT_EQ(requests[0].target, "/apis/ccompat/v7/subjects/a%2Fb-value/versions");
  EXPECT_EQ(requests[0].body, R"({"schema":"\"int\""})");
  EXPECT_EQ(requests[0].Header("Content-Type"), "application/vnd.schemaregistry.v1+json");
  EXPECT_EQ(requests[0].Header("Authorization"), "Basic bWU6c2VjcmV0");
  ASSERT_TRUE(client->IdOf("other-value", kInt).ok());
  EXPECT_EQ(receiver.request_count(), 2U) << "another subject is another question";
}

TEST(RegistryClient, LooksUpWithoutRegisteringIfItIsToldSo) {
  HttpReceiver receiver({}, [](const auto&) { return Answer(R"({"id":7,"subject":"s","version":1,"schema":"x"})"); });
  ASSERT_TRUE(Connect(receiver.url("/"), false)->IdOf("s", kInt).ok());
  EXPECT_EQ(receiver.Requests()[0].target, "/subjects/s");
}

TEST(RegistryClient, AFailureIsNotRemembered) {
  HttpReceiver receiver({}, [n = 0](const auto&) mutable {
    return ++n == 1 ? Answer(R"({"error_code":50001,"message":"store"})", 500) : Answer(R"({"id":7})");
  });
  const auto client = Connect(receiver.url("/"));
  EXPECT_EQ(client->IdOf("s", kInt).error().kind, ErrorKind::kTransient);
  EXPECT_TRUE(client->IdOf("s", kInt).ok());
}

TEST(RegistryClient, FetchesASchemaWithAllThatItRefersToInTheOrderOfUse) {
  // 1 refers to b and c, b refers to c.
  HttpReceiver receiver({}, [](const HttpReceiver::Request& request) {
    const auto reference = [](const char* name) {
      return nlohmann::json{{"name", name}, {"subject", std::string("s-") + name}, {"version", 1}};
    };
    nlohmann::json answer = {{"schema", request.target}};
    if (request.target == "/schemas/ids/1") answer["references"] = {reference("b"), reference("c")};
    if (request.target == "/subjects/s-b/versions/1") answer["references"] = {reference("c")};
    return Answer(answer.dump());
  });
  const auto client = Connect(receiver.url("/"));
  const auto schema = client->SchemaOf(1);
  ASSERT_TRUE(schema.ok()) << schema.error().what;
  EXPECT_EQ((*schema)->schema.text, "/schemas/ids/1");
  ASSERT_EQ((*schema)->parts.size(), 2U);
  EXPECT_EQ((*schema)->parts[0].name, "c");
  EXPECT_EQ((*schema)->parts[1].name, "b");
  EXPECT_EQ((*schema)->parts[1].text, "/subjects/s-b/versions/1");
  EXPECT_EQ(receiver.request_count(), 3U);
  EXPECT_EQ(client->SchemaOf(1)->get(), schema->get());
  EXPECT_EQ(receiver.request_count(), 3U);
}

TEST(RegistryClient, ReferencesInACircleEnd) {
  HttpReceiver receiver({}, [](const auto&) {
    return Answer(R"({"schema":"x","references":[{"name":"a","subject":"a","version":1}]})");
  });
  const auto schema = Connect(receiver.url("/"))->SchemaOf(1);
  ASSERT_TRUE(schema.ok()) << schema.error().what;
  EXPECT_EQ((*schema)->parts.size(), 1U);
}

TEST(RegistryClient, ReferencesWithoutEndAreRefused) {
  HttpReceiver receiver({}, [n = 0](const auto&) mutable {
    const std::string next = std::to_string(++n);
    return Answer(R"({"schema":"x","references":[{"name":"a","subject":")" + next + R"(","version":1}]})");
  });
  const auto schema = Connect(receiver.url("/"))->SchemaOf(1);
  ASSERT_FALSE(schema.ok());
  EXPECT_EQ(schema.error().kind, ErrorKind::kRejected);
}

TEST(RegistryClient, AnUnknownIdIsNamed) {
  HttpReceiver receiver({}, [](const auto&) { return Answer(R"({"error_code":40403,"message":"no"})", 404); });
  const auto schema = Connect(receiver.url("/"))->SchemaOf(4711);
  ASSERT_FALSE(schema.ok());
  EXPECT_EQ(schema.error().kind, ErrorKind::kRejected);
  EXPECT_NE(schema.error().what.find("4711"), std::string::npos) << schema.error().what;
}

TEST(RegistryClient, ARegistryThatIsNotThereOrDoesNotAnswerIsTransientAndNamed) {
  std::string gone;
  {
    HttpReceiver receiver;
    gone = receiver.url("/");
  }
  HttpReceiver silent({}, [](const auto&) { return HttpReceiver::Reply::Never(); });
  for (const std::string& url : {gone, silent.url("/")}) {
    const auto client = Connect(url, true, 200);
    for (int i = 0; i < 2; ++i) {
      const auto id = client->IdOf("s", kInt);
      ASSERT_FALSE(id.ok());
      EXPECT_EQ(id.error().kind, ErrorKind::kTransient) << id.error().what;
      EXPECT_NE(id.error().what.find("127.0.0.1:"), std::string::npos) << id.error().what;
      EXPECT_EQ(id.error().what.find("secret"), std::string::npos);
    }
  }
}

TEST(RegistryClient, TlsIsVerifiedWithTheAuthorityOfTheSettings) {
  testing_support::TestAuthority authority;
  HttpReceiver::Options tls;
  tls.tls = authority.Issue("registry", {"IP:127.0.0.1"});
  HttpReceiver receiver(tls, [](const auto&) { return Answer(R"({"id":7})"); });
  Options options;
  options.url = *net::ParseUrl(receiver.url("/"));
  options.tls.ca_file = authority.ca_file();
  auto client = Client::Open(options);
  ASSERT_TRUE(client.ok()) << client.error().what;
  const auto id = (*client)->IdOf("s", kInt);
  EXPECT_TRUE(id.ok()) << id.error().what;
  options.tls.ca_file.clear();
  client = Client::Open(options);
  ASSERT_TRUE(client.ok());
  const auto refused = (*client)->IdOf("s", kInt);
  ASSERT_FALSE(refused.ok()) << "the system does not know the authority";
  EXPECT_EQ(refused.error().kind, ErrorKind::kTransient);
  EXPECT_NE(refused.error().what.find("certificate"), std::string::npos) << refused.error().what;
  EXPECT_EQ(receiver.request_count(), 1U);
}

TEST(RegistryClient, WhatTheGuardRefusesIsASetting) {
  HttpReceiver receiver;
  Options options;
  options.url = *net::ParseUrl(receiver.url("/"));
  options.guard = *net::GuardPolicy::Parse("", "127.0.0.0/8", "");
  const auto client = Client::Open(std::move(options));
  ASSERT_FALSE(client.ok());
  EXPECT_EQ(client.error().kind, ErrorKind::kConfig);
  EXPECT_EQ(receiver.request_count(), 0U);
}

TEST(RegistryClient, ASubjectWithoutVersionsIsCompatibleWithEverything) {
  HttpReceiver receiver({}, [](const HttpReceiver::Request& request) {
    if (request.target.find("/new/") != std::string::npos) return Answer(R"({"error_code":40401,"message":"no"})", 404);
    return Answer(R"({"is_compatible":false,"messages":["field gone"]})");
  });
  const auto client = Connect(receiver.url("/"));
  EXPECT_TRUE(client->Check("new", kInt)->compatible);
  const auto old = client->Check("old", kInt);
  ASSERT_TRUE(old.ok()) << old.error().what;
  EXPECT_FALSE(old->compatible);
  EXPECT_EQ(old->reason, "field gone");
  EXPECT_EQ(receiver.Requests()[1].target, "/compatibility/subjects/old/versions/latest?verbose=true");
}

}  // namespace
}  // namespace headgate::schema_registry
