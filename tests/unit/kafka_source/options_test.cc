#include "connectors/kafka/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/kafka/spec.h"

namespace headgate::kafka::source {
namespace {

using testing::HasSubstr;

ReadOptions OptionsOf(const config::FlatConfig& more) {
  config::FlatConfig settings = {{"connector.class", "kafka-source"},
                                 {"name", "s"},
                                 {"brokers", "127.0.0.1:9092"},
                                 {"topic", "b,a"},
                                 {"stream", "s"},
                                 {"columns", "id int PRIMARY KEY, note text"}};
  for (const auto& [key, value] : more) settings[key] = value;
  const config::BindOutcome outcome = config::Bind(Spec(), settings, nullptr);
  EXPECT_TRUE(outcome.errors.empty()) << outcome.errors.front().text;
  return Read("s", outcome.bound);
}

// The settings that are wrong, with what is said of them.
std::string Wrong(const config::FlatConfig& more) {
  std::string text;
  for (const config::KeyError& error : OptionsOf(more).errors) text += error.key + ": " + error.text + "\n";
  return text;
}

TEST(KafkaSourceOptions, HaveTopicsInOrderAndBeginAtTheBeginning) {
  const ReadOptions read = OptionsOf({});
  EXPECT_TRUE(read.errors.empty());
  EXPECT_EQ(read.options.topics, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(read.options.from_beginning);
  EXPECT_TRUE(read.options.committed);
  EXPECT_EQ(read.options.key.format, Format::kRaw);
}

TEST(KafkaSourceOptions, ThatCannotBeAreToldWithTheirSettings) {
  EXPECT_THAT(Wrong({{"topic", "a b"}}), HasSubstr("cannot be the name of a topic"));
  EXPECT_THAT(Wrong({{"topic", "a,a"}}), HasSubstr("topic: Setting \"topic\" names a topic twice"));
  EXPECT_THAT(Wrong({{"columns", "id nothing"}}), HasSubstr("columns: "));
  EXPECT_THAT(Wrong({{"fields", "other=a"}}), HasSubstr("fields: Setting \"fields\" names other, which is no column"));
  EXPECT_THAT(Wrong({{"fields", "id"}}), HasSubstr("fields: "));
  EXPECT_THAT(Wrong({{"key_fields", "id=value.id"}}), HasSubstr("has only its key"));
  EXPECT_THAT(Wrong({{"keep_raw", "true"}, {"columns", "id int, _raw bytea"}}),
              HasSubstr("the one that keep_raw adds"));
  EXPECT_THAT(Wrong({{"keep_raw", "true"}, {"fields", "_raw=value"}}),
              HasSubstr("fields: Setting \"fields\" places _raw"));
  EXPECT_THAT(Wrong({{"keep_raw", "true"}, {"key_fields", "_raw=key"}}), HasSubstr("key_fields: "));
  EXPECT_EQ(Wrong({{"keep_raw", "true"}}), "");
  EXPECT_THAT(Wrong({{"format", "avro"}}), HasSubstr("whose records need \"registry\" or \"schema\""));
  EXPECT_THAT(Wrong({{"format", "protobuf"}, {"schema", "x"}}), HasSubstr("message: Setting \"message\" is missing"));
  EXPECT_THAT(Wrong({{"message", "M"}}), HasSubstr("only Protobuf has messages"));
  EXPECT_THAT(Wrong({{"schema", "x"}}), HasSubstr("json has none"));
  EXPECT_THAT(Wrong({{"librdkafka.group.id", "mine"}}), HasSubstr("librdkafka.group.id: "));
}

}  // namespace
}  // namespace headgate::kafka::source
