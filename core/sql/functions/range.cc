#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/over_datums.h"
#include "core/sql/range_value.h"

// Functions and operators of ranges.
namespace headgate::sql {
namespace {

using Arguments = std::span<const Datum>;

RangeValue RangeArgument(const CallSite& site, Arguments arguments, std::size_t at) {
  return ReadRange(site.arguments[at].id, arguments[at].s);
}

// int4range(low, high) and int4range(low, high, '[]'); NULL is no bound.
Datum MakeRange(EvalContext& context, const CallSite& site, Arguments arguments) {
  std::string_view flags = "[)";
  if (arguments.size() > 2) {
    if (arguments[2].null) {
      context.Fail("22000", "range constructor flags argument must not be null");
      return Datum::Null();
    }
    flags = arguments[2].s;
  }
  if (flags.size() != 2 || (flags[0] != '[' && flags[0] != '(') || (flags[1] != ']' && flags[1] != ')')) {
    context.Fail("42601", "invalid range bound flags");
    return Datum::Null();
  }
  RangeValue range;
  range.low = {arguments[0].null, flags[0] == '[', arguments[0]};
  range.high = {arguments[1].null, flags[1] == ']', arguments[1]};
  return MakeRange(site.result.id, std::move(range), context);
}

Datum IsEmpty(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(RangeArgument(site, arguments, 0).empty);
}
Datum RangeLower(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = RangeArgument(site, arguments, 0);
  return range.empty || range.low.infinite ? Datum::Null() : range.low.value;
}
Datum RangeUpper(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = RangeArgument(site, arguments, 0);
  return range.empty || range.high.infinite ? Datum::Null() : range.high.value;
}
Datum LowerInclusive(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = RangeArgument(site, arguments, 0);
  return Datum::Of(!range.empty && range.low.inclusive);
}
Datum UpperInclusive(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = RangeArgument(site, arguments, 0);
  return Datum::Of(!range.empty && range.high.inclusive);
}
Datum LowerInfinite(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = RangeArgument(site, arguments, 0);
  return Datum::Of(!range.empty && range.low.infinite);
}
Datum UpperInfinite(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = RangeArgument(site, arguments, 0);
  return Datum::Of(!range.empty && range.high.infinite);
}

Datum ContainsRange(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(
      RangeContains(site.arguments[0].id, RangeArgument(site, arguments, 0), RangeArgument(site, arguments, 1)));
}
Datum ContainedRange(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(
      RangeContains(site.arguments[0].id, RangeArgument(site, arguments, 1), RangeArgument(site, arguments, 0)));
}
Datum ContainsElement(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(RangeContains(site.arguments[0].id, RangeArgument(site, arguments, 0), arguments[1]));
}
Datum ContainedElement(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(RangeContains(site.arguments[1].id, RangeArgument(site, arguments, 1), arguments[0]));
}
Datum RangesOverlap(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(
      RangesOverlap(site.arguments[0].id, RangeArgument(site, arguments, 0), RangeArgument(site, arguments, 1)));
}
Datum RangeIsBefore(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(
      RangeBefore(site.arguments[0].id, RangeArgument(site, arguments, 0), RangeArgument(site, arguments, 1)));
}
Datum RangeIsAfter(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(
      RangeBefore(site.arguments[0].id, RangeArgument(site, arguments, 1), RangeArgument(site, arguments, 0)));
}

}  // namespace

std::span<const Function> RangeFunctions() {
  static const std::vector<Function> table = [] {
    std::vector<Function> all = {
        {"isempty", {kAnyRange}, kBool, kOverDatums<IsEmpty>},
        {"lower", {kAnyRange}, kAnyElement, kOverDatums<RangeLower>},
        {"upper", {kAnyRange}, kAnyElement, kOverDatums<RangeUpper>},
        {"lower_inc", {kAnyRange}, kBool, kOverDatums<LowerInclusive>},
        {"upper_inc", {kAnyRange}, kBool, kOverDatums<UpperInclusive>},
        {"lower_inf", {kAnyRange}, kBool, kOverDatums<LowerInfinite>},
        {"upper_inf", {kAnyRange}, kBool, kOverDatums<UpperInfinite>},
        {"@>", {kAnyRange, kAnyRange}, kBool, kOverDatums<ContainsRange>},
        {"@>", {kAnyRange, kAnyElement}, kBool, kOverDatums<ContainsElement>},
        {"<@", {kAnyRange, kAnyRange}, kBool, kOverDatums<ContainedRange>},
        {"<@", {kAnyElement, kAnyRange}, kBool, kOverDatums<ContainedElement>},
        {"&&", {kAnyRange, kAnyRange}, kBool, kOverDatums<RangesOverlap>},
        {"<<", {kAnyRange, kAnyRange}, kBool, kOverDatums<RangeIsBefore>},
        {">>", {kAnyRange, kAnyRange}, kBool, kOverDatums<RangeIsAfter>},
    };
    for (const auto& [name, type] :
         {std::pair{"int4range", TypeId::kInt4Range}, std::pair{"int8range", TypeId::kInt8Range},
          std::pair{"numrange", TypeId::kNumRange}, std::pair{"daterange", TypeId::kDateRange},
          std::pair{"tsrange", TypeId::kTsRange}, std::pair{"tstzrange", TypeId::kTsTzRange}}) {
      const TypeId element = RangeElement(type);
      all.push_back({name, {element, element}, type, kOverNulls<MakeRange>});
      all.push_back({name, {element, element, kText}, type, kOverNulls<MakeRange>});
    }
    return all;
  }();
  return table;
}

}  // namespace headgate::sql
