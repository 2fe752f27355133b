#pragma once

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

#include "core/sql/text_forms.h"

// Texts in and what PostgreSQL 15 printed for them, or '!' and its SQLSTATE.
namespace headgate::sql {

struct TextAnswer {
  std::string_view text;
  std::string_view result;
};

inline std::string ReadTime(Type type, EvalContext& context, std::string_view text) {
  const Datum value = TimeFromText(type, text, context);
  if (context.failed()) return "!" + context.errors().back().code;
  std::string out;
  AppendTimeText(out, type, value, context.zone);
  return out;
}

inline void ExpectTexts(Type type, const char* zone, std::span<const TextAnswer> answers) {
  for (const TextAnswer& answer : answers) {
    EvalContext context;
    context.zone = zone;
    context.has_now = true;  // for times without a zone
    context.now_us = 773'624'096'789'000;
    EXPECT_EQ(ReadTime(type, context, answer.text), answer.result) << Name(type) << " '" << answer.text << "'";
  }
}

// What was printed is read as the value that it was printed of.
inline void ExpectResultsReadBack(Type type, const char* zone, std::span<const TextAnswer> answers) {
  for (const TextAnswer& answer : answers) {
    if (answer.result[0] == '!' || answer.result == "-2562047788:00:54.775808") continue;  // beyond its own digits
    EvalContext context;
    context.zone = zone;
    EXPECT_EQ(ReadTime(type, context, answer.result), answer.result);
  }
}

inline std::string MessageOf(TypeId type, std::string_view text) {
  EvalContext context;
  TimeFromText(type, text, context);
  return context.failed() ? context.errors()[0].message : "";
}

}  // namespace headgate::sql
