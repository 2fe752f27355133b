// A stored block of the log, its checksum made right: header, changes, rows, values, extras.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <vector>

#include "core/base/check.h"
#include "core/log/entry.h"
#include "tests/fuzz/input.h"

namespace headgate {
namespace {

constexpr std::size_t kFixedBytes = 6;  // version, flags, checksum (FORMAT.md)
constexpr int kDepthMax = 8;

// Whatever the bytes are, the walk ends: each element takes at least one byte.
void Walk(const Value& value, int depth) {
  CHECK(SameValue(value, value));
  if (depth >= kDepthMax) return;
  if (value.kind == ValueKind::kArray) {
    ArrayReader array(value.text);
    while (!array.done()) Walk(array.Next(), depth + 1);
  } else if (value.kind == ValueKind::kComposite) {
    CompositeReader composite(value.text);
    while (!composite.done()) Walk(composite.Next(), depth + 1);
  }
}

void WalkRow(std::string_view row) {
  std::vector<Value> values;
  const Status status = ReadRow(row, values);
  CHECK(values.size() <= row.size());
  if (!status.ok()) return;
  for (const Value& value : values) Walk(value, 0);
}

void WalkExtra(const Change& change) {
  static_cast<void>(DecodeTruncate(change.extra));
  static_cast<void>(DecodeMessage(change.extra));
  static_cast<void>(DecodeSnapshot(change.extra));
  if (const auto gap = DecodeGap(change.extra); gap.ok()) CHECK(DecodeGap(Encode(*gap)).ok());
}

void WalkChanges(std::string_view changes, std::uint32_t first_ordinal) {
  ChangeReader reader(changes, first_ordinal);
  Change change;
  while (reader.Next(change)) {
    CHECK(!Name(change.op).empty());
    WalkRow(change.before);
    WalkRow(change.after);
    WalkExtra(change);
  }
}

// What was read can be written and is read the same.
void CheckRoundTrip(const EntryHeader& header, std::string_view changes) {
  std::string again;
  PutEntryHeader(again, header.has_info ? &header.info : nullptr, header.last_part, header.first_ordinal, header.count,
                 {changes});
  again.append(changes);
  EntryHeader back;
  std::string_view same;
  CHECK(ParseEntry(again, back, same).ok());
  CHECK(same == changes && back.count == header.count && back.last_part == header.last_part);
  if (header.has_info) CHECK(back.info.position == header.info.position && back.info.id == header.info.id);
}

}  // namespace
}  // namespace headgate

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  std::string value(fuzz::Bytes(data, size));
  EntryHeader header;
  std::string_view changes;
  static_cast<void>(ParseEntry(value, header, changes));
  if (value.size() < kFixedBytes) return 0;
  value[0] = value[0] == 2 ? 2 : 1;  // with compressed changes or without
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, value.data(), 2);
  XXH3_64bits_update(&state, value.data() + kFixedBytes, value.size() - kFixedBytes);
  const auto checksum = static_cast<std::uint32_t>(XXH3_64bits_digest(&state));
  std::memcpy(value.data() + 2, &checksum, 4);
  if (!ParseEntry(value, header, changes).ok()) return 0;
  std::string unpacked;
  if (!UnpackChanges(header, changes, unpacked).ok()) return 0;
  WalkChanges(changes, header.first_ordinal);
  CheckRoundTrip(header, changes);
  return 0;
}
