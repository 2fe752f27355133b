#include "connectors/mysql/result_row.h"

#include <charconv>

#include "connectors/mysql/packed.h"
#include "core/base/bytes.h"

namespace headgate::mysql {
namespace {

using Kind = ResultColumn::Kind;

// Of a definition: a length, character set, size, type, flags, decimals, two bytes of nothing.
constexpr std::size_t kDefinitionTail = 13;
constexpr unsigned char kTailBytes = 12;
constexpr std::size_t kDateBytes = 4;  // of a moment without a time
constexpr int kDigits = 6;

template <class Number>
std::string Shortest(Number number) {
  char text[40];
  return {text, std::to_chars(text, std::end(text), number).ptr};
}

template <class Number>
Number Load(std::string_view value) {
  return ByteReader(value).Fixed<Number>();
}

// By its number in the protocol.
ResultColumn OfType(std::uint8_t type) {
  switch (type) {
    case 1:  // TINY
      return ResultColumn{Kind::kInteger, 1};
    case 2:   // SHORT
    case 13:  // YEAR
      return ResultColumn{Kind::kInteger, 2};
    case 3:  // LONG
    case 9:  // INT24
      return ResultColumn{Kind::kInteger, 4};
    case 8:  // LONGLONG
      return ResultColumn{Kind::kInteger, 8};
    case 4:
      return ResultColumn{Kind::kFloat};
    case 5:
      return ResultColumn{Kind::kDouble};
    case 6:
      return ResultColumn{Kind::kNothing};
    case 7:   // TIMESTAMP
    case 10:  // DATE
    case 12:  // DATETIME
    case 14:  // NEWDATE
    case 17:  // TIMESTAMP2
    case 18:  // DATETIME2
      return ResultColumn{Kind::kMoment};
    case 11:
    case 19:
      return ResultColumn{Kind::kTime};
    default:
      return ResultColumn{Kind::kText};
  }
}

std::string_view TakeValue(const ResultColumn& column, ByteReader& in) {
  switch (column.kind) {
    case Kind::kInteger:
      return in.Take(column.bytes);
    case Kind::kFloat:
      return in.Take(sizeof(float));
    case Kind::kDouble:
      return in.Take(sizeof(double));
    case Kind::kMoment:
    case Kind::kTime:
      return in.Take(in.Byte());
    case Kind::kText:
      return in.Take(static_cast<std::size_t>(PackedNumber(in)));
    default:
      in.Fail();
      return {};
  }
}

}  // namespace

std::optional<ResultColumn> ParseResultColumn(std::string_view definition) {
  constexpr std::size_t kTypeAt = 7;
  constexpr std::size_t kFlagsAt = 8;
  constexpr unsigned char kUnsigned = 32;
  if (definition.size() < kDefinitionTail) return std::nullopt;
  const std::string_view tail = definition.substr(definition.size() - kDefinitionTail);
  if (static_cast<unsigned char>(tail[0]) != kTailBytes) return std::nullopt;
  ResultColumn column = OfType(static_cast<std::uint8_t>(tail[kTypeAt]));
  column.is_unsigned = (static_cast<unsigned char>(tail[kFlagsAt]) & kUnsigned) != 0;
  return column;
}

// A zero, a bit for each column that is NULL, two bits behind the first, then the others.
bool SplitRow(std::string_view packet, const std::vector<ResultColumn>& columns,
              std::vector<std::string_view>& values) {
  constexpr std::size_t kFirstBit = 2;
  ByteReader in(packet);
  if (in.Byte() != 0) return false;
  const std::string_view nulls = in.Take((columns.size() + kFirstBit + 7) / 8);
  if (in.failed()) return false;
  values.resize(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::size_t bit = i + kFirstBit;
    const bool is_null = (static_cast<unsigned char>(nulls[bit / 8]) >> bit % 8 & 1) != 0;
    values[i] = is_null ? std::string_view() : TakeValue(columns[i], in);
  }
  return !in.failed() && in.done();
}

std::int64_t IntegerOf(const ResultColumn& column, std::string_view value) {
  switch (column.bytes) {
    case 1:
      return column.is_unsigned ? Load<std::uint8_t>(value) : Load<std::int8_t>(value);
    case 2:
      return column.is_unsigned ? Load<std::uint16_t>(value) : Load<std::int16_t>(value);
    case 4:
      return column.is_unsigned ? std::int64_t{Load<std::uint32_t>(value)} : std::int64_t{Load<std::int32_t>(value)};
    default:
      return Load<std::int64_t>(value);
  }
}

float FloatOf(std::string_view value) { return Load<float>(value); }
double DoubleOf(std::string_view value) { return Load<double>(value); }

// Of seven bytes without a fraction, of none all zero.
StoredMoment MomentOf(std::string_view value) {
  constexpr std::size_t kClockBytes = 7;
  ByteReader in(value);
  StoredMoment at;
  if (value.size() < kDateBytes) return at;
  at.year = in.Fixed<std::uint16_t>();
  at.month = in.Byte();
  at.day = in.Byte();
  if (value.size() < kClockBytes) return at;
  at.hour = in.Byte();
  at.minute = in.Byte();
  at.second = in.Byte();
  if (value.size() > kClockBytes) at.us = in.Fixed<std::uint32_t>();
  return at;
}

// A sign, days, and a clock.
std::int64_t TimeOf(std::string_view value) {
  constexpr std::size_t kClockBytes = 8;
  constexpr std::int64_t kSecondUs = 1'000'000;
  if (value.size() < kClockBytes) return 0;
  ByteReader in(value);
  const bool negative = in.Byte() != 0;
  const std::int64_t days = in.Fixed<std::uint32_t>();
  const std::int64_t hours = days * 24 + in.Byte();
  const std::int64_t minutes = hours * 60 + in.Byte();
  std::int64_t us = (minutes * 60 + in.Byte()) * kSecondUs;
  if (value.size() > kClockBytes) us += in.Fixed<std::uint32_t>();
  return negative ? -us : us;
}

std::string TextOf(const ResultColumn& column, std::string_view value) {
  std::string text;
  switch (column.kind) {
    case Kind::kInteger:
      return column.is_unsigned ? std::to_string(static_cast<std::uint64_t>(IntegerOf(column, value)))
                                : std::to_string(IntegerOf(column, value));
    case Kind::kFloat:  // compared as what it is as a double
      return Shortest(static_cast<double>(FloatOf(value)));
    case Kind::kDouble:
      return Shortest(DoubleOf(value));
    case Kind::kMoment: {
      const StoredMoment at = MomentOf(value);
      AppendDateText(text, at);
      if (value.size() <= kDateBytes) return text;
      text.push_back(' ');
      AppendClockText(text, at.hour, at.minute, at.second, at.us, at.us != 0 ? kDigits : 0);
      return text;
    }
    case Kind::kTime: {
      const std::int64_t us = TimeOf(value);
      AppendTimeText(text, us, us % 1'000'000 != 0 ? kDigits : 0);
      return text;
    }
    default:
      return std::string(value);
  }
}

}  // namespace headgate::mysql
