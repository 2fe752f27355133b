#include "core/transform/column_options.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/encoding.h"
#include "core/config/option_builders.h"
#include "core/config/secrets.h"

namespace headgate {
namespace {

using config::Defaulted;
using config::Option;
using config::Optional;
using config::OptionType;
using config::WithExample;

constexpr std::string_view kGroup = "Transforms";
constexpr std::size_t kKeyBytesMin = 16;

class RulesReader {
 public:
  RulesReader(const config::Bound& bound, std::vector<config::KeyError>& errors) : bound_(bound), errors_(errors) {}

  ColumnRules Read(TransformPlace place) {
    rules_.mask = Names("mask_columns");
    rules_.hash = Names("hash_columns");
    rules_.mask_text = bound_.Text("mask_text");
    rules_.hash_key = bound_.Text("hash_key");
    if (!IsUtf8(rules_.mask_text)) Fail("mask_text", "is not UTF-8.");
    ReadTruncate();
    if (place == TransformPlace::kSink) ReadRename();
    if (!rules_.hash.empty() && rules_.hash_key.empty()) {
      Fail("hash_key", "is missing: hash_columns needs the key of the HMAC.");
    } else if (!rules_.hash_key.empty() && !config::HasPlaceholder(rules_.hash_key) &&
               rules_.hash_key.size() < kKeyBytesMin) {
      Fail("hash_key", "has less than 16 bytes, so that it could be guessed and the hashes with it.");
    }
    return std::move(rules_);
  }

 private:
  void Fail(std::string_view key, std::string_view text) {
    errors_.push_back({std::string(key), "Setting \"" + std::string(key) + "\" " + std::string(text)});
  }
  bool CheckName(std::string_view key, const std::string& name) {
    const auto dot = name.find('.');
    if (dot != std::string::npos && dot > 0 && name.back() != '.') return true;
    Fail(key, "has \"" + name + "\", which names no column of a table: schema.table.column.");
    return false;
  }

  std::vector<std::string> Names(std::string_view key) {
    std::vector<std::string> names = bound_.List(key);
    for (const std::string& name : names) {
      if (!config::HasPlaceholder(name)) CheckName(key, name);
    }
    return names;
  }

  // Items of the form column:what; `take` is given both.
  template <class Take>
  void Pairs(std::string_view key, std::string_view form, const Take& take) {
    for (const std::string& item : bound_.List(key)) {
      if (config::HasPlaceholder(item)) continue;
      const auto colon = item.rfind(':');
      if (colon == std::string::npos || colon == 0 || colon + 1 == item.size()) {
        Fail(key, "has \"" + item + "\": it must be a comma list of " + std::string(form) + ".");
        continue;
      }
      const std::string name = item.substr(0, colon);
      if (CheckName(key, name)) take(item, name, item.substr(colon + 1));
    }
  }

  void ReadTruncate() {
    Pairs("truncate_columns", "schema.table.column:characters",
          [this](const std::string& item, const std::string& name, const std::string& text) {
            std::size_t characters = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), characters);
            if (error != std::errc() || end != text.data() + text.size()) {
              Fail("truncate_columns", "has \"" + item + "\": behind the colon there must be a number of characters.");
              return;
            }
            rules_.truncate.emplace_back(name, characters);
          });
  }

  void ReadRename() {
    Pairs("rename_columns", "schema.table.column:name",
          [this](const std::string& item, const std::string& name, const std::string& to) {
            if (name.find_first_of("*?") != std::string::npos) {
              Fail("rename_columns", "has \"" + item + "\": only one column can have the new name, so no * and ?.");
              return;
            }
            if (std::ranges::any_of(rules_.rename, [&](const auto& known) { return known.first == name; })) {
              Fail("rename_columns", "has " + name + " twice.");
              return;
            }
            rules_.rename.emplace_back(name, to);
          });
  }

  const config::Bound& bound_;
  std::vector<config::KeyError>& errors_;
  ColumnRules rules_;
};

}  // namespace

std::vector<Option> ColumnTransformSpec(TransformPlace place, std::string_view column) {
  const bool source = place == TransformPlace::kSource;
  std::vector<Option> out = {
      WithExample(Optional("mask_columns", OptionType::kList, kGroup, "Masked columns",
                           source ? "Columns, with * and ?, whose values are replaced before anything is stored: text "
                                    "by mask_text, other types by NULL. Not of the key."
                                  : "Columns, with * and ?, whose values are replaced before anything is sent: text by "
                                    "mask_text, other types by NULL. Not of the key."),
                  column),
      WithExample(Optional("hash_columns", OptionType::kList, kGroup, "Hashed columns",
                           "Columns, with * and ?, whose values become text, the HMAC-SHA-256 of their text with "
                           "hash_key in 64 hex digits: equal values stay equal."),
                  column),
      WithExample(Optional("truncate_columns", OptionType::kList, kGroup, "Cut columns",
                           "Text columns, with * and ?, that keep so many characters: column:characters. Not of the "
                           "key."),
                  "public.users.address:10"),
  };
  if (!source)
    out.push_back(WithExample(Optional("rename_columns", OptionType::kList, kGroup, "Renamed columns",
                                       "Columns under other names: column:name."),
                              "public.users.mail:email"));
  out.push_back(Defaulted("mask_text", OptionType::kString, "***", kGroup, "Mask", "What masked text becomes."));
  out.push_back(Optional("hash_key", OptionType::kPassword, kGroup, "Hash key",
                         "Key of the HMAC, at least 16 bytes; better a placeholder than the text itself. Whoever has "
                         "it can tell whether a guess is right; with another key all hashes are others."));
  return out;
}

ColumnRules ReadColumnRules(const config::Bound& bound, TransformPlace place, std::vector<config::KeyError>& errors) {
  return RulesReader(bound, errors).Read(place);
}

}  // namespace headgate
