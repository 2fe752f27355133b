#include <gtest/gtest.h>

#include "connectors/mysql/charset.h"
#include "core/base/encoding.h"
#include "tests/support/private_mysql.h"
#include "tests/support/require.h"

// Every code of every character set of a server, as its own conversion has it (MY-19).
namespace headgate::test {
namespace {

class MysqlCharsets : public ::testing::TestWithParam<MyServer> {};

std::vector<std::string> CodesOf(const std::string& charset, int bytes_max) {
  std::vector<std::string> codes;
  for (int a = 0; a < 256; ++a) codes.push_back(Hex(std::string(1, static_cast<char>(a))));
  const bool wide = charset == "ucs2" || charset.starts_with("utf");
  if (bytes_max == 1 || wide) return wide ? std::vector<std::string>() : codes;
  const auto add = [&](std::initializer_list<int> bytes) {
    std::string code;
    for (const int byte : bytes) code.push_back(static_cast<char>(byte));
    codes.push_back(Hex(code));
  };
  for (int a = 0x81; a < 0xFF; ++a) {
    for (int b = 0x40; b < 0xFF; ++b) add({a, b});
  }
  if (charset == "ujis" || charset == "eucjpms") {
    for (int a = 0xA1; a < 0xFF; ++a) {
      for (int b = 0xA1; b < 0xFF; ++b) add({0x8F, a, b});
    }
  }
  if (charset == "gb18030") {
    for (const int a : {0x81, 0x82, 0x84, 0x90, 0x95, 0x96, 0xE3}) {
      for (int b = 0x30; b < 0x3A; ++b) {
        for (int c = 0x81; c < 0xFF; ++c) add({a, b, c, 0x30 + (a + b + c) % 10});
      }
    }
  }
  return codes;
}

// The code has no meaning: the server has nothing, a question mark, or Unicode's own mark for it.
bool HasNoMeaning(const std::string& shown, const std::string& code) {
  if (shown.empty() || shown == "-" || shown.find("EFBFBD") != std::string::npos) return true;
  const auto has_mark = [](const std::string& hex) {
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      if (hex[i] == '3' && (hex[i + 1] == 'F' || hex[i + 1] == 'f')) return true;
    }
    return false;
  };
  return has_mark(shown) && !has_mark(code);
}

TEST_P(MysqlCharsets, EveryCodeIsWhatTheServerMakesOfIt_MY19) {
  HG_WITH_SERVER(NameOf(GetParam()), const auto server, PrivateMysql::Start(GetParam()));
  auto client = server->Connect();
  ASSERT_TRUE(client.ok());
  ASSERT_TRUE(
      client->ExecAll({"CREATE DATABASE c", "CREATE TEMPORARY TABLE c.codes (h VARCHAR(8) CHARACTER SET ascii)"}).ok());
  const auto charsets = client->Query("SELECT CHARACTER_SET_NAME, MAXLEN FROM information_schema.CHARACTER_SETS");
  ASSERT_TRUE(charsets.ok());
  EXPECT_GE(charsets->size(), 40U);
  mysql::TextDecoder decoder;
  for (const MyRow& row : *charsets) {
    const std::string name = row[0].value_or("");
    SCOPED_TRACE(name);
    const auto charset = mysql::CharsetNamed(name);
    ASSERT_TRUE(charset.has_value()) << "a character set that is not known here";
    if (*charset == mysql::Charset::kBinary) continue;
    const auto codes = CodesOf(name, std::stoi(row[1].value_or("1")));
    for (std::size_t from = 0; from < codes.size(); from += 3'000) {
      std::string insert = "INSERT INTO c.codes VALUES ";
      for (std::size_t i = from; i < std::min(codes.size(), from + 3'000); ++i)
        insert += (i == from ? "('" : ",('") + codes[i] + "')";
      ASSERT_TRUE(client->ExecAll({"DELETE FROM c.codes", insert}).ok());
      const auto shown = client->Query("SELECT h, IFNULL(HEX(CONVERT(CONVERT(UNHEX(h) USING " + name +
                                       ") USING utf8mb4)),'-') FROM c.codes");
      ASSERT_TRUE(shown.ok()) << shown.error().what;
      for (const MyRow& pair : *shown) {
        std::string text;
        const bool known = decoder.Append(text, *charset, *FromHex(*pair[0]));
        const bool none = HasNoMeaning(*pair[1], *pair[0]);
        ASSERT_EQ(known, !none) << *pair[0] << " is " << *pair[1] << " at the server";
        if (known) {
          ASSERT_EQ(FromHex(*pair[1]), text) << *pair[0];
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlCharsets, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
