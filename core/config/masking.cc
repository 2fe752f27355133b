#include "core/config/masking.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "core/base/encoding.h"
#include "core/config/secrets.h"
#include "core/config/text.h"

namespace headgate::config {

namespace {

// Parts of names that tell of a secret, in lower case.
constexpr std::array<std::string_view, 13> kSecretParts = {
    "password", "passwd",  "pwd",    "secret", "token",     "authorization", "credential",
    "api-key",  "api_key", "apikey", "jaas",   "signature", "cookie"};
// Whole names of query parameters that carry one too.
constexpr std::array<std::string_view, 10> kSecretParameters = {"key", "sig",  "code",       "auth",       "jwt",
                                                                "sas", "pass", "access_key", "access-key", "accesskey"};
constexpr std::array<std::string_view, 7> kSchemes = {"basic",   "bearer", "token", "apikey",
                                                      "api-key", "digest", "splunk"};
// Words of a key's name that say where a connection goes.
constexpr std::array<std::string_view, 15> kTargetWords = {"host",  "hosts",  "hostname", "hostaddr", "port",
                                                           "ports", "url",    "urls",     "uri",      "endpoint",
                                                           "proxy", "server", "servers",  "brokers",  "address"};

template <std::size_t N>
bool IsOneOf(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

bool NameTellsSecret(std::string_view name) {
  const std::string lower = ToLower(name);
  return std::any_of(kSecretParts.begin(), kSecretParts.end(), [&](std::string_view p) { return Contains(lower, p); });
}

bool IsTarget(const ComponentSpec& spec, std::string_view key) {
  const Option* option = FindOption(spec, key);
  if (option != nullptr && option->secret_target) return true;
  if (option != nullptr && option->type == OptionType::kPassword) return false;
  const std::string lower = ToLower(key);
  for (std::size_t from = 0; from <= lower.size();) {
    const std::size_t end = std::min(lower.find_first_of("._-", from), lower.size());
    if (IsOneOf(std::string_view(lower).substr(from, end - from), kTargetWords)) return true;
    from = end + 1;
  }
  return false;
}

std::string ValueOrDefault(const ComponentSpec& spec, const FlatConfig& config, const std::string& key) {
  const auto found = config.find(key);
  if (found != config.end()) return found->second;
  const Option* option = FindOption(spec, key);
  return option != nullptr && option->has_default ? std::string(option->default_value) : std::string();
}

// The first target that the two configs set differently, or "".
std::string ChangedTarget(const ComponentSpec& spec, const FlatConfig& stored, const FlatConfig& incoming) {
  std::set<std::string> keys;
  for (const auto& [key, value] : stored) keys.insert(key);
  for (const auto& [key, value] : incoming) keys.insert(key);
  for (const std::string& key : keys) {
    if (!IsTarget(spec, key)) continue;
    if (ValueOrDefault(spec, stored, key) != ValueOrDefault(spec, incoming, key)) return key;
  }
  return {};
}

// a=b&token=c: values of parameters named like tokens become ***.
std::string MaskParameters(std::string_view text) {
  std::string masked;
  while (true) {
    const auto end = text.find_first_of("&;");
    const std::string_view part = text.substr(0, end);
    const auto equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    const std::string decoded = ToLower(PercentDecode(name).value_or(std::string(name)));
    if (equals != std::string_view::npos && (NameTellsSecret(decoded) || IsOneOf(decoded, kSecretParameters))) {
      masked.append(name).append("=***");
    } else {
      masked.append(part);
    }
    if (end == std::string_view::npos) return masked;
    masked += text[end];
    text.remove_prefix(end + 1);
  }
}

// How many bytes of `rest` (what follows "://") are user info with its "@".
std::size_t UserInfoLength(std::string_view rest) {
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  const auto at = authority.rfind('@');
  if (at != std::string_view::npos) return at + 1;
  // A password with a bare slash, "user:p/w@host": what follows the colon is no port, so the "@" further on ends it.
  const auto colon = authority.rfind(':');
  const bool bracketed = authority.ends_with(']');
  if (colon == std::string_view::npos || bracketed) return 0;
  const std::string_view port = authority.substr(colon + 1);
  if (port.find_first_not_of("0123456789") == std::string_view::npos) return 0;
  const auto later = rest.rfind('@');
  return later == std::string_view::npos ? 0 : later + 1;
}

}  // namespace

bool IsSecretKey(const ComponentSpec& spec, std::string_view key) {
  const Option* option = FindOption(spec, key);
  if (option != nullptr) return option->type == OptionType::kPassword;
  if (NameTellsSecret(key)) return true;
  if (!FreePrefixOf(spec, key).empty() || IsIgnoredKey(spec, key)) return false;
  // A misspelt "passwrod" holds a password all the same.
  std::vector<std::string_view> names;
  for (const Option* known : AllOptions(spec)) names.push_back(known->name);
  const Option* meant = FindOption(spec, Nearest(key, names));
  return meant != nullptr && meant->type == OptionType::kPassword;
}

bool IsLiteralSecret(std::string_view value) {
  std::string rest = WithoutPlaceholders(value);
  std::replace(rest.begin(), rest.end(), ' ', ',');
  const std::vector<std::string> words = SplitList(rest);
  if (!HasPlaceholder(value)) return !Trim(value).empty();
  return std::any_of(words.begin(), words.end(), [](const std::string& w) { return !IsOneOf(ToLower(w), kSchemes); });
}

FlatConfig MaskSecrets(const ComponentSpec& spec, const FlatConfig& config) {
  FlatConfig masked = config;
  for (auto& [key, value] : masked) {
    if (IsSecretKey(spec, key) && IsLiteralSecret(value)) value = kMask;
  }
  return masked;
}

FlatConfig MaskSecretsAndUrls(const ComponentSpec& spec, const FlatConfig& config) {
  FlatConfig masked = MaskSecrets(spec, config);
  for (auto& [key, value] : masked) {
    if (Contains(value, "://")) value = MaskUrl(value);
  }
  return masked;
}

Unmasked UnmaskUpdate(const ComponentSpec& spec, const FlatConfig& stored, const FlatConfig& incoming) {
  Unmasked result{incoming, {}};
  const std::string changed = ChangedTarget(spec, stored, incoming);
  for (auto& [key, value] : result.config) {
    if (value != kMask || !IsSecretKey(spec, key)) continue;
    const auto before = stored.find(key);
    if (before == stored.end() || before->second.empty() || before->second == kMask) {
      result.errors.push_back({key, "The setting " + Quoted(key) +
                                        " is the mask [hidden], and no value is stored that it "
                                        "could stand for. Give the secret or a placeholder."});
    } else if (!changed.empty()) {
      result.errors.push_back({key, "The setting " + Quoted(key) + " is the mask [hidden] while " + Quoted(changed) +
                                        " changes. A stored secret is not sent to a new target: give it again."});
    } else {
      value = before->second;
    }
  }
  return result;
}

std::string MaskUrl(std::string_view url) {
  const auto scheme = url.find("://");
  const bool has_scheme = scheme != std::string_view::npos && url.find_first_of("/?#@") > scheme;
  const std::size_t begin = has_scheme ? scheme + 3 : 0;
  std::string masked(url.substr(0, begin));
  std::string_view rest = url.substr(begin);
  rest.remove_prefix(UserInfoLength(rest));
  for (const char mark : {'?', '#'}) {
    const auto at = rest.find(mark);
    if (at == std::string_view::npos) continue;
    masked.append(rest.substr(0, at + 1));
    rest.remove_prefix(at + 1);
    if (mark == '?') {
      const auto fragment = rest.find('#');
      masked += MaskParameters(rest.substr(0, fragment));
      rest = fragment == std::string_view::npos ? std::string_view{} : rest.substr(fragment);
    } else {
      masked += MaskParameters(rest);
      rest = {};
    }
  }
  return masked.append(rest);
}

}  // namespace headgate::config
