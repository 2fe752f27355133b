#include "connectors/mysql/table_map.h"

#include <algorithm>
#include <utility>

#include "connectors/mysql/packed.h"
#include "core/base/bytes.h"

namespace headgate::mysql {
namespace {

std::uint64_t Number48(ByteReader& in) {
  const std::uint64_t low = in.Fixed<std::uint32_t>();
  return low | static_cast<std::uint64_t>(in.Fixed<std::uint16_t>()) << 32;
}

// A length of a byte, the text, a zero.
std::string_view Name(ByteReader& in) {
  const std::string_view name = in.Take(in.Byte());
  in.Byte();
  return name;
}
std::string_view PackedText(ByteReader& in) { return in.Take(static_cast<std::size_t>(PackedNumber(in))); }

// ENUM, SET and CHAR share a type: the first byte says which, and has two bits of CHAR's length, inverted.
void ReadString(MapColumn& column, ByteReader& in) {
  const std::uint8_t first = in.Byte();
  const std::uint8_t second = in.Byte();
  column.type = static_cast<ColumnType>(first | 0x30);
  column.meta = static_cast<std::uint16_t>(second | ((first & 0x30) ^ 0x30) << 4);
}

void ReadMeta(MapColumn& column, ByteReader& in) {
  switch (column.type) {
    case ColumnType::kFloat:
    case ColumnType::kDouble:
    case ColumnType::kTinyBlob:
    case ColumnType::kMediumBlob:
    case ColumnType::kLongBlob:
    case ColumnType::kBlob:
    case ColumnType::kBlobCompressed:
    case ColumnType::kGeometry:
    case ColumnType::kJson:
    case ColumnType::kVector:
    case ColumnType::kTimestamp2:
    case ColumnType::kDatetime2:
    case ColumnType::kTime2:
      column.meta = in.Byte();
      break;
    case ColumnType::kVarchar:
    case ColumnType::kVarString:
    case ColumnType::kVarcharCompressed:
      column.meta = in.Fixed<std::uint16_t>();
      break;
    case ColumnType::kNewDecimal:
      column.meta = in.Byte();
      column.scale = in.Byte();
      break;
    case ColumnType::kBit:  // bits beside the whole bytes, then those
      column.scale = in.Byte();
      column.meta = in.Byte();
      break;
    case ColumnType::kString:
    case ColumnType::kEnum:
    case ColumnType::kSet:
      ReadString(column, in);
      break;
    default:
      break;
  }
}

bool IsNumeric(ColumnType type) {
  switch (type) {
    case ColumnType::kTiny:
    case ColumnType::kShort:
    case ColumnType::kInt24:
    case ColumnType::kLong:
    case ColumnType::kLongLong:
    case ColumnType::kFloat:
    case ColumnType::kDouble:
    case ColumnType::kNewDecimal:
    case ColumnType::kYear:
      return true;
    default:
      return false;
  }
}
bool IsText(ColumnType type) {
  switch (type) {
    case ColumnType::kString:
    case ColumnType::kVarString:
    case ColumnType::kVarchar:
    case ColumnType::kVarcharCompressed:
    case ColumnType::kTinyBlob:
    case ColumnType::kMediumBlob:
    case ColumnType::kLongBlob:
    case ColumnType::kBlob:
    case ColumnType::kBlobCompressed:
      return true;
    default:
      return false;
  }
}
bool IsTextOfMariadb(ColumnType type) { return IsText(type) || type == ColumnType::kGeometry; }
bool IsLabelled(ColumnType type) { return type == ColumnType::kEnum || type == ColumnType::kSet; }

// Bits, the first column's highest.
class Bits {
 public:
  explicit Bits(std::string_view bytes) : bytes_(bytes) {}
  bool Next() {
    const std::size_t at = next_++;
    return at / 8 < bytes_.size() && (static_cast<std::uint8_t>(bytes_[at / 8]) & (0x80U >> (at % 8))) != 0;
  }

 private:
  std::string_view bytes_;
  std::size_t next_ = 0;
};

// The fields behind the columns: a number, a size, a value each. Those that are not known are left out.
class Metadata {
 public:
  Metadata(TableMap& map, Flavor flavor) : map_(map), is_text_(flavor == Flavor::kMariadb ? IsTextOfMariadb : IsText) {}

  bool Read(ByteReader& in) {
    while (!in.done() && !in.failed()) {
      const std::uint8_t field = in.Byte();
      const std::string_view value = PackedText(in);
      if (!in.failed() && !ReadField(field, value)) return false;
    }
    return !in.failed();
  }

 private:
  using Of = bool (*)(ColumnType);

