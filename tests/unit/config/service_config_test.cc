#include "core/config/service_config.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>

#include "core/config/yaml_tree.h"

namespace headgate::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

ServiceConfigOutcome Parse(std::string_view text, const Environment& environment = {}) {
  return ParseServiceConfig(text, "headgate.yaml", environment);
}

std::string Errors(std::string_view text, const Environment& environment = {}) {
  std::string lines;
  for (const std::string& error : Parse(text, environment).errors) lines += (lines.empty() ? "" : "\n") + error;
  return lines;
}

constexpr std::string_view kDesignExample =
    R"(data_dir: /var/lib/headgate          # one shard; created if absent, locked while in use
api:
  listen: 127.0.0.1:8083             # port 0 takes a free one and prints it
secrets:
  env_pattern: SHOP_.*               # nothing resolves unless opened here
connectors:
  shop:
    connector.class: postgres
    host: 127.0.0.1
    port: 5432
    dbname: shop
    username: headgate
    password: ${env:SHOP_PASSWORD}
    tables: public.*                 # comma list of schema.table
    columns_exclude: public.users.password_hash
    snapshot: initial                # initial | never | only
    slot_name: headgate_shop
    publication_name: headgate_shop
    sslmode: prefer
  orders-hook:
    connector.class: webhook
    topics: shop.public.orders
    url: http://127.0.0.1:9000/hook
)";

TEST(ServiceConfig, TheExampleOfTheDesignLoads) {
  const ServiceConfigOutcome outcome = Parse(kDesignExample);
  ASSERT_THAT(outcome.errors, IsEmpty());
  EXPECT_EQ(outcome.config.data_dir, "/var/lib/headgate");
  EXPECT_EQ(outcome.config.api.listen, (Listen{"127.0.0.1", 8083}));
  EXPECT_EQ(outcome.config.secrets.env_pattern, "SHOP_.*");
  ASSERT_EQ(outcome.config.connectors.size(), 2U);
  EXPECT_THAT(outcome.config.connectors.at("orders-hook"),
              ElementsAre(Pair("connector.class", "webhook"), Pair("name", "orders-hook"),
                          Pair("topics", "shop.public.orders"), Pair("url", "http://127.0.0.1:9000/hook")));
  EXPECT_EQ(outcome.config.connectors.at("shop").at("port"), "5432");
  EXPECT_EQ(outcome.config.connectors.at("shop").at("password"), "${env:SHOP_PASSWORD}");
  EXPECT_EQ(outcome.config.Where("shop"), "headgate.yaml:7");
  EXPECT_EQ(outcome.config.Where("shop", "port"), "headgate.yaml:10");
  EXPECT_EQ(outcome.config.Where("shop", "not_given"), "headgate.yaml:7");
  EXPECT_EQ(outcome.config.Where("nobody"), "");
}

TEST(ServiceConfig, DefaultsAreThoseOfTheContract) {
  const ServiceConfig config = Parse("data_dir: d").config;
  EXPECT_EQ(config.api.listen.Text(), "127.0.0.1:8083");
  EXPECT_FALSE(config.api.allow_insecure);
  EXPECT_TRUE(config.api.mask_secrets);
  EXPECT_EQ(config.api.limits.body_bytes_max, 1048576);
  EXPECT_EQ(config.api.limits.header_bytes_max, 16384);
  EXPECT_EQ(config.api.limits.idle_timeout_ms, 60000);
  EXPECT_EQ(config.api.limits.request_timeout_ms, 90000);
  EXPECT_EQ(config.api.limits.connections_max, 256);
  EXPECT_EQ(config.api.limits.streams_max, 64);
  EXPECT_EQ(config.log.level, diag::Level::kInfo);
  EXPECT_EQ(config.log.format, diag::Format::kText);
  EXPECT_EQ(config.retention.time_ms, 604'800'000);
  EXPECT_EQ(config.retention.bytes_max, 0);
  EXPECT_THAT(config.secrets.allowed_paths, IsEmpty());
  EXPECT_EQ(config.secrets.env_pattern, "");
  EXPECT_THAT(config.secrets.commands, IsEmpty());
  EXPECT_THAT(config.egress.allow, IsEmpty());
}

