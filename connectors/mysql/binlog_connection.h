#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "connectors/mysql/binlog_event.h"
#include "connectors/mysql/client.h"
#include "connectors/mysql/options.h"
#include "connectors/mysql/position.h"
#include "connectors/mysql/receive_buffer.h"
#include "core/base/result.h"

namespace headgate::mysql {

// A session that the server sends its binary log to, over the C client, in raw packets: every type of event passes.
// Each packet's length is held against its event's before it is waited for: a damaged one would swallow the events
// behind it, heartbeats too, for hours. Lives on one thread.
class BinlogConnection : private EventRest {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  // kScan: from a place to the end of what is logged at the moment, unseen by the server's other replicas.
  enum class Mode : std::uint8_t { kMysqlGtid, kMariadbGtid, kPlace, kScan };

  // Connects to the host, registers as a replica (a scan does not) and asks for what comes after `start`.
  static Result<std::unique_ptr<BinlogConnection>> Start(const Options& options, std::size_t host, Mode mode,
                                                         const BinlogPosition& start);
  ~BinlogConnection();
  BinlogConnection(const BinlogConnection&) = delete;
  BinlogConnection& operator=(const BinlogConnection&) = delete;

  // Whether an event may be taken without waiting; waits for one until the deadline. kStopped on stop.
  Result<bool> Wait(Deadline deadline, const std::stop_token& stop);
  // The next event; the view holds until the next call. Blocks for an event of which a part has come, for stale_after
  // without a byte at most. Empty at the end of a scan.
  Result<std::string_view> Next(const std::stop_token& stop);
  // Of a compressed transaction that does not fit into one packet, Next() has only the beginning. The rest of it, to be
  // taken before the next call of Next(), which drops what is left; else nullptr.
  EventRest* rest() { return parted_ ? this : nullptr; }
  // Semi-synchronous: whether the server waits for the answer that the event of the last Next(), the end of a
  // transaction, is kept.
  bool awaited() const { return awaited_; }
  // The answer: everything up to there is kept. Views of Next() end.
  Status Confirm(const LogPlace& place);

 private:
  BinlogConnection(const Options& options, Client client);
  Status Configure(Mode mode, const BinlogPosition& start);
  std::size_t SemiSyncBytes(std::string_view begin, std::size_t size) const;
  Status Register();
  Status Dump(Mode mode, const BinlogPosition& start);
  Status Command(int command, std::string_view body, bool answers, std::string_view tried);
  Status Query(const std::string& sql, std::string_view tried);
  Result<std::string_view> TakeAnswer(std::size_t size);
  Status BeginPacket();
  Result<std::string_view> More() override;
  Error Failure(std::string_view tried) const;
  Error Damaged() const;

  const Options options_;
  bool ends_ = false;  // a scan
  const Client mysql_;
  std::unique_ptr<ReceiveBuffer> received_;  // from the dump on
  bool awaited_ = false;

  std::stop_token stop_;
  std::size_t taken_ = 0;         // what the last view has of what was received
  bool parted_ = false;           // the event at hand comes in parts
  std::uint64_t event_left_ = 0;  // of it, with what goes before it
  std::size_t packet_left_ = 0;
  bool packet_full_ = false;  // another one belongs to it
  std::uint8_t packet_number_ = 0;
  std::string whole_;  // an event of several packets
};

}  // namespace headgate::mysql
