#include "core/config/masking.h"

#include "tests/unit/config/sample_spec.h"

namespace headgate::config {
namespace {

using ::testing::HasSubstr;

const std::string kMaskText(kMask);

TEST(IsSecretKey, PasswordOptionsAndNamesThatTell) {
  for (const char* key : {"auth_password", "signing_key", "header.Authorization", "header.X-API-Key",
                          "header.X-Auth-Token", "header.Cookie", "producer.override.sasl.jaas.config",
                          "value.converter.schema.registry.password", "signing_kye"}) {
    EXPECT_TRUE(IsSecretKey(SampleSink(), key)) << key;
  }
  for (const char* key : {"url", "name", "header.X-Team", "transforms.key", "no_such_setting"}) {
    EXPECT_FALSE(IsSecretKey(SampleSink(), key)) << key;
  }
}

TEST(IsLiteralSecret, PlaceholdersWithSchemesAndCommasAreNone) {
  for (const char* value : {"", "  ", "${env:A}", "${env:A}${env:B}", "Bearer ${env:A}", "${env:A}, ${file:/x:y}"}) {
    EXPECT_FALSE(IsLiteralSecret(value)) << value;
  }
  for (const char* value :
       {"hunter2", "Bearer", "Bearer hunter2", "hunter2${env:EMPTY}", "${env:A},hunter2", "${env:A", "[hidden]"}) {
    EXPECT_TRUE(IsLiteralSecret(value)) << value;
  }
}

TEST(MaskSecrets, HidesLiteralSecretsAndEchoesEverythingElseExactly) {
  FlatConfig config = SoundSink();
  config["auth_password"] = "hunter2";
  config["signing_key"] = "${env:SIGNING}";
  config["header.Authorization"] = "Bearer hunter2";
  config["header.X-Team"] = " a ";
  FlatConfig expected = config;
  expected["auth_password"] = kMaskText;
  expected["header.Authorization"] = kMaskText;
  EXPECT_EQ(MaskSecrets(SampleSink(), config), expected);
}

TEST(MaskSecrets, S74_WhatIsKeptOfAConfigShowsNoTokenOfAUrlEither) {
  const FlatConfig config = With(SoundSink(), "url", "https://u:p@a.example/x?token=abc&y=1");
  EXPECT_EQ(MaskSecrets(SampleSink(), config), config);
  EXPECT_EQ(MaskSecretsAndUrls(SampleSink(), config), With(config, "url", "https://a.example/x?token=***&y=1"));
}

FlatConfig StoredSource() { return With(SoundSource(), "password", "hunter2"); }

TEST(UnmaskUpdate, AMaskThatComesBackMeansUnchanged) {
  const FlatConfig stored = StoredSource();
  FlatConfig incoming = With(MaskSecrets(SampleSource(), stored), "slot_name", "new");
  const Unmasked result = UnmaskUpdate(SampleSource(), stored, incoming);
  EXPECT_EQ(Lines(result.errors), "");
  EXPECT_EQ(result.config, With(stored, "slot_name", "new"));
}

TEST(UnmaskUpdate, AMaskWithoutAStoredValueIsAnErrorOfThatKey) {
  for (const FlatConfig& stored :
       {FlatConfig{}, SoundSource(), With(SoundSource(), "password", ""), With(SoundSource(), "password", kMaskText)}) {
    const Unmasked result = UnmaskUpdate(SampleSource(), stored, With(SoundSource(), "password", kMaskText));
    EXPECT_THAT(Lines(result.errors),
                HasSubstr("password: The setting \"password\" is the mask [hidden], and no value is stored"));
  }
}

TEST(UnmaskUpdate, TheMaskIsRefusedWhenTheTargetChanges) {
  const FlatConfig stored = StoredSource();
  for (const auto& [key, value] :
       FlatConfig{{"host", "evil"}, {"port", "1"}, {"proxy", "p"}, {"http_proxy", "p"}, {"hostaddr", "1.2.3.4"}}) {
    const Unmasked result = UnmaskUpdate(SampleSource(), stored, With(With(stored, key, value), "password", kMaskText));
    EXPECT_EQ(Lines(result.errors), "password: The setting \"password\" is the mask [hidden] while \"" + key +
                                        "\" changes. A stored secret is not sent to a new target: give it again.");
    EXPECT_EQ(result.config.at("password"), kMask) << "the secret must not even be handed out";
  }
}

TEST(UnmaskUpdate, RemovingOrAddingATargetIsAChangeToo) {
  const FlatConfig stored = With(StoredSource(), "port", "7000");
  EXPECT_THAT(Lines(UnmaskUpdate(SampleSource(), stored, With(Without(stored, "port"), "password", kMaskText)).errors),
              HasSubstr("\"port\" changes"));
}

TEST(UnmaskUpdate, WritingTheDefaultOutIsNoChange) {
  const FlatConfig incoming = With(With(StoredSource(), "port", "5432"), "password", kMaskText);
  EXPECT_EQ(Lines(UnmaskUpdate(SampleSource(), StoredSource(), incoming).errors), "");
}

TEST(UnmaskUpdate, ADeclaredTargetCountsWhateverItsName) {
  const FlatConfig stored = With(SoundSink(), "auth_password", "hunter2");
  const FlatConfig incoming = With(With(stored, "tls_ca_file", "/evil.pem"), "auth_password", kMaskText);
  EXPECT_THAT(Lines(UnmaskUpdate(SampleSink(), stored, incoming).errors), HasSubstr("\"tls_ca_file\" changes"));
}

TEST(UnmaskUpdate, ANewSecretGoesWithANewTarget) {
  const FlatConfig incoming = With(With(StoredSource(), "host", "db2"), "password", "other");
  const Unmasked result = UnmaskUpdate(SampleSource(), StoredSource(), incoming);
  EXPECT_EQ(Lines(result.errors), "");
  EXPECT_EQ(result.config, incoming);
}

TEST(UnmaskUpdate, OutsideSecretsTheMaskIsOrdinaryText) {
  const FlatConfig incoming = With(StoredSource(), "slot_name", kMaskText);
  EXPECT_EQ(UnmaskUpdate(SampleSource(), StoredSource(), incoming).config, incoming);
}

TEST(MaskUrl, DropsUserInfoAndMasksTokens) {
  const std::pair<const char*, const char*> table[] = {
      {"http://h:80/p?a=b#f", "http://h:80/p?a=b#f"},
      {"https://user:pw@h/p", "https://h/p"},
      {"https://user@h", "https://h"},
      {"https://u:p@ss@h/p", "https://h/p"},
      {"https://user:p/w@h/in", "https://h/in"},
      {"https://[::1]:80/@scope", "https://[::1]:80/@scope"},
      {"https://h:80/@scope", "https://h:80/@scope"},
      {"https://h/?token=x", "https://h/?token=***"},
      {"https://h/?a=1&Access_Token=x&b=2", "https://h/?a=1&Access_Token=***&b=2"},
      {"https://h/?%74oken=x", "https://h/?%74oken=***"},
      {"https://h/?key=x;sig=y", "https://h/?key=***;sig=***"},
      {"https://h/?api-key=x&keyboard=qwerty", "https://h/?api-key=***&keyboard=qwerty"},
      {"https://h/p#access_token=x&a=b", "https://h/p#access_token=***&a=b"},
      {"https://h/?password=a=b", "https://h/?password=***"},
      {"https://h/?token", "https://h/?token"},
      {"https://h/#a?token=x", "https://h/#a?token=***"},
      {"user:pw@h/p", "h/p"},
      {"", ""},
      {"://", "://"},
      {"plain text", "plain text"},
  };
  for (const auto& [url, masked] : table) EXPECT_EQ(MaskUrl(url), masked) << url;
}

}  // namespace
}  // namespace headgate::config
