#include "core/sql/json.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "core/sql/json_path.h"
#include "core/sql/key.h"
#include "tests/unit/sql/call.h"

namespace headgate::sql::test {
namespace {

std::string KeyOf(std::string_view json) {
  EvalContext context;
  std::string key;
  AppendKey(key, TypeId::kJsonb, FromText(TypeId::kJsonb, json, context));
  EXPECT_FALSE(context.failed()) << json;
  return key;
}

TEST(Json, CanonicalTextSortsKeysByLengthAndKeepsTheLast) {
  EXPECT_EQ(ReadAndWrite(TypeId::kJsonb, R"( {"bb":1,"a":[ ],"b":{"x":null},"a":2} )"),
            R"({"a": 2, "b": {"x": null}, "bb": 1})");
  EXPECT_EQ(ReadAndWrite(TypeId::kJsonb, R"(["A\u00e9\ud83d\ude00\/",-0,-0.0,1e2,1E-2,1.50])"),
            "[\"A\xC3\xA9\xF0\x9F\x98\x80/\", 0, 0.0, 100, 0.01, 1.50]");
}

TEST(Json, TextOfJsonStaysAsItIs) {
  EXPECT_EQ(ReadAndWrite(TypeId::kJson, R"( {"a" :1,"a":2} )"), R"( {"a" :1,"a":2} )");
}

TEST(Json, RefusesWhatIsNone) {
  const std::string invalid = "22P02 invalid input syntax for type json";
  for (const char* text : {"",    " ",     "{",  "[1,]",   "{\"a\"}", "{\"a\":1,}",  "01",  "1.",  ".5",    "+1",
                           "tru", "truex", "\"", "\"\t\"", "\"\\x\"", "\"\\u12g4\"", "1 2", "[1}", "{1:2}", "nan"}) {
    EXPECT_EQ(ReadAndWrite(TypeId::kJsonb, text), invalid) << text;
    EXPECT_EQ(ReadAndWrite(TypeId::kJson, text), invalid) << text;
  }
  EXPECT_EQ(ReadAndWrite(TypeId::kJsonb, "\"\\ud800\""), invalid);
  EXPECT_EQ(ReadAndWrite(TypeId::kJsonb, "\"\\u0000\""), "22P05 unsupported Unicode escape sequence");
  EXPECT_EQ(ReadAndWrite(TypeId::kJsonb, std::string(100'000, '[')), "54001 stack depth limit exceeded");
}

TEST(Json, EachIsLessThanTheNext) {
  const std::vector<std::string> ordered = {"[]",
                                            "null",
                                            "\"\"",
                                            "\"a\"",
                                            "\"b\"",
                                            "-5",
                                            "1",
                                            "10",
                                            "false",
                                            "true",
                                            "[null]",
                                            "[\"a\"]",
                                            "[1]",
                                            "[true]",
                                            "[[1]]",
                                            "[{}]",
                                            "[0, 0]",
                                            "{}",
                                            "{\"a\": null}",
                                            "{\"a\": 1}",
                                            "{\"aa\": 1}",
                                            "{\"b\": 1}",
                                            "{\"a\": 1, \"b\": 2}"};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j)
      EXPECT_EQ(KeyOf(ordered[i]) <=> KeyOf(ordered[j]), i <=> j) << ordered[i] << " and " << ordered[j];
  }
  EXPECT_EQ(KeyOf("{\"a\": 1.0}"), KeyOf("{\"a\": 1.00}"));
}

// Values of any shape, written with blanks and doubled keys here and there.
std::string RandomJson(std::mt19937_64& random, int depth) {
  const auto blank = [&] { return random() % 3 == 0 ? " " : ""; };
  switch (random() % (depth > 3 ? 5 : 7)) {
    case 0:
      return "null";
    case 1:
      return random() % 2 == 0 ? "true" : "false";
    case 2:
      return std::to_string(static_cast<int>(random() % 200) - 100);
    case 3:
      return "1.50e" + std::to_string(random() % 5);
    case 4:
      return random() % 2 == 0 ? "\"k\\\"\\u0041,]}\"" : "\"\"";
    default: {
      const bool object = random() % 2 == 0;
      std::string out = object ? "{" : "[";
      const std::size_t count = random() % 4;
      for (std::size_t i = 0; i < count; ++i) {
        if (i > 0) out += std::string(blank()) + ",";
        out += blank();
        if (object) out += "\"" + std::string(random() % 3, 'a') + "\\\\\"" + blank() + ":" + blank();
        out += RandomJson(random, depth + 1);
      }
      return out + blank() + (object ? "}" : "]");
    }
  }
}

TEST(Json, CanonicalTextReadsBackAsItself) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const std::string text = RandomJson(random, 0);
    const std::string once = ReadAndWrite(TypeId::kJsonb, text);
    EXPECT_EQ(ReadAndWrite(TypeId::kJsonb, once), once) << text;
    EXPECT_EQ(ReadAndWrite(TypeId::kJson, text), text);
  }
}

TEST(Json, BrokenTextsAreRefusedOrReadButNeverWorse) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 3000; ++i) {
    std::string text = RandomJson(random, 0);
    if (text.empty()) continue;
    const std::size_t at = random() % text.size();
    if (random() % 2 == 0) {
      text.erase(at, 1);
    } else {
      text[at] = static_cast<char>("{}[],:\"\\ 1u"[random() % 11]);
    }
    EvalContext context;
    std::string out;
    if (ReadJsonb(out, text, context)) {
      EXPECT_TRUE(CheckJson(text, context)) << text;
      EXPECT_EQ(ReadAndWrite(TypeId::kJsonb, out), out);
    }
    EvalContext inner;
    ParseJsonPath(text, inner);
  }
}

TEST(Json, BrokenPathsAreRefusedOrReadButNeverWorse) {
  std::mt19937_64 random(3);
  constexpr std::string_view kParts[] = {
      "$",  "@",    ".a",         ".*",    "[*]",         "[0 to last]", ".**{1}", "?(", "(", ")",
      "==", "&&",   "||",         "!",     "1.5",         "\"x\"",       "true",   "+",  "-", "exists",
      "is", " to ", "like_regex", "\"[\"", "starts with", ".size()",     "$v",     "{",  "]", "\\u00"};
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (std::size_t n = random() % 8; n-- > 0;) text += std::string(kParts[random() % std::size(kParts)]) + " ";
    EvalContext context;
    const auto path = ParseJsonPath(text, context);
    EXPECT_EQ(path == nullptr, context.failed()) << text;
    if (path != nullptr) RunJsonPath(*path, R"({"a": [1, {"a": "x"}, null], "b": true})", R"({"v": 1})");
  }
}

TEST(Json, DeepPathsAreRefused) {
  for (const char* part : {"(", "!(", "-", "$?(", "$["}) {
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += part;
    EvalContext context;
    EXPECT_EQ(ParseJsonPath(text, context), nullptr);
    EXPECT_EQ(context.errors()[0].code, "54001") << part;
  }
}

}  // namespace
}  // namespace headgate::sql::test
