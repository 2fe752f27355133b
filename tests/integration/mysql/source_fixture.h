#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "core/log/store.h"
#include "core/pipeline/source.h"
#include "tests/support/private_mysql.h"

namespace headgate::test {

// Every event of a source in native form, in the order of the log. Corrupt if an id is there twice.
Result<std::vector<nlohmann::json>> EventsOf(const Log& log, const std::string& source);

// A source in this process on a real server, turned by hand as the ingest loop does it, and its place in a log.
class MysqlScene {
 public:
  using Settings = std::map<std::string, std::string>;

  static Result<std::unique_ptr<MysqlScene>> Make(MyServer kind, std::vector<std::string> server_settings = {});

  // On a server of somebody else's, which outlives it.
  static Result<std::unique_ptr<MysqlScene>> MakeOn(PrivateMysql& server);

  PrivateMysql& server() { return *server_; }
  Log& log() { return *log_; }

  // A source by this name that goes on where an earlier one of the name stopped. `settings` go with the usual ones.
  Status Open(const std::string& name, Settings settings);
  // One turn of the loop. What it brings is durable when it returns.
  Status Turn();
  // The halves of a turn: what it brings, and that it is durable and acknowledged.
  Status Take(SourceBatch& batch) { return source_->Read(batch, stop_.get_token()); }
  Status Keep(SourceBatch& batch);
  // From any thread: a turn that is under way ends as kStopped. Open makes that good again.
  void RequestStop() { stop_.request_stop(); }
  // As after kill -9: nothing is told to anybody.
  void Drop();
  // Until everything that the server has written by now is durable, and all snapshots are done.
  Status CatchUp();
  const SourceTelemetry& told() const { return *(told_ = source_->telemetry()); }
  // Of the source that is open.
  SnapshotDesk& desk() { return *source_->desk(); }
  SourceNo number() const { return writer_->source().number; }

  Result<std::vector<nlohmann::json>> Events(const std::string& name) const { return EventsOf(*log_, name); }

 private:
  explicit MysqlScene(MyServer kind) : kind_(kind), dir_("headgate-mysql-") {}

  const MyServer kind_;
  TempDir dir_;
  std::unique_ptr<PrivateMysql> own_server_;  // null if it is somebody else's
  PrivateMysql* server_ = nullptr;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Source> source_;
  mutable std::shared_ptr<const SourceTelemetry> told_;
  std::stop_source stop_;
};

// Tables as events make them: by stream ("db.table") and key, or the row itself where there is no key, with how often
// it is there. What must not happen is thrown as std::runtime_error: an update without its row, a row twice.
using FoldedTables = std::map<std::string, std::map<std::string, std::pair<nlohmann::json, int>>>;
FoldedTables FoldEvents(const std::vector<nlohmann::json>& events);

}  // namespace headgate::test
