#include "core/base/encoding.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(Base64, RoundTripsEveryLength) {
  std::string bytes;
  for (int i = 0; i < 70; ++i) {
    EXPECT_EQ(FromBase64(Base64(bytes)), bytes) << i;
    bytes.push_back(static_cast<char>(i * 37));
  }
  EXPECT_EQ(Base64("\x01\x02\x03"), "AQID");
}

TEST(Base64, RefusesWrongLengthAlphabetPaddingAndStrayBits) {
  for (const char* bad : {"A", "AQI", "AQ=D", "AQ_=", "====", "AQJ=", "AR==", " QID"}) {
    EXPECT_EQ(FromBase64(bad), std::nullopt) << bad;
  }
}

TEST(Hex, ReadsBothCasesAndRefusesOthers) {
  EXPECT_EQ(FromHex("00fF"), std::string("\x00\xff", 2));
  EXPECT_EQ(FromHex("0"), std::nullopt);
  EXPECT_EQ(FromHex("0g"), std::nullopt);
  EXPECT_EQ(Hex16(0x16e9fb0), "00000000016e9fb0");
}

TEST(Utf8, RefusesOverlongSurrogatesAndBeyondTheLastPlane) {
  EXPECT_TRUE(IsUtf8("plain ascii, long enough for the fast path, then \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"));
  for (const char* bad : {"\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF", "abc\xC3", "\x80"}) {
    EXPECT_FALSE(IsUtf8(bad));
  }
}

TEST(Percent, EncodesSegmentsAndRefusesBrokenEscapes) {
  EXPECT_EQ(PercentEncode("a b/\xC3\xA9"), "a%20b%2F%C3%A9");
  EXPECT_EQ(PercentDecode("a%20b%2f"), "a b/");
  for (const char* bad : {"%", "%2", "%zz", "%C0%A0"}) EXPECT_EQ(PercentDecode(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace headgate
