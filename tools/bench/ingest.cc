#include "tools/bench/ingest.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/headgate_process.h"
#include "tools/bench/measure.h"

namespace headgate::bench {
namespace {

constexpr std::size_t kEventBytes = 200;

test::HeadgateOptions Options() {
  test::HeadgateOptions options;
  options.connectors["readings"] = {{"connector.class", "http"},
                                    {"columns",
                                     "sensor_id int NOT NULL, at timestamptz NOT NULL, temperature float8 NOT NULL, "
                                     "humidity float8, room text, ok bool, "
                                     "note text"}};
  return options;
}

std::string Event(int i) {
  char text[300];
  const int length =
      std::snprintf(text, sizeof text,
                    R"({"sensor_id":%d,"at":"2026-03-04T05:06:%02d.%03dZ","temperature":%d.5,"humidity":0.%d,)"
                    R"("room":"hall %d","ok":%s,"note":")",
                    i, i % 60, i % 1000, i % 40, 10 + i % 89, i % 100, i % 2 == 0 ? "true" : "false");
  std::string event(text, static_cast<std::size_t>(length));
  event.resize(kEventBytes - 2, 'n');
  return event + "\"}";
}

std::string Body(int per_request, int first) {
  if (per_request == 1) return Event(first);
  std::string body = "[";
  for (int i = 0; i < per_request; ++i) body += (i == 0 ? "" : ",") + Event(first + i);
  return body + "]";
}

std::string RequestOf(const std::string& body) {
  return "POST /api/v1/streams/readings/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

struct Client {
  int fd = -1;
  bool busy = false;
  double sent_at = 0;
  std::string in;
};

// Connections to the program, on one thread.
class Clients {
 public:
  Clients(const std::string& address, int count)
      : epoll_(::epoll_create1(0)), clients_(static_cast<std::size_t>(count)) {
    const auto colon = address.rfind(':');
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(colon + 1))));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      Client& client = clients_[i];
      client.fd = ::socket(AF_INET, SOCK_STREAM, 0);
      if (::connect(client.fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) Must(Transient("cannot connect"));
      const int on = 1;
      ::setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      epoll_event event = {};
      event.events = EPOLLIN;
      event.data.u64 = i;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, client.fd, &event);
    }
  }
  ~Clients() {
    for (const Client& client : clients_) ::close(client.fd);
    ::close(epoll_);
  }
  Clients(const Clients&) = delete;

  std::size_t size() const { return clients_.size(); }
  bool busy(std::size_t i) const { return clients_[i].busy; }
  void Send(std::size_t i, const std::string& request, double at) {
    Client& client = clients_[i];
    client.busy = true;
    client.sent_at = at;
    for (std::size_t sent = 0; sent < request.size();) {
      const ssize_t n = ::send(client.fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) Must(Transient("a connection broke"));
      sent += static_cast<std::size_t>(n);
    }
  }
  // Calls `answered` with the client and the time its request was sent at.
  template <class F>
  void Poll(double wait_seconds, F&& answered) {
    epoll_event events[64];
    timespec wait = {};
    wait.tv_nsec =
        static_cast<long>(std::clamp(wait_seconds, 0.0, 0.1) * 1e9);  // sleeps: a busy thread would be measured
    const int n = ::epoll_pwait2(epoll_, events, 64, &wait, nullptr);
    for (int e = 0; e < n; ++e) {
      const auto i = static_cast<std::size_t>(events[e].data.u64);
      Client& client = clients_[i];
      char bytes[8192];
      const ssize_t got = ::recv(client.fd, bytes, sizeof bytes, 0);
      if (got <= 0) Must(Transient("a connection ended"));
      client.in.append(bytes, static_cast<std::size_t>(got));
      const auto head = client.in.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const auto length = client.in.find("Content-Length: ");
      const std::size_t body = std::stoul(client.in.substr(length + 16, 10));
      if (client.in.size() < head + 4 + body) continue;
      if (!client.in.starts_with("HTTP/1.1 200")) Must(Transient("answered with " + client.in));
      client.in.clear();
      client.busy = false;
      answered(i, client.sent_at);
    }
  }

 private:
  int epoll_;
  std::vector<Client> clients_;
};

