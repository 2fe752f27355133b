#include "core/net/guard.h"

#include <gtest/gtest.h>

namespace headgate::net {
namespace {

IpAddress Ip(const char* text) {
  const auto address = IpAddress::Parse(text);
  EXPECT_TRUE(address.has_value()) << text;
  return address.value_or(IpAddress());
}

std::string Verdict(const GuardPolicy& policy, const char* address, std::uint16_t port = 80) {
  const Status status = policy.CheckAddress(Ip(address), port);
  if (status.ok()) return "ok";
  EXPECT_EQ(status.error().kind, ErrorKind::kConfig);
  return status.error().what;
}

GuardPolicy Policy(const char* allow, const char* deny, const char* ports = "") {
  auto policy = GuardPolicy::Parse(allow, deny, ports);
  EXPECT_TRUE(policy.ok()) << (policy.ok() ? "" : policy.error().what);
  return policy.ok() ? *policy : GuardPolicy();
}

TEST(Guard, W10_AlwaysRefusesLinkLocalMetadataUnspecifiedMulticastAndBroadcast) {
  const GuardPolicy open = Policy("0.0.0.0/0, ::/0", "");
  for (const char* address :
       {"169.254.169.254", "169.254.0.1", "169.254.255.255", "fe80::1", "febf:ffff::1", "fd00:ec2::254", "0.0.0.0",
        "0.1.2.3", "0.255.255.255", "::", "224.0.0.1", "239.255.255.255", "ff02::1", "255.255.255.255"}) {
    EXPECT_NE(Verdict(open, address), "ok") << address;
    EXPECT_NE(Verdict(GuardPolicy(), address), "ok") << address;
  }
}

TEST(Guard, W10_AdmitsInternalAndPublicAddressesByDefault) {
  for (const char* address :
       {"127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd00:ec2::253", "fd12::1",
        "93.184.216.34", "169.253.255.255", "169.255.0.0", "1.0.0.0", "223.255.255.255", "2606:2800::1", "fec0::1"}) {
    EXPECT_EQ(Verdict(GuardPolicy(), address), "ok") << address;
  }
}

TEST(Guard, W10_LooksThroughAddressesThatCarryIpv4) {
  // metadata as mapped, compatible, NAT64, 6to4, Teredo client (inverted) and Teredo server
  for (const char* address : {"::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::169.254.169.254",
                              "2002:a9fe:a9fe::1", "2001:0:5db8:d822:0:0:5601:5601", "2001:0:a9fe:a9fe::f7f7:f7f7"}) {
    const std::string text = Verdict(GuardPolicy(), address);
    EXPECT_NE(text.find("169.254.169.254"), std::string::npos) << address << " -> " << text;
  }
  const GuardPolicy no_loopback = Policy("", "127.0.0.0/8");
  for (const char* address :
       {"127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:5db8:d822::80ff:fffe"}) {
    EXPECT_NE(Verdict(no_loopback, address).find("egress.deny has 127.0.0.0/8"), std::string::npos) << address;
  }
  for (const char* address :
       {"::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1", "::1", "64:ff9b:1::1", "2001:1::7f00:1"}) {
    EXPECT_EQ(Verdict(no_loopback, address), "ok") << address;
  }
}

TEST(Guard, W10_DenyWinsOverAllow) {
  const GuardPolicy policy = Policy("10.0.0.0/8,192.168.4.0/22", "10.9.0.0/16,93.184.216.34");
  EXPECT_EQ(Verdict(policy, "10.1.2.3"), "ok");
  EXPECT_EQ(Verdict(policy, "192.168.7.255"), "ok");
  EXPECT_NE(Verdict(policy, "10.9.2.3").find("egress.deny has 10.9.0.0/16"), std::string::npos);
  EXPECT_NE(Verdict(policy, "192.168.8.0").find("192.168.0.0/16"), std::string::npos);
  EXPECT_NE(Verdict(policy, "127.0.0.1").find("egress.allow"), std::string::npos);
  EXPECT_NE(Verdict(policy, "::1").find("egress.allow"), std::string::npos);
  EXPECT_NE(Verdict(policy, "::ffff:127.0.0.1").find("egress.allow"), std::string::npos);
  EXPECT_NE(Verdict(policy, "100.64.0.1").find("carrier-grade NAT"), std::string::npos);
  EXPECT_NE(Verdict(policy, "93.184.216.34"), "ok");
  EXPECT_EQ(Verdict(policy, "93.184.216.35"), "ok");
}

TEST(Guard, W10_RefusesDeniedPortsForEveryAddress) {
  const GuardPolicy policy = Policy("", "", "22, 25");
  EXPECT_NE(Verdict(policy, "10.0.0.1", 22).find("egress.deny_ports has 22"), std::string::npos);
  EXPECT_EQ(Verdict(policy, "10.0.0.1", 23), "ok");
  EXPECT_NE(Verdict(policy, "10.0.0.1", 0), "ok");
  const auto url = ParseUrl("http://mail.example:25/");
  ASSERT_TRUE(url.ok());
  EXPECT_FALSE(policy.CheckUrl(*url).ok());
}

TEST(Guard, W10_RefusesHeadgatesOwnListenersInEveryForm) {
  GuardPolicy policy;
  policy.own_listeners = {{Ip("127.0.0.1"), 8083}, {Ip("0.0.0.0"), 9100}, {Ip("::"), 9200}};
  for (const char* address : {"127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"}) {
    EXPECT_NE(Verdict(policy, address, 8083).find("listener of Headgate"), std::string::npos) << address;
  }
  EXPECT_EQ(Verdict(policy, "127.0.0.2", 8083), "ok");
  EXPECT_EQ(Verdict(policy, "127.0.0.1", 8084), "ok");
  for (const std::uint16_t port : {9100, 9200}) {
    EXPECT_NE(Verdict(policy, "127.0.0.1", port), "ok");
    EXPECT_NE(Verdict(policy, "127.9.9.9", port), "ok");
    EXPECT_NE(Verdict(policy, "::1", port), "ok");
    EXPECT_EQ(Verdict(policy, "93.184.216.34", port), "ok");
  }
}

TEST(Guard, RefusesListsThatAreNoNetworksOrPorts) {
  for (const char* bad :
       {"10.0.0.0/33", "10.0.0/8", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x", "fd00::/129", "host", "010.0.0.0/8"}) {
    const auto policy = GuardPolicy::Parse(bad, "", "");
    ASSERT_FALSE(policy.ok()) << bad;
    EXPECT_NE(policy.error().what.find("egress.allow"), std::string::npos);
    EXPECT_FALSE(GuardPolicy::Parse("", bad, "").ok()) << bad;
  }
  for (const char* bad : {"0", "65536", "x", "80-90", "-1"}) EXPECT_FALSE(GuardPolicy::Parse("", "", bad).ok()) << bad;
  EXPECT_TRUE(GuardPolicy::Parse(" , ", "", "").ok());
}

TEST(Guard, TakesAMappedNetworkForItsIpv4Form) {
  const GuardPolicy policy = Policy("", "::ffff:10.0.0.0/104");
  EXPECT_NE(Verdict(policy, "10.200.0.1"), "ok");
  EXPECT_EQ(Verdict(policy, "11.0.0.1"), "ok");
}

TEST(Guard, DescribesWhatItAdmits) {
  const std::string open = GuardPolicy().Describe();
  EXPECT_NE(open.find("all admitted"), std::string::npos);
  EXPECT_NE(open.find("169.254.0.0/16"), std::string::npos);
  GuardPolicy policy = Policy("10.0.0.0/8", "10.9.0.0/16", "25");
  policy.own_listeners = {{Ip("127.0.0.1"), 8083}};
  const std::string text = policy.Describe();
  for (const char* part : {"only within 10.0.0.0/8", "egress.deny: 10.9.0.0/16", "ports: 25", "127.0.0.1:8083"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace headgate::net
