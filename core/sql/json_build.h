#pragma once

#include <string>
#include <string_view>

#include "core/sql/datum.h"
#include "core/sql/eval_context.h"
#include "core/sql/type.h"

namespace headgate::sql {

// The value of any type as JSON, as to_json and to_jsonb make it: numbers bare, dates and times in the form of ISO
// 8601, arrays as arrays, json and jsonb as they are, everything else as its text. NULL is null.
void AppendAsJson(std::string& out, Type type, const Datum& value, std::string_view zone);
void AppendAsJsonb(std::string& out, Type type, const Datum& value, EvalContext& context);

// The value as the key of an object, without quotes. False: the context has the error (arrays and JSON are no keys).
bool JsonKeyOf(std::string& key, Type type, const Datum& value, EvalContext& context);

}  // namespace headgate::sql
