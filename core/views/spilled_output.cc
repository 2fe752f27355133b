#include "core/views/spilled_output.h"

#include <algorithm>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/sql/key.h"
#include "core/sql/row_codec.h"

namespace headgate::views {
namespace {

constexpr std::size_t kRowOverhead = 100;  // what a row of a piece takes beside its bytes

void PutAt(std::string& out, At at) {
  PutBigEndian(out, at.seq);
  PutBigEndian(out, at.ordinal);
}

At ReadAt(ByteReader& in) {
  At at;
  at.seq = in.BigEndian<Seq>();
  at.ordinal = in.BigEndian<std::uint32_t>();
  return at;
}

// A change as bytes: its key, then the rows.
void PutChange(std::string& out, const RowChange& change) {
  PutBytes(out, change.key);
  PutSigned(out, change.times);
  PutVarint(out, (change.before ? 1U : 0U) + (change.after ? 2U : 0U));
  if (change.before) PutBytes(out, *change.before);
  if (change.after) PutBytes(out, *change.after);
}

RowChange ReadChange(std::string_view bytes) {
  ByteReader in(bytes);
  RowChange change;
  change.key = in.Bytes();
  change.times = in.Signed();
  const std::uint64_t rows = in.Varint();
  if ((rows & 1U) != 0) change.before = in.Bytes();
  if ((rows & 2U) != 0) change.after = in.Bytes();
  return change;
}

}  // namespace

// Collects what goes on together.
class SpilledOutput::Pieces {
 public:
  Pieces(const SpilledOutput& of, const Take& take)
      : rows_(of.types_), take_(take), bytes_max_(std::max<std::size_t>(of.memory_bytes_ / 2, 1)) {}

  Status Add(const RowChange& change) {
    if (change_.changes.empty()) arena_ = &change_.Own();
    RowChange& own = change_.changes.emplace_back(change);
    bytes_ += kRowOverhead + change.key.size();
    own.key = arena_->Keep(change.key);
    for (auto* row : {&own.before, &own.after}) {
      if (!*row) continue;
      bytes_ += (*row)->size();
      *row = arena_->Keep(**row);
    }
    return bytes_ < bytes_max_ ? Ok() : Give();
  }
  Status Add(std::string_view row, std::int64_t times, At at) {
    rows_.Add(row, times, at);
    bytes_ += kRowOverhead + row.size();
    if (rows_.full()) change_.added.push_back(rows_.Take());
    return bytes_ < bytes_max_ ? Ok() : Give();
  }
  Status Give() {
    if (rows_.rows() > 0) change_.added.push_back(rows_.Take());
    bytes_ = 0;
    arena_ = nullptr;
    ViewChange change = std::exchange(change_, {});
    return change.empty() ? Ok() : take_(std::move(change));
  }

 private:
  operators::DeltaBuilder rows_;
  const Take& take_;
  std::size_t bytes_max_;
  ViewChange change_;
  sql::Arena* arena_ = nullptr;
  std::size_t bytes_ = 0;
};

SpilledOutput::SpilledOutput(const Store& store, const sql::Relation& view, std::size_t memory_bytes)
    : store_(store),
      view_(view),
      memory_bytes_(memory_bytes),
      types_(TypesOf(view)),
      key_columns_(KeyColumnsOf(view)),
      rows_(store, memory_bytes) {}

Status SpilledOutput::Add(const operators::Delta& delta) {
  for (std::size_t row = 0; row < delta.rows(); ++row) {
    const At at = delta.at[row];
    key_.clear();
    value_.clear();
    if (view_.append_only) {
      PutAt(key_, at);
      PutBigEndian(key_, added_++);
    } else {
      for (const std::size_t c : key_columns_) sql::AppendKey(key_, types_[c], *delta.batch.columns[c], row);
      PutAt(value_, at);
      first_ = first_ ? std::min(*first_, at) : at;
      last_ = last_ ? std::max(*last_, at) : at;
    }
    PutSigned(value_, delta.weights[row]);
    AppendRow(value_, types_, delta.batch, row);
    HG_RETURN_IF_ERROR(rows_.Add(key_, value_));
  }
  return Ok();
}

// The net change of one key after the other.
Status SpilledOutput::Settled(const std::function<Status(const RowChange& change)>& take) {
  struct Row {
    std::string bytes;
    std::int64_t weight = 0;
    At at;
  };
  std::string key;
  std::vector<Row> rows;
  const bool keyed = !view_.key.empty();
  const auto give = [&]() -> Status {
    RowChange change;
    bool any = false;
    for (const Row& row : rows) {
      if (row.weight == 0) continue;
      if (!keyed) change = {};
      change.key = key;
      (row.weight > 0 ? change.after : change.before) = row.bytes;
      change.times = std::abs(row.weight);
      change.at = std::max(change.at, row.at);
      any = true;
      if (!keyed) HG_RETURN_IF_ERROR(take(change));
    }
    rows.clear();
    return any && keyed ? take(change) : Ok();
  };
  const auto add = [&](std::string_view next, std::string_view value) -> Status {
    if (next != key) {
      HG_RETURN_IF_ERROR(give());
      key = next;
    }
    ByteReader in(value);
    const At at = ReadAt(in);
    const std::int64_t weight = in.Signed();
    const std::string_view bytes = in.Take(in.remaining());
    const auto known = std::ranges::find(rows, bytes, &Row::bytes);
    Row& row = known == rows.end() ? rows.emplace_back(Row{std::string(bytes), 0, at}) : *known;
    row.weight += weight;
    row.at = std::max(row.at, at);
    return Ok();
  };
  HG_RETURN_IF_ERROR(rows_.Drain(add));
  return give();
}

// By what caused them, then by key.
Status SpilledOutput::InOrder(Pieces& pieces) {
  SortedRuns ordered(store_, memory_bytes_);
  std::string place;
  std::string bytes;
  HG_RETURN_IF_ERROR(Settled([&](const RowChange& change) {
    place.clear();
    bytes.clear();
    PutAt(place, change.at);
    place += change.key;
    PutChange(bytes, change);
    return ordered.Add(place, bytes);
  }));
  return ordered.Drain([&](std::string_view where, std::string_view change_bytes) {
    RowChange change = ReadChange(change_bytes);
    ByteReader in(where);
    change.at = ReadAt(in);
    return pieces.Add(change);
  });
}

Status SpilledOutput::Drain(bool in_log_order, const Take& take) {
  Pieces pieces(*this, take);
  if (view_.append_only) {
    HG_RETURN_IF_ERROR(rows_.Drain([&](std::string_view key, std::string_view value) {
      ByteReader place(key);
      const At at = ReadAt(place);
      ByteReader in(value);
      const std::int64_t times = in.Signed();
      return pieces.Add(in.Take(in.remaining()), times, at);
    }));
  } else if (in_log_order && first_ != last_) {
    HG_RETURN_IF_ERROR(InOrder(pieces));
  } else {
    HG_RETURN_IF_ERROR(Settled([&](const RowChange& change) { return pieces.Add(change); }));
  }
  return pieces.Give();
}

}  // namespace headgate::views
