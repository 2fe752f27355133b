#include "connectors/kafka/record_reader.h"

#include <algorithm>

#include "connectors/kafka/decoders.h"

namespace headgate::kafka::source {
namespace {

// The place of a path among those of a decoder; added if it is new.
std::size_t PlaceOf(const codec::FieldPath& path, std::vector<codec::FieldPath>& paths) {
  const auto found = std::ranges::find(paths, path);
  if (found != paths.end()) return static_cast<std::size_t>(found - paths.begin());
  paths.push_back(path);
  return paths.size() - 1;
}

const codec::FieldPath* PathOf(const FieldMap& fields, const std::string& column) {
  const auto found = std::ranges::find(fields, column, &FieldMap::value_type::first);
  return found == fields.end() ? nullptr : &found->second;
}

// Of a column that no setting places.
codec::FieldPath OwnPath(const std::string& column, Format format) {
  codec::FieldPath path;
  if (format != Format::kRaw || column != "value") path.steps.push_back(column);
  return path;
}

}  // namespace

Result<std::unique_ptr<RecordReader>> RecordReader::Make(const Options& options, sql::ColumnList columns,
                                                         codec::SchemaStore* store) {
  std::unique_ptr<RecordReader> reader(new RecordReader(std::move(columns), options.row_bytes_max));
  HG_RETURN_IF_ERROR(reader->Prepare(options, store));
  return reader;
}

Status RecordReader::Prepare(const Options& options, codec::SchemaStore* store) {
  std::vector<codec::FieldPath> of_keys;
  std::vector<codec::FieldPath> of_values;
  keep_raw_ = options.keep_raw;
  for (const sql::InputColumn& column : columns_.columns) {
    if (keep_raw_ && &column == &columns_.columns.back()) break;
    const codec::FieldPath* const set = PathOf(options.fields, column.name);
    const codec::FieldPath path = set != nullptr ? *set : OwnPath(column.name, options.value.format);
    places_.push_back({path.of_key, PlaceOf(path, path.of_key ? of_keys : of_values)});
    const codec::FieldPath* const alone = PathOf(options.key_fields, column.name);
    auto& index = key_indexes_.emplace_back();
    if (alone != nullptr) {
      index = PlaceOf(*alone, of_keys);
    } else if (path.of_key) {
      index = places_.back().index;
    }
  }
  if (!of_keys.empty()) {
    HG_ASSIGN_OR_RETURN(keys_, MakeDecoder(options.key, of_keys, store));
  }
  if (!of_values.empty()) {
    HG_ASSIGN_OR_RETURN(values_, MakeDecoder(options.value, of_values, store));
  }
  key_values_.resize(of_keys.size());
  value_values_.resize(of_values.size());
  return Ok();
}

Status RecordReader::DecodeKey(std::optional<std::string_view> key) {
  if (keys_ == nullptr) return Ok();
  if (!key) return std::ranges::fill(key_values_, Value()), Ok();
  auto decoded = keys_->Decode(*key, key_values_);
  if (decoded.ok() || decoded.error().kind != ErrorKind::kRejected) return decoded;
  return Rejected("the key: " + decoded.error().what);
}

Status RecordReader::Read(std::optional<std::string_view> key, std::optional<std::string_view> value,
                          std::int64_t offset, Transaction& tx) {
  const bool deletes = !value && !columns_.key.empty();
  HG_RETURN_IF_ERROR(DecodeKey(key));
  if (value && values_ != nullptr) HG_RETURN_IF_ERROR(values_->Decode(*value, value_values_));
  tx.StartChange(deletes ? Op::kDelete : Op::kInsert, stream_, version_, static_cast<std::uint64_t>(offset));
  std::string& row = tx.StartRow(deletes ? RowImage::kBefore : RowImage::kAfter);
  const std::size_t before = row.size();
  auto written = deletes ? WriteKey(row) : WriteRow(value, row);
  if (written.ok() && row.size() - before > row_bytes_max_)
    written = Rejected("the row is larger than " + std::to_string(row_bytes_max_) + " bytes (row_bytes_max)");
  if (!written.ok()) {
    tx.AbandonChange();
    return written;
  }
  tx.EndRow();
  tx.EndChange();
  return Ok();
}

Status RecordReader::WriteColumn(std::size_t column, const Value& value, std::string& row) {
  const sql::InputColumn& input = columns_.columns[column];
  if (value.is_absent() && input.has_fallback) {
    row += input.fallback;
    return Ok();
  }
  if (input.not_null && (value.is_null() || value.is_absent())) {
    return Rejected("column " + input.name + ": expected " + sql::Name(input.type) + ", got " +
                    (value.is_absent() ? "nothing" : "null") + ", and the column is NOT NULL");
  }
  if (!writer_.Append(row, input.type, value)) return Rejected("column " + input.name + ": " + writer_.detail());
  return Ok();
}

Status RecordReader::WriteRow(std::optional<std::string_view> bytes, std::string& row) {
  const Value null;
  for (std::size_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    const bool there = place.of_key || bytes;
    const Value& value = !there ? null : place.of_key ? key_values_[place.index] : value_values_[place.index];
    HG_RETURN_IF_ERROR(WriteColumn(i, value, row));
  }
  if (keep_raw_ && bytes) PutBlob(row, ValueKind::kBytes, *bytes);
  if (keep_raw_ && !bytes) PutNull(row);
  return Ok();
}

// The row that a record without a value deletes, as far as its key tells.
Status RecordReader::WriteKey(std::string& row) {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    if (std::ranges::find(columns_.key, i) == columns_.key.end()) {
      PutAbsent(row);
    } else if (!key_indexes_[i]) {
      return Rejected("there is no value, and no setting says where in the key " + columns_.columns[i].name +
                      " is (key_fields)");
    } else {
      HG_RETURN_IF_ERROR(WriteColumn(i, key_values_[*key_indexes_[i]], row));
    }
  }
  if (keep_raw_) PutAbsent(row);
  return Ok();
}

}  // namespace headgate::kafka::source
