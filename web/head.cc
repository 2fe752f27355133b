#include <ctime>

#include "web/session.h"

namespace headgate::web {

std::string RenderHead(const Response& response, std::string_view request_id, std::size_t length, bool keep_alive) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + " ";
  head.append(ReasonPhrase(response.status)).append("\r\n");
  const auto add = [&](std::string_view name, std::string_view value) {
    head.append(name).append(": ").append(value).append("\r\n");
  };
  add("Date", HttpDate(std::time(nullptr)));
  if (!response.type.empty()) add("Content-Type", response.type);
  if (length != std::string::npos && response.status != 204) add("Content-Length", std::to_string(length));
  add("Connection", keep_alive ? "keep-alive" : "close");
  add("Request-Id", request_id);
  add("Cache-Control", "no-store");
  add("Content-Security-Policy", "default-src 'self'");
  add("X-Content-Type-Options", "nosniff");
  add("Referrer-Policy", "no-referrer");
  add("X-Frame-Options", "DENY");
  for (const auto& [name, value] : response.headers) add(name, value);
  return head + "\r\n";
}

}  // namespace headgate::web
