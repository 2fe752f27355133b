#include "web/shape.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/check.h"

namespace headgate::web {
namespace {

std::string_view NamedText(std::string_view name) {
  const auto all = NamedShapes();
  const auto found = std::ranges::find(all, name, &NamedShape::name);
  CHECK(found != all.end());
  return found->shape;
}

class ShapeReader {
 public:
  explicit ShapeReader(std::string_view text) : rest_(text) {}

  Json Whole() {
    Json schema = Union();
    CHECK(Peek() == '\0');
    return schema;
  }

  // Up to the brace, or the end.
  std::vector<Member> Members() {
    std::vector<Member> members;
    while (Peek() != '}' && Peek() != '\0') {
      if (rest_.starts_with("...")) {
        rest_.remove_prefix(3);
        std::string_view inner = NamedText(Word());
        CHECK(inner.starts_with('{') && inner.ends_with('}'));
        for (Member& one : MembersOf(inner.substr(1, inner.size() - 2))) members.push_back(std::move(one));
      } else {
        Member one;
        one.name = Take('*') ? "*" : std::string(Word());
        one.optional = Take('?');
        CHECK(Take(':'));
        one.schema = Union();
        members.push_back(std::move(one));
      }
      if (!Take(',')) break;
    }
    return members;
  }

 private:
  char Peek() {
    while (rest_.starts_with(' ')) rest_.remove_prefix(1);
    return rest_.empty() ? '\0' : rest_.front();
  }
  bool Take(char c) {
    if (Peek() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Names of members may be those of headers and of patterns: If-Match, key.<column>.
  std::string_view Word() {
    static_cast<void>(Peek());
    const std::size_t end = std::min(rest_.find_first_of(" ?:,})]|*'"), rest_.size());
    CHECK(end > 0);
    const std::string_view word = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return word;
  }

  Json Union() {
    std::vector<Json> options = {Nullable()};
    while (Take('|')) options.push_back(Nullable());
    if (options.size() == 1) return options.front();
    Json texts = Json::array();
    for (const Json& option : options) {
      if (option.contains("const")) texts.push_back(option["const"]);
    }
    if (texts.size() == options.size()) return {{"type", "string"}, {"enum", texts}};
    return {{"anyOf", options}};
  }

  Json Nullable() {
    Json schema = One();
    if (!Take('?')) return schema;
    if (schema.contains("type") && schema["type"].is_string()) {
      schema["type"] = Json::array({schema["type"], "null"});
      return schema;
    }
    return {{"anyOf", Json::array({schema, {{"type", "null"}}})}};
  }

  Json One() {
    if (Take('[')) {
      Json list = {{"type", "array"}, {"items", Union()}};
      CHECK(Take(']'));
      return list;
    }
    if (Take('{')) return Object();
    if (Take('\'')) {
      const std::string text(rest_.substr(0, rest_.find('\'')));
      rest_.remove_prefix(text.size());
      CHECK(Take('\''));
      return {{"const", text}};
    }
    if (Take('(')) {
      Json inner = Union();
      CHECK(Take(')'));
      return inner;
    }
    return Named(Word());
  }

  Json Object() {
    Json properties = Json::object();
    Json required = Json::array();
    Json others = false;
    for (Member& one : Members()) {
      if (one.name == "*") {
        others = std::move(one.schema);
        continue;
      }
      if (!one.optional) required.push_back(one.name);
      properties[one.name] = std::move(one.schema);
    }
    CHECK(Take('}'));
    Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) schema["required"] = std::move(required);
    schema["additionalProperties"] = std::move(others);
    return schema;
  }

  static Json Named(std::string_view name) {
    if (name == "any") return Json::object();
    if (name == "string" || name == "number" || name == "null") return {{"type", name}};
    if (name == "int") return {{"type", "integer"}, {"format", "int64"}};
    if (name == "bool") return {{"type", "boolean"}};
    if (name == "time") return {{"type", "string"}, {"format", "date-time"}};
    if (name == "big") return {{"type", "string"}, {"pattern", "^[0-9]+$"}};
    static_cast<void>(NamedText(name));  // CHECKs
    return {{"$ref", "#/components/schemas/" + std::string(name)}};
  }

  std::string_view rest_;
};

}  // namespace

Json SchemaOf(std::string_view shape) { return ShapeReader(shape).Whole(); }

std::vector<Member> MembersOf(std::string_view members) { return ShapeReader(members).Members(); }

}  // namespace headgate::web
