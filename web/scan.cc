#include <algorithm>
#include <chrono>
#include <deque>

#include "web/records.h"

namespace headgate::web {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLookAhead{250};  // to find out whether a full page was the last
constexpr Seq kFirstWindow = 64;                      // transactions read at once on the way back
constexpr Seq kLastWindow = 8'192;

class Scanner {
 public:
  Scanner(const Log& log, const ScanRequest& request, std::stop_token stop)
      : log_(log),
        in_(request),
        stop_(stop),
        reader_(log.NewReader()),
        deadline_(SteadyClock::now() + request.time_max) {}

  Result<ScanOutcome> Run() {
    if (in_.low < in_.high) HG_RETURN_IF_ERROR(in_.descending ? Backward() : Forward());
    return std::move(out_);
  }

 private:
  enum class Step { kGoOn, kStop };
  bool OutOfTime() const { return stop_.stop_requested() || (!patient_ && SteadyClock::now() >= deadline_); }

  // Every wanted change of [low, high), in log order. `hit` gets its place and the rendered record.
  template <class F>
  Status Walk(At low, At high, bool& interrupted, F hit) {
    reader_->Seek(low.seq);
    LogReader::Block block;
    Change change;
    std::string text;
    while (true) {
      HG_ASSIGN_OR_RETURN(const bool more, reader_->Next(block));
      if (!more || block.seq > high.seq || (block.seq == high.seq && high.ordinal == 0)) return Ok();
      const auto registry = log_.registry();
      for (auto changes = block.Changes(); changes.Next(change);) {
        const At at{block.seq, change.ordinal};
        if (at < low) continue;
        if (at >= high) return Ok();
        ++out_.scanned;
        last_ = at;
        if (!in_.filter.wanted(*registry, block, change)) continue;
        text.clear();
        HG_ASSIGN_OR_RETURN(const bool passes, in_.filter.Render(renderer_, text, *registry, block, change));
        if (passes && hit(at, text) == Step::kStop) return Ok();
        if ((out_.scanned & 63) == 0 && OutOfTime()) {
          interrupted = true;
          return Ok();
        }
      }
      if (OutOfTime()) {
        interrupted = true;
        return Ok();
      }
    }
  }

  static At After(At at) { return {at.seq, at.ordinal + 1}; }

  Status Forward() {
    std::size_t bytes = 0;
    At last_hit;
    bool interrupted = false;
    HG_RETURN_IF_ERROR(Walk(in_.low, in_.high, interrupted, [&](At at, const std::string& text) {
      const bool full = out_.records.size() >= in_.limit || (bytes > 0 && bytes + text.size() > in_.bytes_max);
      if (full) {
        out_.next = After(last_hit);
        return Step::kStop;
      }
      out_.records.push_back(text);
      bytes += text.size();
      last_hit = at;
      if (out_.records.size() == in_.limit) deadline_ = std::min(deadline_, SteadyClock::now() + kLookAhead);
      return Step::kGoOn;
    }));
    if (interrupted && !out_.next) out_.next = After(out_.records.size() == in_.limit ? last_hit : last_);
    return Ok();
  }

  // The log is read forwards only: windows of transactions, the last one first, of each the last records.
  Status Backward() {
    At high = in_.high;
    Seq window = kFirstWindow;
    std::size_t bytes = 0;
    while (in_.low < high) {
      const Seq span = std::min<Seq>(window, high.seq);
      const At low = std::max(in_.low, At{high.ordinal == 0 ? high.seq - span : high.seq - (span - 1), 0});
      std::deque<std::pair<At, std::string>> kept;
      std::size_t kept_bytes = 0;
      bool cut = false;
      bool interrupted = false;
      HG_RETURN_IF_ERROR(Walk(low, high, interrupted, [&](At at, const std::string& text) {
        kept.emplace_back(at, text);
        kept_bytes += text.size();
        while (kept.size() > 1 &&
               (out_.records.size() + kept.size() > in_.limit || bytes + kept_bytes > in_.bytes_max)) {
          kept_bytes -= kept.front().second.size();
          kept.pop_front();
          cut = true;
        }
        return Step::kGoOn;
      }));
      // What an interrupted window found is not its end, so it counts for nothing. A call that got nowhere reads one
      // transaction whole, however large, so that the next one starts further back.
      if (interrupted) {
        const bool nowhere = high == in_.high && !stop_.stop_requested();
        if (nowhere) {
          window = 1;
          patient_ = true;
          continue;
        }
        out_.next = high;
        return Ok();
      }
      patient_ = false;
      for (auto it = kept.rbegin(); it != kept.rend(); ++it) {
        if (out_.records.size() >= in_.limit || (bytes > 0 && bytes + it->second.size() > in_.bytes_max)) {
          cut = true;
          break;
        }
        bytes += it->second.size();
        high = it->first;
        out_.records.push_back(std::move(it->second));
      }
      if (cut) {
        out_.next = high;
        return Ok();
      }
      high = low;
      window = std::min(window * 2, kLastWindow);
      // A full page may be the last one: look on, but not for long.
      if (out_.records.size() == in_.limit) deadline_ = std::min(deadline_, SteadyClock::now() + kLookAhead);
    }
    return Ok();
  }

  const Log& log_;
  const ScanRequest& in_;
  const std::stop_token stop_;
  std::unique_ptr<LogReader> reader_;
  RecordRenderer renderer_;
  SteadyClock::time_point deadline_;
  bool patient_ = false;  // the time limit does not hold
  At last_;
  ScanOutcome out_;
};

}  // namespace

Result<ScanOutcome> Scan(const Log& log, const ScanRequest& request, std::stop_token stop) {
  return Scanner(log, request, stop).Run();
}

}  // namespace headgate::web