  bool ReadField(std::uint8_t field, std::string_view value) {
    ByteReader in(value);
    switch (field) {
      case 1:
        ReadSignedness(value);
        break;
      case 2:
        ReadDefaultCharset(in, is_text_);
        break;
      case 3:
        ReadCharsets(in, is_text_);
        break;
      case 4:
        ReadNames(in);
        break;
      case 5:
        ReadLabels(in, ColumnType::kSet);
        break;
      case 6:
        ReadLabels(in, ColumnType::kEnum);
        break;
      case 7:
        Each([](ColumnType type) { return type == ColumnType::kGeometry; }, in,
             [&](MapColumn& column) { column.geometry = static_cast<std::uint8_t>(PackedNumber(in)); });
        break;
      case 8:
        ReadKey(in, false);
        break;
      case 9:
        ReadKey(in, true);
        break;
      case 10:
        ReadDefaultCharset(in, IsLabelled);
        break;
      case 11:
        ReadCharsets(in, IsLabelled);
        break;
      case 12:
        ReadVisibility(value);
        break;
      case 13:
        Each([](ColumnType type) { return type == ColumnType::kVector; }, in,
             [&](MapColumn& column) { column.dimensions = static_cast<std::uint32_t>(PackedNumber(in)); });
        break;
      default:
        break;
    }
    return !in.failed();
  }

  template <class F>
  void Each(Of of, ByteReader& in, const F& read) {
    for (MapColumn& column : map_.columns) {
      if (of(column.type) && !in.done()) read(column);
    }
  }
  void ReadSignedness(std::string_view value) {
    Bits bits(value);
    for (MapColumn& column : map_.columns) {
      if (IsNumeric(column.type)) column.is_unsigned = bits.Next();
    }
    map_.signs = true;
  }
  void ReadVisibility(std::string_view value) {
    Bits bits(value);
    for (MapColumn& column : map_.columns) column.visible = bits.Next();
  }
  // Of all, then those that differ: their place among the columns of this kind, and theirs.
  void ReadDefaultCharset(ByteReader& in, Of of) {
    std::vector<MapColumn*> columns;
    for (MapColumn& column : map_.columns) {
      if (of(column.type)) columns.push_back(&column);
    }
    const auto charset = static_cast<std::uint16_t>(PackedNumber(in));
    for (MapColumn* column : columns) column->charset = charset;
    while (!in.done() && !in.failed()) {
      const std::uint64_t place = PackedNumber(in);
      const std::uint64_t other = PackedNumber(in);
      if (place >= columns.size()) return in.Fail();
      columns[place]->charset = static_cast<std::uint16_t>(other);
    }
  }
  void ReadCharsets(ByteReader& in, Of of) {
    Each(of, in, [&](MapColumn& column) { column.charset = static_cast<std::uint16_t>(PackedNumber(in)); });
  }
  void ReadNames(ByteReader& in) {
    for (MapColumn& column : map_.columns) column.name = PackedText(in);
    map_.full = !in.failed();
  }
  void ReadLabels(ByteReader& in, ColumnType type) {
    for (MapColumn& column : map_.columns) {
      if (column.type != type || in.done()) continue;
      column.labels.clear();
      for (std::uint64_t left = PackedNumber(in); left > 0 && !in.failed(); --left)
        column.labels.emplace_back(PackedText(in));
    }
  }
  void ReadKey(ByteReader& in, bool with_prefix) {
    map_.key.clear();
    while (!in.done() && !in.failed()) {
      const std::uint64_t column = PackedNumber(in);
      if (with_prefix) PackedNumber(in);
      if (column >= map_.columns.size()) return in.Fail();
      map_.key.push_back(static_cast<std::size_t>(column));
    }
  }

  TableMap& map_;
  Of is_text_;
};

}  // namespace

std::optional<std::uint64_t> ReadTableId(std::string_view body) {
  ByteReader in(body);
  const std::uint64_t id = Number48(in);
  return in.failed() ? std::nullopt : std::optional(id);
}

std::optional<TableMap> ParseTableMap(std::string_view body, Flavor flavor) {
  ByteReader in(body);
  TableMap map;
  map.id = Number48(in);
  in.Fixed<std::uint16_t>();  // flags
  map.database = Name(in);
  map.table = Name(in);
  const std::uint64_t count = PackedNumber(in);
  if (in.failed() || count > kColumnsMax) return std::nullopt;
  const std::string_view types = in.Take(static_cast<std::size_t>(count));
  ByteReader metas(PackedText(in));
  const std::string_view nullable = in.Take((static_cast<std::size_t>(count) + 7) / 8);
  if (in.failed()) return std::nullopt;
  for (std::size_t c = 0; c < count; ++c) {
    MapColumn& column = map.columns.emplace_back();
    column.type = static_cast<ColumnType>(types[c]);
    ReadMeta(column, metas);
    column.nullable = (static_cast<std::uint8_t>(nullable[c / 8]) & (1U << (c % 8))) != 0;
  }
  if (metas.failed() || !Metadata(map, flavor).Read(in)) return std::nullopt;
  return map;
}

}  // namespace headgate::mysql
