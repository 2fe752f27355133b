#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/log/log.h"
#include "core/log/log_reader.h"
#include "web/http.h"

namespace headgate::web {

inline constexpr std::chrono::milliseconds kFeedSlice{3};  // of the API thread, per pull

// One server-sent event. `id` may be "".
void AppendEvent(std::string& out, std::string_view event, std::string_view id, std::string_view data);

// What all tails of the log share (admin API, 4.8): they read it forward in slices of the API thread, tell of a gap,
// and in mode=sample send at most 50 events a second and count the rest. What is sent of a change, and what progress
// means, says the class that derives from it. It is pulled, so a slow reader waits in the log and holds up nobody.
class LogFeed : public Feed {
 public:
  Next Pull(std::string& out, std::size_t room) override;

 protected:
  LogFeed(Log& log, const Clock& clock, Seq start, bool all);

  // Goes on at `seq`.
  void ReadFrom(Seq seq);

  // The hooks, in the order of the log. A block is a transaction or a part of one; false: nothing of it is looked at.
  virtual bool BeginBlock(std::string&, const LogReader::Block&) { return true; }
  virtual Status Take(std::string& out, const LogReader::Block& block, const Change& change) = 0;
  virtual void EndTransaction(std::string&, const LogReader::Block&) {}
  // Retention has passed the reader: [from, first) is gone.
  virtual void PassedBy(std::string& out, Seq from, Seq first);
  // Called at the end of a pull.
  virtual void TellProgress(std::string& out, bool at_end, std::int64_t now_us) = 0;

  // For Take: true if the event may be sent. If not, it was counted as dropped.
  bool MaySend() {
    if (!full()) return ++in_second_, true;
    return ++dropped_, false;
  }
  bool full() const;
  void Progress(std::string& out, std::string_view id, Seq seq, bool in_step, std::int64_t now_us);
  bool ProgressIsDue(std::int64_t now_us) const;

  Log& log() const { return log_; }
  const Clock& clock() const { return clock_; }
  const Registry& registry() const { return *registry_; }  // for Take
  bool in_block() const { return in_block_; }
  Seq expected() const { return expected_; }

 private:
  Next NextBlock(std::string& out);
  Next TakeChanges(std::string& out, std::size_t room);
  void TellDropped(std::string& out, std::int64_t now_us);
  Next Broken(std::string& out, const Error& error);

  Log& log_;
  const Clock& clock_;
  const bool all_;
  std::unique_ptr<LogReader> reader_;
  std::shared_ptr<const Registry> registry_;
  LogReader::Block block_;
  std::optional<ChangeReader> changes_;  // of block_
  bool in_block_ = false;
  bool skipped_ = false;  // nothing of block_ is looked at
  Seq expected_;          // everything before it has been looked at
  std::int64_t stored_us_ = 0;
  int in_second_ = 0;
  std::uint64_t dropped_ = 0;
  std::int64_t second_us_ = 0;
  std::int64_t progress_us_ = 0;
};

}  // namespace headgate::web
