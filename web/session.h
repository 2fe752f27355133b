#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

#include "web/http.h"
#include "web/server.h"

namespace headgate::web {

// One connection: reads a request, has it answered, reads the next. Pipelined requests wait their turn. Everything
// happens on the API thread.
class Session {
 public:
  // What a session needs of its server.
  class Host {
   public:
    virtual ~Host() = default;
    virtual const Limits& limits() const = 0;
    virtual Response Answer(Request& request) = 0;
    // Counts the answer for the metrics; adds what pages of other origins need.
    virtual void Answered(const Request& request, Response& response) = 0;
    // `done` is called on the API thread, unless the server stops first. False: the lane is full.
    virtual bool Run(Later later, std::function<void(Response)> done) = 0;
    virtual bool TakeStream() = 0;
    virtual void GiveStreamBack() = 0;
    virtual std::string NewRequestId() = 0;
    virtual void Ended(Session* session) = 0;
  };

  virtual ~Session() = default;
  // An event stream looks whether its feed has something.
  virtual void Wake() = 0;
  virtual bool streaming() const = 0;
  // No further request; an event stream ends. Calls Ended soon.
  virtual void Finish() = 0;
  // At once.
  virtual void Abort() = 0;

  static std::shared_ptr<Session> Start(boost::asio::ip::tcp::socket socket, Host& host);
  // Answers 503 to a connection too many, without reading its request.
  static std::shared_ptr<Session> Refuse(boost::asio::ip::tcp::socket socket, Host& host);
};

// The answer's status line and headers, with those of SE8 and AP8. `length`: of the body, npos if its end is the
// connection's.
std::string RenderHead(const Response& response, std::string_view request_id, std::size_t length, bool keep_alive);

}  // namespace headgate::web
