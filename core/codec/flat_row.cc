#include "core/codec/flat_row.h"

#include <algorithm>
#include <utility>

#include "core/codec/json_text.h"
#include "core/model/position.h"

namespace headgate::codec {
namespace {

constexpr std::pair<std::string_view, FlatOptions::Field> kFields[] = {
    {"id", FlatOptions::Field::kId},         {"op", FlatOptions::Field::kOp},
    {"source", FlatOptions::Field::kSource}, {"schema", FlatOptions::Field::kSchema},
    {"table", FlatOptions::Field::kTable},   {"ts_ms", FlatOptions::Field::kTsMs},
    {"tx_id", FlatOptions::Field::kTxId},
};
constexpr std::string_view kDeleted = "deleted";

}  // namespace

bool ParseFlatField(std::string_view name, FlatOptions::Field& field) {
  const auto* const known = std::ranges::find(kFields, name, [](const auto& one) { return one.first; });
  if (known == std::end(kFields)) return false;
  field = known->second;
  return true;
}

std::string_view Name(FlatOptions::Field field) {
  return std::ranges::find(kFields, field, [](const auto& one) { return one.second; })->first;
}

Status FlatFields::Check(const EventContext& event) {
  if (!checked_.insert((std::uint64_t{event.change->stream} << 32) | event.change->schema).second) return Ok();
  const auto taken = [&](std::string_view name) {
    return std::ranges::any_of(event.schema->columns, [&](const Column& column) {
      return column.name == options_.prefix + std::string(name);
    });
  };
  std::string_view twice = options_.deletes == FlatOptions::Deletes::kRewrite && taken(kDeleted) ? kDeleted : "";
  for (const auto field : options_.add_fields) {
    if (taken(Name(field))) twice = Name(field);
  }
  if (twice.empty()) return Ok();
  checked_.clear();
  return ConfigError("table " + event.schema->table + " has a column " + options_.prefix + std::string(twice) +
                     ", as a field that is added: choose another add_fields_prefix");
}

Status FlatFields::Append(std::string& row, const EventContext& event) {
  HG_RETURN_IF_ERROR(Check(event));
  bool first = row.size() > 1 && row[row.size() - 2] == '{';
  row.pop_back();
  const auto start = [&](std::string_view name) {
    if (!std::exchange(first, false)) row.push_back(',');
    AppendJsonString(row, options_.prefix + std::string(name));
    row.push_back(':');
  };
  for (const auto field : options_.add_fields) {
    start(Name(field));
    AppendValue(row, field, event);
  }
  if (options_.deletes == FlatOptions::Deletes::kRewrite) {
    start(kDeleted);
    row += event.change->op == Op::kDelete ? "true" : "false";
  }
  row.push_back('}');
  return Ok();
}

void FlatFields::AppendValue(std::string& row, FlatOptions::Field field, const EventContext& event) const {
  switch (field) {
    case FlatOptions::Field::kId:
      return AppendJsonString(row,
                              EventId(event.source_id, event.tx->epoch, event.tx->position, event.change->ordinal));
    case FlatOptions::Field::kOp:
      return AppendJsonString(row, headgate::Name(event.change->op));
    case FlatOptions::Field::kSource:
      return AppendJsonString(row, event.source_name);
    case FlatOptions::Field::kSchema:
      return AppendJsonString(row, event.schema->schema);
    case FlatOptions::Field::kTable:
      return AppendJsonString(row, event.schema->table);
    case FlatOptions::Field::kTsMs:
      return AppendInt(row, event.tx->commit_us / 1'000);
    case FlatOptions::Field::kTxId:
      if (event.tx->id.empty()) {
        row += "null";
      } else {
        AppendJsonString(row, event.tx->id);
      }
  }
}

}  // namespace headgate::codec
