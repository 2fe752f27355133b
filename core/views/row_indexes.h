#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/log/store.h"
#include "core/sql/row_codec.h"
#include "core/views/settle.h"

namespace headgate::views {

struct ViewIndex;

// The columns of the index in the relation, nothing if it lacks one.
std::optional<std::vector<std::size_t>> PlacesOf(const ViewIndex& index, const sql::Relation& relation);

// The entries of the indexes of one form of a view (docs/adr/0017): of each row the values of the index's columns
// (sql::AppendKey), then its place among the rows (ViewRows::Stored::cursor of a scan) -> the length of the place. They
// lie beside the form's state and go with it, and change in the write in which the rows do. Of the views' thread;
// others read by Scan.
class RowIndexes {
 public:
  RowIndexes(std::uint32_t form, const std::vector<sql::Type>& types) : form_(form), types_(types), one_(types) {}

  struct Kept {
    std::uint32_t number = 0;
    std::vector<std::size_t> columns;
  };
  void Set(std::vector<Kept> indexes) { indexes_ = std::move(indexes); }
  bool empty() const { return indexes_.empty(); }

  // Of rows with a key, which is their place.
  void Apply(const std::vector<RowChange>& changes, StoreBatch& batch);
  // Of all indexes; `row` in the form of sql::EncodeRow.
  void Put(std::string_view row, std::string_view place, StoreBatch& batch);
  void Delete(std::string_view row, std::string_view place, StoreBatch& batch);
  void Put(const sql::Batch& rows, std::size_t row, std::string_view place, StoreBatch& batch);
  // Of one.
  void PutOf(std::uint32_t number, std::string_view row, std::string_view place, StoreBatch& batch);

  static void Drop(std::uint32_t form, std::uint32_t number, StoreBatch& batch);

  // The entries from `from` on, below `to` ("" for the end): without form and number.
  using Visit = std::function<bool(std::string_view entry, std::string_view place)>;
  static Status Scan(const StoreView& view, std::uint32_t form, std::uint32_t number, std::string_view from,
                     std::string_view to, const Visit& visit);

 private:
  std::string KeyOf(const Kept& index, const sql::Batch& rows, std::size_t row) const;
  static void PutEntry(std::string key, std::string_view place, StoreBatch& batch);
  static void DeleteEntry(std::string key, std::string_view place, StoreBatch& batch);
  sql::Batch Read(std::string_view row);

  std::uint32_t form_;
  std::vector<sql::Type> types_;
  sql::RowBuilder one_;
  std::vector<Kept> indexes_;
};

}  // namespace headgate::views
