#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <regex>
#include <utility>

#include "core/base/check.h"
#include "core/base/regex.h"
#include "core/config/masking.h"
#include "core/config/secrets.h"
#include "core/config/spec.h"
#include "core/config/text.h"

namespace headgate::config {

namespace {

constexpr std::size_t kTopicsRegexBytesMax = 1024;  // keeps the compiler of std::regex shallow
constexpr std::size_t kUnknownKeysMax = 50;
constexpr int kRelevanceDepthMax = 8;  // a ring of conditions ends

template <class T>
std::optional<T> ParseNumber(std::string_view text) {
  T number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string Begin(const Option& option) { return "Setting " + Quoted(option.name); }

std::string ChoiceError(const Option& option, const std::string& value, const std::string& shown) {
  if (std::find(option.choices.begin(), option.choices.end(), value) != option.choices.end()) return {};
  std::string choices;
  for (const std::string_view choice : option.choices) choices.append(choices.empty() ? "" : ", ").append(choice);
  std::string text = Begin(option) + " is " + shown + ". It must be one of: " + choices + ".";
  const std::string_view nearest = Nearest(value, option.choices);
  if (!nearest.empty() && option.type != OptionType::kPassword) text += " Did you mean " + Quoted(nearest) + "?";
  return text;
}

std::string IntegerError(const Option& option, const std::string& value, const std::string& shown) {
  const bool narrow = option.type == OptionType::kInt;
  using Narrow = std::numeric_limits<std::int32_t>;
  using Wide = std::numeric_limits<std::int64_t>;
  const std::int64_t least = std::max(option.minimum.value_or(Wide::min()), narrow ? Narrow::min() : Wide::min());
  const std::int64_t most = std::min(option.maximum.value_or(Wide::max()), narrow ? Narrow::max() : Wide::max());
  const auto number = ParseNumber<std::int64_t>(value);
  if (number && *number >= least && *number <= most) return {};
  return Begin(option) + " is " + shown + ". It must be a whole number from " + std::to_string(least) + " to " +
         std::to_string(most) + ".";
}

std::string DoubleError(const Option& option, const std::string& value, const std::string& shown) {
  const auto number = ParseNumber<double>(value);
  if (number && std::isfinite(*number)) return {};
  return Begin(option) + " is " + shown + ". It must be a number such as 0.5.";
}

std::string TopicsRegexError(const std::string& pattern) {
  if (pattern.size() > kTopicsRegexBytesMax) return "Setting \"topics.regex\" is longer than 1024 bytes. Shorten it.";
  try {
    static_cast<void>(CompileRegex(pattern, std::regex::ECMAScript));
    return {};
  } catch (const std::regex_error&) {
    return "Setting \"topics.regex\" is not a regular expression. Write one for whole stream names, such as "
           "shop\\.public\\..*";
  }
}

// What is wrong with a value, or "". `shown` stands for it in the text.
std::string ContentError(const Option& option, const std::string& value, const std::string& shown) {
  switch (option.type) {
    case OptionType::kBoolean:
      if (value == "true" || value == "false") return {};
      return Begin(option) + " is " + shown + ". It must be true or false.";
    case OptionType::kDouble:
      return DoubleError(option, value, shown);
    case OptionType::kInt:
    case OptionType::kLong:
      return IntegerError(option, value, shown);
    case OptionType::kList:
      if (option.choices.empty()) return {};
      for (const std::string& item : SplitList(value)) {
        std::string text = ChoiceError(option, item, shown);
        if (!text.empty()) return text;
      }
      return {};
    case OptionType::kString:
    case OptionType::kPassword:
      if (option.name == "topics.regex") return TopicsRegexError(value);
      return option.choices.empty() ? std::string() : ChoiceError(option, value, shown);
  }
  return {};
}

// Texts are kept as they were written; what has a closed form is trimmed.
std::string Normalised(const Option& option, std::string value) {
  const bool text = option.type == OptionType::kString || option.type == OptionType::kPassword;
  if (text && option.choices.empty()) return value;
  if (option.type == OptionType::kBoolean) return ToLower(Trim(value));
  return std::string(Trim(value));
}

bool IsUnset(const FlatConfig& config, const std::string& key) {
  const auto found = config.find(key);
  return found == config.end() || Trim(found->second).empty();
}

bool IsRelevantTo(const ComponentSpec& spec, const Option& option, const FlatConfig& config, int depth) {
  if (option.relevant_if_key.empty() || depth > kRelevanceDepthMax) return true;
  const Option* controller = FindOption(spec, option.relevant_if_key);
  CHECK(controller != nullptr);
  const auto found = config.find(std::string(controller->name));
  const std::string value = found != config.end() ? found->second : std::string(controller->default_value);
  if (HasPlaceholder(value)) return true;
  const std::vector<std::string> wanted = SplitList(option.relevant_if_value);
  const bool met = wanted.empty() ? Trim(value).empty()
                                  : std::find(wanted.begin(), wanted.end(),
                                              Normalised(*controller, std::string(Trim(value)))) != wanted.end();
  return met && IsRelevantTo(spec, *controller, config, depth + 1);
}

}  // namespace

bool IsRelevant(const ComponentSpec& spec, const Option& option, const FlatConfig& config) {
  return IsRelevantTo(spec, option, config, 0);
}

const Bound::Effective* Bound::Find(std::string_view key) const {
  const auto found = values_.find(std::string(key));
  if (found != values_.end()) return &found->second;
  CHECK(std::find(known_.begin(), known_.end(), key) != known_.end());
  return nullptr;
}

const std::string& Bound::Text(std::string_view key) const {
  static const std::string unset;
  const Effective* effective = Find(key);
  return effective != nullptr ? effective->value : unset;
}

bool Bound::Has(std::string_view key) const { return Find(key) != nullptr; }
std::int64_t Bound::Int(std::string_view key) const { return ParseNumber<std::int64_t>(Text(key)).value_or(0); }
double Bound::Double(std::string_view key) const { return ParseNumber<double>(Text(key)).value_or(0); }
bool Bound::Bool(std::string_view key) const { return Text(key) == "true"; }
std::vector<std::string> Bound::List(std::string_view key) const { return SplitList(Text(key)); }

std::map<std::string, std::string> Bound::WithPrefix(std::string_view prefix) const {
  std::map<std::string, std::string> found;
  for (auto at = values_.lower_bound(std::string(prefix)); at != values_.end() && at->first.starts_with(prefix); ++at) {
    const bool declared = std::find(known_.begin(), known_.end(), at->first) != known_.end();
    if (!declared && at->first.size() > prefix.size()) found.emplace(at->first.substr(prefix.size()), at->second.value);
  }
  return found;
}

std::string Bound::Shown(std::string_view key) const {
  const Effective* effective = Find(key);
  return effective != nullptr ? effective->shown : std::string();
}

struct Binder {
  const ComponentSpec& spec;
  const FlatConfig& config;
  const SecretResolver* resolver;
  BindOutcome out = {};

