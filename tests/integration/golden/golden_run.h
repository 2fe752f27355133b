#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/codec/event.h"
#include "core/log/log.h"
#include "core/log/log_reader.h"
#include "core/log/store.h"
#include "core/pipeline/source.h"
#include "tests/integration/golden/golden_replay.h"
#include "tests/support/child_process.h"
#include "tests/support/private_postgres.h"

namespace headgate::test {

// A PostgreSQL source with its own place in the log.
class GoldenSource {
 public:
  static Result<std::unique_ptr<GoldenSource>> Open(Log& log, const PrivatePostgres& server, std::string name,
                                                    std::map<std::string, std::string> settings);
  // Turns as the ingest loop does until everything up to this LSN is durable and the phase is streaming.
  Status Until(std::uint64_t lsn);
  SourceNo number() const { return writer_->source().number; }

 private:
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Source> source_;
  std::stop_source stop_;
};

// One run of the golden statements against a real server: schema.sql and rows.sql, a snapshot by the PostgreSQL source
// into a log, changes.sql while it streams. The log stores typed values, so that one run serves every option set.
class GoldenRun {
 public:
  struct Script {
    std::vector<std::string> schema;
    std::vector<std::string> rows;     // before the snapshot
    std::vector<std::string> changes;  // while streaming
  };
  static constexpr const char* kDatabase = "gold";

  // kConfig if PostgreSQL is not installed. `extra` runs behind the files.
  static Result<std::unique_ptr<GoldenRun>> Make(const std::filesystem::path& root, const Script& extra);

  // Tables that this machine's server cannot have, because an extension is missing.
  const std::set<std::string>& left_out() const { return left_out_; }
  // The same as topics of the golden sets.
  std::vector<std::string> LeftOutTopics() const;

  using Phase = GoldenPhase;
  // See ReplayGolden. Of the source that reads through partition roots if `roots`.
  using Captured = GoldenCaptured;
  using See = GoldenSee;
  Status Replay(Phase phase, bool roots, const Captured& captured, const See& see) const;

 private:
  GoldenRun() : dir_("headgate-golden-") {}
  Status Perform(const std::filesystem::path& root, const Script& extra);
  Status Load(const Script& script);
  Status Stream(const std::vector<std::string>& statements);
  Status CatchUp(PgClient& client);

  TempDir dir_;
  std::unique_ptr<PrivatePostgres> server_;
  std::set<std::string> left_out_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<GoldenSource> source_;
  std::unique_ptr<GoldenSource> roots_;
};

}  // namespace headgate::test
