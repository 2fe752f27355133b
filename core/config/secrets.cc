#include "core/config/secrets.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <ostream>

#include "core/base/regex.h"
#include "core/config/secret_io.h"
#include "core/config/text.h"

namespace headgate::config {

namespace {

constexpr std::size_t kPatternBytesMax = 256;  // keeps the compiler and the matcher of std::regex shallow
constexpr std::size_t kEnvNameBytesMax = 128;  // std::regex recurses once per byte
constexpr std::size_t kPlaceholdersMax = 16;   // a command may run for each

// The placeholder that starts at `at` (which holds "${"), if it is one.
std::optional<Placeholder> PlaceholderAt(std::string_view text, std::size_t at) {
  const auto end = text.find('}', at);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view inside = text.substr(at + 2, end - at - 2);
  const auto colon = inside.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  Placeholder placeholder;
  placeholder.whole = text.substr(at, end - at + 1);
  placeholder.provider = inside.substr(0, colon);
  const std::string_view rest = inside.substr(colon + 1);
  const auto second = rest.find(':');
  if (second == std::string_view::npos) {
    placeholder.key = rest;
  } else {
    placeholder.path = rest.substr(0, second);
    placeholder.key = rest.substr(second + 1);
  }
  return placeholder;
}

// Calls on_text for the plain parts and on_placeholder for the others, in order. Stops when one returns false.
template <class OnText, class OnPlaceholder>
void Scan(std::string_view text, OnText on_text, OnPlaceholder on_placeholder) {
  std::size_t plain = 0;
  for (auto at = text.find("${"); at != std::string_view::npos; at = text.find("${", at)) {
    const auto placeholder = PlaceholderAt(text, at);
    if (!placeholder) {
      at += 2;
      continue;
    }
    on_text(text.substr(plain, at - plain));
    if (!on_placeholder(*placeholder)) return;
    at += placeholder->whole.size();
    plain = at;
  }
  on_text(text.substr(plain));
}

void DropLineEnd(std::string& text) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
}

bool IsName(std::string_view text) {
  return !text.empty() && text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
                              std::string_view::npos;
}

// A placeholder that was begun for one of our providers and never closed would be sent as a password as it stands.
bool HasUnclosed(std::string_view text) {
  for (const std::string_view begin : {"${file:", "${directory:", "${env:", "${command:"}) {
    const auto last = text.rfind(begin);
    if (last != std::string_view::npos && text.find('}', last) == std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

bool HasPlaceholder(std::string_view text) {
  bool found = false;
  Scan(
      text, [](std::string_view) {},
      [&](const Placeholder&) {
        found = true;
        return false;
      });
  return found;
}

std::vector<Placeholder> FindPlaceholders(std::string_view text) {
  std::vector<Placeholder> found;
  Scan(
      text, [](std::string_view) {},
      [&](const Placeholder& placeholder) {
        found.push_back(placeholder);
        return true;
      });
  return found;
}

std::string WithoutPlaceholders(std::string_view text) {
  std::string rest;
  Scan(
      text, [&](std::string_view plain) { rest += plain; }, [](const Placeholder&) { return true; });
  return rest;
}

Result<SecretResolver> SecretResolver::Create(SecretPolicy policy) {
  SecretResolver resolver;
  if (policy.env_pattern.size() > kPatternBytesMax) {
    return ConfigError("secrets.env_pattern is longer than 256 bytes. Use a shorter pattern such as SHOP_.*");
  }
  try {
    resolver.env_pattern_ = CompileRegex(policy.env_pattern, std::regex::ECMAScript);
  } catch (const std::regex_error&) {
    return ConfigError("secrets.env_pattern " + Quoted(policy.env_pattern) +
                       " is not a regular expression. Write a pattern for whole names, such as SHOP_.*");
  }
  resolver.policy_ = std::move(policy);
  return resolver;
}

Result<std::string> SecretResolver::Resolve(std::string_view text) const {
  if (HasUnclosed(text)) return ConfigError("A placeholder is not closed: a \"}\" is missing.");
  std::string resolved;
  std::optional<Error> failure;
  std::size_t count = 0;
  Scan(
      text, [&](std::string_view plain) { resolved += plain; },
      [&](const Placeholder& placeholder) {
        if (++count > kPlaceholdersMax) {
          failure = ConfigError("More than 16 placeholders in one value. Put the whole value into one secret.");
          return false;
        }
        auto secret = ResolveOne(placeholder);
        if (!secret.ok()) {
          failure = std::move(secret).error();
          return false;
        }
        resolved += *secret;
        return true;
      });
  if (failure) return *std::move(failure);
  return resolved;
}

Result<std::string> SecretResolver::ResolveOne(const Placeholder& placeholder) const {
  // "${" inside: the inner one would end at the outer's brace, and a path is never computed from a secret.
  if (Contains(placeholder.whole.substr(2), "${"))
    return ConfigError("Placeholders may not nest. Resolve the inner one by hand.");
  Result<std::string> (SecretResolver::*provider)(const Placeholder&) const = nullptr;
  if (placeholder.provider == "file") provider = &SecretResolver::FromFile;
  if (placeholder.provider == "directory") provider = &SecretResolver::FromDirectory;
  if (placeholder.provider == "env") provider = &SecretResolver::FromEnvironment;
  if (placeholder.provider == "command") provider = &SecretResolver::FromCommand;
  if (provider == nullptr) {
    // What stands there may be part of a literal secret: shown only if it looks like a provider's name.
    const bool shown = IsName(placeholder.provider) && placeholder.provider.size() <= 16;
    return ConfigError("No secret provider" +
                       (shown ? " " + Quoted(placeholder.provider) : std::string(" of that name")) +
                       ". The providers are file, directory, env and command.");
  }
  auto secret = (this->*provider)(placeholder);
  if (!secret.ok()) {
    const bool short_form = placeholder.path.empty();
    return ConfigError("Cannot resolve the secret from " + std::string(placeholder.provider) + " " +
                       Quoted(short_form ? placeholder.key : placeholder.path) + ": " + secret.error().what + ".");
  }
  if (Contains(*secret, std::string_view("\0", 1))) {
    return ConfigError("Cannot resolve the secret from " + std::string(placeholder.provider) +
                       ": it holds a zero byte.");
  }
  return secret;
}

Result<std::string> SecretResolver::FromFile(const Placeholder& placeholder) const {
  if (placeholder.path.empty()) return ConfigError("no path. Write ${file:/path/to/file.properties:key}");
  HG_ASSIGN_OR_RETURN(const std::string content, ReadAllowedFile(std::string(placeholder.path), policy_.allowed_paths));
  auto value = FindProperty(content, placeholder.key);
  if (!value) return ConfigError("the file has no key " + Quoted(placeholder.key));
  return *std::move(value);
}

Result<std::string> SecretResolver::FromDirectory(const Placeholder& placeholder) const {
  if (placeholder.path.empty()) return ConfigError("no path. Write ${directory:/path/to/folder:file}");
  const std::string_view key = placeholder.key;
  if (key.empty() || key == "." || key == ".." || Contains(key, "/")) {
    return ConfigError("the key must be the plain name of a file in that folder");
  }
  auto content = ReadAllowedFile(std::string(placeholder.path) + "/" + std::string(key), policy_.allowed_paths);
  if (!content.ok()) return ConfigError("file " + Quoted(key) + ": " + content.error().what);
  DropLineEnd(*content);
  return content;
}

Result<std::string> SecretResolver::FromEnvironment(const Placeholder& placeholder) const {
  if (!placeholder.path.empty()) return ConfigError("a variable has no path. Write ${env:NAME}");
  const std::string name(placeholder.key);
  const bool sound = IsName(name) && name.size() <= kEnvNameBytesMax;
  bool allowed = false;
  try {
    allowed = sound && !policy_.env_pattern.empty() && std::regex_match(name, env_pattern_);
  } catch (const std::regex_error&) {  // the matcher gave up: closed
  }
  if (!allowed) {
    return ConfigError("the name does not match secrets.env_pattern of the service's configuration file");
  }
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return ConfigError("the variable is not set in the environment of the service");
  if (std::string_view(value).size() > kSecretBytesMax) return ConfigError("the variable is larger than 64 KiB");
  return std::string(value);
}

Result<std::string> SecretResolver::FromCommand(const Placeholder& placeholder) const {
  const bool has_key = !placeholder.path.empty();
  const std::string name(has_key ? placeholder.path : placeholder.key);
  const auto command = policy_.commands.find(name);
  if (command == policy_.commands.end()) {
    return ConfigError("secrets.commands of the service's configuration file has no command of this name");
  }
  HG_ASSIGN_OR_RETURN(std::string output, RunCommand(command->second, policy_.command_timeout));
  if (!has_key) {
    DropLineEnd(output);
    return output;
  }
  // The key selects from the output; it is never an argument of the command, which the API could then steer.
  auto value = FindProperty(output, placeholder.key);
  if (!value) return ConfigError("the output of the command has no key " + Quoted(placeholder.key));
  return *std::move(value);
}

std::ostream& operator<<(std::ostream& out, const Secret&) { return out << "***"; }

}  // namespace headgate::config
