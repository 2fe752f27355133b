#include "tests/unit/sql/function_answers.h"

namespace headgate::sql {
namespace {

constexpr Answer kOperators[] = {
    {"UTC", "*", "float8=NaN | interval=1 day", "!22008 interval out of range"},
    {"UTC", "*", "float8=-0.3 | interval=-45 days 25:00", "13 days 04:30:00"},
    {"UTC", "*", "float8=123456.789 | interval=1 mon", "10288 years 23 days 16:04:48"},
    {"UTC", "*", "float8=Infinity | interval=1 mon -1 us", "!22008 interval out of range"},
    {"UTC", "*", "interval=0.000001 s | float8=Infinity", "!22008 interval out of range"},
    {"UTC", "*", "interval=-178956970 years -8 mons | float8=123456.789", "!22008 interval out of range"},
    {"UTC", "*", "interval=1 year 2 mons 3 days 04:05:06.789 | float8=0.333333333", "4 mons 20 days 25:21:42.262909"},
    {"UTC", "*", "interval=-2147483648 days | float8=0", "00:00:00"},
    {"UTC", "+", "date=2024-01-31 | int4=-1", "2024-01-30"},
    {"UTC", "+", "date=2000-01-01 | int4=2147483647", "!22008 date out of range"},
    {"UTC", "+", "date=1000-12-31 | int4=2147483647", "!22008 date out of range"},
    {"UTC", "+", "date=infinity | int4=0", "infinity"},
    {"UTC", "+", "date=2019-12-31 | interval=-9223372036854775808 us", "!22008 timestamp out of range"},
    {"UTC", "+", "date=5874897-12-31 | interval=-45 days 25:00", "!22008 date out of range for timestamp"},
    {"UTC", "+", "date=2024-01-31 | interval=-1 mon", "2023-12-31 00:00:00"},
    {"UTC", "+", "date=0001-12-31 BC | interval=1 year 2 mons 3 days 04:05:06.789", "0002-03-03 04:05:06.789"},
    {"UTC", "+", "date=2001-01-01 | timetz=00:00+00", "2001-01-01 00:00:00+00"},
    {"UTC", "+", "date=2000-01-01 | timetz=23:59:59.999999-03:15:20", "2000-01-02 03:15:19.999999+00"},
    {"UTC", "+", "date=0001-01-01 | timetz=08:00+00", "0001-01-01 08:00:00+00"},
    {"UTC", "+", "date=1970-01-01 | timetz=12:34:56.789012+05:30", "1970-01-01 07:04:56.789012+00"},
    {"UTC", "+", "date=0001-01-01 | time=24:00", "0001-01-02 00:00:00"},
    {"UTC", "+", "date=2024-02-29 | time=12:34:56.789012", "2024-02-29 12:34:56.789012"},
    {"UTC", "+", "date=294277-01-01 | time=23:59:59.999999", "!22008 date out of range for timestamp"},
    {"UTC", "+", "date=0010-05-05 BC | time=01:02:03", "0010-05-05 01:02:03 BC"},
    {"UTC", "+", "int4=-1 | date=0100-12-31 BC", "0100-12-30 BC"},
    {"UTC", "+", "int4=0 | date=2019-12-31", "2019-12-31"},
    {"UTC", "+", "int4=-2147483648 | date=0011-05-05 BC", "!22008 date out of range"},
    {"UTC", "+", "int4=31 | date=0010-05-05 BC", "0010-06-05 BC"},
    {"UTC", "+", "interval=45 days -25:00 | date=1001-01-01", "1001-02-13 23:00:00"},
    {"UTC", "+", "interval=1 year 2 mons 3 days 04:05:06.789 | date=2024-02-29", "2025-05-02 04:05:06.789"},
    {"UTC", "+", "interval=1 mon | date=2019-12-31", "2020-01-31 00:00:00"},
    {"UTC", "+", "interval=1 day | date=1001-01-01", "1001-01-02 00:00:00"},
    {"UTC", "+", "interval=-13 mons 40 days -50:00:00.5 | interval=-45 days 25:00",
     "-1 years -1 mons -5 days -25:00:00.5"},
    {"UTC", "+", "interval=0 | interval=2147483647 days", "2147483647 days"},
    {"UTC", "+", "interval=36 hours | interval=-13 mons 40 days -50:00:00.5", "-1 years -1 mons +40 days -14:00:00.5"},
    {"UTC", "+", "interval=45 days -25:00 | interval=-1 mon", "-1 mons +45 days -25:00:00"},
    {"UTC", "+", "interval=999 years 11 mons | timetz=24:00-12", "00:00:00-12"},
    {"UTC", "+", "interval=1 year 2 mons 3 days 04:05:06.789 | timetz=00:00+00", "04:05:06.789+00"},
    {"UTC", "+", "interval=-9223372036854775808 us | timetz=23:59:59.999999-03:15:20", "19:59:05.224191-03:15:20"},
    {"UTC", "+", "interval=1 year 2 mons 3 days 04:05:06.789 | timetz=08:00+00", "12:05:06.789+00"},
    {"UTC", "+", "interval=-2147483648 days | time=01:02:03", "01:02:03"},
    {"UTC", "+", "interval=31 days -1 hour | time=00:00", "23:00:00"},
    {"UTC", "+", "interval=0.000001 s | time=12:34:56.789012", "12:34:56.789013"},
    {"UTC", "+", "interval=-9223372036854775808 us | time=01:02:03", "21:01:08.224192"},
    {"UTC", "+", "interval=-1 mon 29 days 24:00 | timestamptz=2020-12-31 10:00", "2020-12-30 10:00:00+00"},
    {"Europe/Berlin", "+", "interval=1 mon -1 us | timestamptz=0101-01-01+00 BC",
     "0101-02-01 00:53:27.999999+00:53:28 BC"},
    {"UTC", "+", "interval=1 day | timestamptz=2024-10-27 02:30", "2024-10-28 02:30:00+00"},
    {"America/New_York", "+", "interval=-1 mon 29 days 24:00 | timestamptz=1970-01-01", "1969-12-31 00:00:00-05"},
    {"UTC", "+", "interval=-1 year 2 mons -3 days 04:05:06.789 | timestamp=294276-12-31 23:59:59.999999",
     "294276-02-27 04:05:06.788999"},
    {"UTC", "+", "interval=999 years 11 mons | timestamp=2024-10-27 02:30", "3024-09-27 02:30:00"},
    {"UTC", "+", "interval=1 day | timestamp=1970-01-01", "1970-01-02 00:00:00"},
    {"UTC", "+", "interval=2147483647 days | timestamp=2020-12-31 10:00", "!22008 timestamp out of range"},
    {"UTC", "+", "timetz=01:02:03+14 | date=2019-12-31", "2019-12-30 11:02:03+00"},
    {"UTC", "+", "timetz=08:00+00 | date=0010-05-05 BC", "0010-05-05 08:00:00+00 BC"},
    {"UTC", "+", "timetz=10:00+02 | date=infinity", "infinity"},
    {"UTC", "+", "timetz=10:00+02 | date=1970-01-01", "1970-01-01 08:00:00+00"},
    {"UTC", "+", "timetz=08:00+00 | interval=-178956970 years -8 mons", "08:00:00+00"},
    {"UTC", "+", "timetz=01:02:03+14 | interval=1 day", "01:02:03+14"},
    {"UTC", "+", "timetz=10:00+02 | interval=45 days -25:00", "09:00:00+02"},
    {"UTC", "+", "timetz=00:00+00 | interval=30 days", "00:00:00+00"},
    {"UTC", "+", "time=23:59:59.999999 | date=2001-01-01", "2001-01-01 23:59:59.999999"},
    {"UTC", "+", "time=01:02:03 | date=2021-01-03", "2021-01-03 01:02:03"},
    {"UTC", "+", "time=00:00 | date=infinity", "infinity"},
    {"UTC", "+", "time=24:00 | date=2023-12-31", "2024-01-01 00:00:00"},
    {"UTC", "+", "time=01:02:03 | interval=1 year 2 mons 3 days 04:05:06.789", "05:07:09.789"},
    {"UTC", "+", "time=23:59:59.999999 | interval=2147483647 days", "23:59:59.999999"},
    {"UTC", "+", "time=24:00 | interval=0", "00:00:00"},
    {"UTC", "+", "time=24:00 | interval=-13 mons 40 days -50:00:00.5", "21:59:59.5"},
    {"America/New_York", "+", "timestamptz=1970-01-01 | interval=30 days", "1970-01-31 00:00:00-05"},
    {"UTC", "+", "timestamptz=1970-01-01 | interval=-1 mon 29 days 24:00", "1969-12-31 00:00:00+00"},
    {"Europe/Berlin", "+", "timestamptz=infinity | interval=1.5 s", "infinity"},
    {"America/New_York", "+", "timestamptz=2024-10-27 02:30 | interval=-1 year 2 mons -3 days 04:05:06.789",
     "2023-12-24 06:35:06.789-05"},
    {"UTC", "+", "timestamp=0044-03-15 23:59:59.9 BC | interval=0", "0044-03-15 23:59:59.9 BC"},
    {"UTC", "+", "timestamp=0044-03-15 23:59:59.9 BC | interval=1 mon", "0044-04-15 23:59:59.9 BC"},
    {"UTC", "+", "timestamp=294276-12-31 23:59:59.999999 | interval=36 hours", "!22008 timestamp out of range"},
    {"UTC", "+", "timestamp=294276-12-31 23:59:59.999999 | interval=45 days -25:00", "!22008 timestamp out of range"},
    {"UTC", "-", "date=4714-11-24 BC | date=294277-01-01", "-109203528"},
    {"UTC", "-", "date=-infinity | date=2019-12-31", "!22008 cannot subtract infinite dates"},
    {"UTC", "-", "date=2000-01-01 | date=0100-12-31 BC", "766280"},
    {"UTC", "-", "date=1001-01-01 | date=1001-01-01", "0"},
    {"UTC", "-", "date=1001-01-01 | int4=-1", "1001-01-02"},
    {"UTC", "-", "date=0001-12-31 BC | int4=31", "0001-11-30 BC"},
    {"UTC", "-", "date=2024-02-29 | int4=0", "2024-02-29"},
    {"UTC", "-", "date=2000-01-01 | int4=100000", "1726-03-18"},
    {"UTC", "-", "date=1001-01-01 | interval=31 days -1 hour", "1000-12-01 01:00:00"},
    {"UTC", "-", "date=2024-02-29 | interval=0", "2024-02-29 00:00:00"},
    {"UTC", "-", "date=2024-02-29 | interval=1 day", "2024-02-28 00:00:00"},
    {"UTC", "-", "date=5874897-12-31 | interval=-178956970 years -8 mons", "!22008 date out of range for timestamp"},
    {"UTC", "-", "interval=45 days -25:00 | interval=-1 year 2 mons -3 days 04:05:06.789",
     "10 mons 48 days -29:05:06.789"},
    {"UTC", "-", "interval=-1 mon | interval=100 years", "-100 years -1 mons"},
    {"UTC", "-", "interval=999 years 11 mons | interval=-2147483648 days", "!22008 interval out of range"},
    {"UTC", "-", "interval=31 days -1 hour | interval=-45 days 25:00", "76 days -26:00:00"},
    {"UTC", "-", "timetz=08:00+00 | interval=-178956970 years -8 mons", "08:00:00+00"},
    {"UTC", "-", "timetz=24:00-12 | interval=1 day", "00:00:00-12"},
    {"UTC", "-", "timetz=10:00+02 | interval=100 years", "10:00:00+02"},
    {"UTC", "-", "timetz=12:34:56.789012+05:30 | interval=31 days -1 hour", "13:34:56.789012+05:30"},
    {"UTC", "-", "time=00:00 | interval=0.000001 s", "23:59:59.999999"},
    {"UTC", "-", "time=00:00 | interval=0", "00:00:00"},
    {"UTC", "-", "time=23:59:59.999999 | interval=-45 days 25:00", "22:59:59.999999"},
    {"UTC", "-", "time=24:00 | interval=-178956970 years -8 mons", "00:00:00"},
    {"UTC", "-", "time=00:00 | time=24:00", "-24:00:00"},
    {"UTC", "-", "time=12:34:56.789012 | time=23:59:59.999999", "-11:25:03.210987"},
    {"UTC", "-", "time=24:00 | time=23:59:59.999999", "00:00:00.000001"},
    {"UTC", "-", "time=23:59:59.999999 | time=00:00", "23:59:59.999999"},
    {"America/New_York", "-", "timestamptz=-infinity | interval=45 days -25:00", "-infinity"},
    {"Europe/Berlin", "-", "timestamptz=2024-02-29 00:00 | interval=-178956970 years -8 mons",
     "!22008 timestamp out of range"},
    {"America/New_York", "-", "timestamptz=0001-12-31 10:00+00 BC | interval=9223372036854775807 us",
     "!22008 timestamp out of range"},
    {"Europe/Berlin", "-", "timestamptz=2020-12-31 10:00 | interval=-1 mon", "2021-01-31 10:00:00+01"},
    {"America/New_York", "-", "timestamptz=294276-12-31 23:59:59.999999 | timestamptz=2020-12-31 10:00",
     "!22008 timestamp out of range: \"294276-12-31 23:59:59.999999\""},
    {"America/New_York", "-", "timestamptz=294276-12-31 23:59:59.999999 | timestamptz=2024-10-27 02:30",
     "!22008 timestamp out of range: \"294276-12-31 23:59:59.999999\""},
    {"UTC", "-", "timestamptz=4714-11-24 00:00+00 BC | timestamptz=2024-01-31 12:34:56.789012",
     "-2460341 days -12:34:56.789012"},
    {"UTC", "-", "timestamp=-infinity | interval=-45 days 25:00", "-infinity"},
    {"UTC", "-", "timestamp=1970-01-01 | interval=36 hours", "1969-12-30 12:00:00"},
    {"UTC", "-", "timestamp=0001-12-31 10:00 BC | interval=100 years", "0101-12-31 10:00:00 BC"},
    {"UTC", "-", "timestamp=1970-01-01 | interval=1 mon -1 us", "1969-12-01 00:00:00.000001"},
    {"UTC", "-", "timestamp=0044-03-15 23:59:59.9 BC | timestamp=0044-03-15 23:59:59.9 BC", "00:00:00"},
    {"UTC", "-", "timestamp=0001-12-31 10:00 BC | timestamp=2020-12-31 10:00", "-737790 days"},
    {"UTC", "-", "timestamp=1999-12-31 23:59:59.999999 | timestamp=1970-01-01", "10956 days 23:59:59.999999"},
    {"UTC", "/", "interval=1 mon -1 us | float8=1.5", "20 days -00:00:00.000001"},
    {"UTC", "/", "interval=1 mon -1 us | float8=1e10", "00:00:00"},
    {"UTC", "/", "interval=30 days | float8=1e-7", "300000000 days"},
    {"UTC", "/", "interval=100 years | float8=NaN", "!22008 interval out of range"},
    {"UTC", "-", "interval=1 mon", "-1 mons"},
    {"UTC", "-", "interval=31 days -1 hour", "-31 days +01:00:00"},
    {"UTC", "-", "interval=178956970 years 7 mons", "-178956970 years -7 mons"},
    {"UTC", "-", "interval=-1 year 2 mons -3 days 04:05:06.789", "10 mons 3 days -04:05:06.789"},
};

TEST(TimeFunctions, OperatorsAnswerAsPostgresql) { ExpectAnswers(kOperators); }

TEST(TimeFunctions, TheMomentIsGivenOnlyWhereItIsKnown) {
  const auto call = [](const char* name, EvalContext& context) {
    const Function& function = FindFunctions(name)[0];
    EXPECT_EQ(function.volatility, Volatility::kClock) << name;
    Vector out(PhysicalOf(function.result), 1);
    function.kernel(context, CallSite{{}, function.result}, {}, Rows(1), out);
    return context.failed() ? "!" + context.errors()[0].code : ToText(function.result, out.At(0), context.zone);
  };
  EvalContext unknown;
  EXPECT_EQ(call("now", unknown), "!0A000");
  EvalContext known;
  known.has_now = true;
  known.now_us = 773'624'096'789'000;  // 2024-07-06 23:34:56.789 UTC
  known.zone = "Europe/Berlin";
  EXPECT_EQ(call("now", known), "2024-07-07 01:34:56.789+02");
  EXPECT_EQ(call("clock_timestamp", known), "2024-07-07 01:34:56.789+02");
  EXPECT_EQ(call("localtimestamp", known), "2024-07-07 01:34:56.789");
  EXPECT_EQ(call("current_date", known), "2024-07-07");
  EXPECT_EQ(call("current_time", known), "01:34:56.789+02");
  EXPECT_EQ(call("localtime", known), "01:34:56.789");
}

}  // namespace
}  // namespace headgate::sql
