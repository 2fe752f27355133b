#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/model/change.h"
#include "core/sql/row_codec.h"
#include "core/sql/vector.h"

namespace headgate::operators {

// A piece of a change: rows, how often each comes (positive) or goes (negative), and the log place that caused it. The
// same row may stand in several places; nothing is consolidated unless a function says so.
struct Delta {
  sql::Batch batch;
  std::vector<std::int64_t> weights;
  std::vector<At> at;

  std::size_t rows() const { return batch.rows; }
};

// The rows listed, in that order.
Delta Gather(const Delta& delta, const std::vector<std::uint32_t>& rows);

// Whether the bytes are a row of these types.
bool IsRow(const std::vector<sql::Type>& types, std::string_view bytes);

// Builds pieces of up to kPieceRows rows.
inline constexpr std::size_t kPieceRows = 2048;

class DeltaBuilder {
 public:
  explicit DeltaBuilder(std::vector<sql::Type> types) : rows_(std::move(types)) {}

  std::size_t rows() const { return rows_.rows(); }
  bool full() const { return rows_.rows() >= kPieceRows; }
  void Add(std::string_view row, std::int64_t weight, At at);
  void Add(const sql::Batch& batch, std::size_t row, std::int64_t weight, At at);
  void AddPair(const sql::Batch* left, std::size_t left_row, const sql::Batch* right, std::size_t right_row,
               std::int64_t weight, At at);
  void AddDatums(std::span<const sql::Datum> values, std::int64_t weight, At at);
  Delta Take();

 private:
  void Note(std::int64_t weight, At at) {
    weights_.push_back(weight);
    at_.push_back(at);
  }

  sql::RowBuilder rows_;
  std::vector<std::int64_t> weights_;
  std::vector<At> at_;
};

}  // namespace headgate::operators
