#include "core/operators/bits.h"

#include <map>

#include "core/operators/accumulator_bytes.h"

namespace headgate::operators {
namespace {

using sql::AggregateKind;
using sql::Datum;
using sql::Type;
using sql::TypeId;

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

  void Encode(std::string& out) const override {
    PutSigned(out, count_);
    for (int bit = 0; bit < width_; ++bit) PutSigned(out, ones_[bit]);
  }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    count_ = in.Signed();
    for (int bit = 0; bit < width_; ++bit) ones_[bit] = in.Signed();
    return Complete(in);
  }

 private:
  AggregateKind kind_;
  int width_;
  std::int64_t count_ = 0;
  std::int64_t ones_[64] = {};
};

// The same of bit strings, which have to be of one length.
class BitStrings : public Accumulator {
 public:
  explicit BitStrings(AggregateKind kind) : kind_(kind) {}
  void Add(const ArgumentRow& row, std::int64_t weight) override {
    if (row[0].null) return;
    const auto found = lengths_.try_emplace(row[0].s.size()).first;
    Length& length = found->second;
    length.count += weight;
    length.ones.resize(found->first);
    for (std::size_t i = 0; i < row[0].s.size(); ++i) length.ones[i] += row[0].s[i] == '1' ? weight : 0;
    if (length.count == 0) lengths_.erase(found);
  }
  AggregateResult Result() const override {
    if (lengths_.empty()) return NoValue();
    if (lengths_.size() > 1) {
      const char* const word =
          kind_ == AggregateKind::kBitAnd ? "AND" : (kind_ == AggregateKind::kBitOr ? "OR" : "XOR");
      return {Datum::Null(), "22026", std::string("cannot ") + word + " bit strings of different sizes"};
    }
    const Length& length = lengths_.begin()->second;
    std::string bits;
    for (const std::int64_t ones : length.ones) {
      const bool set = kind_ == AggregateKind::kBitAnd  ? ones == length.count
                       : kind_ == AggregateKind::kBitOr ? ones > 0
                                                        : ones % 2 != 0;
      bits.push_back(set ? '1' : '0');
    }
    return Value(Datum::Of(std::move(bits)));
  }

  void Encode(std::string& out) const override {
    PutVarint(out, lengths_.size());
    for (const auto& [size, length] : lengths_) {
      PutVarint(out, size);
      PutSigned(out, length.count);
      for (const std::int64_t ones : length.ones) PutSigned(out, ones);
    }
  }
  bool Decode(std::string_view bytes) override {
    ByteReader in(bytes);
    for (std::uint64_t left = in.Varint(); left > 0 && !in.failed(); --left) {
      const auto size = static_cast<std::size_t>(in.Varint());
      Length length{in.Signed(), {}};
      for (std::size_t i = 0; i < size && !in.failed(); ++i) length.ones.push_back(in.Signed());
      lengths_.insert_or_assign(size, std::move(length));
    }
    return Complete(in);
  }

 private:
  struct Length {
    std::int64_t count = 0;
    std::vector<std::int64_t> ones;
  };
  AggregateKind kind_;
  std::map<std::size_t, Length> lengths_;
};

}  // namespace

std::unique_ptr<Accumulator> MakeBits(const sql::AggregateCall& call) {
  const Type type = call.arguments[0]->type;
  if (type.Is(TypeId::kBit)) return std::make_unique<BitStrings>(call.kind);
  return std::make_unique<Bits>(call.kind, type);
}

}  // namespace headgate::operators
