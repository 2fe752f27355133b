#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/sql/datum.h"

namespace headgate::sql {

// Bytes that live as long as the last vector that points into them.
class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  char* Allocate(std::size_t bytes);
  std::string_view Keep(std::string_view bytes);
  std::size_t bytes() const { return total_; }

 private:
  static constexpr std::size_t kBlock = 16 * 1024;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::size_t total_ = 0;
};

// The rows an evaluation looks at: all of [0, size), or those listed, in ascending order.
class Rows {
 public:
  explicit Rows(std::size_t size) : size_(size) {}
  explicit Rows(const std::vector<std::uint32_t>& listed) : listed_(&listed), size_(listed.size()) {}
  std::size_t size() const { return size_; }
  bool all() const { return listed_ == nullptr; }
  std::uint32_t operator[](std::size_t i) const {
    return listed_ == nullptr ? static_cast<std::uint32_t>(i) : (*listed_)[i];
  }

 private:
  const std::vector<std::uint32_t>* listed_ = nullptr;
  std::size_t size_ = 0;
};

// One column of values. Exactly one of the data members is in use, by `physical`; it holds `size` elements, or one if
// the vector is constant. `nulls` is empty if no value is NULL, else as long as the data. Strings point into memory
// that `owners` keep alive.
struct Vector {
  Physical physical = Physical::kInt;
  bool constant = false;
  std::vector<std::uint8_t> nulls;
  std::vector<std::uint8_t> bools;
  std::vector<std::int64_t> ints;
  std::vector<double> doubles;
  std::vector<Wide> wides;
  std::vector<std::string_view> strings;
  std::vector<std::shared_ptr<const void>> owners;

  Vector() = default;
  Vector(Physical form, std::size_t size) : physical(form) { Resize(size); }

  void Resize(std::size_t size);
  std::size_t size() const;  // elements, 1 if constant
  bool has_nulls() const { return !nulls.empty(); }
  bool IsNull(std::size_t row) const { return !nulls.empty() && nulls[constant ? 0 : row] != 0; }
  void SetNull(std::size_t row) {
    if (nulls.empty()) nulls.resize(size());
    nulls[row] = 1;
  }
  std::size_t Index(std::size_t row) const { return constant ? 0 : row; }

  // The value at `row`; text is copied.
  Datum At(std::size_t row) const;
  // Writes a value; text must be kept alive by an owner.
  void Set(std::size_t row, const Datum& value, Arena& arena);
  void Append(const Vector& from, std::size_t row);  // same physical form; owners are not taken over
  void TakeOwners(const Vector& from);

  // The rows listed, in that order; shares the owners.
  Vector Gather(std::span<const std::uint32_t> rows) const;

  static Vector Constant(Type type, const Datum& value);
};

using Column = std::shared_ptr<const Vector>;

// Rows in columns, without weights: what expressions are evaluated over.
struct Batch {
  std::size_t rows = 0;
  std::vector<Column> columns;
};

}  // namespace headgate::sql
