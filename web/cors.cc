#include "web/cors.h"

#include <algorithm>

namespace headgate::web {
namespace {

constexpr std::string_view kPreflightSeconds = "600";
constexpr std::string_view kRequestHeaders =
    "Accept, Authorization, Content-Type, Idempotency-Key, If-Match, Last-Event-ID, Request-Id";
constexpr std::string_view kAnswerHeaders = "ETag, Headgate-Seq, Link, Location, Request-Id, Retry-After";

bool Holds(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::any_of(list, [lower = Lower(text)](const std::string& one) { return Lower(one) == lower; });
}

bool IsNamed(const ServerOptions& options, std::string_view origin) {
  return !origin.empty() && Holds(options.cors_allow_origins, origin);
}

}  // namespace

bool CorsAllows(const ServerOptions& options, const Request& request) {
  return IsNamed(options, request.Header("origin")) && Holds(options.cors_allow_methods, request.method);
}

std::optional<Response> Preflight(const ServerOptions& options, const Request& request) {
  const std::string_view method = request.Header("access-control-request-method");
  if (request.method != "OPTIONS" || method.empty() || !IsNamed(options, request.Header("origin")) ||
      !Holds(options.cors_allow_methods, method))
    return std::nullopt;
  std::string methods;
  for (const std::string& one : options.cors_allow_methods) methods.append(methods.empty() ? "" : ", ").append(one);
  return Response::Empty(204)
      .With("Access-Control-Allow-Methods", methods)
      .With("Access-Control-Allow-Headers", std::string(kRequestHeaders))
      .With("Access-Control-Max-Age", std::string(kPreflightSeconds));
}

void AddCors(const ServerOptions& options, const Request& request, Response& response) {
  if (options.cors_allow_origins.empty()) return;
  response.headers.emplace_back("Vary", "Origin");
  const std::string_view origin = request.Header("origin");
  if (!IsNamed(options, origin)) return;
  response.headers.emplace_back("Access-Control-Allow-Origin", std::string(origin));
  response.headers.emplace_back("Access-Control-Expose-Headers", std::string(kAnswerHeaders));
}

}  // namespace headgate::web
