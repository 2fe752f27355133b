#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "web/http.h"

namespace headgate::web {

struct Api;  // api.h: what handlers work with

// Who may call a route (admin API, 6.2). Nobody signs in yet, so every caller has every role; the table is the
// contract.
enum class Role : std::uint8_t { kNone, kRead, kOperate, kAdmin };

// What comes out, for Accept (KC5).
enum class Produces : std::uint8_t { kJson, kText, kEvents };

// What a route takes and gives, in the notation of shape.h: the document of the API is made of it (AP28).
struct Contract {
  std::string_view query = {};    // parameters: "expand: [string], ...Page"; with a capital, headers; none is required
  std::string_view body = {};     // "": a body is ignored, whatever it is
  std::string_view answers = {};  // "200 [string]; 204": each good status with its shape, if it has a body
  std::string_view errors = {};   // "409 412": besides those that any such route may have (openapi.cc)
};

// One row of the route table: answers, 404, 405 with Allow, 406, 415, the labels of the metrics and the document of the
// API come from it.
struct Route {
  std::string_view method;
  std::string_view pattern;  // "/connectors/{c}/config"
  Role role = Role::kRead;
  std::string_view summary;
  Response (*handle)(Api&, const Request&) = nullptr;
  Contract contract = {};
  Produces produces = Produces::kJson;
  std::string_view other_body = {};  // a media type that its body may have beside application/json

  bool takes_body() const { return !contract.body.empty(); }
};

// Immutable. A literal segment is preferred to a parameter, so /dead-letters/retry is not a letter's id.
class Router {
 public:
  explicit Router(std::vector<Route> routes);
  Router(const Router&) = delete;  // patterns point into routes_

  struct Match {
    const Route* route = nullptr;  // nullptr: see status
    int status = 404;              // 404 or 405
    std::string allow;             // 405: for the Allow header
    std::string_view pattern;      // the metric's label; "" if no pattern matches the path
    std::vector<std::string> arguments;
  };
  // HEAD counts as GET (KC1).
  Match Find(std::string_view method, const std::vector<std::string>& segments) const;

  std::span<const Route> routes() const { return routes_; }

 private:
  struct Pattern {
    std::string_view text;
    std::vector<std::string_view> parts;  // "{" starts a parameter
    std::vector<const Route*> routes;
    bool Fits(const std::vector<std::string>& segments) const;
  };

  std::vector<Route> routes_;
  std::vector<Pattern> patterns_;  // more literal ones first
};

// Nothing if the text may name something; else why not (KC4): empty, control characters, longer than 255 bytes.
std::string NameProblem(std::string_view name);

}  // namespace headgate::web
