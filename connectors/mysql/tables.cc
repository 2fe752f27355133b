#include "connectors/mysql/tables.h"

#include <algorithm>
#include <array>

#include "connectors/mysql/connection.h"
#include "core/base/ascii.h"
#include "core/base/wildcard.h"

namespace headgate::mysql {
namespace {

std::string Qualified(const TableName& table) { return table.database + "." + table.table; }

// _orders_gho, _orders_ghc, _orders_del of gh-ost; _orders_new, _orders_old of pt-online-schema-change.
bool IsSideTable(std::string_view table) {
  constexpr std::array<std::string_view, 5> kEnds = {"_gho", "_ghc", "_del", "_new", "_old"};
  return table.starts_with('_') &&
         std::ranges::any_of(kEnds, [&](std::string_view end) { return table.ends_with(end); });
}

// What a declaration in these words has that the catalogue forgets: BOOL, the width of an integer, JSON of MariaDB.
bool IsForgotten(std::string_view type) {
  constexpr std::array<std::string_view, 9> kTypes = {"BIGINT", "BOOL",      "BOOLEAN",  "INT",    "INTEGER",
                                                      "JSON",   "MEDIUMINT", "SMALLINT", "TINYINT"};
  return std::ranges::binary_search(kTypes, type.substr(0, type.find_first_of(" (")));
}

// By the last statement that names the column, else as before (X5).
void SetWritten(Column& column, const std::map<std::string, DeclaredColumn>* told,
                const std::optional<TableSchema>& before) {
  const auto found =
      told == nullptr ? std::map<std::string, DeclaredColumn>::const_iterator() : told->find(column.name);
  if (told != nullptr && found != told->end()) {
    const DeclaredColumn& words = found->second;
    if (IsForgotten(words.type) && !std::ranges::equal(words.type, column.type.declared, {}, LowerAscii, LowerAscii))
      column.written = words.type;
    const auto& shown = column.default_expression;
    if (words.default_value && shown != words.default_value && shown != QuoteText(*words.default_value))
      column.written_default = words.default_value;
  } else if (before) {
    const auto old = std::ranges::find(before->columns, column.name, &Column::name);
    if (old == before->columns.end() || old->type.declared != column.type.declared) return;
    column.written = old->written;
    if (old->default_expression == column.default_expression) column.written_default = old->written_default;
    if (old->type.base == "boolean" && old->written.empty()) column.written = "BOOLEAN";  // stored by an older program
  }
  if (column.type.base != "tinyint") return;
  if (column.written.starts_with("BOOL")) column.type.base = "boolean";
  if (column.written.starts_with("TINYINT(1)")) column.type.length = 1;
}

bool IsLiteral(std::string_view pattern) { return pattern.find_first_of("*?") == std::string_view::npos; }

}  // namespace

bool IsCaptured(const Options& options, const TableName& table) {
  const std::string name = Qualified(table);
  if (!MatchesAnyWildcard(options.tables, name) || MatchesAnyWildcard(options.tables_exclude, name)) return false;
  if (!IsSideTable(table.table)) return true;
  return std::ranges::any_of(options.tables,
                             [&](const std::string& pattern) { return IsLiteral(pattern) && pattern == name; });
}

Result<const TableDeclaration*> Tables::Find(const TableName& table, bool anew) {
  auto found = declared_.find(table);
  if (found == declared_.end() || anew) {
    HG_ASSIGN_OR_RETURN(auto described, describe_(table, altered_.erase(table) > 0));
    found = declared_.insert_or_assign(table, Known{std::move(described), std::nullopt}).first;
  }
  return found->second.declaration ? &*found->second.declaration : nullptr;
}

// One look answers for all that was asked of the catalogue before it.
Result<bool> Tables::Holds(const TableName& table, const LogPlace& at) {
  const Known& known = declared_.at(table);
  if (!known.holds) {
    HG_ASSIGN_OR_RETURN(const Alterations ahead, look_ahead_(at));
    for (auto& [name, other] : declared_) {
      if (!other.holds) other.holds = !ahead.Has(name);
    }
  }
  return *known.holds;
}

// False if the declaration does not help with every column.
bool Tables::Match(const TableMap& map, const TableDeclaration* declared, Shape& shape) {
  shape = {};
  bool all = declared != nullptr && declared->columns.size() == map.columns.size();
  for (std::size_t i = 0; i < map.columns.size(); ++i) {
    MapColumn stored = map.columns[i];
    const Declaration* by_name = nullptr;
    if (declared != nullptr && map.full) {
      const auto found = std::ranges::find(declared->columns, stored.name, &Declaration::name);
      if (found != declared->columns.end()) by_name = &*found;
    } else if (declared != nullptr && i < declared->columns.size()) {
      by_name = &declared->columns[i];
    }
    std::optional<ColumnPlan> plan;
    if (by_name != nullptr) plan = PlanOf(*by_name, options_.flavor);
    if (plan && !map.signs) stored.is_unsigned = plan->reader.stored.is_unsigned;
    if (!plan || !Fits(stored, *plan)) {
      all = false;
      plan = PlanOf(DeclarationOf(stored, decoder_), options_.flavor);
    }
    plan->reader.stored = stored;
    plan->reader.stored.name = plan->column.name;
    plan->column.nullable = stored.nullable;
    shape.columns.push_back(std::move(*plan));
  }
  for (const std::size_t i : map.key) shape.key.push_back(map.columns[i].name);
  if (shape.key.empty() && declared != nullptr) shape.key = declared->key;
  if (declared != nullptr) {
    shape.charset = declared->charset;
    shape.comment = declared->comment;
  }
  return all;
}

Tables::Shape Tables::ShapeOf(const TableDeclaration& declared) const {
  Shape shape;
  for (const Declaration& column : declared.columns) shape.columns.push_back(PlanOf(column, options_.flavor));
  shape.key = declared.key;
  shape.charset = declared.charset;
  shape.comment = declared.comment;
  Exclude(declared.name, shape);
  return shape;
}

void Tables::Exclude(const TableName& table, Shape& shape) const {
  shape.excluded.assign(shape.columns.size(), false);
  if (options_.columns_exclude.empty()) return;
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    shape.excluded[i] =
        MatchesAnyWildcard(options_.columns_exclude, Qualified(table) + "." + shape.columns[i].column.name);
  }
}

