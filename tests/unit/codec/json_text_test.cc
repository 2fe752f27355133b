#include "core/codec/json_text.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/codec/decimal.h"
#include "core/codec/java_map.h"
#include "core/codec/pg_text.h"
#include "core/codec/time_text.h"
#include "core/model/value.h"

namespace headgate::codec {
namespace {

template <class... A>
std::string Made(void (*append)(std::string&, A...), A... args) {
  std::string out;
  append(out, args...);
  return out;
}
std::string Quoted(std::string_view text) { return Made<std::string_view>(AppendJsonString, text); }
std::string Java(double v) { return Made<double>(AppendJavaDouble, v); }
std::string JavaF(float v) { return Made<float>(AppendJavaFloat, v); }
std::string Ecma(double v) { return Made<double>(AppendEcmaDouble, v); }
std::string EcmaF(float v) { return Made<float>(AppendEcmaFloat, v); }

TEST(JsonString, EscapesWhatTheContractNamesAndNothingElse) {
  EXPECT_EQ(Quoted("a\"b\\c/d"), R"("a\"b\\c/d")");
  EXPECT_EQ(Quoted("\b\t\n\f\r"), R"("\b\t\n\f\r")");
  EXPECT_EQ(Quoted(std::string_view("\0\x01\x0B\x1F", 4)), R"("\u0000\u0001\u000B\u001F")");
  EXPECT_EQ(Quoted("\x7F \xC2\x80 \xE2\x80\xA8 \xEF\xBB\xBF \xEF\xBF\xBF"),
            "\"\x7F \xC2\x80 \xE2\x80\xA8 \xEF\xBB\xBF \xEF\xBF\xBF\"");
  EXPECT_EQ(Quoted("x\xF0\x9F\x98\x80y\xF4\x8F\xBF\xBF"), R"("x\uD83D\uDE00y\uDBFF\uDFFF")");
}

TEST(JsonString, FindsTheSpecialByteAtEveryPlaceOfAWord) {
  for (std::size_t at = 0; at < 40; ++at) {
    for (const std::string special : {"\"", "\\", "\n", "\x01", "\xF0\x9F\x98\x80"}) {
      std::string text(40, 'a');
      text[20] = '\xC3';  // two bytes of U+00FC stay as they are
      text[21] = '\xBC';
      text.insert(at == 21 ? 22 : at, special);
      std::string slow = "\"";
      for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c == '"' || c == '\\') {
          slow += std::string("\\") + text[i];
        } else if (c == '\n') {
          slow += "\\n";
        } else if (c == 1) {
          slow += "\\u0001";
        } else if (c == 0xF0) {
          slow += "\\uD83D\\uDE00";
          i += 3;
        } else {
          slow += text[i];
        }
      }
      ASSERT_EQ(Quoted(text), slow + "\"") << at;
    }
  }
}

TEST(JsonString, KeepsATruncatedCharacterInsteadOfReadingPastTheEnd) {
  EXPECT_EQ(Quoted("a\xF0\x9F"), "\"a\xF0\x9F\"");
}

TEST(InnerJsonString, LeavesCharactersAboveTheBasicPlaneToTheOuterString) {
  EXPECT_EQ(Made<std::string_view>(AppendInnerJsonString, "\xF0\x9F\x98\x80\"x\n"), "\"\xF0\x9F\x98\x80\\\"x\\n\"");
}

