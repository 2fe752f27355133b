#include "tools/bench/http_clients.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "tools/bench/measure.h"

namespace headgate::bench {

std::string EventsRequest(const std::string& body) {
  return "POST /api/v1/streams/readings/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
         "Content-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

void AwaitReadings(const test::HeadgateProcess& headgate) {
  const auto open = [&] {
    const auto answer = headgate.Call("GET", "/api/v1/streams/readings");
    return answer.ok() && answer->status == 200;
  };
  if (!WaitUntil(open, 20)) Must(Transient("the source does not open"));
}

Clients::Clients(const std::string& address, int count)
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

Clients::~Clients() {
  for (const Client& client : clients_) ::close(client.fd);
  ::close(epoll_);
}

void Clients::Send(std::size_t i, const std::string& request, double at) {
  Client& client = clients_[i];
  client.busy = true;
  client.sent_at = at;
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t n = ::send(client.fd, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) Must(Transient("a connection broke"));
    sent += static_cast<std::size_t>(n);
  }
}

// True: the answer is whole.
bool Clients::Take(Client& client) {
  char bytes[8192];
  const ssize_t got = ::recv(client.fd, bytes, sizeof bytes, 0);
  if (got <= 0) Must(Transient("a connection ended"));
  client.in.append(bytes, static_cast<std::size_t>(got));
  const auto head = client.in.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  const auto length = client.in.find("Content-Length: ");
  const std::size_t body = std::stoul(client.in.substr(length + 16, 10));
  if (client.in.size() < head + 4 + body) return false;
  if (!client.in.starts_with("HTTP/1.1 200")) Must(Transient("answered with " + client.in));
  client.in.clear();
  client.busy = false;
  return true;
}

void Clients::Poll(double wait_seconds, const std::function<void(std::size_t client, double at)>& answered) {
  epoll_event events[64];
  timespec wait = {};
  wait.tv_nsec = static_cast<long>(std::clamp(wait_seconds, 0.0, 0.1) * 1e9);
  const int n = ::epoll_pwait2(epoll_, events, 64, &wait, nullptr);
  for (int e = 0; e < n; ++e) {
    const auto i = static_cast<std::size_t>(events[e].data.u64);
    if (Take(clients_[i])) answered(i, clients_[i].sent_at);
  }
}

}  // namespace headgate::bench
