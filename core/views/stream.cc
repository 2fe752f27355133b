#include "core/views/stream.h"

#include "core/base/check.h"
#include "core/sql/array_value.h"
#include "core/sql/column_type.h"
#include "core/sql/row_codec.h"

namespace headgate::views {
namespace {

void AddRow(Transaction& tx, RowImage image, const std::vector<sql::Type>& types, std::string_view bytes,
            std::vector<sql::Datum>& values) {
  CHECK(sql::ReadRow(bytes, types, values));  // made by Settle
  std::string& out = tx.StartRow(image);
  for (std::size_t c = 0; c < types.size(); ++c) sql::PutDatum(out, types[c], values[c]);
  tx.EndRow();
}

void Add(Transaction& tx, Op op, StreamNo stream, std::uint32_t version, const std::vector<sql::Type>& types,
         const RowChange& change, std::vector<sql::Datum>& values) {
  for (std::int64_t n = 0; n < change.times; ++n) {
    tx.StartChange(op, stream, version, change.at.seq, change.at.ordinal);
    if (change.before) AddRow(tx, RowImage::kBefore, types, *change.before, values);
    if (change.after) AddRow(tx, RowImage::kAfter, types, *change.after, values);
    tx.EndChange();
  }
}

void AddAdded(Transaction& tx, StreamNo stream, std::uint32_t version, const std::vector<sql::Type>& types,
              const operators::Delta& delta, std::size_t row) {
  for (std::int64_t n = 0; n < delta.weights[row]; ++n) {
    tx.StartChange(Op::kInsert, stream, version, delta.at[row].seq, delta.at[row].ordinal);
    std::string& out = tx.StartRow(RowImage::kAfter);
    for (std::size_t c = 0; c < types.size(); ++c) sql::PutDatum(out, types[c], delta.batch.columns[c]->At(row));
    tx.EndRow();
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

void AddChange(Transaction& tx, StreamNo stream, std::uint32_t version, const sql::Relation& view,
               const ViewChange& change) {
  const std::vector<sql::Type> types = TypesOf(view);
  std::vector<sql::Datum> values;
  for (const RowChange& row : change.changes) {
    const Op op = !row.before ? Op::kInsert : (!row.after ? Op::kDelete : Op::kUpdate);
    Add(tx, op, stream, version, types, row, values);
  }
  for (const RowPlace& place : InLogOrder(change.added))
    AddAdded(tx, stream, version, types, change.added[place.delta], place.row);
}

void AddContent(Transaction& tx, StreamNo stream, std::uint32_t version, const sql::Relation& view,
                const ViewChange& content) {
  const std::vector<sql::Type> types = TypesOf(view);
  std::vector<sql::Datum> values;
  for (const RowChange& row : content.changes) Add(tx, Op::kRead, stream, version, types, row, values);
}

}  // namespace headgate::views
