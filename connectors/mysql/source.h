#pragma once

#include <any>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/mysql/binlog_connection.h"
#include "connectors/mysql/binlog_decoder.h"
#include "connectors/mysql/catalog.h"
#include "connectors/mysql/connection.h"
#include "connectors/mysql/options.h"
#include "connectors/mysql/resume.h"
#include "connectors/mysql/tables.h"
#include "core/base/published.h"
#include "core/pipeline/chunk_snapshots.h"
#include "core/pipeline/source.h"

namespace headgate::mysql {

// A MySQL or MariaDB server as a source. The stream is read from the first moment on; while tables are to be read,
// their chunks go into the log between the transactions of the stream (docs/adr/0020). With snapshot: only, the stream
// ends when the last table is read.
class MysqlSource final : public Source, private ChunkHost {
 public:
  MysqlSource(Options options, const Clock& clock);
  ~MysqlSource() override;

  Status Open(LogWriter& writer, std::stop_token stop) override;
  Status Read(SourceBatch& batch, std::stop_token stop) override;
  Status Acknowledge() override;
  Status KeepAlive() override;
  void Close() override;
  void Look() override { look_ = true; }
  std::shared_ptr<const SourceTelemetry> telemetry() const override { return published_.Get(); }
  std::shared_ptr<SnapshotDesk> desk() const override { return desk_; }

 private:
  using Deadline = std::chrono::steady_clock::time_point;

  Status DoOpen();
  Status ConnectQuery();
  Status Attach(const ServerFacts& server);
  Status CheckHistory(const ServerFacts& server, const BinlogPosition& now);
  Status CheckMariadbHistory(const BinlogPosition& now);
  // `lost`: the tables concerned; none: all that are captured. They are read again behind the gap.
  Status DeclareGap(std::string reason, std::string text, const BinlogPosition& to, std::vector<TableName> lost = {});
  Status DeclareLost();
  Status StartStream();
  Result<std::optional<TableDeclaration>> Describe(const TableName& table, bool altered);
  void TakeFromTables();
  void FindWaiting();

  Status ReadStream(SourceBatch& batch, Deadline deadline, const std::stop_token& stop);
  void TakePosition(SourceBatch& batch);
  Status Ask();

  // Snapshots beside the stream (source_snapshot.cc).
  Status PlanSnapshots();
  Result<std::optional<TableName>> Named(const std::string& table);
  Result<std::optional<ChunkTable>> PlanTable(const std::string& table) override;
  Result<bool> HasTable(const std::string& table) override;
  Result<std::vector<std::string>> ListCaptured() override;
  std::string Problem(const ChunkTable& table, const std::optional<SnapshotWhere>& where) const override;
  std::unique_ptr<ChunkReader> NewReader(std::stop_token stop) override;
  std::any StreamPosition() const override { return decoder_->position(); }
  bool Covers(const std::any& seen) const override;
  bool InTransaction() const override { return decoder_ != nullptr && decoder_->in_transaction(); }
  std::uint32_t SchemaOf(StreamNo stream) const override { return writer_->NewestVersion(stream); }
  void Stamp(TransactionInfo& info) const override;
  void SetMuted(const ChunkTable& table, bool muted) override;

  Status Tell(Status status);
  void Publish(bool at_once);

  const Options options_;
  const Clock& clock_;
  LogWriter* writer_ = nullptr;
  std::stop_token stop_;
  ResumeState resume_;
  bool resume_changed_ = false;
  std::vector<ServiceEvent> events_;  // to be written with it

  std::size_t host_ = 0;  // that answered last
  bool by_gtid_ = false;
  std::unique_ptr<Connection> query_;
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<BinlogConnection> connection_;
  std::unique_ptr<BinlogDecoder> decoder_;
  std::optional<LogPlace> awaited_;  // what the server waits for, of what was read
  BinlogPosition stored_;            // as of the last batch that carried it
  Deadline stored_at_;
  Deadline heard_at_;

  const std::shared_ptr<SnapshotDesk> desk_ = std::make_shared<SnapshotDesk>();
  std::unique_ptr<ChunkSnapshots> snapshots_;
  std::map<std::string, TableName, std::less<>> names_;  // of tables, by what events call them
  bool again_ = false;                                   // tables are to be read again behind a gap
  bool idle_ = false;                                    // snapshot: only, and it is read

  std::atomic<bool> look_ = false;
  Deadline asked_at_;
  std::optional<BinlogPosition> server_place_;  // as of the last question
  SourceTelemetry telemetry_;
  std::vector<Finding> findings_;
  Deadline published_at_;
  Published<SourceTelemetry> published_;
};

}  // namespace headgate::mysql
