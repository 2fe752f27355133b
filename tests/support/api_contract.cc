#include "tests/support/api_contract.h"

#include <algorithm>
#include <cctype>
#include <vector>

namespace headgate::test {
namespace {

std::vector<std::string> SegmentsOf(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::size_t end = std::min(path.find('/'), path.size());
    segments.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  if (!segments.empty() && segments.back().empty()) segments.pop_back();
  return segments;
}

// Of a proxy's form of the target too.
std::string_view PathOf(std::string_view target) {
  if (target.starts_with("http://")) target.remove_prefix(std::min(target.find('/', 7), target.size()));
  return target.substr(0, target.find('?'));
}

// How well a template fits: one digit a segment, 2 a literal, 1 a parameter; "" not at all.
std::string FitOf(const std::vector<std::string>& pattern, const std::vector<std::string>& segments) {
  if (pattern.size() != segments.size()) return {};
  std::string fit = "=";
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool parameter = pattern[i].starts_with('{');
    if (!parameter && pattern[i] != segments[i]) return {};
    fit.push_back(parameter ? '1' : '2');
  }
  return fit;
}

bool IsOfType(const nlohmann::json& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "array") return value.is_array();
  if (type == "object") return value.is_object();
  return type == "null" && value.is_null();
}

bool IsTime(const std::string& text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00.000000Z";
  if (text.size() != kForm.size()) return false;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = std::isdigit(static_cast<unsigned char>(text[i])) != 0;
    if (kForm[i] == '0' ? !digit : text[i] != kForm[i]) return false;
  }
  return true;
}

bool IsDigits(const std::string& text) {
  return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::string Shortened(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).substr(0, 200);
}

}  // namespace

ApiContract::ApiContract(std::string_view openapi) : document_(json::parse(openapi, nullptr, false)) {}

const nlohmann::json* ApiContract::OperationOf(const std::string& method, std::string_view path) const {
  std::string lower = method == "HEAD" ? "get" : method;
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const std::vector<std::string> segments = SegmentsOf(path);
  const json* found = nullptr;
  std::string best;
  const json& paths = document_["paths"];
  for (const auto& [pattern, operations] : paths.items()) {
    const std::string fit = FitOf(SegmentsOf(pattern), segments);
    if (fit.empty() || fit <= best || !operations.contains(lower)) continue;
    best = fit;
    found = &operations[lower];
  }
  return found;
}

const nlohmann::json& ApiContract::Resolve(const json& node) const {
  if (!node.contains("$ref")) return node;
  return document_.at(json::json_pointer(node["$ref"].get<std::string>().substr(1)));
}

std::string ApiContract::Problem(const std::string& method, const std::string& target, int status,
                                 std::string_view content_type, std::string_view body) const {
  if (!document_.is_object()) return "/openapi.json is no JSON object";
  const std::string path(PathOf(target));
  const json* const operation = OperationOf(method, path);
  const bool own = path.starts_with("/api/v1/") || path == "/api/v1";
  const std::string where = method + " " + target + " -> " + std::to_string(status) + ": ";
  const std::string media(content_type.substr(0, content_type.find(';')));

  json schema;
  if (operation == nullptr) {
    if (status < 400) return where + "the document has no such operation";
    schema = json{{"$ref", own ? "#/components/schemas/Problem" : "#/components/schemas/Error"}};
  } else {
    const json& responses = (*operation)["responses"];
    if (!responses.contains(std::to_string(status))) return where + "the document has no such status";
    const json& response = Resolve(responses[std::to_string(status)]);
    if (!response.contains("content"))
      return body.empty() ? ""
                          : where + "the document has no body, the answer does: " + std::string(body.substr(0, 200));
    if (!response["content"].contains(media)) return where + "the document has no media type " + media;
    schema = response["content"][media]["schema"];
  }
  if (method == "HEAD" || !media.ends_with("json")) return {};
  const json value = json::parse(body, nullptr, false);
  if (value.is_discarded()) return where + "the body is no JSON: " + std::string(body.substr(0, 200));
  const std::string wrong = Mismatch(schema, value, "");
  return wrong.empty() ? "" : where + wrong;
}

// A name with <...> stands for all that begin like it.
std::string ApiContract::UnknownParameter(const std::string& method, const std::string& target) const {
  const json* const operation = OperationOf(method, PathOf(target));
  std::string_view query = std::string_view(target).substr(std::min(target.find('?'), target.size() - 1) + 1);
  while (operation != nullptr && !query.empty()) {
    const std::string_view item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    const std::string name(item.substr(0, item.find('=')));
    bool known = name.empty();
    if (operation->contains("parameters")) {
      for (const json& parameter : (*operation)["parameters"]) {
        const std::string declared = parameter["name"];
        const std::size_t open = declared.find('<');
        known = known || declared == name || (open != std::string::npos && name.starts_with(declared.substr(0, open)));
      }
    }
    if (!known) return name;
  }
  return {};
}

std::string ApiContract::Mismatch(const json& node, const json& value, const std::string& at) const {
  const json& schema = Resolve(node);
  const auto wrong = [&](const std::string& what) { return "at '" + at + "': " + Shortened(value) + " " + what; };
  if (schema.contains("anyOf")) {
    std::string reasons;
    for (const json& option : schema["anyOf"]) {
      std::string reason = Mismatch(option, value, at);
      if (reason.empty()) return {};
      reasons += "; " + reason;
    }
    return wrong("fits none of its forms" + reasons);
  }
  if (schema.contains("const") && value != schema["const"]) return wrong("is not " + schema["const"].dump());
  if (schema.contains("enum") && std::ranges::find(schema["enum"], value) == schema["enum"].end() && !value.is_null())
    return wrong("is none of " + schema["enum"].dump());
  if (schema.contains("type")) {
    const json& type = schema["type"];
    const bool fits = type.is_array() ? std::ranges::any_of(type, [&](const json& t) { return IsOfType(value, t); })
                                      : IsOfType(value, type);
    if (!fits) return wrong("is not of type " + type.dump());
  }
  if (value.is_string() && schema.value("format", "") == "date-time" && !IsTime(value.get<std::string>()))
    return wrong("is no time");
  if (value.is_string() && schema.contains("pattern") && !IsDigits(value.get<std::string>()))
    return wrong("is no integer as text");
  if (value.is_object() && schema.contains("properties")) return ObjectMismatch(schema, value, at);
  if (value.is_array() && schema.contains("items")) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (std::string one = Mismatch(schema["items"], value[i], at + "/" + std::to_string(i)); !one.empty()) return one;
    }
  }
  return {};
}

std::string ApiContract::ObjectMismatch(const json& schema, const json& value, const std::string& at) const {
  if (schema.contains("required")) {
    for (const json& name : schema["required"]) {
      if (!value.contains(name)) return "at '" + at + "': there is no member " + name.dump();
    }
  }
  const json& properties = schema["properties"];
  const json& others = schema["additionalProperties"];
  for (const auto& [name, member] : value.items()) {
    const bool known = properties.contains(name);
    if (!known && others.is_boolean()) return "at '" + at + "': the document has no member " + name;
    const json& expected = known ? properties[name] : others;
    if (std::string one = Mismatch(expected, member, at + "/" + name); !one.empty()) return one;
  }
  return {};
}

}  // namespace headgate::test
