#include "web/stream_feed.h"

#include <algorithm>
#include <chrono>

#include "core/base/diag.h"

namespace headgate::web {
namespace {

constexpr int kSamplePerSecond = 50;
constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::int64_t kProgressUs = 5 * kSecondUs;
constexpr std::chrono::milliseconds kSlice{3};  // of the API thread, per pull

class StreamFeed final : public Feed {
 public:
  StreamFeed(Log& log, const Clock& clock, StreamFeedOptions options)
      : log_(log),
        clock_(clock),
        options_(std::move(options)),
        reader_(log.NewReader()),
        expected_(options_.start.seq) {
    reader_->Seek(options_.start.seq);
    second_us_ = progress_us_ = clock_.NowUs();
  }

  Next Pull(std::string& out, std::size_t room) override {
    const auto end = std::chrono::steady_clock::now() + kSlice;
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
    const bool news = sent_ && next == Next::kWait;  // everything up to here has been sent
    if (next != Next::kEnd && (news || now_us - progress_us_ >= kProgressUs)) TellProgress(out, now_us);
    return next;
  }

 private:
  Next NextBlock(std::string& out) {
    const Seq first = log_.first_seq();
    if (expected_ < first && expected_ > 0) {
      AppendEvent(out, "gap", "",
                  "{\"from\":\"" + std::to_string(expected_) + "\",\"to\":\"" + std::to_string(first - 1) +
                      "\",\"oldest\":\"" + std::to_string(first) + "\"}");
      expected_ = first;
      reader_->Seek(first);
    }
    const auto more = reader_->Next(block_);
    if (!more.ok()) return Broken(out, more.error());
    if (!*more) return Next::kWait;
    changes_.emplace(block_.Changes());
    registry_ = log_.registry();
    expected_ = block_.seq;
    stored_us_ = block_.info->stored_us;
    in_block_ = true;
    return Next::kMore;
  }

  Next TakeChanges(std::string& out, std::size_t room) {
    Change change;
    for (int n = 0; n < 64 && out.size() < room; ++n) {
      if (!changes_->Next(change)) {
        in_block_ = false;
        if (block_.last_part) expected_ = block_.seq + 1;
        return Next::kMore;
      }
      const At at{block_.seq, change.ordinal};
      if (at < options_.start || !options_.filter.wanted(*registry_, block_, change)) continue;
      if (const Status taken = Take(out, at, change); !taken.ok()) return Broken(out, taken.error());
    }
    return Next::kMore;
  }

  Status Take(std::string& out, At at, const Change& change) {
    const bool full = !options_.all && in_second_ >= kSamplePerSecond;
    const bool renders = options_.filter.key != nullptr || options_.filter.q != nullptr;
    if (full && !renders) {
      ++dropped_;
      return Ok();
    }
    text_.clear();
    HG_ASSIGN_OR_RETURN(const bool passes, options_.filter.Render(renderer_, text_, *registry_, block_, change));
    if (!passes) return Ok();
    if (full) {
      ++dropped_;
      return Ok();
    }
    ++in_second_;
    AppendEvent(out, change.op == Op::kSchema ? "schema" : "record", ToText(at), text_);
    sent_ = true;
    return Ok();
  }

  void TellDropped(std::string& out, std::int64_t now_us) {
    if (now_us - second_us_ < kSecondUs && now_us >= second_us_) return;
    second_us_ = now_us;
    in_second_ = 0;
    if (dropped_ > 0) AppendEvent(out, "dropped", "", "{\"count\":" + std::to_string(dropped_) + "}");
    dropped_ = 0;
  }

  void TellProgress(std::string& out, std::int64_t now_us) {
    progress_us_ = now_us;
    sent_ = false;
    const bool at_end = !in_block_ && expected_ > log_.last_seq();
    const double lag =
        at_end || stored_us_ == 0 ? 0.0 : static_cast<double>(std::max<std::int64_t>(now_us - stored_us_, 0)) / 1e6;
    AppendEvent(out, "progress", "",
                "{\"seq\":\"" + std::to_string(expected_ > 0 ? expected_ - 1 : 0) +
                    "\",\"lag_seconds\":" + std::to_string(lag) + "}");
  }

  Next Broken(std::string& out, const Error& error) {
    diag::Error("web", "tail ended", {{"error", error.what}});
    AppendEvent(out, "error", "",
                "{\"detail\":\"The log cannot be read on from here. The service's own log says why.\"}");
    return Next::kEnd;
  }

  Log& log_;
  const Clock& clock_;
  const StreamFeedOptions options_;
  std::unique_ptr<LogReader> reader_;
  RecordRenderer renderer_;
  std::shared_ptr<const Registry> registry_;
  LogReader::Block block_;
  std::optional<ChangeReader> changes_;  // of block_
  bool in_block_ = false;
  Seq expected_;  // everything before it has been looked at
  std::int64_t stored_us_ = 0;
  std::string text_;
  bool sent_ = false;  // a record since the last progress
  int in_second_ = 0;
  std::uint64_t dropped_ = 0;
  std::int64_t second_us_ = 0;
  std::int64_t progress_us_ = 0;
};

}  // namespace

std::unique_ptr<Feed> MakeStreamFeed(Log& log, const Clock& clock, StreamFeedOptions options) {
  return std::make_unique<StreamFeed>(log, clock, std::move(options));
}

void AppendEvent(std::string& out, std::string_view event, std::string_view id, std::string_view data) {
  if (!id.empty()) out.append("id: ").append(id).append("\n");
  out.append("event: ").append(event).append("\ndata: ").append(data).append("\n\n");
}

}  // namespace headgate::web
