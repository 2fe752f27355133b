#include "core/sql/text_forms.h"

// Types whose texts are taken as they come, unchecked, until they have readers of their own.
namespace headgate::sql {

Datum NetworkFromText(Type, std::string_view text, EvalContext&) { return Datum::Of(std::string(text)); }
Datum RangeFromText(Type, std::string_view text, EvalContext&) { return Datum::Of(std::string(text)); }

}  // namespace headgate::sql
