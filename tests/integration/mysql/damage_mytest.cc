#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <thread>

#include "connectors/mysql/binlog_event.h"
#include "tests/integration/mysql/source_fixture.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/require.h"
#include "tests/support/wait_for.h"

// Bytes of the binary log that change on their way (MY-27): what was changed is never taken, and is read again.
namespace headgate::test {
namespace {

using mysql::Event;
using mysql::EventType;
using std::chrono::seconds;
using ::testing::HasSubstr;

constexpr std::size_t kPacketHead = 5;  // before an event: three bytes of length, the packet's number, a zero
constexpr std::size_t kPacketMax = 0xFF'FFFF;
constexpr std::uint32_t kServerId = 7;
constexpr std::ptrdiff_t kMiddle = 1'000'000;

std::uint32_t NumberAt(const std::string& bytes, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

// Where a whole event of one of these types begins.
std::optional<std::size_t> FindEvent(const std::string& bytes, const std::vector<EventType>& types) {
  for (std::size_t at = kPacketHead; at + Event::kHeaderBytes <= bytes.size(); ++at) {
    const auto type = static_cast<EventType>(static_cast<unsigned char>(bytes[at + 4]));
    if (std::ranges::find(types, type) == types.end() || NumberAt(bytes, at + 5) != kServerId) continue;
    const std::uint32_t size = NumberAt(bytes, at + 9);
    if ((NumberAt(bytes, at - kPacketHead) & kPacketMax) == size + 1 && at + size <= bytes.size()) return at;
  }
  return std::nullopt;
}

struct Place {
  const char* name;
  std::ptrdiff_t offset;  // from the event's first byte; below kMiddle / 2 from its end if `from_end`
  bool from_end = false;
};
constexpr Place kPlaces[] = {{"packet length, lowest", -5},
                             {"packet length, middle", -4},
                             {"packet length, highest", -3},
                             {"status", -1},
                             {"time", 0},
                             {"type", 4},
                             {"server", 5},
                             {"length, lowest", 9},
                             {"length, second", 10},
                             {"length, highest", 12},
                             {"end", 13},
                             {"flags", 17},
                             {"body", 19},
                             {"middle", kMiddle},
                             {"end of the body", 5, true},
                             {"checksum", 1, true}};

FaultProxy::Edit Flip(std::vector<EventType> types, const Place& place, char mask) {
  return [types = std::move(types), place, mask](std::string& bytes) {
    const auto at = FindEvent(bytes, types);
    if (!at) return false;
    const std::uint32_t size = NumberAt(bytes, *at + 9);
    const std::size_t target = place.from_end            ? *at + size - static_cast<std::size_t>(place.offset)
                               : place.offset == kMiddle ? *at + (Event::kHeaderBytes + size) / 2
                                                         : *at + static_cast<std::size_t>(place.offset);
    bytes[target] = static_cast<char>(bytes[target] ^ mask);
    return true;
  };
}

// A byte of a compressed transaction of several packets, `offset` bytes behind the start of its event.
FaultProxy::Edit FlipInPayload(std::size_t offset, char mask) {
  return [offset, mask, left = std::optional<std::size_t>()](std::string& bytes) mutable {
    for (std::size_t at = kPacketHead; !left && at + Event::kHeaderBytes <= bytes.size(); ++at) {
      const auto type = static_cast<EventType>(static_cast<unsigned char>(bytes[at + 4]));
      const bool full = (NumberAt(bytes, at - kPacketHead) & kPacketMax) == kPacketMax;
      if (full && type == EventType::kTransactionPayload && NumberAt(bytes, at + 5) == kServerId) left = at + offset;
    }
    if (!left) return false;
    if (*left >= bytes.size()) {
      *left -= bytes.size();
      return false;
    }
    bytes[*left] = static_cast<char>(bytes[*left] ^ mask);
    return true;
  };
}

class MysqlDamage : public ::testing::TestWithParam<MyServer> {
 protected:
  void Start(std::vector<std::string> server_settings = {}) {
    HG_WITH_SERVER(NameOf(GetParam()), scene_, MysqlScene::Make(GetParam(), std::move(server_settings)));
    auto proxy = FaultProxy::Start("127.0.0.1", scene_->server().port());
    ASSERT_TRUE(proxy.ok());
    proxy_ = std::move(*proxy);
    Exec("CREATE DATABASE f");
    Exec("CREATE TABLE f.t (id INT PRIMARY KEY, v VARCHAR(200))");
  }
  void Exec(const std::string& sql) {
    const Status done = scene_->server().Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  Status Open() {
    return scene_->Open("src", {{"tables", "f.*"},
                                {"port", std::to_string(proxy_->port())},
                                {"sslmode", "disable"},
                                {"snapshot", "never"},
                                {"stale_after_ms", "1500"}});
  }
  void Insert() {
    const std::string id = std::to_string(++rows_);
    Exec("INSERT INTO f.t VALUES (" + id + ", 'row " + id + "')");
  }
  // Each row that was written came once, and as it was written.
  void ExpectWhole() {
    const auto events = scene_->Events("src");  // an id that comes twice is an error of it
    ASSERT_TRUE(events.ok()) << events.error().what;
    int next = 0;
    for (const auto& event : *events) {
      if (event["op"] != "insert") continue;
      ++next;
      ASSERT_EQ(event["after"]["id"], next);
      ASSERT_EQ(event["after"]["v"], "row " + std::to_string(next));
    }
    EXPECT_EQ(next, rows_);
  }
  // Of the packet's number nothing depends: its event is whole, and taken or read again.
  void ExpectHarmless(const std::vector<EventType>& types, const Place& place) {
    SCOPED_TRACE(place.name);
    ASSERT_TRUE(Open().ok());
    ASSERT_TRUE(scene_->CatchUp().ok());
    const int edits = proxy_->edits();
    proxy_->EditToClient(Flip(types, place, 0x40));
    Insert();
    const Status taken = scene_->CatchUp();
    EXPECT_TRUE(taken.ok() || taken.error().kind == ErrorKind::kTransient) << taken.error().what;
    EXPECT_EQ(proxy_->edits(), edits + 1);
  }
  // One event of these types is changed on its way, in the stream that is open or, if the change is planned before, in
  // the one that is opened then.
  void ExpectRefused(const std::vector<EventType>& types, const Place& place, char mask, bool before) {
    SCOPED_TRACE(mysql::Name(types[0]) + ", " + place.name + ", mask " + std::to_string(mask & 0xff));
    const int edits = proxy_->edits();
    if (before) proxy_->EditToClient(Flip(types, place, mask));
    ASSERT_TRUE(Open().ok());
    if (!before) {
      ASSERT_TRUE(scene_->CatchUp().ok());
      proxy_->EditToClient(Flip(types, place, mask));
    }
    Insert();
    ExpectFailure(edits + 1);
  }
  // Soon, and not before so many edits.
  void ExpectFailure(int edits) {
    const auto begin = std::chrono::steady_clock::now();
    Status failed;
    do {
      failed = scene_->Turn();
    } while (failed.ok() && std::chrono::steady_clock::now() - begin < seconds(60));
    ASSERT_EQ(proxy_->edits(), edits) << "nothing was changed";
    ASSERT_FALSE(failed.ok()) << "it was taken";
    EXPECT_EQ(failed.error().kind, ErrorKind::kTransient) << failed.error().what;
    EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(30)) << failed.error().what;
    proxy_->Pass();
  }

  int rows_ = 0;
  std::unique_ptr<MysqlScene> scene_;
  std::unique_ptr<FaultProxy> proxy_;
};

TEST_P(MysqlDamage, AByteThatChangedOnItsWayIsNeverTaken_MY27) {
  Start();
  if (!scene_) return;
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(scene_->CatchUp().ok());
  const std::vector<std::vector<EventType>> kinds = {
      {EventType::kWriteRows, EventType::kWriteRowsV1},
      {EventType::kTableMap},
      {EventType::kGtid, EventType::kGtidTagged, EventType::kMariadbGtid},
      {EventType::kQuery, EventType::kAnnotateRows},
      {EventType::kXid},
      {EventType::kFormatDescription}};
  constexpr char kMasks[] = {0x01, static_cast<char>(0x80), static_cast<char>(0xff), 0x11};
  std::size_t round = 0;
  for (const auto& types : kinds) {
    const bool before = types[0] == EventType::kFormatDescription;
    if (GetParam() == MyServer::kMariadb && types[0] == EventType::kQuery) continue;
    for (const Place& place : kPlaces) ExpectRefused(types, place, kMasks[round++ % std::size(kMasks)], before);
    if (HasFatalFailure()) return;
  }
  // What would turn rows into another type of event, and checksums off.
  const char to_format = GetParam() == MyServer::kMariadb ? 23 ^ 15 : 30 ^ 15;
  ExpectRefused(kinds[0], {"type", 4}, to_format, false);
  ExpectHarmless(kinds[0], {"packet number", -2});
  for (const char mask : kMasks) ExpectRefused(kinds.back(), {"algorithm", 5, true}, mask, true);
  ASSERT_TRUE(Open().ok());
  const Status caught_up = scene_->CatchUp();
  ASSERT_TRUE(caught_up.ok()) << caught_up.error().what;
  ExpectWhole();
}

TEST_P(MysqlDamage, WhatIsWrongIsSaid_MY27) {
  Start();
  if (!scene_) return;
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(scene_->CatchUp().ok());
  proxy_->EditToClient(Flip({EventType::kWriteRows, EventType::kWriteRowsV1}, {"end of the body", 5, true}, 0x01));
  Insert();
  Status failed;
  for (int i = 0; i < 50 && failed.ok(); ++i) failed = scene_->Turn();
  ASSERT_FALSE(failed.ok());
  EXPECT_THAT(failed.error().what, HasSubstr("WRITE_ROWS"));
  EXPECT_THAT(failed.error().what, HasSubstr("checksum"));
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(scene_->CatchUp().ok());
  ExpectWhole();
}

TEST_P(MysqlDamage, ServersWithoutChecksumsAreReadAndThoseThatTurnThemOnAndOff_MY27) {
  Start({"binlog-checksum=NONE"});
  if (!scene_) return;
  Status status = Open();
  ASSERT_TRUE(status.ok()) << status.error().what;
  for (const char* checksum : {"NONE", "CRC32", "NONE", "CRC32"}) {
    Exec("SET GLOBAL binlog_checksum = '" + std::string(checksum) + "'");
    Insert();
    Exec("FLUSH BINARY LOGS");
    Insert();
    status = scene_->CatchUp();
    ASSERT_TRUE(status.ok()) << checksum << ": " << status.error().what;
    ASSERT_TRUE(Open().ok());  // the session knows the setting of its beginning
    Insert();
    status = scene_->CatchUp();
    ASSERT_TRUE(status.ok()) << checksum << ": " << status.error().what;
  }
  ExpectWhole();
}

class MysqlDamagedPayload : public MysqlDamage {
 protected:
  static constexpr std::size_t kRows = 20'000;
  void StartWithTable() {
    Start();
    if (!scene_) return;
    Exec("CREATE TABLE f.p (id INT PRIMARY KEY, v VARBINARY(1000))");
    auto client = scene_->server().Connect();
    ASSERT_TRUE(client.ok());
    client_ = std::make_unique<MyClient>(std::move(*client));
    ASSERT_TRUE(Open().ok());
    ASSERT_TRUE(scene_->CatchUp().ok());
  }
  // One compressed transaction of kRows rows that nothing shortens: 20 MB.
  Status Fill(std::size_t behind) {
    return client_->ExecAll({"SET SESSION cte_max_recursion_depth=20000, binlog_transaction_compression=ON",
                             "INSERT INTO f.p WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE "
                             "i<20000) SELECT i + " +
                                 std::to_string(behind) + ", RANDOM_BYTES(1000) FROM n"});
  }
  void ExpectRows(std::size_t rows) {
    auto events = scene_->Events("src");
    ASSERT_TRUE(events.ok()) << events.error().what;
    std::erase_if(*events, [](const auto& event) { return event["op"] != "insert"; });
    ASSERT_EQ(events->size(), rows);
    if (rows == 0) return;
    const auto last = client_->Query("SELECT TO_BASE64(v) FROM f.p WHERE id=" + std::to_string(rows));
    ASSERT_TRUE(last.ok());
    std::string expected = (*last)[0][0].value_or("");
    std::erase(expected, '\n');
    EXPECT_EQ(events->back()["after"]["v"], expected);
  }

  std::unique_ptr<MyClient> client_;
};

TEST_P(MysqlDamagedPayload, OfACompressedTransactionOfSeveralPacketsNoneIsTakenThatIsNotWhole_MY27_MY10) {
  constexpr std::size_t kSecondPacket = kPacketMax - 1;  // its head, behind the start of the event
  StartWithTable();
  if (!client_) return;
  const Status filled = Fill(0);
  ASSERT_TRUE(filled.ok()) << filled.error().what;
  struct Flipped {
    std::size_t offset;
    char mask;
  };
  for (const auto [offset, mask] : {Flipped{2000, 0x01}, Flipped{kPacketMax / 2, 0x20}, Flipped{kSecondPacket, 0x02},
                                    Flipped{kSecondPacket + 1, 0x10}, Flipped{kSecondPacket + 2, 0x01},
                                    Flipped{kSecondPacket + 3, 0x01}, Flipped{kSecondPacket + 500'000, 0x04}}) {
    SCOPED_TRACE(offset);
    const int edits = proxy_->edits();
    proxy_->EditToClient(FlipInPayload(offset, mask));
    ASSERT_TRUE(Open().ok());
    ExpectFailure(edits + 1);
    if (HasFatalFailure()) return;
  }
  std::size_t rows = 0;
  for (const char* sslmode : {"disable", "require"}) {
    SCOPED_TRACE(sslmode);
    ASSERT_TRUE(scene_->Open("src", {{"tables", "f.*"}, {"snapshot", "never"}, {"sslmode", sslmode}}).ok());
    ASSERT_TRUE(rows == 0 || Fill(rows).ok());
    rows += kRows;
    const Status caught_up = scene_->CatchUp();
    ASSERT_TRUE(caught_up.ok()) << caught_up.error().what;
    ExpectRows(rows);
    if (HasFatalFailure()) return;
  }
}

TEST_P(MysqlDamagedPayload, AStopInsideOfOneIsHeardAndNoneOfItIsTaken_MY10) {
  StartWithTable();
  if (!client_) return;
  ASSERT_TRUE(Fill(0).ok());
  proxy_->Slow(2 << 20);  // bytes a second: ten seconds for the transaction
  ASSERT_TRUE(Open().ok());
  const std::int64_t before = proxy_->to_client();
  std::chrono::steady_clock::time_point asked;
  std::jthread person([&] {
    EXPECT_TRUE(WaitFor([&] { return proxy_->to_client() - before > 3'000'000; }));
    asked = std::chrono::steady_clock::now();
    scene_->RequestStop();
  });
  Status turned = Ok();
  while (turned.ok()) turned = scene_->Turn();
  EXPECT_EQ(turned.error().kind, ErrorKind::kStopped) << turned.error().what;
  person.join();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, seconds(2));
  EXPECT_LT(proxy_->to_client() - before, 15'000'000) << "it was read to its end";
  ExpectRows(0);
  proxy_->Pass();
  ASSERT_TRUE(Open().ok());
  const Status caught_up = scene_->CatchUp();
  ASSERT_TRUE(caught_up.ok()) << caught_up.error().what;
  ExpectRows(kRows);
}

INSTANTIATE_TEST_SUITE_P(Servers, MysqlDamagedPayload, ::testing::Values(MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });
INSTANTIATE_TEST_SUITE_P(Servers, MysqlDamage, ::testing::Values(MyServer::kMariadb, MyServer::kMysql),
                         [](const auto& param) { return NameOf(param.param); });

}  // namespace
}  // namespace headgate::test
