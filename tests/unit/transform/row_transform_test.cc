#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/model/change.h"
#include "core/net/digest.h"
#include "core/transform/column_rules.h"

namespace headgate {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kKey = "0123456789abcdef";

Column MakeColumn(std::string name, TypeKind kind, std::string declared, std::int32_t key = 0) {
  Column column;
  column.name = std::move(name);
  column.type.kind = kind;
  column.type.declared = column.type.base = std::move(declared);
  column.key_position = key;
  column.nullable = key == 0;
  return column;
}

TableSchema Users() {
  TableSchema schema;
  schema.schema = "public";
  schema.table = "users";
  schema.columns = {MakeColumn("id", TypeKind::kInt32, "integer", 1), MakeColumn("mail", TypeKind::kText, "text"),
                    MakeColumn("born", TypeKind::kDate, "date"), MakeColumn("name", TypeKind::kText, "varchar(80)")};
  return schema;
}

ColumnRules Rules() {
  ColumnRules rules;
  rules.mask_text = "***";
  rules.hash_key = kKey;
  return rules;
}

std::string Row(std::int64_t id, std::string_view mail, std::int64_t born, std::string_view name) {
  std::string row;
  PutInt(row, id);
  PutBlob(row, ValueKind::kText, mail);
  PutDate(row, born);
  PutBlob(row, ValueKind::kText, name);
  return row;
}

// The rules' transform of Users(); its error as text.
std::shared_ptr<const RowTransform> Compiled(const ColumnRules& rules, const TableSchema& schema = Users()) {
  auto made = Compile(rules, schema);
  EXPECT_TRUE(made.ok()) << made.error().what;
  return made.ok() ? *made : nullptr;
}
std::string ErrorOf(const ColumnRules& rules) {
  const auto made = Compile(rules, Users());
  if (made.ok()) return "none";
  EXPECT_EQ(made.error().kind, ErrorKind::kConfig);
  return made.error().what;
}

std::vector<Value> Read(std::string_view row) {
  std::vector<Value> values;
  EXPECT_TRUE(ReadRow(row, values).ok());
  return values;
}

TEST(RowTransform, WithoutARuleForTheTableThereIsNone) {
  EXPECT_EQ(Compiled(Rules()), nullptr);
  ColumnRules rules = Rules();
  rules.mask = {"public.orders.*"};
  EXPECT_EQ(Compiled(rules), nullptr);
}

TEST(RowTransform, Op08MaskedTextBecomesTheMaskAndOtherTypesNull) {
  ColumnRules rules = Rules();
  rules.mask = {"public.users.mail", "*.born"};
  const auto transform = Compiled(rules);
  std::string out;
  ASSERT_TRUE(transform->Append(Row(7, "ann@example.com", 100, "Ann"), out).ok());
  const auto values = Read(out);
  ASSERT_EQ(values.size(), 4U);
  EXPECT_EQ(values[0].i, 7);
  EXPECT_EQ(values[1].text, "***");
  EXPECT_TRUE(values[2].is_null());
  EXPECT_EQ(values[3].text, "Ann");
  EXPECT_EQ(transform->schema().columns[1].type.declared, "text");
  EXPECT_TRUE(transform->schema().columns[2].nullable);
  EXPECT_EQ(transform->schema().columns[3], Users().columns[3]);
}

TEST(RowTransform, Op08HashedValuesAreTheHmacOfTheirText) {
  ColumnRules rules = Rules();
  rules.hash = {"public.users.mail", "public.users.id"};
  const auto transform = Compiled(rules);
  std::string out;
  ASSERT_TRUE(transform->Append(Row(7, "ann@example.com", 100, "Ann"), out).ok());
  const auto values = Read(out);
  EXPECT_EQ(values[0].text, net::HmacSha256Hex(kKey, "7"));
  EXPECT_EQ(values[1].text, net::HmacSha256Hex(kKey, "ann@example.com"));
  EXPECT_EQ(values[2].i, 100);
  EXPECT_EQ(transform->schema().columns[0].type.kind, TypeKind::kText);
  EXPECT_EQ(transform->schema().columns[0].key_position, 1);
}

// RFC 4231, test case 2.
TEST(RowTransform, TheHmacIsThatOfTheStandard) {
  EXPECT_EQ(net::HmacSha256Hex("Jefe", "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(RowTransform, HashedColumnsOfMysqlHaveALengthThatKeysCanHave) {
  TableSchema schema = Users();
  schema.columns[0].type.family = TypeFamily::kMysql;
  ColumnRules rules = Rules();
  rules.hash = {"public.users.id"};
  EXPECT_EQ(Compiled(rules, schema)->schema().columns[0].type.declared, "varchar(64)");
}

TEST(RowTransform, Op08TruncatedTextNeverEndsInHalfACharacter) {
  struct Case {
    std::string_view text;
    std::size_t characters;
    std::string_view kept;
  };
  const Case cases[] = {
      {"abc", 0, ""},   {"abc", 2, "ab"}, {"abc", 3, "abc"}, {"abc", 9, "abc"}, {"", 3, ""},
      {"äöü", 2, "äö"}, {"a€b", 2, "a€"}, {"😀😀", 1, "😀"},    {"😀😀", 2, "😀😀"},   {"e\xCC\x81x", 1, "e"},
  };
  for (const Case& c : cases) EXPECT_EQ(FirstCharacters(c.text, c.characters), c.kept) << c.text;
}

TEST(RowTransform, NullAndAbsentValuesStayWhatTheyAre) {
  ColumnRules rules = Rules();
  rules.mask = {"public.users.mail"};
  rules.hash = {"public.users.born"};
  rules.truncate = {{"public.users.name", 1}};
  std::string row;
  PutInt(row, 7);
  PutAbsent(row);
  PutNull(row);
  PutAbsent(row);
  std::string out;
  ASSERT_TRUE(Compiled(rules)->Append(row, out).ok());
  EXPECT_EQ(out, row);
}

TEST(RowTransform, OnlyTheLastRowOfABlockIsChangedInPlace) {
  ColumnRules rules = Rules();
  rules.truncate = {{"public.users.name", 1}};
  std::string bytes = "before";
  const std::size_t start = bytes.size();
  bytes += Row(1, "a", 2, "Bob");
  ASSERT_TRUE(Compiled(rules)->Apply(bytes, start).ok());
  EXPECT_EQ(bytes, "before" + Row(1, "a", 2, "B"));
}

TEST(RowTransform, ARowThatCannotBeTransformedGoesNowhere) {
  ColumnRules rules = Rules();
  rules.mask = {"public.users.mail"};
  std::string bytes = "before";
  bytes += Row(1, "secret", 2, "Bob");
  bytes.pop_back();
  EXPECT_EQ(Compiled(rules)->Apply(bytes, 6).error().kind, ErrorKind::kCorrupt);
  EXPECT_EQ(bytes, "before");
}

TEST(RowTransform, Op07RenamedColumnsKeepTheirValuesAndTheirPlaceInTheKey) {
  ColumnRules rules = Rules();
  rules.rename = {{"public.users.id", "user_id"}};
  const auto transform = Compiled(rules);
  EXPECT_FALSE(transform->changes_rows());
  EXPECT_EQ(transform->schema().columns[0].name, "user_id");
  EXPECT_EQ(transform->schema().columns[0].key_position, 1);
}

TEST(RowTransform, RulesThatCannotBeObeyedNameTheColumn) {
  ColumnRules rules = Rules();
  rules.mask = {"public.users.id"};
  EXPECT_THAT(ErrorOf(rules), HasSubstr("\"mask_columns\": column public.users.id is part of the key"));
  rules = Rules();
  rules.truncate = {{"*.id", 3}};
  EXPECT_THAT(ErrorOf(rules), HasSubstr("\"truncate_columns\": column public.users.id is part of the key"));
  rules.truncate = {{"*.born", 3}};
  EXPECT_THAT(ErrorOf(rules), HasSubstr("column public.users.born is of type date: only text can be cut"));
  rules = Rules();
  rules.mask = rules.hash = {"public.users.mail"};
  EXPECT_THAT(ErrorOf(rules), HasSubstr("is in mask_columns as well"));
  rules = Rules();
  rules.rename = {{"public.users.mail", "name"}};
  EXPECT_THAT(ErrorOf(rules), HasSubstr("would have the name name"));
}

TEST(RowTransform, Op08AHiddenColumnThatGotAnotherNameIsNotShownUnderIt) {
  ColumnRules rules = Rules();
  rules.mask = {"public.users.mail"};
  TableSchema now = Users();
  now.columns[1].name = "email";
  const TableSchema before = Users();
  const auto refused = Compile(rules, now, &before);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConfig);
  EXPECT_THAT(refused.error().what, HasSubstr("\"mask_columns\": column public.users.mail is gone and email has come"));
  rules.mask = {"public.users.mail", "public.users.email"};
  EXPECT_TRUE(Compile(rules, now, &before).ok()) << "it is hidden under both names";
  rules.mask = {"public.users.born"};
  EXPECT_TRUE(Compile(rules, now, &before).ok()) << "nobody hides it";
  rules.mask = {"public.users.mail"};
  now.columns.erase(now.columns.begin() + 1);
  EXPECT_TRUE(Compile(rules, now, &before).ok()) << "it was dropped";
}

TEST(RowTransform, NeitherDefaultsNorValuesOfOlderRowsAreShown) {
  TableSchema schema = Users();
  schema.columns[1].default_expression = "'ann@example.com'::text";
  schema.columns[1].value_before = "ann@example.com";
  schema.columns[3].value_before = "Ann";
  ColumnRules rules = Rules();
  rules.hash = {"public.users.mail"};
  rules.truncate = {{"public.users.name", 1}};
  const auto once = Compiled(rules, schema);
  EXPECT_FALSE(once->schema().columns[1].default_expression);
  EXPECT_EQ(once->schema().columns[1].value_before, net::HmacSha256Hex(kKey, "ann@example.com"));
  EXPECT_EQ(once->schema().columns[3].value_before, "A");
  // The source has it from the stored schema the next time.
  schema.columns[1].value_before = once->schema().columns[1].value_before;
  const auto again = Compile(rules, schema, &once->schema());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ((*again)->schema(), [&] {
    TableSchema expected = once->schema();
    return expected;
  }());
}

}  // namespace
}  // namespace headgate
