#include "core/pipeline/event_transforms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/pipeline/event_context.h"

namespace headgate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// An order of a customer, as an event.
class EventTransformsTest : public ::testing::Test {
 protected:
  EventTransformsTest() {
    settings_.ops.fill(true);
    settings_.columns.mask_text = "***";
    schema_.schema = "public";
    schema_.table = "orders";
    for (const auto& [name, kind] : {std::pair("id", TypeKind::kInt32), std::pair("status", TypeKind::kText),
                                     std::pair("country", TypeKind::kText)}) {
      Column& column = schema_.columns.emplace_back();
      column.name = name;
      column.type.kind = kind;
      column.type.declared = kind == TypeKind::kText ? "text" : "integer";
    }
    schema_.columns[0].key_position = 1;
    source_.name = source_.id = "shop";
    source_.connector = "postgresql";
    stream_ = {1, "shop.public.orders", 1, "public", "orders"};
    tx_.position = {PositionKind::kPgCommit, 7, 0, 0, {}};
    tx_.source = 1;
  }

  static std::string Row(std::int64_t id, std::string_view status, std::string_view country) {
    std::string row;
    PutInt(row, id);
    PutBlob(row, ValueKind::kText, status);
    PutBlob(row, ValueKind::kText, country);
    return row;
  }
  Event Make(Op op) {
    change_ = {};
    change_.op = op;
    change_.stream = 1;
    change_.schema = 1;
    change_.has_before = op == Op::kDelete || op == Op::kUpdate;
    change_.has_after = op != Op::kDelete;
    if (change_.has_before) change_.before = before_;
    if (change_.has_after) change_.after = after_;
    Event event;
    event.at = {1, 1};
    event.tx = &tx_;
    event.change = &change_;
    event.source = &source_;
    event.stream = &stream_;
    event.schema = &schema_;
    return event;
  }
  bool Takes(std::string_view filter, Op op) {
    auto parsed = Filter::Parse(filter);
    EXPECT_TRUE(parsed.ok()) << parsed.error().what;
    settings_.filter = std::make_shared<const Filter>(*std::move(parsed));
    EventTransforms transforms(settings_);
    Event event = Make(op);
    const auto taken = transforms.Apply(event);
    EXPECT_TRUE(taken.ok()) << taken.error().what;
    return taken.ok() && *taken;
  }
  // The record that comes of it.
  std::string Rendered(Op op) {
    EventTransforms transforms(settings_);
    Event event = Make(op);
    EXPECT_TRUE(transforms.Apply(event).ok());
    std::string record;
    codec::NativeEncoder native;
    EXPECT_TRUE(native.Append(record, ContextOf(event)).ok());
    return record;
  }

  EventTransformSettings settings_;
  TableSchema schema_;
  SourceInfo source_;
  StreamInfo stream_;
  TransactionInfo tx_;
  Change change_;
  std::string before_ = Row(7, "open", "DE");
  std::string after_ = Row(7, "paid", "DE");
};

TEST_F(EventTransformsTest, Op07AFilterTakesWhatItsExpressionSays) {
  EXPECT_TRUE(Takes("after.status = paid", Op::kUpdate));
  EXPECT_FALSE(Takes("after.status = open", Op::kUpdate));
  EXPECT_TRUE(Takes("before.status = open and after.id > 6", Op::kUpdate));
  EXPECT_FALSE(Takes("after.status = paid", Op::kDelete));
  EXPECT_TRUE(Takes("op = delete or after.status = paid", Op::kDelete));
  EXPECT_TRUE(Takes("source.table = orders", Op::kInsert));
  EXPECT_TRUE(Takes("key.id = 7", Op::kInsert));  // the whole record is looked at
  EXPECT_TRUE(Takes("'paid'", Op::kInsert));
  EXPECT_TRUE(Takes("after.gone = null", Op::kInsert));
}

TEST_F(EventTransformsTest, AFilterSaysWhichColumnsItNeeds) {
  const auto columns = [](std::string_view text) { return Filter::Parse(text)->Columns(); };
  EXPECT_THAT(*columns("after.a = 1 and (not before.b in (1, 2) or op = insert)"), UnorderedElementsAre("a", "b"));
  EXPECT_THAT(*columns("after.doc.x ~ y"), UnorderedElementsAre("doc"));
  EXPECT_THAT(*columns("source.table = t"), IsEmpty());
  EXPECT_FALSE(columns("word"));
  EXPECT_FALSE(columns("after.a = 1 or key.id = 3"));
  EXPECT_FALSE(columns("after = null"));
}

TEST_F(EventTransformsTest, Op08RowsAreChangedBeforeTheFilterAndTheSinkSeeThem) {
  settings_.columns.mask = {"public.orders.country"};
  settings_.columns.rename = {{"public.orders.status", "state"}};
  EXPECT_TRUE(Takes("after.country = '***' and after.state = paid", Op::kInsert));
  settings_.filter = nullptr;
  const std::string record = Rendered(Op::kUpdate);
  EXPECT_THAT(record, testing::HasSubstr(R"("before":{"id":7,"state":"open","country":"***"})"));
  EXPECT_THAT(record, testing::HasSubstr(R"("after":{"id":7,"state":"paid","country":"***"})"));
}

TEST_F(EventTransformsTest, OpsThatAreNotTakenAreLeftOutAndMarkersAreNot) {
  settings_.ops[static_cast<std::size_t>(Op::kDelete)] = false;
  EventTransforms transforms(settings_);
  Event event = Make(Op::kDelete);
  EXPECT_FALSE(*transforms.Apply(event));
  event = Make(Op::kUpdate);
  EXPECT_TRUE(*transforms.Apply(event));
  event = Make(Op::kDelete);
  EXPECT_TRUE(*transforms.Apply(event, false));
  event = Make(Op::kSchema);
  EXPECT_TRUE(*transforms.Apply(event));
}

TEST_F(EventTransformsTest, ARuleThatCannotBeObeyedIsAnErrorEachTime) {
  settings_.columns.mask = {"public.orders.id"};
  EventTransforms transforms(settings_);
  for (int i = 0; i < 2; ++i) {
    Event event = Make(Op::kInsert);
    const auto taken = transforms.Apply(event);
    ASSERT_FALSE(taken.ok());
    EXPECT_EQ(taken.error().kind, ErrorKind::kConfig);
  }
}

TEST_F(EventTransformsTest, BadSettingsAreErrorsOfTheirKey) {
  const config::ComponentSpec spec{
      "Some", {"some"}, config::ComponentKind::kSink, SinkTransformSpec(SinkTransforms::kAll)};
  const auto refused = [&](const std::string& key, const std::string& value) {
    const auto outcome =
        config::Bind(spec, {{"name", "c"}, {"connector.class", "some"}, {"topics", "t"}, {key, value}}, nullptr);
    std::vector<config::KeyError> errors = outcome.errors;
    ReadSinkTransforms(outcome.bound, SinkTransforms::kAll, errors);
    std::string keys;
    for (const auto& error : errors) keys += error.key + ": " + error.text + " ";
    return keys;
  };
  EXPECT_THAT(refused("filter", "after.a = "),
              testing::HasSubstr("filter: Setting \"filter\": The filter goes wrong at column"));
  EXPECT_THAT(refused("ops", "insert,nothing"), testing::HasSubstr("ops: "));
  EXPECT_EQ(refused("ops", "insert,delete"), "");
  EXPECT_EQ(refused("filter", "${env:F}"), "");
}

}  // namespace
}  // namespace headgate
