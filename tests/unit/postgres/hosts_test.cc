// Names of hosts: who is looked up, what libpq gets, and that nobody waits for a silent name server.
#include "connectors/postgres/hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "core/base/channel.h"

namespace headgate::postgres {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

Result<std::vector<net::IpAddress>> Fake(const std::string& host) {
  if (host == "one.test") return std::vector{*net::IpAddress::Parse("10.0.0.1")};
  if (host == "two.test") return std::vector{*net::IpAddress::Parse("fd00::2"), *net::IpAddress::Parse("10.0.0.2")};
  if (host == "empty.test") return std::vector<net::IpAddress>{};
  return Transient("the name " + host + " cannot be looked up: unknown");
}

Result<Hosts> LookUp(const std::string& host, net::Resolver resolve = Fake) {
  Options options;
  options.host = host;
  options.resolve = std::move(resolve);
  return LookUpHosts(options, steady_clock::now() + seconds(20), {});
}

// A name server that does not answer until it is released.
struct SilentServer {
  std::shared_ptr<Channel<int>> gate = std::make_shared<Channel<int>>(1);
  ~SilentServer() { gate->Close(); }
  net::Resolver Resolver() const {
    return [gate = gate](const std::string&) -> Result<std::vector<net::IpAddress>> {
      static_cast<void>(gate->Pop({}));
      return std::vector{*net::IpAddress::Parse("10.0.0.9")};
    };
  }
};

TEST(Hosts, AddressesAndSocketsAreLeftToLibpq) {
  const auto never = [](const std::string& host) -> Result<std::vector<net::IpAddress>> {
    ADD_FAILURE() << host << " was looked up";
    return std::vector<net::IpAddress>{};
  };
  for (const std::string host :
       {"127.0.0.1", "::1", "/var/run/postgresql", "@abstract", "", "10.0.0.1,/run/pg,::1", ","}) {
    const auto hosts = LookUp(host, never);
    ASSERT_TRUE(hosts.ok());
    EXPECT_EQ(hosts->host, host);
    EXPECT_EQ(hosts->hostaddr, "");
  }
}

TEST(Hosts, SE9_AddressesThatAreNeverCalledAreRefusedInEveryForm) {
  const auto resolve = [](const std::string& host) -> Result<std::vector<net::IpAddress>> {
    if (host == "10.1") return std::vector{*net::IpAddress::Parse("10.0.0.1")};
    if (host == "mixed.test") return std::vector{*net::IpAddress::Parse("10.0.0.1"), *net::IpAddress::Parse("0.0.0.0")};
    return std::vector{*net::IpAddress::Parse("169.254.169.254")};
  };
  for (const std::string host :
       {"169.254.169.254", "fe80::1%eth0", "fd00:ec2::254", "::ffff:169.254.169.254", "0.0.0.0", "::", "224.0.0.1",
        "metadata.test", "2852039166", "mixed.test", "10.0.0.1,metadata.test"}) {
    const auto hosts = LookUp(host, resolve);
    ASSERT_FALSE(hosts.ok()) << host;
    EXPECT_EQ(hosts.error().kind, ErrorKind::kConfig) << host;
    EXPECT_THAT(hosts.error().what, HasSubstr("always refused")) << host;
  }
  for (const std::string host : {"127.0.0.1", "10.1", "/run/pg", "192.168.0.1", "fd00::2"})
    EXPECT_TRUE(LookUp(host, resolve).ok()) << host;
}

TEST(Hosts, EveryAddressOfANameIsAnElementUnderThatName) {
  const auto hosts = LookUp("two.test,/run/pg,one.test,127.0.0.1");
  ASSERT_TRUE(hosts.ok());
  EXPECT_EQ(hosts->host, "two.test,two.test,/run/pg,one.test,127.0.0.1");
  EXPECT_EQ(hosts->hostaddr, "fd00::2,10.0.0.2,,10.0.0.1,");
}

TEST(Hosts, ANameWithoutAddressIsLeftOutWhileOthersAreThere) {
  const auto hosts = LookUp("lost.test,one.test,empty.test");
  ASSERT_TRUE(hosts.ok());
  EXPECT_EQ(hosts->host, "one.test");
  EXPECT_EQ(hosts->hostaddr, "10.0.0.1");
  const auto none = LookUp("lost.test,empty.test");
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(none.error().what, HasSubstr("lost.test cannot be looked up: unknown; the name empty.test has no"));
}

TEST(Hosts, ASilentNameServerIsWaitedForUntilTheDeadlineOrAStop) {
  const SilentServer server;
  Options options;
  options.host = "db.test";
  options.resolve = server.Resolver();
  const auto late = LookUpHosts(options, steady_clock::now() + milliseconds(20), {});
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().kind, ErrorKind::kTransient);
  EXPECT_THAT(late.error().what, HasSubstr("do not answer for db.test"));
  std::stop_source stop;
  std::jthread later([&] { stop.request_stop(); });
  const auto stopped = LookUpHosts(options, steady_clock::now() + std::chrono::hours(1), stop.get_token());
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().kind, ErrorKind::kStopped);
}

TEST(Hosts, ASilentNameDoesNotHideAHostThatIsKnown) {
  const SilentServer server;
  Options options;
  options.host = "silent.test,one.test";
  options.resolve = [silent = server.Resolver()](const std::string& host) {
    return host == "silent.test" ? silent(host) : Fake(host);
  };
  const auto hosts = LookUpHosts(options, steady_clock::now() + milliseconds(500), {});
  ASSERT_TRUE(hosts.ok()) << hosts.error().what;
  EXPECT_EQ(hosts->host, "one.test");
}

TEST(Hosts, LookUpsLeftBehindAreBounded) {
  Options options;
  options.host = "db.test";
  Error last;
  {
    const SilentServer server;
    options.resolve = server.Resolver();
    for (int i = 0; i < 40; ++i) {
      const auto none = LookUpHosts(options, steady_clock::now(), {});
      ASSERT_FALSE(none.ok());
      last = none.error();
    }
    EXPECT_THAT(last.what, HasSubstr("have not answered the last look-ups yet"));
  }
  options.resolve = Fake;
  options.host = "one.test";
  const auto patience = steady_clock::now() + seconds(20);
  bool works = false;
  while (!works && steady_clock::now() < patience) works = LookUpHosts(options, patience, {}).ok();
  EXPECT_TRUE(works) << "what was left behind has ended";
}

}  // namespace
}  // namespace headgate::postgres