  void Fail(std::string_view key, std::string text) { out.errors.push_back({std::string(key), std::move(text)}); }

  // The value with its placeholders resolved; nothing if that failed, which is then an error of the key.
  std::optional<std::string> Resolved(const std::string& key, const std::string& raw) {
    if (resolver == nullptr) return raw;
    auto resolved = resolver->Resolve(raw);
    if (resolved.ok()) return std::move(resolved).value();
    Fail(key, "Setting " + Quoted(key) + ": " + resolved.error().what);
    return std::nullopt;
  }

  Bound::Effective Describe(const std::string& key, const std::string& raw, std::string value) const {
    const bool resolved = HasPlaceholder(raw);
    Bound::Effective effective{std::move(value), "config", resolved || IsSecretKey(spec, key), {}};
    const bool literal = IsSecretKey(spec, key) && IsLiteralSecret(raw);
    effective.shown = literal ? "***" : Contains(raw, "://") ? MaskUrl(raw) : raw;
    return effective;
  }

  void BindOption(const Option& option) {
    const std::string key(option.name);
    out.bound.known_.push_back(option.name);
    const bool stream_choice = spec.kind == ComponentKind::kSink && (key == "topics" || key == "topics.regex");
    if (stream_choice && IsUnset(config, "topics") == IsUnset(config, "topics.regex")) {
      return Fail(key, std::string("Set exactly one of \"topics\" and \"topics.regex\": ") +
                           (IsUnset(config, "topics") ? "neither is set." : "both are set."));
    }
    const auto found = config.find(key);
    if (found == config.end() || (option.required && Trim(found->second).empty())) {
      if (option.required && IsRelevant(spec, option, config))
        return Fail(key, "Missing required setting " + Quoted(key) + ".");
      const auto name = config.find("name");
      if (option.derive != nullptr && name != config.end()) {
        const std::string derived = option.derive(name->second);
        out.bound.values_[key] = {derived, "default", false, derived};
      }
      if (!option.has_default) return;
      out.bound.values_[key] = {std::string(option.default_value), "default", false, std::string(option.default_value)};
      return;
    }
    if (stream_choice && Trim(found->second).empty()) return;
    BindValue(option, key, found->second);
  }

