#include "web/stream_feed.h"

#include <utility>

namespace headgate::web {
namespace {

class StreamFeed final : public LogFeed {
 public:
  StreamFeed(Log& log, const Clock& clock, StreamFeedOptions options)
      : LogFeed(log, clock, options.start.seq, options.all), options_(std::move(options)) {}

 private:
  Status Take(std::string& out, const LogReader::Block& block, const Change& change) override {
    const At at{block.seq, change.ordinal};
    if (at < options_.start || !options_.filter.wanted(registry(), block, change)) return Ok();
    const bool renders = options_.filter.key != nullptr || options_.filter.q != nullptr;
    if (full() && !renders) return MaySend(), Ok();
    text_.clear();
    HG_ASSIGN_OR_RETURN(const bool passes, options_.filter.Render(renderer_, text_, registry(), block, change));
    if (!passes || !MaySend()) return Ok();
    AppendEvent(out, change.op == Op::kSchema ? "schema" : "record", ToText(at), text_);
    sent_ = true;
    return Ok();
  }

  // After each batch of news, when everything up to the end has been sent, and every few seconds.
  void TellProgress(std::string& out, bool at_end, std::int64_t now_us) override {
    if (!(sent_ && at_end) && !ProgressIsDue(now_us)) return;
    sent_ = false;
    Progress(out, "", expected() > 0 ? expected() - 1 : 0, !in_block() && expected() > log().last_seq(), now_us);
  }

  const StreamFeedOptions options_;
  RecordRenderer renderer_;
  std::string text_;
  bool sent_ = false;  // a record since the last progress
};

}  // namespace

std::unique_ptr<Feed> MakeStreamFeed(Log& log, const Clock& clock, StreamFeedOptions options) {
  return std::make_unique<StreamFeed>(log, clock, std::move(options));
}

}  // namespace headgate::web
