#include "connectors/postgres/relation_key.h"

#include <algorithm>

namespace headgate::postgres {
namespace {

using Key = std::vector<std::string>;

Column* Find(TableSchema& schema, const std::string& name) {
  const auto it = std::ranges::find(schema.columns, name, &Column::name);
  return it == schema.columns.end() ? nullptr : &*it;
}

Key MarkedColumns(const TableSchema& schema) {
  Key marked;
  for (const Column& column : schema.columns) {
    if (column.identity) marked.push_back(column.name);
  }
  return marked;
}

Key KeyOf(const TableSchema& schema) {
  Key key;
  for (const std::size_t i : schema.Key()) key.push_back(schema.columns[i].name);
  return key;
}

bool Contradicts(TableSchema& schema, const Key& key, const Key& marked) {
  if (std::ranges::any_of(key, [&](const std::string& name) { return Find(schema, name) == nullptr; })) return true;
  // By default exactly the primary key is marked; nothing is if there is none that can serve.
  return schema.replica_identity == 'd' && !marked.empty() && !std::ranges::is_permutation(key, marked);
}

}  // namespace

void AssignKey(TableSchema& schema, const std::vector<std::string>& catalog_key, const TableSchema* previous) {
  const Key marked = MarkedColumns(schema);
  Key key = catalog_key;
  if (key.empty() || Contradicts(schema, key, marked)) key = previous == nullptr ? Key() : KeyOf(*previous);
  if (key.empty() || Contradicts(schema, key, marked)) key = schema.replica_identity == 'f' ? Key() : marked;
  for (Column& column : schema.columns) column.key_position = 0;
  for (std::size_t i = 0; i < key.size(); ++i) Find(schema, key[i])->key_position = static_cast<std::int32_t>(i + 1);
}

}  // namespace headgate::postgres
