#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "core/base/result.h"
#include "core/codec/event.h"

// What format=row adds to rows beside their columns (OP-10): members such as __op, behind the columns.
namespace headgate::codec {

struct FlatOptions {
  enum class Field : std::uint8_t { kId, kOp, kSource, kSchema, kTable, kTsMs, kTxId };
  enum class Deletes : std::uint8_t { kTombstone, kRewrite };

  std::vector<Field> add_fields;
  std::string prefix = "__";
  // kRewrite: a delete is the row as it was, as far as the source tells, and every row has the member `deleted`.
  Deletes deletes = Deletes::kTombstone;

  bool empty() const { return add_fields.empty() && deletes == Deletes::kTombstone; }
};

// id, op, source, schema, table, ts_ms, tx_id. False if there is none of that name.
bool ParseFlatField(std::string_view name, FlatOptions::Field& field);
std::string_view Name(FlatOptions::Field field);

// Adds the members to rows. For one thread.
class FlatFields {
 public:
  explicit FlatFields(FlatOptions options) : options_(std::move(options)) {}
  const FlatOptions& options() const { return options_; }

  // `row` ends with a row as a JSON object of the event. kConfig if a column has the name of a member.
  Status Append(std::string& row, const EventContext& event);

 private:
  Status Check(const EventContext& event);
  void AppendValue(std::string& row, FlatOptions::Field field, const EventContext& event) const;

  const FlatOptions options_;
  std::unordered_set<std::uint64_t> checked_;  // streams and versions
};

}  // namespace headgate::codec
