#include "core/sql/vector.h"

#include <algorithm>
#include <cstring>

namespace headgate::sql {

char* Arena::Allocate(std::size_t bytes) {
  if (bytes > left_) {
    const std::size_t block = std::max(bytes, kBlock);
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(block));
    total_ += block;
    if (bytes > kBlock / 2)
      return blocks_.back().get();  // alone in its block; the rest of the current one stays in use
    at_ = blocks_.back().get();
    left_ = block;
  }
  char* place = at_;
  at_ += bytes;
  left_ -= bytes;
  return place;
}

std::string_view Arena::Keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  char* place = Allocate(bytes.size());
  std::memcpy(place, bytes.data(), bytes.size());
  return {place, bytes.size()};
}

void Vector::Resize(std::size_t size) {
  switch (physical) {
    case Physical::kBool:
      bools.resize(size);
      break;
    case Physical::kInt:
      ints.resize(size);
      break;
    case Physical::kDouble:
      doubles.resize(size);
      break;
    case Physical::kWide:
      wides.resize(size);
      break;
    case Physical::kString:
      strings.resize(size);
      break;
  }
  if (!nulls.empty()) nulls.resize(size);
}

std::size_t Vector::size() const {
  switch (physical) {
    case Physical::kBool:
      return bools.size();
    case Physical::kInt:
      return ints.size();
    case Physical::kDouble:
      return doubles.size();
    case Physical::kWide:
      return wides.size();
    case Physical::kString:
      return strings.size();
  }
  return 0;
}

Datum Vector::At(std::size_t row) const {
  const std::size_t at = Index(row);
  if (!nulls.empty() && nulls[at] != 0) return Datum::Null();
  switch (physical) {
    case Physical::kBool:
      return Datum::Of(bools[at] != 0);
    case Physical::kInt:
      return Datum::Of(ints[at]);
    case Physical::kDouble:
      return Datum::Of(doubles[at]);
    case Physical::kWide:
      return Datum::Of(wides[at]);
    case Physical::kString:
      return Datum::Of(std::string(strings[at]));
  }
  return Datum::Null();
}

void Vector::Set(std::size_t row, const Datum& value, Arena& arena) {
  if (value.null) {
    SetNull(row);
    return;
  }
  switch (physical) {
    case Physical::kBool:
      bools[row] = value.b ? 1 : 0;
      break;
    case Physical::kInt:
      ints[row] = value.i;
      break;
    case Physical::kDouble:
      doubles[row] = value.d;
      break;
    case Physical::kWide:
      wides[row] = value.w;
      break;
    case Physical::kString:
      strings[row] = arena.Keep(value.s);
      break;
  }
  if (!nulls.empty()) nulls[row] = 0;
}

void Vector::Append(const Vector& from, std::size_t row) {
  const std::size_t at = from.Index(row);
  const bool null = !from.nulls.empty() && from.nulls[at] != 0;
  if (null && nulls.empty()) nulls.resize(size());
  if (null || !nulls.empty()) nulls.push_back(null ? 1 : 0);
  switch (physical) {
    case Physical::kBool:
      bools.push_back(from.bools[at]);
      break;
    case Physical::kInt:
      ints.push_back(from.ints[at]);
      break;
    case Physical::kDouble:
      doubles.push_back(from.doubles[at]);
      break;
    case Physical::kWide:
      wides.push_back(from.wides[at]);
      break;
    case Physical::kString:
      strings.push_back(from.strings[at]);
      break;
  }
}

void Vector::TakeOwners(const Vector& from) {
  for (const auto& owner : from.owners) {
    if (std::ranges::find(owners, owner) == owners.end()) owners.push_back(owner);
  }
}

namespace {

template <class T>
std::vector<T> Pick(const std::vector<T>& from, std::span<const std::uint32_t> rows, bool constant) {
  if (from.empty()) return {};
  if (constant) return std::vector<T>(rows.size(), from[0]);
  std::vector<T> out;
  out.reserve(rows.size());
  for (const std::uint32_t row : rows) out.push_back(from[row]);
  return out;
}

}  // namespace

Vector Vector::Gather(std::span<const std::uint32_t> rows) const {
  Vector out;
  out.physical = physical;
  out.nulls = Pick(nulls, rows, constant);
  out.bools = Pick(bools, rows, constant);
  out.ints = Pick(ints, rows, constant);
  out.doubles = Pick(doubles, rows, constant);
  out.wides = Pick(wides, rows, constant);
  out.strings = Pick(strings, rows, constant);
  out.owners = owners;
  return out;
}

Vector Vector::Constant(Type type, const Datum& value) {
  Vector out(PhysicalOf(type), 1);
  auto arena = std::make_shared<Arena>();
  out.Set(0, value, *arena);
  out.constant = true;
  out.owners.push_back(std::move(arena));
  return out;
}

}  // namespace headgate::sql
