#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/log/store.h"
#include "core/operators/state.h"
#include "core/sql/relation.h"
#include "core/views/row_indexes.h"
#include "core/views/settle.h"

namespace headgate::views {

// The stored rows of one form of a view. Changes go into the step's write. For one thread; others read by Scan and Get.
class ViewRows {
 public:
  ViewRows(const Store& store, std::uint32_t form, const sql::Relation& view);

  Status Open();
  // Who writes the rows: Apply, or the view's last grouping (operators::Graph), which has its place for that.
  enum class Owner : std::uint8_t { kChanges, kState };
  void SetOwner(Owner owner) { owner_ = owner; }
  operators::StatePlace place() { return {&space_, prefix_}; }
  // `now_us`: log time, for retention.
  void Apply(const ViewChange& change, std::int64_t now_us, StoreBatch& batch);
  // kBlocks: drops whole blocks that were written before `before_us`; how many rows that was.
  Result<std::uint64_t> Expire(std::int64_t before_us, StoreBatch& batch);
  // kBlocks: takes blocks of another form over, those behind `cursor`, some at a time. Their rows have its `columns`
  // columns, the first ones of this one's; the others are NULL.
  struct Carried {
    std::uint64_t rows = 0;
    std::string cursor;
    bool last = false;
  };
  Result<Carried> Carry(const StoreView& view, std::uint32_t form, std::size_t columns, const std::string& cursor,
                        StoreBatch& batch);
  void Save(StoreBatch& batch) { space_.Save(batch); }
  // Of a step whose changes come in pieces, no row twice: behind each of them, so that it need not stay in memory.
  void SavePiece(StoreBatch& batch);
  void Committed();
  // The indexes that Apply and Expire keep.
  void SetIndexes(std::vector<RowIndexes::Kept> indexes) { indexes_.Set(std::move(indexes)); }
  // Entries of some of the rows behind `cursor`, which moves; whether it has come to the end.
  Result<bool> BuildIndex(std::uint32_t number, std::string& cursor, StoreBatch& batch);
  void Forget();
  Status failure() const;
  void SetMax(std::size_t bytes) { space_.SetMax(bytes); }
  void Trim(std::size_t bytes_max) { space_.Trim(bytes_max); }
  std::size_t bytes() const { return space_.bytes(); }

  // All rows of the form go.
  static void Drop(std::uint32_t form, StoreBatch& batch);

  // `cursor` names the row's place: give it as `after` to go on behind it. In key order, or that of arrival.
  struct Stored {
    std::string cursor;
    std::string_view row;
    std::int64_t copies = 1;
  };
  using Visit = std::function<bool(const Stored& row)>;
  static Status Scan(const StoreView& view, std::uint32_t form, RowForm kind, std::string_view after,
                     const Visit& visit);
  // Rows that the index has from `from` on, below `to` ("" for the end), in its order. Their cursors are for `from`,
  // with a zero byte behind.
  static Status ScanIndex(const StoreView& view, std::uint32_t form, RowForm kind, std::uint32_t index,
                          std::string_view from, std::string_view to, const Visit& visit);
  // Rows whose key begins with `from` or is larger, below `to` ("" for the end). Not for kBlocks.
  static Status ScanKeys(const StoreView& view, std::uint32_t form, RowForm kind, std::string_view from,
                         std::string_view to, const Visit& visit);

 private:
  void ApplyBlocks(const std::vector<operators::Delta>& added, std::int64_t now_us, StoreBatch& batch);
  void ApplyKeyed(const std::vector<RowChange>& changes, StoreBatch& batch);
  void ApplyCounted(const std::vector<RowChange>& changes, StoreBatch& batch);

  const Store& store_;
  std::string prefix_;
  RowForm kind_;
  Owner owner_ = Owner::kChanges;
  std::vector<sql::Type> types_;
  std::uint64_t next_block_ = 1;
  std::uint64_t next_block_stored_ = 1;
  std::uint64_t first_block_ = 1;  // none before it is there
  std::uint64_t first_block_stored_ = 1;
  operators::StateSpace space_;
  operators::KeyedState<std::string> counted_;  // count and row, by key and row
  RowIndexes indexes_;
};

}  // namespace headgate::views
