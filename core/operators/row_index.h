#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/operators/state.h"
#include "core/sql/type.h"

namespace headgate::operators {

// The rows of one key: while they are few all of them in one value, so that one read brings them; else each by itself,
// and here their number.
class RowGroup {
 public:
  // A value from the store; false if it makes no sense.
  bool Read(std::string_view value, const std::vector<sql::Type>& types);
  const std::string& bytes() const { return bytes_; }
  bool many() const { return bytes_[0] == '\0'; }

 private:
  friend class RowIndex;
  // Rows, each its weight (never 0, so that no row begins with a zero byte) and its bytes; or 0 and a number of rows.
  std::string bytes_;
};

struct RowGroupCodec {
  std::vector<sql::Type> types;
  void Put(std::string& out, const RowGroup& group) const { out += group.bytes(); }
  bool Get(std::string_view in, RowGroup& group) const { return group.Read(in, types); }
};

// Encoded rows with their weights, by key. No key is the beginning of another (keys of core/sql/key.h never are).
// Weights may be negative for a while. Rows of weight 0 are not there.
class RowIndex {
  using Many = OrderedState<std::int64_t>;

 public:
  // Takes two parts of the place.
  RowIndex(const StatePlace& place, std::vector<sql::Type> types);

  // What is there of these keys, and the rows where they are few. In any order, repetitions allowed.
  void Load(std::span<const std::string> keys) { few_.Load(keys); }
  // What Add needs of these rows of these keys.
  void LoadRows(std::span<const EntryPlace> rows);

  // The rows of one key; good until the next Add.
  class Rows {
   public:
    Rows() = default;
    bool empty() const { return group_ == nullptr; }

   private:
    friend class RowIndex;
    RowGroup* group_ = nullptr;
    std::string_view key_;
  };
  // The key lives as long as the rows are looked at.
  Rows Find(std::string_view key);

  // Goes through rows, in an order that only depends on what is there and how it came. Of many the bytes of a row are
  // good until the next one.
  class Cursor {
   public:
    Cursor(RowIndex& index, const Rows& rows);
    bool Next(std::string_view& row, std::int64_t& weight);

   private:
    ByteReader few_{{}};
    std::optional<Many::Walk> many_;
  };

  void Add(const EntryPlace& row, std::int64_t weight);

 private:
  static constexpr std::size_t kFewBytes =
      1024;  // what a change of one row rewrites at most, unless it is the only one

  void AddFew(RowGroup& group, const EntryPlace& row, std::int64_t weight);
  void AddMany(RowGroup& group, const EntryPlace& row, std::int64_t weight);
  void Spread(RowGroup& group, const std::string& key);

  KeyedState<RowGroup, RowGroupCodec> few_;
  Many many_;
};

}  // namespace headgate::operators
