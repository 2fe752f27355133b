#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "core/sql/numeric.h"

namespace headgate::operators {

// The exact sum of finite numerics, or of their squares, of any size: what was added may be taken off again, even if
// the sum was too large for a numeric in between.
class ExactDecimal {
 public:
  void Add(const sql::Numeric& v, std::int64_t weight);
  void AddSquare(const sql::Numeric& v, std::int64_t weight);

  // Rounded to so many digits behind the point; nothing if a numeric cannot hold it.
  std::optional<sql::Numeric> Value(int scale) const;

  // As bytes, and back into a sum that is 0; false if the next bytes of `in` are not those of a sum.
  void Encode(std::string& out) const;
  bool Decode(ByteReader& in);

 private:
  void AddScaled(bool negative, sql::Magnitude unscaled, int scale, std::int64_t weight);

  bool negative_ = false;
  int scale_ = 0;
  sql::Magnitude unscaled_;
};

}  // namespace headgate::operators
