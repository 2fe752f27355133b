#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/connection.h"
#include "connectors/postgres/options.h"
#include "connectors/postgres/stream_decoder.h"
#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/base/signal.h"

namespace headgate::postgres {

// One running START_REPLICATION: frames in, feedback out. Lives on the ingest thread.
//
// Feedback (P1, P2): the server is told as flushed only what the caller said to be durable. A keep-alive that arrives
// with nothing in flight moves read_end(), so an idle slot advances without any write to the source.
class ReplicationStream {
 public:
  // Begins after `start`, which must be durable here. A slot that its last user has not left yet is waited for, 2 s at
  // most; then kTransient with the server's text ("slot is active for PID n").
  static Result<std::unique_ptr<ReplicationStream>> Start(std::unique_ptr<Connection> connection,
                                                          const Options& options, const Clock& clock, Binder& binder,
                                                          StreamDecoder::Limits limits, std::uint64_t start,
                                                          std::stop_token stop);

  // Takes what has arrived, in whole transactions, about batch_bytes_max of it. Waits for the first bytes until the
  // deadline; once a transaction is complete only while many come at once, 2 ms at most. kTransient if the server is
  // silent for stale_after.
  Status Read(std::vector<Transaction>& done, Connection::Deadline deadline, std::stop_token stop);
  // Everything up to here is durable: the server will be told, at once if it asked or if status_interval passed.
  Status Confirm(std::uint64_t durable, std::stop_token stop);
  // Sends a due status without reading; a pause is no staleness.
  Status KeepAlive(std::stop_token stop);
  // Asks the server for a keep-alive, to learn how far it has sent.
  Status RequestKeepAlive(std::stop_token stop);
  // Another limits.until. What lies beyond it stays unread, and may be read when it is raised.
  void SetUntil(std::uint64_t until);
  void End();

  // Everything up to here was read: in batches handed out, or known to hold nothing for us.
  std::uint64_t read_end() const { return read_end_; }
  std::uint64_t confirmed() const { return confirmed_; }
  std::uint64_t server_position() const { return server_position_; }
  std::int64_t last_heard_us() const { return last_heard_us_; }
  bool reply_due() const { return reply_due_; }
  bool in_transaction() const { return decoder_.in_transaction(); }
  // Something beyond limits.until has come.
  bool held_back() const { return !refused_.empty(); }
  // All before limits.until was read. Nothing is taken from the server any more until another one is set.
  bool reached() const { return decoder_.reached() || (until_ != 0 && read_end_ >= until_); }

 private:
  ReplicationStream(std::unique_ptr<Connection> connection, const Options& options, const Clock& clock, Binder& binder,
                    StreamDecoder::Limits limits, std::uint64_t start);
  Status Begin(std::stop_token stop);
  Status Drain(std::vector<Transaction>& done, std::size_t& bytes, int& frames, Connection::Deadline deadline);
  Result<bool> TakeFrame(std::vector<Transaction>& done);
  Result<bool> HandleFrame(std::string_view bytes, std::vector<Transaction>& done);
  Status SendDue(bool paused, std::stop_token stop);
  Status SendStatus(bool request_reply, std::stop_token stop);
  Connection::Deadline NextDue() const;

  const std::unique_ptr<Connection> connection_;
  const Options options_;
  const Clock& clock_;
  std::uint64_t until_;
  StreamDecoder decoder_;
  std::string refused_;  // the frame that the decoder did not take
  std::uint64_t read_end_;
  std::uint64_t durable_;
  std::uint64_t confirmed_;  // what the server was last told
  std::uint64_t server_position_ = 0;
  std::int64_t last_heard_us_ = 0;
  Clock::Steady::time_point last_heard_;
  Clock::Steady::time_point last_status_;
  bool heard_ = false;            // something came since the last look at the clock
  bool reply_due_ = false;        // the server asked for a status
  bool reply_requested_ = false;  // by us, since the last sign of life
  Signal gather_;                 // never raised: a wait that a stop ends
  std::string tried_;
};

}  // namespace headgate::postgres
