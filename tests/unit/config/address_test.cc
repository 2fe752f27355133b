#include "core/config/address.h"

namespace headgate::config {
namespace {

TEST(ParseListen, TakesAddressAndPort) {
  const std::pair<const char*, Listen> table[] = {
      {"127.0.0.1:0", {"127.0.0.1", 0}},       {"[::1]:8083", {"::1", 8083}},
      {"0.0.0.0:65535", {"0.0.0.0", 65535}},   {"[::]:1", {"::", 1}},
      {"localhost:8083", {"127.0.0.1", 8083}},
  };
  for (const auto& [text, expected] : table) {
    const auto listen = ParseListen(text);
    ASSERT_TRUE(listen.ok()) << text;
    EXPECT_EQ(*listen, expected) << text;
  }
}

TEST(ParseListen, RefusesEverythingElse) {
  const std::string_view table[] = {"",
                                    "8083",
                                    ":8083",
                                    "127.0.0.1",
                                    "127.0.0.1:",
                                    "127.0.0.1:65536",
                                    "127.0.0.1:-1",
                                    "127.0.0.1:+1",
                                    "127.0.0.1:80x",
                                    "::1:8083",
                                    "[127.0.0.1]:8083",
                                    "[::1]",
                                    "[]:1",
                                    "[::1:8083",
                                    "example.org:80",
                                    "127.1:80",
                                    "0x7f.0.0.1:80",
                                    "127.0.0.1:8083 ",
                                    "http://127.0.0.1:8083",
                                    std::string_view("127.0.0.1\0:1", 12)};
  for (const std::string_view text : table) {
    const auto listen = ParseListen(text);
    ASSERT_FALSE(listen.ok()) << text;
    EXPECT_EQ(listen.error().kind, ErrorKind::kConfig);
  }
}

TEST(Listen, TextReadsBack) {
  EXPECT_EQ((Listen{"::1", 8083}.Text()), "[::1]:8083");
  EXPECT_EQ(Listen().Text(), "127.0.0.1:8083");
}

TEST(IsLoopback, KnowsEveryForm) {
  for (const char* text : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) EXPECT_TRUE(IsLoopback(text)) << text;
  for (const char* text : {"0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "::2", "", "localhost"}) {
    EXPECT_FALSE(IsLoopback(text)) << text;
  }
}

TEST(IsCidr, TakesRangesAndSingleAddresses) {
  for (const char* text :
       {"10.0.0.0/8", "0.0.0.0/0", "10.1.2.3", "10.1.2.3/32", "fd00::/8", "::/0", "::1", "192.168.4.0/22"}) {
    EXPECT_TRUE(IsCidr(text)) << text;
  }
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/-1", "fd00::/129", "fd00::1/8",
                           "10.0/8", "10.0.0.0/8/8", "host/8"}) {
    EXPECT_FALSE(IsCidr(text)) << text;
  }
}

}  // namespace
}  // namespace headgate::config
