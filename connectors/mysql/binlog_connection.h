#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "connectors/mysql/client.h"
#include "connectors/mysql/options.h"
#include "connectors/mysql/position.h"
#include "core/base/result.h"

namespace headgate::mysql {

// A session that the server sends its binary log to, over the C client, in raw packets: every type of event passes.
// Lives on one thread.
class BinlogConnection {
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
  // The next event; the view holds until the next call. Blocks for an event of which a part has come, stale_after at
  // most. Empty at the end of a scan.
  Result<std::string_view> Next();
  // Semi-synchronous: whether the server waits for the answer that the event of the last Next(), the end of a
  // transaction, is kept.
  bool awaited() const { return awaited_; }
  // The answer: everything up to there is kept. Views of Next() end.
  Status Confirm(const LogPlace& place);

 private:
  BinlogConnection(const Options& options, Client client) : options_(options), mysql_(std::move(client)) {}
  Status Configure(Mode mode, const BinlogPosition& start);
  std::size_t SemiSyncBytes(const char* bytes, std::uint64_t size) const;
  Status Register();
  Status Dump(Mode mode, const BinlogPosition& start);
  Status Command(int command, std::string_view body, bool answers, std::string_view tried);
  Status Query(const std::string& sql, std::string_view tried);
  Error Failure(std::string_view tried) const;
  Error Damaged() const;
  bool Buffered() const;
  bool LengthsAgree() const;

  const Options options_;
  bool ends_ = false;  // a scan
  const Client mysql_;
  bool awaited_ = false;
};

}  // namespace headgate::mysql
