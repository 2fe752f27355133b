#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/sql/magnitude.h"

namespace headgate::operators {

// A number of any size: magnitude * 2^exponent.
struct ExactNumber {
  bool negative = false;
  sql::Magnitude magnitude;
  int exponent = 0;

  bool zero() const { return magnitude.zero(); }
  // The nearest, halves to even; infinite if it is too large.
  double ToDouble() const;
  float ToFloat() const;
};
ExactNumber operator*(const ExactNumber& a, const ExactNumber& b);
ExactNumber operator-(const ExactNumber& a, const ExactNumber& b);
// The nearest double to a / divisor, which is not 0.
double Quotient(const ExactNumber& a, sql::Uint128 divisor);

// The exact sum of any doubles and products of two doubles, all finite: whatever their order, and after what was added
// has been taken off (a negative weight) as if it had never been there. A fixed-point number over the whole range of
// exponents, of which only the limbs between the lowest and the highest that are not 0 are stored.
class ExactSum {
 public:
  void Add(double value, std::int64_t weight);
  void AddProduct(double a, double b, std::int64_t weight);

  bool zero() const { return limbs_.empty(); }
  ExactNumber Value() const;
  double ToDouble() const { return Value().ToDouble(); }

  // As bytes, and back into a sum that is 0; false if the next bytes of `in` are not those of a sum.
  void Encode(std::string& out) const;
  bool Decode(ByteReader& in);

 private:
  void AddScaled(bool negative, sql::Uint128 magnitude, int exponent, std::int64_t weight);
  void AddLimb(std::size_t place, std::int64_t part);
  void Normalize();

  // Limb i stands for 2^(32 * (first_ + i) + kBase); all but the last lie in [0, 2^32), the last has the sign.
  std::size_t first_ = 0;
  std::vector<std::int64_t> limbs_;
};

}  // namespace headgate::operators
