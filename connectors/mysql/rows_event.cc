#include "connectors/mysql/rows_event.h"

#include <bit>

#include "connectors/mysql/packed.h"
#include "connectors/mysql/table_map.h"

namespace headgate::mysql {
namespace {

constexpr std::uint64_t kPartialJson = 1;  // value options of PARTIAL_UPDATE_ROWS

bool IsCompressed(EventType type) {
  return type >= EventType::kWriteRowsCompressedV1 && type <= EventType::kDeleteRowsCompressed;
}

bool HasExtra(EventType type) {
  switch (type) {
    case EventType::kWriteRows:
    case EventType::kUpdateRows:
    case EventType::kDeleteRows:
    case EventType::kPartialUpdateRows:
    case EventType::kWriteRowsCompressed:
    case EventType::kUpdateRowsCompressed:
    case EventType::kDeleteRowsCompressed:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<RowOp> RowOpOf(EventType type) {
  switch (type) {
    case EventType::kWriteRowsV1:
    case EventType::kWriteRows:
    case EventType::kWriteRowsCompressedV1:
    case EventType::kWriteRowsCompressed:
      return RowOp::kWrite;
    case EventType::kUpdateRowsV1:
    case EventType::kUpdateRows:
    case EventType::kPartialUpdateRows:
    case EventType::kUpdateRowsCompressedV1:
    case EventType::kUpdateRowsCompressed:
      return RowOp::kUpdate;
    case EventType::kDeleteRowsV1:
    case EventType::kDeleteRows:
    case EventType::kDeleteRowsCompressedV1:
    case EventType::kDeleteRowsCompressed:
      return RowOp::kDelete;
    default:
      return std::nullopt;
  }
}

std::size_t ColumnSet::Count() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < columns_; ++i) count += Has(i) ? 1 : 0;
  return count;
}

std::optional<RowsEvent> ParseRows(const Event& event, std::string& inflated) {
  const auto op = RowOpOf(event.type);
  if (!op) return std::nullopt;
  RowsEvent rows;
  rows.op = *op;
  rows.partial = event.type == EventType::kPartialUpdateRows;
  ByteReader in(event.body);
  const std::uint64_t low = in.Fixed<std::uint32_t>();
  rows.table = low | static_cast<std::uint64_t>(in.Fixed<std::uint16_t>()) << 32;
  rows.flags = in.Fixed<std::uint16_t>();
  if (HasExtra(event.type)) {
    const auto extra = in.Fixed<std::uint16_t>();  // with its own two bytes
    if (extra < 2) return std::nullopt;
    in.Take(extra - 2U);
  }
  const std::uint64_t columns = PackedNumber(in);
  if (in.failed() || columns == 0 || columns > kColumnsMax) return std::nullopt;
  const auto count = static_cast<std::size_t>(columns);
  const std::size_t bytes = (count + 7) / 8;
  rows.before = {in.Take(bytes), count};
  if (*op == RowOp::kUpdate) rows.after = {in.Take(bytes), count};
  if (in.failed()) return std::nullopt;
  rows.rows = in.Take(in.remaining());
  if (IsCompressed(event.type)) {
    if (!InflateMariadb(rows.rows, inflated)) return std::nullopt;
    rows.rows = inflated;
  }
  return rows;
}

bool TakeImageHead(ByteReader& in, const ColumnSet& columns, RowImageHead& head) {
  head.nulls = in.Take((columns.Count() + 7) / 8);
  return !in.failed();
}

bool TakePartialHead(ByteReader& in, std::size_t json_columns, PartialHead& head) {
  const std::uint64_t options = PackedNumber(in);
  if (in.failed() || (options & ~kPartialJson) != 0) return false;
  head.any = (options & kPartialJson) != 0;
  head.columns = head.any ? in.Take((json_columns + 7) / 8) : std::string_view();
  return !in.failed();
}

}  // namespace headgate::mysql
