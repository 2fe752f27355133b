#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "core/log/store.h"
#include "core/pipeline/source.h"
#include "tests/support/private_mysql.h"

namespace headgate::test {

inline const std::filesystem::path kMyGoldenRoot = HG_MYSQL_GOLDEN_DIR;

struct MyGoldenScript {
  std::string changes = "changes.sql";   // the file of statements while streaming
  std::vector<std::string> server = {};  // settings of the server's command line
};

// A server, a source that captures the database g, and its place in a log: schema.sql and rows.sql, a snapshot,
// the changes while it streams. The log stores typed values, so that one run serves every option set.
class MyGoldenRun {
 public:
  // kConfig if the server is not installed.
  static Result<std::unique_ptr<MyGoldenRun>> Make(MyServer kind, const MyGoldenScript& script = {});

  std::filesystem::path root() const { return kMyGoldenRoot / NameOf(kind_); }
  const PrivateMysql& server() const { return *server_; }
  const Log& log() const { return *log_; }
  SourceNo source() const { return writer_->source().number; }

 private:
  explicit MyGoldenRun(MyServer kind) : kind_(kind), dir_("headgate-golden-") {}
  Status Perform(const MyGoldenScript& script);
  Status OpenSource();
  // Until everything that the server has written is durable, and the snapshot done.
  Status CatchUp(MyClient& client);

  const MyServer kind_;
  TempDir dir_;
  std::unique_ptr<PrivateMysql> server_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Source> source_;
  std::stop_source stop_;
};

}  // namespace headgate::test
