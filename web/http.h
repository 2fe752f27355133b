#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/state/events.h"

// Requests and answers as the handlers see them: no sockets, no parser. Everything here is a value.
namespace headgate::web {

// ?a=1&b=2, decoded; names may repeat (KC3).
class Query {
 public:
  // Nothing on a broken escape.
  static std::optional<Query> Parse(std::string_view text);

  bool Has(std::string_view name) const;
  // The first value, "" if absent.
  std::string_view Get(std::string_view name) const;
  std::vector<std::string_view> All(std::string_view name) const;
  // `true` in any case is true, anything else and absence is false (KC3).
  bool Flag(std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

struct Request {
  std::string method;
  std::string target;                 // as it came: path and query, percent-encoded
  std::string path;                   // of the target, percent-encoded
  std::vector<std::string> segments;  // of the path, decoded one by one (KC4)
  Query query;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  std::size_t json_depth_max = 64;  // of the body (SE7)
  bool http_1_0 = false;
  std::string peer;                    // address of the client
  std::string local;                   // address of ours that the connection came in on
  std::string id;                      // Request-Id (AP8)
  std::string route = "unknown";       // its pattern, for the metrics; set by the dispatch
  std::vector<std::string> arguments;  // what the pattern's {...} matched, set by the router

  // The first header of that name (lower case), "" if absent.
  std::string_view Header(std::string_view name) const;
  const std::string& Argument(std::size_t i) const { return arguments[i]; }
  bool own_dialect() const { return path.starts_with("/api/v1/") || path == "/api/v1"; }
  // Who the audit events name, and by which request.
  std::string actor() const { return "api " + peer; }
  Caller caller() const { return {actor(), id}; }
};

// What an answer needs of its request that is made later, when the request is gone.
Request Outline(const Request& request);

// What an event stream sends, pulled by its session on the API thread whenever the socket takes more.
class Feed {
 public:
  virtual ~Feed() = default;
  enum class Next { kWait, kMore, kEnd };
  // Appends what is ready, about `room` bytes at most, within a few milliseconds. kMore: call again soon; kWait:
  // nothing until something happens in the service, or for a while; kEnd: the stream is over.
  virtual Next Pull(std::string& out, std::size_t room) = 0;
};

struct Response;

// Work that may take seconds, done off the API thread. Lanes do not wait for each other. kHere is none: the work is
// quick, and begins at once on the API thread.
enum class Lane { kChecks, kRecords, kEvents, kHere };
struct Later {
  Lane lane = Lane::kChecks;
  std::string stage;  // named when it takes too long (KC6)
  std::function<Response(std::stop_token)> work;
  // Instead of `work`, where the answer comes from elsewhere: `done` is called once, now or later, on any thread.
  std::function<void(std::function<void(Response)> done)> start = {};
};

struct Response {
  int status = 200;
  std::string type;  // media type of the body, "" without one
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  std::unique_ptr<Feed> feed;      // set: the body is an event stream
  std::unique_ptr<Later> later;    // set: the answer comes from there, the rest is void
  std::function<Response()> then;  // of what `later` answers: set, the answer is made by it, on the API thread
  bool close = false;              // the connection ends after this answer

  static Response Empty(int status) {
    Response r;
    r.status = status;
    return r;
  }
  static Response Json(int status, std::string body) {
    Response r;
    r.status = status;
    r.type = "application/json";
    r.body = std::move(body);
    return r;
  }
  static Response Run(Later later) {
    Response r;
    r.later = std::make_unique<Later>(std::move(later));
    return r;
  }
  Response&& With(std::string name, std::string value) && {
    headers.emplace_back(std::move(name), std::move(value));
    return std::move(*this);
  }
};

// One mistake in a request, by JSON pointer ("/config/host"); of a text, with the place in it, from 1.
struct FieldError {
  std::string pointer;
  std::string detail;
  std::size_t line = 0;
  std::size_t column = 0;
  std::string hint = {};
};

// An error answer in the dialect of the request's path: Kafka Connect's two members (KC2), or a problem document (AP1).
// `problem` is the last part of its type ("bad-cursor"), "" for the plain one of the status.
Response Fail(const Request& request, int status, std::string_view text, std::string_view problem = {},
              const std::vector<FieldError>& errors = {});

std::string_view ReasonPhrase(int status);

// True if an Accept header lets the media type through (RFC 9110, 12.5.1); an empty header accepts everything.
bool Accepts(std::string_view accept, std::string_view type);
// True if an Accept header names the type itself, not only by a wildcard.
bool Names(std::string_view accept, std::string_view type);
// "application/json" of "Application/JSON; charset=utf-8".
std::string MediaType(std::string_view content_type);

// Splits at '/' first, decodes afterwards, so that an escaped slash belongs to a name (KC4). One slash at the end is
// dropped (KC1). Nothing on a broken escape or bytes that are not UTF-8.
std::optional<std::vector<std::string>> SplitPath(std::string_view path);

// Seconds since 1970 as an HTTP date.
std::string HttpDate(std::int64_t unix_seconds);

std::string Lower(std::string_view text);      // ASCII
std::string_view Trim(std::string_view text);  // blanks and tabs

}  // namespace headgate::web
