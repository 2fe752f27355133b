#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <map>

#include "connectors/postgres/temporal.h"
#include "connectors/postgres/types.h"
#include "core/base/encoding.h"
#include "core/base/time_text.h"

namespace headgate::postgres {
namespace {

constexpr std::int64_t kDay = 86'400'000'000;

TypePtr Scalar(std::uint32_t oid, const std::string& name, std::int32_t typmod = -1, int money_digits = 2) {
  TypeRow row;
  row.oid = oid;
  row.name = name;
  if (oid == 603) row.delimiter = ';';
  return MakeScalar(row, typmod, name, money_digits);
}
TypePtr ArrayOf(TypePtr element) {
  TypeRow row;
  row.oid = 1;
  row.name = "_" + element->data.base;
  row.element_oid = element->data.oid;
  const std::string declared = element->data.declared + "[]";
  return MakeArray(row, declared, std::move(element));
}
TypePtr Composite(std::vector<TypePtr> attributes) {
  TypeRow row;
  row.name = "pair";
  row.type = 'c';
  std::vector<std::string> names(attributes.size(), "a");
  return MakeComposite(row, "public.pair", std::move(names), std::move(attributes));
}
const std::map<std::string, std::uint32_t> kOids = {
    {"bool", 16},          {"bytea", 17},      {"int8", 20},     {"int4", 23},      {"text", 25},
    {"oid", 26},           {"json", 114},      {"float4", 700},  {"float8", 701},   {"money", 790},
    {"date", 1082},        {"time", 1083},     {"box", 603},     {"bit", 1560},     {"timestamp", 1114},
    {"timestamptz", 1184}, {"interval", 1186}, {"timetz", 1266}, {"numeric", 1700}, {"uuid", 2950},
    {"varbit", 1562},      {"xid8", 5069}};
TypePtr T(const std::string& name) { return Scalar(kOids.at(name), name); }

// A value in a form that reads well in expectations.
std::string Shown(const Value& v) {
  switch (v.kind) {
    case ValueKind::kNull:
      return "null";
    case ValueKind::kAbsent:
      return "absent";
    case ValueKind::kBool:
      return v.b ? "true" : "false";
    case ValueKind::kInt:
      return "int " + std::to_string(v.i);
    case ValueKind::kUint:
      return "uint " + std::to_string(v.u);
    case ValueKind::kDecimal:
      return "decimal " + std::string(v.text);
    case ValueKind::kText:
      return "text " + std::string(v.text);
    case ValueKind::kRawText:
      return "raw " + Hex(v.text);
    case ValueKind::kBytes:
      return "bytes " + Hex(v.text);
    case ValueKind::kUuid:
      return "uuid " + Hex(v.text);
    case ValueKind::kBits:
      return "bits " + std::string(v.text);
    case ValueKind::kJson:
      return "json " + std::string(v.text);
    case ValueKind::kTime:
      return "time " + std::to_string(v.i);
    case ValueKind::kTimeTz:
      return "timetz " + std::to_string(v.i) + " " + std::to_string(v.aux);
    case ValueKind::kDate:
      return "date " + std::to_string(v.i);
    case ValueKind::kTimestamp:
      return "timestamp " + std::to_string(v.i);
    case ValueKind::kTimestampTz:
      return "timestamptz " + std::to_string(v.i);
    case ValueKind::kInterval:
      return "interval " + std::to_string(v.aux) + " " + std::to_string(v.i2) + " " + std::to_string(v.i);
    case ValueKind::kArray: {
      ArrayReader in(v.text);
      std::string out = "array";
      for (const auto& d : in.dimensions())
        out += "[" + std::to_string(d.lower_bound) + "+" + std::to_string(d.length) + "]";
      out += " {";
      while (!in.done()) out += Shown(in.Next()) + ";";
      return out + "}";
    }
    case ValueKind::kComposite: {
      CompositeReader in(v.text);
      std::string out = "row (";
      while (!in.done()) out += Shown(in.Next()) + ";";
      return out + ")";
    }
    default:
      return "other";
  }
}

Value Decode(const std::string& bytes) {
  ByteReader in(bytes);
  const Value v = ReadValue(in);
  EXPECT_FALSE(in.failed());
  EXPECT_TRUE(in.done());
  return v;
}
std::string Read(const TypePtr& type, std::string_view text) {
  ValueEncoder encoder;
  std::string bytes;
  encoder.Append(bytes, *type, text);
  return Shown(Decode(bytes));
}
std::string Read(const std::string& type, std::string_view text) { return Read(T(type), text); }

TEST(ValueEncoder, NP01_NP02_IntegersOfEverySize) {
  EXPECT_EQ(Read("int8", "9223372036854775807"), "int 9223372036854775807");
  EXPECT_EQ(Read("int8", "-9223372036854775808"), "int -9223372036854775808");
  EXPECT_EQ(Read("oid", "4000000000"), "uint 4000000000");
  EXPECT_EQ(Read("xid8", "18446744073709551615"), "uint 18446744073709551615");
}

TEST(ValueEncoder, NP03_NP04_FloatsKeepEveryBit) {
  ValueEncoder encoder;
  const auto number = [&](const char* type, const char* text) {
    std::string bytes;
    encoder.Append(bytes, *T(type), text);
    return Decode(bytes);
  };
  EXPECT_EQ(number("float4", "3.3").d, static_cast<double>(3.3F));
  EXPECT_EQ(number("float4", "1e-45").d, static_cast<double>(1e-45F));
  EXPECT_EQ(number("float8", "5e-324").d, 5e-324);
  EXPECT_EQ(number("float8", "1e+21").d, 1e21);
  EXPECT_TRUE(std::signbit(number("float8", "-0").d));
  EXPECT_TRUE(std::isnan(number("float8", "NaN").d));
  EXPECT_EQ(number("float8", "-Infinity").d, -HUGE_VAL);
  EXPECT_EQ(number("float4", "Infinity").kind, ValueKind::kFloat);
}

TEST(ValueEncoder, NP06_NP07_NumericKeepsTheServersDigits) {
  EXPECT_EQ(Read("numeric", "1.10"), "decimal 1.10");
  EXPECT_EQ(Read("numeric", "-0.00"), "decimal -0.00");
  EXPECT_EQ(Read("numeric", std::string(1000, '9')), "decimal " + std::string(1000, '9'));
  for (const char* special : {"NaN", "Infinity", "-Infinity"})
    EXPECT_EQ(Read("numeric", special), std::string("decimal ") + special);
  for (const char* garbage : {"", "-", ".5", "5.", "1e5", "1,5", "+1", "007", "-020", "infinity"}) {
    EXPECT_EQ(Read("numeric", garbage), std::string("text ") + garbage);
  }
}

TEST(ValueEncoder, NP10_MoneyIsAPlainNumberWithTheDatabasesFractionDigits) {
  EXPECT_EQ(Read("money", "$1,234.11"), "decimal 1234.11");
  EXPECT_EQ(Read("money", "-$1,234.11"), "decimal -1234.11");
  EXPECT_EQ(Read("money", "$0.05"), "decimal 0.05");
  EXPECT_EQ(Read("money", "-$92,233,720,368,547,758.08"), "decimal -92233720368547758.08");
  const auto yen = Scalar(790, "money", -1, 0);
  EXPECT_EQ(Read(yen, "$12.34"), "decimal 1234");
  EXPECT_EQ(Read(yen, "$0.00"), "decimal 0");
  const auto dinar = Scalar(790, "money", -1, 3);
  EXPECT_EQ(Read(dinar, "$12.34"), "decimal 1.234");
  EXPECT_EQ(Read(dinar, "-$0.04"), "decimal -0.004");
  EXPECT_EQ(Read("money", "12 EUR"), "text 12 EUR");
}

TEST(ValueEncoder, NP05_NP14_NP15_NP18_BooleansBytesBitsUuids) {
  EXPECT_EQ(Read("bool", "t"), "true");
  EXPECT_EQ(Read("bool", "yes"), "text yes");
  EXPECT_EQ(Read("bytea", "\\x00fFa1"), "bytes 00ffa1");
  EXPECT_EQ(Read("bytea", "\\x"), "bytes ");
  EXPECT_EQ(Read("bytea", "\\x0"), "text \\x0");
  EXPECT_EQ(Read("bytea", "\\x0g"), "text \\x0g");
  EXPECT_EQ(Read("varbit", ""), "bits ");
  EXPECT_EQ(Read("bit", "1000000"), "bits 1000000");
  EXPECT_EQ(Read("bit", "102"), "text 102");
  EXPECT_EQ(Read("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"), "uuid a0eebc999c0b4ef8bb6d6bb9bd380a11");
  EXPECT_EQ(Read("uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1"), "text a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1");
}

TEST(ValueEncoder, NP13_TextThatIsNotUtf8KeepsItsBytes) {
  EXPECT_EQ(Read("text", "\xE9"), "raw e9");
  EXPECT_EQ(Read("text", "žš"), "text žš");
  EXPECT_EQ(Read("json", "{\"a\":\"\xE9\"}"), "raw 7b2261223a22e9227d");
  EXPECT_EQ(Read("json", "{ \"a\": 1.50 }"), "json { \"a\": 1.50 }");
}

TEST(ValueEncoder, NP21_NP22_DatesFromBcToInfinity) {
  EXPECT_EQ(Read("date", "2016-11-04"), "date 17109");
  EXPECT_EQ(Read("date", "0001-12-31 BC"), "date -719163");
  EXPECT_EQ(Read("date", "21016-11-04"), "date " + std::to_string(DaysFromCivil(21016, 11, 4)));
  EXPECT_EQ(Read("date", "infinity"), "date 9223372036854775807");
  EXPECT_EQ(Read("date", "-infinity"), "date -9223372036854775808");
  for (const char* garbage : {"", "2016-13-04", "2016-11-4", "2016-11-04x", "2016-11-04 AD", "0000-01-01", "today"}) {
    EXPECT_EQ(Read("date", garbage), std::string("text ") + garbage);
  }
}

TEST(ValueEncoder, NP23_NP24_TimesWithOffsets) {
  EXPECT_EQ(Read("time", "13:51:30.12"), "time 49890120000");
  EXPECT_EQ(Read("time", "24:00:00"), "time 86400000000");
  EXPECT_EQ(Read("time", "24:00:01"), "text 24:00:01");
  EXPECT_EQ(Read("time", "13:51:30.1234567"), "text 13:51:30.1234567");
  EXPECT_EQ(Read("timetz", "13:51:30.123789+02"), "timetz 49890123789 7200");
  EXPECT_EQ(Read("timetz", "00:00:00-03:30"), "timetz 0 -12600");
  EXPECT_EQ(Read("timetz", "00:00:00+02:30:15"), "timetz 0 9015");
  EXPECT_EQ(Read("timetz", "00:00:00"), "text 00:00:00");
}

TEST(ValueEncoder, NP25_NP26_NP27_TimestampsOverTheWholeRange) {
  EXPECT_EQ(Read("timestamp", "2000-01-01 00:00:00"), "timestamp 0");
  EXPECT_EQ(Read("timestamp", "1999-12-31 23:59:59.999999"), "timestamp -1");
  EXPECT_EQ(Read("timestamptz", "2016-11-04 11:51:30.123456+00"),
            "timestamptz " + std::to_string(1478260290123456 - kEpoch2000Us));
  EXPECT_EQ(Read("timestamptz", "2000-01-01 02:00:00+02"), "timestamptz 0");
  EXPECT_EQ(Read("timestamptz", "4714-12-31 23:59:59.999999+00 BC"),
            "timestamptz " + std::to_string((DaysFromCivil(-4713, 12, 31) - 10957) * kDay + kDay - 1));
  EXPECT_EQ(Read("timestamp", "294276-12-31 23:59:59.999999"), "timestamp 9223371331199999999");
  EXPECT_EQ(Read("timestamp", "-infinity"), "timestamp -9223372036854775808");
  EXPECT_EQ(Read("timestamptz", "infinity"), "timestamptz 9223372036854775807");
  for (const char* garbage : {"2000-01-01", "2000-01-01T00:00:00", "2000-01-01 00:00:00+00",
                              "999999999999-01-01 00:00:00", "2000-01-01 00:00:00 "}) {
    EXPECT_EQ(Read("timestamp", garbage), std::string("text ") + garbage);
  }
  EXPECT_EQ(Read("timestamptz", "2000-01-01 00:00:00"), "text 2000-01-01 00:00:00");
}

TEST(ValueEncoder, NP28_NP29_IntervalsInThreeParts) {
  EXPECT_EQ(Read("interval", "P1Y2M3DT4H5M6.78S"), "interval 14 3 14706780000");
  EXPECT_EQ(Read("interval", "P-1DT2H"), "interval 0 -1 7200000000");
  EXPECT_EQ(Read("interval", "PT-0.5S"), "interval 0 0 -500000");
  EXPECT_EQ(Read("interval", "PT0S"), "interval 0 0 0");
  EXPECT_EQ(Read("interval", "PT-1H-2M-3.000004S"), "interval 0 0 -3723000004");
  EXPECT_EQ(Read("interval", "infinity"), "text infinity");
  for (const char* garbage :
       {"P", "PT", "1Y", "P1", "P1X", "P1.5Y", "PT1.5H", "P999999999999Y", "PT9223372036854775807H"}) {
    EXPECT_EQ(Read("interval", garbage), std::string("text ") + garbage);
  }
}

TEST(ValueEncoder, NP32_NP33_ArraysOfAnyShape) {
  const auto ints = ArrayOf(T("int4"));
  EXPECT_EQ(Read(ints, "{{1,2},{3,NULL}}"), "array[1+2][1+2] {int 1;int 2;int 3;null;}");
  EXPECT_EQ(Read(ints, "{}"), "array {}");
  EXPECT_EQ(Read(ints, "[0:2]={1,2,3}"), "array[0+3] {int 1;int 2;int 3;}");
  EXPECT_EQ(Read(ints, "[-1:0][3:3]={{1},{2}}"), "array[-1+2][3+1] {int 1;int 2;}");
  const auto texts = ArrayOf(T("text"));
  EXPECT_EQ(Read(texts, R"({a,"b c","NULL",NULL,"q\"\\",""})"),
            R"(array[1+6] {text a;text b c;text NULL;null;text q"\;text ;})");
  EXPECT_EQ(Read(texts, R"({"{1,2}","a,b"})"), "array[1+2] {text {1,2};text a,b;}");
  EXPECT_EQ(Read(ArrayOf(T("box")), "{(1,1),(0,0);(2,2),(1,1)}"), "array[1+2] {text (1,1),(0,0);text (2,2),(1,1);}");
}

