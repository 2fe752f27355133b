#include "core/pipeline/change_watch.h"

#include <algorithm>
#include <utility>

#include "core/base/bytes.h"
#include "core/model/value.h"

namespace headgate {
namespace {

bool Split(std::string_view row, std::vector<std::string_view>& values) {
  values.clear();
  ByteReader in(row);
  while (!in.done() && !in.failed()) {
    const char* const start = in.position();
    ReadValue(in);
    values.emplace_back(start, static_cast<std::size_t>(in.position() - start));
  }
  return !in.failed();
}

bool IsAbsent(std::string_view value) {
  return !value.empty() && static_cast<ValueKind>(value[0]) == ValueKind::kAbsent;
}

// "" if a column of the key is not there.
std::string KeyOf(const std::vector<std::string_view>& values, const std::vector<std::size_t>& key) {
  std::string out;
  for (const std::size_t column : key) {
    if (column >= values.size() || IsAbsent(values[column])) return "";
    out += values[column];
  }
  return out;
}

}  // namespace

void ChangeWatch::Watch(StreamNo stream, std::vector<std::size_t> key) { tables_[stream].key = std::move(key); }
void ChangeWatch::Forget(StreamNo stream) { tables_.erase(stream); }

void ChangeWatch::Note(const std::vector<Transaction>& transactions) {
  ++now_;
  if (tables_.empty()) return;
  for (const Transaction& tx : transactions) {
    if (tx.spool() != nullptr) {
      const auto streams = tx.spool()->streams();
      overrun_ = overrun_ || std::ranges::any_of(streams, [&](StreamNo stream) { return tables_.contains(stream); });
    }
    for (const Transaction::Block& block : tx.blocks()) {
      ChangeReader reader(block.bytes, block.first_ordinal);
      Change change;
      while (reader.Next(change)) {
        const auto table = tables_.find(change.stream);
        if (table != tables_.end()) NoteChange(change, table->second);
      }
    }
  }
}

void ChangeWatch::NoteChange(const Change& change, Table& table) {
  if (change.op == Op::kTruncate) {
    table.emptied = now_;
    table.rows.clear();
    return;
  }
  std::string old_key;
  if (change.has_before && Split(change.before, values_)) old_key = KeyOf(values_, table.key);
  std::string new_key;
  if (change.has_after && Split(change.after, values_)) new_key = KeyOf(values_, table.key);
  if (!old_key.empty() && old_key != new_key) {
    Row& row = table.rows[old_key];
    row = {now_, now_, true, {}};
  }
  if (!new_key.empty()) NoteNewRow(table.rows[std::move(new_key)]);
}

// `values_` has the row.
void ChangeWatch::NoteNewRow(Row& row) {
  if (row.deleted) row = {};
  row.changed = now_;
  if (std::ranges::none_of(values_, IsAbsent)) {
    row.whole = now_;
    row.values.clear();
    return;
  }
  row.values.resize(values_.size());
  for (std::size_t i = 0; i < values_.size(); ++i) {
    if (!IsAbsent(values_[i])) row.values[i] = values_[i];
  }
}

bool ChangeWatch::Settle(Transaction& chunk, StreamNo stream, Moment asked) {
  const auto found = tables_.find(stream);
  if (found == tables_.end()) return true;
  const Table& table = found->second;
  if (table.emptied > asked) return false;
  if (table.rows.empty()) return true;
  Transaction settled;
  settled.info = chunk.info;
  settled.first_ordinal = chunk.first_ordinal;
  for (const Transaction::Block& block : chunk.blocks()) {
    ChangeReader reader(block.bytes, block.first_ordinal);
    Change change;
    while (reader.Next(change)) {
      Split(change.after, values_);
      const auto row = table.rows.find(KeyOf(values_, table.key));
      const bool changed = row != table.rows.end() && row->second.changed > asked;
      if (changed && row->second.whole > asked) continue;
      settled.StartChange(change.op, change.stream, change.schema, change.place, change.sub_place);
      std::string& out = settled.StartRow(RowImage::kAfter);
      for (std::size_t i = 0; i < values_.size(); ++i) {
        const bool newer = changed && i < row->second.values.size() && !row->second.values[i].empty();
        out += newer ? std::string_view(row->second.values[i]) : values_[i];
      }
      settled.EndRow();
      settled.EndChange();
    }
  }
  chunk = std::move(settled);
  return true;
}

void ChangeWatch::ForgetBefore(StreamNo stream, Moment moment) {
  const auto table = tables_.find(stream);
  if (table == tables_.end()) return;
  std::erase_if(table->second.rows, [&](const auto& entry) { return entry.second.changed <= moment; });
}

}  // namespace headgate
