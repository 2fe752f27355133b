#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sinks/table/postgres_dialect.h"
#include "sinks/table/target.h"

struct pg_conn;
struct pg_result;

namespace headgate::table {

// Over libpq. Rows go as one array a column, through unnest: one round trip a statement, and each is prepared once.
class PostgresTarget final : public Target {
 public:
  explicit PostgresTarget(const Options& options) : options_(options) {}
  ~PostgresTarget() override;

  Status Connect(const std::vector<net::IpAddress>& addresses) override;
  const Dialect& dialect() const override { return dialect_; }
  bool ddl_commits() const override { return false; }
  Result<TargetPlace> TakeOver(std::string_view sink, std::string_view log_id,
                               const SinkContext::Stand& stand) override;
  Result<std::optional<TargetTable>> Describe(const TableName& name) override;
  Status ChangeSchema(const std::string& sql) override;
  Status Rollback() override;
  Status Mark() override;
  Status BackToMark() override;
  Status Write(const Batch& batch) override;
  Status Commit(const TargetPlace& kept) override;
  Result<bool> HasEvent(const TableName& name, std::string_view event_id) override;
  void Interrupt() override;

 private:
  struct FreeResult {
    void operator()(pg_result* result) const;
  };
  using ResultPtr = std::unique_ptr<pg_result, FreeResult>;
  struct Finish {
    void operator()(pg_conn* connection) const;
  };

  Error Describe(std::string_view tried, const pg_result* result) const;
  Result<ResultPtr> Run(const std::string& sql, const std::vector<std::string>& parameters, std::string_view tried);
  Result<ResultPtr> RunPrepared(const std::string& sql, const std::vector<std::string>& parameters,
                                std::string_view tried);
  // May be several statements.
  Status Execute(const std::string& sql, std::string_view tried);
  // How many rows it was about.
  Result<std::uint64_t> Change(const std::string& sql, const std::vector<std::string>& parameters,
                               const TableName& name);
  Status Begin();
  Status WriteTable(const Batch::Table& table, bool removals);
  Status UpdateRows(const Batch::Table& table, const std::vector<const Row*>& rows);
  Status MoveRow(const Batch::Table& table, const Move& move);

  const Options& options_;
  const PostgresDialect dialect_;
  std::unique_ptr<pg_conn, Finish> connection_;
  int socket_ = -1;
  std::map<std::string, std::string> prepared_;  // names by statement
  std::string bookkeeping_;                      // its table, quoted
  std::string sink_;
  std::string epoch_;
  bool began_ = false;
  bool marked_ = false;  // since it began
};

}  // namespace headgate::table