// Seconds that each append of a body to a file with a sync takes.
std::vector<double> SyncedFile(const std::string& directory, const std::string& body, double limit_seconds) {
  const std::string path = directory + "/reference";
  const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY, 0600);
  std::vector<double> took;
  for (const double end = Seconds() + limit_seconds; Seconds() < end;) {
    const double start = Seconds();
    if (::write(fd, body.data(), body.size()) != static_cast<ssize_t>(body.size()) || ::fdatasync(fd) != 0)
      Must(Transient("cannot write " + path));
    took.push_back(Seconds() - start);
  }
  ::close(fd);
  ::unlink(path.c_str());
  return took;
}

void AwaitOpen(const test::HeadgateProcess& headgate) {
  const auto open = [&] {
    const auto answer = headgate.Call("GET", "/api/v1/streams/readings");
    return answer.ok() && answer->status == 200;
  };
  if (!WaitUntil(open, 20)) Must(Transient("the source does not open"));
}

}  // namespace

void IngestThroughput(int connections, int per_request, int seconds) {
  test::HeadgateProcess headgate(Options());
  Must(headgate.Start());
  AwaitOpen(headgate);
  std::vector<std::string> requests;
  for (int i = 0; i < 16; ++i) requests.push_back(RequestOf(Body(per_request, i * per_request)));
  const auto reference = SyncedFile(headgate.data_dir(), Body(per_request, 0), 2);
  Clients clients(headgate.address(), connections);
  long answers = 0;
  long sent = 0;
  const auto send = [&](std::size_t i) { clients.Send(i, requests[static_cast<std::size_t>(sent++ % 16)], Seconds()); };
  for (std::size_t i = 0; i < clients.size(); ++i) send(i);
  std::vector<double> latencies;
  const double warm = Seconds() + 1;
  while (Seconds() < warm) clients.Poll(0.1, [&](std::size_t i, double) { send(i); });
  const double start = Seconds();
  const double cpu = CpuSeconds(headgate.pid());
  while (Seconds() < start + seconds) {
    clients.Poll(0.1, [&](std::size_t i, double at) {
      ++answers;
      latencies.push_back(Seconds() - at);
      send(i);
    });
  }
  const double took = Seconds() - start;
  const double events = static_cast<double>(answers) * per_request;
  const double used = CpuSeconds(headgate.pid()) - cpu;
  const double of_file = static_cast<double>(reference.size()) * per_request / 2;
  char name[100];
  std::snprintf(name, sizeof name, "events over HTTP, %d a request, %d connections", per_request, connections);
  Line(name, events / took, "events/s", "(budget: at least 200000)");
  Line("  the same bodies synced to a file one by one, same run", of_file, "events/s", "");
  Line("  ratio", events / took / of_file, "", "");
  Line("  p99 of a request", Percentile(latencies, 0.99), "ms", "");
  Line("  CPU an event", used / events * 1e6, "us", "");
  Line("  events/s on one core, by CPU", events / used, "events/s", "(budget: at least 200000)");
  Line("  resident memory, peak", ResidentMiB(headgate.pid(), "VmHWM"), "MiB", "(budget: at most 160)");
}

void IngestLatency(int per_second, int seconds) {
  test::HeadgateProcess headgate(Options());
  Must(headgate.Start());
  AwaitOpen(headgate);
  auto reference = SyncedFile(headgate.data_dir(), Body(1, 0), 2);
  Clients clients(headgate.address(), 64);
  const long requests = static_cast<long>(per_second) * seconds;
  std::vector<double> latencies;
  long answers = 0;
  std::size_t next = 0;
  const double start = Seconds();
  const auto take = [&](std::size_t, double at) {
    if (++answers > per_second) latencies.push_back(Seconds() - at);  // the first second warms up
  };
  for (long i = 0; i < requests; ++i) {
    const double due = start + static_cast<double>(i) / per_second;
    while (Seconds() < due) clients.Poll(due - Seconds(), take);
    while (clients.busy(next)) {
      next = (next + 1) % clients.size();
      if (clients.busy(next)) clients.Poll(0, take);
    }
    clients.Send(next, RequestOf(Event(static_cast<int>(i % 100'000))), due);
    next = (next + 1) % clients.size();
  }
  while (answers < requests) clients.Poll(0.1, take);
  Line("single events over HTTP, reached", static_cast<double>(requests) / (Seconds() - start), "/s", "");
  Line("  p50", Percentile(latencies, 0.5), "ms", "");
  Line("  p99", Percentile(latencies, 0.99), "ms", "(budget: at most 3)");
  Line("  one event synced to a file, p50, same run", Percentile(reference, 0.5), "ms", "");
  Line("  the same, p99", Percentile(reference, 0.99), "ms", "");
}

}  // namespace headgate::bench
