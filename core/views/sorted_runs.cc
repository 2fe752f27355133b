#include "core/views/sorted_runs.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>

#include "core/base/bytes.h"
#include "core/operators/state_space.h"

namespace headgate::views {
namespace {

constexpr std::size_t kBlockBytes = 256 << 10;
constexpr std::size_t kLeastRead = 4 << 10;

Error Failed(std::string_view what) {
  return Transient(std::string(what) + " a temporary file of a step of views: " + std::strerror(errno));
}

}  // namespace

// One run, from its beginning to its end.
class SortedRuns::Reader {
 public:
  Reader(int file, const Run& run, std::size_t read_bytes) : file_(file), run_(run), read_bytes_(read_bytes) {}

  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }
  // Both are good until the next call. False at the end.
  Result<bool> Next() {
    for (;;) {
      ByteReader in(std::string_view(buffer_).substr(at_));
      const std::uint64_t key = in.Varint();
      const std::uint64_t value = in.Varint();
      const bool whole = !in.failed() && in.remaining() >= key + value;
      if (whole) {
        key_ = in.Take(key);
        value_ = in.Take(value);
        at_ = buffer_.size() - in.remaining();
        return true;
      }
      if (run_.begin == run_.end) {
        if (at_ == buffer_.size()) return false;
        return Transient("a temporary file of a step of views is not what was written");
      }
      HG_RETURN_IF_ERROR(Read());
    }
  }

 private:
  Status Read() {
    buffer_.erase(0, at_);
    at_ = 0;
    const std::size_t kept = buffer_.size();
    const std::size_t more = std::min(read_bytes_, static_cast<std::size_t>(run_.end - run_.begin));
    buffer_.resize(kept + more);
    const ssize_t got = ::pread(file_, buffer_.data() + kept, more, run_.begin);
    if (got <= 0) return Failed("read");
    buffer_.resize(kept + static_cast<std::size_t>(got));
    run_.begin += got;
    return Ok();
  }

  int file_;
  Run run_;
  std::size_t read_bytes_;
  std::string buffer_;
  std::size_t at_ = 0;
  std::string_view key_;
  std::string_view value_;
};

SortedRuns::~SortedRuns() {
  if (file_ >= 0) ::close(file_);
}

Status SortedRuns::Add(std::string_view key, std::string_view value) {
  if (bytes_.size() + key.size() + value.size() + (items_.size() + 1) * (sizeof(Item) + 32) > memory_bytes_)
    HG_RETURN_IF_ERROR(WriteRun());
  items_.push_back({bytes_.size(), static_cast<std::uint32_t>(key.size()), static_cast<std::uint32_t>(value.size())});
  bytes_.append(key).append(value);
  return Ok();
}

// Empties what is in memory.
template <class Take>
void SortedRuns::TakeSorted(const Take& take) {
  operators::ByKey<const Item*> sorted;
  for (const Item& item : items_) sorted.Add(std::string_view(bytes_).substr(item.at, item.key), &item);
  sorted.Drain([&](std::string_view key, const Item* item) {
    take(key, std::string_view(bytes_).substr(item->at + item->key, item->value));
  });
  items_.clear();
  bytes_.clear();
}

Status SortedRuns::WriteRun() {
  if (items_.empty()) return Ok();
  HG_RETURN_IF_ERROR(store_.MayWrite(bytes_.size()));
  if (file_ < 0) {
    HG_ASSIGN_OR_RETURN(std::string path, store_.Scratch());
    path += "/runXXXXXX";
    file_ = ::mkstemp(path.data());
    if (file_ < 0) return Failed("make");
    ::unlink(path.c_str());
  }
  const off_t begin = end_;
  std::string block;
  Status status = Ok();
  TakeSorted([&](std::string_view key, std::string_view value) {
    PutVarint(block, key.size());
    PutVarint(block, value.size());
    block.append(key).append(value);
    if (block.size() >= kBlockBytes && status.ok()) status = Write(block);
  });
  if (status.ok()) status = Write(block);
  runs_.push_back({begin, end_});
  return status;
}

Status SortedRuns::Write(std::string& block) {
  for (std::size_t at = 0; at < block.size();) {
    const ssize_t wrote = ::pwrite(file_, block.data() + at, block.size() - at, end_);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return Failed("write");
    at += static_cast<std::size_t>(wrote);
    end_ += wrote;
  }
  block.clear();
  return Ok();
}

Status SortedRuns::Drain(const Visit& visit) {
  if (runs_.empty()) {
    Status status = Ok();
    TakeSorted([&](std::string_view key, std::string_view value) {
      if (status.ok()) status = visit(key, value);
    });
    return status;
  }
  HG_RETURN_IF_ERROR(WriteRun());
  std::string().swap(bytes_);
  std::vector<Item>().swap(items_);
  const std::size_t read_bytes = std::clamp(memory_bytes_ / runs_.size(), kLeastRead, kBlockBytes);
  std::vector<std::unique_ptr<Reader>> heap;  // the smallest key first
  const auto later = [](const auto& a, const auto& b) { return a->key() > b->key(); };
  for (const Run& run : runs_) {
    auto reader = std::make_unique<Reader>(file_, run, read_bytes);
    HG_ASSIGN_OR_RETURN(const bool any, reader->Next());
    if (any) heap.push_back(std::move(reader));
  }
  std::ranges::make_heap(heap, later);
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, later);
    Reader& first = *heap.back();
    HG_RETURN_IF_ERROR(visit(first.key(), first.value()));
    HG_ASSIGN_OR_RETURN(const bool more, first.Next());
    if (more) {
      std::ranges::push_heap(heap, later);
    } else {
      heap.pop_back();
    }
  }
  return Ok();
}

}  // namespace headgate::views
