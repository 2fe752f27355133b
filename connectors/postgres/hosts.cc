#include "connectors/postgres/hosts.h"

#include <atomic>
#include <charconv>
#include <memory>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/channel.h"
#include "core/net/guard.h"

namespace headgate::postgres {
namespace {

using Addresses = Result<std::vector<net::IpAddress>>;
using Answer = Channel<Addresses>;

constexpr int kLookUpsMax = 16;
std::atomic<int> look_ups = 0;  // threads that run

struct Element {
  std::string host;
  std::shared_ptr<Answer> answer;  // null: libpq needs no help with it
};

std::vector<std::string> Split(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    const auto comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

// Socket directories (@: abstract), addresses (IPv6 with its zone too), and nothing at all.
bool IsName(const std::string& host) {
  return !host.empty() && host[0] != '/' && host[0] != '@' && host.find(':') == std::string::npos &&
         !net::IpAddress::Parse(host);
}

std::shared_ptr<Answer> StartLookUp(const std::string& host, const net::Resolver& resolve) {
  auto answer = std::make_shared<Answer>(1);
  const auto fail = [&](const char* why) {
    answer->TryPush(Transient("the name " + host + " cannot be looked up: " + why));
    return answer;
  };
  if (look_ups.fetch_add(1) >= kLookUpsMax) {
    --look_ups;
    return fail("the name servers have not answered the last look-ups yet");
  }
  try {
    std::thread([answer, host, resolve] {
      answer->TryPush(resolve(host));
      --look_ups;
    }).detach();
  } catch (const std::system_error&) {
    --look_ups;
    return fail("no thread can be started");
  }
  return answer;
}

// Without the guard a writer of configs could have us call the metadata service of a cloud and read the answer in the
// error (SE9). Internal networks are where databases are, so none of the settings egress.* is asked.
Status CheckAddress(const Options& options, const std::string& host, const net::IpAddress& address) {
  std::uint16_t port = 5432;
  std::from_chars(options.port.data(), options.port.data() + options.port.size(), port);
  const Status admitted = net::GuardPolicy().CheckAddress(address, port);
  if (admitted.ok()) return Ok();
  return ConfigError("connecting to " + host + " is not allowed: " + admitted.error().what + ". Change host.");
}

// An address as libpq takes it, an IPv6 one also with its zone.
std::optional<net::IpAddress> LiteralOf(const std::string& host) {
  return net::IpAddress::Parse(host.substr(0, host.find('%')));
}

}  // namespace

Result<Hosts> LookUpHosts(const Options& options, std::chrono::steady_clock::time_point deadline,
                          std::stop_token stop) {
  std::vector<Element> elements;
  bool any_name = false;
  for (const std::string& host : Split(options.host)) {
    const bool name = IsName(host);
    if (const auto literal = LiteralOf(host); literal && !name)
      HG_RETURN_IF_ERROR(CheckAddress(options, host, *literal));
    any_name = any_name || name;
    elements.push_back({host, name ? StartLookUp(host, options.resolve) : nullptr});
  }
  if (!any_name) return Hosts{options.host, ""};
  Hosts hosts;
  bool first = true;
  std::string failures;
  const auto add = [&](const std::string& host, const std::string& address) {
    const char* const comma = std::exchange(first, false) ? "" : ",";
    hosts.host += comma + host;
    hosts.hostaddr += comma + address;
  };
  const auto fail = [&](const std::string& why) { failures += (failures.empty() ? "" : "; ") + why; };
  for (const Element& element : elements) {
    if (element.answer == nullptr) {
      add(element.host, "");
      continue;
    }
    const std::optional<Addresses> addresses = element.answer->Pop(stop, deadline);
    if (stop.stop_requested()) return Stopped();
    if (!addresses) {
      fail("the name servers do not answer for " + element.host);
    } else if (!addresses->ok()) {
      fail(addresses->error().what);
    } else if ((*addresses)->empty()) {
      fail("the name " + element.host + " has no address");
    } else {
      for (const net::IpAddress& address : **addresses)
        HG_RETURN_IF_ERROR(CheckAddress(options, element.host, address));
      for (const net::IpAddress& address : **addresses) add(element.host, address.Text());
    }
  }
  if (first) return Transient(std::move(failures));
  return hosts;
}

}  // namespace headgate::postgres
