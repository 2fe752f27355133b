#include <cmath>

#include "core/sql/functions/angles.h"
#include "core/sql/functions/table_words.h"
#include "core/sql/functions/tables.h"
#include "core/sql/lift.h"

// Trigonometry in degrees. Each value is divided by the computed value of an angle whose result is known, so that the
// known ones come out exact (sind(30) is 0.5) whatever the library's last bit is; after PostgreSQL.
namespace headgate::sql {
namespace {

using F = double;

F SineTo30(F degrees) {
  static const F sine_of_30 = std::sin(30 * kRadiansPerDegree);
  return std::sin(degrees * kRadiansPerDegree) / sine_of_30 / 2;
}
F CosineTo60(F degrees) {
  static const F versine_of_60 = 1 - std::cos(60 * kRadiansPerDegree);
  return 1 - (1 - std::cos(degrees * kRadiansPerDegree)) / versine_of_60 / 2;
}
F SineTo90(F degrees) { return degrees <= 30 ? SineTo30(degrees) : CosineTo60(90 - degrees); }
F CosineTo90(F degrees) { return degrees <= 60 ? CosineTo60(degrees) : SineTo30(90 - degrees); }

// An angle in the first quadrant, and the signs that sine and cosine have where it came from.
struct Angle {
  F degrees;
  F sine_sign = 1;
  F cosine_sign = 1;
};
Angle Reduce(F degrees) {
  Angle out{std::fmod(degrees, 360)};
  if (out.degrees < 0) {
    out.degrees = -out.degrees;
    out.sine_sign = -1;
  }
  if (out.degrees > 180) {
    out.degrees = 360 - out.degrees;
    out.sine_sign = -out.sine_sign;
  }
  if (out.degrees > 90) {
    out.degrees = 180 - out.degrees;
    out.cosine_sign = -1;
  }
  return out;
}

F SineOfDegrees(EvalContext& context, F degrees) {
  if (std::isinf(degrees)) return OutOfDomain(context);
  const Angle angle = Reduce(degrees);
  return angle.sine_sign * SineTo90(angle.degrees);
}
F CosineOfDegrees(EvalContext& context, F degrees) {
  if (std::isinf(degrees)) return OutOfDomain(context);
  const Angle angle = Reduce(degrees);
  return angle.cosine_sign * CosineTo90(angle.degrees);
}
F TangentOfDegrees(EvalContext& context, F degrees) {
  if (std::isinf(degrees)) return OutOfDomain(context);
  static const F tangent_of_45 = SineTo90(45) / CosineTo90(45);
  const Angle angle = Reduce(degrees);
  const F tangent = SineTo90(angle.degrees) / CosineTo90(angle.degrees) / tangent_of_45;
  const F result = angle.sine_sign * angle.cosine_sign * tangent;
  return result == 0 ? 0 : result;  // no negative zero
}
F CotangentOfDegrees(EvalContext& context, F degrees) {
  if (std::isinf(degrees)) return OutOfDomain(context);
  static const F cotangent_of_45 = CosineTo90(45) / SineTo90(45);
  const Angle angle = Reduce(degrees);
  const F cotangent = CosineTo90(angle.degrees) / SineTo90(angle.degrees) / cotangent_of_45;
  const F result = angle.sine_sign * angle.cosine_sign * cotangent;
  return result == 0 ? 0 : result;
}

F ArcSineShare(F ratio) {  // of 30 degrees
  static const F of_half = std::asin(0.5);
  return std::asin(ratio) / of_half * 30;
}
F ArcCosineShare(F ratio) {  // of 60 degrees
  static const F of_half = std::acos(0.5);
  return std::acos(ratio) / of_half * 60;
}
F ArcSineOfPositive(F ratio) { return ratio <= 0.5 ? ArcSineShare(ratio) : 90 - ArcCosineShare(ratio); }
F ArcCosineOfPositive(F ratio) { return ratio <= 0.5 ? 90 - ArcSineShare(ratio) : ArcCosineShare(ratio); }

F ArcSineInDegrees(EvalContext& context, F ratio) {
  if (std::isnan(ratio)) return ratio;
  if (std::fabs(ratio) > 1) return OutOfDomain(context);
  return ratio >= 0 ? ArcSineOfPositive(ratio) : -ArcSineOfPositive(-ratio);
}
F ArcCosineInDegrees(EvalContext& context, F ratio) {
  if (std::isnan(ratio)) return ratio;
  if (std::fabs(ratio) > 1) return OutOfDomain(context);
  return ratio >= 0 ? ArcCosineOfPositive(ratio) : 90 + ArcSineOfPositive(-ratio);
}
F Share45(F radians) {
  static const F of_one = std::atan(1.0);
  return radians / of_one * 45;
}
F ArcTangentInDegrees(F ratio) { return Share45(std::atan(ratio)); }
F ArcTangent2InDegrees(F y, F x) { return Share45(std::atan2(y, x)); }

const Function kDegreeFunctions[] = {
    {"sind", {kF8}, kF8, kLift<SineOfDegrees>},        {"cosd", {kF8}, kF8, kLift<CosineOfDegrees>},
    {"tand", {kF8}, kF8, kLift<TangentOfDegrees>},     {"cotd", {kF8}, kF8, kLift<CotangentOfDegrees>},
    {"asind", {kF8}, kF8, kLift<ArcSineInDegrees>},    {"acosd", {kF8}, kF8, kLift<ArcCosineInDegrees>},
    {"atand", {kF8}, kF8, kLift<ArcTangentInDegrees>}, {"atan2d", {kF8, kF8}, kF8, kLift<ArcTangent2InDegrees>},
};

}  // namespace

std::span<const Function> DegreeFunctions() { return kDegreeFunctions; }

}  // namespace headgate::sql
