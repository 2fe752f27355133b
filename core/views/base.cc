#include "core/views/base.h"

#include <algorithm>

#include "core/base/bytes.h"

namespace headgate::views {
namespace {

// In Family::kMeta.
constexpr std::string_view kLostKey = "tables_lost";
std::string StateKey(StreamNo stream) {
  std::string key = "table/";
  PutBigEndian(key, stream);
  return key;
}

bool DecodeState(std::string_view bytes, TableState& state) {
  ByteReader in(bytes);
  state.generation = static_cast<std::uint32_t>(in.Varint());
  state.shown = static_cast<std::uint32_t>(in.Varint());
  return !in.failed();
}

std::string TablePrefix(StreamNo stream, std::uint32_t generation) {
  std::string key;
  PutBigEndian(key, stream);
  PutBigEndian(key, generation);
  return key;
}

// The encoded values of a row, one by one.
bool SplitRow(std::string_view row, std::vector<std::string_view>& values) {
  ByteReader in(row);
  while (!in.done() && !in.failed()) {
    const char* from = in.position();
    ReadValue(in);
    values.emplace_back(from, static_cast<std::size_t>(in.position() - from));
  }
  return !in.failed();
}

bool IsAbsent(std::string_view value) { return static_cast<ValueKind>(value[0]) == ValueKind::kAbsent; }

}  // namespace

std::string EncodeImage(const Image& image) {
  std::string out;
  PutVarint(out, image.version);
  PutVarint(out, image.origin.at.seq);
  PutVarint(out, image.origin.at.ordinal);
  out.push_back(static_cast<char>(image.origin.op));
  PutSigned(out, image.origin.commit_us);
  PutSigned(out, image.origin.stored_us - image.origin.commit_us);
  PutVarint(out, image.copies);
  out += image.row;
  return out;
}

bool DecodeImage(std::string_view bytes, Image& image) {
  ByteReader in(bytes);
  image.version = static_cast<std::uint32_t>(in.Varint());
  image.origin.at.seq = in.Varint();
  image.origin.at.ordinal = static_cast<std::uint32_t>(in.Varint());
  image.origin.op = static_cast<Op>(in.Byte());
  image.origin.commit_us = in.Signed();
  image.origin.stored_us = image.origin.commit_us + in.Signed();
  image.copies = in.Varint();
  if (in.failed()) return false;
  image.row = in.Take(in.remaining());
  return true;
}

bool AppendBaseKey(std::string& out, std::string_view row, const TableSchema& schema) {
  const std::vector<std::size_t> key = schema.EventKey();
  if (key.empty()) {
    out += row;
    return true;
  }
  std::vector<std::string_view> values;
  if (!SplitRow(row, values) || values.size() != schema.columns.size()) return false;
  for (const std::size_t column : key) {
    if (IsAbsent(values[column])) return false;
    out += values[column];
  }
  return true;
}

bool FillAbsent(std::string& out, std::string_view row, const TableSchema& schema, std::string_view old,
                const TableSchema& old_schema) {
  std::vector<std::string_view> values;
  std::vector<std::string_view> old_values;
  if (!SplitRow(row, values) || values.size() != schema.columns.size()) return false;
  if (!SplitRow(old, old_values) || old_values.size() != old_schema.columns.size()) return false;
  for (std::size_t c = 0; c < values.size(); ++c) {
    std::string_view value = values[c];
    if (IsAbsent(value)) {
      const auto found = std::ranges::find(old_schema.columns, schema.columns[c].name, &Column::name);
      if (found == old_schema.columns.end()) return false;
      value = old_values[static_cast<std::size_t>(found - old_schema.columns.begin())];
      if (IsAbsent(value)) return false;
    }
    out += value;
  }
  return true;
}

Base::Base(const Store& store)
    : store_(store), space_(store, Family::kBase), images_(operators::StatePlace{&space_, ""}) {}

Status Base::Open() {
  HG_ASSIGN_OR_RETURN(const auto lost, store_.Get(Family::kMeta, kLostKey));
  lost_ = lost_stored_ = lost.has_value();
  const std::string prefix = "table/";
  bool good = true;
  HG_RETURN_IF_ERROR(store_.Scan(Family::kMeta, prefix, "table0", [&](std::string_view key, std::string_view value) {
    ByteReader in(key.substr(prefix.size()));
    const auto stream = in.BigEndian<StreamNo>();
    good = !in.failed() && DecodeState(value, tables_[stream]);
    return good;
  }));
  return good ? Ok() : Status(Corrupt("the data directory holds a state of a table that makes no sense"));
}

TableState Base::StateOf(StreamNo stream) const {
  const auto found = tables_.find(stream);
  return found == tables_.end() ? TableState{} : found->second;
}

TableState& Base::Change(StreamNo stream) {
  TableState& state = tables_[stream];
  stored_.try_emplace(stream, state);
  return state;
}

void Base::BeginLoad(StreamNo stream) {
  TableState& state = Change(stream);
  if (state.loading()) dropped_.emplace_back(stream, state.generation);
  ++state.generation;
}

void Base::EndLoad(StreamNo stream) {
  TableState& state = Change(stream);
  if (state.generation == 0) ++state.generation;
  if (state.shown != 0 && state.shown != state.generation) dropped_.emplace_back(stream, state.shown);
  state.shown = state.generation;
}

void Base::Lose() {
  lost_ = true;
  for (const auto& [stream, known] : tables_) {
    TableState& state = Change(stream);
    dropped_.emplace_back(stream, state.generation);
    if (state.loading() && state.shown != 0) dropped_.emplace_back(stream, state.shown);
    ++state.generation;
    state.shown = 0;
  }
}

void Base::Truncate(StreamNo stream) {
  TableState& state = Change(stream);
  const bool loading = state.loading();
  dropped_.emplace_back(stream, state.generation);
  ++state.generation;
  if (!loading) state.shown = state.generation;
}

std::string Base::KeyOf(StreamNo stream, std::string_view key) const {
  std::string full = TablePrefix(stream, StateOf(stream).generation);
  full += key;
  return full;
}

void Base::Load(StreamNo stream, const std::vector<std::string>& keys) {
  std::vector<std::string> full;
  full.reserve(keys.size());
  for (const std::string& key : keys) full.push_back(KeyOf(stream, key));
  images_.Load(full);
}

const Image* Base::Find(StreamNo stream, std::string_view key) { return images_.Find(KeyOf(stream, key)); }

void Base::Put(StreamNo stream, std::string_view key, Image image) {
  images_.Change(KeyOf(stream, key)) = std::move(image);
}

void Base::Erase(StreamNo stream, std::string_view key) { images_.Erase(KeyOf(stream, key)); }

Status Base::ScanTable(const StoreView& view, StreamNo stream, std::uint32_t generation, std::string_view after,
                       const Visit& visit) {
  const std::string prefix = TablePrefix(stream, generation);
  const std::string end = TablePrefix(stream, generation + 1);
  const std::string from = prefix + std::string(after);
  bool good = true;
  Image image;
  HG_RETURN_IF_ERROR(view.Scan(Family::kBase, from, end, [&](std::string_view key, std::string_view value) {
    if (!after.empty() && key == from) return true;
    good = DecodeImage(value, image);
    return good && visit(key.substr(prefix.size()), image);
  }));
  return good ? Ok() : Status(Corrupt("the base holds a row that makes no sense"));
}

Result<TableState> Base::StoredState(const StoreView& view, StreamNo stream) {
  TableState state;
  HG_ASSIGN_OR_RETURN(const auto bytes, view.Get(Family::kMeta, StateKey(stream)));
  if (bytes && !DecodeState(*bytes, state)) return Corrupt("the state of a table makes no sense");
  return state;
}

void Base::Save(StoreBatch& batch) {
  space_.Save(batch);
  // Behind the rows: what was written into a generation that went in the same step goes with it.
  for (const auto& [stream, generation] : dropped_)
    batch.DeleteRange(Family::kBase, TablePrefix(stream, generation), TablePrefix(stream, generation + 1));
  dropped_.clear();
  for (const auto& [stream, before] : stored_) {
    std::string value;
    PutVarint(value, tables_[stream].generation);
    PutVarint(value, tables_[stream].shown);
    batch.Put(Family::kMeta, StateKey(stream), value);
  }
  stored_.clear();
  if (lost_ && !std::exchange(lost_stored_, true)) batch.Put(Family::kMeta, kLostKey, "1");
}

void Base::Forget() {
  for (const auto& [stream, before] : stored_) tables_[stream] = before;
  stored_.clear();
  dropped_.clear();
  space_.Forget();
}

Status Base::failure() const { return space_.failure() ? Status(*space_.failure()) : Ok(); }

}  // namespace headgate::views
