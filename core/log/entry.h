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

// The changes of a block as they are stored: as they are, compressed, or in the spool.
struct StoredChanges {
  std::string_view bytes;
  std::size_t unpacked_bytes = 0;  // 0: not compressed
  bool spooled = false;            // `bytes` are a SpoolReference (spool.h)
};

// Compresses what is worth it. Not thread-safe.
class ChangePacker {
 public:
  // Points into `changes` or into the packer, until the next call.
  StoredChanges Pack(std::string_view changes);

 private:
  std::string packed_;
};

struct EntryHeader {
  bool last_part = true;
  std::uint32_t first_ordinal = 1;
  std::uint32_t count = 0;
  bool has_info = false;  // part 0
  bool spooled = false;   // instead of the changes there is a SpoolReference (spool.h)
  std::size_t unpacked_bytes = 0;
  TransactionInfo info;
};

// The bytes before the changes; the checksum covers all but itself, the changes as they are stored included.
void PutEntryHeader(std::string& out, const TransactionInfo* info, bool last_part, std::uint32_t first_ordinal,
                    std::uint32_t count, const StoredChanges& changes);
// Verifies the checksum. `changes` points into `value` and is as stored. Corrupt says what does not fit.
Status ParseEntry(std::string_view value, EntryHeader& header, std::string_view& changes);
// Makes `changes` what they were before they were stored; then they point into `buffer` if they were compressed.
Status UnpackChanges(const EntryHeader& header, std::string_view& changes, std::string& buffer);

}  // namespace headgate
