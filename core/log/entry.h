#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/model/change.h"

// The stored form of a log entry (FORMAT.md): pure functions from and to bytes.
namespace headgate {

// Key of one block: seq and part, both big-endian, so that keys sort as numbers.
void PutEntryKey(std::string& out, Seq seq, std::uint32_t part);
struct EntryKey {
  Seq seq = 0;
  std::uint32_t part = 0;
};
bool ParseEntryKey(std::string_view key, EntryKey& out);

struct EntryHeader {
  bool last_part = true;
  std::uint32_t first_ordinal = 1;
  std::uint32_t count = 0;
  bool has_info = false;  // part 0
  bool spooled = false;   // instead of the changes there is a SpoolReference (spool.h)
  TransactionInfo info;
};

// The bytes before the changes; the checksum covers all but itself, the changes included.
void PutEntryHeader(std::string& out, const TransactionInfo* info, bool last_part, std::uint32_t first_ordinal,
                    std::uint32_t count, std::string_view changes, bool spooled = false);
// Verifies the checksum. `changes` points into `value`. Corrupt says what does not fit.
Status ParseEntry(std::string_view value, EntryHeader& header, std::string_view& changes);

}  // namespace headgate
