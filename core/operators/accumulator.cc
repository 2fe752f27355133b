#include "core/operators/accumulator.h"

#include <cmath>
#include <limits>

#include "core/base/check.h"
#include "core/sql/array_value.h"
#include "core/sql/key.h"

namespace headgate::operators {
namespace {

using sql::AggregateKind;
using sql::Datum;
using sql::Int128;
using sql::Numeric;
using sql::Type;
using sql::TypeId;

AggregateResult Value(Datum value) { return {std::move(value), "", ""}; }
AggregateResult NoValue() { return {}; }
AggregateResult OutOfRange(const char* message) { return {Datum::Null(), "22003", message}; }

class CountAll : public Accumulator {
 public:
  void Add(const ArgumentRow&, std::int64_t weight) override { count_ += weight; }
  AggregateResult Result() const override { return Value(Datum::Of(count_)); }

 private:
  std::int64_t count_ = 0;
};

class Count : public Accumulator {
 public:
  void Add(const ArgumentRow& row, std::int64_t weight) override { count_ += row[0].null ? 0 : weight; }
  AggregateResult Result() const override { return Value(Datum::Of(count_)); }

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
  AggregateResult Result() const override {
    if (count_ == 0) return NoValue();
    if (average_) return Value(Datum::Of(Divide(Numeric::OfInt128(sum_, 0), Numeric(count_))->Encode()));
    if (result_.Is(TypeId::kNumeric)) return Value(Datum::Of(Numeric::OfInt128(sum_, 0).Encode()));
    if (sum_ > std::numeric_limits<std::int64_t>::max() || sum_ < std::numeric_limits<std::int64_t>::min())
      return OutOfRange("bigint out of range");
    return Value(Datum::Of(static_cast<std::int64_t>(sum_)));
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
    const auto product = weight == 1 ? value : *Multiply(value, Numeric(weight));
    sum_ = *sql::Add(sum_, product);
  }
  AggregateResult Result() const override {
    if (count_ == 0) return NoValue();
    if (nans_ > 0 || (infinities_ > 0 && minus_infinities_ > 0)) return Value(Datum::Of(Numeric::NaN().Encode()));
    if (infinities_ > 0 || minus_infinities_ > 0)
      return Value(Datum::Of(Numeric::Infinity(minus_infinities_ > 0).Encode()));
    const Numeric sum = sum_.Rounded(scales_.empty() ? 0 : scales_.rbegin()->first);
    if (!average_) return Value(Datum::Of(sum.Encode()));
    return Value(Datum::Of(Divide(sum, Numeric(count_))->Encode()));
  }

 private:
  bool average_;
  std::int64_t count_ = 0;
  std::int64_t nans_ = 0;
  std::int64_t infinities_ = 0;
  std::int64_t minus_infinities_ = 0;
  Numeric sum_;
  std::map<int, std::int64_t> scales_;
};

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
      sum_ += value * static_cast<double>(weight);
    }
  }
  AggregateResult Result() const override {
    if (count_ == 0) return NoValue();
    double sum = sum_;
    if (nans_ > 0 || (infinities_ > 0 && minus_infinities_ > 0)) {
      sum = std::numeric_limits<double>::quiet_NaN();
    } else if (infinities_ > 0 || minus_infinities_ > 0) {
      sum = infinities_ > 0 ? HUGE_VAL : -HUGE_VAL;
    }
    if (average_) sum /= static_cast<double>(count_);
    if (result_.Is(TypeId::kFloat4)) sum = static_cast<float>(sum);
    return Value(Datum::Of(sum));
  }

 private:
  Type result_;
  bool average_;
  std::int64_t count_ = 0;
  std::int64_t nans_ = 0;
  std::int64_t infinities_ = 0;
  std::int64_t minus_infinities_ = 0;
  double sum_ = 0;
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

 private:
  bool average_;
  std::int64_t count_ = 0;
  Int128 months_ = 0;
  Int128 days_ = 0;
  Int128 us_ = 0;
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

 private:
  bool all_;
  std::int64_t trues_ = 0;
  std::int64_t falses_ = 0;
};

// bit_and, bit_or, bit_xor of integers: for each bit, how many values have it.
class Bits : public Accumulator {
 public:
  Bits(AggregateKind kind, Type type)
      : kind_(kind), width_(type.Is(TypeId::kInt2) ? 16 : (type.Is(TypeId::kInt4) ? 32 : 64)) {}
  void Add(const ArgumentRow& row, std::int64_t weight) override {
    if (row[0].null) return;
    count_ += weight;
    for (int bit = 0; bit < width_; ++bit) {
      if ((static_cast<std::uint64_t>(row[0].i) >> bit & 1) != 0) ones_[bit] += weight;
    }
  }
  AggregateResult Result() const override {
    if (count_ == 0) return NoValue();
    std::uint64_t value = 0;
    for (int bit = 0; bit < width_; ++bit) {
      const bool set = kind_ == AggregateKind::kBitAnd  ? ones_[bit] == count_
                       : kind_ == AggregateKind::kBitOr ? ones_[bit] > 0
                                                        : ones_[bit] % 2 != 0;
      if (set) value |= std::uint64_t{1} << bit;
    }
    if (width_ < 64 && (value >> (width_ - 1) & 1) != 0) value |= ~std::uint64_t{0} << width_;
    return Value(Datum::Of(static_cast<std::int64_t>(value)));
  }

