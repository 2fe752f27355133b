#include "core/operators/exact_decimal.h"

#include <algorithm>
#include <utility>

namespace headgate::operators {

using sql::Magnitude;
using sql::Numeric;

void ExactDecimal::Add(const Numeric& v, std::int64_t weight) {
  AddScaled(v.negative(), v.magnitude(), v.scale(), weight);
}

void ExactDecimal::AddSquare(const Numeric& v, std::int64_t weight) {
  AddScaled(false, v.magnitude() * v.magnitude(), 2 * v.scale(), weight);
}

void ExactDecimal::AddScaled(bool negative, Magnitude unscaled, int scale, std::int64_t weight) {
  if (weight < 0) negative = !negative;
  const std::uint64_t times = weight < 0 ? 0 - static_cast<std::uint64_t>(weight) : static_cast<std::uint64_t>(weight);
  if (times != 1) unscaled = unscaled * Magnitude(times);
  if (scale > scale_) {
    unscaled_ = unscaled_.TimesPowerOfTen(static_cast<unsigned>(scale - scale_));
    scale_ = scale;
  } else if (scale < scale_) {
    unscaled = unscaled.TimesPowerOfTen(static_cast<unsigned>(scale_ - scale));
  }
  if (negative == negative_) {
    unscaled_ = unscaled_ + unscaled;
  } else if (unscaled_ >= unscaled) {
    unscaled_ = unscaled_ - unscaled;
  } else {
    unscaled_ = unscaled - unscaled_;
    negative_ = negative;
  }
  if (unscaled_.zero()) negative_ = false;
}

std::optional<Numeric> ExactDecimal::Value(int scale) const {
  Numeric value = Numeric::Of(negative_, unscaled_, scale_).Rounded(scale);
  if (!value.magnitude().small() && value.IntegerDigits() > Numeric::kIntegerDigitsMax) return std::nullopt;
  return value;
}

void ExactDecimal::Encode(std::string& out) const {
  out.push_back(negative_ ? 1 : 0);
  PutVarint(out, static_cast<std::uint64_t>(scale_));
  std::string bytes;
  unscaled_.AppendBytes(bytes);
  PutBytes(out, bytes);
}

bool ExactDecimal::Decode(ByteReader& in) {
  const std::uint8_t sign = in.Byte();
  const std::uint64_t scale = in.Varint();
  const std::string_view bytes = in.Bytes();
  if (in.failed() || sign > 1 || scale > 2 * Numeric::kScaleMax || bytes.ends_with('\0')) return false;
  negative_ = sign == 1;
  scale_ = static_cast<int>(scale);
  unscaled_ = Magnitude::FromBytes(bytes);
  return !negative_ || !unscaled_.zero();
}

}  // namespace headgate::operators
