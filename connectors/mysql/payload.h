#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "connectors/mysql/binlog_decoder.h"

namespace headgate::mysql {

// The events inside of a TRANSACTION_PAYLOAD, one after the other: of a payload of gigabytes only the event at hand and
// the window of the decompressor are in memory (MY-10).
class BinlogDecoder::PayloadReader {
 public:
  explicit PayloadReader(const Payload& payload);
  ~PayloadReader();
  // The next event, valid until the next call; empty at the end. Corrupt.
  Result<std::string_view> Next();

 private:
  Status Fill(std::size_t bytes);

  struct Stream;
  std::unique_ptr<Stream> stream_;  // none: not compressed
  std::string_view rest_;           // of the payload
  std::string buffer_;              // decompressed, from `used_` on not handed out yet
  std::size_t used_ = 0;
  bool more_ = false;  // the decompressor holds back what did not fit
  bool ended_ = false;
};

}  // namespace headgate::mysql
