#include "core/sql/functions/tables.h"
#include "core/sql/over_datums.h"
#include "core/sql/range_value.h"

// Functions and operators of ranges.
namespace headgate::sql {
namespace {

using Arguments = std::span<const Datum>;

RangeValue Read(const CallSite& site, Arguments arguments, std::size_t at) {
  return ReadRange(site.arguments[at].id, arguments[at].s);
}

// int4range(low, high) and int4range(low, high, '[]'); NULL is no bound.
Datum Make(EvalContext& context, const CallSite& site, Arguments arguments) {
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
  return Datum::Of(Read(site, arguments, 0).empty);
}
Datum Lower(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = Read(site, arguments, 0);
  return range.empty || range.low.infinite ? Datum::Null() : range.low.value;
}
Datum Upper(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = Read(site, arguments, 0);
  return range.empty || range.high.infinite ? Datum::Null() : range.high.value;
}
Datum LowerInclusive(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = Read(site, arguments, 0);
  return Datum::Of(!range.empty && range.low.inclusive);
}
Datum UpperInclusive(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = Read(site, arguments, 0);
  return Datum::Of(!range.empty && range.high.inclusive);
}
Datum LowerInfinite(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = Read(site, arguments, 0);
  return Datum::Of(!range.empty && range.low.infinite);
}
Datum UpperInfinite(EvalContext&, const CallSite& site, Arguments arguments) {
  const RangeValue range = Read(site, arguments, 0);
  return Datum::Of(!range.empty && range.high.infinite);
}

Datum ContainsRange(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(RangeContains(site.arguments[0].id, Read(site, arguments, 0), Read(site, arguments, 1)));
}
Datum ContainedRange(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(RangeContains(site.arguments[0].id, Read(site, arguments, 1), Read(site, arguments, 0)));
}
Datum ContainsElement(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(RangeContains(site.arguments[0].id, Read(site, arguments, 0), arguments[1]));
}
Datum ContainedElement(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(RangeContains(site.arguments[1].id, Read(site, arguments, 1), arguments[0]));
}
Datum Overlaps(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(RangesOverlap(site.arguments[0].id, Read(site, arguments, 0), Read(site, arguments, 1)));
}
Datum Before(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(RangeBefore(site.arguments[0].id, Read(site, arguments, 0), Read(site, arguments, 1)));
}
Datum After(EvalContext&, const CallSite& site, Arguments arguments) {
  return Datum::Of(RangeBefore(site.arguments[0].id, Read(site, arguments, 1), Read(site, arguments, 0)));
}

constexpr TypeId kRange = TypeId::kAnyRange;
constexpr TypeId kElement = TypeId::kAnyElement;
constexpr TypeId kBool = TypeId::kBool;

}  // namespace

std::span<const Function> RangeFunctions() {
  static const std::vector<Function> table = [] {
    std::vector<Function> all = {
        {"isempty", {kRange}, kBool, kOverDatums<IsEmpty>},
        {"lower", {kRange}, kElement, kOverDatums<Lower>},
        {"upper", {kRange}, kElement, kOverDatums<Upper>},
        {"lower_inc", {kRange}, kBool, kOverDatums<LowerInclusive>},
        {"upper_inc", {kRange}, kBool, kOverDatums<UpperInclusive>},
        {"lower_inf", {kRange}, kBool, kOverDatums<LowerInfinite>},
        {"upper_inf", {kRange}, kBool, kOverDatums<UpperInfinite>},
        {"@>", {kRange, kRange}, kBool, kOverDatums<ContainsRange>},
        {"@>", {kRange, kElement}, kBool, kOverDatums<ContainsElement>},
        {"<@", {kRange, kRange}, kBool, kOverDatums<ContainedRange>},
        {"<@", {kElement, kRange}, kBool, kOverDatums<ContainedElement>},
        {"&&", {kRange, kRange}, kBool, kOverDatums<Overlaps>},
        {"<<", {kRange, kRange}, kBool, kOverDatums<Before>},
        {">>", {kRange, kRange}, kBool, kOverDatums<After>},
    };
    for (const auto& [name, type] :
         {std::pair{"int4range", TypeId::kInt4Range}, std::pair{"int8range", TypeId::kInt8Range},
          std::pair{"numrange", TypeId::kNumRange}, std::pair{"daterange", TypeId::kDateRange},
          std::pair{"tsrange", TypeId::kTsRange}, std::pair{"tstzrange", TypeId::kTsTzRange}}) {
      const TypeId element = RangeElement(type);
      all.push_back({name, {element, element}, type, kOverNulls<Make>});
      all.push_back({name, {element, element, TypeId::kText}, type, kOverNulls<Make>});
    }
    return all;
  }();
  return table;
}

}  // namespace headgate::sql
