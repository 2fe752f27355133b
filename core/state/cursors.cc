#include "core/state/cursors.h"

#include "core/base/bytes.h"

namespace headgate {
namespace {

constexpr std::uint64_t kGiven = 1;  // behind the place

std::string EncodeCursor(At cursor) {
  std::string value;
  PutVarint(value, cursor.seq);
  PutVarint(value, cursor.ordinal);
  return value;
}

std::optional<At> DecodeCursor(std::string_view value) {
  ByteReader in(value);
  At at;
  at.seq = in.Varint();
  at.ordinal = static_cast<std::uint32_t>(in.Varint());
  return in.failed() ? std::nullopt : std::optional(at);
}

}  // namespace

Result<std::optional<At>> ReadCursor(const Store& store, std::string_view sink) {
  HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kCursors, sink));
  if (!value) return std::optional<At>();
  const auto at = DecodeCursor(*value);
  if (!at) return Corrupt("the cursor of sink " + std::string(sink) + " cannot be read");
  return at;
}

void PutCursor(StoreBatch& batch, std::string_view sink, At cursor) {
  batch.Put(Family::kCursors, sink, EncodeCursor(cursor));
}

void PutGivenCursor(StoreBatch& batch, std::string_view sink, At cursor) {
  std::string value = EncodeCursor(cursor);
  PutVarint(value, kGiven);
  batch.Put(Family::kCursors, sink, value);
}

Result<bool> IsCursorGiven(const Store& store, std::string_view sink) {
  HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kCursors, sink));
  if (!value) return false;
  ByteReader in(*value);
  in.Varint();
  in.Varint();
  return !in.done() && in.Varint() == kGiven;
}

void DeleteCursor(StoreBatch& batch, std::string_view sink) { batch.Delete(Family::kCursors, sink); }

Result<Seq> LowestCursor(const Store& store, const std::function<bool(std::string_view)>& counts) {
  Seq lowest = 0;
  HG_RETURN_IF_ERROR(store.Scan(Family::kCursors, "", "", [&](std::string_view sink, std::string_view value) {
    if (counts && !counts(sink)) return true;
    if (const auto at = DecodeCursor(value); at && (lowest == 0 || at->seq < lowest)) lowest = at->seq;
    return true;
  }));
  return lowest;
}

}  // namespace headgate
