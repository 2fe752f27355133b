#include "core/operators/accumulator.h"

#include <cmath>
#include <limits>

#include "core/operators/accumulator_bytes.h"
#include "core/operators/bits.h"
#include "core/operators/exact_decimal.h"
#include "core/operators/exact_sum.h"
#include "core/operators/ordered_rows.h"
#include "core/operators/statistics.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

using sql::AggregateKind;
using sql::Datum;
using sql::Int128;
using sql::Numeric;
using sql::Type;
using sql::TypeId;

AggregateResult OutOfRange(const char* message) { return {Datum::Null(), "22003", message}; }

class CountAll : public Accumulator {
 public:
  void Add(const ArgumentRow&, std::int64_t weight) override { count_ += weight; }
  void AddRow(const std::vector<sql::Column>&, std::size_t, std::int64_t weight) override { count_ += weight; }
  bool Show(sql::RowWriter& row) const override {
    row.Add(Datum::Of(count_));
    return true;
  }
  AggregateResult Result() const override { return Value(Datum::Of(count_)); }

  void Encode(std::string& out) const override { PutSigned(out, count_); }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    count_ = in.Signed();
    return Complete(in);
  }

 private:
  std::int64_t count_ = 0;
};

class Count : public Accumulator {
 public:
  void Add(const ArgumentRow& row, std::int64_t weight) override { count_ += row[0].null ? 0 : weight; }
  void AddRow(const std::vector<sql::Column>& columns, std::size_t row, std::int64_t weight) override {
    count_ += columns[0]->IsNull(row) ? 0 : weight;
  }
  bool Show(sql::RowWriter& row) const override {
    row.Add(Datum::Of(count_));
    return true;
  }
  AggregateResult Result() const override { return Value(Datum::Of(count_)); }

  void Encode(std::string& out) const override { PutSigned(out, count_); }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    count_ = in.Signed();
    return Complete(in);
  }

 private:
  std::int64_t count_ = 0;
};

// sum and avg of integers: exact in 128 bits.
class IntegerSum : public Accumulator {
 public:
  IntegerSum(Type result, bool average) : result_(result), average_(average) {}
  void Add(const ArgumentRow& row, std::int64_t weight) override {
    if (row[0].null) return;
    count_ += weight;
    sum_ += static_cast<Int128>(row[0].i) * weight;
  }
  void AddRow(const std::vector<sql::Column>& columns, std::size_t row, std::int64_t weight) override {
    const sql::Vector& column = *columns[0];
    if (column.IsNull(row)) return;
    count_ += weight;
    sum_ += static_cast<Int128>(column.ints[column.Index(row)]) * weight;
  }
  bool Show(sql::RowWriter& row) const override {
    if (average_ || result_.Is(TypeId::kNumeric) || count_ == 0 || sum_ != static_cast<std::int64_t>(sum_))
      return false;
    row.Add(Datum::Of(static_cast<std::int64_t>(sum_)));
    return true;
  }
  AggregateResult Result() const override {
    if (count_ == 0) return NoValue();
    if (average_) return Value(Datum::Of(Divide(Numeric::OfInt128(sum_, 0), Numeric(count_))->Encode()));
    if (result_.Is(TypeId::kNumeric)) return Value(Datum::Of(Numeric::OfInt128(sum_, 0).Encode()));
    if (sum_ > std::numeric_limits<std::int64_t>::max() || sum_ < std::numeric_limits<std::int64_t>::min())
      return OutOfRange("bigint out of range");
    return Value(Datum::Of(static_cast<std::int64_t>(sum_)));
  }

  void Encode(std::string& out) const override {
    PutSigned(out, count_);
    PutInt128(out, sum_);
  }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    count_ = in.Signed();
    sum_ = ReadInt128(in);
    return Complete(in);
  }

 private:
  Type result_;
  bool average_;
  std::int64_t count_ = 0;
  Int128 sum_ = 0;
};

// sum and avg of numeric. The result shows the largest scale among the rows summed, which shrinks as rows leave.
class NumericSum : public Accumulator {
 public:
  explicit NumericSum(bool average) : average_(average) {}
  void Add(const ArgumentRow& row, std::int64_t weight) override {
    if (row[0].null) return;
    const Numeric value = Numeric::Decode(row[0].s);
    count_ += weight;
    if (!value.finite()) {
      (value.kind() == Numeric::Kind::kNaN ? nans_ : (value.negative() ? minus_infinities_ : infinities_)) += weight;
      return;
    }
    std::int64_t& of_scale = scales_[value.scale()];
    of_scale += weight;
    if (of_scale == 0) scales_.erase(value.scale());
    sum_.Add(value, weight);
  }
  AggregateResult Result() const override {
    if (count_ == 0) return NoValue();
    if (nans_ > 0 || (infinities_ > 0 && minus_infinities_ > 0)) return Value(Datum::Of(Numeric::NaN().Encode()));
    if (infinities_ > 0 || minus_infinities_ > 0)
      return Value(Datum::Of(Numeric::Infinity(minus_infinities_ > 0).Encode()));
    const auto sum = sum_.Value(scales_.empty() ? 0 : scales_.rbegin()->first);
    if (!sum) return OutOfRange("value overflows numeric format");
    if (!average_) return Value(Datum::Of(sum->Encode()));
    return Value(Datum::Of(Divide(*sum, Numeric(count_))->Encode()));
  }

