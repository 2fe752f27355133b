#include <arpa/inet.h>
#include <zlib.h>

#include <bit>
#include <charconv>

#include "connectors/mysql/column.h"
#include "connectors/mysql/decimal.h"
#include "connectors/mysql/json_binary.h"
#include "connectors/mysql/json_diff.h"
#include "connectors/mysql/packed.h"
#include "connectors/mysql/temporal.h"
#include "core/base/encoding.h"
#include "core/codec/json_text.h"
#include "core/model/value.h"

namespace headgate::mysql {
namespace {

using F = Form;
using T = ColumnType;

constexpr std::size_t kUuidBytes = 16;
constexpr std::size_t kInet4Bytes = 4;
constexpr std::size_t kInet6Bytes = 16;

std::int64_t Sign(std::uint64_t v, int bits) {
  const int shift = 64 - bits;
  return static_cast<std::int64_t>(v << shift) >> shift;
}

std::uint64_t LittleEndian(ByteReader& in, int bytes) {
  switch (bytes) {
    case 1:
      return in.Byte();
    case 2:
      return in.Fixed<std::uint16_t>();
    case 4:
      return in.Fixed<std::uint32_t>();
    case 8:
      return in.Fixed<std::uint64_t>();
    default:
      break;
  }
  std::uint64_t v = 0;
  const std::string_view taken = in.Take(static_cast<std::size_t>(bytes));
  for (std::size_t i = 0; i < taken.size(); ++i) v |= std::uint64_t{static_cast<unsigned char>(taken[i])} << 8 * i;
  return v;
}

int IntegerBytes(ColumnType type) {
  switch (type) {
    case T::kTiny:
      return 1;
    case T::kShort:
      return 2;
    case T::kInt24:
      return 3;
    case T::kLong:
      return 4;
    default:
      return 8;
  }
}

// A text, its length before it; how many bytes that takes depends on the most that it can be.
std::string_view TakeString(const MapColumn& stored, ByteReader& in) {
  switch (stored.type) {
    case T::kString:
    case T::kVarchar:
    case T::kVarString:
    case T::kVarcharCompressed:
      return in.Take(stored.meta > 255 ? in.Fixed<std::uint16_t>() : in.Byte());
    default:
      if (stored.meta < 1 || stored.meta > 4) in.Fail();
      return in.Take(static_cast<std::size_t>(LittleEndian(in, stored.meta)));
  }
}

void PutBits(std::string& out, std::string_view bytes, std::int32_t bits) {
  std::string text(static_cast<std::size_t>(bits), '0');
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::size_t bit = text.size() - 1 - i;  // of the number
    if (bit / 8 >= bytes.size()) continue;
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - 1 - bit / 8]);
    if ((byte >> bit % 8 & 1) != 0) text[i] = '1';
  }
  PutBlob(out, ValueKind::kBits, text);
}

void PutVector(std::string& out, std::string_view bytes) {
  std::string payload;
  const std::size_t count = bytes.size() / sizeof(float);
  if (count == 0) {
    PutArrayHeader(payload, {});
  } else {
    PutArrayHeader(payload, {{static_cast<std::int64_t>(count), 1}});
  }
  ByteReader in(bytes);
  for (std::size_t i = 0; i < count; ++i) PutFloat(payload, in.Fixed<float>());
  PutBlob(out, ValueKind::kArray, payload);
}

// What the server left out at the end were zeros.
std::string Padded(std::string_view bytes, std::size_t size) {
  std::string padded(bytes.substr(0, size));
  padded.resize(size, '\0');
  return padded;
}

std::optional<std::string> UuidBytes(std::string_view text) {
  std::string digits(text);
  std::erase(digits, '-');
  auto bytes = FromHex(digits);
  if (bytes && bytes->size() != kUuidBytes) bytes.reset();
  return bytes;
}

void PutAddress(std::string& out, int family, std::string_view bytes, std::size_t size) {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(family, Padded(bytes, size).data(), text, sizeof text);
  PutBlob(out, ValueKind::kText, text);
}

