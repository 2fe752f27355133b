#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/table/mysql_dialect.h"
#include "sinks/table/target.h"

struct st_mysql;

namespace headgate::table {

// MySQL and MariaDB, over the C client. Rows go in statements of many rows.
class MysqlTarget final : public Target {
 public:
  explicit MysqlTarget(const Options& options) : options_(options), dialect_(options.database) {}
  ~MysqlTarget() override;

  Status Connect(const std::vector<net::IpAddress>& addresses) override;
  const Dialect& dialect() const override { return dialect_; }
  bool ddl_commits() const override { return true; }
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
  struct Close {
    void operator()(st_mysql* client) const;
  };
  using Rows = std::vector<std::vector<std::string>>;

  Status Dial(const std::string& host);
  Status CheckPeer(const std::vector<net::IpAddress>& addresses);
  Error Describe(std::string_view tried) const;
  // How many rows it was about.
  Result<std::uint64_t> Run(std::string_view sql, std::string_view tried);
  Status Execute(std::string_view sql, std::string_view tried);
  Result<Rows> Query(std::string_view sql, std::string_view tried);
  Status Begin();
  Status WriteTable(const Batch::Table& table, bool removals);
  Status Remove(const Batch::Table& table, const std::vector<const Row*>& rows);
  Status Insert(const Batch::Table& table, const std::vector<const Row*>& rows);
  Status Update(const Batch::Table& table, const Row& row);
  Status MoveRow(const Batch::Table& table, const Move& move);
  void AppendCell(std::string& sql, const Batch::Table& table, std::size_t first, std::size_t column) const;
  void AppendKeyIs(std::string& sql, const Batch::Table& table, std::size_t first) const;
  std::string InsertTail(const TablePlan& plan) const;

  const Options& options_;
  const MysqlDialect dialect_;
  std::unique_ptr<st_mysql, Close> client_;
  int socket_ = -1;
  std::size_t statement_max_ = 1 << 20;
  std::string bookkeeping_;  // its table, quoted
  std::string sink_;
  std::string epoch_;
  bool began_ = false;
};

}  // namespace headgate::table
