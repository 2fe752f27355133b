#include "sinks/kafka/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sinks/kafka/letter.h"
#include "sinks/kafka/progress.h"

namespace headgate::kafka::sink {
namespace {

using ::testing::HasSubstr;

codec::Record RecordOf(const std::string& topic, std::optional<std::string> key, std::optional<std::string> value) {
  codec::Record record;
  record.topic = topic;
  record.has_key = key.has_value();
  record.key = key.value_or("");
  record.has_value = value.has_value();
  record.value = value.value_or("");
  return record;
}

TEST(KafkaBatch, KeepsWhatIsNullApartFromWhatIsEmpty) {
  Batch batch;
  batch.Add(RecordOf("a", "k", ""), "", "", 7, {});
  batch.Add(RecordOf("b", "k", std::nullopt), "", "", 7, {});
  batch.Add(RecordOf("a", std::nullopt, "v"), "", "", 7, {});
  EXPECT_EQ(batch.topics(), (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(batch.records().size(), 3U);
  EXPECT_TRUE(batch.records()[0].has_value);
  EXPECT_FALSE(batch.records()[1].has_value);
  EXPECT_FALSE(batch.records()[2].has_key);
  EXPECT_EQ(batch.ValueOf(batch.records()[2]), "v");
}

TEST(KafkaBatch, TheEventsIdIsAHeaderBehindTheRecordsOwn) {
  Batch batch;
  codec::Record record = RecordOf("a", "k", "v");
  record.headers = {{"x", "1"}, {"x", ""}};
  record.id_suffix = "-t";
  batch.Add(record, "event-id", "shop:0-1:1", 7, {});
  batch.Add(RecordOf("a", "k", "v"), "", "shop:0-1:2", 7, {});
  std::vector<Batch::Header> headers;
  batch.HeadersOf(batch.records()[0], headers);
  ASSERT_EQ(headers.size(), 3U);
  EXPECT_EQ(headers[1].value, "");
  EXPECT_EQ(headers[2].name, "event-id");
  EXPECT_EQ(headers[2].value, "shop:0-1:1-t");
  batch.HeadersOf(batch.records()[1], headers);
  EXPECT_TRUE(headers.empty());
}

TEST(KafkaLetter, ReadsWhatItHasWrittenWithAnyBytes) {
  Batch batch;
  codec::Record record = RecordOf("shop.orders", std::string("\x00\xff", 2), "{\"name\":\"Åsa\"}");
  record.headers = {{"h", std::string("\xfe", 1)}};
  batch.Add(record, "", "", 1'700'000'000'000, {});
  batch.Add(RecordOf("shop.orders", "k", std::nullopt), "", "", 5, {});
  std::string body;
  for (const Batch::Packed& r : batch.records()) AppendLine(body, batch, r);
  EXPECT_THAT(body, HasSubstr(R"("key":{"base64":"AP8="},"value":"{\"name\":\"Åsa\"}")"));
  Batch again;
  ASSERT_TRUE(ReadBody(body, again).ok());
  ASSERT_EQ(again.records().size(), 2U);
  std::string same;
  for (const Batch::Packed& r : again.records()) AppendLine(same, again, r);
  EXPECT_EQ(same, body);
}

TEST(KafkaLetter, AnotherBodyIsRefused) {
  for (const char* const body :
       {"{", "[]", R"({"topic":1})", R"({"topic":"a","key":5,"value":null,"timestamp":1})",
        R"({"topic":"a","key":null,"value":{"base64":"?"},"timestamp":1})", R"({"topic":"a","key":null,"value":null})",
        R"({"topic":"a","key":null,"value":null,"headers":[["x"]],"timestamp":1})"}) {
    Batch out;
    const Status read = ReadBody(body, out);
    ASSERT_FALSE(read.ok()) << body;
    EXPECT_EQ(read.error().kind, ErrorKind::kRejected);
  }
}

TEST(KafkaProgress, ReadsWhatItHasWrittenAndNothingElse) {
  const Progress progress{"7c0e", 1'234, "full 5", 17};
  const auto read = ParseProgress(TextOf(progress));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read->log, "7c0e");
  EXPECT_EQ(read->seq, 1'234U);
  EXPECT_EQ(read->states, "full 5");
  EXPECT_EQ(read->letter, 17U);
  EXPECT_EQ(TextOf({"7c0e", 1, "", 0}), R"({"log":"7c0e","seq":1})");
  for (const char* const text : {"", "1", "{}", R"({"log":"a"})", R"({"log":1,"seq":1})", R"({"log":"a","seq":-1})"})
    EXPECT_FALSE(ParseProgress(text).has_value()) << text;
}

}  // namespace
}  // namespace headgate::kafka::sink