Result<std::uint32_t> Tables::Define(const TableName& table, StreamNo stream, const Shape& shape, std::uint64_t at,
                                     std::int64_t commit_us, std::shared_ptr<const RowTransform>& transform) {
  TableSchema schema;
  schema.database = schema.schema = table.database;
  schema.table = table.table;
  schema.replica_identity = 'f';
  schema.charset = shape.charset;
  schema.comment = shape.comment;
  const auto told = written_.find(table);
  const auto before = writer_.NewestSchema(stream);
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    if (shape.excluded[i]) continue;
    Column& column = schema.columns.emplace_back(shape.columns[i].column);
    column.identity = true;
    SetWritten(column, told == written_.end() ? nullptr : &told->second, before);
    const auto place = std::ranges::find(shape.key, column.name);
    if (place != shape.key.end()) column.key_position = static_cast<std::int32_t>(place - shape.key.begin()) + 1;
  }
  if (told != written_.end()) written_.erase(told);
  HG_ASSIGN_OR_RETURN(transform, Compile(options_.transforms, schema, before ? &*before : nullptr));
  return writer_.DefineSchema(stream, transform != nullptr ? transform->schema() : schema, at, commit_us);
}

Result<TableBinding> Tables::Bind(const TableMap& map, const LogPlace& at, std::int64_t commit_us) {
  TableBinding binding;
  const TableName table{map.database, map.table};
  if (!IsCaptured(options_, table) || muted_.contains(table)) return binding;
  HG_ASSIGN_OR_RETURN(const TableDeclaration* declared, Find(table, false));
  Shape shape;
  bool matched = Match(map, declared, shape);
  if (!matched) {
    HG_ASSIGN_OR_RETURN(declared, Find(table, true));
    matched = Match(map, declared, shape);
  }
  if (!map.full) {
    HG_ASSIGN_OR_RETURN(const bool holds, Holds(table, at));
    if (!matched || !holds) {
      if (waiting_.insert(table).second) doubtful_.insert(table);
      return binding;
    }
  }
  Exclude(table, shape);
  binding.stream = writer_.OpenStream(table.database, table.table);
  HG_ASSIGN_OR_RETURN(binding.schema,
                      Define(table, binding.stream, shape, base_ + at.Number(), commit_us, binding.transform));
  for (std::size_t i = 0; i < shape.columns.size(); ++i)
    binding.fields.push_back({std::move(shape.columns[i].reader), shape.excluded[i]});
  return binding;
}

