#include "core/pipeline/consent_desk.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

constexpr std::int64_t kHourUs = 3600LL * 1'000'000;
constexpr const char* kUrl = "https://a.example.com/hook";

TEST(ConsentDesk, S3_3_ATokenHas256BitsAndIsTheSameUntilItIsUsed) {
  ConsentDesk desk;
  const std::string token = desk.TokenFor(kUrl, 0);
  EXPECT_EQ(token.size(), 64U);
  EXPECT_EQ(token.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(desk.TokenFor(kUrl, kHourUs), token);
  EXPECT_FALSE(desk.Take());
  EXPECT_TRUE(desk.Give(token, 30, kHourUs));
  EXPECT_FALSE(desk.Give(token, {}, kHourUs)) << "once";
  const auto grant = desk.Take();
  ASSERT_TRUE(grant);
  EXPECT_EQ(grant->url, kUrl);
  EXPECT_EQ(grant->per_minute, 30);
  EXPECT_FALSE(desk.Take());
  EXPECT_FALSE(desk.Give(token, {}, kHourUs));
  EXPECT_NE(desk.TokenFor(kUrl, kHourUs), token);
}

TEST(ConsentDesk, S3_3_NoOtherTokenAndNoneOfAnotherUrlGrantsAnything) {
  ConsentDesk desk;
  EXPECT_FALSE(desk.Give("", {}, 0)) << "before there is one";
  const std::string token = desk.TokenFor(kUrl, 0);
  for (const std::string& wrong : {std::string(), token.substr(1), token + "0", std::string(64, '0')})
    EXPECT_FALSE(desk.Give(wrong, {}, 0)) << wrong;
  const std::string other = desk.TokenFor("https://b.example.com/hook", 0);
  EXPECT_NE(other, token);
  EXPECT_FALSE(desk.Give(token, {}, 0));
  EXPECT_FALSE(desk.Take());
}

TEST(ConsentDesk, S3_3_ATokenLastsADayAndIsNotToldAnewInItsSecondHalf) {
  ConsentDesk desk;
  const std::string token = desk.TokenFor(kUrl, 0);
  EXPECT_FALSE(desk.Give(token, {}, 24 * kHourUs));
  EXPECT_TRUE(desk.Give(token, {}, 24 * kHourUs - 1));
  EXPECT_NE(desk.TokenFor(kUrl, 12 * kHourUs), token);
}

}  // namespace
}  // namespace headgate
