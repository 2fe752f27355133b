// Records of JSON into columns.
#include "core/codec/json_decoder.h"

#include <gtest/gtest.h>

#include "core/base/encoding.h"
#include "tests/unit/codec/told.h"

namespace headgate::testing {
namespace {

std::string ReadJson(std::string_view text, std::initializer_list<const char*> paths) {
  auto decoder = codec::MakeJsonDecoder(Paths(paths));
  return decoder.ok() ? Told(**decoder, Hex(text)) : decoder.error().what;
}

TEST(JsonDecoder, EveryTypeBecomesAValueOfItsKind) {
  const std::pair<const char*, const char*> cases[] = {
      {"null", "null"},
      {"true", "true"},
      {" false ", "false"},
      {"\"\"", ""},
      {R"("a\"b\\c\u00e9\ud83d\ude00")", "a\"b\\cé😀"},
      {"0", "0"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"18446744073709551615", "unsigned 18446744073709551615"},
      {"18446744073709551616", "18446744073709551616"},
      {"1.50", "1.50"},
      {"-1.5e2", "-150"},
      {"1e-3", "0.001"},
      {"1e3000", "1e3000"},
      {R"([1, {"a" : [] }])", R"(json [1,{"a":[]}])"},
      {R"({"a" : "}]" })", R"(json {"a":"}]"})"},
  };
  for (const auto& [text, value] : cases) EXPECT_EQ(ReadJson(text, {"value"}), value) << text;
}

TEST(JsonDecoder, PathsGoThroughObjectsAndWhatIsNotThereIsAbsent) {
  constexpr const char* kEvent =
      R"({"x": [1, "a,b"], "event": {"name": "t\u0065mp", "value": 2.5, "more": {"deep": null}}, "t": 7})";
  EXPECT_EQ(ReadJson(kEvent, {"event.name", "value.event.value", "event.more.deep", "t", "event.none", "t.below"}),
            "temp,2.5,null,7,absent,absent");
  EXPECT_EQ(
      ReadJson(kEvent, {"event.more", "event.more.deep", "event#type", "x#type", "t#type", "event.more.deep#type"}),
      R"(json {"deep":null},null,object,array,number,null)");
  EXPECT_EQ(ReadJson(R"({"event":null})", {"event.name", "event"}), "null,null");
  EXPECT_EQ(ReadJson(R"({"a":1,"a":2})", {"a"}), "2");
  EXPECT_EQ(ReadJson(R"({"A":1})", {"a"}), "absent") << "names are matched exactly";
  EXPECT_EQ(ReadJson(R"({"\u0061":1})", {"a"}), "1");
  EXPECT_EQ(ReadJson("[]", {"a"}), "absent");
}

TEST(JsonDecoder, BlanksAndTheOrderOfFieldsDoNotMatter) {
  for (const char* text : {R"({"a":1,"b":-0.50,"c":"x"})", "\r\n{ \"a\" : 1 ,\t\"b\" : -0.50 , \"c\" : \"x\" } ",
                           R"({"c":"x","b":-0.50,"d":[{"a":2}],"a":1})", R"({"b":-0.50,"":{},"a":1,"c":"x"})"})
    EXPECT_EQ(ReadJson(text, {"a", "b", "c"}), "1,-0.50,x") << text;
  EXPECT_EQ(ReadJson(R"({ "a" : { "b" : [ 1 ] , "c" : 2 } })", {"a", "a.c"}), R"(json {"b":[1],"c":2},2)");
  EXPECT_EQ(ReadJson("-0.0", {"value"}), "0.0");
}

TEST(JsonDecoder, WhatIsNoJsonIsRejected) {
  for (const char* text : {"{\"a\":1",
                           "{\"a\"}",
                           "{,}",
                           "{\"a\":1 \"b\":2}",
                           "{\"b\":tru}",
                           "{\"b\":[1,]}",
                           "{\"a\":1}}",
                           "{\"a\":1.}",
                           "{\"a\":-}",
                           "{\"a\":1e}",
                           "{\"a\":\"\\x\"}",
                           "{\"a\":\"\n\"}",
                           "[1",
                           "1 2",
                           "{\"a\":nul}",
                           "{a:1}",
                           "",
                           " ",
                           "{",
                           "{\"a\":}",
                           "{} {}",
                           "nul",
                           "01",
                           "\"a",
                           "{\"a\":1,}",
                           "\"\xE9\"",
                           "{\"a\":\"\\ud800\"}"})
    EXPECT_TRUE(ReadJson(text, {"a", "value"}).starts_with("rejected: ")) << text;
  EXPECT_TRUE(ReadJson(std::string(100'000, '['), {"a"}).starts_with("rejected: "));
}

}  // namespace
}  // namespace headgate::testing