 private:
  AggregateKind kind_;
  int width_;
  std::int64_t count_ = 0;
  std::int64_t ones_[64] = {};
};

// All rows of the group in an order; the aggregates that need more than sums are read off it.
class Ordered : public Accumulator {
 public:
  explicit Ordered(const Aggregation& of) : of_(of) {}

  void Add(const ArgumentRow& row, std::int64_t weight) override {
    if (Skips(row)) return;
    std::string key;
    const auto& order = of_.call().order;
    const std::size_t arguments = of_.call().arguments.size();
    for (std::size_t i = 0; i < order.size(); ++i)
      AppendKey(key, of_.types()[arguments + i], row[arguments + i], order[i].order);
    for (std::size_t i = 0; i < arguments; ++i) AppendKey(key, of_.types()[i], row[i]);
    auto [found, added] = rows_.try_emplace(std::move(key));
    if (added) found->second.row = row;
    found->second.weight += weight;
    if (found->second.weight == 0) rows_.erase(found);
  }

  AggregateResult Result() const override {
    switch (of_.call().kind) {
      case AggregateKind::kMin:
        return rows_.empty() ? NoValue() : Value(rows_.begin()->second.row[0]);
      case AggregateKind::kMax:
        return rows_.empty() ? NoValue() : Value(rows_.rbegin()->second.row[0]);
      case AggregateKind::kSingle:
        if (rows_.empty()) return NoValue();
        if (rows_.size() > 1 || rows_.begin()->second.weight > 1)
          return {Datum::Null(), "21000", "more than one row returned by a subquery used as an expression"};
        return Value(rows_.begin()->second.row[0]);
      case AggregateKind::kStringAgg:
        return Joined();
      case AggregateKind::kArrayAgg:
        return Array();
      default:
        CHECK(false);
        return NoValue();
    }
  }

 private:
  struct Item {
    ArgumentRow row;
    std::int64_t weight = 0;
  };

  // array_agg and a scalar subquery keep NULLs.
  bool Skips(const ArgumentRow& row) const {
    return row[0].null && of_.call().kind != AggregateKind::kArrayAgg && of_.call().kind != AggregateKind::kSingle;
  }
  std::int64_t Times(const Item& item) const { return of_.call().distinct ? 1 : item.weight; }

  AggregateResult Joined() const {
    if (rows_.empty()) return NoValue();
    std::string text;
    bool first = true;
    for (const auto& [key, item] : rows_) {
      for (std::int64_t n = 0; n < Times(item); ++n) {
        if (!first && !item.row[1].null) text += item.row[1].s;
        text += item.row[0].s;
        first = false;
      }
    }
    return Value(Datum::Of(std::move(text)));
  }

  AggregateResult Array() const {
    if (rows_.empty()) return NoValue();
    std::vector<Datum> elements;
    for (const auto& [key, item] : rows_)
      elements.insert(elements.end(), static_cast<std::size_t>(Times(item)), item.row[0]);
    return Value(Datum::Of(sql::ArrayValue::OneDimension(std::move(elements)).Payload(of_.types()[0])));
  }

  const Aggregation& of_;
  std::map<std::string, Item> rows_;
};

// DISTINCT over an aggregate of sums: it sees each value once.
class Distinct : public Accumulator {
 public:
  Distinct(const Aggregation& of, std::unique_ptr<Accumulator> inner) : of_(of), inner_(std::move(inner)) {}
  void Add(const ArgumentRow& row, std::int64_t weight) override {
    std::string key;
    for (std::size_t i = 0; i < row.size(); ++i) AppendKey(key, of_.types()[i], row[i]);
    Item& item = values_[key];
    if (item.weight == 0) {
      item.row = row;
      inner_->Add(row, 1);
    }
    item.weight += weight;
    if (item.weight != 0) return;
    inner_->Add(item.row, -1);
    values_.erase(key);
  }
  AggregateResult Result() const override { return inner_->Result(); }

 private:
  struct Item {
    ArgumentRow row;  // the form that was seen first, so that what comes off is what went on
    std::int64_t weight = 0;
  };
  const Aggregation& of_;
  std::unique_ptr<Accumulator> inner_;
  std::map<std::string, Item> values_;
};

}  // namespace

Aggregation::Aggregation(const sql::AggregateCall& call) : call_(Clone(call)) {
  for (const sql::ExprPtr& argument : call_.arguments) types_.push_back(argument->type);
  for (const sql::AggregateOrder& key : call_.order) types_.push_back(key.expr->type);
}

std::unique_ptr<Accumulator> Aggregation::MakePlain() const {
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
    case AggregateKind::kBoolAnd:
    case AggregateKind::kBoolOr:
      return std::make_unique<Boolean>(call_.kind == AggregateKind::kBoolAnd);
    case AggregateKind::kBitAnd:
    case AggregateKind::kBitOr:
    case AggregateKind::kBitXor:
      return std::make_unique<Bits>(call_.kind, type);
    default:
      return std::make_unique<Ordered>(*this);
  }
}

std::unique_ptr<Accumulator> Aggregation::Make() const {
  auto plain = MakePlain();
  const bool ordered = dynamic_cast<Ordered*>(plain.get()) != nullptr;
  if (call_.distinct && !ordered && call_.kind != AggregateKind::kCountAll)
    return std::make_unique<Distinct>(*this, std::move(plain));
  return plain;
}

}  // namespace headgate::operators
