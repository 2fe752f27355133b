// Bodies to rows: documents, lines, gzip, and what is wrong with them.
#include "connectors/http/event_reader.h"

#include <gmock/gmock.h>

#include "tests/support/gzip.h"
#include "tests/unit/http/reading.h"

namespace headgate::http {
namespace {

using test::Gzip;
using test::MakeRequest;
using test::Reading;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kTwo = "id int NOT NULL, name text";

TEST(EventReader, OneObjectIsOneEventAndAnArrayMany) {
  Reading reading(kTwo);
  EXPECT_EQ(reading.Show(R"({"id":1,"name":"a"})"), R"({"id":1,"name":"a"})");
  EXPECT_EQ(reading.Show(R"( [ {"name":"a","id":1} , {"id":2} ] )"), R"({"id":1,"name":"a"} {"id":2,"name":null})");
  EXPECT_EQ(reading.Read(R"([{"id":1},{"id":2},{"id":3}])").transaction->changes(), 3U);
}

TEST(EventReader, OfDuplicateMembersTheLastCounts) {
  Reading reading(kTwo);
  EXPECT_EQ(reading.Show(R"({"id":"x","name":"a","id":1,"name":null})"), R"({"id":1,"name":null})");
  EXPECT_EQ(reading.Show(R"({"id":1,"id":"x"})"), "422 /0/id: expected integer, got a string that is none");
  EXPECT_EQ(reading.Show(R"({"\u0069d":4})"), R"({"id":4,"name":null})") << "names may be written with escapes";
}

TEST(EventReader, WhatAnEventLacksIsItsDefaultOrNull) {
  Reading reading("id int NOT NULL DEFAULT 9, name text DEFAULT 'new', n int");
  EXPECT_EQ(reading.Show("{}"), R"({"id":9,"name":"new","n":null})");
  EXPECT_EQ(reading.Show(R"({"name":null})"), R"({"id":9,"name":null,"n":null})");
  EXPECT_EQ(reading.Show(R"({"id":null})"), "422 /0/id: expected integer, got null, and the column is NOT NULL");
  EXPECT_EQ(Reading(kTwo).Show("{}"), "422 /0/id: expected integer, got nothing, and the column is NOT NULL");
}

TEST(EventReader, EveryBadEventIsNamedAndNothingIsKept) {
  Reading reading(kTwo);
  EXPECT_EQ(reading.Show(R"([{"id":1},{"id":true},{"id":2},7,{"name":"x"}])"),
            "422 /1/id: expected integer, got true /3: expected an object, got a number /4/id: expected integer, got "
            "nothing, and the column is NOT NULL");
  EXPECT_EQ(reading.Show("7"), "422 /0: expected an object, got a number");
  EXPECT_EQ(reading.Show("[]"), "422 There is no event in the body.");
  std::string many = "[{}";
  for (int i = 0; i < 200; ++i) many += ",{}";
  EXPECT_EQ(reading.Read(many + "]").refusal.faults.size(), 100U);
  Reading odd("\"a/b~\" int NOT NULL");
  EXPECT_THAT(odd.Show("{}"), StartsWith("422 /0/a~1b~0: "));
}

TEST(EventReader, WhatIsNotJsonIsNamedByItsPlace) {
  Reading reading(kTwo);
  EXPECT_EQ(reading.Show("[{\"id\":1},\n {\"id\" 2}]"), "400 The body is not JSON: see line 2, column 8 (byte 18).");
  for (const char* body : {"",
                           " ",
                           "{",
                           "[",
                           "[{\"id\":1}",
                           "{\"id\":1}}",
                           "{\"id\":1} {\"id\":2}",
                           "[{\"id\":1},]",
                           "{\"id\":1,}",
                           "{id:1}",
                           "{\"id\":1 \"name\":2}",
                           "{\"x\":tru}",
                           "{\"x\":[1 2]}",
                           "{\"x\":{\"a\" 1}}",
                           "{\"x\":01}",
                           "{\"x\":\"\\q\"}",
                           "{\"\\q\":1}",
                           "\xff",
                           "{\"name\":\"\n\"}",
                           "[{\"id\":1}]x",
                           "nope",
                           "{\"name\":\"\xC3\"}"})
    EXPECT_THAT(reading.Show(body), StartsWith("400 ")) << body;
  const std::string deep = R"({"x":)" + std::string(100, '[') + std::string(100, ']') + "}";
  EXPECT_THAT(reading.Show(deep), HasSubstr("64 levels"));
}

TEST(EventReader, UnknownFieldsAreCountedOrRefused) {
  Reading reading(kTwo);
  EXPECT_EQ(reading.Show(R"({"id":1,"x":{"id":[2]},"y":"z"})"), R"({"id":1,"name":null})");
  EXPECT_EQ(reading.layout.unknown_fields, 2U);
  reading.layout.reject_unknown = true;
  EXPECT_EQ(reading.Show(R"({"x":1,"id":1,"y":2})"),
            "422 /0/x: the stream has no such column, and unknown_fields is reject");
  EXPECT_EQ(reading.layout.unknown_fields, 2U);
}

TEST(EventReader, LinesHoldOneObjectEach) {
  Reading reading(kTwo);
  EXPECT_EQ(reading.Show("{\"id\":1}\n{\"id\":2}\n", true), R"({"id":1,"name":null} {"id":2,"name":null})");
  EXPECT_EQ(reading.Show("\r\n{\"id\":1}\r\n\n \t\n{\"id\":2}", true), R"({"id":1,"name":null} {"id":2,"name":null})");
  EXPECT_EQ(
      reading.Show("{\"id\":1}\n[{\"id\":2}]\n\n5\n{}", true),
      "422 /1: expected an object, got an array /2: expected an object, got a number /3/id: expected integer, got "
      "nothing, and the column is NOT NULL");
  EXPECT_EQ(reading.Show("\n\n", true), "422 There is no event in the body.");
  EXPECT_EQ(reading.Show("{\"id\":1}\n{\"id\":\n2}", true),
            "400 The body is not JSON: see line 2, column 7 (byte 15).");
  EXPECT_THAT(reading.Show("{\"id\":1} {\"id\":2}", true), StartsWith("400 "));
  EXPECT_EQ(reading.Show("{\"id\":1}\n{\"id\":2", true), "400 The body is not JSON: see line 2, column 8 (byte 16).");
}

TEST(EventReader, LimitsHold) {
  Reading reading(kTwo);
  reading.layout.events_max = 2;
  EXPECT_THAT(reading.Show(R"([{"id":1},{"id":2},{"id":3}])"), StartsWith("413 There are more than 2 events"));
  EXPECT_THAT(reading.Show("{\"id\":1}\n{\"id\":2}\n{\"id\":3}", true), StartsWith("413 "));
  EXPECT_THAT(reading.Show("[1,2,3]"), StartsWith("413 "));
  reading.layout.event_bytes_max = 100;
  const std::string large = R"({"id":1,"name":")" + std::string(90, 'x') + "\"}";
  EXPECT_EQ(reading.Show("[{\"id\":2}," + large + "]"), "422 /1: the event is larger than 100 bytes (event_bytes_max)");
  EXPECT_EQ(reading.Show(large), "422 /0: the event is larger than 100 bytes (event_bytes_max)");
  Reading swelling("v numeric");
  std::string numbers = "[{\"v\":1e100000}";
  for (int i = 0; i < 200; ++i) numbers += ",{\"v\":1e100000}";
  EXPECT_THAT(swelling.Show(numbers + "]"), StartsWith("413 The rows of the events take more"));
}

TEST(EventReader, GzipIsUnpackedWithinTheLimitOfABody) {
  Reading reading(kTwo);
  auto request = MakeRequest(Gzip(R"({"id":1})"));
  request->gzip = true;
  EXPECT_EQ(reading.Show(reading.Read(*request)), R"({"id":1,"name":null})");

  request = MakeRequest(Gzip("{\"id\":1}\n") + Gzip("{\"id\":2}\n"), true);
  request->gzip = true;
  EXPECT_EQ(reading.Show(reading.Read(*request)), R"({"id":1,"name":null} {"id":2,"name":null})") << "two members";

  request = MakeRequest(Gzip("[" + std::string(50 << 20, ' ') + "]"));
  EXPECT_LT(request->body.size(), 100'000U);
  request->gzip = true;
  EXPECT_EQ(reading.Show(reading.Read(*request)), "413 The body is larger than 1048576 bytes, unpacked.");

  request = MakeRequest(Gzip(std::string(1000, ' ') + "{\"id\":3}"));
  request->gzip = true;
  request->bytes_max = 1008;
  EXPECT_EQ(reading.Show(reading.Read(*request)), R"({"id":3,"name":null})") << "just as large as allowed";

  const std::string whole = Gzip(R"({"id":1})");
  for (const std::string& broken : {std::string("{\"id\":1}"), std::string(), whole.substr(0, whole.size() / 2),
                                    whole.substr(0, whole.size() - 1), whole + "x"}) {
    request = MakeRequest(broken);
    request->gzip = true;
    EXPECT_EQ(reading.Show(reading.Read(*request)), "400 The body is not gzip, or it is cut off.");
  }
}

TEST(EventReader, AFingerprintTellsBodiesApart) {
  Reading reading(kTwo);
  const auto of = [&](const std::string& body, bool lines) {
    auto request = MakeRequest(body, lines);
    request->key = "k";
    return reading.Read(*request).fingerprint;
  };
  EXPECT_EQ(of("{\"id\":1}", false), of("{\"id\":1}", false));
  EXPECT_NE(of("{\"id\":1}", false), of("{\"id\":2}", false));
  EXPECT_NE(of("{\"id\":1}", false), of("{\"id\":1}", true));
  EXPECT_EQ(reading.Read("{\"id\":1}").fingerprint, "") << "costs nothing without a key";
}

}  // namespace
}  // namespace headgate::http
