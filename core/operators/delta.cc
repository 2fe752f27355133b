#include "core/operators/delta.h"

#include <memory>
#include <utility>

#include "core/base/check.h"

namespace headgate::operators {

Delta Gather(const Delta& delta, const std::vector<std::uint32_t>& rows) {
  Delta out;
  out.batch.rows = rows.size();
  for (const sql::Column& column : delta.batch.columns)
    out.batch.columns.push_back(std::make_shared<sql::Vector>(column->Gather(rows)));
  for (const std::uint32_t row : rows) {
    out.weights.push_back(delta.weights[row]);
    out.at.push_back(delta.at[row]);
  }
  return out;
}

bool IsRow(const std::vector<sql::Type>& types, std::string_view bytes) { return sql::IsRow(bytes, types); }

void DeltaBuilder::Add(std::string_view row, std::int64_t weight, At at) {
  CHECK(rows_.Add(row));  // bytes of our own state
  Note(weight, at);
}

void DeltaBuilder::Add(const sql::Batch& batch, std::size_t row, std::int64_t weight, At at) {
  rows_.Add(batch, row);
  Note(weight, at);
}

void DeltaBuilder::AddPair(const sql::Batch* left, std::size_t left_row, const sql::Batch* right, std::size_t right_row,
                           std::int64_t weight, At at) {
  rows_.AddPair(left, left_row, right, right_row);
  Note(weight, at);
}

void DeltaBuilder::AddDatums(std::span<const sql::Datum> values, std::int64_t weight, At at) {
  rows_.AddDatums(values);
  Note(weight, at);
}

Delta DeltaBuilder::Take() {
  Delta delta;
  delta.batch = rows_.Take();
  delta.weights = std::exchange(weights_, {});
  delta.at = std::exchange(at_, {});
  return delta;
}

}  // namespace headgate::operators
