#include <nlohmann/json.hpp>

#include "web/http.h"
#include "web/json.h"

namespace headgate::web {
namespace {

// The stable type of a problem that only its status tells.
std::string_view PlainProblem(int status) {
  switch (status) {
    case 400:
      return "bad-request";
    case 403:
      return "forbidden";
    case 404:
      return "not-found";
    case 405:
      return "method-not-allowed";
    case 406:
      return "not-acceptable";
    case 408:
      return "request-timeout";
    case 409:
      return "conflict";
    case 412:
      return "stale-version";
    case 413:
      return "body-too-large";
    case 415:
      return "unsupported-media-type";
    case 421:
      return "misdirected-request";
    case 422:
      return "unprocessable";
    case 431:
      return "headers-too-large";
    case 503:
      return "unavailable";
    default:
      return "internal-error";
  }
}

Json Problem(const Request& request, int status, std::string_view text, std::string_view problem,
             const std::vector<FieldError>& errors) {
  Json body;
  body["type"] = "/problems/" + std::string(problem.empty() ? PlainProblem(status) : problem);
  body["title"] = ReasonPhrase(status);
  body["status"] = status;
  body["detail"] = text;
  body["instance"] = request.path;
  if (!errors.empty()) {
    Json list = Json::array();
    for (const FieldError& e : errors) {
      Json one = {{"pointer", e.pointer}, {"detail", e.detail}};
      if (e.line > 0) one["line"] = e.line;
      if (e.line > 0) one["column"] = e.column;
      if (!e.hint.empty()) one["hint"] = e.hint;
      list.push_back(std::move(one));
    }
    body["errors"] = std::move(list);
  }
  body["request_id"] = request.id;
  return body;
}

}  // namespace

Response Fail(const Request& request, int status, std::string_view text, std::string_view problem,
              const std::vector<FieldError>& errors) {
  Response response;
  response.status = status;
  if (request.own_dialect()) {
    response.type = "application/problem+json";
    response.body = Dump(Problem(request, status, text, problem, errors));
  } else {
    response.type = "application/json";
    Json body;
    body["error_code"] = status;
    body["message"] = text;
    body["request_id"] = request.id;
    response.body = Dump(body);
  }
  return response;
}

}  // namespace headgate::web
