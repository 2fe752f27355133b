#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/spec.h"
#include "core/base/clock.h"
#include "core/log/log.h"
#include "core/log/log_reader.h"
#include "core/log/store.h"
#include "core/pipeline/source.h"
#include "tests/support/child_process.h"
#include "tests/support/require.h"
#include "tests/support/shared_postgres.h"

namespace headgate::test {

// One change as it came out of the log, with its values in text form.
struct LoggedChange {
  Op op = Op::kInsert;
  std::string stream;  // schema.table, "" if none
  std::uint32_t schema = 0;
  std::uint32_t ordinal = 0;
  std::uint64_t place = 0;
  bool has_before = false;
  bool has_after = false;
  std::map<std::string, std::string> before;  // column -> Shown value
  std::map<std::string, std::string> after;
  std::string extra;
};
struct LoggedTransaction {
  Seq seq = 0;
  TransactionInfo info;
  std::vector<LoggedChange> changes;
};

// A value as text: "NULL", "absent", digits, text itself, other kinds by name and content.
std::string Shown(const Value& value);

// A PostgreSQL source on a log of its own, driven step by step as the ingest loop does. The log outlives the sources,
// so that Restart behaves like a new process.
class SourceRig {
 public:
  // Settings on top of those that reach `db`; slot and publication are named after the database.
  static Result<std::unique_ptr<SourceRig>> Create(const TestDatabase& db,
                                                   std::map<std::string, std::string> settings = {});

  // Opens a new source.
  Status Start();
  // Drops the source without a word to the server; the log stays as it is.
  void Abandon() {
    source_.reset();
    writer_.reset();
  }
  // One turn of the ingest loop.
  Status Turn();
  // Reads without storing anything, as a process would that dies before its append.
  Status ReadAndForget();
  // Turns until the condition holds; false after 20 s.
  ::testing::AssertionResult Until(const std::function<bool()>& condition);
  // Until a row of this key value ("id") of the table is the latest thing of an insert, update or read.
  ::testing::AssertionResult UntilSeen(const std::string& table, const std::string& id);

  Source& source() { return *source_; }
  LogWriter& writer() { return *writer_; }
  std::shared_ptr<const SourceTelemetry> telemetry() const { return source_->telemetry(); }
  std::map<std::string, std::string>& settings() { return settings_; }
  std::string slot() const { return settings_.at("slot_name"); }
  const config::Bound& bound() const { return bound_; }

  // Everything in the log so far.
  const std::vector<LoggedTransaction>& Read();
  std::vector<LoggedChange> Changes(const std::string& table);          // rows and truncates, in order
  std::shared_ptr<const TableSchema> Schema(const std::string& table);  // newest
  std::vector<std::string> KeyOf(
      const LoggedChange& change);  // names in key order, by the change's own schema (EventKey)
  // The table as all changes make it, by the value of its key column.
  std::map<std::string, std::map<std::string, std::string>> Fold(const std::string& table,
                                                                 const std::string& key = "id");

 private:
  SourceRig() : dir_("headgate-log-") {}

  TempDir dir_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> reader_;
  std::map<std::string, std::string> settings_;
  config::Bound bound_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<Source> source_;
  std::vector<LoggedTransaction> transactions_;
  std::stop_source stop_;
};

// The table as the server has it, in the form of SourceRig::Fold: every column as text.
Result<std::map<std::string, std::map<std::string, std::string>>> TableOf(TestDatabase& db, const std::string& table,
                                                                          const std::string& key = "id");

// A database with tables and a rig on it, for tests that need no more.
class SourceTest : public ::testing::Test {
 protected:
  // Skips the test if no server is installed. `sql` runs before the rig is made.
  void Begin(const std::string& sql, std::map<std::string, std::string> settings = {});
  void Start();
  void Run(const std::string& sql);
  void ExpectSameAsSource(const std::string& table, const std::string& key = "id");
  std::string Ask(const std::string& sql);

  std::unique_ptr<TestDatabase> db_;
  std::unique_ptr<SourceRig> rig_;
};

}  // namespace headgate::test

// Begin, and out of the test if it was skipped or failed.
#define HG_BEGIN(...)                             \
  do {                                            \
    Begin(__VA_ARGS__);                           \
    if (IsSkipped() || HasFatalFailure()) return; \
  } while (false)
