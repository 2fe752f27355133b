#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tests/support/headgate_process.h"

namespace headgate::bench {

// A request that posts events to the stream `readings`.
std::string EventsRequest(const std::string& body);
// Until events may be posted to it.
void AwaitReadings(const test::HeadgateProcess& headgate);

// Connections to the program, on one thread. Ends the process if an answer is not 200.
class Clients {
 public:
  Clients(const std::string& address, int count);
  ~Clients();
  Clients(const Clients&) = delete;

  std::size_t size() const { return clients_.size(); }
  bool busy(std::size_t i) const { return clients_[i].busy; }
  void Send(std::size_t i, const std::string& request, double at);
  // Sleeps so long at most (a busy thread would be measured); calls `answered` with the client and the time its request
  // was sent at.
  void Poll(double wait_seconds, const std::function<void(std::size_t client, double at)>& answered);

 private:
  struct Client {
    int fd = -1;
    bool busy = false;
    double sent_at = 0;
    std::string in;
  };
  bool Take(Client& client);

  int epoll_;
  std::vector<Client> clients_;
};

}  // namespace headgate::bench
