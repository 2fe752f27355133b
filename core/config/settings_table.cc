#include "core/config/settings_table.h"

#include <charconv>
#include <limits>
#include <optional>

#include "core/config/text.h"

namespace headgate::config {

namespace {

using Texts = std::vector<std::string>;

std::optional<std::int64_t> ParseInteger(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Setting Flag(std::string_view path, bool& to, std::string_view help) {
  return {path, false, help, to ? "true" : "false", [&to](const Texts& texts) -> std::string {
            const std::string text = ToLower(Trim(texts[0]));
            if (text != "true" && text != "false") return "is " + Quoted(texts[0]) + ". It must be true or false.";
            to = text == "true";
            return {};
          }};
}

Setting Number(std::string_view path, std::int64_t& to, std::string_view help, std::int64_t least,
               std::int64_t most = std::numeric_limits<std::int64_t>::max()) {
  return {path, false, help, std::to_string(to), [&to, least, most](const Texts& texts) -> std::string {
            const auto number = ParseInteger(Trim(texts[0]));
            if (number && *number >= least && *number <= most) {
              to = *number;
              return {};
            }
            const bool bounded = most != std::numeric_limits<std::int64_t>::max();
            return "is " + Quoted(texts[0]) + ". It must be a whole number " +
                   (bounded ? "from " + std::to_string(least) + " to " + std::to_string(most)
                            : "of at least " + std::to_string(least)) +
                   ".";
          }};
}

// A list each of whose items passes a check that says what is wrong with it, or "".
Setting List(std::string_view path, Texts& to, std::string_view help, std::string (*check)(const std::string&)) {
  return {path, true, help, Join(to, ","), [&to, check](const Texts& texts) -> std::string {
            for (const std::string& item : texts) {
              const std::string wrong = check(item);
              if (!wrong.empty()) return "holds " + Quoted(item) + ". " + wrong;
            }
            to = texts;
            return {};
          }};
}

std::string CheckCidr(const std::string& item) {
  return IsCidr(item) ? ""
                      : "Write an address range such as 10.0.0.0/8 or fd00::/8, with no bits set behind the prefix.";
}

std::string CheckAbsolute(const std::string& item) { return item.starts_with('/') ? "" : "Write an absolute path."; }

std::string CheckHost(const std::string& item) {
  const bool sound = !item.empty() && item.size() <= 255 && item.find_first_of(" \t/@?#*,") == std::string::npos;
  return sound ? "" : "Write a host name or address, as clients put it into the Host header.";
}

std::string CheckOrigin(const std::string& item) {
  const auto scheme = item.find("://");
  const std::string_view host = scheme == std::string::npos ? "" : std::string_view(item).substr(scheme + 3);
  const bool web = item.starts_with("http://") || item.starts_with("https://");
  return web && !host.empty() && host.find_first_of(" \t/@?#*,") == std::string_view::npos
             ? ""
             : "Write an origin as a browser sends it, such as https://console.example.com, without a path.";
}

std::string AssignListen(Listen& to, const std::string& text) {
  auto listen = ParseListen(Trim(text));
  if (!listen.ok()) return ": " + listen.error().what + ".";
  to = std::move(listen).value();
  return {};
}

std::string CheckMethod(const std::string& item) {
  for (const std::string_view method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}) {
    if (item == method) return {};
  }
  return "Write GET, HEAD, POST, PUT, PATCH or DELETE.";
}

std::string AssignPublicUrl(std::string& to, const std::string& text) {
  std::string url(Trim(text));
  while (url.ends_with('/')) url.pop_back();
  const bool sound = url.starts_with("https://") && url.size() > 8 && url[8] != '/' && url[8] != ':' &&
                     url.find_first_of(" \t\r\n@?#*\"<>") == std::string::npos;
  if (!url.empty() && !sound) return "is " + Quoted(text) + ". Write an address such as https://headgate.example.com.";
  to = std::move(url);
  return {};
}

std::string AssignAdminListener(ServiceConfig::Api& api, const std::string& text) {
  const std::string lower = ToLower(Trim(text));
  std::optional<Listen> listen;
  if (!lower.empty() && lower != "off") {
    auto parsed = ParseListen(Trim(text));
    if (!parsed.ok()) return ": " + parsed.error().what + ". Or write off.";
    listen = std::move(parsed).value();
  }
  api.loggers = lower != "off";
  api.admin_listener = std::move(listen);
  return {};
}

std::string AssignLevel(diag::Level& to, const std::string& text) {
  const auto level = diag::ParseLevel(Trim(text));
  if (!level) return "is " + Quoted(text) + ". It must be trace, debug, info, warn, error or fatal.";
  to = *level;
  return {};
}

std::string AssignFormat(diag::Format& to, const std::string& text) {
  const std::string lower = ToLower(Trim(text));
  if (lower != "text" && lower != "json") return "is " + Quoted(text) + ". It must be text or json.";
  to = lower == "json" ? diag::Format::kJson : diag::Format::kText;
  return {};
}

std::string AssignPattern(std::string& to, const std::string& text) {
  SecretPolicy policy;
  policy.env_pattern = text;
  const auto resolver = SecretResolver::Create(policy);
  if (!resolver.ok()) return ": " + resolver.error().what + ".";
  to = text;
  return {};
}

std::string AssignPorts(std::vector<std::uint16_t>& to, const Texts& texts) {
  std::vector<std::uint16_t> ports;
  for (const std::string& text : texts) {
    const auto port = ParseInteger(text);
    if (!port || *port < 1 || *port > 65535) return "holds " + Quoted(text) + ". Write ports from 1 to 65535.";
    ports.push_back(static_cast<std::uint16_t>(*port));
  }
  to = std::move(ports);
  return {};
}

std::string AssignDataDir(std::string& to, const std::string& text) {
  if (Trim(text).empty()) return "is empty. Name the folder that holds the shard.";
  to = text;
  return {};
}

}  // namespace

std::vector<Setting> Settings(ServiceConfig& config) {
  ServiceConfig::Api& api = config.api;
  ServiceConfig::Limits& limits = api.limits;
  ServiceConfig::Egress& egress = config.egress;
  constexpr std::int64_t kDayMs = 86'400'000;
  return {
      {"data_dir", false, "The folder that holds the shard; made if it is absent, locked while in use. Required.", "",
       [&config](const Texts& t) { return AssignDataDir(config.data_dir, t[0]); }},
      {"api.listen", false, "Address and port of the admin API; port 0 takes a free one and prints it.",
       api.listen.Text(), [&api](const Texts& t) { return AssignListen(api.listen, t[0]); }},
      Flag("api.allow_insecure", api.allow_insecure,
           "Allows api.listen to be an address that other machines reach without signing in."),
      Flag("api.mask_secrets", api.mask_secrets,
           "Whether literal secrets read back as [hidden]; false shows them, as Kafka Connect does."),
      Flag("api.topic_tracking", api.topic_tracking,
           "Whether Kafka Connect's topics of a connector can be read and reset; false answers 403."),
      List("api.allowed_hosts", api.allowed_hosts, "Names in the Host header to answer to, besides our own addresses.",
           CheckHost),
      List("api.allowed_origins", api.allowed_origins,
           "Origins whose pages may change things, such as https://console.example.com.", CheckOrigin),
      List("api.cors_allow_origins", api.cors_allow_origins,
           "Origins whose pages may read answers, as a browser asks before a page of another origin gets them.",
           CheckOrigin),
      List("api.cors_allow_methods", api.cors_allow_methods, "The methods that those pages may send.", CheckMethod),
      {"api.public_url", false,
       "The address at which others reach api.listen, such as https://headgate.example.com: endpoints of the "
       "CloudEvents "
       "handshake may consent there, and its host is allowed in the Host header. None by default.",
       "", [&api](const Texts& t) { return AssignPublicUrl(api.public_url, t[0]); }},
      {"api.admin_listener", false,
       "Address and port of a listener that has /admin/loggers alone, which is then not at api.listen; off offers it "
       "nowhere.",
       "", [&api](const Texts& t) { return AssignAdminListener(api, t[0]); }},
      Number("api.limits.body_bytes_max", limits.body_bytes_max, "Largest body of a request; more is 413.", 1024,
             1LL << 30),
      Number("api.limits.header_bytes_max", limits.header_bytes_max, "Largest header block; more is 431.", 1024,
             1LL << 20),
      Number("api.limits.idle_timeout_ms", limits.idle_timeout_ms, "How long a connection may wait between requests.",
             1, kDayMs),
      Number("api.limits.request_timeout_ms", limits.request_timeout_ms, "Longest time of a whole request.", 1, kDayMs),
      Number("api.limits.connections_max", limits.connections_max, "Most connections at once; more are 503.", 1, 65536),
      Number("api.limits.streams_max", limits.streams_max, "Most event streams among them.", 0, 65536),
      Number("api.limits.json_depth_max", limits.json_depth_max, "Most levels of JSON in a body.", 2, 1000),
      Number("api.limits.rate_bytes_min", limits.rate_bytes_min,
             "Bytes a second that a peer must move once a request or an answer takes longer than 10 s.", 1, 1LL << 30),
      {"log.level", false, "Least level of the lines on stderr: trace, debug, info, warn, error or fatal.",
       std::string(diag::Name(config.log.level)),
       [&config](const Texts& t) { return AssignLevel(config.log.level, t[0]); }},
      {"log.format", false, "Form of the lines: text, or json for one object a line.",
       config.log.format == diag::Format::kJson ? "json" : "text",
       [&config](const Texts& t) { return AssignFormat(config.log.format, t[0]); }},
      Number("retention.time_ms", config.retention.time_ms, "How long the log keeps records.", 1),
      Number("retention.bytes_max", config.retention.bytes_max, "Most bytes that the log keeps; 0 is no bound.", 0),
      Number("views.memory_bytes", config.views.memory_bytes, "Memory for the state of views; more of it lies on disk.",
             1 << 20),
      List("secrets.allowed_paths", config.secrets.allowed_paths,
           "Folders below which ${file:...} and ${directory:...} may read. None by default.", CheckAbsolute),
      {"secrets.env_pattern", false, "Which variables ${env:...} may name, as a regular expression. None by default.",
       config.secrets.env_pattern,
       [&config](const Texts& t) { return AssignPattern(config.secrets.env_pattern, t[0]); }},
      List("egress.allow", egress.allow, "Internal networks (CIDR) that sinks may reach; all of them if none is named.",
           CheckCidr),
      List("egress.deny", egress.deny, "Networks (CIDR) that sinks may not reach; wins over egress.allow.", CheckCidr),
      {"egress.deny_ports", true, "Ports that sinks may not reach.", "",
       [&egress](const Texts& t) { return AssignPorts(egress.deny_ports, t); }},
  };
}

std::string VariableOf(std::string_view path) {
  std::string name = "HEADGATE_";
  for (const char c : path) {
    name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

}  // namespace headgate::config
