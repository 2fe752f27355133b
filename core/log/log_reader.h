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

  // For a reader that is left standing: lets go of the files it reads, else retention gives no space back under it. The
  // last block's views are void; the next Next returns that block again, or what follows if retention has dropped it.
  virtual void Release() = 0;
};

}  // namespace headgate
