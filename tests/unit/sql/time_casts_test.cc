#include <gtest/gtest.h>

#include "core/sql/cast.h"

namespace headgate::sql {
namespace {

std::string Convert(Type from, Type to, std::string_view text, const char* zone) {
  EvalContext context;
  context.zone = zone;
  const Cast* cast = FindCast(from, to);
  if (cast == nullptr || cast->kernel == nullptr) return "no cast";
  const Vector value = Vector::Constant(from, FromText(from, text, context));
  const std::vector<const Vector*> arguments = {&value};
  const Type types[] = {from};
  Vector out(PhysicalOf(to), 1);
  cast->kernel(context, CallSite{types, to}, arguments, Rows(1), out);
  if (context.failed()) return "!" + context.errors()[0].code + " " + context.errors()[0].message;
  return out.IsNull(0) ? "NULL" : ToText(to, out.At(0), zone);
}

constexpr TypeId kD = TypeId::kDate, kT = TypeId::kTime, kTz = TypeId::kTimeTz, kS = TypeId::kTimestamp,
                 kStz = TypeId::kTimestampTz, kIv = TypeId::kInterval;

TEST(TimeCasts, AnswersAreThoseOfPostgresql) {
  EXPECT_EQ(Convert(kD, kS, "2024-02-29", "UTC"), "2024-02-29 00:00:00");
  EXPECT_EQ(Convert(kD, kS, "294277-01-01", "UTC"), "!22008 date out of range for timestamp");
  EXPECT_EQ(Convert(kD, kS, "infinity", "UTC"), "infinity");
  EXPECT_EQ(Convert(kD, kStz, "2024-07-01", "Europe/Berlin"), "2024-07-01 00:00:00+02");
  EXPECT_EQ(Convert(kD, kStz, "4714-11-24 BC", "Europe/Berlin"), "!22008 date out of range for timestamp");
  EXPECT_EQ(Convert(kT, kIv, "12:34:56.7", "UTC"), "12:34:56.7");
  EXPECT_EQ(Convert(kT, kTz, "12:34", "-3:30"), "12:34:00+03:30");
  EXPECT_EQ(Convert(kS, kD, "0044-03-15 23:59:59.9 BC", "UTC"), "0044-03-15 BC");
  EXPECT_EQ(Convert(kS, kD, "-infinity", "UTC"), "-infinity");
  EXPECT_EQ(Convert(kS, kT, "1999-12-31 23:59:59.999999", "UTC"), "23:59:59.999999");
  EXPECT_EQ(Convert(kS, kT, "infinity", "UTC"), "NULL");
  EXPECT_EQ(Convert(kS, kStz, "2024-03-10 02:30", "America/New_York"), "2024-03-10 03:30:00-04");
  EXPECT_EQ(Convert(kS, kStz, "2024-11-03 01:30", "America/New_York"), "2024-11-03 01:30:00-05");
  EXPECT_EQ(Convert(kS, kStz, "294276-12-31 23:59:59", "America/New_York"), "!22008 timestamp out of range");
  EXPECT_EQ(Convert(kStz, kD, "2024-07-01 23:30Z", "Europe/Berlin"), "2024-07-02");
  EXPECT_EQ(Convert(kStz, kT, "2024-07-01 23:30Z", "Europe/Berlin"), "01:30:00");
  EXPECT_EQ(Convert(kStz, kS, "2024-07-01 23:30Z", "Asia/Kolkata"), "2024-07-02 05:00:00");
  EXPECT_EQ(Convert(kStz, kS, "infinity", "Asia/Kolkata"), "infinity");
  EXPECT_EQ(Convert(kStz, kTz, "2024-07-01 23:30Z", "Europe/Berlin"), "01:30:00+02");
  EXPECT_EQ(Convert(kStz, kTz, "infinity", "Europe/Berlin"), "NULL");
  EXPECT_EQ(Convert(kIv, kT, "3 days 25:00:01", "UTC"), "01:00:01");
  EXPECT_EQ(Convert(kIv, kT, "-00:00:01", "UTC"), "23:59:59");
  EXPECT_EQ(Convert(kTz, kT, "12:00+05:30", "UTC"), "12:00:00");
}

TEST(TimeCasts, ContextsAreThoseOfPgCast) {
  EXPECT_EQ(FindCast(kD, kStz)->context, CastContext::kImplicit);
  EXPECT_EQ(FindCast(kD, kStz)->volatility, Volatility::kStable);
  EXPECT_EQ(FindCast(kD, kS)->volatility, Volatility::kImmutable);
  EXPECT_EQ(FindCast(kStz, kD)->context, CastContext::kAssignment);
  EXPECT_EQ(FindCast(kT, kIv)->context, CastContext::kImplicit);
  EXPECT_EQ(FindCast(kIv, kT)->context, CastContext::kAssignment);
  EXPECT_EQ(FindCast(kD, kT), nullptr);
  EXPECT_EQ(FindCast(kIv, kS), nullptr);
}

TEST(TimeCasts, ATimeTakesTheOffsetOfTodayWhereTodayIsKnown) {
  EXPECT_EQ(Convert(kT, kTz, "12:00", "Europe/Berlin").substr(0, 6), "!0A000");
}

}  // namespace
}  // namespace headgate::sql
