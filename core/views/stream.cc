#include "core/views/stream.h"

#include "core/base/check.h"
#include "core/sql/array_value.h"
#include "core/sql/column_type.h"
#include "core/sql/row_codec.h"

namespace headgate::views {
namespace {

void AddRow(Transaction& tx, RowImage image, const std::vector<sql::Type>& types, const std::string& bytes) {
  sql::RowBuilder builder(types);
  CHECK(builder.Add(bytes));  // made by Settle
  const sql::Batch row = builder.Take();
  std::string& out = tx.StartRow(image);
  for (std::size_t c = 0; c < types.size(); ++c) sql::PutDatum(out, types[c], row.columns[c]->At(0));
  tx.EndRow();
}

void Add(Transaction& tx, Op op, StreamNo stream, std::uint32_t version, const std::vector<sql::Type>& types,
         const RowChange& change) {
  for (std::int64_t n = 0; n < change.times; ++n) {
    tx.StartChange(op, stream, version, change.at.seq, change.at.ordinal);
    if (change.before) AddRow(tx, RowImage::kBefore, types, *change.before);
    if (change.after) AddRow(tx, RowImage::kAfter, types, *change.after);
    tx.EndChange();
  }
}

}  // namespace

TableSchema SchemaOf(const sql::Relation& view) {
  TableSchema schema;
  schema.table = view.name;
  schema.replica_identity = 'f';
  for (const sql::RelationColumn& column : view.columns) {
    Column& out = schema.columns.emplace_back();
    out.name = column.name;
    out.type = sql::ToColumn(column.type);
    out.nullable = !column.not_null;
    out.identity = true;
  }
  for (std::size_t i = 0; i < view.key.size(); ++i)
    schema.columns[view.key[i]].key_position = static_cast<std::int32_t>(i + 1);
  return schema;
}

void AddChanges(Transaction& tx, StreamNo stream, std::uint32_t version, const sql::Relation& view,
                const std::vector<RowChange>& changes) {
  const std::vector<sql::Type> types = TypesOf(view);
  for (const RowChange& change : changes)
    Add(tx, !change.before ? Op::kInsert : (!change.after ? Op::kDelete : Op::kUpdate), stream, version, types, change);
}

void AddContent(Transaction& tx, StreamNo stream, std::uint32_t version, const sql::Relation& view,
                const std::vector<RowChange>& rows) {
  const std::vector<sql::Type> types = TypesOf(view);
  for (const RowChange& row : rows) Add(tx, Op::kRead, stream, version, types, row);
}

}  // namespace headgate::views
