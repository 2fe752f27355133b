#include "core/config/spec.h"

#include "core/config/secrets.h"
#include "tests/unit/config/sample_spec.h"

namespace headgate::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

BindOutcome BindSink(const FlatConfig& config) { return Bind(SampleSink(), config, nullptr); }

TEST(Bind, TakesASoundConfigAndFillsDefaults) {
  FlatConfig config = SoundSink();
  config["store_bytes_max"] = " 5000000000 ";
  config["ratio"] = "0.25";
  config["tls_verify"] = "False";
  config["ops"] = "insert, delete,,";
  const BindOutcome outcome = BindSink(config);
  EXPECT_EQ(Lines(outcome.errors), "");
  const Bound& bound = outcome.bound;
  EXPECT_EQ(bound.Text("url"), "http://h/in");
  EXPECT_EQ(bound.Int("store_bytes_max"), 5'000'000'000);
  EXPECT_EQ(bound.Int("batch_bytes_max"), 1'048'576);
  EXPECT_EQ(bound.Int("tasks.max"), 1);
  EXPECT_DOUBLE_EQ(bound.Double("ratio"), 0.25);
  EXPECT_FALSE(bound.Bool("tls_verify"));
  EXPECT_THAT(bound.List("ops"), ElementsAre("insert", "delete"));
  EXPECT_THAT(bound.List("topics"), ElementsAre("shop.public.orders"));
  EXPECT_EQ(bound.Text("format"), "native");
}

TEST(Bind, TellsUnsetFromSetAndDefaulted) {
  const Bound bound = BindSink(SoundSink()).bound;
  EXPECT_TRUE(bound.Has("url"));
  EXPECT_TRUE(bound.Has("format"));
  EXPECT_FALSE(bound.Has("parallelism"));
  EXPECT_EQ(bound.Int("parallelism"), 0);
  EXPECT_EQ(bound.Text("tls_ca_file"), "");
  EXPECT_EQ(bound.All().at("url").origin, "config");
  EXPECT_EQ(bound.All().at("format").origin, "default");
}

TEST(Bind, KeepsFreeTextAsItWasWritten) {
  EXPECT_EQ(BindSink(With(SoundSink(), "tls_ca_file", "  a b ")).bound.Text("tls_ca_file"), "  a b ");
}

TEST(BindDeathTest, AskingForAnUndeclaredOptionIsABugOfOurs) {
  const Bound bound = BindSink(SoundSink()).bound;
  EXPECT_DEATH(bound.Text("no_such_option"), "known_");
}

struct BadValue {
  const char* key;
  const char* value;
  const char* text;
};

TEST(Bind, NamesKeyValueAndRemedyForEachBadValue) {
  const BadValue table[] = {
      {"batch_bytes_max", "ten",
       "Setting \"batch_bytes_max\" is \"ten\". It must be a whole number from 1 to 1048576."},
      {"batch_bytes_max", "0", "Setting \"batch_bytes_max\" is \"0\". It must be a whole number from 1 to 1048576."},
      {"batch_bytes_max", "1048577",
       "Setting \"batch_bytes_max\" is \"1048577\". It must be a whole number from 1 to 1048576."},
      {"batch_bytes_max", "", "Setting \"batch_bytes_max\" is \"\". It must be a whole number from 1 to 1048576."},
      {"batch_bytes_max", "5.0",
       "Setting \"batch_bytes_max\" is \"5.0\". It must be a whole number from 1 to 1048576."},
      {"parallelism", "2147483648",
       "Setting \"parallelism\" is \"2147483648\". It must be a whole number from 1 to 2147483647."},
      {"store_bytes_max", "9223372036854775808",
       "Setting \"store_bytes_max\" is \"9223372036854775808\". It must be a whole number from -9223372036854775808 to "
       "9223372036854775807."},
      {"ratio", "nan", "Setting \"ratio\" is \"nan\". It must be a number such as 0.5."},
      {"ratio", "0,5", "Setting \"ratio\" is \"0,5\". It must be a number such as 0.5."},
      {"tls_verify", "yes", "Setting \"tls_verify\" is \"yes\". It must be true or false."},
      {"format", "debezum",
       "Setting \"format\" is \"debezum\". It must be one of: native, debezium. Did you mean \"debezium\"?"},
      {"format", "xml", "Setting \"format\" is \"xml\". It must be one of: native, debezium."},
      {"ops", "insert,truncate", "Setting \"ops\" is \"insert,truncate\". It must be one of: insert, update, delete."},
      {"tasks.max", "0", "Setting \"tasks.max\" is \"0\". It must be a whole number from 1 to 2147483647."},
      {"connector.class", "postgres", "Setting \"connector.class\" is \"postgres\", which does not mean SampleSink."},
      {"name", "${env:N}", "Setting \"name\" may not hold a placeholder: it is shown everywhere. Write it out."},
      {"signing_key", "[hidden]", "Setting \"signing_key\" is the mask [hidden]. Give the secret or a placeholder."},
      {"header.Authorization", "[hidden]",
       "Setting \"header.Authorization\" is the mask [hidden]. Give the secret or a placeholder."},
      {"tls_verify", "https://u:p@h/?token=x",
       "Setting \"tls_verify\" is \"https://h/?token=***\". It must be true or false."},
      {"header.", "x", "Unknown setting \"header.\". GET /connector-plugins/SampleSink/config lists the settings."},
  };
  for (const BadValue& bad : table) {
    EXPECT_EQ(Lines(BindSink(With(SoundSink(), bad.key, bad.value)).errors), std::string(bad.key) + ": " + bad.text);
  }
}

TEST(Bind, KC19_UnknownSettingSuggestsTheNearestName) {
  EXPECT_EQ(Lines(BindSink(With(SoundSink(), "batch_byte_max", "5")).errors),
            "batch_byte_max: Unknown setting \"batch_byte_max\". Did you mean \"batch_bytes_max\"?");
}

TEST(Bind, KC19_UnknownSettingWithoutANearNameSaysWhereTheListIs) {
  EXPECT_EQ(Lines(BindSink(With(SoundSink(), "colour", "red")).errors),
            "colour: Unknown setting \"colour\". GET /connector-plugins/SampleSink/config lists the settings.");
}

TEST(Bind, AFloodOfUnknownSettingsIsCut) {
  FlatConfig config = SoundSink();
  for (int i = 0; i < 20'000; ++i) config["batch_bytes_mux" + std::to_string(i)] = "x";
  const BindOutcome outcome = BindSink(config);
  ASSERT_EQ(outcome.errors.size(), 51U);
  EXPECT_EQ(outcome.errors.back().text, "More unknown settings follow. Mend these first.");
}

TEST(Bind, KC19_KeysOfConnectItselfAreIgnoredAndReported) {
  FlatConfig config = SoundSink();
  const std::vector<std::string> ignored = {"admin.override.x",
                                            "config.action.reload",
                                            "consumer.override.x",
                                            "errors.tolerance",
                                            "header.converter",
                                            "header.converter.x",
                                            "key.converter",
                                            "key.converter.schemas.enable",
                                            "predicates",
                                            "predicates.p.type",
                                            "producer.override.sasl",
                                            "tasks.max.enforce",
                                            "topic.creation.default",
                                            "transforms",
                                            "transforms.t.type",
                                            "value.converter"};
  for (const std::string& key : ignored) config[key] = "x";
  const BindOutcome outcome = BindSink(config);
  EXPECT_EQ(Lines(outcome.errors), "");
  EXPECT_EQ(outcome.ignored, ignored);
}

TEST(Bind, KC19_LooksLikeConnectButIsNotIsUnknown) {
  for (const char* key : {"error.tolerance", "topic.creation", "config.action", "producer.x", "tasks.max.enforced"}) {
    const BindOutcome outcome = BindSink(With(SoundSink(), key, "x"));
    EXPECT_THAT(Lines(outcome.errors), HasSubstr("Unknown setting")) << key;
    EXPECT_THAT(outcome.ignored, IsEmpty()) << key;
  }
}

TEST(Bind, FreePrefixTakesAnyKeyAndHandsItOutWithoutThePrefix) {
  FlatConfig config = SoundSink();
  config["header.X-Team"] = "a";
  config["header.converter-id"] = "7";
  config["header.converter"] = "org.example.Converter";
  const BindOutcome outcome = BindSink(config);
  EXPECT_EQ(Lines(outcome.errors), "");
  EXPECT_THAT(outcome.bound.WithPrefix("header."), ElementsAre(Pair("X-Team", "a"), Pair("converter-id", "7")));
}

TEST(Bind, MissingRequiredSettingHasTheWordsOfTheContract) {
  EXPECT_EQ(Lines(Bind(SampleSource(), Without(SoundSource(), "host"), nullptr).errors),
            "host: Missing required setting \"host\".");
  EXPECT_EQ(Lines(Bind(SampleSource(), With(SoundSource(), "host", "  "), nullptr).errors),
            "host: Missing required setting \"host\".");
}

TEST(Bind, EmptyConfigNamesEveryRequiredKeyInDefinitionOrder) {
  EXPECT_EQ(Lines(BindSink({}).errors),
            "connector.class: Missing required setting \"connector.class\".\n"
            "name: Missing required setting \"name\".\n"
            "topics: Set exactly one of \"topics\" and \"topics.regex\": neither is set.\n"
            "topics.regex: Set exactly one of \"topics\" and \"topics.regex\": neither is set.\n"
            "url: Missing required setting \"url\".");
}

TEST(Bind, ErrorsStandInDefinitionOrderUnknownKeysLast) {
  FlatConfig config = SoundSink();
  config["aaa"] = "x";
  config["format"] = "xml";
  config["batch_bytes_max"] = "x";
  config["header.Authorization"] = "[hidden]";
  std::vector<std::string> keys;
  for (const KeyError& error : BindSink(config).errors) keys.push_back(error.key);
  EXPECT_THAT(keys, ElementsAre("batch_bytes_max", "format", "header.Authorization", "aaa"));
}

TEST(Bind, ARequiredOptionThatIsNotRelevantMayBeMissing) {
  EXPECT_EQ(Lines(BindSink(With(SoundSink(), "auth", "none")).errors), "");
  EXPECT_EQ(Lines(BindSink(With(SoundSink(), "auth", "basic")).errors),
            "auth_password: Missing required setting \"auth_password\".");
}

TEST(Bind, KC20_BothTopicsAndRegexIsAnErrorOnBothKeys) {
  EXPECT_EQ(Lines(BindSink(With(SoundSink(), "topics.regex", "shop.*")).errors),
            "topics: Set exactly one of \"topics\" and \"topics.regex\": both are set.\n"
            "topics.regex: Set exactly one of \"topics\" and \"topics.regex\": both are set.");
}

TEST(Bind, KC20_BlankCountsAsNotSet) {
  EXPECT_THAT(Lines(BindSink(With(SoundSink(), "topics", "  ")).errors), HasSubstr("neither is set"));
  const BindOutcome outcome = BindSink(With(With(SoundSink(), "topics", ""), "topics.regex", "shop\\..*"));
  EXPECT_EQ(Lines(outcome.errors), "");
  EXPECT_FALSE(outcome.bound.Has("topics"));
}

TEST(Bind, TopicsRegexMustBeARegularExpression) {
  const FlatConfig base = Without(SoundSink(), "topics");
  EXPECT_THAT(Lines(BindSink(With(base, "topics.regex", "shop[")).errors), HasSubstr("is not a regular expression"));
  EXPECT_THAT(Lines(BindSink(With(base, "topics.regex", std::string(5000, '('))).errors),
              HasSubstr("longer than 1024"));
}

TEST(Bind, ASourceHasNoTopics) {
  EXPECT_THAT(Lines(Bind(SampleSource(), With(SoundSource(), "topics", "a"), nullptr).errors),
              HasSubstr("Unknown setting \"topics\""));
}

TEST(Bind, AnOwnOptionReplacesTheCommonOneOfThatName) {
  const ComponentSpec spec = {
      .class_name = "X",
      .aliases = {},
      .kind = ComponentKind::kSource,
      .options = {{.name = "tasks.max", .type = OptionType::kInt, .default_value = "4", .has_default = true}}};
  EXPECT_EQ(Bind(spec, {{"connector.class", "X"}, {"name", "x"}}, nullptr).bound.Int("tasks.max"), 4);
}

TEST(Bind, WithoutAResolverAPlaceholderPassesEveryCheckOfContent) {
  FlatConfig config = SoundSink();
  config["batch_bytes_max"] = "${env:SIZE}";
  config["format"] = "${file:/x:y}";
  config["url"] = "${env:URL}";
  EXPECT_EQ(Lines(BindSink(config).errors), "");
}

TEST(Bind, WithAResolverTheSecretIsCheckedButNeverShown) {
  ::setenv("HG_CONFIG_TEST_SIZE", "s3cret", 1);
  SecretPolicy policy;
  policy.env_pattern = "HG_CONFIG_TEST_.*";
  const auto resolver = SecretResolver::Create(policy);
  ASSERT_TRUE(resolver.ok());
  FlatConfig config = SoundSink();
  config["batch_bytes_max"] = "${env:HG_CONFIG_TEST_SIZE}";
  config["tls_ca_file"] = "/x/${env:HG_CONFIG_TEST_SIZE}";
  config["signing_key"] = "${env:HG_CONFIG_TEST_OTHER}";
  config["format"] = "${env:HG_CONFIG_TEST_SIZE}";
  const BindOutcome outcome = Bind(SampleSink(), config, &*resolver);
  EXPECT_EQ(
      Lines(outcome.errors),
      "batch_bytes_max: Setting \"batch_bytes_max\" is not usable. It must be a whole number from 1 to 1048576.\n"
      "format: Setting \"format\" is not usable. It must be one of: native, debezium.\n"
      "signing_key: Setting \"signing_key\": Cannot resolve the secret from env \"HG_CONFIG_TEST_OTHER\": the variable "
      "is not set in the environment of the service.");
  EXPECT_EQ(outcome.bound.Text("tls_ca_file"), "/x/s3cret");
  EXPECT_TRUE(outcome.bound.All().at("tls_ca_file").secret);
  EXPECT_EQ(outcome.bound.Shown("tls_ca_file"), "/x/${env:HG_CONFIG_TEST_SIZE}");
}

TEST(Bind, IgnoredAndUnknownKeysAreNeverResolved) {
  const auto resolver = SecretResolver::Create({});
  FlatConfig config = SoundSink();
  config["transforms.x"] = "${env:CLOSED}";
  EXPECT_EQ(Lines(Bind(SampleSink(), config, &*resolver).errors), "");
}

TEST(Bind, ShownNeverHoldsALiteralSecret) {
  FlatConfig config = SoundSink();
  config["signing_key"] = "hunter2";
  config["url"] = "https://user:hunter2@h/in?token=hunter2&a=b";
  const Bound bound = BindSink(config).bound;
  EXPECT_EQ(bound.Text("signing_key"), "hunter2");
  EXPECT_EQ(bound.Shown("signing_key"), "***");
  EXPECT_EQ(bound.Shown("url"), "https://h/in?token=***&a=b");
  EXPECT_EQ(bound.Shown("format"), "native");
}

TEST(MeansClass, KC15_ClassAliasEndingAndDottedPrefix) {
  for (const char* text : {"SampleSource", "sampledb", "otherdb", "SampleSourceConnector", "sampledbConnector",
                           "io.headgate.SampleSource", "io.headgate.sampledbConnector"}) {
    EXPECT_TRUE(MeansClass(SampleSource(), text)) << text;
  }
  for (const char* text : {"", "Sample", "samplesource", "SampleSourceConnectorConnector", "SampleSource.", "Connector",
                           "SampleSink", "xsampledb"}) {
    EXPECT_FALSE(MeansClass(SampleSource(), text)) << text;
  }
}

TEST(Nearest, FindsOneSlipOfEachKind) {
  const std::vector<std::string_view> known = {"hostaddr", "host", "password", "slot_name", "publication_name", "url"};
  const std::pair<const char*, const char*> table[] = {
      {"hots", "host"},
      {"hosst", "host"},
      {"hst", "host"},
      {"hist", "host"},
      {"passwrod", "password"},
      {"PASSWORD", "password"},
      {"slot-name", "slot_name"},
      {"slotName", "slot_name"},
      {"publicaton_nmae", "publication_name"},
      {"ulr", "url"},
  };
  for (const auto& [name, nearest] : table) EXPECT_EQ(Nearest(name, known), nearest) << name;
}

TEST(Nearest, FindsNothingWhereNothingIsNear) {
  const std::vector<std::string_view> known = {"host", "a", "password"};
  for (const std::string& name :
       {std::string("colour"), std::string(""), std::string("b"), std::string("ghpt"), std::string(100'000, 'x')}) {
    EXPECT_EQ(Nearest(name, known), "") << name.substr(0, 20);
  }
}

TEST(CommonOptions, StandBeforeTheOwnOnes) {
  std::vector<std::string_view> names;
  for (const Option* option : AllOptions(SampleSource())) names.push_back(option->name);
  EXPECT_THAT(names, ElementsAre("connector.class", "name", "tasks.max", "host", "port", "password", "slot_name"));
  EXPECT_EQ(CommonOptions(ComponentKind::kSink).size(), 5U);
}

TEST(Nearest, ABeginningSuggestsTheWholeName) {
  const std::vector<std::string_view> known = {"host", "username", "password"};
  EXPECT_EQ(Nearest("user", known), "username");
  EXPECT_EQ(Nearest("pass", known), "password");
  EXPECT_EQ(Nearest("use", known), "");
}

}  // namespace
}  // namespace headgate::config
