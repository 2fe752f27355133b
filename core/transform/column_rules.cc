#include "core/transform/column_rules.h"

#include <algorithm>
#include <optional>

#include "core/base/wildcard.h"
#include "core/net/digest.h"

namespace headgate {
namespace {

constexpr std::size_t kHashDigits = 64;

std::size_t CharactersOf(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

bool IsText(const DataType& type) { return type.kind == TypeKind::kText || type.kind == TypeKind::kChar; }

// Text that has room for so many characters. MySQL has no key over text without a length.
void BecomeText(Column& column, std::size_t characters) {
  DataType type;
  type.kind = TypeKind::kText;
  type.family = column.type.family;
  if (type.family == TypeFamily::kMysql) {
    type.length = static_cast<std::int32_t>(std::max<std::size_t>(characters, 1));
    type.base = "varchar";
    type.declared = "varchar(" + std::to_string(type.length) + ")";
    column.charset = "utf8mb4";
  } else {
    type.base = type.declared = "text";
    type.oid = 25;
  }
  column.type = std::move(type);
  column.generated = column.auto_increment = false;
  column.written.clear();
}

bool IsHash(std::string_view text) {
  return text.size() == kHashDigits &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

class Compiler {
 public:
  Compiler(const ColumnRules& rules, const TableSchema& from, const TableSchema* previous)
      : rules_(rules), from_(from), previous_(previous), to_(from), key_(from.EventKey()) {
    for (std::size_t i = 0; i < from.columns.size(); ++i) {
      if (from.columns[i].key_position > 0) key_.push_back(i);
    }
  }

  Result<std::shared_ptr<const RowTransform>> Run() {
    HG_RETURN_IF_ERROR(LookForRenamed());
    std::vector<ColumnStep> steps(from_.columns.size());
    for (std::size_t i = 0; i < steps.size(); ++i) HG_RETURN_IF_ERROR(CompileColumn(i, steps[i]));
    if (!changed_) return std::shared_ptr<const RowTransform>();
    for (std::size_t i = 0; i < to_.columns.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (to_.columns[j].name == to_.columns[i].name)
          return Wrong("rename_columns", i, "would have the name " + to_.columns[i].name + ", as another column has");
      }
    }
    return std::make_shared<const RowTransform>(from_, std::move(steps), std::move(to_));
  }

 private:
  Error Wrong(std::string_view setting, std::size_t column, std::string_view what) const {
    return ConfigError("Setting \"" + std::string(setting) + "\": column " +
                       QualifiedColumn(from_.schema, from_.table, from_.columns[column].name) + " " +
                       std::string(what) + ".");
  }
  static bool Has(const TableSchema& schema, const std::string& column) {
    return std::ranges::find(schema.columns, column, &Column::name) != schema.columns.end();
  }
  // The setting that hides the column; "" if none does.
  std::string_view Hiding(const std::string& column) const {
    const std::string name = QualifiedColumn(from_.schema, from_.table, column);
    if (MatchesAnyWildcard(rules_.mask, name)) return "mask_columns";
    if (MatchesAnyWildcard(rules_.hash, name)) return "hash_columns";
    const bool cut =
        std::ranges::any_of(rules_.truncate, [&](const auto& rule) { return MatchesWildcard(rule.first, name); });
    return cut ? "truncate_columns" : "";
  }

  // A column that was hidden under another name would come as it is.
  Status LookForRenamed() const {
    if (previous_ == nullptr) return Ok();
    for (const Column& old : previous_->columns) {
      const std::string_view rule = Has(from_, old.name) ? "" : Hiding(old.name);
      if (rule.empty()) continue;
      for (const Column& column : from_.columns) {
        if (Has(*previous_, column.name) || !Hiding(column.name).empty()) continue;
        return ConfigError("Setting \"" + std::string(rule) + "\": column " +
                           QualifiedColumn(from_.schema, from_.table, old.name) + " is gone and " + column.name +
                           " has come, which may be the same column under another name. Name " + column.name +
                           " in the setting too, or take " + old.name + " out of it if it is another column.");
      }
    }
    return Ok();
  }

  bool IsOfKey(std::size_t column) const { return std::ranges::find(key_, column) != key_.end(); }

  Status CompileColumn(std::size_t i, ColumnStep& step) {
    const std::string name = QualifiedColumn(from_.schema, from_.table, from_.columns[i].name);
    Column& column = to_.columns[i];
    std::string_view by;  // the rule that has the column
    const auto take = [&](std::string_view rule) -> Status {
      if (!by.empty()) return Wrong(rule, i, "is in " + std::string(by) + " as well: one of them can have it");
      by = rule;
      changed_ = true;
      column.default_expression.reset();
      column.written_default.reset();
      return Ok();
    };
    if (MatchesAnyWildcard(rules_.mask, name)) {
      HG_RETURN_IF_ERROR(take("mask_columns"));
      HG_RETURN_IF_ERROR(Mask(i, column, step));
    }
    if (MatchesAnyWildcard(rules_.hash, name)) {
      HG_RETURN_IF_ERROR(take("hash_columns"));
      Hash(column, step);
    }
    for (const auto& [pattern, characters] : rules_.truncate) {
      if (!MatchesWildcard(pattern, name)) continue;
      HG_RETURN_IF_ERROR(take("truncate_columns"));
      HG_RETURN_IF_ERROR(Truncate(i, column, step, characters));
    }
    for (const auto& [from, to] : rules_.rename) {
      if (from != name) continue;
      column.name = to;
      changed_ = true;
    }
    return Ok();
  }

  Status Mask(std::size_t i, Column& column, ColumnStep& step) {
    if (IsOfKey(i)) return Wrong("mask_columns", i, "is part of the key, and rows would be the same; hash it instead");
    if (!IsText(column.type)) {
      step.kind = ColumnStep::Kind::kNull;
      column.nullable = true;
      column.value_before.reset();
      return Ok();
    }
    step.kind = ColumnStep::Kind::kText;
    step.text = rules_.mask_text;
    BecomeText(column, CharactersOf(rules_.mask_text));
    if (column.value_before) column.value_before = rules_.mask_text;
    return Ok();
  }

  void Hash(Column& column, ColumnStep& step) const {
    step.kind = ColumnStep::Kind::kHash;
    step.text = rules_.hash_key;
    BecomeText(column, kHashDigits);
    if (!column.value_before) return;
    const bool known = previous_ != nullptr && std::ranges::any_of(previous_->columns, [&](const Column& old) {
                         return old.name == column.name && old.value_before == column.value_before;
                       });
    if (!known || !IsHash(*column.value_before))
      column.value_before = net::HmacSha256Hex(rules_.hash_key, *column.value_before);
  }

  Status Truncate(std::size_t i, Column& column, ColumnStep& step, std::size_t characters) {
    if (IsOfKey(i))
      return Wrong("truncate_columns", i, "is part of the key, and rows could become the same; hash it instead");
    if (!IsText(column.type))
      return Wrong("truncate_columns", i, "is of type " + column.type.declared + ": only text can be cut");
    step.kind = ColumnStep::Kind::kTruncate;
    step.characters = characters;
    if (column.value_before) column.value_before = FirstCharacters(*column.value_before, characters);
    return Ok();
  }

  const ColumnRules& rules_;
  const TableSchema& from_;
  const TableSchema* const previous_;
  TableSchema to_;
  std::vector<std::size_t> key_;
  bool changed_ = false;
};

}  // namespace

Result<std::shared_ptr<const RowTransform>> Compile(const ColumnRules& rules, const TableSchema& schema,
                                                    const TableSchema* previous) {
  if (rules.empty()) return std::shared_ptr<const RowTransform>();
  return Compiler(rules, schema, previous).Run();
}

std::string QualifiedColumn(std::string_view schema, std::string_view table, std::string_view column) {
  std::string name(schema);
  if (!name.empty()) name += '.';
  return name.append(table).append(".").append(column);
}

}  // namespace headgate
