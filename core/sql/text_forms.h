#pragma once

#include <string>
#include <string_view>

#include "core/sql/datum.h"
#include "core/sql/eval_context.h"
#include "core/sql/type.h"

// The texts of the types that have more to say than a file can hold; text_io.cc calls these. `type` is no array. The
// readers apply the type's modifier as an explicit cast does; on failure the context has the error.
namespace headgate::sql {

// date, time, timetz, timestamp, timestamptz, interval.
void AppendTimeText(std::string& out, Type type, const Datum& value, std::string_view zone);
Datum TimeFromText(Type type, std::string_view text, EvalContext& context);

Datum JsonFromText(Type type, std::string_view text, EvalContext& context);     // json, jsonb, jsonpath
Datum NetworkFromText(Type type, std::string_view text, EvalContext& context);  // inet, cidr
Datum RangeFromText(Type type, std::string_view text, EvalContext& context);

// PostgreSQL's array literal: {1,NULL,"a b"}, [2:3]={{1},{2}} (array_text.cc).
void AppendArrayText(std::string& out, Type type, const Datum& value, std::string_view zone);
Datum ArrayFromText(Type type, std::string_view text, EvalContext& context);

// The shortest digits that read back as the same value, in the form of float8out and float4out (float_text.cc).
void AppendDouble(std::string& out, double value);
void AppendFloat(std::string& out, float value);
Datum DoubleFromText(std::string_view text, EvalContext& context);
Datum FloatFromText(std::string_view text, EvalContext& context);

// 22P02: invalid input syntax for type integer: "abc".
Datum InvalidSyntax(Type type, std::string_view text, EvalContext& context);

}  // namespace headgate::sql