TEST(JavaNumbers, DP04DP05AreJavasShortestForm) {
  const std::pair<double, const char*> kDoubles[] = {
      {4.44, "4.44"},
      {4, "4.0"},
      {-0.0, "-0.0"},
      {0, "0.0"},
      {1e7, "1.0E7"},
      {1e-5, "1.0E-5"},
      {1e23, "1.0E23"},
      {2e23, "2.0E23"},
      {0.001, "0.001"},
      {0.00099999, "9.9999E-4"},
      {9999999.999, "9999999.999"},
      {9999999, "9999999.0"},
      {1e16, "1.0E16"},
      {123456789012345.67, "1.2345678901234567E14"},
      {8.41e21, "8.41E21"},
      {9007199254740993.0, "9.007199254740992E15"},
      {1.7976931348623157e308, "1.7976931348623157E308"},
      {2.2250738585072014e-308, "2.2250738585072014E-308"},
      {5e-324, "4.9E-324"},
      {1e-323, "9.9E-324"},
      {0.30000000000000004, "0.30000000000000004"},
      {-1234.5, "-1234.5"},
      {100.5, "100.5"},
  };
  for (const auto& [v, text] : kDoubles) EXPECT_EQ(Java(v), text);
  const std::pair<float, const char*> kFloats[] = {
      {3.3f, "3.3"},
      {3, "3.0"},
      {1e10f, "1.0E10"},
      {16777217.f, "1.6777216E7"},
      {123456.79f, "123456.79"},
      {3.4028235e38f, "3.4028235E38"},
      {1.17549435e-38f, "1.1754944E-38"},
      {1.4e-45f, "1.4E-45"},
      {0.00099999f, "9.9999E-4"},
      {2e-3f, "0.002"},
      {1e23f, "1.0E23"},
  };
  for (const auto& [v, text] : kFloats) EXPECT_EQ(JavaF(v), text);
  EXPECT_EQ(Java(std::numeric_limits<double>::quiet_NaN()), "\"NaN\"");
  EXPECT_EQ(Java(std::numeric_limits<double>::infinity()), "\"Infinity\"");
  EXPECT_EQ(JavaF(-std::numeric_limits<float>::infinity()), "\"-Infinity\"");
}

TEST(EcmaNumbers, NG3AreLaidOutAsEcmaScriptDoes) {
  const std::pair<double, const char*> kDoubles[] = {
      {4.44, "4.44"},
      {4, "4"},
      {-0.0, "-0"},
      {5e-324, "5e-324"},
      {1e21, "1e+21"},
      {1e20, "100000000000000000000"},
      {123456789012345680000.0, "123456789012345680000"},
      {1e-6, "0.000001"},
      {1e-7, "1e-7"},
      {1.5e-7, "1.5e-7"},
      {1.25e22, "1.25e+22"},
      {0.1, "0.1"},
      {-12.5, "-12.5"},
      {9007199254740992.0, "9007199254740992"},
      {1e15, "1000000000000000"},
  };
  for (const auto& [v, text] : kDoubles) EXPECT_EQ(Ecma(v), text);
  EXPECT_EQ(EcmaF(3.3f), "3.3");
  EXPECT_EQ(EcmaF(1e-45f), "1e-45");
  EXPECT_EQ(EcmaF(16777216.f), "16777216");
  EXPECT_EQ(EcmaF(1e20f), "100000000000000000000");
  EXPECT_EQ(Ecma(std::numeric_limits<double>::quiet_NaN()), "\"NaN\"");
}

std::string Compact(std::string_view text) {
  std::string out = ">";
  return AppendCompactJson(out, text) ? out.substr(1) : out == ">" ? "no" : "left something behind";
}

TEST(CompactJson, NG8KeepsEveryTokenAndDropsWhiteSpace) {
  EXPECT_EQ(Compact(R"( { "b": 1.50, "a" : [ 1 , null, true,{ } ], "a": 2 } )"),
            R"({"b":1.50,"a":[1,null,true,{}],"a":2})");
  EXPECT_EQ(Compact("\"a b\\u00e9\\n \\\" c\""), "\"a b\\u00e9\\n \\\" c\"");
  EXPECT_EQ(Compact("\t-0.10e+05\r\n"), "-0.10e+05");
  EXPECT_EQ(Compact(" null "), "null");
  EXPECT_EQ(Compact("[]"), "[]");
  EXPECT_EQ(Compact("[[[[ ]]]]"), "[[[[]]]]");
}

TEST(CompactJson, RefusesWhatIsNoDocumentAndAppendsNothing) {
  for (const char* text :
       {"",       " ",   "{",  "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",   "nul",
        "nulll",  "01",  "1.", "-",  "+1",   ".5",      "1e",       "\"abc",      "\"\\x\"", "\"\\u12g4\"",
        "\"\n\"", "1 2", "]",  "{]", "[}",   "\"\\",    "tru",      "{\"a\":1]"}) {
    EXPECT_EQ(Compact(text), "no") << text;
  }
}

