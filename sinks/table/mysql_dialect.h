#pragma once

#include "sinks/table/dialect.h"

namespace headgate::table {

class MysqlDialect final : public Dialect {
 public:
  explicit MysqlDialect(Database flavor) : flavor_(flavor) {}

  std::string Quote(std::string_view name) const override;
  Result<std::string> TypeFor(const Column& column, bool key) const override;
  std::string Misfit(const Column& column, const TargetColumn& target, bool key) const override;
  Literal LiteralFor(const DataType& type) const override;
  bool AppendCell(std::string& out, const Value& value, const DataType& type) const override;

 private:
  std::string KeyText(std::string_view type) const;

  const Database flavor_;
};

}  // namespace headgate::table
