#include "connectors/postgres/stream.h"

#include <algorithm>
#include <utility>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/errors.h"
#include "connectors/postgres/slot.h"
#include "core/base/failpoint.h"

namespace headgate::postgres {
namespace {

using std::chrono::milliseconds;

constexpr auto kHeartbeat =
    milliseconds(10'000);            // a status even if nothing moved; the server gives up after wal_sender_timeout
constexpr int kFramesPerLook = 512;  // between looks at the clock
// Under load a little more is gathered, so that one synced write serves more transactions. A lone one never waits.
constexpr std::size_t kLoad = 8;  // transactions that had come while the ones before were written
constexpr auto kGather = milliseconds(2);
// The server sends each row of a transaction as it comes to it. From the kLong-th on they are taken in heaps: a wait
// and a read of its own for each costs more than all that is done with it.
constexpr int kLong = 32;
constexpr auto kHeap = std::chrono::microseconds(500);

std::string StartSql(const Options& options, int server_version, std::uint64_t start, bool messages) {
  std::string sql = "START_REPLICATION SLOT " + QuoteIdentifier(options.slot_name) + " LOGICAL " + LsnText(start) +
                    " (proto_version '1', publication_names " +
                    QuoteReplicationLiteral(QuoteIdentifier(options.publication_name));
  if (messages && server_version >= kMessagesVersion) sql += ", messages 'true'";
  return sql + ")";
}

std::size_t BytesOf(const std::vector<Transaction>& transactions, std::size_t from) {
  std::size_t bytes = 0;
  for (std::size_t i = from; i < transactions.size(); ++i) bytes += transactions[i].bytes() + 64;
  return bytes;
}

}  // namespace

ReplicationStream::ReplicationStream(std::unique_ptr<Connection> connection, const Options& options, const Clock& clock,
                                     Binder& binder, StreamDecoder::Limits limits, std::uint64_t start)
    : connection_(std::move(connection)),
      options_(options),
      clock_(clock),
      until_(limits.until),
      decoder_(binder, std::move(limits)),
      read_end_(start),
      durable_(start),
      confirmed_(0),
      last_heard_(clock.Now()),
      last_status_(clock.Now()),
      tried_("streaming from replication slot " + options.slot_name) {}

Result<std::unique_ptr<ReplicationStream>> ReplicationStream::Start(std::unique_ptr<Connection> connection,
                                                                    const Options& options, const Clock& clock,
                                                                    Binder& binder, StreamDecoder::Limits limits,
                                                                    std::uint64_t start, std::stop_token stop) {
  std::unique_ptr<ReplicationStream> stream(
      new ReplicationStream(std::move(connection), options, clock, binder, std::move(limits), start));
  HG_RETURN_IF_ERROR(stream->Begin(std::move(stop)));
  return stream;
}

Status ReplicationStream::Begin(std::stop_token stop) {
  const std::string sql =
      StartSql(options_, connection_->server_version(), read_end_, !options_.messages_prefixes.empty());
  const auto give_up = clock_.Now() + kSlotWait;
  for (;;) {
    auto started = connection_->StartCopy(sql, "starting replication from slot " + options_.slot_name, stop);
    if (started.ok()) return Ok();
    if (connection_->sqlstate() != "55006" || clock_.Now() >= give_up) return started;
    HG_RETURN_IF_ERROR(connection_->WaitReadable(clock_.Now() + kSlotLook, stop));
  }
}

Status ReplicationStream::Read(std::vector<Transaction>& done, Connection::Deadline deadline, std::stop_token stop) {
  const std::size_t before = done.size();
  std::size_t bytes = 0;
  int frames = 0;
  for (bool gathered = false;;) {
    const int frames_before = frames;
    HG_RETURN_IF_ERROR(Drain(done, bytes, frames, deadline));
    if (done.size() - before >= kLoad && bytes < options_.batch_bytes_max && !reply_due_ &&
        !std::exchange(gathered, true)) {
      gather_.WaitUntil(std::min(deadline, clock_.Now() + kGather), stop);
      continue;
    }
    // An answer that the server waits for is given by Confirm, with what is durable by then: one that shuts down waits
    // until we have confirmed all of it.
    if (reply_due_ && read_end_ > durable_) return Ok();
    HG_RETURN_IF_ERROR(SendDue(reached(), stop));
    if (done.size() > before || reached() || clock_.Now() >= deadline) return Ok();
    if (decoder_.in_transaction() && frames >= kLong && frames > frames_before) {
      gather_.WaitUntil(std::min(deadline, clock_.Now() + kHeap), stop);
      continue;
    }
    HG_RETURN_IF_ERROR(connection_->WaitReadable(std::min(deadline, NextDue()), stop));
    HG_RETURN_IF_ERROR(connection_->Receive(tried_));
  }
}

// Until nothing is there any more, the batch is full, or a long transaction has taken its time. `bytes` and `frames`:
// of the batch.
Status ReplicationStream::Drain(std::vector<Transaction>& done, std::size_t& bytes, int& frames,
                                Connection::Deadline deadline) {
  std::size_t counted = done.size();
  bool looked = false;  // the socket was asked since the last frame
  while (bytes < options_.batch_bytes_max && !reached()) {
    HG_ASSIGN_OR_RETURN(const bool taken, TakeFrame(done));
    if (taken) {
      looked = false;
      bytes += BytesOf(done, counted);
      counted = done.size();
      if (++frames % kFramesPerLook == 0 && clock_.Now() >= deadline) return Ok();
      continue;
    }
    if (looked) return Ok();
    looked = true;
    HG_RETURN_IF_ERROR(connection_->Receive(tried_));
  }
  return Ok();
}

Result<bool> ReplicationStream::TakeFrame(std::vector<Transaction>& done) {
  if (!refused_.empty()) return HandleFrame(std::exchange(refused_, {}), done);
  std::string_view bytes;
  auto state = connection_->NextCopy(bytes, tried_);
  if (!state.ok()) {
    Error error = std::move(state).error();
    if (connection_->sqlstate() == "42704") {  // undefined_object: the slot reads the catalog as it was back then
      error.what +=
          ". The publication has to exist since before the changes that the slot has still to deliver; if it was "
          "dropped and made "
          "again, drop the slot too: SELECT pg_drop_replication_slot(" +
          QuoteLiteral(options_.slot_name) + "); the gap will be declared.";
    }
    return error;
  }
  if (*state == Connection::Copy::kNothingYet) return false;
  if (*state == Connection::Copy::kEnd)
    return Transient("the server ended the replication stream of slot " + options_.slot_name + " on " +
                     Place(options_));
  return HandleFrame(bytes, done);
}

Result<bool> ReplicationStream::HandleFrame(std::string_view bytes, std::vector<Transaction>& done) {
  pgoutput::Frame frame;
  if (!pgoutput::ParseFrame(bytes, frame))
    return Corrupt("the replication stream on " + Place(options_) + " holds a malformed frame");
  heard_ = true;
  server_position_ = std::max(server_position_, frame.wal_end);
  if (frame.kind == pgoutput::Frame::Kind::kKeepAlive) {
    if (!decoder_.in_transaction()) read_end_ = std::max(read_end_, frame.wal_end);
    reply_due_ = reply_due_ || frame.reply_requested;
    return true;
  }
  HG_RETURN_IF_ERROR(decoder_.Handle(frame, frame.server_us, done));
  if (decoder_.reached()) refused_ = bytes;
  read_end_ = std::max(read_end_, decoder_.completed_end());
  return true;
}

Connection::Deadline ReplicationStream::NextDue() const {
  const auto status =
      last_status_ + (durable_ > confirmed_ ? std::min(options_.status_interval, kHeartbeat) : kHeartbeat);
  const auto stale = last_heard_ + (reply_requested_ ? options_.stale_after : options_.stale_after / 2);
  return std::min(status, stale);
}

Status ReplicationStream::SendDue(bool paused, std::stop_token stop) {
  const auto now = clock_.Now();
  if (heard_ || paused) {
    last_heard_ = now;
    if (heard_) last_heard_us_ = clock_.NowUs();
    heard_ = reply_requested_ = false;
  }
  const auto silent = std::chrono::duration_cast<milliseconds>(now - last_heard_);
  if (silent >= options_.stale_after) {
    return Transient("the replication connection to " + Place(options_) + " was silent for " +
                     std::to_string(silent.count()) +
                     " ms (stale_after_ms), although it was asked for a sign of life. It is made anew.");
  }
  if (silent >= options_.stale_after / 2 && !reply_requested_) return SendStatus(true, std::move(stop));
  const auto since = now - last_status_;
  // Paused, the server's own requests are not read: it hears from us often enough for any wal_sender_timeout.
  if (reply_due_ || since >= (paused ? std::min(options_.status_interval, kHeartbeat) : kHeartbeat) ||
      (durable_ > confirmed_ && since >= options_.status_interval))
    return SendStatus(false, std::move(stop));
  return Ok();
}

Status ReplicationStream::SendStatus(bool request_reply, std::stop_token stop) {
  const bool moves = durable_ > confirmed_;
  if (moves) HG_FAILPOINT("pg.before_confirm");
  HG_RETURN_IF_ERROR(connection_->SendCopy(pgoutput::StandbyStatus(read_end_, durable_, clock_.NowUs(), request_reply),
                                           "confirming to the server", std::move(stop)));
  if (moves) HG_FAILPOINT("pg.after_confirm");
  confirmed_ = durable_;
  reply_due_ = false;
  reply_requested_ = reply_requested_ || request_reply;
  last_status_ = clock_.Now();
  return Ok();
}

Status ReplicationStream::Confirm(std::uint64_t durable, std::stop_token stop) {
  durable_ = std::max(durable_, durable);
  return SendDue(false, std::move(stop));
}

Status ReplicationStream::KeepAlive(std::stop_token stop) { return SendDue(true, std::move(stop)); }

Status ReplicationStream::RequestKeepAlive(std::stop_token stop) { return SendStatus(true, std::move(stop)); }

void ReplicationStream::SetUntil(std::uint64_t until) {
  until_ = until;
  decoder_.SetUntil(until);
}

void ReplicationStream::End() { connection_->EndCopy(); }

}  // namespace headgate::postgres
