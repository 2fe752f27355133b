#include "connectors/http/json_place.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"

namespace headgate::http {
namespace {

// Takes everything, keeps nothing but the place of the error.
struct Judge {
  using Json = nlohmann::json;
  std::optional<std::size_t> error;

  bool null() { return true; }
  bool boolean(bool) { return true; }
  bool number_integer(Json::number_integer_t) { return true; }
  bool number_unsigned(Json::number_unsigned_t) { return true; }
  bool number_float(Json::number_float_t, const Json::string_t&) { return true; }
  bool string(Json::string_t&) { return true; }
  bool binary(Json::binary_t&) { return true; }
  bool start_object(std::size_t) { return true; }
  bool key(Json::string_t&) { return true; }
  bool end_object() { return true; }
  bool start_array(std::size_t) { return true; }
  bool end_array() { return true; }
  bool parse_error(std::size_t position, const std::string&, const Json::exception& problem) {
    constexpr int kNumberOverflow = 406;  // a number like any other to us
    if (problem.id != kNumberOverflow) error = position == 0 ? 0 : position - 1;
    return false;
  }
};

}  // namespace

std::optional<std::size_t> FindMalformed(std::string_view text) {
  Judge judge;
  nlohmann::json::sax_parse(text.begin(), text.end(), &judge);
  return judge.error;
}

std::string DescribeMalformed(std::string_view all, std::string_view part) {
  if (!IsUtf8(part)) return "The body is not UTF-8.";
  const auto place = FindMalformed(part);
  if (!place) return "The body is not JSON that can be read: it may be nested more than 64 levels deep.";
  const std::size_t offset =
      std::min(all.size(), static_cast<std::size_t>(part.data() - all.data()) + std::min(*place, part.size()));
  const std::string_view before = all.substr(0, offset);
  const auto line = static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1;
  const std::size_t column = offset - (before.rfind('\n') + 1) + 1;  // npos + 1 is 0
  return "The body is not JSON: see line " + std::to_string(line) + ", column " + std::to_string(column) + " (byte " +
         std::to_string(offset) + ").";
}

}  // namespace headgate::http
