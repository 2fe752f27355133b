#include "core/codec/debezium_options.h"

#include <charconv>
#include <optional>
#include <regex>

#include "core/base/regex.h"

namespace headgate::codec {
namespace {

using O = DebeziumOptions;

Error BadValue(std::string_view name, std::string_view value, const std::string& allowed) {
  std::string shown(value.substr(0, 100));
  if (value.size() > shown.size()) {
    while (!shown.empty() && (value[shown.size()] & 0xC0) == 0x80) shown.pop_back();  // not inside a character
    shown += "...";
  }
  return ConfigError("option '" + std::string(name) + "' has no value '" + shown + "'; use " + allowed);
}

template <class T>
struct Choice {
  std::string_view text;
  T value;
};

template <class T>
Result<bool> Choose(std::string_view name, std::string_view value, T& target,
                    std::initializer_list<Choice<T>> choices) {
  std::string allowed;
  for (const Choice<T>& c : choices) {
    if (c.text == value) {
      target = c.value;
      return true;
    }
    allowed += (allowed.empty() ? "" : ", ") + std::string(c.text);
  }
  return BadValue(name, value, "one of " + allowed);
}

Result<bool> Flag(std::string_view name, std::string_view value, bool& target) {
  return Choose<bool>(name, value, target, {{"true", true}, {"false", false}});
}

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(separator, start), text.size());
    std::string_view part = text.substr(start, end - start);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!part.empty()) parts.push_back(part);
    start = end + 1;
  }
  return parts;
}

Result<bool> SetSkipped(O& o, std::string_view name, std::string_view value) {
  o.skip_create = o.skip_update = o.skip_delete = o.skip_truncate = false;
  for (const std::string_view op : Split(value, ',')) {
    if (op == "c") {
      o.skip_create = true;
    } else if (op == "u") {
      o.skip_update = true;
    } else if (op == "d") {
      o.skip_delete = true;
    } else if (op == "t") {
      o.skip_truncate = true;
    } else if (op != "none") {
      return BadValue(name, op, "any of c, u, d, t, or none");
    }
  }
  return true;
}

// std::regex descends once for each parenthesis, when it compiles and when it matches.
constexpr std::size_t kPatternBytesMax = 1024;

// Nothing if the pattern is no regular expression.
std::optional<std::regex> Compile(const std::string& pattern) {
  try {
    return CompileRegex(pattern, std::regex::ECMAScript | std::regex::icase);
  } catch (const std::regex_error&) {
    return std::nullopt;
  }
}

// False also if the matcher gives up on the pattern.
bool Fits(const std::string& pattern, const std::string& name) {
  try {
    const auto compiled = Compile(pattern);
    return compiled && std::regex_match(name, *compiled);
  } catch (const std::regex_error&) {
    return false;
  }
}

// g.a:id,name;g.b:(id)
Result<bool> SetKeyColumns(O& o, std::string_view name, std::string_view value) {
  o.key_columns.clear();
  for (const std::string_view item : Split(value, ';')) {
    const std::size_t colon = item.rfind(':');
    O::KeyColumns entry;
    if (colon != std::string_view::npos) {
      entry.table_pattern = item.substr(0, colon);
      for (const std::string_view column : Split(item.substr(colon + 1), ',')) entry.columns.emplace_back(column);
    }
    if (entry.columns.empty()) return BadValue(name, item, "schema.table:column,column;...");
    if (entry.table_pattern.size() > kPatternBytesMax) {
      return BadValue(name, item, "a regular expression of at most 1024 bytes before the colon");
    }
    if (!Compile(entry.table_pattern)) return BadValue(name, item, "a regular expression before the colon");
    o.key_columns.push_back(std::move(entry));
  }
  return true;
}

using Setter = Result<bool> (*)(O&, std::string_view, std::string_view);
struct Option {
  std::string_view name;
  Setter set;
};

template <bool O::*kMember>
Result<bool> SetFlag(O& o, std::string_view name, std::string_view value) {
  return Flag(name, value, o.*kMember);
}
template <std::string O::*kMember>
Result<bool> SetText(O& o, std::string_view, std::string_view value) {
  o.*kMember = value;
  return true;
}
template <O::Names O::*kMember>
Result<bool> SetNames(O& o, std::string_view name, std::string_view value) {
  return Choose<O::Names>(
      name, value, o.*kMember,
      {{"none", O::Names::kNone}, {"avro", O::Names::kAvro}, {"avro_unicode", O::Names::kAvroUnicode}});
}