  void Encode(std::string& out) const override {
    for (const std::int64_t count : {count_, nans_, infinities_, minus_infinities_}) PutSigned(out, count);
    sum_.Encode(out);
    PutScales(out, scales_);
  }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    for (std::int64_t* count : {&count_, &nans_, &infinities_, &minus_infinities_}) *count = in.Signed();
    if (!sum_.Decode(in)) return false;
    scales_ = ReadScales(in);
    return Complete(in);
  }

 private:
  bool average_;
  std::int64_t count_ = 0;
  std::int64_t nans_ = 0;
  std::int64_t infinities_ = 0;
  std::int64_t minus_infinities_ = 0;
  ExactDecimal sum_;
  ScaleCounts scales_;
};

// sum and avg of floats: exact until the end, so that neither order nor retractions show.
class FloatSum : public Accumulator {
 public:
  FloatSum(Type result, bool average) : result_(result), average_(average) {}
  void Add(const ArgumentRow& row, std::int64_t weight) override {
    if (row[0].null) return;
    const double value = row[0].d;
    count_ += weight;
    if (std::isnan(value)) {
      nans_ += weight;
    } else if (std::isinf(value)) {
      (value < 0 ? minus_infinities_ : infinities_) += weight;
    } else {
      sum_.Add(value, weight);
    }
  }
  AggregateResult Result() const override {
    if (count_ == 0) return NoValue();
    if (nans_ > 0 || (infinities_ > 0 && minus_infinities_ > 0))
      return Value(Datum::Of(std::numeric_limits<double>::quiet_NaN()));
    if (infinities_ > 0 || minus_infinities_ > 0) return Value(Datum::Of(infinities_ > 0 ? HUGE_VAL : -HUGE_VAL));
    const ExactNumber exact = sum_.Value();
    double value = exact.ToDouble();
    if (average_) value = Quotient(exact, static_cast<sql::Uint128>(count_));
    if (!average_ && result_.Is(TypeId::kFloat4)) value = static_cast<double>(exact.ToFloat());
    if (std::isinf(value)) return OutOfRange("value out of range: overflow");
    return Value(Datum::Of(value));
  }

  void Encode(std::string& out) const override {
    for (const std::int64_t count : {count_, nans_, infinities_, minus_infinities_}) PutSigned(out, count);
    sum_.Encode(out);
  }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    for (std::int64_t* count : {&count_, &nans_, &infinities_, &minus_infinities_}) *count = in.Signed();
    return sum_.Decode(in) && Complete(in);
  }

 private:
  Type result_;
  bool average_;
  std::int64_t count_ = 0;
  std::int64_t nans_ = 0;
  std::int64_t infinities_ = 0;
  std::int64_t minus_infinities_ = 0;
  ExactSum sum_;
};

class IntervalSum : public Accumulator {
 public:
  explicit IntervalSum(bool average) : average_(average) {}
  void Add(const ArgumentRow& row, std::int64_t weight) override {
    if (row[0].null) return;
    count_ += weight;
    months_ += static_cast<Int128>(row[0].w.months) * weight;
    days_ += static_cast<Int128>(row[0].w.days) * weight;
    us_ += static_cast<Int128>(row[0].w.us) * weight;
  }
  AggregateResult Result() const override {
    if (count_ == 0) return NoValue();
    constexpr Int128 kDay = 86'400'000'000;
    Int128 months = months_;
    Int128 days = days_;
    Int128 us = us_;
    if (average_) {  // what is left of the months becomes days, of the days time, as interval / n does
      const Int128 days_left = months % count_ * 30;
      months /= count_;
      const Int128 us_left = (days % count_ + days_left % count_) * kDay;
      days = days / count_ + days_left / count_;
      us = (us + us_left) / count_;
      days += us / kDay;
      us %= kDay;
    }
    if (months != static_cast<std::int32_t>(months) || days != static_cast<std::int32_t>(days) ||
        us != static_cast<std::int64_t>(us))
      return OutOfRange("interval out of range");
    return Value(Datum::Of(
        sql::Wide{static_cast<std::int64_t>(us), static_cast<std::int32_t>(days), static_cast<std::int32_t>(months)}));
  }

  void Encode(std::string& out) const override {
    PutSigned(out, count_);
    for (const Int128 sum : {months_, days_, us_}) PutInt128(out, sum);
  }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    count_ = in.Signed();
    for (Int128* sum : {&months_, &days_, &us_}) *sum = ReadInt128(in);
    return Complete(in);
  }

 private:
  bool average_;
  std::int64_t count_ = 0;
  Int128 months_ = 0;
  Int128 days_ = 0;
  Int128 us_ = 0;
};