TEST(ValueEncoder, NP34_ArraysOfOtherTypesReadAsTheElement) {
  EXPECT_EQ(Read(ArrayOf(T("money")), R"({"$1,234.11"})"), "array[1+1] {decimal 1234.11;}");
  EXPECT_EQ(Read(ArrayOf(T("time")), "{24:00:00}"), "array[1+1] {time 86400000000;}");
  EXPECT_EQ(Read(ArrayOf(T("bytea")), R"({"\\x0001"})"), "array[1+1] {bytes 0001;}");
  EXPECT_EQ(Read(ArrayOf(T("json")), R"({"{\"a\": 1}"})"), R"(array[1+1] {json {"a": 1};})");
  EXPECT_EQ(Read(ArrayOf(T("int4")), "{1,x}"), "array[1+2] {int 1;text x;}");
}

TEST(ValueEncoder, MalformedArraysStayText) {
  const auto ints = ArrayOf(T("int4"));
  for (const char* garbage : {"",         "{",           "}",
                              "{1",       "{1,}",        "{,1}",
                              "{1}{2}",   "{{1},{2,3}}", "{{1},2}",
                              "{1,{2}}",  "{1}x",        "1",
                              "[0:2={1}", "[0:1]{1,2}",  "[1:1][1:1]={1}",
                              "{\"1}",    "{{},{}}",     "{{{{{{{1}}}}}}}",
                              "{1 2}",    "[a:b]={1}",   "[9223372036854775807:9223372036854775807]={1}"}) {
    EXPECT_EQ(Read(ints, garbage), std::string("text ") + garbage);
  }
}

TEST(ValueEncoder, NP36_NP37_CompositesNest) {
  const auto inner = Composite({T("text"), T("int4")});
  const auto outer = Composite({T("int4"), inner, ArrayOf(T("int4"))});
  EXPECT_EQ(Read(inner, "(x,)"), "row (text x;null;)");
  EXPECT_EQ(Read(inner, R"x(("a ""b"" \\ ,)",7))x"), R"x(row (text a "b" \ ,);int 7;))x");
  EXPECT_EQ(Read(inner, R"x(("",1))x"), "row (text ;int 1;)");
  EXPECT_EQ(Read(outer, R"x((1,"(x,)","{1,2}"))x"), "row (int 1;row (text x;null;);array[1+2] {int 1;int 2;};)");
  EXPECT_EQ(Read(ArrayOf(inner), R"x({"(x,1)","(\"a b\",)",NULL})x"),
            "array[1+3] {row (text x;int 1;);row (text a b;null;);null;}");
  EXPECT_EQ(Read(Composite({}), "()"), "row ()");
  for (const char* garbage : {"", "(", "()", "(a)", "(a,1", "(a,1)x", "(a,1,2)", "(\"a,1)", "a,1"}) {
    EXPECT_EQ(Read(inner, garbage), std::string("text ") + garbage);
  }
}

