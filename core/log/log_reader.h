#pragma once

#include <memory>
#include <string_view>

#include "core/base/result.h"
#include "core/model/change.h"

namespace headgate {

// Reads the log forward, block by block: a large transaction never lies in memory as a whole. For one thread.
class LogReader {
 public:
  virtual ~LogReader() = default;

  // The next Next returns the first block at or after `seq`.
  virtual void Seek(Seq seq) = 0;

  struct Block {
    Seq seq = 0;
    std::uint32_t part = 0;
    bool last_part = true;
    const TransactionInfo* info = nullptr;  // of the whole transaction
    std::uint32_t first_ordinal = 1;
    std::uint32_t count = 0;
    std::string_view changes;  // for ChangeReader
    ChangeReader Changes() const { return ChangeReader(changes, first_ordinal); }
  };
  // False at the end of the log (call again after a wake-up). The block's views hold until the next call.
  // Corrupt names the seq if a stored block does not match its checksum.
  virtual Result<bool> Next(Block& block) = 0;
};

}  // namespace headgate
