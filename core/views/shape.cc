#include "core/views/shape.h"

#include <algorithm>
#include <utility>

#include "core/sql/array_value.h"
#include "core/sql/function.h"
#include "core/sql/numeric.h"

namespace headgate::views {
namespace {

constexpr std::size_t kNowhere = ~std::size_t{0};

bool InRange(sql::Type type, std::int64_t value) {
  if (type.Is(sql::TypeId::kInt8)) return true;
  return type.Is(sql::TypeId::kInt4) ? std::in_range<std::int32_t>(value) : std::in_range<std::int16_t>(value);
}

// The common kinds without a detour; the others through a datum.
bool Put(const Value& value, sql::Type type, sql::Vector& out, std::size_t row, sql::Arena& arena) {
  switch (value.kind) {
    case ValueKind::kNull:
    case ValueKind::kAbsent:
      out.SetNull(row);
      return true;
    case ValueKind::kInt:
      if (!IsInteger(type)) break;
      if (!InRange(type, value.i)) {  // the table's column has become wider
        out.SetNull(row);
        return false;
      }
      out.ints[row] = value.i;
      return true;
    case ValueKind::kDouble:
    case ValueKind::kFloat:
      if (out.physical != sql::Physical::kDouble) break;
      out.doubles[row] = value.d;
      return true;
    case ValueKind::kText:
      if (!type.Is(sql::TypeId::kText) && !type.Is(sql::TypeId::kVarchar)) break;
      out.strings[row] = arena.Keep(value.text);
      return true;
    case ValueKind::kDate:
      if (!type.Is(sql::TypeId::kDate)) break;
      out.ints[row] = value.i;
      return true;
    case ValueKind::kTimestamp:
      if (!type.Is(sql::TypeId::kTimestamp)) break;
      out.ints[row] = value.i;
      return true;
    case ValueKind::kTimestampTz:
      if (!type.Is(sql::TypeId::kTimestampTz)) break;
      out.ints[row] = value.i;
      return true;
    default:
      break;
  }
  bool fits = true;
  const sql::Datum datum = sql::FromValue(value, type, fits);
  if (datum.null) {
    out.SetNull(row);
  } else {
    out.Set(row, datum, arena);
  }
  return fits;
}

bool HasKey(const TableSchema& schema) {
  return std::ranges::any_of(schema.columns, [](const Column& column) { return column.key_position > 0; });
}

}  // namespace

bool IsEventStream(const Registry& registry, StreamNo stream) {
  const StreamInfo* info = registry.Stream(stream);
  const SourceInfo* source = info == nullptr ? nullptr : registry.Source(info->source);
  if (source == nullptr) return false;
  if (source->connector != "kafka") return source->connector == "http";
  const TableSchema* schema = registry.Schema(stream, registry.LatestVersion(stream));
  return schema != nullptr && !HasKey(*schema);
}

bool IsTopicTable(const Registry& registry, StreamNo stream) {
  const StreamInfo* info = registry.Stream(stream);
  const SourceInfo* source = info == nullptr ? nullptr : registry.Source(info->source);
  return source != nullptr && source->connector == "kafka" && !IsEventStream(registry, stream);
}

void AddHiddenColumns(sql::Relation& relation) {
  using sql::TypeId;
  for (const auto& [name, type] :
       {std::pair{"_seq", TypeId::kInt8}, std::pair{"_ordinal", TypeId::kInt4}, std::pair{"_op", TypeId::kText},
        std::pair{"_commit_at", TypeId::kTimestampTz}, std::pair{"_stored_at", TypeId::kTimestampTz}})
    relation.columns.push_back({name, type, true, true});
}

sql::Relation RelationOf(const StreamInfo& stream, const TableSchema& schema, bool events) {
  sql::Relation relation;
  relation.name = stream.name;
  relation.id = stream.number;
  relation.append_only = events;
  for (const Column& column : schema.columns)
    relation.columns.push_back(
        {column.name, sql::FromColumn(column.type), !column.nullable, false, column.value_before});
  if (!events) relation.key = schema.EventKey();
  AddHiddenColumns(relation);
  return relation;
}

std::vector<sql::Type> AllTypesOf(const sql::Relation& relation) {
  std::vector<sql::Type> types;
  for (const sql::RelationColumn& column : relation.columns) types.push_back(column.type);
  return types;
}

std::size_t VisibleColumns(const sql::Relation& relation) {
  return static_cast<std::size_t>(
      std::ranges::count_if(relation.columns, [](const sql::RelationColumn& column) { return !column.hidden; }));
}

StreamRows::StreamRows(const sql::Relation& relation, const std::vector<bool>& needed)
    : relation_(relation), needed_(needed), visible_(VisibleColumns(relation)) {
  sql::EvalContext context;
  for (std::size_t c = 0; c < visible_; ++c) {
    const sql::RelationColumn& column = relation.columns[c];
    if (column.value_before) values_before_[c] = sql::FromText(column.type, *column.value_before, context);
  }
  Start();
}

void StreamRows::Start() {
  arena_ = std::make_shared<sql::Arena>();
  columns_.clear();
  for (std::size_t c = 0; c < relation_.columns.size(); ++c) {
    columns_.push_back(needed_[c] ? std::make_shared<sql::Vector>(PhysicalOf(relation_.columns[c].type), 0) : nullptr);
  }
}

const std::vector<std::size_t>& StreamRows::TargetsOf(std::uint32_t version, const TableSchema& schema) {
  const auto [found, added] = targets_.try_emplace(version);
  if (!added) return found->second;
  for (const Column& column : schema.columns) {
    std::size_t target = kNowhere;
    for (std::size_t c = 0; c < visible_; ++c) {
      if (relation_.columns[c].name == column.name && needed_[c]) target = c;
    }
    found->second.push_back(target);
  }
  return found->second;
}

bool StreamRows::Add(std::string_view row, std::uint32_t version, const TableSchema& schema, const Origin& origin,
                     std::int64_t weight, At changed_at) {
  const std::vector<std::size_t>& targets = TargetsOf(version, schema);
  const std::size_t at = rows();
  values_.clear();
  ByteReader in(row);
  while (!in.done() && !in.failed() && values_.size() < targets.size()) values_.push_back(ReadValue(in));
  if (in.failed() || !in.done() || values_.size() != targets.size()) return false;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c] != nullptr) columns_[c]->Resize(at + 1);
  }
  std::size_t filled = 0;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (targets[i] == kNowhere) continue;
    ++filled;
    if (!Put(values_[i], relation_.columns[targets[i]].type, *columns_[targets[i]], at, *arena_)) ++misfits_;
  }
  if (filled < visible_) {  // columns that this version does not have
    for (std::size_t c = 0; c < visible_; ++c) {
      if (columns_[c] != nullptr && std::ranges::find(targets, c) == targets.end()) AddMissing(c, at);
    }
  }
  AddHidden(origin);
  weights_.push_back(weight);
  at_.push_back(changed_at);
  return true;
}

