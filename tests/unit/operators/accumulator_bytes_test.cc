#include "core/operators/accumulator_bytes.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/operators/sample_views.h"

namespace headgate::test {
namespace {

using operators::Accumulator;
using operators::Aggregation;
using operators::ArgumentRow;

void Find(const sql::Plan& plan, std::vector<std::unique_ptr<Aggregation>>& found) {
  for (const sql::AggregateCall& call : plan.aggregates) found.push_back(std::make_unique<Aggregation>(call, true));
  for (const sql::PlanPtr& input : plan.inputs) Find(*input, found);
}

// The aggregates of all sample queries.
std::vector<std::unique_ptr<Aggregation>> AllSamples() {
  const SampleRelations relations;
  std::vector<std::unique_ptr<Aggregation>> found;
  for (const std::string& query : SampleQueries()) Find(*relations.Plan(query), found);
  return found;
}

// Those that have accumulators.
std::vector<std::unique_ptr<Aggregation>> Samples() {
  auto samples = AllSamples();
  std::erase_if(samples, [](const auto& of) { return of->ordered(); });
  return samples;
}

ArgumentRow RandomRow(const Aggregation& of, std::mt19937& random) {
  ArgumentRow row;
  for (const sql::Type type : of.types()) row.push_back(RandomValue(type, true, random));
  return row;
}

std::unique_ptr<Accumulator> Filled(const Aggregation& of, std::mt19937& random, int rows) {
  auto accumulator = of.Make();
  for (int i = 0; i < rows; ++i) accumulator->Add(RandomRow(of, random), 1 + i % 3);
  return accumulator;
}

std::string Bytes(const Accumulator& accumulator) {
  std::string bytes;
  accumulator.Encode(bytes);
  return bytes;
}

std::string Text(const Aggregation& of, const Accumulator& accumulator) {
  const operators::AggregateResult result = accumulator.Result();
  if (!result.code.empty()) return result.code + result.message;
  return result.value.null ? "NULL" : sql::ToText(of.call().result, result.value, "UTC");
}

TEST(AccumulatorBytes, EveryKindOfAggregateIsAmongTheSamples) {
  std::set<sql::AggregateKind> kinds;
  for (const auto& of : AllSamples()) kinds.insert(of->call().kind);
  EXPECT_EQ(kinds.size(), static_cast<std::size_t>(sql::AggregateKind::kSingle) + 1);
}

TEST(AccumulatorBytes, WhatComesBackGoesOnAsBefore) {
  std::mt19937 random(1);
  for (const auto& of : Samples()) {
    for (const int rows : {0, 1, 30}) {
      const auto before = Filled(*of, random, rows);
      const auto after = of->Make();
      ASSERT_TRUE(after->Decode(Bytes(*before)));
      EXPECT_EQ(Bytes(*after), Bytes(*before));
      EXPECT_EQ(Text(*of, *after), Text(*of, *before));
      const ArgumentRow more = RandomRow(*of, random);
      before->Add(more, 2);
      after->Add(more, 2);
      EXPECT_EQ(Bytes(*after), Bytes(*before));
    }
  }
}

TEST(AccumulatorBytes, BytesThatMakeNoSenseAreRefusedOrHaveSomeResult) {
  std::mt19937 random(2);
  for (const auto& of : Samples()) {
    const std::string bytes = Bytes(*Filled(*of, random, 12));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto cut = of->Make();
      if (cut->Decode(bytes.substr(0, size))) Text(*of, *cut);
      std::string bad = bytes;
      bad[size] = static_cast<char>(random());
      const auto changed = of->Make();
      if (changed->Decode(bad)) Text(*of, *changed);
    }
    EXPECT_FALSE(of->Make()->Decode(""));
    EXPECT_FALSE(of->Make()->Decode(bytes + 'x'));
    EXPECT_FALSE(of->Make()->Decode(std::string(40, '\xFF')));
  }
}

TEST(AccumulatorBytes, IntegersOf128BitsComeBack) {
  const sql::Int128 one = 1;
  for (const sql::Int128 v : {one - 1, one, -one, one << 62, -(one << 63), (one << 126) + 5, -(one << 126) - 7,
                              ~(one << 126) + (one << 126), static_cast<sql::Int128>(sql::Uint128{1} << 127)}) {
    std::string bytes;
    operators::PutInt128(bytes, v);
    ByteReader in(bytes);
    EXPECT_TRUE(operators::ReadInt128(in) == v);
    EXPECT_TRUE(in.done() && !in.failed());
  }
}

}  // namespace
}  // namespace headgate::test
