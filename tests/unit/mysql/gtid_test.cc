// Sets of transactions as values: MY-01, MY-02, MY-03.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "connectors/mysql/gtid_set.h"
#include "connectors/mysql/mariadb_gtid.h"
#include "connectors/mysql/position.h"

namespace headgate::mysql {
namespace {

constexpr std::string_view kA = "3e11fa47-71ca-11e1-9e33-c80aa9429562";
constexpr std::string_view kB = "4e11fa47-71ca-11e1-9e33-c80aa9429562";

GtidSet Set(std::string text) {
  for (const auto& [name, uuid] : {std::pair('A', kA), std::pair('B', kB)}) {
    for (std::size_t at; (at = text.find(name)) != std::string::npos;) text.replace(at, 1, uuid);
  }
  auto set = GtidSet::Parse(text);
  EXPECT_TRUE(set.ok()) << text << ": " << set.error().what;
  return set.ok() ? *set : GtidSet();
}
Gtid GtidOf(std::string_view uuid, std::string tag, std::uint64_t number) {
  std::string hex(uuid);
  std::erase(hex, '-');
  Gtid gtid{{{}, std::move(tag)}, number};
  for (std::size_t i = 0; i < gtid.source.uuid.size(); ++i)
    gtid.source.uuid[i] = static_cast<unsigned char>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  return gtid;
}

TEST(GtidSets, AreWrittenAsTheServerDoes_MY01) {
  const std::string a(kA);
  const std::string b(kB);
  EXPECT_EQ(Set("").ToText(), "");
  EXPECT_EQ(Set("A:1-3").ToText(), a + ":1-3");
  EXPECT_EQ(Set(" B:5 ,\n A:7:3-4:1-2,").ToText(), a + ":1-4:7," + b + ":5");
  EXPECT_EQ(Set("A:1-3:2-9").ToText(), a + ":1-9");
  EXPECT_EQ(Set("A:5-2").ToText(), "");
  EXPECT_EQ(GtidSet::Parse("3E11FA4771CA11E19E33C80AA9429562:1")->ToText(), a + ":1");
}

TEST(GtidSets, WithTagsAreOfTheTagsOwnNumbers_MY02) {
  const std::string a(kA);
  EXPECT_EQ(Set("A:tag_b:1-2:Tag_a:4:1").ToText(), a + ":tag_a:1:4:tag_b:1-2");
  EXPECT_EQ(Set("A:1:x:1,A:2:x:2").ToText(), a + ":1-2:x:1-2");
  GtidSet set = Set("A:1-10:x:1-10");
  set.Subtract(Set("A:x:3-4"));
  EXPECT_EQ(set, Set("A:1-10:x:1-2:5-10"));
  EXPECT_TRUE(set.Contains(GtidOf(kA, "", 3)));
  EXPECT_FALSE(set.Contains(GtidOf(kA, "x", 3)));
  EXPECT_TRUE(set.Contains(GtidOf(kA, "x", 5)));
  EXPECT_EQ(ToText(GtidOf(kA, "x", 5)), a + ":x:5");
  EXPECT_EQ(IdOf(GtidOf(kA, "x", 5)), a + "-x-5");
  EXPECT_EQ(IdOf(GtidOf(kA, "", 23)), a + "-23");
}

TEST(GtidSets, OfOtherFormsAreRefusedWithTheirPart) {
  for (const auto& [text, part] : std::vector<std::pair<std::string, std::string>>{
           {"x", "\"x\" in it"},
           {std::string(kA), kA.data()},
           {std::string(kA) + ":0", "\"0\" in it"},
           {std::string(kA) + ":1-", "\"1-\" in it"},
           {std::string(kA) + ":1-2-3", "\"1-2-3\""},
           {std::string(kA) + ":9tag:1", "\"9tag\""},
           {std::string(kA) + ":a-b:1", "\"a-b\""},
           {std::string(kA) + ":" + std::string(33, 't') + ":1", std::string(33, 't')},
           {std::string(kA) + ":99999999999999999999", "99999999999999999999"},
           {"3e11fa47-71ca-11e19-e33-c80aa9429562:1", "3e11fa47"},
           {"zz11fa47-71ca-11e1-9e33-c80aa9429562:1", "zz11fa47"}}) {
    const auto set = GtidSet::Parse(text);
    ASSERT_FALSE(set.ok()) << text;
    EXPECT_NE(set.error().what.find(part), std::string::npos) << set.error().what;
  }
}

TEST(GtidSets, GoToTheServerInItsOwnForm) {
  const std::string plain = Set("A:1-3:5").Encode();
  EXPECT_EQ(plain.size(), 8U + 16 + 8 + 2 * 16);
  EXPECT_EQ(plain[0], 1);
  const std::string tagged = Set("A:1-3:x:5,B:1").Encode();
  EXPECT_EQ(tagged.substr(0, 8), std::string("\x01\x03\0\0\0\0\0\x01", 8));
  for (const char* text : {"", "A:1-3:5", "A:1-3:x:5,B:1", "B:y_2:1-9223372036854775806"}) {
    const GtidSet set = Set(text);
    const std::string bytes = set.Encode();
    EXPECT_EQ(*GtidSet::Decode(bytes), set) << text;
    for (std::size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(GtidSet::Decode(std::string_view(bytes).substr(0, size)).ok());
    EXPECT_FALSE(GtidSet::Decode(bytes + "x").ok());
  }
}

TEST(GtidSets, AreExactUnderRandomArithmetic) {
  std::mt19937 random(1);
  const auto below = [&](std::uint64_t n) { return std::uniform_int_distribution<std::uint64_t>(0, n - 1)(random); };
  using Naive = std::set<std::pair<GtidSource, std::uint64_t>>;
  const std::vector<GtidSource> sources = {GtidOf(kA, "", 1).source, GtidOf(kA, "t", 1).source,
                                           GtidOf(kB, "", 1).source};
  const auto make = [&](GtidSet& set, Naive& naive) {
    for (std::uint64_t n = below(6); n > 0; --n) {
      const GtidSource& source = sources[below(3)];
      const std::uint64_t first = 1 + below(30);
      const std::uint64_t last = first + below(6);
      set.Add(source, {first, last});
      for (std::uint64_t i = first; i <= last; ++i) naive.emplace(source, i);
    }
  };
  const auto same = [&](const GtidSet& set, const Naive& naive) {
    GtidSet expected;
    for (const auto& [source, number] : naive) expected.Add({source, number});
    return set == expected && set.count() == naive.size() && *GtidSet::Parse(set.ToText()) == set;
  };
  for (int i = 0; i < 3000; ++i) {
    GtidSet a, b;
    Naive na, nb;
    make(a, na);
    make(b, nb);
    GtidSet sum = a, rest = a;
    sum.Add(b);
    rest.Subtract(b);
    Naive nsum = na, nrest = na;
    nsum.insert(nb.begin(), nb.end());
    for (const auto& gtid : nb) nrest.erase(gtid);
    Naive ncommon = na;
    for (const auto& gtid : nrest) ncommon.erase(gtid);
    ASSERT_TRUE(same(sum, nsum)) << a.ToText() << " + " << b.ToText() << " = " << sum.ToText();
    ASSERT_TRUE(same(rest, nrest)) << a.ToText() << " - " << b.ToText() << " = " << rest.ToText();
    ASSERT_TRUE(same(a.Common(b), ncommon));
    ASSERT_EQ(a.Contains(b), std::ranges::includes(na, nb));
    for (const GtidSource& source : sources) ASSERT_EQ(a.Contains({source, 5}), na.contains({source, 5}));
  }
}

TEST(MariadbPositions, HaveTheLastOfEachDomainWhicheverServerWroteIt_MY03) {
  MariadbPosition position = *MariadbPosition::Parse(" 1-2-5,\n0-1-270 ");
  EXPECT_EQ(position.ToText(), "0-1-270,1-2-5");
  EXPECT_TRUE(MariadbPosition::Parse("")->empty());
  EXPECT_TRUE(position.Has({0, 1, 270}));
  EXPECT_TRUE(position.Has({0, 9, 269}));
  EXPECT_FALSE(position.Has({0, 1, 271}));
  EXPECT_FALSE(position.Has({2, 1, 1}));
  position.Set({0, 7, 271});
  position.Set({2, 1, 1});
  EXPECT_EQ(position.ToText(), "0-7-271,1-2-5,2-1-1");
  EXPECT_EQ(position.Of(1), (MariadbGtid{1, 2, 5}));
  EXPECT_FALSE(position.Of(3));
}

TEST(MariadbPositions, OfOtherFormsAreRefusedWithTheirPart) {
  for (const auto& [text, part] :
       std::vector<std::pair<std::string, std::string>>{{"0-1", "\"0-1\" in it"},
                                                        {"0-1-2-3", "\"0-1-2-3\""},
                                                        {"0-1-", "\"0-1-\""},
                                                        {"0-1-x", "\"0-1-x\""},
                                                        {"0-1-1,", "\"\" in it"},
                                                        {"-1-1-1", "\"-1-1-1\""},
                                                        {"4294967296-1-1", "4294967296"},
                                                        {"0-1-18446744073709551616", "18446744073709551616"},
                                                        {"0-1-1,0-2-2", "domain 0 is in it twice"}}) {
    const auto position = MariadbPosition::Parse(text);
    ASSERT_FALSE(position.ok()) << text;
    EXPECT_NE(position.error().what.find(part), std::string::npos) << position.error().what;
  }
}

TEST(Missing, S4_5_WhatTheServerHasAndWasNotRead) {
  const auto missing = [](const std::string& server, const std::string& read) {
    return MissingGtids({{}, Set(server), {}}, {{}, Set(read), {}});
  };
  EXPECT_EQ(missing("A:1-9,B:1-3", "A:1-9,B:1-3"), "");
  EXPECT_EQ(missing("A:1-9,B:1-3", "A:1-7"), std::string(kA) + ":8-9," + std::string(kB) + ":1-3");
  EXPECT_EQ(missing("A:1-7", "A:1-9"), "") << "the answer of the server may be older";
  const auto domains = [](const std::string& server, const std::string& read) {
    return MissingGtids({{}, {}, *MariadbPosition::Parse(server)}, {{}, {}, *MariadbPosition::Parse(read)});
  };
  EXPECT_EQ(domains("0-1-270,1-2-5", "0-1-270,1-2-5"), "");
  EXPECT_EQ(domains("0-1-271,1-2-5,7-1-1", "0-3-270,1-2-6"), "0-1-271,7-1-1");
  EXPECT_EQ(domains("", ""), "");
}

}  // namespace
}  // namespace headgate::mysql
