#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/binlog_event.h"
#include "core/base/bytes.h"

// WRITE_ROWS, UPDATE_ROWS, DELETE_ROWS of both versions, PARTIAL_UPDATE_ROWS, and MariaDB's compressed forms. (MySQL
// source documentation, Rows_event; MariaDB, "Rows_event_v1/v2" and "Row compression".) Pure.
namespace headgate::mysql {

enum class RowOp : std::uint8_t { kWrite, kUpdate, kDelete };

// Nothing if the event holds no rows.
std::optional<RowOp> RowOpOf(EventType type);

// The columns of a table that an image has, by a bit each.
class ColumnSet {
 public:
  ColumnSet() = default;
  ColumnSet(std::string_view bits, std::size_t columns) : bits_(bits), columns_(columns) {}
  bool Has(std::size_t i) const { return (static_cast<unsigned char>(bits_[i / 8]) >> i % 8 & 1) != 0; }
  std::size_t size() const { return columns_; }
  std::size_t Count() const;

 private:
  std::string_view bits_;
  std::size_t columns_ = 0;
};

struct RowsEvent {
  static constexpr std::uint16_t kStatementEnd = 1;

  RowOp op = RowOp::kWrite;
  bool partial = false;  // after-images may hold JSON as differences
  std::uint64_t table = 0;
  std::uint16_t flags = 0;
  ColumnSet before;  // of an update or a delete; of an insert that of the row
  ColumnSet after;   // of an update
  std::string_view rows;
};
// Views point into the body, or into `inflated` if that was compressed. Nothing if the body makes no sense.
std::optional<RowsEvent> ParseRows(const Event& event, std::string& inflated);

// The image of a row: which of its columns are NULL, and the reader behind that stands at the first value. False if the
// bytes end.
struct RowImageHead {
  std::string_view nulls;
  bool IsNull(std::size_t place) const { return (static_cast<unsigned char>(nulls[place / 8]) >> place % 8 & 1) != 0; }
};
bool TakeImageHead(ByteReader& in, const ColumnSet& columns, RowImageHead& head);

// Before the after-image of a PARTIAL_UPDATE_ROWS: which JSON columns, in their order, are differences.
struct PartialHead {
  bool any = false;
  std::string_view columns;
  bool IsPartial(std::size_t json_column) const {
    return any && (static_cast<unsigned char>(columns[json_column / 8]) >> json_column % 8 & 1) != 0;
  }
};
bool TakePartialHead(ByteReader& in, std::size_t json_columns, PartialHead& head);

}  // namespace headgate::mysql
