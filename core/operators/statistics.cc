#include "core/operators/statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/operators/accumulator_bytes.h"
#include "core/operators/exact_decimal.h"
#include "core/operators/exact_sum.h"

namespace headgate::operators {
namespace {

using sql::AggregateKind;
using sql::Datum;
using sql::Numeric;
using sql::TypeId;
using sql::Uint128;

bool OfSample(AggregateKind kind) {
  return kind == AggregateKind::kVarSamp || kind == AggregateKind::kStddevSamp || kind == AggregateKind::kCovarSamp;
}
bool IsDeviation(AggregateKind kind) { return kind == AggregateKind::kStddevPop || kind == AggregateKind::kStddevSamp; }

// By (n * sum of squares - square of sum) / (n * n), or n * (n - 1) of a sample.
class NumericVariance : public Accumulator {
 public:
  NumericVariance(AggregateKind kind, bool integers) : kind_(kind), integers_(integers) {}

  void Add(const ArgumentRow& row, std::int64_t weight) override {
    if (row[0].null) return;
    const Numeric value = integers_ ? Numeric(row[0].i) : Numeric::Decode(row[0].s);
    count_ += weight;
    if (!value.finite()) {
      not_finite_ += weight;
      return;
    }
    std::int64_t& of_scale = scales_[value.scale()];
    of_scale += weight;
    if (of_scale == 0) scales_.erase(value.scale());
    sum_.Add(value, weight);
    squares_.AddSquare(value, weight);
  }

  AggregateResult Result() const override {
    if (count_ == 0 || (OfSample(kind_) && count_ <= 1)) return NoValue();
    if (not_finite_ > 0) return Value(Datum::Of(Numeric::NaN().Encode()));
    const std::optional<Numeric> numerator = Centred(scales_.empty() ? 0 : scales_.rbegin()->first);
    if (!numerator) return {Datum::Null(), "22003", "value overflows numeric format"};
    if (numerator->Sign() <= 0) return Value(Datum::Of(Numeric().Encode()));
    const Numeric divisor = *Multiply(Numeric(count_), Numeric(OfSample(kind_) ? count_ - 1 : count_));
    const int shown = DivideScale(*numerator, divisor);
    const Numeric variance = DivideTo(*numerator, divisor, shown);
    return Value(Datum::Of((IsDeviation(kind_) ? SqrtTo(variance, shown) : variance).Encode()));
  }

  void Encode(std::string& out) const override {
    PutSigned(out, count_);
    PutSigned(out, not_finite_);
    sum_.Encode(out);
    squares_.Encode(out);
    PutScales(out, scales_);
  }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    count_ = in.Signed();
    not_finite_ = in.Signed();
    if (!sum_.Decode(in) || !squares_.Decode(in)) return false;
    scales_ = ReadScales(in);
    return !in.failed() && in.done();
  }

 private:
  // n * sum of squares - square of sum; nothing if that is too large.
  std::optional<Numeric> Centred(int scale) const {
    const auto sum = sum_.Value(scale);
    const auto squares = squares_.Value(2 * scale);
    const auto square_of_sum = sum ? Multiply(*sum, *sum) : std::nullopt;
    const auto all_squares = squares ? Multiply(Numeric(count_), *squares) : std::nullopt;
    return square_of_sum && all_squares ? Subtract(*all_squares, *square_of_sum) : std::nullopt;
  }

  const AggregateKind kind_;
  const bool integers_;
  std::int64_t count_ = 0;
  std::int64_t not_finite_ = 0;
  ExactDecimal sum_;
  ExactDecimal squares_;
  ScaleCounts scales_;
};

// Of one or two columns of floats.
class FloatMoments : public Accumulator {
 public:
  explicit FloatMoments(AggregateKind kind, bool pairs) : kind_(kind), pairs_(pairs) {}