// COMPRESSED columns of MariaDB: a byte that says the method (8: zlib) and how long the size is, the size, the stream.
bool InflateColumn(std::string_view packed, std::string& out) {
  if (packed.empty()) {
    out.clear();
    return true;
  }
  const auto head = static_cast<unsigned char>(packed[0]);
  const unsigned method = head >> 4;
  if (method == 0) {
    out = packed.substr(1);
    return true;
  }
  constexpr unsigned kZlib = 8;
  const std::size_t size_bytes = head & 7U;
  const bool wrapped = (head & 8U) != 0;
  if (method != kZlib || packed.size() < 1 + size_bytes) return false;
  std::uint64_t size = 0;
  for (std::size_t i = 0; i < size_bytes; ++i) size = size << 8 | static_cast<unsigned char>(packed[1 + i]);
  if (size > kInflatedMax) return false;
  packed.remove_prefix(1 + size_bytes);
  out.resize(static_cast<std::size_t>(size));
  z_stream stream{};
  if (inflateInit2(&stream, wrapped ? MAX_WBITS : -MAX_WBITS) != Z_OK) return false;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));  // zlib does not write there
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(size);
  const int status = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  return status == Z_STREAM_END && stream.avail_out == 0;
}

// ZEROFILL pads what a query gives.
std::string_view WithoutZerofill(std::string& buffer, std::string_view text) {
  const bool negative = text.starts_with('-');
  std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.size() < 2 || digits[0] != '0' || digits[1] == '.') return text;
  while (digits.size() > 1 && digits[0] == '0' && digits[1] != '.') digits.remove_prefix(1);
  buffer = negative ? "-" : "";
  buffer += digits;
  return buffer;
}

template <class N>
bool ParseWhole(std::string_view text, N& v) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  return ec == std::errc() && end == text.data() + text.size();
}

// False if it is not what the form promises.
bool PutSelected(std::string& out, const ColumnReader& column, const ResultColumn& result, std::string_view value) {
  using K = ResultColumn::Kind;
  switch (column.form) {
    case F::kInt:
    case F::kYear:
      if (result.kind != K::kInteger) return false;
      PutInt(out, IntegerOf(result, value));
      return true;
    case F::kUint:
      if (result.kind != K::kInteger || !result.is_unsigned) return false;
      PutUint(out, static_cast<std::uint64_t>(IntegerOf(result, value)));
      return true;
    case F::kFloat:
      if (result.kind != K::kFloat) return false;
      PutFloat(out, FloatOf(value));
      return true;
    case F::kDouble:
      if (result.kind != K::kDouble) return false;
      PutDouble(out, DoubleOf(value));
      return true;
    case F::kTime:
      if (result.kind != K::kTime) return false;
      PutTime(out, TimeOf(value));
      return true;
    case F::kDate:
    case F::kDatetime:
    case F::kTimestamp: {
      if (result.kind != K::kMoment) return false;
      const StoredMoment at = MomentOf(value);
      if (column.form == F::kDate) PutMomentAsDate(out, at);
      if (column.form == F::kDatetime) PutMoment(out, at, column.digits);
      if (column.form == F::kTimestamp) PutInstant(out, at, column.digits);
      return true;
    }
    default:
      return false;
  }
}

