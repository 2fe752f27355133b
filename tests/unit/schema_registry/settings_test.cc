// The settings of connectors that use a schema registry.
#include "core/schema_registry/settings.h"

#include <gtest/gtest.h>

namespace headgate::schema_registry {
namespace {

// What the settings of a sink with nothing else say; the errors in `errors`.
std::optional<Options> Read(config::FlatConfig map, std::vector<config::KeyError>& errors, bool writes = true) {
  static const config::ComponentSpec kWriter = [] {
    config::ComponentSpec spec{"TestSink", {}, config::ComponentKind::kSink, {}, {}};
    AppendOptions(spec.options, true);
    return spec;
  }();
  map["connector.class"] = "TestSink";
  map["topics"] = "t";
  map["name"] = "n";
  config::BindOutcome outcome = config::Bind(kWriter, map, nullptr);
  errors = std::move(outcome.errors);
  return errors.empty() ? ReadOptions(outcome.bound, writes, errors) : std::nullopt;
}

TEST(RegistrySettings, AnAddressIsEnough) {
  std::vector<config::KeyError> errors;
  EXPECT_FALSE(Read({}, errors));
  const auto options = Read({{"registry", "http://schemas:8081/api"}}, errors);
  ASSERT_TRUE(options) << (errors.empty() ? "" : errors[0].text);
  EXPECT_EQ(options->url.host, "schemas");
  EXPECT_EQ(options->url.target, "/api");
  EXPECT_TRUE(options->register_schemas);
  EXPECT_TRUE(options->tls.verify);
  EXPECT_EQ(options->tls.ca_file, "");
  EXPECT_EQ(options->timeout_ms, 10'000);
}

TEST(RegistrySettings, EachIsRead) {
  std::vector<config::KeyError> errors;
  const auto options = Read({{"registry", "https://schemas"},
                             {"registry_username", "me"},
                             {"registry_password", "secret"},
                             {"registry_timeout_ms", "7"},
                             {"registry_tls_verify", "false"},
                             {"registry_tls_ca_file", "/ca.pem"},
                             {"registry_register", "false"}},
                            errors);
  ASSERT_TRUE(options) << (errors.empty() ? "" : errors[0].text);
  EXPECT_TRUE(options->url.tls);
  EXPECT_EQ(options->username + options->password, "mesecret");
  EXPECT_EQ(options->timeout_ms, 7);
  EXPECT_FALSE(options->tls.verify);
  EXPECT_EQ(options->tls.ca_file, "/ca.pem");
  EXPECT_FALSE(options->register_schemas);
}

TEST(RegistrySettings, BadOnesAreErrorsOfTheirKey) {
  for (const auto& [key, value] : {std::pair{"registry", "schemas:8081"},
                                   {"registry", "ftp://schemas"},
                                   {"registry", "http://schemas/?a=b"},
                                   {"registry", "http://me:secret@schemas"},
                                   {"registry_timeout_ms", "0"}}) {
    std::vector<config::KeyError> errors;
    EXPECT_FALSE(Read({{key, value}}, errors)) << value;
    ASSERT_EQ(errors.size(), 1U) << value;
    EXPECT_EQ(errors[0].key, key);
    EXPECT_EQ(errors[0].text.find("secret"), std::string::npos);
  }
}

}  // namespace
}  // namespace headgate::schema_registry
