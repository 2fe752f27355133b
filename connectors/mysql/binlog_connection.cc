#include "connectors/mysql/binlog_connection.h"

#include <mysql.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "connectors/mysql/binlog_event.h"
#include "connectors/mysql/errors.h"
#include "connectors/mysql/packet.h"
#include "core/base/bytes.h"

namespace headgate::mysql {
namespace {

constexpr int kBinlogDump = 0x12;
constexpr int kRegisterSlave = 0x15;
constexpr int kBinlogDumpGtid = 0x1e;
constexpr std::uint16_t kNonBlocking = 1;
constexpr std::uint16_t kAnnotations = 2;  // MariaDB; MySQL does not know the flag
constexpr std::uint16_t kThroughGtid = 4;
// Before an event, with a byte that says whether it is awaited; and our answer.
constexpr unsigned char kSemiSync = 0xEF;
constexpr std::size_t kSemiSyncBytes = 2;
constexpr std::size_t kSizeAt = 9;  // of an event's header
constexpr std::size_t kPieceBytes = 128 * 1024;
constexpr std::uint64_t kEventMax = (1U << 30) + (1U << 20);  // servers have 1 GiB, and some for the head
constexpr std::size_t kErrorBytesMax = 4096;

}  // namespace

BinlogConnection::BinlogConnection(const Options& options, Client client)
    : options_(options), mysql_(std::move(client)) {}
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
  connection->received_ = std::make_unique<ReceiveBuffer>(*connection->mysql_, Place(options), options.stale_after);
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

Result<bool> BinlogConnection::Wait(Deadline deadline, const std::stop_token& stop) {
  return received_->Wait(taken_, deadline, stop);
}

Error BinlogConnection::Damaged() const {
  return Transient("a packet of the binary log of " + Place(options_) +
                   " is not as the protocol has it: it was damaged on its way; it is read again over a new connection");
}

// How much lies between a packet's status and its event. A server that does not know semi-synchronous replication
// sends nothing there: told is it by the packet's size, which the event has too.
std::size_t BinlogConnection::SemiSyncBytes(std::string_view begin, std::size_t size) const {
  if (!options_.semi_sync || size < 1 + kSemiSyncBytes + Event::kHeaderBytes) return 0;
  if (static_cast<unsigned char>(begin[1]) != kSemiSync) return 0;
  const std::uint64_t whole = 1 + kSemiSyncBytes + std::uint64_t{NumberAt(begin, 1 + kSemiSyncBytes + kSizeAt)};
  return std::min<std::uint64_t>(whole, kPacketBytesMax) == size ? kSemiSyncBytes : 0;
}

// What is no event: the end, or an error.
Result<std::string_view> BinlogConnection::TakeAnswer(std::size_t size) {
  if (size > kErrorBytesMax) return Damaged();
  HG_ASSIGN_OR_RETURN(std::string_view answer, received_->Peek(kPacketHead + size, stop_));
  answer = answer.substr(kPacketHead, size);
  received_->Drop(kPacketHead + size);
  if (IsEnd(answer) && ends_) return std::string_view();
  if (IsEnd(answer)) {
    return Transient(Place(options_) + " ended the binary log's stream; another replica may have our server_id " +
                     std::to_string(options_.server_id));
  }
  const auto error = ParseError(answer);
  return error ? DescribeError(options_, "reading the binary log", error->code, error->text) : Damaged();
}

// The head of the packet that the event goes on in.
Status BinlogConnection::BeginPacket() {
  HG_ASSIGN_OR_RETURN(const std::string_view head, received_->Peek(kPacketHead, stop_));
  packet_left_ = PacketBytes(head);
  const auto number = static_cast<std::uint8_t>(head[kPacketHead - 1]);
  if (packet_left_ != std::min<std::uint64_t>(event_left_, kPacketBytesMax) || number != ++packet_number_)
    return Damaged();
  received_->Drop(kPacketHead);
  return Ok();
}

Result<std::string_view> BinlogConnection::More() {
  if (stop_.stop_requested()) return Stopped();
  received_->Drop(std::exchange(taken_, 0));
  if (packet_left_ == 0 && packet_full_) {  // another one comes, be it of no bytes
    HG_RETURN_IF_ERROR(BeginPacket());
    packet_full_ = packet_left_ == kPacketBytesMax;
  }
  parted_ = packet_left_ != 0;
  if (!parted_) return std::string_view();
  taken_ = std::min(packet_left_, kPieceBytes);
  HG_ASSIGN_OR_RETURN(const std::string_view piece, received_->Peek(taken_, stop_));
  packet_left_ -= taken_;
  event_left_ -= taken_;
  return piece.substr(0, taken_);
}

Result<std::string_view> BinlogConnection::Next(const std::stop_token& stop) {
  stop_ = stop;
  while (parted_) HG_RETURN_IF_ERROR(More());
  received_->Drop(std::exchange(taken_, 0));
  if (!whole_.empty()) std::string().swap(whole_);
  HG_ASSIGN_OR_RETURN(std::string_view packet, received_->Peek(kPacketHead + 1, stop));
  const std::size_t size = PacketBytes(packet);
  packet_number_ = static_cast<std::uint8_t>(packet[kPacketHead - 1]);
  if (size == 0) return Damaged();
  if (packet[kPacketHead] != 0) return TakeAnswer(size);
  if (size < 1 + Event::kHeaderBytes) return Damaged();
  HG_ASSIGN_OR_RETURN(packet,
                      received_->Peek(kPacketHead + std::min(size, 1 + kSemiSyncBytes + Event::kHeaderBytes), stop));
  std::string_view begin = packet.substr(kPacketHead);
  const std::size_t before = 1 + SemiSyncBytes(begin, size);
  awaited_ = before > 1 && begin[2] != 0;
  const std::size_t bytes = NumberAt(begin, before + kSizeAt);
  event_left_ = before + bytes;
  if (bytes > kEventMax || size != std::min<std::uint64_t>(event_left_, kPacketBytesMax)) return Damaged();
  if (size < kPacketBytesMax) {
    taken_ = kPacketHead + size;
    HG_ASSIGN_OR_RETURN(packet, received_->Peek(taken_, stop));
    return packet.substr(kPacketHead + before, bytes);
  }
  constexpr std::size_t kTypeAt = 4;
  const bool payload = static_cast<EventType>(begin[before + kTypeAt]) == EventType::kTransactionPayload;
  received_->Drop(kPacketHead + before);
  event_left_ -= before;
  packet_left_ = size - before;
  packet_full_ = true;
  HG_ASSIGN_OR_RETURN(std::string_view piece, More());
  if (payload) return piece;
  whole_.reserve(bytes);
  while (!piece.empty()) {
    whole_ += piece;
    HG_ASSIGN_OR_RETURN(piece, More());
  }
  return std::string_view(whole_);
}

Status BinlogConnection::Confirm(const LogPlace& place) {
  std::string body;
  PutFixed<std::uint64_t>(body, place.offset);
  body += place.file;
  return Command(kSemiSync, body, false, "confirming a transaction to the server");
}

}  // namespace headgate::mysql
