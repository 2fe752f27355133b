#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/log/log.h"
#include "core/operators/state.h"
#include "core/views/shape.h"

namespace headgate::views {

// One row as the base keeps it.
struct Image {
  std::uint32_t version = 0;  // of the stream's schema
  Origin origin;
  std::string row;           // encoded values
  std::uint64_t copies = 1;  // of a table without a key, where rows may repeat
};
std::string EncodeImage(const Image& image);
bool DecodeImage(std::string_view bytes, Image& image);

// Where a table's images stand in the base. A table that is read anew fills the next generation beside the one that
// views see.
struct TableState {
  std::uint32_t generation = 0;  // that changes go to
  std::uint32_t shown = 0;       // that views have; 0: none, the table is being loaded for the first time
  bool loading() const { return generation != shown; }
};

// Every captured table as of the log position that the views have applied (design C-9): the one copy that all views
// share. Changes of it go into the step's write. For one thread; other threads read what is stored by way of ScanTable.
class Base {
 public:
  explicit Base(const Store& store);

  // Reads what is known of the tables.
  Status Open();

  TableState StateOf(StreamNo stream) const;
  // The snapshot of a table begins: changes go to an empty generation from now on.
  void BeginLoad(StreamNo stream);
  // It has ended, or there is none: views see what was loaded. The generation before goes with the next Save.
  void EndLoad(StreamNo stream);
  // Changes of all tables were lost: what is known of them is void until they are read anew. For good: of tables that
  // come later nothing is known either before their snapshot.
  void Lose();
  // A change may be the first of a table that no snapshot reads; then views see it from there on.
  bool MayBegin() const { return !lost_; }
  // All rows are gone: changes go to an empty generation.
  void Truncate(StreamNo stream);

  // Names keys that are about to be used. As in operators::KeyedState.
  void Load(StreamNo stream, const std::vector<std::string>& keys);
  // nullptr if there is no such row. Holds until the next call.
  const Image* Find(StreamNo stream, std::string_view key);
  void Put(StreamNo stream, std::string_view key, Image image);
  void Erase(StreamNo stream, std::string_view key);

  // Rows of one generation as stored, behind `after` in key order, until `visit` returns false.
  using Visit = std::function<bool(std::string_view key, const Image& image)>;
  static Status ScanTable(const StoreView& view, StreamNo stream, std::uint32_t generation, std::string_view after,
                          const Visit& visit);
  static Result<TableState> StoredState(const StoreView& view, StreamNo stream);

  void Save(StoreBatch& batch);
  void Forget();  // the step failed
  Status failure() const;
  void Trim(std::size_t bytes_max) { space_.Trim(bytes_max); }
  std::size_t bytes() const { return space_.bytes(); }

 private:
  struct Codec {
    void Put(std::string& out, const Image& image) const { out += EncodeImage(image); }
    bool Get(std::string_view in, Image& image) const { return DecodeImage(in, image); }
  };
  std::string KeyOf(StreamNo stream, std::string_view key) const;
  TableState& Change(StreamNo stream);

  const Store& store_;
  operators::StateSpace space_;
  operators::KeyedState<Image, Codec> images_;
  std::map<StreamNo, TableState> tables_;
  std::map<StreamNo, TableState> stored_;  // of those that changed in this step, what is stored
  std::vector<std::pair<StreamNo, std::uint32_t>> dropped_;
  bool lost_ = false;
  bool lost_stored_ = false;
};

// The key of a row: the encoded values of its key columns. Of a table without a key the whole row.
bool AppendBaseKey(std::string& out, std::string_view row, const TableSchema& schema);
// `row` with the values that it does not have taken from the columns of the same names in `old`; false if they are not
// there either. The schemas may be different versions.
bool FillAbsent(std::string& out, std::string_view row, const TableSchema& schema, std::string_view old,
                const TableSchema& old_schema);

}  // namespace headgate::views