// False if the text is no number, or no moment, of this form.
bool PutScalarText(std::string& out, const ColumnReader& column, std::string_view text) {
  std::int64_t i = 0;
  std::uint64_t u = 0;
  double d = 0;
  StoredMoment at;
  switch (column.form) {
    case F::kInt:
    case F::kYear:
      if (!ParseWhole(text, i)) return false;
      PutInt(out, i);
      return true;
    case F::kUint:
      if (!ParseWhole(text, u)) return false;
      PutUint(out, u);
      return true;
    case F::kBits: {
      if (!ParseWhole(text, u)) return false;
      std::string bytes;
      PutBigEndian(bytes, u);
      PutBits(out, bytes, column.length);
      return true;
    }
    case F::kFloat:
      if (!ParseWhole(text, d)) return false;
      PutFloat(out, static_cast<float>(d));
      return true;
    case F::kDouble:
      if (!ParseWhole(text, d)) return false;
      PutDouble(out, d);
      return true;
    case F::kDate:
      if (!ParseMoment(text, at)) return false;
      PutMomentAsDate(out, at);
      return true;
    case F::kTime:
      if (!ParseTime(text, i)) return false;
      PutTime(out, i);
      return true;
    case F::kDatetime:
      if (!ParseMoment(text, at)) return false;
      PutMoment(out, at, column.digits);
      return true;
    case F::kTimestamp:
      if (!ParseMoment(text, at)) return false;
      PutInstant(out, at, column.digits);
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string_view ValueReader::Inflated(std::string_view bytes, ByteReader& in) {
  if (InflateColumn(bytes, inflated_)) return inflated_;
  in.Fail();
  return {};
}

void ValueReader::AppendCharacters(std::string& out, const ColumnReader& column, std::string_view bytes) {
  if (column.charset == Charset::kUtf8) {  // without a copy
    PutBlob(out, IsUtf8(bytes) ? ValueKind::kText : ValueKind::kRawText, bytes);
    return;
  }
  text_.clear();
  if (decoder_.Append(text_, column.charset, bytes)) {
    PutBlob(out, ValueKind::kText, text_);
  } else {
    PutBlob(out, ValueKind::kRawText, bytes);
  }
}

void ValueReader::AppendJsonCharacters(std::string& out, const ColumnReader& column, std::string_view bytes) {
  text_.clear();
  if (!decoder_.Append(text_, column.charset, bytes)) return PutBlob(out, ValueKind::kRawText, bytes);
  marked_.clear();
  PutBlob(out, codec::AppendCompactJson(marked_, text_) ? ValueKind::kJson : ValueKind::kText, text_);
}

void ValueReader::AppendBinaryJson(std::string& out, std::string_view document, ByteReader& in) {
  text_.clear();
  bool marks = false;
  if (!AppendJsonDocument(text_, document, JsonForm::kServer, marks)) return in.Fail();
  if (!marks) return PutBlob(out, ValueKind::kJson, text_);
  marked_.clear();
  AppendJsonDocument(marked_, document, JsonForm::kMarked, marks);
  PutMarkedJson(out, text_, marked_);
}

bool ValueReader::AppendJsonChanged(std::string& out, std::string_view before, std::string_view differences) {
  text_.clear();
  bool marks = false;
  if (!AppendJsonAfter(text_, before, differences, JsonForm::kServer, marks)) return false;
  if (!marks) {
    PutBlob(out, ValueKind::kJson, text_);
    return true;
  }
  marked_.clear();
  AppendJsonAfter(marked_, before, differences, JsonForm::kMarked, marks);
  PutMarkedJson(out, text_, marked_);
  return true;
}

void ValueReader::AppendSet(std::string& out, const ColumnReader& column, std::uint64_t bits) {
  text_.clear();
  bool first = true;
  for (std::size_t i = 0; i < column.labels.size(); ++i) {
    if ((bits >> i & 1) == 0) continue;
    if (!first) text_.push_back(',');
    first = false;
    text_ += column.labels[i];
  }
  PutBlob(out, ValueKind::kText, text_);
}

// What both phases read the same way: bytes of strings of every kind.
void ValueReader::AppendString(std::string& out, const ColumnReader& column, std::string_view bytes) {
  switch (column.form) {
    case F::kText:
      return AppendCharacters(out, column, bytes);
    case F::kJsonText:
      return AppendJsonCharacters(out, column, bytes);
    case F::kInet4:
      return PutAddress(out, AF_INET, bytes, kInet4Bytes);
    case F::kInet6:
      return PutAddress(out, AF_INET6, bytes, kInet6Bytes);
    case F::kUuid:
      return PutUuid(out, Padded(bytes, kUuidBytes));
    case F::kVector:
      return PutVector(out, bytes);
    default: {
      const auto size = static_cast<std::size_t>(column.length);
      if (bytes.size() >= size) return PutBlob(out, ValueKind::kBytes, bytes);
      return PutBlob(out, ValueKind::kBytes, Padded(bytes, size));
    }
  }
}

void ValueReader::AppendStored(std::string& out, const ColumnReader& column, ByteReader& in) {
  const MapColumn& stored = column.stored;
  switch (column.form) {
    case F::kInt: {
      const int bytes = IntegerBytes(stored.type);
      const std::uint64_t v = LittleEndian(in, bytes);
      return PutInt(out, stored.is_unsigned ? static_cast<std::int64_t>(v) : Sign(v, bytes * 8));
    }
    case F::kUint:
      return PutUint(out, LittleEndian(in, IntegerBytes(stored.type)));
    case F::kFloat:
      return PutFloat(out, in.Fixed<float>());
    case F::kDouble:
      return PutDouble(out, in.Fixed<double>());
    case F::kDecimal:
      text_.clear();
      AppendDecimal(text_, in, stored.meta, stored.scale);
      return PutBlob(out, ValueKind::kDecimal, text_);
    case F::kYear: {
      const std::uint8_t year = in.Byte();
      return PutInt(out, year == 0 ? 0 : 1900 + year);
    }
    case F::kDate:
      return PutMomentAsDate(out, ReadDate(in));
    case F::kTime:
      return PutTime(out, stored.type == T::kTime ? ReadOldTime(in) : ReadTime2(in, stored.meta));
    case F::kDatetime:
      return PutMoment(out, stored.type == T::kDatetime ? ReadOldDatetime(in) : ReadDatetime2(in, stored.meta),
                       column.digits);
    case F::kTimestamp: {
      const bool old = stored.type == T::kTimestamp;
      const std::uint32_t seconds = old ? in.Fixed<std::uint32_t>() : in.BigEndian<std::uint32_t>();
      return PutInstant(out, seconds, old ? 0 : ReadFraction(in, stored.meta), column.digits);
    }
    case F::kBits: {
      const std::int32_t bits = stored.meta * 8 + stored.scale;
      return PutBits(out, in.Take(static_cast<std::size_t>((bits + 7) / 8)), bits);
    }
    case F::kEnum: {
      const std::uint64_t index = LittleEndian(in, stored.meta == 2 ? 2 : 1);
      if (index > column.labels.size()) in.Fail();
      return PutBlob(out, ValueKind::kText,
                     index == 0 || in.failed() ? std::string_view() : std::string_view(column.labels[index - 1]));
    }
    case F::kSet:
      if (stored.meta < 1 || stored.meta > 8) return in.Fail();
      return AppendSet(out, column, LittleEndian(in, stored.meta));
    case F::kJson:
      return AppendBinaryJson(out, TakeString(stored, in), in);
    case F::kUnknown:
      return in.Fail();
    default: {
      std::string_view bytes = TakeString(stored, in);
      if (stored.type == T::kVarcharCompressed || stored.type == T::kBlobCompressed) bytes = Inflated(bytes, in);
      if (!in.failed()) AppendString(out, column, bytes);
    }
  }
}

void ValueReader::AppendSelected(std::string& out, const ColumnReader& column, const ResultColumn& result,
                                 std::string_view value) {
  if (result.kind == ResultColumn::Kind::kText) return AppendText(out, column, value);
  if (!PutSelected(out, column, result, value)) AppendText(out, column, TextOf(result, value));
}

void ValueReader::AppendText(std::string& out, const ColumnReader& column, std::string_view text) {
  switch (column.form) {
    case F::kDecimal:
      return PutBlob(out, ValueKind::kDecimal, WithoutZerofill(text_, text));
    case F::kEnum:
    case F::kSet:
      return AppendCharacters(out, column, text);
    case F::kJson:
      text_.clear();
      if (codec::AppendCompactJson(text_, text)) return PutBlob(out, ValueKind::kJson, text_);
      return PutBlob(out, IsUtf8(text) ? ValueKind::kText : ValueKind::kRawText, text);
    case F::kUuid:
      if (const auto bytes = UuidBytes(text)) return PutUuid(out, *bytes);
      return PutBlob(out, ValueKind::kText, text);
    case F::kInet4:
    case F::kInet6:
      return PutBlob(out, ValueKind::kText, text);
    case F::kText:
    case F::kJsonText:
    case F::kBytes:
    case F::kGeometry:
    case F::kVector:
      return AppendString(out, column, text);
    default:
      if (PutScalarText(out, column, text)) return;
      return PutBlob(out, IsUtf8(text) ? ValueKind::kText : ValueKind::kRawText, text);
  }
}

}  // namespace headgate::mysql