  void BindValue(const Option& option, const std::string& key, const std::string& raw) {
    const bool placeholder = HasPlaceholder(raw);
    if (placeholder && (key == "connector.class" || key == "name")) {
      return Fail(key, "Setting " + Quoted(key) + " may not hold a placeholder: it is shown everywhere. Write it out.");
    }
    if (key == "connector.class" && !MeansClass(spec, Trim(raw))) {
      return Fail(key, "Setting \"connector.class\" is " + Quoted(raw) + ", which does not mean " +
                           std::string(spec.class_name) + ".");
    }
    if (option.type == OptionType::kPassword && raw == kMask) return Fail(key, MaskText(key));
    auto resolved = Resolved(key, raw);
    if (!resolved) return;
    std::string value = Normalised(option, *std::move(resolved));
    const Bound::Effective effective = Describe(key, raw, std::move(value));
    const bool unresolved = placeholder && resolver == nullptr;
    if (!unresolved) {
      // A resolved secret is never quoted, and a literal one neither.
      const std::string shown = effective.secret ? std::string("not usable") : Quoted(effective.shown);
      std::string wrong = ContentError(option, effective.value, shown);
      if (!wrong.empty()) return Fail(key, std::move(wrong));
    }
    out.bound.values_[key] = effective;
  }

  // Keys that no option declares: free, ignored, or unknown. Errors of the unknown ones come last.
  void BindOthers() {
    std::vector<KeyError> unknown;
    for (const auto& [key, raw] : config) {
      if (FindOption(spec, key) != nullptr) continue;
      if (IsIgnoredKey(spec, key)) {
        out.ignored.push_back(key);
      } else if (FreePrefixOf(spec, key).empty()) {
        // A suggestion costs; a body of the largest size must not keep the API's thread.
        if (unknown.size() == kUnknownKeysMax)
          unknown.push_back({key, "More unknown settings follow. Mend these first."});
        if (unknown.size() < kUnknownKeysMax) unknown.push_back({key, UnknownText(key)});
      } else if (IsSecretKey(spec, key) && raw == kMask) {
        Fail(key, MaskText(key));
      } else if (auto value = Resolved(key, raw)) {
        out.bound.values_[key] = Describe(key, raw, *std::move(value));
      }
    }
    out.errors.insert(out.errors.end(), unknown.begin(), unknown.end());
  }

  std::string UnknownText(const std::string& key) const {
    const std::string_view nearest = Nearest(key, out.bound.known_);
    const std::string text = "Unknown setting " + Quoted(key) + ". ";
    if (!nearest.empty()) return text + "Did you mean " + Quoted(nearest) + "?";
    return text + "GET /connector-plugins/" + std::string(spec.class_name) + "/config lists the settings.";
  }

  static std::string MaskText(const std::string& key) {
    return "Setting " + Quoted(key) + " is the mask [hidden]. Give the secret or a placeholder.";
  }
};

BindOutcome Bind(const ComponentSpec& spec, const FlatConfig& config, const SecretResolver* resolver) {
  Binder binder{spec, config, resolver};
  for (const Option* option : AllOptions(spec)) binder.BindOption(*option);
  binder.BindOthers();
  return std::move(binder.out);
}

}  // namespace headgate::config
