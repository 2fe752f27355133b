// What a view that others read may be replaced by.
#include <algorithm>
#include <set>

#include "core/sql/column_type.h"
#include "core/views/definition.h"
#include "core/views/index_statement.h"

namespace headgate::views {

std::string Listed(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "\"" : ", \"") + name + "\"";
  return list;
}

std::vector<std::string> ReadersOf(const NameTable& all, std::string_view name) {
  std::vector<std::string> readers;
  for (const auto& [other, definition] : all.definitions) {
    if (other != name && std::ranges::find(definition->reads, name) != definition->reads.end())
      readers.push_back(other);
  }
  return readers;
}

std::vector<std::string> AllReadersOf(const NameTable& all, std::string_view name) {
  std::vector<std::string> readers = ReadersOf(all, name);
  for (std::size_t i = 0; i < readers.size(); ++i) {
    for (std::string& next : ReadersOf(all, readers[i])) {
      if (std::ranges::find(readers, next) == readers.end()) readers.push_back(std::move(next));
    }
  }
  return readers;
}

bool IsWider(sql::Type than, sql::Type type) {
  using sql::TypeId;
  if (than.array || type.array) return false;
  return (than.Is(TypeId::kInt2) && (type.Is(TypeId::kInt4) || type.Is(TypeId::kInt8))) ||
         (than.Is(TypeId::kInt4) && type.Is(TypeId::kInt8));
}

namespace {

std::string WhyUnlike(const sql::Relation& old, const sql::Relation& made, bool wider) {
  for (std::size_t c = 0; c < old.columns.size(); ++c) {
    const sql::RelationColumn& column = old.columns[c];
    const std::string number = "column " + std::to_string(c + 1) + " is \"" + column.name + "\"";
    if (c >= made.columns.size()) return number + ", and it has none there";
    if (made.columns[c].name != column.name) return number + ", and its own is \"" + made.columns[c].name + "\"";
    if (!(made.columns[c].type == column.type) && !(wider && IsWider(column.type, made.columns[c].type)))
      return "column \"" + column.name + "\" is " + sql::Name(column.type) + ", and its own is " +
             sql::Name(made.columns[c].type);
  }
  if (old.key != made.key) return "it has another key";
  if (old.append_only != made.append_only) return old.append_only ? "it takes rows back" : "it never takes rows back";
  return "";
}

// Rows and keys of both have the same bytes for the same values.
bool SameBytes(const std::vector<sql::Type>& a, const std::vector<sql::Type>& b) {
  return std::ranges::equal(a, b, [](sql::Type x, sql::Type y) { return x == y || IsWider(x, y) || IsWider(y, x); });
}

}  // namespace

std::string Unlike(const sql::Relation& old, const sql::Relation& made) { return WhyUnlike(old, made, false); }
std::string UnlikeButWider(const sql::Relation& old, const sql::Relation& made) { return WhyUnlike(old, made, true); }

std::optional<SqlError> WhyNotReplaced(const NameTable& known, const Definition& old, const Definition& made) {
  const std::string& name = old.record.name;
  const auto refused = [](std::string code, std::string message, std::string hint) {
    return SqlError{std::move(code), std::move(message), 0, std::move(hint)};
  };
  if (std::ranges::find(made.reads, name) != made.reads.end())
    return refused("42P17", "view \"" + name + "\" would read itself", "A view reads tables, streams and other views.");
  if (const std::string lacks = LacksForIndex(old.record.indexes, made); !lacks.empty())
    return refused("2BP01", "view \"" + name + "\" cannot be replaced: " + lacks,
                   "DROP INDEX it first, or keep the columns.");
  const std::vector<std::string> readers = ReadersOf(known, name);
  if (readers.empty()) return std::nullopt;
  const std::string they_read = Listed(readers) + (readers.size() > 1 ? " read \"" : " reads \"") + name + "\"";
  if (made.record.kind != ObjectKind::kView) return refused("2BP01", they_read, "Drop them first.");
  for (const std::string& reader : AllReadersOf(known, name)) {
    if (std::ranges::find(made.reads, reader) != made.reads.end())
      return refused("42P17", "view \"" + name + "\" would read itself, by way of \"" + reader + "\"",
                     "A view reads tables, streams and other views.");
  }
  if (const std::string unlike = Unlike(*old.relation, *made.relation); !unlike.empty())
    return refused("2BP01", they_read + ", and cannot read what would replace it: " + unlike,
                   "Keep its columns and its key, put new columns behind them; or drop what reads it first.");
  NameTable then = known;
  then.definitions[name] = std::make_shared<const Definition>(made);
  for (const std::string& reader : readers) {
    const DefinitionPtr definition = known.FindDefinition(reader);
    if (definition->record.kind != ObjectKind::kQuery) continue;
    if (const Definition bound = Restore(definition->record, then); !bound.failure.empty())
      return refused("2BP01", they_read + ", and \"" + reader + "\" would fail: " + bound.failure,
                     "Name its columns, or drop it first.");
  }
  return std::nullopt;
}

Replaced ReplacedBy(std::uint32_t form, const sql::Relation& old, const sql::Relation& made) {
  Replaced replaced;
  replaced.form = form;
  replaced.rows = RowFormOf(old);
  replaced.same_shape =
      SameBytes(TypesOf(old), TypesOf(made)) && old.key == made.key && RowFormOf(old) == RowFormOf(made);
  if (UnlikeButWider(old, made).empty()) replaced.columns = static_cast<std::uint32_t>(old.columns.size());
  return replaced;
}

DefinitionPtr Narrowed(const DefinitionPtr& view, std::size_t columns) {
  auto relation = std::make_shared<sql::Relation>(*view->relation);
  relation->columns.resize(std::min(columns, relation->columns.size()));
  auto narrowed = std::make_shared<Definition>(*view);
  narrowed->relation = std::move(relation);
  return narrowed;
}

}  // namespace headgate::views