TEST(ValueEncoder, ScratchSpaceOfOneValueDoesNotLeakIntoTheNext) {
  ValueEncoder encoder;
  const auto type = ArrayOf(Composite({ArrayOf(T("text")), T("text")}));
  std::string first;
  encoder.Append(first, *type, R"x({"(\"{a,\"\"b c\"\"}\",x)"})x");
  std::string bad;
  encoder.Append(bad, *type, R"x({"(\"{a)"})x");
  std::string again;
  encoder.Append(again, *type, R"x({"(\"{a,\"\"b c\"\"}\",x)"})x");
  EXPECT_EQ(first, again);
  EXPECT_EQ(Shown(Decode(first)), "array[1+1] {row (array[1+2] {text a;text b c;};text x;);}");
}

TEST(Types, ModifiersBecomePrecisionScaleAndLength) {
  EXPECT_EQ(Scalar(1700, "numeric", ((10 << 16) | 2) + 4)->data.precision, 10);
  EXPECT_EQ(Scalar(1700, "numeric", ((10 << 16) | 2) + 4)->data.scale, 2);
  EXPECT_EQ(Scalar(1700, "numeric", ((3 << 16) | (0x7FF & -2)) + 4)->data.scale, -2);
  EXPECT_EQ(Scalar(1700, "numeric")->data.precision, -1);
  EXPECT_EQ(Scalar(1043, "varchar", 9)->data.length, 5);
  EXPECT_EQ(Scalar(1042, "bpchar", 14)->data.length, 10);
  EXPECT_EQ(Scalar(1560, "bit", 7)->data.length, 7);
  EXPECT_EQ(Scalar(1562, "varbit")->data.length, 0);
  EXPECT_EQ(Scalar(1114, "timestamp", 3)->data.precision, 3);
  EXPECT_EQ(Scalar(1186, "interval", 0x7FFF0000 | 0xFFFF)->data.precision, -1);
  EXPECT_EQ(Scalar(1186, "interval", 0x7FFF0000 | 2)->data.precision, 2);
}

TEST(Types, NP31_ADomainIsItsBaseTypeUnderItsOwnName) {
  TypeRow row;
  row.oid = 50000;
  row.name = "price";
  const auto domain = MakeDomain(row, "public.price", *Scalar(1700, "numeric", ((10 << 16) | 2) + 4));
  EXPECT_TRUE(domain->data.domain);
  EXPECT_EQ(domain->data.base, "numeric");
  EXPECT_EQ(domain->data.declared, "public.price");
  EXPECT_EQ(domain->data.scale, 2);
  EXPECT_EQ(Read(domain, "1.10"), "decimal 1.10");
}

}  // namespace
}  // namespace headgate::postgres