Result<bool> SetDecimals(O& o, std::string_view name, std::string_view value) {
  return Choose<O::Decimals>(
      name, value, o.decimals,
      {{"precise", O::Decimals::kPrecise}, {"double", O::Decimals::kDouble}, {"string", O::Decimals::kString}});
}
Result<bool> SetDecimalFormat(O& o, std::string_view name, std::string_view value) {
  return Choose<O::DecimalFormat>(name, value, o.decimal_format,
                                  {{"BASE64", O::DecimalFormat::kBase64}, {"NUMERIC", O::DecimalFormat::kNumeric}});
}
Result<bool> SetTime(O& o, std::string_view name, std::string_view value) {
  using T = O::Time;
  return Choose<T>(name, value, o.time,
                   {{"adaptive", T::kAdaptive},
                    {"adaptive_time_microseconds", T::kAdaptiveTimeMicroseconds},
                    {"connect", T::kConnect},
                    {"isostring", T::kIsoString},
                    {"microseconds", T::kMicroseconds},
                    {"nanoseconds", T::kNanoseconds},
                    {"structured", T::kStructured}});
}
Result<bool> SetBinary(O& o, std::string_view name, std::string_view value) {
  using B = O::Binary;
  return Choose<B>(
      name, value, o.binary,
      {{"bytes", B::kBytes}, {"base64", B::kBase64}, {"base64-url-safe", B::kBase64Url}, {"hex", B::kHex}});
}
Result<bool> SetHstore(O& o, std::string_view name, std::string_view value) {
  return Choose<O::Hstore>(name, value, o.hstore, {{"json", O::Hstore::kJson}, {"map", O::Hstore::kMap}});
}
Result<bool> SetInterval(O& o, std::string_view name, std::string_view value) {
  return Choose<O::Interval>(name, value, o.interval,
                             {{"numeric", O::Interval::kNumeric}, {"string", O::Interval::kString}});
}
Result<bool> SetMoney(O& o, std::string_view name, std::string_view value) {
  int digits = 0;
  const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), digits);
  if (ec != std::errc() || end != value.data() + value.size() || digits < 0 || digits > 18)
    return BadValue(name, value, "a number from 0 to 18");
  o.money_fraction_digits = digits;
  return true;
}
Result<bool> SetNonFinite(O& o, std::string_view name, std::string_view value) {
  return Choose<O::NonFinite>(name, value, o.nonfinite, {{"park", O::NonFinite::kPark}, {"null", O::NonFinite::kNull}});
}
Result<bool> SetTsNs(O& o, std::string_view name, std::string_view value) {
  return Choose<bool>(name, value, o.ts_ns_string, {{"number", false}, {"string", true}});
}
Result<bool> SetSnapshotFlag(O& o, std::string_view name, std::string_view value) {
  return Choose<bool>(name, value, o.snapshot_boolean, {{"string", false}, {"boolean", true}});
}
Result<bool> SetMessageTimestamps(O& o, std::string_view name, std::string_view value) {
  return Choose<bool>(name, value, o.message_all_timestamps, {{"ms", false}, {"all", true}});
}

Result<bool> SetUnsigned(O& o, std::string_view name, std::string_view value) {
  return Choose<bool>(name, value, o.unsigned_precise, {{"long", false}, {"precise", true}});
}
Result<bool> SetTinyInt1(O& o, std::string_view name, std::string_view value) {
  using T = O::TinyInt1;
  return Choose<T>(name, value, o.tinyint1,
                   {{"declared", T::kDeclared}, {"number", T::kNumber}, {"boolean", T::kBoolean}});
}

constexpr Option kOptions[] = {
    {"bigint.unsigned.handling.mode", SetUnsigned},
    {"binary.handling.mode", SetBinary},
    {"compat.message_timestamps", SetMessageTimestamps},
    {"compat.nonfinite_decimal", SetNonFinite},
    {"compat.snapshot_flag", SetSnapshotFlag},
    {"compat.tinyint1", SetTinyInt1},
    {"compat.ts_ns", SetTsNs},
    {"compat.version", SetText<&O::version>},
    {"decimal.format", SetDecimalFormat},
    {"decimal.handling.mode", SetDecimals},
    {"enable.time.adjuster", SetFlag<&O::time_adjuster>},
    {"extended.headers.enabled", SetFlag<&O::extended_headers>},
    {"field.name.adjustment.mode", SetNames<&O::field_names>},
    {"hstore.handling.mode", SetHstore},
    {"include.schema.comments", SetFlag<&O::schema_comments>},
    {"include.unknown.datatypes", SetFlag<&O::unknown_types>},
    {"interval.handling.mode", SetInterval},
    {"message.key.columns", SetKeyColumns},
    {"money.fraction.digits", SetMoney},
    {"provide.transaction.metadata", SetFlag<&O::transaction_metadata>},
    {"replace.null.with.default", SetFlag<&O::null_with_default>},
    {"schema.name.adjustment.mode", SetNames<&O::schema_names>},
    {"schemas.enable", SetFlag<&O::schemas>},
    {"skipped.operations", SetSkipped},
    {"swap-geometry-coordinates", SetFlag<&O::swap_geometry>},
    {"time.precision.mode", SetTime},
    {"tombstones.on.delete", SetFlag<&O::tombstones>},
    {"unavailable.value.placeholder", SetText<&O::unavailable>},
    {"vector-to-json", SetFlag<&O::vector_to_json>},
};

}  // namespace

const O::KeyColumns* O::KeyColumnsOf(std::string_view schema, std::string_view table) const {
  const std::string name = std::string(schema) + "." + std::string(table);
  for (const KeyColumns& entry : key_columns) {
    if (Fits(entry.table_pattern, name)) return &entry;
  }
  return nullptr;
}

Result<bool> SetOption(DebeziumOptions& options, std::string_view name, std::string_view value) {
  for (const Option& option : kOptions) {
    if (option.name == name) return option.set(options, name, value);
  }
  return false;
}

}  // namespace headgate::codec
