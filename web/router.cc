#include "web/router.h"

#include <algorithm>

namespace headgate::web {
namespace {

bool IsParameter(std::string_view part) { return part.starts_with('{'); }

std::vector<std::string_view> Parts(std::string_view pattern) {
  std::vector<std::string_view> parts;
  pattern.remove_prefix(1);
  while (!pattern.empty()) {
    const std::size_t end = std::min(pattern.find('/'), pattern.size());
    parts.push_back(pattern.substr(0, end));
    pattern.remove_prefix(std::min(end + 1, pattern.size()));
  }
  return parts;
}

// At the first difference the literal comes first.
bool MoreLiteral(const std::vector<std::string_view>& x, const std::vector<std::string_view>& y) {
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (IsParameter(x[i]) != IsParameter(y[i])) return IsParameter(y[i]);
  }
  return false;
}

}  // namespace

bool Router::Pattern::Fits(const std::vector<std::string>& segments) const {
  if (segments.size() != parts.size()) return false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (!IsParameter(parts[i]) && parts[i] != segments[i]) return false;
  }
  return true;
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (const Route& route : routes_) {
    auto found =
        std::find_if(patterns_.begin(), patterns_.end(), [&](const auto& p) { return p.text == route.pattern; });
    if (found == patterns_.end()) found = patterns_.insert(found, {route.pattern, Parts(route.pattern), {}});
    found->routes.push_back(&route);
  }
  std::stable_sort(patterns_.begin(), patterns_.end(),
                   [](const auto& x, const auto& y) { return MoreLiteral(x.parts, y.parts); });
}

Router::Match Router::Find(std::string_view method, const std::vector<std::string>& segments) const {
  Match match;
  std::vector<std::string_view> allowed;
  for (const Pattern& pattern : patterns_) {
    if (!pattern.Fits(segments)) continue;
    if (match.pattern.empty()) match.pattern = pattern.text;
    for (const Route* route : pattern.routes) {
      allowed.push_back(route->method);
      if (route->method != (method == "HEAD" ? "GET" : method)) continue;
      match.route = route;
      match.status = 200;
      match.pattern = pattern.text;
      for (std::size_t i = 0; i < segments.size(); ++i) {
        if (IsParameter(pattern.parts[i])) match.arguments.push_back(segments[i]);
      }
      return match;
    }
  }
  if (allowed.empty()) return match;
  match.status = 405;
  for (std::string_view one : allowed) {
    if (!match.allow.empty()) match.allow += ", ";
    match.allow += one;
    if (one == "GET") match.allow += ", HEAD";
  }
  return match;
}

std::string NameProblem(std::string_view name) {
  if (name.empty()) return "A name may not be empty.";
  if (name.size() > 255)
    return "A name may not be longer than 255 bytes; this one has " + std::to_string(name.size()) + ".";
  const bool control =
      std::any_of(name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  return control ? "A name may not hold control characters." : "";
}

}  // namespace headgate::web
