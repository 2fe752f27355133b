#include "connectors/mysql/row_session.h"

#include <mysql.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "connectors/mysql/errors.h"
#include "connectors/mysql/packed.h"
#include "connectors/mysql/packet.h"
#include "core/base/bytes.h"

namespace headgate::mysql {
namespace {

constexpr int kPrepare = 0x16;
constexpr int kExecutePrepared = 0x17;
constexpr int kClosePrepared = 0x19;
constexpr std::chrono::microseconds kGather{500};  // while rows come: some 400 of them

std::chrono::milliseconds Patience(const Options& options) {
  return std::max(options.connect_timeout, options.stale_after);
}

}  // namespace

RowSession::RowSession(const Options& options, Client client, std::stop_token stop)
    : options_(options),
      client_(std::move(client)),
      stop_(std::move(stop)),
      received_(*client_, Place(options), Patience(options)) {}

Result<std::unique_ptr<RowSession>> RowSession::Open(const Options& options, std::size_t host, std::stop_token stop) {
  const std::string tried = "connecting to " + Place(options) + " for rows";
  HG_ASSIGN_OR_RETURN(Client client, ConnectClient(options, host, Patience(options), tried));
  std::unique_ptr<RowSession> session(new RowSession(options, std::move(client), std::move(stop)));
  for (const std::string_view pin : kSessionPins) HG_RETURN_IF_ERROR(session->Execute(std::string(pin), tried));
  HG_RETURN_IF_ERROR(session->Execute("SET character_set_results=NULL", tried));
  return session;
}

Error RowSession::Failure() {
  const auto code = static_cast<int>(mysql_errno(client_.get()));
  error_code_ = code >= 2000 && code < 3000 ? 0 : code;
  return ClientError(options_, tried_, *client_);
}

Status RowSession::Execute(const std::string& sql, std::string_view tried) {
  const auto done = Query(sql, tried);
  return done.ok() ? Ok() : Status(done.error());
}

Result<Rows> RowSession::Query(const std::string& sql, std::string_view tried) {
  tried_ = tried;
  if (mysql_real_query(client_.get(), sql.data(), sql.size()) != 0) return Failure();
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> result(mysql_store_result(client_.get()), mysql_free_result);
  Rows rows;
  if (result == nullptr) return mysql_field_count(client_.get()) == 0 ? Result<Rows>(std::move(rows)) : Failure();
  std::vector<std::string_view> columns(mysql_num_fields(result.get()));
  while (const MYSQL_ROW values = mysql_fetch_row(result.get())) {
    const unsigned long* const lengths = mysql_fetch_lengths(result.get());
    for (std::size_t i = 0; i < columns.size(); ++i)
      columns[i] = values[i] == nullptr ? std::string_view() : std::string_view(values[i], lengths[i]);
    rows.push_back(RowOf(columns));
  }
  return rows;
}

// --- rows, in packets

Status RowSession::Send(int command, std::string_view body) {
  st_mysql* const mysql = client_.get();
  const int failed = mysql->methods->db_command(mysql, static_cast<enum_server_command>(command), body.data(),
                                                body.size(), 1, nullptr);
  if (failed != 0) return Failure();
  return Ok();
}

Result<std::string_view> RowSession::Peek(std::size_t bytes) {
  auto peeked = received_.Peek(bytes, stop_);
  if (peeked.ok() || peeked.error().kind == ErrorKind::kStopped) return peeked;
  return Transient(std::string(tried_) + " failed: " + peeked.error().what);
}

// The next one, valid until the one behind it.
Result<std::string_view> RowSession::Packet() {
  received_.Drop(std::exchange(taken_, 0));
  if (!packets_.empty()) std::string().swap(packets_);
  while (true) {
    HG_ASSIGN_OR_RETURN(std::string_view packet, Peek(kPacketHead));
    const std::size_t bytes = PacketBytes(packet);
    HG_ASSIGN_OR_RETURN(packet, Peek(kPacketHead + bytes));
    packet = packet.substr(kPacketHead, bytes);
    if (packets_.empty() && bytes < kPacketBytesMax) {
      taken_ = kPacketHead + bytes;
      return packet;
    }
    packets_ += packet;
    received_.Drop(kPacketHead + bytes);
    if (bytes < kPacketBytesMax) return std::string_view(packets_);
  }
}

// The packet says what is wrong, or is none that belongs here.
Error RowSession::Refused(std::string_view packet) {
  const auto error = ParseError(packet);
  if (!error) {
    error_code_ = 0;
    return Transient(std::string(tried_) + " failed: " + Place(options_) + " sent what is not of the protocol");
  }
  error_code_ = error->code;
  return DescribeError(options_, tried_, error->code, error->text);
}

// With the end behind them, if there are any.
Status RowSession::ReadDefinitions(std::size_t count, std::vector<ResultColumn>& columns) {
  columns.clear();
  for (std::size_t i = 0; i < count; ++i) {
    HG_ASSIGN_OR_RETURN(const std::string_view packet, Packet());
    const auto column = ParseResultColumn(packet);
    if (!column) return Refused(packet);
    columns.push_back(*column);
  }
  if (count == 0) return Ok();
  HG_ASSIGN_OR_RETURN(const std::string_view end, Packet());
  return IsEnd(end) ? Ok() : Status(Refused(end));
}

Result<std::uint32_t> RowSession::Prepare(const std::string& sql, std::vector<ResultColumn>& columns) {
  HG_RETURN_IF_ERROR(Send(kPrepare, sql));
  HG_ASSIGN_OR_RETURN(const std::string_view answer, Packet());
  ByteReader in(answer);
  const std::uint8_t status = in.Byte();
  const auto statement = in.Fixed<std::uint32_t>();
  const std::size_t count = in.Fixed<std::uint16_t>();
  const std::size_t parameters = in.Fixed<std::uint16_t>();
  if (status != 0 || in.failed()) return Refused(answer);
  HG_RETURN_IF_ERROR(ReadDefinitions(parameters, columns));
  HG_RETURN_IF_ERROR(ReadDefinitions(count, columns));
  return statement;
}

// MariaDB says whether the columns are told again: they are not, if they are those that were prepared.
Status RowSession::ExecutePrepared(std::uint32_t statement, std::vector<ResultColumn>& columns) {
  std::string body;
  PutFixed(body, statement);
  body.push_back('\0');              // no cursor
  PutFixed<std::uint32_t>(body, 1);  // once
  HG_RETURN_IF_ERROR(Send(kExecutePrepared, body));
  HG_ASSIGN_OR_RETURN(const std::string_view packet, Packet());
  ByteReader in(packet);
  const std::uint64_t count = PackedNumber(in);
  const bool told = in.done() || in.Byte() != 0;
  if (count == 0 || in.failed() || !in.done() || (!told && count != columns.size())) return Refused(packet);
  if (told) return ReadDefinitions(static_cast<std::size_t>(count), columns);
  HG_ASSIGN_OR_RETURN(const std::string_view end, Packet());
  return IsEnd(end) ? Ok() : Status(Refused(end));
}

Status RowSession::ReadRows(const std::vector<ResultColumn>& columns, const EachRow& each) {
  std::vector<std::string_view> values;
  while (true) {
    HG_ASSIGN_OR_RETURN(const std::string_view packet, Packet());
    if (IsEnd(packet)) return Ok();
    if (!SplitRow(packet, columns, values)) return Refused(packet);
    if (each(columns, values)) continue;
    ::shutdown(mysql_get_socket(client_.get()), SHUT_RDWR);  // or else the result is read to its end
    return Ok();
  }
}

Status RowSession::Stream(const std::string& sql, std::string_view tried, const EachRow& each) {
  tried_ = tried;
  error_code_ = 0;
  std::vector<ResultColumn> columns;
  HG_ASSIGN_OR_RETURN(const std::uint32_t statement, Prepare(sql, columns));
  Status read = ExecutePrepared(statement, columns);
  received_.Gather(kGather);
  if (read.ok()) read = ReadRows(columns, each);
  received_.Gather(std::chrono::microseconds(0));
  received_.Drop(std::exchange(taken_, 0));
  std::string body;
  PutFixed(body, statement);
  const int code = error_code_;
  if (read.ok() || code != 0) static_cast<void>(Send(kClosePrepared, body));  // no answer: the next statement tells
  error_code_ = code;
  return read;
}

}  // namespace headgate::mysql