// min and max of what only comes; of what may go too they are read off the rows (ordered_rows.h).
class Extreme : public Accumulator {
 public:
  Extreme(Type type, bool largest) : type_(type), largest_(largest) {}
  void Add(const ArgumentRow& row, std::int64_t) override {
    if (!row[0].null) Take(sql::Vector::Constant(type_, row[0]), 0);
  }
  void AddRow(const std::vector<sql::Column>& columns, std::size_t row, std::int64_t) override {
    if (!columns[0]->IsNull(row)) Take(*columns[0], row);
  }
  AggregateResult Result() const override { return key_.empty() ? NoValue() : Value(value_); }
  bool Show(sql::RowWriter& row) const override {
    row.Add(value_);
    return true;
  }

  void Encode(std::string& out) const override { PutDatums(out, {type_}, std::span(&value_, 1)); }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    const std::vector<Datum> values = ReadDatums(in, {type_});
    if (!Complete(in) || values.size() != 1) return false;
    Add(values, 1);
    return true;
  }

 private:
  void Take(const sql::Vector& column, std::size_t row) {
    std::string key;
    AppendKey(key, type_, column, row);
    if (!key_.empty() && (largest_ ? key <= key_ : key >= key_)) return;
    key_ = std::move(key);
    value_ = column.At(row);
  }

  Type type_;
  bool largest_;
  std::string key_;  // of the value, in order; "": there is none
  Datum value_;
};

// bool_and, bool_or.
class Boolean : public Accumulator {
 public:
  explicit Boolean(bool all) : all_(all) {}
  void Add(const ArgumentRow& row, std::int64_t weight) override {
    if (!row[0].null) (row[0].b ? trues_ : falses_) += weight;
  }
  AggregateResult Result() const override {
    if (trues_ + falses_ == 0) return NoValue();
    return Value(Datum::Of(all_ ? falses_ == 0 : trues_ > 0));
  }

  void Encode(std::string& out) const override {
    PutSigned(out, trues_);
    PutSigned(out, falses_);
  }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    trues_ = in.Signed();
    falses_ = in.Signed();
    return Complete(in);
  }

 private:
  bool all_;
  std::int64_t trues_ = 0;
  std::int64_t falses_ = 0;
};

}  // namespace

void ReadArguments(const std::vector<sql::Column>& columns, std::size_t row, ArgumentRow& out) {
  out.clear();
  for (const sql::Column& column : columns) out.push_back(column->At(row));
}

void Accumulator::AddRow(const std::vector<sql::Column>& columns, std::size_t row, std::int64_t weight) {
  ArgumentRow values;
  ReadArguments(columns, row, values);
  Add(values, weight);
}

Aggregation::Aggregation(const sql::AggregateCall& call, bool append_only) : call_(Clone(call)) {
  for (const sql::ExprPtr& argument : call_.arguments) types_.push_back(argument->type);
  for (const sql::AggregateOrder& key : call_.order) types_.push_back(key.expr->type);
  ordered_ = IsOrdered(call_.kind) && !(append_only && IsExtreme());
}

void Aggregation::AppendKeyOf(std::string& key, const std::vector<sql::Column>& columns, std::size_t row) const {
  const std::size_t arguments = call_.arguments.size();
  for (std::size_t i = 0; i < call_.order.size(); ++i)
    AppendKey(key, types_[arguments + i], *columns[arguments + i], row, call_.order[i].order);
  for (std::size_t i = 0; i < arguments; ++i) AppendKey(key, types_[i], *columns[i], row);
}

std::unique_ptr<Accumulator> Aggregation::Make() const {
  const Type type = call_.arguments.empty() ? Type{} : call_.arguments[0]->type;
  switch (call_.kind) {
    case AggregateKind::kCountAll:
      return std::make_unique<CountAll>();
    case AggregateKind::kCount:
      return std::make_unique<Count>();
    case AggregateKind::kSum:
    case AggregateKind::kAvg: {
      const bool average = call_.kind == AggregateKind::kAvg;
      if (type.Is(TypeId::kNumeric)) return std::make_unique<NumericSum>(average);
      if (type.Is(TypeId::kInterval)) return std::make_unique<IntervalSum>(average);
      if (PhysicalOf(type) == sql::Physical::kDouble) return std::make_unique<FloatSum>(call_.result, average);
      return std::make_unique<IntegerSum>(call_.result, average);
    }
    case AggregateKind::kMin:
    case AggregateKind::kMax:
      if (ordered_) return nullptr;
      return std::make_unique<Extreme>(type, call_.kind == AggregateKind::kMax);
    case AggregateKind::kBoolAnd:
    case AggregateKind::kBoolOr:
      return std::make_unique<Boolean>(call_.kind == AggregateKind::kBoolAnd);
    case AggregateKind::kBitAnd:
    case AggregateKind::kBitOr:
    case AggregateKind::kBitXor:
      return MakeBits(call_);
    case AggregateKind::kVarPop:
    case AggregateKind::kVarSamp:
    case AggregateKind::kStddevPop:
    case AggregateKind::kStddevSamp:
    case AggregateKind::kCorr:
    case AggregateKind::kCovarPop:
    case AggregateKind::kCovarSamp:
      return MakeStatistics(call_);
    default:
      return nullptr;
  }
}

}  // namespace headgate::operators
