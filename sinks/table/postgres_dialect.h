#pragma once

#include "sinks/table/dialect.h"

namespace headgate::table {

class PostgresDialect final : public Dialect {
 public:
  std::string Quote(std::string_view name) const override;
  Result<std::string> TypeFor(const Column& column, bool key) const override;
  std::string Misfit(const Column& column, const TargetColumn& target, bool key) const override;
  Literal LiteralFor(const DataType& type) const override;
  bool AppendCell(std::string& out, const Value& value, const DataType& type) const override;
};

}  // namespace headgate::table
