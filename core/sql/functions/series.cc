#include <string>

#include "core/sql/array_value.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/numeric.h"
#include "core/sql/over_datums.h"
#include "core/sql/time_value.h"

// generate_series and generate_subscripts: sets, made as arrays.
namespace headgate::sql {
namespace {

using I = std::int64_t;
using Arguments = std::span<const Datum>;

constexpr std::size_t kRowsMax = 10'000'000;  // they stand in memory at once

Datum Zero(EvalContext& context) { return Refused(context, "22023", "step size cannot equal zero"); }

// Takes the values of a series; false once there are too many.
class Series {
 public:
  explicit Series(EvalContext& context) : context_(context) {}
  bool Add(Datum value) {
    if (values_.size() == kRowsMax) {
      context_.Fail("54000", "a series has at most " + std::to_string(kRowsMax) + " rows");
      return false;
    }
    values_.push_back(std::move(value));
    return true;
  }
  Datum Array(Type type) { return Datum::Of(ArrayValue::OneDimension(std::move(values_)).Payload(type)); }

 private:
  EvalContext& context_;
  std::vector<Datum> values_;
};

Datum Integers(EvalContext& context, const CallSite& site, Arguments arguments) {
  const I step = arguments.size() > 2 ? arguments[2].i : 1;
  if (step == 0) return Zero(context);
  Series series(context);
  I next = arguments[0].i;
  const I last = arguments[1].i;
  while (step > 0 ? next <= last : next >= last) {
    if (!series.Add(Datum::Of(next)) || __builtin_add_overflow(next, step, &next)) break;
  }
  return series.Array(site.result.Element());
}

bool IsNumber(EvalContext& context, const Datum& value, const std::string& what) {
  const Numeric number = Numeric::Decode(value.s);
  if (number.finite()) return true;
  context.Fail("22023", what + (number.nan() ? " cannot be NaN" : " cannot be infinity"));
  return false;
}

Datum Numerics(EvalContext& context, const CallSite& site, Arguments arguments) {
  if (!IsNumber(context, arguments[0], "start value") || !IsNumber(context, arguments[1], "stop value") ||
      (arguments.size() > 2 && !IsNumber(context, arguments[2], "step size")))
    return Datum::Null();
  const Numeric step = arguments.size() > 2 ? Numeric::Decode(arguments[2].s) : Numeric(1);
  if (step.zero()) return Zero(context);
  Series series(context);
  Numeric next = Numeric::Decode(arguments[0].s);
  const Numeric last = Numeric::Decode(arguments[1].s);
  while (step.negative() ? next >= last : next <= last) {
    if (!series.Add(Datum::Of(next.Encode()))) break;
    auto sum = Add(next, step);
    if (!sum) return Refused(context, "22003", "value overflows numeric format");
    next = *std::move(sum);
  }
  return series.Array(site.result.Element());
}

template <bool kZoned>
Datum Times(EvalContext& context, const CallSite& site, Arguments arguments) {
  const Wide step = arguments[2].w;
  const auto sign = CompareIntervals(step, Wide{});
  if (sign == 0) return Zero(context);
  Series series(context);
  I next = arguments[0].i;
  const I last = arguments[1].i;
  const TimeZone& zone = SessionZone(context.zone);
  while (sign > 0 ? next <= last : next >= last) {
    if (!series.Add(Datum::Of(next))) break;
    const auto sum = kZoned ? AddInterval(zone, next, step) : AddInterval(next, step);
    if (!sum) return Refused(context, "22008", "timestamp out of range");
    next = *sum;
  }
  return series.Array(site.result.Element());
}

Datum Subscripts(EvalContext& context, const CallSite& site, Arguments arguments) {
  const ArrayValue array = ArrayValue::Read(arguments[0].s, site.arguments[0].Element());
  const I number = arguments[1].i;
  Series series(context);
  if (number >= 1 && number <= static_cast<I>(array.dimensions.size())) {
    const ArrayDimension& d = array.dimensions[static_cast<std::size_t>(number - 1)];
    const bool down = arguments.size() > 2 && arguments[2].b;
    for (I i = 0; i < d.length; ++i) series.Add(Datum::Of(d.lower_bound + (down ? d.length - 1 - i : i)));
  }
  return series.Array(TypeId::kInt4);
}

const Function kSeriesFunctions[] = {
    {"generate_series", {kI4, kI4}, kI4, kOverDatums<Integers>, false, kImmutable, true},
    {"generate_series", {kI4, kI4, kI4}, kI4, kOverDatums<Integers>, false, kImmutable, true},
    {"generate_series", {kI8, kI8}, kI8, kOverDatums<Integers>, false, kImmutable, true},
    {"generate_series", {kI8, kI8, kI8}, kI8, kOverDatums<Integers>, false, kImmutable, true},
    {"generate_series", {kNum, kNum}, kNum, kOverDatums<Numerics>, false, kImmutable, true},
    {"generate_series", {kNum, kNum, kNum}, kNum, kOverDatums<Numerics>, false, kImmutable, true},
    {"generate_series", {kTs, kTs, kInterval}, kTs, kOverDatums<Times<false>>, false, kImmutable, true},
    {"generate_series", {kTsTz, kTsTz, kInterval}, kTsTz, kOverDatums<Times<true>>, false, kStable, true},
    {"generate_subscripts", {kAnyArray, kI4}, kI4, kOverDatums<Subscripts>, false, kImmutable, true},
    {"generate_subscripts", {kAnyArray, kI4, kBool}, kI4, kOverDatums<Subscripts>, false, kImmutable, true},
};

}  // namespace

std::span<const Function> SeriesFunctions() { return kSeriesFunctions; }

}  // namespace headgate::sql
