#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/kafka/column_value.h"
#include "connectors/kafka/options.h"
#include "core/codec/record_decoder.h"
#include "core/codec/schema_store.h"
#include "core/model/change.h"
#include "core/sql/column_list.h"

namespace headgate::kafka::source {

// Records of a topic as changes of one stream. Pure but for the registry; for one thread.
class RecordReader {
 public:
  // `columns`: ColumnsOf(options). `store`: of a registry, nullptr if there is none; must outlive it. kConfig: a path
  // does not lead anywhere, or a schema does not compile.
  static Result<std::unique_ptr<RecordReader>> Make(const Options& options, sql::ColumnList columns,
                                                    codec::SchemaStore* store);

  // Appends the change that a record is: a row, or of a stream with a key and without a value its deletion. `offset`
  // is the change's place. kRejected: it is no row of the stream, and `tx` is as before. Other errors come of the
  // registry and say nothing of the record.
  Status Read(std::optional<std::string_view> key, std::optional<std::string_view> value, std::int64_t offset,
              Transaction& tx);

  void SetStream(StreamNo stream, std::uint32_t version) {
    stream_ = stream;
    version_ = version;
  }
  const sql::ColumnList& columns() const { return columns_; }

 private:
  // Where a column is: the place among what the decoder of keys, or of values, gives.
  struct Place {
    bool of_key = false;
    std::size_t index = 0;
  };
  RecordReader(sql::ColumnList columns, std::size_t row_bytes_max)
      : columns_(std::move(columns)), row_bytes_max_(row_bytes_max) {}
  Status Prepare(const Options& options, codec::SchemaStore* store);
  Status DecodeKey(std::optional<std::string_view> key);
  Status WriteRow(std::optional<std::string_view> value, std::string& row);
  Status WriteKey(std::string& row);
  Status WriteColumn(std::size_t column, const Value& value, std::string& row);

  const sql::ColumnList columns_;
  const std::size_t row_bytes_max_;
  StreamNo stream_ = 0;
  std::uint32_t version_ = 0;
  bool keep_raw_ = false;                                // there is one more column, of the value as it came
  std::vector<Place> places_;                            // by column
  std::vector<std::optional<std::size_t>> key_indexes_;  // by column, of records without a value: among the key's
  std::unique_ptr<codec::RecordDecoder> keys_;           // nullptr: nothing is taken from keys
  std::unique_ptr<codec::RecordDecoder> values_;         // nullptr: nothing is taken from values
  std::vector<Value> key_values_;
  std::vector<Value> value_values_;
  ColumnWriter writer_;
};

}  // namespace headgate::kafka::source