  void Add(const ArgumentRow& row, std::int64_t weight) override {
    if (row[0].null || (pairs_ && row[1].null)) return;
    const double x = row[0].d;
    const double y = pairs_ ? row[1].d : x;
    count_ += weight;
    if (!std::isfinite(x) || !std::isfinite(y)) {
      not_finite_ += weight;
      return;
    }
    x_.Add(x, weight);
    xy_.AddProduct(x, y, weight);
    if (!pairs_) return;
    y_.Add(y, weight);
    if (kind_ != AggregateKind::kCorr) return;
    xx_.AddProduct(x, x, weight);
    yy_.AddProduct(y, y, weight);
  }

  AggregateResult Result() const override {
    if (count_ == 0 || (OfSample(kind_) && count_ <= 1)) return NoValue();
    if (not_finite_ > 0) return Value(Datum::Of(std::numeric_limits<double>::quiet_NaN()));
    if (kind_ == AggregateKind::kCorr) return Correlation();
    const auto n = static_cast<Uint128>(count_);
    const double moment =
        Quotient(Centred(xy_, x_, pairs_ ? y_ : x_), n * static_cast<Uint128>(OfSample(kind_) ? count_ - 1 : count_));
    if (std::isinf(moment)) return {Datum::Null(), "22003", "value out of range: overflow"};
    return Value(Datum::Of(IsDeviation(kind_) ? std::sqrt(moment) : moment));
  }

  void Encode(std::string& out) const override {
    PutSigned(out, count_);
    PutSigned(out, not_finite_);
    for (const ExactSum* sum : {&x_, &y_, &xx_, &yy_, &xy_}) sum->Encode(out);
  }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    count_ = in.Signed();
    not_finite_ = in.Signed();
    for (ExactSum* sum : {&x_, &y_, &xx_, &yy_, &xy_}) {
      if (!sum->Decode(in)) return false;
    }
    return in.done();
  }

 private:
  // n * sum of products - product of sums
  ExactNumber Centred(const ExactSum& products, const ExactSum& a, const ExactSum& b) const {
    const ExactNumber n{false, sql::Magnitude(static_cast<Uint128>(count_)), 0};
    return n * products.Value() - a.Value() * b.Value();
  }

  // A mantissa in [1, 4) and an even exponent, so that a root does not leave the range.
  struct Scaled {
    double mantissa = 0;
    int exponent = 0;
  };
  static Scaled ScaledOf(ExactNumber v) {
    Scaled out;
    const int top = static_cast<int>(v.magnitude.Bits()) - 1 + v.exponent;
    out.exponent = top - (top & 1);
    v.exponent -= out.exponent;
    out.mantissa = v.ToDouble();
    return out;
  }

  AggregateResult Correlation() const {
    const ExactNumber x = Centred(xx_, x_, x_);
    const ExactNumber y = Centred(yy_, y_, y_);
    if (x.zero() || y.zero()) return NoValue();
    const ExactNumber both = Centred(xy_, x_, y_);
    if (both.zero()) return Value(Datum::Of(0.0));
    const Scaled a = ScaledOf(x);
    const Scaled b = ScaledOf(y);
    const Scaled c = ScaledOf(both);
    const double r =
        std::ldexp(c.mantissa / std::sqrt(a.mantissa * b.mantissa), c.exponent - (a.exponent + b.exponent) / 2);
    return Value(Datum::Of(std::clamp(r, -1.0, 1.0)));
  }

  const AggregateKind kind_;
  const bool pairs_;
  std::int64_t count_ = 0;
  std::int64_t not_finite_ = 0;
  ExactSum x_;
  ExactSum y_;
  ExactSum xx_;
  ExactSum yy_;
  ExactSum xy_;  // of one column its squares
};

}  // namespace

std::unique_ptr<Accumulator> MakeStatistics(const sql::AggregateCall& call) {
  const sql::Type type = call.arguments[0]->type;
  if (call.arguments.size() > 1) return std::make_unique<FloatMoments>(call.kind, true);
  if (PhysicalOf(type) == sql::Physical::kDouble) return std::make_unique<FloatMoments>(call.kind, false);
  return std::make_unique<NumericVariance>(call.kind, !type.Is(TypeId::kNumeric));
}

}  // namespace headgate::operators
