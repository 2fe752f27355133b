#include "core/net/url.h"

#include <gtest/gtest.h>

namespace headgate::net {
namespace {

TEST(Url, KeepsPathAndQueryVerbatimAndFillsTheDefaultPort) {
  const auto url = ParseUrl("HTTPS://Hooks.Example.COM/a%2Fb/../c?x=1&y=%20;z");
  ASSERT_TRUE(url.ok()) << url.error().what;
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "hooks.example.com");
  EXPECT_EQ(url->port, 443);
  EXPECT_EQ(url->target, "/a%2Fb/../c?x=1&y=%20;z");
  EXPECT_EQ(url->HostHeader(), "hooks.example.com");
  EXPECT_EQ(url->HostPort(), "hooks.example.com:443");
}

TEST(Url, GivesARootPathWhereThereIsNone) {
  EXPECT_EQ(ParseUrl("http://h")->target, "/");
  EXPECT_EQ(ParseUrl("http://h?a=b")->target, "/?a=b");
  EXPECT_EQ(ParseUrl("http://h:8080")->HostHeader(), "h:8080");
  EXPECT_EQ(ParseUrl("http://h.:80/")->HostHeader(), "h");
  EXPECT_EQ(ParseUrl("https://h:80/")->HostHeader(), "h:80");
}

TEST(Url, ReadsAddressLiterals) {
  const auto v4 = ParseUrl("http://192.168.0.10:9000/hook");
  ASSERT_TRUE(v4.ok());
  EXPECT_EQ(v4->literal, IpAddress::V4(0xC0A8000A));
  const auto v6 = ParseUrl("http://[2001:DB8:0::1]:81/");
  ASSERT_TRUE(v6.ok());
  EXPECT_EQ(v6->host, "2001:db8::1");
  EXPECT_EQ(v6->HostHeader(), "[2001:db8::1]:81");
  EXPECT_EQ(ParseUrl("http://[::1]/")->HostHeader(), "[::1]");
}

// webhooks.md W10: octal, hex and short forms of IPv4 are refused, not translated.
TEST(Url, W10_RefusesOtherSpellingsOfIpv4) {
  for (const char* host :
       {"0177.0.0.1", "127.0.0.01", "0x7f.0.0.1", "0x7f000001", "127.1", "127.0.1", "2130706433", "017700000001",
        "127.0.0.256", "1.2.3.4.5", "127.0.0.1..", "a.1", "a.0x1", "0x", "127.0.0.0x1"}) {
    const auto url = ParseUrl(std::string("http://") + host + "/");
    EXPECT_FALSE(url.ok()) << host;
  }
  EXPECT_TRUE(ParseUrl("http://127.0.0.1./").ok());
  EXPECT_TRUE(ParseUrl("http://1a.2b/").ok());
}

TEST(Url, W10_RefusesOtherSchemesUserInfoAndBadPorts) {
  for (const char* text : {"",
                           "ftp://h/",
                           "file:///etc/passwd",
                           "h/",
                           "//h/",
                           "http:/h",
                           "http:h",
                           "http://",
                           "http:///p",
                           "http://?q",
                           "http://user@h/",
                           "http://user:secret@h/",
                           "http://h:0/",
                           "http://h:65536/",
                           "http://h:/",
                           "http://h:+80/",
                           "http://h:8o/",
                           "http://h:1:2/",
                           "http://[::1/",
                           "http://[::1]x/",
                           "http://[127.0.0.1]/",
                           "http://[fe80::1%25eth0]/",
                           "http://::1/",
                           "http://a..b/",
                           "http://.a/",
                           "http://a%41/",
                           "http://a,b/",
                           "http://./"}) {
    const auto url = ParseUrl(text);
    ASSERT_FALSE(url.ok()) << text;
    EXPECT_EQ(url.error().kind, ErrorKind::kConfig) << text;
  }
}

TEST(Url, RefusesCharactersThatCouldSplitARequest) {
  for (const char* text :
       {"http://h/a b", "http://h/a\r\nX: y", "http://h/a\tb", "http://h/\x7f", "http://h/\xC3\xA9", "http://h/a#frag",
        "http://h/a\\b", "http://h/%", "http://h/%2", "http://h/%zz", "http://h\\@x/"}) {
    EXPECT_FALSE(ParseUrl(text).ok()) << text;
  }
  EXPECT_FALSE(ParseUrl(std::string_view("http://h/\0", 10)).ok());
  EXPECT_FALSE(ParseUrl("http://h/" + std::string(9000, 'a')).ok());
  EXPECT_FALSE(ParseUrl("http://" + std::string(64, 'a') + "/").ok());
}

TEST(Url, ErrorsNeverShowPathOrUserInfo) {
  for (const char* text :
       {"http://token-secret@h/", "http://127.1/token-secret", "http://h:0/token-secret", "http://h/token-secret#x"}) {
    const auto url = ParseUrl(text);
    ASSERT_FALSE(url.ok());
    EXPECT_EQ(url.error().what.find("secret"), std::string::npos) << url.error().what;
  }
}

}  // namespace
}  // namespace headgate::net
