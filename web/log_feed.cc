#include "web/log_feed.h"

#include <algorithm>

#include "core/base/diag.h"

namespace headgate::web {
namespace {

constexpr int kSamplePerSecond = 50;
constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kProgressUs = 5 * kSecondUs;

}  // namespace

LogFeed::LogFeed(Log& log, const Clock& clock, Seq start, bool all)
    : log_(log), clock_(clock), all_(all), reader_(log.NewReader()), expected_(start) {
  reader_->Seek(start);
  second_us_ = progress_us_ = clock_.NowUs();
}

void LogFeed::ReadFrom(Seq seq) {
  reader_->Seek(seq);
  expected_ = seq;
  in_block_ = false;
}

bool LogFeed::full() const { return !all_ && in_second_ >= kSamplePerSecond; }

Feed::Next LogFeed::Pull(std::string& out, std::size_t room) {
  const auto end = std::chrono::steady_clock::now() + kFeedSlice;
  const std::int64_t now_us = clock_.NowUs();
  TellDropped(out, now_us);
  Next next = Next::kMore;
  while (out.size() < room && next == Next::kMore) {
    if (!in_block_) {
      next = NextBlock(out);
      if (next != Next::kMore) break;
    }
    next = TakeChanges(out, room);
    if (std::chrono::steady_clock::now() >= end) break;
  }
  if (next != Next::kEnd) TellProgress(out, next == Next::kWait, now_us);
  return next;
}

Feed::Next LogFeed::NextBlock(std::string& out) {
  const Seq first = log_.first_seq();
  if (expected_ < first && expected_ > 0) {
    const Seq from = expected_;
    ReadFrom(first);
    PassedBy(out, from, first);
    if (expected_ != first) return Next::kMore;  // it goes on elsewhere
  }
  const auto more = reader_->Next(block_);
  if (!more.ok()) return Broken(out, more.error());
  if (!*more) return Next::kWait;
  changes_.emplace(block_.Changes());
  registry_ = log_.registry();
  expected_ = block_.seq;
  stored_us_ = block_.info->stored_us;
  in_block_ = true;
  skipped_ = !BeginBlock(out, block_);
  return Next::kMore;
}

void LogFeed::PassedBy(std::string& out, Seq from, Seq first) {
  AppendEvent(out, "gap", "",
              "{\"from\":\"" + std::to_string(from) + "\",\"to\":\"" + std::to_string(first - 1) + "\",\"oldest\":\"" +
                  std::to_string(first) + "\"}");
}

Feed::Next LogFeed::TakeChanges(std::string& out, std::size_t room) {
  Change change;
  for (int n = 0; n < 64 && out.size() < room; ++n) {
    if (skipped_ || !changes_->Next(change)) {
      in_block_ = false;
      if (block_.last_part) {
        expected_ = block_.seq + 1;
        EndTransaction(out, block_);
      }
      return Next::kMore;
    }
    if (const Status taken = Take(out, block_, change); !taken.ok()) return Broken(out, taken.error());
  }
  return Next::kMore;
}

void LogFeed::TellDropped(std::string& out, std::int64_t now_us) {
  if (now_us - second_us_ < kSecondUs && now_us >= second_us_) return;
  second_us_ = now_us;
  in_second_ = 0;
  if (dropped_ > 0) AppendEvent(out, "dropped", "", "{\"count\":" + std::to_string(dropped_) + "}");
  dropped_ = 0;
}

bool LogFeed::ProgressIsDue(std::int64_t now_us) const { return now_us - progress_us_ >= kProgressUs; }

void LogFeed::Progress(std::string& out, std::string_view id, Seq seq, bool in_step, std::int64_t now_us) {
  progress_us_ = now_us;
  const double lag =
      in_step || stored_us_ == 0 ? 0.0 : static_cast<double>(std::max<std::int64_t>(now_us - stored_us_, 0)) / 1e6;
  AppendEvent(out, "progress", id,
              "{\"seq\":\"" + std::to_string(seq) + "\",\"lag_seconds\":" + std::to_string(lag) + "}");
}

Feed::Next LogFeed::Broken(std::string& out, const Error& error) {
  diag::Error("web", "tail ended", {{"error", error.what}});
  AppendEvent(out, "error", "",
              "{\"detail\":\"The log cannot be read on from here. The service's own log says why.\"}");
  return Next::kEnd;
}

void AppendEvent(std::string& out, std::string_view event, std::string_view id, std::string_view data) {
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  out.append("event: ").append(event).append("\ndata: ").append(data).append("\n\n");
}

}  // namespace headgate::web