TEST(CompactJson, DepthTakesHeapNotStack) {
  const std::string deep = std::string(200'000, '[') + std::string(200'000, ']');
  EXPECT_EQ(Compact(deep), deep);
}

TEST(Decimals, UnscaledBytesAreMinimalTwosComplement) {
  const auto unscaled = [](std::string_view text) {
    std::string out;
    AppendUnscaledBase64(out, *ParseDecimal(text));
    return out;
  };
  EXPECT_EQ(unscaled("1.10"), "bg==");
  EXPECT_EQ(unscaled("22.2200"), "A2P4");
  EXPECT_EQ(unscaled("0"), "AA==");
  EXPECT_EQ(unscaled("128"), "AIA=");
  EXPECT_EQ(unscaled("-128"), "gA==");
  EXPECT_EQ(unscaled("-129"), "/38=");
  EXPECT_EQ(unscaled("18446744073709551615"), "AP//////////");
  EXPECT_EQ(unscaled("-18446744073709551616"), "/wAAAAAAAAAA");
  EXPECT_EQ(unscaled("-170141183460469231731687303715884105728"), "gAAAAAAAAAAAAAAAAAAAAA==");
  EXPECT_EQ(unscaled("170141183460469231731687303715884105728"), "AIAAAAAAAAAAAAAAAAAAAAA=");
}

TEST(Decimals, JavaTextTurnsToAnExponentBelowAMillionth) {
  const auto java = [](std::string_view text) {
    std::string out;
    AppendJavaDecimal(out, *ParseDecimal(text));
    return out;
  };
  EXPECT_EQ(java("1.10"), "1.10");
  EXPECT_EQ(java("0.00001"), "0.00001");
  EXPECT_EQ(java("0.0000001"), "1E-7");
  EXPECT_EQ(java("0.00000012"), "1.2E-7");
  EXPECT_EQ(java("0.000000000000000000"), "0E-18");
  EXPECT_EQ(java("-0.0099"), "-0.0099");
}

TEST(Decimals, RoundingIsHalfUpAndCarries) {
  const auto scaled = [](std::string_view text, int scale) {
    auto d = *ParseDecimal(text);
    SetScale(d, scale);
    std::string out;
    AppendPlainDecimal(out, d);
    return out;
  };
  EXPECT_EQ(scaled("1234.5", 0), "1235");
  EXPECT_EQ(scaled("-999.995", 2), "-1000.00");
  EXPECT_EQ(scaled("0.004", 2), "0.00");
  EXPECT_EQ(scaled("0.05", 0), "0");
  EXPECT_EQ(scaled("7.5", 2), "7.50");
}

TEST(Decimals, WhatIsNoNumberIsNotParsed) {
  for (const char* text : {"", "-", ".", "NaN", "Infinity", "1.2.3", "1,5", "1e", "1e999999999", "0x10", " 1"}) {
    EXPECT_FALSE(ParseDecimal(text)) << text;
  }
}

TEST(Decimals, FarAwayNumbersBecomeInfiniteOrZeroDoubles) {
  EXPECT_EQ(DecimalToDouble("1" + std::string(400, '0')), std::numeric_limits<double>::infinity());
  EXPECT_EQ(DecimalToDouble("-1" + std::string(400, '0')), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(DecimalToDouble("0." + std::string(400, '0') + "1"), 0.0);
}

TEST(JavaMap, HashesAndOrderAreThoseOfJava) {
  EXPECT_EQ(JavaStringHash("Aa"), JavaStringHash("BB"));
  EXPECT_EQ(JavaStringHash("hello"), 99162322u);
  EXPECT_EQ(JavaStringHash("\xF0\x9F\x98\x80"), 1772899u);  // two UTF-16 units
  EXPECT_EQ(JavaMapOrder({JavaStringHash("b"), JavaStringHash("a"), JavaStringHash("aa")}),
            (std::vector<std::size_t>{2, 1, 0}));
  EXPECT_EQ(JavaMapOrder({1, 9}, 2), (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(JavaMapOrder({5, 2, 1}, 4), (std::vector<std::size_t>{0, 2, 1}));  // 5 and 1 share a slot
}

TEST(JavaMap, DP83NameUuidIsVersionThree) {
  char buffer[36];
  EXPECT_EQ(NameUuid("__debezium_unavailable_value", buffer), "b68a35a7-17ad-35b3-af2a-ae46edb4545a");
  EXPECT_EQ(NameUuid("", buffer), "d41d8cd9-8f00-3204-a980-0998ecf8427e");
}

TEST(PgText, HstoreIsReadWithItsQuotesAndNulls) {
  std::vector<HstoreEntry> entries;
  ASSERT_TRUE(ParseHstore(R"("a"=>"1", "k\"q"=>"v\\b", "n"=>NULL, ""=>"")", entries));
  ASSERT_EQ(entries.size(), 4u);
  EXPECT_EQ(entries[1].key, "k\"q");
  EXPECT_EQ(*entries[1].value, "v\\b");
  EXPECT_FALSE(entries[2].value);
  EXPECT_EQ(*entries[3].value, "");
  EXPECT_TRUE(ParseHstore("", entries));
  for (const char* text : {"a", "\"a\"", "\"a\"=>", "\"a\"=>1", "\"a\"=>\"1\",\"b\"=>\"2\"", "\"a\"=>\"1", "\"a\\"}) {
    EXPECT_FALSE(ParseHstore(text, entries)) << text;
  }
}

TEST(PgText, NumbersAndSparseVectorsRefuseGarbage) {
  std::vector<double> numbers;
  EXPECT_TRUE(ParseNumbers("<(10,-2.5e10),5>", numbers));
  EXPECT_EQ(numbers, (std::vector<double>{10, -2.5e10, 5}));
  EXPECT_FALSE(ParseNumbers("(a,1)", numbers));
  EXPECT_FALSE(ParseNumbers("", numbers));
  SparseVector v;
  EXPECT_TRUE(ParseSparseVector("{1:201,9:209}/3000", v));
  EXPECT_EQ(v.dimensions, 3000u);
  EXPECT_TRUE(ParseSparseVector("{}/5", v));
  for (const char* text :
       {"", "{", "{1:2", "{1:2}", "{1:2}/", "{1}/3", "{1:2 3:4}/9", "{1:2}/x", "{1:2,}/3", "1:2/3"}) {
    EXPECT_FALSE(ParseSparseVector(text, v)) << text;
  }
}

TEST(TimeText, ServerTextIsReadBack) {
  EXPECT_EQ(ParseDate("2020-02-03"), 18295);
  EXPECT_EQ(ParseDate("0001-12-31 BC"), -719163);
  EXPECT_EQ(ParseDate("infinity"), kInfinity);
  EXPECT_EQ(ParseTime("01:02:03.5"), 3723500000);
  EXPECT_EQ(ParseTimestamp("2020-02-03 04:05:06"), 1580702706000000 - kEpoch2000Us);
  EXPECT_EQ(ParseTimestamp("2020-02-03 05:05:06+01"), 1580702706000000 - kEpoch2000Us);
  EXPECT_EQ(ParseTimestamp("2020-02-03 01:35:06-02:30"), 1580702706000000 - kEpoch2000Us);
  const auto interval = ParseInterval("P1Y2M-3DT4H5M-6.78S");
  ASSERT_TRUE(interval);
  EXPECT_EQ(interval->months, 14);
  EXPECT_EQ(interval->days, -3);
  EXPECT_EQ(interval->us, (4 * 3600 + 5 * 60) * kSecondUs - 6'780'000);
  for (const char* text : {"", "2020", "2020-13-01", "2020-02-03 ", "yesterday"}) EXPECT_FALSE(ParseDate(text)) << text;
  for (const char* text : {"", "1", "1:", "1:2:", "1:2:3x"}) EXPECT_FALSE(ParseTime(text)) << text;
  for (const char* text : {"", "2020-02-03", "2020-02-03 1:2:3+", "2020-02-03 1:2:3 AD"})
    EXPECT_FALSE(ParseTimestamp(text)) << text;
  for (const char* text : {"", "1 day", "P1", "P1H", "PT1D", "Px"}) EXPECT_FALSE(ParseInterval(text)) << text;
}

}  // namespace
}  // namespace headgate::codec