Result<TableBinding> Tables::BindTruncated(const TableName& table, const LogPlace& at, std::int64_t commit_us) {
  TableBinding binding;
  if (!IsCaptured(options_, table) || muted_.contains(table) || waiting_.contains(table)) return binding;
  HG_ASSIGN_OR_RETURN(const auto plan, Plan(table, base_ + at.Number(), commit_us, false));
  if (!plan) return binding;
  binding.stream = plan->stream;
  binding.schema = plan->schema;
  return binding;
}

// A table that gets another name keeps the words in which its columns were declared.
void Tables::RememberWords(const Statement& statement) {
  const auto& tables = statement.tables;
  if (statement.kind == StatementKind::kRenameTable) {
    for (std::size_t i = 0; i + 1 < tables.size(); i += 2) {
      if (!IsCaptured(options_, tables[i]) || !IsCaptured(options_, tables[i + 1])) continue;
      const auto before = writer_.NewestSchema(writer_.OpenStream(tables[i].database, tables[i].table));
      if (!before) continue;
      auto& words = written_[tables[i + 1]];
      for (const Column& column : before->columns)
        words.insert_or_assign(column.name, DeclaredColumn{column.name, column.written, column.written_default});
    }
  }
  if (statement.columns.empty() || !IsCaptured(options_, tables.back())) return;
  auto& words = written_[tables.back()];
  for (const DeclaredColumn& column : statement.columns) words.insert_or_assign(column.name, column);
}

Result<std::vector<SchemaChange>> Tables::Told(const Statement& statement, std::string_view text, const LogPlace& at,
                                               std::int64_t commit_us) {
  if (statement.kind == StatementKind::kChangesRows) {
    for (const TableName& table : statement.tables) {
      if (IsCaptured(options_, table)) unlogged_.insert(table);
    }
    if (statement.tables.empty()) unlogged_.insert(TableName());
    return std::vector<SchemaChange>();
  }
  RememberWords(statement);
  for (const TableName& table : statement.tables) {
    if (statement.kind == StatementKind::kDropDatabase) {
      std::erase_if(declared_, [&](const auto& entry) { return entry.first.database == table.database; });
      std::erase_if(waiting_, [&](const TableName& waits) { return waits.database == table.database; });
    } else {
      declared_.erase(table);
      if (IsCaptured(options_, table)) altered_.insert(table);
      if (AltersColumns(statement.kind)) waiting_.erase(table);
    }
  }
  if (!options_.schema_changes) return std::vector<SchemaChange>();
  return ChangesOf(statement, text, base_ + at.Number(), commit_us);
}

Result<std::optional<TablePlan>> Tables::Plan(const TableName& table, std::uint64_t at, std::int64_t now_us,
                                              bool anew) {
  HG_ASSIGN_OR_RETURN(const TableDeclaration* declared, Find(table, anew));
  if (declared == nullptr) return std::optional<TablePlan>();
  Shape shape = ShapeOf(*declared);
  TablePlan plan;
  plan.name = table;
  plan.stream = writer_.OpenStream(table.database, table.table);
  HG_ASSIGN_OR_RETURN(plan.schema, Define(table, plan.stream, shape, at, now_us, plan.transform));
  for (std::size_t i = 0; i < shape.columns.size(); ++i) {
    if (!shape.excluded[i]) plan.columns.push_back(std::move(shape.columns[i].reader));
  }
  for (const std::string& name : declared->key) {
    const auto place = std::ranges::find(plan.columns, name, [](const auto& column) { return column.stored.name; });
    if (place != plan.columns.end()) plan.key.push_back(static_cast<std::size_t>(place - plan.columns.begin()));
  }
  if (plan.key.size() != declared->key.size()) plan.key.clear();  // a key column is excluded
  return std::optional(std::move(plan));
}

}  // namespace headgate::mysql
