// Changes as documents: what the settings make of them.
#include "sinks/search/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sinks/search/server.h"
#include "tests/unit/sinks/sample_events.h"

namespace headgate::search {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SearchDocument : public ::testing::Test {
 protected:
  // As "index 1: {...}", "delete 1 r<routing>"; the error behind them.
  std::vector<std::string> Encode(const Event& event) {
    auto layout = LayoutOf(*event.schema, event.stream->name, options_, Product::kOpenSearch);
    if (!layout.ok()) return {layout.error().what};
    Documents out;
    DocumentEncoder encoder(options_);
    const Status status = encoder.Encode(event, *layout, out);
    if (!status.ok()) return {status.error().what};
    std::vector<std::string> writes;
    for (const Document& document : out.documents) {
      std::string text = (document.remove ? "delete " : "index ") + document.id;
      if (!document.routing.empty()) text += " r" + document.routing;
      if (!document.remove) text += ": " + document.source;
      writes.push_back(text);
    }
    if (!out.error_class.empty()) writes.push_back(std::string(out.error_class) + ": " + out.error);
    return writes;
  }

  Options options_;
  SampleEvents events_;
};

TEST_F(SearchDocument, Q16_ASoftDeleteNeedsTheOldRow) {
  options_.soft_delete = true;
  const auto writes = Encode(events_.Delete(1));
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_THAT(writes[0], HasSubstr("render: the database did not send column status of the old row"));
  options_.include = {"id"};
  EXPECT_THAT(Encode(events_.Delete(1)),
              ::testing::ElementsAre(R"(index 1: {"id":1,"deleted_at":"2026-03-04T05:06:07.130211Z"})"));
}

TEST_F(SearchDocument, Q17_OfAKeyThatChangedTheOldDocumentEndsEvenIfTheNewOneCannotBe) {
  options_.document_bytes_max = 5;
  const auto writes = Encode(events_.Update(9, "paid", 1));
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ(writes[0], "delete 1");
  EXPECT_THAT(writes[1], HasSubstr("too_large"));
}

TEST_F(SearchDocument, Q28_ARoutingThatMayHaveChangedUnseenIsNoGuess) {
  options_.routing_column = "city";
  EXPECT_THAT(Encode(events_.Insert(1)).at(0), HasSubstr("index 1 rMalmö: "));
  EXPECT_THAT(Encode(events_.Update(1)).at(0), HasSubstr("REPLICA IDENTITY FULL"));
  EXPECT_THAT(Encode(events_.Delete(1)).at(0), HasSubstr("REPLICA IDENTITY FULL"));
  options_.routing_column = "id";
  EXPECT_THAT(Encode(events_.Update(1)).at(0), HasSubstr("index 1 r1: "));
  options_.routing_column = "town";
  EXPECT_THAT(Encode(events_.Insert(1)).at(0), HasSubstr("no column town, which routing_column names"));
}

TEST_F(SearchDocument, Q26_WithoutAKeyTheWaysOutAreNamed) {
  EXPECT_THAT(Encode(events_.Insert(1, "open", SampleEvents::kNotes)).at(0),
              ::testing::AllOf(HasSubstr("key_columns"), HasSubstr("a view")));
  options_.key_columns = {"status", "id"};
  EXPECT_THAT(Encode(events_.Insert(1, "a|b", SampleEvents::kNotes)).at(0), HasSubstr("index a%7Cb|1: "));
}

TEST_F(SearchDocument, Q27_FieldsAreThoseThatAreWanted) {
  options_.include = {"c*"};
  options_.envelope_fields = {EnvelopeField::kOp, EnvelopeField::kSeq};
  EXPECT_THAT(Encode(events_.Insert(1)).at(0), R"(index 1: {"id":1,"city":"Malmö","_op":"insert","_seq":1})");
  options_.include = {};
  options_.exclude = {"id", "city"};
  options_.envelope_fields = {};
  EXPECT_THAT(Encode(events_.Insert(1)).at(0), R"(index 1: {"id":1,"status":"open"})");
}

TEST_F(SearchDocument, AFieldOfTheSettingsMayNotHaveTheNameOfAColumn) {
  Event event = events_.Insert(1);
  TableSchema schema = *event.schema;
  schema.columns[1].name = "deleted_at";
  event.schema = &schema;
  options_.soft_delete = true;
  EXPECT_THAT(Encode(event).at(0), HasSubstr("has a column deleted_at"));
}

std::string Unrepresentable(std::string_view row_text, TypeKind kind, std::string base) {
  SampleEvents events;
  Event event = events.Insert(1, row_text);
  TableSchema schema = *event.schema;
  schema.columns[1].type.kind = kind;
  schema.columns[1].type.base = std::move(base);
  event.schema = &schema;
  Options options;
  Documents out;
  auto layout = LayoutOf(schema, "s", options, Product::kOpenSearch);
  EXPECT_TRUE(layout.ok());
  EXPECT_TRUE(DocumentEncoder(options).Encode(event, *layout, out).ok());
  return std::string(out.error_class);
}

TEST(SearchValues, Q22_DatesThatAFieldCannotHold) {
  for (const char* const text : {"0000-00-00", "2026-00-01", "2026-01-00", "infinity", "-0044-03-15T00:00:00",
                                 "+10000-01-01", "0000-12-31", "soon"}) {
    EXPECT_EQ(Unrepresentable(text, TypeKind::kDate, "date"), "unrepresentable") << text;
  }
  for (const char* const text : {"0001-01-01", "9999-12-31T23:59:59.999999Z"}) {
    EXPECT_THAT(Unrepresentable(text, TypeKind::kDate, "date"), IsEmpty()) << text;
  }
  EXPECT_EQ(Unrepresentable("NaN", TypeKind::kDouble, "float8"), "unrepresentable");
  EXPECT_EQ(Unrepresentable("-Infinity", TypeKind::kDouble, "float8"), "unrepresentable");
  EXPECT_THAT(Unrepresentable("NaN", TypeKind::kText, "text"), IsEmpty());
}

TEST(SearchServer, Q21_IsReadFromItsAnswer) {
  const auto read = [](int status, std::string_view body, std::string_view headers = "") {
    auto server = ReadServer({status, body, headers, {}});
    return server.ok() ? server->Text() : server.error().what;
  };
  EXPECT_EQ(read(200, R"({"version":{"number":"3.8.0","distribution":"opensearch"}})"), "OpenSearch 3.8.0");
  EXPECT_EQ(read(200, R"({"version":{"number":"7.17.29","build_flavor":"default"}})"), "Elasticsearch 7.17.29");
  EXPECT_EQ(read(405, "", "Content-Type: text/plain\r\nX-elastic-product: Elasticsearch\r\n"), "Elasticsearch");
  EXPECT_THAT(read(405, ""), HasSubstr("no search server"));
  EXPECT_THAT(read(401, ""), HasSubstr("auth_password"));
  EXPECT_THAT(read(403, ""), HasSubstr("right to ask for GET /"));
  EXPECT_THAT(read(200, R"({"version":3})"), HasSubstr("no search server"));
  EXPECT_EQ(ReadServer({503, "", "", {}}).error().kind, ErrorKind::kTransient);
  const auto tried = [](Product product, int major, int minor) {
    Server server;
    server.product = product;
    server.major = major;
    server.minor = minor;
    return !UntriedVersion(server).has_value();
  };
  EXPECT_TRUE(tried(Product::kOpenSearch, 2, 19) && tried(Product::kOpenSearch, 3, 8));
  EXPECT_TRUE(tried(Product::kElasticsearch, 7, 10) && tried(Product::kElasticsearch, 8, 19));
  EXPECT_FALSE(tried(Product::kOpenSearch, 1, 3) || tried(Product::kElasticsearch, 7, 9) ||
               tried(Product::kElasticsearch, 9, 0));
}

}  // namespace
}  // namespace headgate::search
