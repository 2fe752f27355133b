#include "tests/e2e/kafka_source.h"
#include "tests/support/private_registry.h"

// Topics of Protobuf with a registry, and what is no record of theirs.
namespace headgate::test {
namespace {

using std::chrono::seconds;

class KafkaProtobuf : public KafkaSourceFixture {
 protected:
  void SetUp() override {
    HG_WITH_SERVER("registry", registry_, PrivateRegistry::Start());
    KafkaSourceFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto answer = registry_->Json("POST", "/subjects/readings-value/versions",
                                        json{{"schemaType", "PROTOBUF"},
                                             {"schema",
                                              "syntax = \"proto3\"; message Reading { int64 id = 1; string name = 2; } "
                                              "message Other { string text = 1; }"}}
                                            .dump());
    ASSERT_TRUE(answer.ok()) << answer.error().what;
    schema_ = (*answer)["id"];
    CreateTopic("readings");
  }
  // `path`: which message of the file it is.
  std::string Value(int schema, const std::string& path, const std::string& body) const {
    std::string bytes(1, '\0');
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(schema >> shift));
    return bytes + path + body;
  }
  ConnectorSettings Readings() const {
    auto settings = Settings("readings", "id bigint NOT NULL, name text");
    settings["format"] = "protobuf";
    settings["registry"] = registry_->url();
    settings["message"] = "Reading";
    return settings;
  }

  static inline const std::string kFirst = std::string(1, '\0');
  static inline const std::string kSecond = "\x02\x02";
  std::unique_ptr<PrivateRegistry> registry_;
  int schema_ = 0;
};

TEST_F(KafkaProtobuf, RecordsOfARegistryAreReadAndWhatIsNoneOfThemIsPutAside) {
  const std::string one =
      "\x08\x07\x12\x01"
      "a";
  Produce("readings", {Record("k", Value(schema_, kFirst, one)),
                       Record("k", "\x01" + Value(schema_, kFirst, one).substr(1)),  // a wrong magic byte
                       Record("k", Value(schema_ + 1'000, kFirst, one)),             // an id that nobody has
                       Record("k", Value(schema_, kSecond,
                                         "\x0a\x01"
                                         "x")),                                // another message
                       Record("k", Value(schema_, kFirst, one.substr(0, 3))),  // cut off
                       Record("k", Value(schema_, kFirst, ""))});              // all defaults
  Create("readings", Readings());
  const auto changes = Changes("readings", 2);
  EXPECT_EQ(changes[0]["after"]["id"], 7);
  EXPECT_EQ(changes[0]["after"]["name"], "a");
  EXPECT_EQ(changes[1]["after"]["id"], 0);
  Letters("readings", 4);
  std::string told;
  for (int i = 1; i <= 4; ++i)
    told += Call("GET", "/api/v1/connectors/readings/dead-letters/" + std::to_string(i), 200)["error"].dump() + "\n";
  EXPECT_THAT(told, testing::HasSubstr(std::to_string(schema_ + 1'000)));
  EXPECT_THAT(told, testing::HasSubstr("Other"));
}

}  // namespace
}  // namespace headgate::test
