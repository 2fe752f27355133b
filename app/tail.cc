// `headgate tail`: follows a stream of a running service over its API (server-sent events).
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

#include "app/commands.h"
#include "core/base/encoding.h"
#include "core/config/address.h"

namespace headgate {
namespace {

constexpr std::string_view kHelp = R"(headgate tail STREAM: follow a stream of a running service

  --api ADDRESS   admin API of the service (default 127.0.0.1:8083)
  --from WHERE    end (default), beginning, a place such as 4711-1, or a time such as 2026-03-04T05:06
  --q EXPRESSION  only records that match, such as: op = update and after.status = paid
  --all           every record, instead of at most 50 a second
  --json          whole records, one JSON object a line

`curl http://127.0.0.1:8083/api/v1/streams` lists the streams.
)";

int Connect(const config::Listen& listen) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(listen.address.c_str(), std::to_string(listen.port).c_str(), &hints, &found) != 0) return -1;
  int connected = -1;  // localhost may be ::1 first, where nobody listens
  for (const addrinfo* one = found; one != nullptr && connected < 0; one = one->ai_next) {
    const int fd = ::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    if (::connect(fd, one->ai_addr, one->ai_addrlen) == 0) {
      connected = fd;
    } else {
      ::close(fd);
    }
  }
  freeaddrinfo(found);
  return connected;
}

// Lines of an answer, its chunked framing taken away.
class Lines {
 public:
  explicit Lines(int fd) : fd_(fd) {}

  bool Next(std::string& line) {
    while (true) {
      if (const auto end = text_.find('\n'); end != std::string::npos) {
        line = text_.substr(0, end);
        text_.erase(0, end + 1);
        if (!line.empty() && line.back() == '\r') line.pop_back();
        return true;
      }
      if (!More()) {  // the last line of an answer may lack its end
        line = std::exchange(text_, {});
        return !line.empty();
      }
    }
  }
  void BodyIsChunked() {
    chunked_ = true;
    raw_ = std::move(text_);
    text_.clear();
    Unchunk();
  }

 private:
  bool More() {
    char buffer[16384];
    const ssize_t n = ::read(fd_, buffer, sizeof buffer);
    if (n <= 0) return false;
    (chunked_ ? raw_ : text_).append(buffer, static_cast<std::size_t>(n));
    if (chunked_) Unchunk();
    return true;
  }
  void Unchunk() {
    while (true) {
      const auto end = raw_.find("\r\n");
      if (end == std::string::npos) return;
      const std::size_t size = std::strtoul(raw_.c_str(), nullptr, 16);
      if (raw_.size() < end + 2 + size + 2) return;
      text_.append(raw_, end + 2, size);
      raw_.erase(0, end + 2 + size + 2);
    }
  }

  const int fd_;
  bool chunked_ = false;
  std::string raw_;
  std::string text_;
};

void PrintRecord(const std::string& data, bool whole) {
  if (whole) {
    std::puts(data.c_str());
  } else {
    const auto record = nlohmann::ordered_json::parse(data, nullptr, false);
    if (record.is_discarded()) return;
    const auto text = [&](const char* member) {
      return record.contains(member)
                 ? record[member].is_string() ? record[member].get<std::string>() : record[member].dump()
                 : std::string();
    };
    std::printf("%s  %-9s %-8s %s %s\n", text("commit_ts").c_str(), text("op").c_str(), text("at").c_str(),
                text("key").c_str(), record.contains("after") ? text("after").c_str() : text("before").c_str());
  }
  std::fflush(stdout);
}

// What went wrong, from an answer of either dialect; the body as it is if it is neither.
std::string ProblemText(const std::string& body) {
  const auto problem = nlohmann::json::parse(body, nullptr, false);
  for (const char* member : {"detail", "message"}) {
    if (problem.is_object() && problem.contains(member) && problem[member].is_string()) return problem[member];
  }
  return body.empty() ? "the service refused without a word." : body;
}

int Follow(int fd, bool whole) {
  Lines lines(fd);
  std::string line;
  if (!lines.Next(line)) {
    std::fputs("headgate tail: the service closed the connection.\n", stderr);
    return kExitFailed;
  }
  const bool ok = line.find(" 200 ") != std::string::npos;
  bool chunked = false;
  while (lines.Next(line) && !line.empty()) {
    for (char& c : line) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    chunked = chunked || line.starts_with("transfer-encoding: chunked");
  }
  if (chunked) lines.BodyIsChunked();
  if (!ok) {
    std::string body;
    while (lines.Next(line)) body += line;
    std::fprintf(stderr, "headgate tail: %s\n", ProblemText(body).c_str());
    return kExitFailed;
  }
  std::string event;
  while (lines.Next(line)) {
    if (line.starts_with("event: ")) {
      event = line.substr(7);
    } else if (line.starts_with("data: ")) {
      if (event == "record") PrintRecord(line.substr(6), whole);
      if (event == "dropped" || event == "gap")
        std::fprintf(stderr, "headgate tail: %s %s\n", event.c_str(), line.c_str() + 6);
    }
  }
  if (event == "end") return kExitOk;
  std::fputs("headgate tail: the connection broke before the end of the stream; the service may have been killed.\n",
             stderr);
  return kExitFailed;
}

}  // namespace

int TailCommand(const Arguments& args) {
  const auto parsed = ParseArguments(args, {"--api", "--from", "--q"}, {"--all", "--json", "--help"}, 1);
  if (parsed.Has("--help")) {
    std::fputs(kHelp.data(), stdout);
    return kExitOk;
  }
  if (!parsed.error.empty() || parsed.plain.size() != 1) {
    std::fprintf(stderr, "headgate tail: %s\n\n%s", parsed.error.empty() ? "name one stream" : parsed.error.c_str(),
                 kHelp.data());
    return kExitUsage;
  }
  const auto listen = config::ParseListen(parsed.Get("--api", "127.0.0.1:8083"));
  if (!listen.ok()) {
    std::fprintf(stderr, "headgate tail: --api: %s\n", listen.error().what.c_str());
    return kExitUsage;
  }
  const int fd = Connect(*listen);
  if (fd < 0) {
    std::fprintf(stderr, "headgate tail: nobody answers at %s. Is the service running? Give its address with --api.\n",
                 listen->Text().c_str());
    return kExitFailed;
  }
  std::string target =
      "/api/v1/streams/" + PercentEncode(parsed.plain[0]) + "/tail?from=" + PercentEncode(parsed.Get("--from", "end"));
  if (parsed.Has("--q")) target += "&q=" + PercentEncode(parsed.Get("--q"));
  if (parsed.Has("--all")) target += "&mode=all";
  const std::string request = "GET " + target + " HTTP/1.1\r\nHost: " + listen->Text() +
                              "\r\nAccept: text/event-stream\r\nConnection: close\r\n\r\n";
  if (::write(fd, request.data(), request.size()) != static_cast<ssize_t>(request.size())) return kExitFailed;
  const int code = Follow(fd, parsed.Has("--json"));
  ::close(fd);
  return code;
}

}  // namespace headgate
