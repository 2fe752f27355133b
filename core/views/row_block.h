#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/sql/row_codec.h"

// Blocks: how the rows of a view that only adds rows are stored, in the order in which they came.
//
//   varint when it was written, us since 2000 · varint how many rows · the rows
//
// A row is a row of core/sql/row_codec.h, but long texts that stand in the block before it are not repeated: joined
// rows share most of what they are made of.
//
//   varint n · n times: varint bytes of its own, varint place, varint length · varint bytes of its own · its own bytes
//
// Its own bytes up to the first place, then what stands there in the block (counted from the end of the two numbers of
// its head), and so on.
namespace headgate::views {

// A block without a writer: its head, then rows that repeat texts.
void AppendBlockHead(std::string& out, std::int64_t written_us, std::uint64_t rows);
void AppendWholeRow(std::string& out, std::string_view row);

class RowBlockWriter {
 public:
  explicit RowBlockWriter(std::vector<sql::Type> types) : types_(std::move(types)) {}

  // Strings of the batches live until the block is taken.
  void Add(const sql::Batch& batch, std::size_t row, std::int64_t times);
  // Of the rows since the last Take.
  std::size_t bytes() const { return taken_ ? 0 : block_.size(); }
  bool empty() const { return taken_; }
  std::uint64_t rows() const { return taken_ ? 0 : rows_; }
  // The block, in two parts; good until the next Add, which begins another one.
  struct Block {
    std::string_view head;
    std::string_view rows;
  };
  Block Take(std::int64_t now_us);

 private:
  static constexpr std::size_t kCopiedMin = 16;  // shorter texts are repeated
  static constexpr int kHashShift = 64 - 11;
  static constexpr std::size_t kKnown = 1 << 11;  // at most; one at a place that its address gives
  // A text by its address: what is copied from one row to many has one.
  struct Known {
    const char* text = nullptr;
    std::size_t size = 0;
    std::size_t place = 0;
    std::uint64_t block = 0;  // in which that holds
  };

  Known& KnownAt(std::string_view text);

  std::vector<sql::Type> types_;
  std::string block_;
  std::uint64_t rows_ = 0;
  std::uint64_t number_ = 0;  // of the block
  bool taken_ = true;
  std::string head_;
  std::vector<Known> known_ = std::vector<Known>(kKnown);
  // Of the row at hand.
  std::string own_;
  std::string copies_;
  std::vector<Known> fresh_;  // places are those in own_
};

class RowBlockReader {
 public:
  // The bytes live as long as the reader.
  explicit RowBlockReader(std::string_view block);

  std::int64_t written_us() const { return written_us_; }
  std::uint64_t rows() const { return rows_; }
  // False at the end, or if the bytes make no sense. The row is good until the next call.
  bool Next(std::string_view& row);
  bool failed() const { return in_.failed(); }

 private:
  struct Copy {
    std::size_t own = 0;  // bytes before it
    std::string_view bytes;
  };

  ByteReader in_;
  std::int64_t written_us_;
  std::uint64_t rows_;
  std::string_view block_;
  std::vector<Copy> copies_;
  std::string row_;
};

}  // namespace headgate::views
