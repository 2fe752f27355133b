#pragma once

#include <chrono>
#include <iosfwd>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

// Placeholders for secrets in Kafka Connect's syntax, ${provider:path:key} or ${provider:key} (admin API, 7.1, 7.2).
namespace headgate::config {

// What the operator of the host opened, from the service's own configuration file. Everything is closed by default.
struct SecretPolicy {
  std::vector<std::string> allowed_paths;                    // absolute; for the providers `file` and `directory`
  std::string env_pattern;                                   // matches whole names; empty: none
  std::map<std::string, std::vector<std::string>> commands;  // name -> argv, the program with its absolute path
  std::chrono::milliseconds command_timeout{10'000};
};

// One placeholder of a text. The views point into that text.
struct Placeholder {
  std::string_view whole;     // ${file:/run/secrets/db.properties:password}
  std::string_view provider;  // file
  std::string_view path;      // /run/secrets/db.properties, "" in the short form
  std::string_view key;       // password
};

// True if the text holds at least one placeholder. "${" without a colon and a closing brace is plain text.
bool HasPlaceholder(std::string_view text);
// In order. Placeholders do not nest, and the end of one is the first closing brace.
std::vector<Placeholder> FindPlaceholders(std::string_view text);
// What is left of a text without its placeholders.
std::string WithoutPlaceholders(std::string_view text);

// Replaces placeholders. Reads files, the environment and commands at each call, so a rotated secret is seen at the
// next start of its connector. Immutable, any thread; a call with a command may take command_timeout.
class SecretResolver {
 public:
  // kConfig if env_pattern is no regular expression (ECMAScript, at most 256 bytes).
  static Result<SecretResolver> Create(SecretPolicy policy);

  // The text with every placeholder replaced, once: what a secret itself contains is never looked at again. Errors are
  // kConfig and name provider and path, never content. A line end at the end of a file or of a command's output is
  // not part of the secret.
  Result<std::string> Resolve(std::string_view text) const;

 private:
  SecretResolver() = default;
  Result<std::string> ResolveOne(const Placeholder& placeholder) const;
  Result<std::string> FromFile(const Placeholder& placeholder) const;
  Result<std::string> FromDirectory(const Placeholder& placeholder) const;
  Result<std::string> FromEnvironment(const Placeholder& placeholder) const;
  Result<std::string> FromCommand(const Placeholder& placeholder) const;

  SecretPolicy policy_;
  std::regex env_pattern_;  // meaningful only if policy_.env_pattern is set
};

// Holds a resolved secret so that it is not printed by accident: streams and test output show ***.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}

  const std::string& Reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  friend bool operator==(const Secret&, const Secret&) = default;

 private:
  std::string text_;
};

std::ostream& operator<<(std::ostream& out, const Secret& secret);

}  // namespace headgate::config
