#include "tests/integration/golden/native_cases.h"

namespace headgate::test {
namespace {

std::vector<NativeCase> NumbersAndText() {
  const std::string many(1000, '7');
  return {
      {"NP01", "np", "smallint", "-32768", "-32768"},
      {"NP01", "np", "integer", "2147483647", "2147483647"},
      {"NP01", "np", "bigint", "9223372036854775807", "9223372036854775807"},
      {"NP02", "np", "oid", "4000000000", "4000000000"},
      {"NP02", "np", "xid", "'4000000000'", "4000000000"},
      {"NP02", "np", "cid", "'4000000000'", "4000000000"},
      {"NP02", "np", "xid8", "'18446744073709551615'", "18446744073709551615"},
      {"NP03", "np", "real", "3.3", "3.3"},
      {"NP03", "np", "real", "3", "3"},
      {"NP03", "np", "real", "'1e-45'", "1e-45"},
      {"NP03", "np", "real", "'NaN'", R"("NaN")"},
      {"NP04", "np", "double precision", "4.44", "4.44"},
      {"NP04", "np", "double precision", "'-0'", "-0"},
      {"NP04", "np", "double precision", "'5e-324'", "5e-324"},
      {"NP04", "np", "double precision", "1e21", "1e+21"},
      {"NP04", "np", "double precision", "'-Infinity'", R"("-Infinity")"},
      {"NP05", "np", "boolean", "true", "true"},
      {"NP06", "np", "numeric(3,2)", "1.1", R"("1.10")"},
      {"NP06", "np", "numeric", "100.00", R"("100.00")"},
      {"NP06", "np", "numeric", "'" + many + "'", '"' + many + '"'},
      {"NP07", "np", "numeric", "'NaN'", R"("NaN")"},
      {"NP07", "np", "numeric", "'Infinity'", R"("Infinity")"},
      {"NP07", "np", "numeric", "'-Infinity'", R"("-Infinity")", "decimal=number"},
      {"NP08", "np", "numeric(3,-2)", "12345", R"("12300")"},
      {"NP09", "np", "numeric(3,2)", "1.1", "1.10", "decimal=number"},
      {"NP10", "np", "money", "'$1,234.11'", R"("1234.11")"},
      {"NP10", "np", "money", "'-$1,234.11'", R"("-1234.11")"},
      {"NP11", "np", "text", R"(U&'\017E\0161')", R"("žš")"},
      {"NP11", "np", "varchar(2)", R"(U&'\017E\0161')", R"("žš")"},
      {"NP11", "np", "citext", "'Hello World'", R"("Hello World")"},
      {"NP11", "np", "name", "'nm'", R"("nm")"},
      {"NP11", "np", "\"char\"", "'x'", R"("x")"},
      {"NP12", "np", "char(10)", "'cone'", R"("cone      ")"},
      {"NP14", "np", "bytea", R"('\x010203')", R"("AQID")"},
      {"NP15", "np", "bit(1)", "B'1'", R"("1")"},
      {"NP15", "np", "bit(7)", "B'1'::bit(7)", R"("1000000")"},
      {"NP15", "np", "varbit", "B''", R"("")"},
      {"NP16", "np", "json", R"('{ "b": 1.50, "a": 1, "a": 2 }')", R"({"b":1.50,"a":1,"a":2})"},
      {"NP16", "np", "json", R"('{ "b": 1.50 }')", R"("{\"b\":1.50}")", "json=text"},
      {"NP17", "np", "jsonb", R"('{"bar": "baz"}')", R"({"bar":"baz"})"},
      {"NP17", "np", "jsonb", "'null'", "null"},
      {"NP18", "np", "uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", R"("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")"},
      {"NP19", "np", "xml", "'<a b=\"c\">é</a>'", R"("<a b=\"c\">é</a>")"},
      {"NP19", "np", "jsonpath", "'$.a[*]'", R"("$.\"a\"[*]")"},
      {"NP20", "np", "inet", "'192.168.2.0/12'", R"("192.168.2.0/12")"},
      {"NP20", "np", "cidr", "'10.1'", R"("10.1.0.0/16")"},
      {"NP20", "np", "macaddr", "'08002b-010203'", R"("08:00:2b:01:02:03")"},
      {"NP20", "np", "macaddr8", "'08-00-2b-01-02-03'", R"("08:00:2b:ff:fe:01:02:03")"},
  };
}

std::vector<NativeCase> Times() {
  return {
      {"NP21", "np", "date", "'2016-11-04'", R"("2016-11-04")"},
      {"NP21", "np", "date", "'4713-01-01 BC'", R"("-4712-01-01")"},
      {"NP21", "np", "date", "'21016-11-04'", R"("+21016-11-04")"},
      {"NP22", "np", "date", "'infinity'", R"("infinity")"},
      {"NP22", "np", "date", "'-infinity'", R"("-infinity")"},
      {"NP22", "np", "timestamp", "'infinity'", R"("infinity")"},
      {"NP22", "np", "timestamptz", "'-infinity'", R"("-infinity")"},
      {"NP23", "np", "time", "'13:51:30.120'", R"("13:51:30.12")"},
      {"NP23", "np", "time", "'24:00:00'", R"("24:00:00")"},
      {"NP24", "np", "timetz", "'13:51:30.123789+02'", R"("13:51:30.123789+02:00")"},
      {"NP24", "np", "timetz", "'13:51:30-03:30'", R"("13:51:30-03:30")"},
      {"NP25", "np", "timestamp", "'2016-11-04 13:51:30.123456'", R"("2016-11-04T13:51:30.123456")"},
      {"NP26", "np", "timestamptz", "'2016-11-04 13:51:30.123456+02'", R"("2016-11-04T11:51:30.123456Z")"},
      {"NP27", "np", "timestamptz", "'4714-12-31 23:59:59.999999+00 BC'", R"("-4713-12-31T23:59:59.999999Z")"},
      {"NP27", "np", "timestamptz", "'21016-11-04 13:51:30+07'", R"("+21016-11-04T06:51:30Z")"},
      {"NP28", "np", "interval", "'1 year 2 mons 3 days 04:05:06.78'", R"("P1Y2M3DT4H5M6.78S")"},
      {"NP28", "np", "interval", "'-1 day +02:00'", R"("P-1DT2H")"},
      {"NP28", "np", "interval", "'0'", R"("PT0S")"},
  };
}

std::vector<NativeCase> ListsAndNames() {
  return {
      {"NP30", "np", "n.label", "'a,\"b'", R"("a,\"b")"},
      {"NP31", "np", "g_nmtoken", "'x'", R"("x")"},
      {"NP31", "np", "g_nmtoken[]", "'{x}'", R"(["x"])"},
      {"NP32", "np", "integer[]", "'{{1,2},{3,NULL}}'", "[[1,2],[3,null]]"},
      {"NP32", "np", "integer[]", "'{}'", "[]"},
      {"NP33", "np", "integer[]", "'[0:2]={1,2,3}'", R"({"lower_bounds":[0],"elements":[1,2,3]})"},
      {"NP34", "np", "numeric[]", "'{1.1}'", R"(["1.1"])"},
      {"NP34", "np", "money[]", "'{\"$1,234.11\"}'", R"(["1234.11"])"},
      {"NP34", "np", "interval[]", "'{1 day}'", R"(["P1D"])"},
      {"NP34", "np", "varbit[]", "'{101}'", R"(["101"])"},
      {"NP34", "np", "xml[]", "ARRAY['<a/>'::xml]", R"(["<a/>"])"},
      {"NP34", "np", "name[]", "'{ab}'", R"(["ab"])"},
      {"NP34", "np", "time[]", "'{24:00}'", R"(["24:00:00"])"},
      {"NP35", "np", "json[]", R"(ARRAY['{"a": 1}'::json])", R"([{"a":1}])"},
      {"NP35", "np", "jsonb[]", R"(ARRAY['{"a": 1}'::jsonb])", R"([{"a":1}])"},
      {"NP36", "np", "n.outer_pair", "ROW(1, ROW('x', NULL)::n.inner_pair)", R"({"a":1,"b":{"c":"x","d":null}})"},
      {"NP37", "np", "n.single[]", "ARRAY[ROW(1)::n.single]", R"([{"a":1}])"},
      {"NP38", "np", "int4range", "'[1,6)'", R"x("[1,6)")x"},
      {"NP38", "np", "int4range", "'empty'", R"x("empty")x"},
      {"NP38", "np", "tstzrange", "'[2017-06-05 13:29:12.549426+02,)'", R"x("[\"2017-06-05 11:29:12.549426+00\",)")x"},
      {"NP39", "np", "int4multirange", "'{[1,3),[5,7)}'", R"("{[1,3),[5,7)}")"},
      {"NP40", "np", "hstore", "'key1=>val1,key2=>NULL'", R"({"key1":"val1","key2":null})"},
      {"NP41", "np", "ltree", "'Top.Child'", R"("Top.Child")"},
      {"NP41", "np", "isbn", "'978-0-393-04002-9'", R"("0-393-04002-X")"},
      {"NP41", "np", "tsvector", "'fat cat'", R"("'cat' 'fat'")"},
      {"NP41", "np", "tsquery", "'fat <-> cat'", R"("'fat' <-> 'cat'")"},
      {"NP42", "np", "point", "'(1,1)'", R"x("(1,1)")x"},
      {"NP42", "np", "circle", "'<(0,0),2>'", R"x("<(0,0),2>")x"},
      {"NP42", "np", "box", "'(2,2),(0,0)'", R"x("(2,2),(0,0)")x", "geometry=wkb"},
      {"NP43", "np", "point[]", "'{\"(1,1)\"}'", R"x(["(1,1)"])x"},
      {"NP49", "np", "pg_lsn", "'0/16E9FB0'", R"("0/16E9FB0")"},
      {"NP49", "np", "pg_snapshot", "'10:20:10,14'", R"("10:20:10,14")"},
      {"NP49", "np", "refcursor", "'c'", R"("c")"},
      {"NP49", "np", "tid", "'(0,1)'", R"x("(0,1)")x"},
      {"NP49", "np", "int2vector", "'1 2'", R"("1 2")"},
      {"NP49", "np", "oidvector", "'1 2'", R"("1 2")"},
      {"NP50", "np", "regclass", "'public.orders'", R"("public.orders")"},
      {"NP50", "np", "regclass", "'pg_class'", R"("pg_class")"},
      {"NP50", "np", "regtype", "'integer'", R"("integer")"},
      {"NP51", "np", "cube", "'(1,2)'", R"x("(1, 2)")x"},
  };
}

std::vector<NativeCase> OfExtensions() {
  return {
      {"NP44", "gis", "geometry", "'SRID=3187;POINT(174.9479 -36.7208)'",
       R"({"type":"Point","coordinates":[174.9479,-36.7208],"srid":3187})"},
      {"NP44", "gis", "geometry", "'LINESTRING Z (0 0 1, 1 1 2)'",
       R"({"type":"LineString","coordinates":[[0,0,1],[1,1,2]]})"},
      {"NP45", "gis", "geometry", "'GEOMETRYCOLLECTION EMPTY'", R"({"type":"GeometryCollection","geometries":[]})"},
      {"NP46", "gis", "geometry", "'SRID=3187;POINT(174.9479 -36.7208)'",
       R"({"wkb":"AQEAAAAcfGEyVd5lQHh6pSxDXELA","srid":3187})", "geometry=wkb"},
      {"NP47", "vec", "vector(3)", "'[1,2,3]'", "[1,2,3]"},
      {"NP47", "vec", "halfvec(3)", "'[1,2,3]'", "[1,2,3]"},
      {"NP48", "vec", "sparsevec(3000)", "'{1:201,9:209}/3000'",
       R"({"dimensions":3000,"indices":[1,9],"values":[201,209]})"},
  };
}

}  // namespace

const std::vector<NativeCase>& NativeCases() {
  static const std::vector<NativeCase> cases = [] {
    std::vector<NativeCase> all = NumbersAndText();
    for (const auto& part : {Times(), ListsAndNames(), OfExtensions()}) all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return cases;
}

std::string ColumnOf(const NativeCase& c) { return "c" + std::to_string(&c - NativeCases().data()); }

GoldenRun::Script NativeScript() {
  GoldenRun::Script script;
  script.schema = {
      "CREATE EXTENSION cube",
      "CREATE SCHEMA n",
      "CREATE TYPE n.label AS ENUM ('ok', 'a,\"b')",
      "CREATE TYPE n.inner_pair AS (c text, gone int, d text)",
      "ALTER TYPE n.inner_pair DROP ATTRIBUTE gone",
      "CREATE TYPE n.outer_pair AS (a int, b n.inner_pair)",
      "CREATE TYPE n.single AS (a int)",
      "CREATE TABLE public.orders (id int)",
  };
  for (const std::string table : {"np", "gis", "vec"}) {
    std::string columns;
    std::string values;
    for (const NativeCase& c : NativeCases()) {
      if (c.table != table) continue;
      columns += ", " + ColumnOf(c) + " " + c.type;
      values += ", " + c.literal;
    }
    script.schema.push_back("CREATE TABLE n." + table + " (id int PRIMARY KEY" + columns + ")");
    script.rows.push_back("INSERT INTO n." + table + " VALUES (1" + values + ")");
    script.changes.push_back("INSERT INTO n." + table + " VALUES (2" + values + ")");
  }
  return script;
}

}  // namespace headgate::test
