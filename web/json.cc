#include "web/json.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "core/base/check.h"

namespace headgate::web {
namespace {

using Base = nlohmann::json_sax<Json>;

// Builds the document, with our limits.
class Builder : public Base {
 public:
  explicit Builder(std::size_t depth_max) : depth_max_(depth_max) {}

  Json root;
  std::string error;

  bool null() override { return Add(nullptr); }
  bool boolean(bool v) override { return Add(v); }
  bool number_integer(number_integer_t v) override { return Add(v); }
  bool number_unsigned(number_unsigned_t v) override { return Add(v); }
  bool number_float(number_float_t, const string_t& text) override {
    return Add(Json::binary({text.begin(), text.end()}));
  }
  bool string(string_t& v) override { return Add(std::move(v)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Open(Json::object()); }
  bool start_array(std::size_t) override { return Open(Json::array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    // Looking a member up is linear: a bound on their number keeps a whole body cheap.
    if (open_.back()->size() >= kJsonMembersMax) {
      error = "more than " + std::to_string(kJsonMembersMax) + " members in one object";
      return false;
    }
    if (open_.back()->contains(name)) {
      error = "the member \"" + name.substr(0, 100) + "\" comes twice";
      return false;
    }
    name_ = std::move(name);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    error_at_ = position;
    return false;
  }
  std::size_t error_at() const { return error_at_; }

 private:
  Json* Place(Json value) {
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    Json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[name_] = std::move(value));
  }
  bool Add(Json value) {
    Place(std::move(value));
    return true;
  }
  bool Open(Json value) {
    if (open_.size() >= depth_max_) {
      error = "more than " + std::to_string(depth_max_) + " levels";
      return false;
    }
    open_.push_back(Place(std::move(value)));
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  const std::size_t depth_max_;
  // Only the innermost container grows, so pointers to the outer ones hold.
  std::vector<Json*> open_;
  std::string name_;
  std::size_t error_at_ = 0;
};

std::string LineAndColumn(std::string_view text, std::size_t at) {
  std::size_t line = 1;
  std::size_t column = 1;
  for (std::size_t i = 0; i + 1 < at && i < text.size(); ++i) {
    ++column;
    if (text[i] == '\n') {
      ++line;
      column = 1;
    }
  }
  return "line " + std::to_string(line) + ", column " + std::to_string(column);
}

}  // namespace

Result<Json> ParseJson(std::string_view text, std::size_t depth_max) {
  Builder builder(depth_max);
  try {
    if (Json::sax_parse(text.begin(), text.end(), &builder)) return std::move(builder.root);
  } catch (const std::exception&) {  // none is known; a parser of foreign text gets no second chance
    return ConfigError("The body is not JSON.");
  }
  if (!builder.error.empty()) return ConfigError("The body is not acceptable JSON: " + builder.error + ".");
  return ConfigError("The body is not JSON: it goes wrong at " + LineAndColumn(text, builder.error_at()) + ".");
}

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json OrNull(const std::optional<std::string>& value) { return value ? Json(*value) : Json(nullptr); }
Json OrNull(const std::optional<std::uint64_t>& value) { return value ? Json(*value) : Json(nullptr); }
Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

bool IsScalar(const Json& json) {
  return json.is_string() || json.is_boolean() || json.is_number() || json.is_binary();
}

std::string ScalarText(const Json& json) {
  CHECK(IsScalar(json));
  if (json.is_string()) return json.get<std::string>();
  if (json.is_binary()) return {json.get_binary().begin(), json.get_binary().end()};
  return json.dump();
}

}  // namespace headgate::web
