#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "connectors/postgres/options.h"
#include "core/base/result.h"

// Names of hosts are looked up here and not by libpq, which would wait for the name servers whatever the deadline and
// whoever wants to stop.
namespace headgate::postgres {

// libpq's parameters of these names: lists of equal length, or `hostaddr` is empty. TLS and the password file go by
// `host`, the connection by `hostaddr` where that has an element.
struct Hosts {
  std::string host;
  std::string hostaddr;
};

// `options.host` is one or several (with commas) of: a name, an address, a directory of Unix sockets. A name with
// several addresses becomes several elements. All names are looked up at the same time, each on a thread that may
// outlive the call; at most 16 such threads are left behind in the whole process. kTransient if no host is left at the
// deadline, kStopped on stop. kConfig if an address is one that outgoing calls never reach: link-local and metadata,
// unspecified, multicast, broadcast (webhooks, W10); one such address in an answer refuses the name.
Result<Hosts> LookUpHosts(const Options& options, std::chrono::steady_clock::time_point deadline, std::stop_token stop);

}  // namespace headgate::postgres
