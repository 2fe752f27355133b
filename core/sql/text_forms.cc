#include "core/sql/text_forms.h"

// Types whose texts are taken as they come, unchecked, until they have readers of their own.
namespace headgate::sql {

void AppendTimeText(std::string& out, Type, const Datum&, std::string_view) { out += "?"; }
Datum TimeFromText(Type type, std::string_view, EvalContext& context) {
  context.Fail("0A000", "no reader of type " + Name(type) + " yet");
  return Datum::Null();
}

Datum JsonFromText(Type, std::string_view text, EvalContext&) { return Datum::Of(std::string(text)); }
Datum NetworkFromText(Type, std::string_view text, EvalContext&) { return Datum::Of(std::string(text)); }
Datum RangeFromText(Type, std::string_view text, EvalContext&) { return Datum::Of(std::string(text)); }

}  // namespace headgate::sql
