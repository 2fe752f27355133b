#include "core/config/validate.h"

#include <algorithm>

#include "tests/unit/config/sample_spec.h"

namespace headgate::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

ConfigInfos DescribeSink(const FlatConfig& config) {
  return Describe(SampleSink(), config, Bind(SampleSink(), config, nullptr).errors);
}

const KeyInfo& Key(const ConfigInfos& infos, std::string_view name) {
  const auto found =
      std::find_if(infos.configs.begin(), infos.configs.end(), [&](const KeyInfo& k) { return k.name == name; });
  CHECK(found != infos.configs.end());
  return *found;
}

TEST(Describe, KC17_ListsEveryKeyInDefinitionOrderWithTheCommonPartFirst) {
  std::vector<std::string> names;
  const ConfigInfos infos = DescribeSink({});
  for (const KeyInfo& info : infos.configs) names.push_back(info.name);
  EXPECT_THAT(names, ElementsAre("connector.class", "name", "tasks.max", "topics", "topics.regex", "url",
                                 "batch_bytes_max", "store_bytes_max", "ratio", "tls_verify", "format", "ops", "auth",
                                 "auth_password", "signing_key", "tls_ca_file", "parallelism"));
  EXPECT_THAT(infos.groups, ElementsAre("Common", "Target", "Batches", "Auth"));
  EXPECT_EQ(infos.name, "SampleSink");
}

TEST(Describe, KC17_OrderInGroupCountsWithinTheGroup) {
  const ConfigInfos infos = DescribeSink({});
  EXPECT_EQ(Key(infos, "connector.class").definition->order_in_group, 1);
  EXPECT_EQ(Key(infos, "topics.regex").definition->order_in_group, 5);
  EXPECT_EQ(Key(infos, "url").definition->order_in_group, 1);
  EXPECT_EQ(Key(infos, "tls_verify").definition->order_in_group, 2);
  EXPECT_EQ(Key(infos, "batch_bytes_max").definition->order_in_group, 1);
}

TEST(Describe, KC7_EnumerationsStayWithinConnects) {
  for (const ComponentSpec* spec : {&SampleSink(), &SampleSource()}) {
    for (const KeyDefinition& definition : Definitions(*spec)) {
      EXPECT_THAT((std::vector<std::string_view>{"BOOLEAN", "CLASS", "DOUBLE", "INT", "LIST", "LONG", "PASSWORD",
                                                 "SHORT", "STRING"}),
                  ::testing::Contains(definition.type));
      EXPECT_THAT((std::vector<std::string_view>{"HIGH", "MEDIUM", "LOW"}), ::testing::Contains(definition.importance));
      EXPECT_THAT((std::vector<std::string_view>{"NONE", "SHORT", "MEDIUM", "LONG"}),
                  ::testing::Contains(definition.width));
      EXPECT_FALSE(definition.display_name.empty());
    }
  }
}

TEST(Describe, DefinitionCarriesWhatTheSpecSays) {
  const KeyDefinition url = *Key(DescribeSink({}), "url").definition;
  EXPECT_EQ(url.type, "STRING");
  EXPECT_TRUE(url.required);
  EXPECT_EQ(url.default_value, std::nullopt);
  EXPECT_EQ(url.documentation, "Where to. Example: https://example.org/in");
  EXPECT_EQ(url.display_name, "URL");
  const KeyDefinition batch = *Key(DescribeSink({}), "batch_bytes_max").definition;
  EXPECT_EQ(batch.type, "INT");
  EXPECT_FALSE(batch.required);
  EXPECT_THAT(batch.default_value, Optional(std::string("1048576")));
  EXPECT_EQ(batch.display_name, "Batch bytes max");
  EXPECT_THAT(Key(DescribeSink({}), "auth").definition->dependents, ElementsAre("auth_password"));
}

TEST(Describe, ValueIsWhatWasSentElseTheDefaultElseNull) {
  const ConfigInfos infos = DescribeSink(With(SoundSink(), "batch_bytes_max", "seven"));
  EXPECT_THAT(Key(infos, "batch_bytes_max").value, Optional(std::string("seven")));
  EXPECT_THAT(Key(infos, "format").value, Optional(std::string("native")));
  EXPECT_EQ(Key(infos, "parallelism").value, std::nullopt);
  EXPECT_EQ(Key(infos, "auth_password").value, std::nullopt);
}

TEST(Describe, KC17_PasswordValuesAndTheirDefaultsAreHidden) {
  const ConfigInfos infos =
      DescribeSink(With(With(SoundSink(), "auth_password", "hunter2"), "url", "http://u:p@h/?sig=x"));
  EXPECT_THAT(Key(infos, "auth_password").value, Optional(std::string("[hidden]")));
  EXPECT_THAT(Key(infos, "signing_key").value, Optional(std::string("[hidden]")));
  EXPECT_THAT(Key(infos, "signing_key").definition->default_value, Optional(std::string("[hidden]")));
  EXPECT_THAT(Key(infos, "url").value, Optional(std::string("http://h/?sig=***")));
}

TEST(Describe, PlaceholdersComeBackUnresolved) {
  EXPECT_THAT(Key(DescribeSink(With(SoundSink(), "tls_ca_file", "${env:CA}")), "tls_ca_file").value,
              Optional(std::string("${env:CA}")));
}