void StreamRows::AddMissing(std::size_t column, std::size_t at) {
  const auto value = values_before_.find(column);
  if (value == values_before_.end() || value->second.null) {
    columns_[column]->SetNull(at);
  } else {
    columns_[column]->Set(at, value->second, *arena_);
  }
}

void StreamRows::AddHidden(const Origin& origin) {
  const std::size_t at = rows();
  const auto put = [&](std::size_t which, std::int64_t value) {
    if (columns_[visible_ + which] != nullptr) columns_[visible_ + which]->ints[at] = value;
  };
  put(0, static_cast<std::int64_t>(origin.at.seq));
  put(1, origin.at.ordinal);
  if (columns_[visible_ + 2] != nullptr) columns_[visible_ + 2]->strings[at] = Name(origin.op);
  put(3, origin.commit_us - kEpoch2000Us);
  put(4, origin.stored_us - kEpoch2000Us);
}

operators::Delta StreamRows::Take() {
  operators::Delta delta;
  delta.batch.rows = rows();
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c] == nullptr) {
      delta.batch.columns.push_back(
          std::make_shared<const sql::Vector>(sql::Vector::Constant(relation_.columns[c].type, sql::Datum::Null())));
      continue;
    }
    if (columns_[c]->physical == sql::Physical::kString) columns_[c]->owners.push_back(arena_);
    delta.batch.columns.push_back(std::move(columns_[c]));
  }
  delta.weights = std::exchange(weights_, {});
  delta.at = std::exchange(at_, {});
  Start();
  return delta;
}

}  // namespace headgate::views
