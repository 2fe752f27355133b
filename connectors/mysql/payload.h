#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "connectors/mysql/binlog_decoder.h"

namespace headgate::mysql {

// The events inside of a TRANSACTION_PAYLOAD, one after the other: of a payload of gigabytes only the event at hand,
// the window of the decompressor and a piece of what is compressed are in memory (MY-10).
class BinlogDecoder::PayloadReader {
 public:
  // `rest`: what comes of the event behind the payload's bytes, or nullptr. It is read to its end.
  PayloadReader(const Payload& payload, EventRest* rest);
  ~PayloadReader();
  // The next event, valid until the next call; empty at the end. Corrupt.
  Result<std::string_view> Next();

 private:
  Status Fill(std::size_t bytes);
  Status Take();

  struct Stream;
  std::unique_ptr<Stream> stream_;  // none: not compressed
  std::string_view bytes_;          // of the payload, those that have come
  EventRest* rest_;                 // none: nothing comes any more
  std::string buffer_;              // decompressed, from `used_` on not handed out yet
  std::size_t used_ = 0;
  bool within_ = false;  // a frame that did not end yet
  bool more_ = false;    // the decompressor holds back what did not fit
  bool ended_ = false;
};

}  // namespace headgate::mysql