TEST(ServiceConfig, EverySettingArrives) {
  const ServiceConfigOutcome outcome = Parse(R"(data_dir: /d
api:
  listen: "[::]:0"
  allow_insecure: true
  mask_secrets: false
  allowed_hosts: [headgate.example, 10.0.0.1:8083]
  topic_tracking: false
  allowed_origins: [https://console.example.com]
  cors_allow_origins: [https://ui.example.com]
  cors_allow_methods: [GET, DELETE]
  admin_listener: 127.0.0.1:8084
  public_url: https://headgate.example.com/hg/
  limits:
    body_bytes_max: 2048
    header_bytes_max: 4096
    idle_timeout_ms: 1
    request_timeout_ms: 2
    connections_max: 30
    streams_max: 4
    json_depth_max: 5
    rate_bytes_min: 6
log: {level: WARN, format: json}
retention:
  time_ms: 1000
  bytes_max: 2000
secrets:
  allowed_paths:
    - /run/secrets
    - /etc/headgate
  env_pattern: A|B
  commands:
    vault: [/usr/bin/vault, read, -field=x]
egress:
  allow: 10.0.0.0/8, fd00::/8
  deny: [192.168.0.0/16]
  deny_ports: [22, 25]
)");
  ASSERT_THAT(outcome.errors, IsEmpty());
  const ServiceConfig& config = outcome.config;
  EXPECT_EQ(config.api.listen, (Listen{"::", 0}));
  EXPECT_TRUE(config.api.allow_insecure);
  EXPECT_FALSE(config.api.mask_secrets);
  EXPECT_THAT(config.api.allowed_hosts, ElementsAre("headgate.example", "10.0.0.1:8083"));
  EXPECT_EQ(config.api.limits.body_bytes_max, 2048);
  EXPECT_EQ(config.api.limits.header_bytes_max, 4096);
  EXPECT_EQ(config.api.limits.idle_timeout_ms, 1);
  EXPECT_EQ(config.api.limits.request_timeout_ms, 2);
  EXPECT_EQ(config.api.limits.connections_max, 30);
  EXPECT_EQ(config.api.limits.streams_max, 4);
  EXPECT_EQ(config.api.limits.json_depth_max, 5);
  EXPECT_EQ(config.api.limits.rate_bytes_min, 6);
  EXPECT_THAT(config.api.allowed_origins, ElementsAre("https://console.example.com"));
  EXPECT_THAT(config.api.cors_allow_origins, ElementsAre("https://ui.example.com"));
  EXPECT_THAT(config.api.cors_allow_methods, ElementsAre("GET", "DELETE"));
  EXPECT_FALSE(config.api.topic_tracking);
  EXPECT_EQ(config.api.public_url, "https://headgate.example.com/hg");
  EXPECT_TRUE(config.api.loggers);
  EXPECT_EQ(config.api.admin_listener->Text(), "127.0.0.1:8084");
  EXPECT_EQ(config.log.level, diag::Level::kWarn);
  EXPECT_EQ(config.log.format, diag::Format::kJson);
  EXPECT_EQ(config.retention.time_ms, 1000);
  EXPECT_EQ(config.retention.bytes_max, 2000);
  EXPECT_THAT(config.secrets.allowed_paths, ElementsAre("/run/secrets", "/etc/headgate"));
  EXPECT_EQ(config.secrets.env_pattern, "A|B");
  EXPECT_THAT(config.secrets.commands, ElementsAre(Pair("vault", ElementsAre("/usr/bin/vault", "read", "-field=x"))));
  EXPECT_THAT(config.egress.allow, ElementsAre("10.0.0.0/8", "fd00::/8"));
  EXPECT_THAT(config.egress.deny, ElementsAre("192.168.0.0/16"));
  EXPECT_THAT(config.egress.deny_ports, ElementsAre(22, 25));
}

TEST(ServiceConfig, ConnectorValuesAreTextsExactlyAsWritten) {
  const ServiceConfigOutcome outcome = Parse(R"(data_dir: d
connectors:
  x:
    a: 5432
    b: true
    c: 0x10
    d: 1.50
    e: "null"
    f: ''
    g: 'it''s'
    h: "tab\there"
    i: 2026-01-01
    j: 007
    k: No
    l: |
      two
      lines
    m: a # comment
    n: ${file:/x:y}
    o: &anchor shared
    p: *anchor
    q: !!str 5
)");
  ASSERT_THAT(outcome.errors, IsEmpty());
  EXPECT_THAT(
      outcome.config.connectors.at("x"),
      ElementsAre(Pair("a", "5432"), Pair("b", "true"), Pair("c", "0x10"), Pair("d", "1.50"), Pair("e", "null"),
                  Pair("f", ""), Pair("g", "it's"), Pair("h", "tab\there"), Pair("i", "2026-01-01"), Pair("j", "007"),
                  Pair("k", "No"), Pair("l", "two\nlines\n"), Pair("m", "a"), Pair("n", "${file:/x:y}"),
                  Pair("name", "x"), Pair("o", "shared"), Pair("p", "shared"), Pair("q", "5")));
}

struct Bad {
  const char* text;
  const char* error;
};

const Bad kBadFiles[] = {
    {"", "headgate.yaml:1: Missing required setting \"data_dir\"."},
    {"# nothing\n", "headgate.yaml:1: Missing required setting \"data_dir\"."},
    {"just text", "headgate.yaml:1: The file must be a map of settings"},
    {"\n- a\n- b\n", "headgate.yaml:2: The file must be a map of settings"},
    {"data_dir: d\napi: [1\n", "this is not YAML"},
    {"data_dir: d\n\tapi: x\n", "headgate.yaml:2: this is not YAML"},
    {"data_dir: d\nconnectors: {a: *nope}\n", "headgate.yaml:2: this is not YAML"},
    {"data_dir: d\n---\ndata_dir: e\n", "a second YAML document begins"},
    {"data_dir: \xff\n", "headgate.yaml:1: the file is not UTF-8."},
    {"data_dir: d\napi: \x04\n", "headgate.yaml:2: a control character."},
    {"data_dir: !include x\n", "headgate.yaml:1: the tag \"!include\" means nothing here"},
    {"data_dir: d\n? [a, b]\n: c\n", "headgate.yaml:2: a key must be one value"},
    {"data_dir: d\n? {a: b}\n: c\n", "headgate.yaml:2: a key must be one value"},
    {"data_dir: d\n~: c\n", "headgate.yaml:2: a key must be one value"},
    {"data_dir: d\nconnectors: &a\n  x: *a\n", "headgate.yaml:3: an alias stands inside what it names"},
    {"data_dir:\n", "headgate.yaml:1: \"data_dir\" must be one value, not nothing."},
    {"data_dir: ''\n", "headgate.yaml:1: Setting \"data_dir\" is empty."},
    {"data_dir: [a]\n", "headgate.yaml:1: \"data_dir\" must be one value, not a list."},
    {"data_dir: d\ndata_dir: e\n", "headgate.yaml:2: \"data_dir\" is given twice, first on line 1."},
    {"data_dir: d\nretenton: x\n", "headgate.yaml:2: Unknown setting \"retenton\". Did you mean \"retention\"?"},
    {"data_dir: d\napi:\n  lisen: x\n", "headgate.yaml:3: Unknown setting \"api.lisen\". Did you mean \"api.listen\"?"},
    {"data_dir: d\napi:\n  limits:\n    body_byte_max: 1\n",
     "headgate.yaml:4: Unknown setting \"api.limits.body_byte_max\". Did you mean \"api.limits.body_bytes_max\"?"},
    {"data_dir: d\nlisten: 127.0.0.1:1\n", "headgate.yaml:2: Unknown setting \"listen\". Did you mean \"api.listen\"?"},
    {"data_dir: d\nzzzzzzzz: 1\n", "headgate.yaml:2: Unknown setting \"zzzzzzzz\". `headgate run --help` lists"},
    {"data_dir: d\negress_allow: 10.0.0.0/8\n",
     "headgate.yaml:2: Unknown setting \"egress_allow\". Did you mean \"egress.allow\"?"},
    {"data_dir: d\napi: 5\n", "headgate.yaml:2: \"api\" must be a map, not one value."},
    {"data_dir: d\napi: [listen]\n", "headgate.yaml:2: \"api\" must be a map, not a list."},
    {"data_dir: d\napi: {listen: {a: b}}\n", "\"api.listen\" must be one value, not a map."},
    {"data_dir: d\napi: {listen: 8083}\n", "Setting \"api.listen\": \"8083\" is no address to listen on."},
    {"data_dir: d\napi:\n  listen: 0.0.0.0:8083\n",
     "headgate.yaml:3: Setting \"api.listen\" is 0.0.0.0:8083, which others can reach without signing in."},
    {"data_dir: d\napi: {mask_secrets: yes}\n", "Setting \"api.mask_secrets\" is \"yes\". It must be true or false."},
    {"data_dir: d\napi: {allowed_hosts: [a/b]}\n", "Setting \"api.allowed_hosts\" holds \"a/b\"."},
    {"data_dir: d\napi: {allowed_hosts: [[a]]}\n", "An item of \"api.allowed_hosts\" must be one value, not a list."},
    {"data_dir: d\napi: {limits: {body_bytes_max: 1MB}}\n",
     "Setting \"api.limits.body_bytes_max\" is \"1MB\". It must be a whole number from 1024 to 1073741824."},
    {"data_dir: d\napi: {limits: {connections_max: 3}}\n",
     "Setting \"api.limits.streams_max\" is more than api.limits.connections_max."},
    {"data_dir: d\nlog: {level: loud}\n",
     "Setting \"log.level\" is \"loud\". It must be trace, debug, info, warn, error or fatal."},
    {"data_dir: d\nlog: {format: xml}\n", "Setting \"log.format\" is \"xml\". It must be text or json."},
    {"data_dir: d\nretention: {time_ms: 0}\n",
     "Setting \"retention.time_ms\" is \"0\". It must be a whole number of at least 1."},
    {"data_dir: d\nretention: {bytes_max: -1}\n", "Setting \"retention.bytes_max\" is \"-1\"."},
    {"data_dir: d\nsecrets: {env_pattern: 'SHOP_['}\n", "is not a regular expression"},
    {"data_dir: d\nsecrets: {allowed_paths: [etc]}\n",
     "Setting \"secrets.allowed_paths\" holds \"etc\". Write an absolute path."},
    {"data_dir: d\nsecrets: {allowed_paths: }\n", "\"secrets.allowed_paths\" must be a list, not nothing."},
    {"data_dir: d\nsecrets: {commands: [x]}\n", "\"secrets.commands\" must be a map, not a list."},
    {"data_dir: d\nsecrets: {commands: {v: vault read}}\n",
     "\"secrets.commands.v\" must be a list of program and arguments"},
    {"data_dir: d\nsecrets: {commands: {v: [vault]}}\n", "\"secrets.commands.v\" must begin with the absolute path"},
    {"data_dir: d\nsecrets: {commands: {v: []}}\n", "\"secrets.commands.v\" must begin with the absolute path"},
    {"data_dir: d\nsecrets: {commands: {'a b': [/x]}}\n", "a command's name holds letters"},
    {"data_dir: d\negress: {deny: [10.0.0.1/8]}\n", "Setting \"egress.deny\" holds \"10.0.0.1/8\"."},
    {"data_dir: d\negress: {deny_ports: [0]}\n", "Setting \"egress.deny_ports\" holds \"0\"."},
    {"data_dir: d\nconnectors: [x]\n", "headgate.yaml:2: \"connectors\" must be a map, not a list."},
    {"data_dir: d\nconnectors: {x: y}\n", "Connector \"x\" must be a map of settings, not one value."},
    {"data_dir: d\nconnectors:\n  x:\n", "headgate.yaml:3: Connector \"x\" must be a map of settings, not nothing."},
    {"data_dir: d\nconnectors: {'': {a: b}}\n", "Connector \"\": a name has 1 to 255 bytes"},
    {"data_dir: d\nconnectors: {' x': {a: b}}\n", "Connector \" x\": a name has"},
    {"data_dir: d\nconnectors: {\"a\\nb\": {a: b}}\n", "Connector \"a?b\": a name has"},
    {"data_dir: d\nconnectors:\n  x:\n    a:\n",
     "headgate.yaml:4: Connector \"x\": \"a\" must be one value, not nothing."},
    {"data_dir: d\nconnectors:\n  x:\n    a: ~\n",
     "headgate.yaml:4: Connector \"x\": \"a\" must be one value, not nothing."},
    {"data_dir: d\nconnectors:\n  x:\n    a: null\n",
     "headgate.yaml:4: Connector \"x\": \"a\" must be one value, not nothing."},
    {"data_dir: d\nconnectors:\n  x:\n    a: [b, c]\n",
     "headgate.yaml:4: Connector \"x\": \"a\" must be one value, not a list."},
    {"data_dir: d\nconnectors:\n  x:\n    a: {b: c}\n",
     "headgate.yaml:4: Connector \"x\": \"a\" must be one value, not a map."},
    {"data_dir: d\nconnectors:\n  x:\n    a: b\n    a: c\n", "headgate.yaml:5: \"a\" is given twice, first on line 4."},
    {"data_dir: d\nconnectors:\n  x: {a: b}\n  x: {a: c}\n", "headgate.yaml:4: \"x\" is given twice, first on line 3."},
    {"data_dir: d\nconnectors:\n  x:\n    name: y\n", "headgate.yaml:4: Connector \"x\": \"name\" is \"y\"."},
};

TEST(ServiceConfig, EveryBadFileIsAnErrorWithItsLine) {
  for (const Bad& bad : kBadFiles) {
    const std::string errors = Errors(bad.text);
    EXPECT_THAT(errors, HasSubstr(bad.error)) << bad.text;
    EXPECT_THAT(errors, Not(HasSubstr("\n"))) << "one mistake, one error: " << bad.text;
  }
}

TEST(ServiceConfig, AllErrorsAreCollected) {
  EXPECT_EQ(
      Errors("api:\n  lisen: x\n  mask_secrets: 1\nlog: {level: loud}\nconnectors:\n  x:\n    a: [1]\n"),
      "headgate.yaml:2: Unknown setting \"api.lisen\". Did you mean \"api.listen\"?\n"
      "headgate.yaml:3: Setting \"api.mask_secrets\" is \"1\". It must be true or false.\n"
      "headgate.yaml:4: Setting \"log.level\" is \"loud\". It must be trace, debug, info, warn, error or fatal.\n"
      "headgate.yaml:7: Connector \"x\": \"a\" must be one value, not a list. Write several as a comma list, none as "
      "\"\".\n"
      "headgate.yaml:1: Missing required setting \"data_dir\". Name the folder that holds the shard, such as data_dir: "
      "/var/lib/headgate.");
}

TEST(ServiceConfig, AFloodOfErrorsIsCut) {
  std::string text = "data_dir: d\n";
  for (int i = 0; i < 5000; ++i) text += "unknown" + std::to_string(i) + ": x\n";
  const auto errors = Parse(text).errors;
  ASSERT_EQ(errors.size(), 101U);
  EXPECT_THAT(errors.back(), HasSubstr("More errors follow"));
}

TEST(ServiceConfig, ErrorsNeverHoldConnectorValues) {
  EXPECT_THAT(
      Errors("data_dir: d\nconnectors:\n  x:\n    password: hunter2\n    password: hunter2\n    p: [hunter2]\n"),
      Not(HasSubstr("hunter2")));
}

TEST(ServiceConfig, EmptySectionsAreAllowed) {
  EXPECT_EQ(Errors("data_dir: d\napi:\nsecrets:\n  commands:\nconnectors:\n#  shop:\n"), "");
  EXPECT_EQ(Errors("data_dir: d\nconnectors: {}\negress: {allow: []}\n"), "");
}

TEST(ServiceConfig, AByteOrderMarkAndWindowsLineEndsAreRead) {
  const ServiceConfigOutcome outcome = Parse(
      "\xEF\xBB\xBF"
      "data_dir: d\r\nconnectors:\r\n  x:\r\n    a: b\r\n");
  EXPECT_THAT(outcome.errors, IsEmpty());
  EXPECT_EQ(outcome.config.connectors.at("x").at("a"), "b");
}

TEST(ServiceConfig, TheEnvironmentOverridesTheFile) {
  const ServiceConfigOutcome outcome =
      Parse("data_dir: d\nlog: {level: info}\n", {{"HEADGATE_DATA_DIR", "/e"},
                                                  {"HEADGATE_API_LISTEN", "127.0.0.1:0"},
                                                  {"HEADGATE_LOG_LEVEL", "debug"},
                                                  {"HEADGATE_API_LIMITS_BODY_BYTES_MAX", "4096"},
                                                  {"HEADGATE_EGRESS_DENY", "10.0.0.0/8,fd00::/8"},
                                                  {"HEADGATE_FAILPOINTS", "x=kill"},
                                                  {"HEADGATE_LOG_LEVL", "trace"}});
  ASSERT_THAT(outcome.errors, IsEmpty());
  EXPECT_EQ(outcome.config.data_dir, "/e");
  EXPECT_EQ(outcome.config.api.listen.port, 0);
  EXPECT_EQ(outcome.config.log.level, diag::Level::kDebug);
  EXPECT_EQ(outcome.config.api.limits.body_bytes_max, 4096);
  EXPECT_THAT(outcome.config.egress.deny, ElementsAre("10.0.0.0/8", "fd00::/8"));
  EXPECT_THAT(outcome.warnings,
              ElementsAre("HEADGATE_LOG_LEVL: no setting has this variable. Did you mean HEADGATE_LOG_LEVEL?"));
}

TEST(ServiceConfig, TheEnvironmentAloneIsEnough) { EXPECT_EQ(Errors("", {{"HEADGATE_DATA_DIR", "/e"}}), ""); }

TEST(ServiceConfig, ErrorsOfTheEnvironmentNameTheVariable) {
  EXPECT_EQ(
      Errors("data_dir: d\n", {{"HEADGATE_LOG_LEVEL", "loud"}}),
      "HEADGATE_LOG_LEVEL: Setting \"log.level\" is \"loud\". It must be trace, debug, info, warn, error or fatal.");
  EXPECT_THAT(Errors("data_dir: d\n", {{"HEADGATE_API_LISTEN", "0.0.0.0:1"}}),
              HasSubstr("HEADGATE_API_LISTEN: Setting \"api.listen\" is 0.0.0.0:1, which others"));
}

TEST(ServiceConfig, ProcessEnvironmentTakesOnlyOurPrefix) {
  ::setenv("HEADGATE_CONFIG_TEST", "a=b", 1);
  const Environment environment = ProcessEnvironment();
  EXPECT_EQ(environment.at("HEADGATE_CONFIG_TEST"), "a=b");
  for (const auto& [name, value] : environment) EXPECT_TRUE(name.starts_with("HEADGATE_")) << name;
  ::unsetenv("HEADGATE_CONFIG_TEST");
}

TEST(ServiceConfig, SE1_ABindBeyondLoopbackNeedsTheWord) {
  EXPECT_EQ(Errors("data_dir: d\napi: {listen: 0.0.0.0:8083, allow_insecure: true}\n"), "");
  EXPECT_EQ(Errors("data_dir: d\napi: {listen: 127.0.0.2:8083}\n"), "");
  EXPECT_THAT(Errors("data_dir: d\napi: {listen: '[::]:8083'}\n"), HasSubstr("without signing in"));
  EXPECT_THAT(Errors("data_dir: d\napi: {admin_listener: '0.0.0.0:1'}\n"),
              HasSubstr("\"api.admin_listener\" is 0.0.0.0:1, which others can reach"));
}

TEST(ServiceConfig, S1_2_TheLoggersAreHereElsewhereOrNowhere) {
  const auto with = [](const std::string& value) { return Parse("data_dir: d\napi: {" + value + "}\n"); };
  EXPECT_TRUE(with("").config.api.loggers);
  EXPECT_FALSE(with("admin_listener: Off").config.api.loggers);
  const ServiceConfigOutcome elsewhere = with("admin_listener: '[::1]:0'");
  EXPECT_EQ(elsewhere.config.api.admin_listener->Text(), "[::1]:0");
  EXPECT_TRUE(elsewhere.config.api.loggers);
  EXPECT_THAT(Errors("data_dir: d\napi: {admin_listener: nowhere}\n"), HasSubstr("Or write off."));
  for (const char* bad : {"http://a.example.com", "https://", "https:///x", "https://a@b", "https://a?b", "a.example"})
    EXPECT_THAT(Errors("data_dir: d\napi: {public_url: '" + std::string(bad) + "'}\n"), HasSubstr("Write an address"));
  EXPECT_THAT(Errors("data_dir: d\napi: {cors_allow_origins: ['*']}\n"), HasSubstr("Write an origin"));
  EXPECT_THAT(Errors("data_dir: d\napi: {cors_allow_methods: [get]}\n"), HasSubstr("Write GET, HEAD"));
}

TEST(ServiceConfig, LoadReadsAFileAndSaysWhyItCannot) {
  namespace fs = std::filesystem;
  std::string pattern = (fs::temp_directory_path() / "hg-config-XXXXXX").string();
  ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
  const std::string path = pattern + "/headgate.yaml";
  std::ofstream(path) << "data_dir: d\noops: 1\n";
  EXPECT_THAT(LoadServiceConfig(path, {}).errors, ElementsAre(HasSubstr(path + ":2: Unknown setting \"oops\"")));
  EXPECT_THAT(LoadServiceConfig(pattern + "/absent", {}).errors,
              ElementsAre(HasSubstr("absent: the configuration file cannot be opened: No such file")));
  EXPECT_THAT(LoadServiceConfig(pattern, {}).errors, ElementsAre(HasSubstr("Is it a folder?")));
  std::ofstream(path) << std::string(kYamlBytesMax + 1, ' ');
  EXPECT_THAT(LoadServiceConfig(path, {}).errors, ElementsAre(HasSubstr("larger than 16 MiB")));
  fs::remove_all(pattern);
}

TEST(Yaml, SixteenLevelsAreTheMost) {
  const auto nested = [](std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); };
  EXPECT_TRUE(std::holds_alternative<std::shared_ptr<const YamlNode>>(ParseYaml(nested(16))));
  const auto deeper = ParseYaml(nested(17));
  ASSERT_TRUE(std::holds_alternative<YamlError>(deeper));
  EXPECT_EQ(std::get<YamlError>(deeper).text, "the nesting is deeper than 16 levels");
}

TEST(ServiceConfig, DeepNestingIsRefusedInEveryForm) {
  for (const char* level : {"[", "{a: ", "- ", "? "}) {
    std::string text = "data_dir: d\nconnectors: ";
    if (level[0] == '-' || level[0] == '?') text += "\n";
    for (int i = 0; i < 100'000; ++i) text += level;
    EXPECT_THAT(Errors(text),
                ::testing::AnyOf(HasSubstr("deeper than 16"), HasSubstr("not YAML"), HasSubstr("one value")))
        << level;
  }
}

TEST(ServiceConfig, AnAliasBombCostsNothing) {
  std::string text = "data_dir: d\nconnectors:\n  a: &a0 {k: v}\n";
  for (int i = 1; i <= 60; ++i) {
    text += "  a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) text += "*a" + std::to_string(i - 1) + ", ";
    text += "x]\n";
  }
  EXPECT_EQ(Parse(text).errors.size(), 60U);  // one each: a connector is no list
}

TEST(ServiceConfig, AMillionEntriesAreTheMost) {
  std::string text = "data_dir: d\negress:\n  deny:\n";
  for (int i = 0; i < 1'000'001; ++i) text += "  - a\n";
  EXPECT_THAT(Errors(text), HasSubstr("more than a million entries"));
}

// The loader is total: whatever the bytes, it answers. Every cut and thousands of seeded damages of a rich file.
TEST(ServiceConfig, DamagedTextNeverDoesMoreThanFail) {
  const std::string sound =
      std::string(kDesignExample) +
      "log: {level: !!str info, format: &f text}\negress: {deny_ports: [1, 2], allow: [\"10.0.0.0/8\"]}\n"
      "retention: {time_ms: 5, bytes_max: >-\n   7}\n# end\n%YAML 1.2\n---\n...\n";
  for (std::size_t end = 0; end <= sound.size(); ++end) Parse(std::string_view(sound).substr(0, end));
  std::mt19937 random(20260304);
  constexpr std::string_view kSharp = "{}[]:,#&*!|>'\"%@`-?~ \n\t\\0<=\r\x01\xff\x85";
  for (int round = 0; round < 3000; ++round) {
    std::string text = sound;
    const std::size_t damages = 1 + random() % 8;
    for (std::size_t i = 0; i < damages; ++i) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = kSharp[random() % kSharp.size()];
          break;
        case 1:
          text.insert(at, 1, kSharp[random() % kSharp.size()]);
          break;
        default:
          text.erase(at, random() % 20);
          break;
      }
    }
    Parse(text);
  }
}

}  // namespace
}  // namespace headgate::config
