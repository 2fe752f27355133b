// Pure rules of the search sink: ids, fields, outcomes, settings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sinks/search/bulk.h"
#include "sinks/search/document.h"
#include "sinks/search/options.h"
#include "sinks/search/sink.h"
#include "sinks/search/spec.h"

namespace headgate::search {
namespace {

using ::testing::HasSubstr;

std::string IdOf(std::vector<std::string> parts) { return DocumentId(parts); }

TEST(SearchId, Q25_DifferentKeysNeverMeet) {
  EXPECT_EQ(IdOf({"42"}), "42");
  EXPECT_EQ(IdOf({"a|b%"}), "a|b%") << "one column is its text";
  EXPECT_EQ(IdOf({"a", "b"}), "a|b");
  EXPECT_EQ(IdOf({"a|b", "c"}), "a%7Cb|c");
  EXPECT_NE(IdOf({"a|b", "c"}), IdOf({"a", "b|c"}));
  EXPECT_EQ(IdOf({"50%", ""}), "50%25|");
  EXPECT_EQ(IdOf({std::string(512, 'x')}), std::string(512, 'x'));
  EXPECT_EQ(IdOf({std::string(513, 'x')}).size(), 7U + 64U);
  EXPECT_THAT(IdOf({std::string(513, 'x')}), ::testing::StartsWith("sha256:"));
}

TableSchema OneColumn(TypeKind kind, std::string base, std::int32_t precision = -1) {
  TableSchema schema;
  Column& column = schema.columns.emplace_back();
  column.name = "c";
  column.type.kind = kind;
  column.type.base = std::move(base);
  column.type.precision = precision;
  return schema;
}
Field OneField(TableSchema schema, Options options = {}, Product product = Product::kOpenSearch) {
  options.key_columns = {"c"};
  auto layout = LayoutOf(schema, "s", options, product);
  EXPECT_TRUE(layout.ok());
  return layout->fields.at(0);
}
std::string FieldType(TypeKind kind, std::string base, std::int32_t precision = -1,
                      Product product = Product::kOpenSearch) {
  return OneField(OneColumn(kind, std::move(base), precision), {}, product).type;
}

TEST(SearchFields, Q22_EachColumnHasAFieldOfItsType) {
  EXPECT_EQ(FieldType(TypeKind::kInt16, "int2"), "short");
  EXPECT_EQ(FieldType(TypeKind::kInt64, "int8"), "long");
  EXPECT_EQ(FieldType(TypeKind::kUint, "int unsigned"), "long");
  EXPECT_EQ(FieldType(TypeKind::kUint, "bigint unsigned"), "unsigned_long");
  EXPECT_EQ(FieldType(TypeKind::kDecimal, "numeric", 15), "double");
  EXPECT_EQ(FieldType(TypeKind::kDecimal, "numeric", 16), "keyword") << "a double does not keep it";
  EXPECT_EQ(FieldType(TypeKind::kDecimal, "numeric"), "keyword");
  EXPECT_EQ(FieldType(TypeKind::kText, "text"), "text");
  EXPECT_EQ(FieldType(TypeKind::kUuid, "uuid"), "keyword");
  EXPECT_EQ(FieldType(TypeKind::kTimestampTz, "timestamptz"), "date");
  EXPECT_EQ(FieldType(TypeKind::kJsonb, "jsonb"), "flat_object");
  EXPECT_EQ(FieldType(TypeKind::kJsonb, "jsonb", -1, Product::kElasticsearch), "flattened");
  EXPECT_EQ(OneField(OneColumn(TypeKind::kBool, "bool")).mapping, R"({"type":"boolean"})");
}

Verdict Of(int status, std::string type = {}, bool removal = false) {
  ItemResult item;
  item.status = status;
  item.has_error = !type.empty();
  item.type = std::move(type);
  item.removal = removal;
  return JudgeItem(item);
}

TEST(SearchOutcome, EveryClassOfTheTable) {
  EXPECT_EQ(Of(201), Verdict::kDone);
  EXPECT_EQ(Of(404, "", true), Verdict::kDone) << "Q14";
  EXPECT_EQ(Of(409, "version_conflict_engine_exception"), Verdict::kStale);
  EXPECT_EQ(Of(400, "mapper_parsing_exception"), Verdict::kData);
  EXPECT_EQ(Of(400, "document_parsing_exception"), Verdict::kData);
  EXPECT_EQ(Of(400, "strict_dynamic_mapping_exception"), Verdict::kData);
  EXPECT_EQ(Of(400, "index_closed_exception"), Verdict::kConfigure);
  EXPECT_EQ(Of(404, "index_not_found_exception"), Verdict::kConfigure);
  EXPECT_EQ(Of(404, "index_not_found_exception", true), Verdict::kConfigure);
  EXPECT_EQ(Of(429, "rejected_execution_exception"), Verdict::kPressure);
  EXPECT_EQ(Of(429, "es_rejected_execution_exception"), Verdict::kPressure);
  EXPECT_EQ(Of(429, "circuit_breaking_exception"), Verdict::kPressure);
  EXPECT_EQ(Of(429, "cluster_block_exception"), Verdict::kBlocked) << "a full disk";
  EXPECT_EQ(Of(403, "cluster_block_exception"), Verdict::kBlocked);
  EXPECT_EQ(Of(503, "unavailable_shards_exception"), Verdict::kTransient);
  EXPECT_EQ(JudgeRequest(200, ""), RequestVerdict::kItems);
  EXPECT_EQ(JudgeRequest(413, ""), RequestVerdict::kSmaller);
  EXPECT_EQ(JudgeRequest(400, ""), RequestVerdict::kSmaller);
  EXPECT_EQ(JudgeRequest(401, ""), RequestVerdict::kConfigure);
  EXPECT_EQ(JudgeRequest(429, ""), RequestVerdict::kRetry);
  EXPECT_EQ(JudgeRequest(502, ""), RequestVerdict::kRetry);
}

TEST(SearchAnswer, Q5_ItemsAreReadInOrderAndCounted) {
  const auto items = ParseBulk(
      R"({"items":[{"index":{"status":201}},{"delete":{"status":404}},{"index":{"status":400,"error":{"type":"t","reason":"r"}}}]})",
      3);
  ASSERT_TRUE(items.has_value());
  EXPECT_EQ((*items)[0].status, 201);
  EXPECT_TRUE((*items)[1].removal);
  EXPECT_FALSE((*items)[1].has_error);
  EXPECT_EQ((*items)[2].type, "t");
  EXPECT_EQ((*items)[2].reason, "r");
  for (const char* const bad : {"", "[]", "{}", R"({"items":{}})", R"({"items":[]})", R"({"items":[{}]})",
                                R"({"items":[{"index":{}}]})", R"({"items":[{"index":{"status":"x"}}]})",
                                R"({"items":[{"index":{"status":200}},{"index":{"status":200}}]})"}) {
    EXPECT_FALSE(ParseBulk(bad, 1).has_value()) << bad;
  }
}

ReadOptions Settings(config::FlatConfig settings) {
  settings.emplace("connector.class", "search");
  settings.emplace("name", "docs");
  settings.emplace("topics", "shop.public.orders");
  settings.emplace("url", "http://127.0.0.1:9200");
  config::BindOutcome bound = config::Bind(Spec(), settings, nullptr);
  ReadOptions read;
  if (bound.errors.empty()) read = Read(bound.bound);
  read.errors.insert(read.errors.begin(), bound.errors.begin(), bound.errors.end());
  return read;
}
std::string ErrorOf(config::FlatConfig settings) {
  const auto errors = Settings(std::move(settings)).errors;
  return errors.empty() ? "" : errors.front().key + ": " + errors.front().text;
}

TEST(SearchOptions, ErrorsNameTheKey) {
  EXPECT_EQ(ErrorOf({}), "");
  EXPECT_THAT(ErrorOf({{"url", "ftp://x"}}), HasSubstr("url: "));
  EXPECT_THAT(ErrorOf({{"url", "http://x/path?a=1"}}), HasSubstr("may have no query"));
  EXPECT_THAT(ErrorOf({{"url", "http://x, ftp://y"}}), HasSubstr("url: "));
  EXPECT_THAT(ErrorOf({{"url", ","}}), HasSubstr("names no server"));
  EXPECT_THAT(ErrorOf({{"mapping.a", "keyword"}}), HasSubstr("mapping.a: Setting \"mapping.a\" must be a JSON object"));
  EXPECT_THAT(ErrorOf({{"index_settings", "[]"}}), HasSubstr("must be a JSON object"));
  EXPECT_THAT(ErrorOf({{"index_settings", R"({"index":{"gc_deletes":"1s"}})"}}), HasSubstr("gc_deletes_ms"));
  EXPECT_THAT(ErrorOf({{"envelope_fields", "_op,_lsn"}}), HasSubstr("has \"_lsn\""));
  EXPECT_THAT(ErrorOf({{"delete_mode", "gone"}}), HasSubstr("delete_mode"));
  EXPECT_THAT(ErrorOf({{"parallelism", "0"}}), HasSubstr("parallelism"));
  EXPECT_THAT(ErrorOf({{"index", "_orders"}}), HasSubstr("may not begin with"));
  EXPECT_THAT(ErrorOf({{"timeout_ms", "400000"}}), HasSubstr("at most a third of gc_deletes_ms"));
  EXPECT_THAT(ErrorOf({{"auth", "basic"}}), HasSubstr("auth_username"));
  EXPECT_THAT(ErrorOf({{"auth", "bearer"}}), HasSubstr("auth_token"));
  EXPECT_THAT(ErrorOf({{"tls_cert_file", "a.pem"}}), HasSubstr("tls_key_file"));
  EXPECT_THAT(ErrorOf({{"refresh", "maybe"}}), HasSubstr("refresh"));
  EXPECT_EQ(ErrorOf({{"on_schema_change", "rebuild"}}), "");
  EXPECT_THAT(ErrorOf({{"on_schema_change", "rebuild"}, {"delete_mode", "soft"}}), HasSubstr("on_schema_change"));
  EXPECT_THAT(ErrorOf({{"on_schema_change", "rebuild"}, {"manage_index", "false"}}), HasSubstr("manage_index=true"));
  EXPECT_THAT(ErrorOf({{"on_schema_change", "ignore"}}), HasSubstr("on_schema_change"));
}

TEST(SearchOptions, AreTyped) {
  const Options o = Settings({{"url", "http://a:9200/es/, https://b"},
                              {"mapping.note", R"({"type":"keyword"})"},
                              {"mapping.child", R"({"properties":{}})"},
                              {"index_settings", R"({"number_of_shards": 3})"},
                              {"envelope_fields", "_op, _seq"},
                              {"delete_mode", "soft"},
                              {"on_truncate", "ignore"},
                              {"on_unrepresentable", "null"},
                              {"key_columns", "a, b"}})
                        .options;
  ASSERT_EQ(o.urls.size(), 2U);
  EXPECT_EQ(o.urls[0].target, "/es");
  EXPECT_EQ(o.urls[1].target, "");
  EXPECT_EQ(o.mapping.at("note").type, "keyword");
  EXPECT_EQ(o.mapping.at("child").type, "object");
  EXPECT_EQ(o.index_settings, R"({"number_of_shards":3})");
  EXPECT_THAT(o.envelope_fields, ::testing::ElementsAre(EnvelopeField::kOp, EnvelopeField::kSeq));
  EXPECT_TRUE(o.soft_delete && o.null_unrepresentable);
  EXPECT_EQ(o.on_truncate, Options::OnTruncate::kIgnore);
  EXPECT_THAT(o.key_columns, ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(o.parallelism, 2U);
}

TEST(SearchOptions, PatternsOfColumns) {
  EXPECT_TRUE(MatchesPattern("address_street", "address_*"));
  EXPECT_TRUE(MatchesPattern("abcbd", "a*b?"));
  EXPECT_TRUE(MatchesPattern("a", "a*"));
  EXPECT_TRUE(MatchesPattern("", "*"));
  EXPECT_FALSE(MatchesPattern("address", "address_*"));
  EXPECT_FALSE(MatchesPattern("ab", "a"));
  EXPECT_FALSE(MatchesPattern("a", "a?"));
}

TEST(SearchRequest, HasThePathInFrontOfTheServersOwnAndTheAccount) {
  const Options o =
      Settings({{"url", "http://a:9200/es/"}, {"auth", "basic"}, {"auth_username", "u"}, {"auth_password", "p"}})
          .options;
  net::Gzip gzip;
  const std::string small = RequestText(o, o.urls[0], {"PUT", "/orders-v1", "{}", 1}, gzip);
  EXPECT_THAT(small, ::testing::StartsWith("PUT /es/orders-v1 HTTP/1.1\r\nHost: a:9200\r\n"));
  EXPECT_THAT(small, HasSubstr("\r\nAuthorization: Basic dTpw\r\n"));
  EXPECT_THAT(small, HasSubstr("\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
  const std::string lines = RequestText(o, o.urls[0], {"POST", "/_bulk?a=b", std::string(2'000, '\n'), 2}, gzip);
  EXPECT_THAT(lines, HasSubstr("\r\nContent-Type: application/x-ndjson\r\nContent-Encoding: gzip\r\n"));
}

TEST(SearchOptions, Q21_TheAliasIsMadeOfTheStreamsNames) {
  const auto alias = [](const std::string& index) {
    return AliasOf(Settings({{"index", index}}).options, "shop.public.Orders", "public", "Orders");
  };
  EXPECT_EQ(alias("${table}"), "orders");
  EXPECT_EQ(alias("live-${schema}-${table}"), "live-public-orders");
  EXPECT_EQ(alias("${stream}"), "shop.public.orders");
  EXPECT_EQ(AliasOf(Settings({}).options, "s", "p", "Bücher & mehr"), "b--cher---mehr");
}

}  // namespace
}  // namespace headgate::search
