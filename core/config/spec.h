#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

// A component (source, sink) declares its options once, as a table. Binding, unknown-key errors with a suggestion, the
// answer of `validate`, the example file and the reference page all come from that table.
namespace headgate::config {

// The closed set of Kafka Connect's key types (reference: admin API, KC7).
enum class OptionType : std::uint8_t { kBoolean, kDouble, kInt, kList, kLong, kPassword, kString };
enum class Importance : std::uint8_t { kHigh, kMedium, kLow };

struct Option {
  std::string_view name;
  OptionType type = OptionType::kString;
  std::string_view default_value = {};  // text form; meaningful only if !required
  bool has_default = false;
  bool required = false;
  Importance importance = Importance::kMedium;
  std::string_view group = "Common";
  std::string_view display_name = {};
  std::string_view help = {};
  std::string_view example = {};
  std::vector<std::string_view> choices = {};  // closed list of values, empty: free
  std::optional<std::int64_t> minimum = {};    // kInt, kLong
  std::optional<std::int64_t> maximum = {};
  std::string_view relevant_if_key = {};    // visible only if that key ...
  std::string_view relevant_if_value = {};  // ... has this value, or one of this comma list
  // The value where none is given, made from the connector's name; instead of a default value.
  std::string (*derive)(std::string_view connector) = nullptr;
  // A stored secret may not follow when this key changes (7.3). Names such as host, port, url count without it.
  bool secret_target = false;
};

enum class ComponentKind : std::uint8_t { kSource, kSink };

struct ComponentSpec {
  std::string_view class_name;            // "PostgresSource"
  std::vector<std::string_view> aliases;  // "postgres"
  ComponentKind kind;
  std::vector<Option> options;                  // own ones; the common part (below) is added by the binder
  std::vector<std::string_view> prefixes = {};  // keys that start so are free: "header."
  bool rejects = false;                         // a source that keeps records it cannot take as dead letters
};

// Options that every connector has (connector.class, name, tasks.max) and every sink (topics, topics.regex).
const std::vector<Option>& CommonOptions(ComponentKind kind);

// The common part, then the component's own, in definition order. An own option of a common name replaces that one.
// The pointers live as long as the spec.
std::vector<const Option*> AllOptions(const ComponentSpec& spec);
// Null if the component does not declare the key.
const Option* FindOption(const ComponentSpec& spec, std::string_view key);
// The free prefix that the key falls under, or "". A key that is only the prefix falls under none.
std::string_view FreePrefixOf(const ComponentSpec& spec, std::string_view key);
// Keys of Kafka Connect that mean nothing here: accepted, stored, echoed, reported (KC19).
bool IsIgnoredKey(const ComponentSpec& spec, std::string_view key);
// Whether a client's text means this component: class or alias, with or without the ending "Connector", also behind
// a dotted prefix (KC15).
bool MeansClass(const ComponentSpec& spec, std::string_view text);

// A flat map as the config file and POST /connectors carry it, values in text form, placeholders unresolved.
using FlatConfig = std::map<std::string, std::string>;

// False if another key's value makes this option meaningless. A controlling value that is a placeholder decides
// nothing.
bool IsRelevant(const ComponentSpec& spec, const Option& option, const FlatConfig& config);

struct KeyError {
  std::string key;
  std::string text;
};

// Checked and typed settings of one component: every option has a value or is known to be unset. Immutable;
// lives no longer than the spec it was bound to.
class Bound {
 public:
  const std::string& Text(std::string_view key) const;  // "" if unset. CHECKs that the option exists
  bool Has(std::string_view key) const;                 // set or defaulted
  std::int64_t Int(std::string_view key) const;         // 0 if unset
  double Double(std::string_view key) const;
  bool Bool(std::string_view key) const;
  std::vector<std::string> List(std::string_view key) const;  // comma list, blanks trimmed, empty items dropped
  // The keys below a free prefix, without it: {"X-Team": "a"} for prefix "header.".
  std::map<std::string, std::string> WithPrefix(std::string_view prefix) const;
  // What logs, traces and answers may show: a placeholder unresolved, a literal secret as ***, a URL masked (7.4).
  std::string Shown(std::string_view key) const;
  // Every key with its value and where it came from ("config", "default"), secrets as they are; for callers that mask.
  // `secret` is also set for what a placeholder resolved to, whatever the key.
  struct Effective {
    std::string value;
    std::string_view origin;
    bool secret = false;
    std::string shown = {};  // see Shown
  };
  std::map<std::string, Effective> All() const { return values_; }

 private:
  friend struct Binder;
  std::map<std::string, Effective> values_;
  std::vector<std::string_view> known_;

  const Effective* Find(std::string_view key) const;
};

struct BindOutcome {
  Bound bound;                       // complete only if errors is empty
  std::vector<KeyError> errors;      // per key, in definition order, unknown keys last
  std::vector<std::string> ignored;  // keys of Kafka Connect that mean nothing here (KC19)
};

// Resolves placeholders; see secrets.h. Returns the text with every ${provider:...} replaced.
class SecretResolver;

// Checks types, choices, ranges, required and unknown keys. A required option that is not relevant may be missing. With
// a resolver, placeholders are resolved first and a failure is an error of that key; without one a value that holds a
// placeholder passes every check of its content.
BindOutcome Bind(const ComponentSpec& spec, const FlatConfig& config, const SecretResolver* resolver);

// The nearest known name within a small edit distance, or "".
std::string_view Nearest(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace headgate::config
