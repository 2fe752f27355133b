#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/model/value.h"
#include "sinks/table/options.h"
#include "sinks/table/plan.h"

// What differs between the databases of a target and needs no connection. Pure.
namespace headgate::table {

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual std::string Quote(std::string_view name) const = 0;
  // The type of a column that is made for this one, without loss of any value; kConfig if there is none.
  virtual Result<std::string> TypeFor(const Column& column, bool key) const = 0;
  // Why a column that is there already cannot take every value of this one; "" if it can.
  virtual std::string Misfit(const Column& column, const TargetColumn& target, bool key) const = 0;
  virtual Literal LiteralFor(const DataType& type) const = 0;
  // Appends the value as text that the server reads. Neither null nor absent. False if the target has no such value.
  virtual bool AppendCell(std::string& out, const Value& value, const DataType& type) const = 0;

  std::string QuoteTable(const TableName& name) const { return Quote(name.schema) + "." + Quote(name.table); }
};

std::unique_ptr<Dialect> MakeDialect(Database database);

}  // namespace headgate::table
