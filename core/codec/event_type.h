#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/change.h"

// The type of an event, as webhooks and CloudEvents name it: orders.created. Pure.
namespace headgate::codec {

// One piece of a type_template: literal text, or a placeholder such as <table>.
struct TypePiece {
  enum class Kind : std::uint8_t { kLiteral, kSource, kSchema, kTable, kOp, kVerb };
  Kind kind = Kind::kLiteral;
  std::string text;
};

// Literal text with <source>, <schema>, <table>, <op> and <verb> in it. The error (kConfig) goes behind the name of the
// setting.
Result<std::vector<TypePiece>> ParseTypeTemplate(std::string_view text);

// What the template makes of an event. Characters outside [a-zA-Z0-9_] become _ each; parts without text are left out
// with their dot.
std::string TypeOf(const std::vector<TypePiece>& pieces, std::string_view source, std::string_view schema,
                   std::string_view table, Op op);

}  // namespace headgate::codec
