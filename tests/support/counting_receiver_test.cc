#include "tests/support/counting_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/http_call.h"

namespace headgate::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Insert(int id, int lsn) {
  return R"({"id":"s:0-)" + std::to_string(lsn) + R"(:1","op":"insert","stream":"public.t","key":{"id":)" +
         std::to_string(id) + R"(},"after":{"id":)" + std::to_string(id) + R"(},"position":{"commit_lsn":"0/)" +
         std::to_string(lsn) + R"("},"tx":{"ordinal":1}})";
}

class CountingReceiverTest : public testing::Test {
 protected:
  int Post(const std::string& id, const std::string& body) {
    const auto answer =
        HttpCall("127.0.0.1:" + std::to_string(receiver_.http().port()), "POST", "/hook", body, {{"webhook-id", id}});
    EXPECT_TRUE(answer.ok()) << answer.error().what;
    return answer->status;
  }

  CountingReceiver receiver_;
};

TEST_F(CountingReceiverTest, CountsEventsAndTheirDuplicates) {
  EXPECT_EQ(Post("s:0-10:1", Insert(1, 10)), 200);
  EXPECT_EQ(Post("s:0-10:1", Insert(1, 10)), 200);
  EXPECT_EQ(Post("s:0-20:1", Insert(2, 20)), 200);
  EXPECT_TRUE(receiver_.WaitForDistinct(2, std::chrono::seconds(10)));
  EXPECT_EQ(receiver_.events(), 3u);
  EXPECT_EQ(receiver_.duplicates(), 1u);
  EXPECT_THAT(receiver_.Violations(), IsEmpty());
  EXPECT_THAT(receiver_.Snapshot().Difference("public.t", {{"id"}, {{{"id", 1}}, {{"id", 2}}}}), IsEmpty());
}

TEST_F(CountingReceiverTest, WhatItRefusesIsNotDelivered) {
  receiver_.SetPolicy([](const auto&) { return CountingReceiver::Reply::Status(503); });
  EXPECT_EQ(Post("s:0-10:1", Insert(1, 10)), 503);
  EXPECT_EQ(receiver_.events(), 0u);
  receiver_.SetPolicy(nullptr);
  EXPECT_EQ(Post("s:0-10:1", Insert(1, 10)), 200);
  EXPECT_EQ(receiver_.distinct(), 1u);
  EXPECT_EQ(receiver_.duplicates(), 0u);
}

TEST_F(CountingReceiverTest, AnotherBodyUnderOneWebhookIdIsAViolationEvenAfterARefusal) {
  receiver_.SetPolicy([](const auto&) { return CountingReceiver::Reply::Status(500); });
  Post("s:0-10:1", Insert(1, 10));
  receiver_.SetPolicy(nullptr);
  Post("s:0-10:1", Insert(2, 10));
  EXPECT_THAT(receiver_.Violations(), ElementsAre(HasSubstr("two bodies")));
}

}  // namespace
}  // namespace headgate::test
