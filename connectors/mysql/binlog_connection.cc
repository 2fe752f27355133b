#include "connectors/mysql/binlog_connection.h"

#include <mysql.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

using uchar = unsigned char;  // the two headers want it
#define HAVE_TLS 1            // so was the library built: the layout of what follows depends on it
#include <ma_pvio.h>

#include "connectors/mysql/binlog_event.h"
#include "connectors/mysql/errors.h"
#include "core/base/bytes.h"

namespace headgate::mysql {
namespace {

using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

constexpr int kBinlogDump = 0x12;
constexpr int kRegisterSlave = 0x15;
constexpr int kBinlogDumpGtid = 0x1e;
constexpr std::uint16_t kNonBlocking = 1;
constexpr std::uint16_t kAnnotations = 2;  // MariaDB; MySQL does not know the flag
constexpr std::uint16_t kThroughGtid = 4;
// Before an event, with a byte that says whether it is awaited; and our answer.
constexpr unsigned char kSemiSync = 0xEF;
constexpr std::size_t kSemiSyncBytes = 2;
constexpr std::size_t kSizeAt = 9;             // of an event's header
constexpr std::uint32_t kPartMax = 0xFF'FFFF;  // of a packet that goes on in the next one
constexpr milliseconds kLook{100};             // between looks at the stop token

}  // namespace

BinlogConnection::~BinlogConnection() = default;

Result<std::unique_ptr<BinlogConnection>> BinlogConnection::Start(const Options& options, std::size_t host, Mode mode,
                                                                  const BinlogPosition& start) {
  HG_ASSIGN_OR_RETURN(Client client, ConnectClient(options, host, options.stale_after,
                                                   "connecting to " + Place(options) + " for the binary log"));
  std::unique_ptr<BinlogConnection> connection(new BinlogConnection(options, std::move(client)));
  connection->ends_ = mode == Mode::kScan;
  HG_RETURN_IF_ERROR(connection->Configure(mode, start));
  if (!connection->ends_) HG_RETURN_IF_ERROR(connection->Register());
  HG_RETURN_IF_ERROR(connection->Dump(mode, start));
  return connection;
}

Error BinlogConnection::Failure(std::string_view tried) const { return ClientError(options_, tried, *mysql_); }

Status BinlogConnection::Query(const std::string& sql, std::string_view tried) {
  if (mysql_real_query(mysql_.get(), sql.data(), sql.size()) != 0) return Failure(tried);
  return Ok();
}

Status BinlogConnection::Configure(Mode mode, const BinlogPosition& start) {
  constexpr std::string_view kTried = "preparing the session for the binary log";
  const auto heartbeat_ns = std::chrono::nanoseconds(options_.heartbeat_interval).count();
  HG_RETURN_IF_ERROR(Query("SET @master_heartbeat_period=" + std::to_string(heartbeat_ns) +
                               ", @source_heartbeat_period=" + std::to_string(heartbeat_ns),
                           kTried));
  // While the log ahead is looked through (ADR 0022), or the source is paused, nobody takes what the server sends.
  HG_RETURN_IF_ERROR(Query("SET SESSION net_write_timeout=3600", kTried));
  // Whatever the server's own setting is: the first event comes with a checksum, the others as its files have them.
  HG_RETURN_IF_ERROR(Query("SET @master_binlog_checksum='CRC32', @source_binlog_checksum='CRC32'", kTried));
  if (options_.semi_sync && !ends_)
    HG_RETURN_IF_ERROR(Query("SET @rpl_semi_sync_slave=1, @rpl_semi_sync_replica=1", kTried));
  if (options_.flavor == Flavor::kMysql) return Ok();
  HG_RETURN_IF_ERROR(Query("SET @mariadb_slave_capability=4", kTried));
  if (mode != Mode::kMariadbGtid) return Ok();
  HG_RETURN_IF_ERROR(Query("SET @slave_connect_state='" + start.domains.ToText() + "'", kTried));
  HG_RETURN_IF_ERROR(Query("SET @slave_gtid_strict_mode=0", kTried));
  return Query("SET @slave_gtid_ignore_duplicates=0", kTried);
}

Status BinlogConnection::Command(int command, std::string_view body, bool answers, std::string_view tried) {
  st_mysql* const mysql = mysql_.get();
  const int failed = mysql->methods->db_command(mysql, static_cast<enum_server_command>(command), body.data(),
                                                body.size(), answers ? 0 : 1, nullptr);
  if (failed != 0) return Failure(tried);
  return Ok();
}

// So that the server shows us among its replicas. It does not have to be.
Status BinlogConnection::Register() {
  std::string body;
  PutFixed(body, options_.server_id);
  const std::string host = "headgate";
  body.push_back(static_cast<char>(host.size()));
  body += host;
  body.push_back('\0');  // user
  body.push_back('\0');  // password
  PutFixed<std::uint16_t>(body, 0);
  PutFixed<std::uint32_t>(body, 0);
  PutFixed<std::uint32_t>(body, 0);
  return Command(kRegisterSlave, body, true, "registering as a replica");
}

Status BinlogConnection::Dump(Mode mode, const BinlogPosition& start) {
  std::string body;
  if (mode == Mode::kMysqlGtid) {
    const std::string set = start.executed.Encode();
    PutFixed<std::uint16_t>(body, kThroughGtid);
    PutFixed(body, options_.server_id);
    PutFixed<std::uint32_t>(body, 0);  // no file name
    PutFixed<std::uint64_t>(body, 4);
    PutFixed(body, static_cast<std::uint32_t>(set.size()));
    body += set;
    return Command(kBinlogDumpGtid, body, false, "asking for the binary log");
  }
  const bool by_place = mode != Mode::kMariadbGtid;
  if (by_place && start.place.offset > std::numeric_limits<std::uint32_t>::max()) {
    return ConfigError("the place to go on from, " + start.place.ToText() +
                       ", lies beyond the 4 GiB that the protocol can ask for; let the server use GTIDs, and keep its "
                       "binary logs below 4 GiB (max_binlog_size, smaller transactions)");
  }
  PutFixed(body, by_place ? static_cast<std::uint32_t>(start.place.offset) : 4U);
  PutFixed<std::uint16_t>(body, ends_ ? kNonBlocking : kAnnotations);
  PutFixed<std::uint32_t>(body, ends_ ? 0 : options_.server_id);  // 0 ends nobody else's stream
  if (by_place) body += start.place.file;
  return Command(kBinlogDump, body, false, "asking for the binary log");
}

// What the library, or TLS under it, has read ahead.
bool BinlogConnection::Buffered() const {
  const MARIADB_PVIO* const pvio = mysql_->net.pvio;
  if (pvio == nullptr) return true;  // lost: the next read says so
  if (pvio->cache != nullptr && pvio->cache_pos < pvio->cache + pvio->cache_size) return true;
  return pvio->ctls != nullptr && SSL_pending(static_cast<SSL*>(pvio->ctls->ssl)) > 0;
}

Result<bool> BinlogConnection::Wait(Deadline deadline, const std::stop_token& stop) {
  while (true) {
    if (stop.stop_requested()) return Stopped();
    if (Buffered()) return true;
    const auto left = std::chrono::ceil<milliseconds>(deadline - SteadyClock::now());
    const auto wait = std::clamp(left, milliseconds(0), kLook);
    pollfd poll_fd{mysql_get_socket(mysql_.get()), POLLIN, 0};
    const int ready = ::poll(&poll_fd, 1, static_cast<int>(wait.count()));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return Transient("waiting for the binary log of " + Place(options_) + " failed");
    if (left <= milliseconds(0)) return false;
  }
}

// How much lies between a packet's status and its event. A server that does not know semi-synchronous replication
// sends nothing there: told is it by the size, which the event has too.
std::size_t BinlogConnection::SemiSyncBytes(const char* bytes, std::uint64_t size) const {
  if (!options_.semi_sync || size < kSemiSyncBytes || static_cast<unsigned char>(bytes[0]) != kSemiSync) return 0;
  std::uint32_t event = 0;
  std::memcpy(&event, bytes + kSemiSyncBytes + kSizeAt, sizeof event);
  const std::uint64_t left = size - kSemiSyncBytes;
  return event == left || (size + 1 == kPartMax && event > left) ? kSemiSyncBytes : 0;
}

// Whether the packet that comes is as long as its event says. One whose length was damaged would swallow the events
// behind it, heartbeats too, until it is full: for hours. Of what has not come yet, and under TLS, nothing is known.
bool BinlogConnection::LengthsAgree() const {
  constexpr std::size_t kPacketHead = 4;
  const MARIADB_PVIO* const pvio = mysql_->net.pvio;
  if (pvio == nullptr || pvio->ctls != nullptr) return true;
  char head[kPacketHead + 1 + kSemiSyncBytes + kSizeAt + sizeof(std::uint32_t)];
  std::size_t have = 0;
  if (pvio->cache != nullptr && pvio->cache_pos < pvio->cache + pvio->cache_size) {
    have = std::min(sizeof head, static_cast<std::size_t>(pvio->cache + pvio->cache_size - pvio->cache_pos));
    std::memcpy(head, pvio->cache_pos, have);
  }
  if (have < sizeof head) {
    const ssize_t more =
        ::recv(mysql_get_socket(mysql_.get()), head + have, sizeof head - have, MSG_PEEK | MSG_DONTWAIT);
    have += static_cast<std::size_t>(std::max<ssize_t>(more, 0));
  }
  if (have < sizeof head || head[kPacketHead] != 0) return true;
  std::uint32_t packet = 0;
  std::uint32_t event = 0;
  std::memcpy(&packet, head, sizeof packet);
  packet &= kPartMax;
  const std::size_t extra = packet == 0 ? 0 : SemiSyncBytes(head + kPacketHead + 1, packet - 1);
  std::memcpy(&event, head + kPacketHead + 1 + extra + kSizeAt, sizeof event);
  return packet == std::min<std::uint64_t>(kPartMax, std::uint64_t{event} + 1 + extra);
}

Error BinlogConnection::Damaged() const {
  return Transient("a packet of the binary log of " + Place(options_) +
                   " is not as the protocol has it: it was damaged on its way; it is read again over a new connection");
}

Result<std::string_view> BinlogConnection::Next() {
  constexpr std::string_view kTried = "reading the binary log";
  if (!LengthsAgree()) return Damaged();
  const unsigned long size = mysql_net_read_packet(mysql_.get());
  constexpr unsigned long kFailed = std::numeric_limits<unsigned int>::max();  // packet_error of the client
  if (size >= kFailed) return Failure(kTried);
  if (size == 0) return Damaged();
  const auto* const bytes = reinterpret_cast<const char*>(mysql_->net.read_pos);
  constexpr unsigned char kEnd = 0xFE;
  const bool end = static_cast<unsigned char>(bytes[0]) == kEnd && size < 9;
  if (end && ends_) return std::string_view();
  if (end)
    return Transient(Place(options_) + " ended the binary log's stream; another replica may have our server_id " +
                     std::to_string(options_.server_id));
  if (bytes[0] != 0) return Damaged();
  const std::size_t extra = size > kSemiSyncBytes + Event::kHeaderBytes ? SemiSyncBytes(bytes + 1, size - 1) : 0;
  awaited_ = extra != 0 && bytes[2] != 0;
  return std::string_view(bytes + 1 + extra, size - 1 - extra);
}

Status BinlogConnection::Confirm(const LogPlace& place) {
  std::string body;
  PutFixed<std::uint64_t>(body, place.offset);
  body += place.file;
  return Command(kSemiSync, body, false, "confirming a transaction to the server");
}

}  // namespace headgate::mysql
