#include "sinks/kafka/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/spec.h"
#include "sinks/kafka/spec.h"

namespace headgate::kafka::sink {
namespace {

using ::testing::HasSubstr;

ReadOptions ReadAll(config::FlatConfig settings) {
  settings.insert({{"connector.class", "kafka"}, {"name", "out"}, {"topics", "shop.public.orders"}});
  settings.insert({"brokers", "kafka-1:9092"});
  const config::BindOutcome outcome = config::Bind(Spec(), settings, nullptr);
  ReadOptions read = Read("out", outcome.bound);
  read.errors.insert(read.errors.end(), outcome.errors.begin(), outcome.errors.end());
  return read;
}
std::string ErrorsOf(const config::FlatConfig& settings) {
  std::string text;
  for (const config::KeyError& error : ReadAll(settings).errors) text += error.key + ": " + error.text + "\n";
  return text;
}

TEST(KafkaOptions, DefaultsAreExactlyOnceUnderNamesOfTheConnector) {
  const ReadOptions read = ReadAll({});
  ASSERT_TRUE(read.errors.empty()) << read.errors.front().text;
  EXPECT_TRUE(read.options.exactly_once);
  EXPECT_EQ(read.options.transactional_id, "headgate_out");
  EXPECT_EQ(read.options.progress_topic, "headgate_progress_out");
  EXPECT_EQ(TopicOf(read.options, "shop.public.K Odd-name.é$1", "public", "x"), "shop.public.K_Odd-name.__1");
}

TEST(KafkaOptions, TopicsAndTheirSettings) {
  const ReadOptions read = ReadAll({{"topic", "cdc.${table}"},
                                    {"topic.cleanup.policy", "compact"},
                                    {"topic_partitions", "6"},
                                    {"librdkafka.socket.keepalive.enable", "true"}});
  ASSERT_TRUE(read.errors.empty()) << read.errors.front().text;
  EXPECT_EQ(TopicOf(read.options, "shop.public.orders", "public", "orders"), "cdc.orders");
  ASSERT_EQ(read.options.topic_settings.size(), 1U);
  EXPECT_EQ(read.options.topic_settings[0].first, "cleanup.policy");
  EXPECT_EQ(read.options.partitions, 6);
  EXPECT_EQ(read.options.client.properties.at("socket.keepalive.enable"), "true");
}

TEST(KafkaOptions, WhatIsWrongIsSaidAtItsKey) {
  EXPECT_THAT(ErrorsOf({{"brokers", "kafka-1"}}), HasSubstr("host:port"));
  EXPECT_THAT(ErrorsOf({{"topic", "a b"}}), HasSubstr("topic: Setting \"topic\" may have only"));
  EXPECT_THAT(ErrorsOf({{"format", "xml"}}), HasSubstr("format"));
  EXPECT_THAT(ErrorsOf({{"topic", "a ${column.x}"}}), HasSubstr("topic: Setting \"topic\" may have only"));
  EXPECT_THAT(ErrorsOf({{"topic_default", "x"}}), HasSubstr("only if topic has a ${column.NAME}"));
  EXPECT_THAT(ErrorsOf({{"topic", "${column.x}"}, {"topic_default", "a b"}}), HasSubstr("topic_default: "));
  EXPECT_THAT(ErrorsOf({{"topic_regex", "x"}}), HasSubstr("topic_replacement: "));
  EXPECT_THAT(ErrorsOf({{"topic_replacement", "x"}}), HasSubstr("topic_regex: "));
  EXPECT_THAT(ErrorsOf({{"topic_regex", "(x"}, {"topic_replacement", "y"}}), HasSubstr("no RE2 expression"));
  EXPECT_THAT(ErrorsOf({{"topic_regex", "(x)"}, {"topic_replacement", "$2"}}), HasSubstr("groups"));
  EXPECT_THAT(ErrorsOf({{"deletes", "rewrite"}}), HasSubstr("deletes: "));
  EXPECT_THAT(ErrorsOf({{"add_fields", "op"}}), HasSubstr("only with format=row"));
  EXPECT_THAT(ErrorsOf({{"format", "row"}, {"add_fields", "lsn"}}), HasSubstr("add_fields: "));
  EXPECT_THAT(ErrorsOf({{"outbox_tables", "outbox"}}), HasSubstr("outbox_tables: "));
  EXPECT_THAT(ErrorsOf({{"outbox_tables", "a.b"}, {"outbox_topic", "a b"}}), HasSubstr("outbox_topic: "));
  EXPECT_THAT(ErrorsOf({{"outbox_tables", "a.b"}, {"outbox_headers", "x:"}}), HasSubstr("outbox_headers: "));
  EXPECT_THAT(ErrorsOf({{"filter", "after.a ="}}), HasSubstr("filter: "));
  EXPECT_THAT(ErrorsOf({{"security_protocol", "sasl_ssl"}}), HasSubstr("sasl_username"));
  EXPECT_THAT(ErrorsOf({{"sasl_username", "me"}}), HasSubstr("does not sign in"));
  EXPECT_THAT(ErrorsOf({{"tls_cert_file", "c.pem"}}), HasSubstr("tls_key_file"));
  EXPECT_THAT(ErrorsOf({{"librdkafka.transactional.id", "x"}}), HasSubstr("may not be set"));
  EXPECT_THAT(ErrorsOf({{"transaction_timeout_ms", "5000"}}), HasSubstr("timeout_ms"));
  EXPECT_THAT(ErrorsOf({{"format", "avro"}}), HasSubstr("registry: Setting \"registry\" is missing"));
  EXPECT_THAT(ErrorsOf({{"format", "protobuf"}}), HasSubstr("proto: Setting \"proto\" is missing"));
  EXPECT_THAT(ErrorsOf({{"heartbeat_interval_ms", "100"}}), HasSubstr("only with format=debezium"));
  EXPECT_EQ(ErrorsOf({{"format", "avro"},
                      {"envelope", "debezium"},
                      {"registry", "http://r:8081"},
                      {"heartbeat_interval_ms", "100"}}),
            "");
  EXPECT_THAT(ErrorsOf({{"format", "avro"}, {"envelope", "upstream"}}), HasSubstr("envelope"));
  EXPECT_THAT(ErrorsOf({{"heartbeat_topic_prefix", "a b"}}), HasSubstr("heartbeat_topic_prefix"));
  EXPECT_THAT(ErrorsOf({{"message", "Order"}}), HasSubstr("only with format=protobuf"));
  EXPECT_THAT(ErrorsOf({{"format", "protobuf"}, {"proto", "x"}, {"fields", "sensorID"}}), HasSubstr("field=column"));
  EXPECT_THAT(ErrorsOf({{"on_rejected", "block_key"}, {"delivery", "at_least_once"}}), HasSubstr("on_rejected"));
  EXPECT_THAT(ErrorsOf({{"registry", "http://schemas:8081"}}), HasSubstr("only with format=avro"));
}

}  // namespace
}  // namespace headgate::kafka::sink