TEST(Describe, KC17_RecommendedValuesAreTheClosedChoices) {
  const ConfigInfos infos = DescribeSink({});
  EXPECT_THAT(Key(infos, "format").recommended_values, ElementsAre("native", "debezium"));
  EXPECT_THAT(Key(infos, "url").recommended_values, IsEmpty());
}

TEST(Describe, KC17_VisibleIsFalseForAKeyThatAnotherMakesMeaningless) {
  EXPECT_FALSE(Key(DescribeSink(SoundSink()), "auth_password").visible);
  EXPECT_FALSE(Key(DescribeSink(With(SoundSink(), "auth", "none")), "auth_password").visible);
  EXPECT_TRUE(Key(DescribeSink(With(SoundSink(), "auth", "bearer")), "auth_password").visible);
  EXPECT_TRUE(Key(DescribeSink(With(SoundSink(), "auth", "${env:AUTH}")), "auth_password").visible);
  EXPECT_TRUE(Key(DescribeSink(SoundSink()), "url").visible);
}

TEST(Describe, RelevanceGoesThroughAChainAndARingEnds) {
  const ComponentSpec spec = {
      .class_name = "X",
      .aliases = {},
      .kind = ComponentKind::kSource,
      .options = {{.name = "a", .type = OptionType::kBoolean, .default_value = "false", .has_default = true},
                  {.name = "b", .relevant_if_key = "a", .relevant_if_value = "true"},
                  {.name = "c", .relevant_if_key = "b", .relevant_if_value = "x"},
                  {.name = "r", .relevant_if_key = "s", .relevant_if_value = "1"},
                  {.name = "s", .relevant_if_key = "r", .relevant_if_value = "1"}}};
  EXPECT_FALSE(Key(Describe(spec, {{"b", "x"}}, {}), "c").visible);
  EXPECT_TRUE(Key(Describe(spec, {{"a", "TRUE"}, {"b", "x"}}, {}), "c").visible);
  EXPECT_TRUE(Key(Describe(spec, {{"r", "1"}, {"s", "1"}}, {}), "r").visible);
}

TEST(Describe, KC16_AnAlmostEmptyConfigIsAnsweredWithErrorsPerKey) {
  const ConfigInfos infos = DescribeSink({{"connector.class", "SampleSinkConnector"}, {"topics", "t"}});
  EXPECT_EQ(infos.error_count, 2);
  EXPECT_THAT(Key(infos, "name").errors, ElementsAre("Missing required setting \"name\"."));
  EXPECT_THAT(Key(infos, "url").errors, ElementsAre("Missing required setting \"url\"."));
}

TEST(Describe, ErrorCountIsTheNumberOfTextsNotOfKeys) {
  const ConfigInfos infos = Describe(SampleSink(), SoundSink(), {{"url", "one"}, {"url", "two"}, {"format", "three"}});
  EXPECT_EQ(infos.error_count, 3);
  EXPECT_THAT(Key(infos, "url").errors, ElementsAre("one", "two"));
}

TEST(Describe, AnUndeclaredKeyWithAnErrorHasNoDefinition) {
  FlatConfig config = SoundSink();
  config["colour"] = "red";
  config["signing_kye"] = "hunter2";
  config["header.X-Team"] = "a";
  config["transforms"] = "t";
  const ConfigInfos infos = DescribeSink(config);
  EXPECT_EQ(infos.error_count, 2);
  EXPECT_FALSE(Key(infos, "colour").definition.has_value());
  EXPECT_THAT(Key(infos, "colour").value, Optional(std::string("red")));
  EXPECT_EQ(Key(infos, "colour").errors.size(), 1U);
  EXPECT_THAT(Key(infos, "signing_kye").value, Optional(std::string("[hidden]")));
  EXPECT_EQ(infos.configs.size(), 19U) << "free and ignored keys without errors are not listed";
}

TEST(Humanised, MakesWordsOfNames) {
  const std::pair<const char*, const char*> table[] = {{"slot_name", "Slot name"},
                                                       {"url", "URL"},
                                                       {"tls_ca_file", "TLS CA file"},
                                                       {"topics.regex", "Topics regex"},
                                                       {"a", "A"},
                                                       {"", ""},
                                                       {"__x__", "X"},
                                                       {"public_url", "Public URL"}};
  for (const auto& [key, text] : table) EXPECT_EQ(Humanised(key), text) << key;
}

TEST(ErrorsText, KC20_ATextOfTwoKeysStandsOnce) {
  std::vector<KeyError> errors = {{"topics", "Set one."}, {"topics.regex", "Set one."}};
  AddErrors(errors, {{"topics", "Again."}, {"url", "Missing."}, {"url", "Wrong."}});
  const std::string text = ErrorsText(errors);
  EXPECT_EQ(text.find("Set one.", text.find("Set one.") + 1), std::string::npos) << text;
  EXPECT_EQ(text.find("Again."), std::string::npos);
  EXPECT_THAT(text, testing::HasSubstr("following 3 error(s):\nSet one.\nMissing.\nWrong.\n"));
}

}  // namespace
}  // namespace headgate::config
