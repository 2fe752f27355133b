#include "web/records.h"

#include <algorithm>
#include <set>

#include "core/base/time_text.h"
#include "core/pipeline/event_context.h"
#include "web/page.h"

namespace headgate::web {

Status RecordRenderer::Append(std::string& out, const Registry& registry, const LogReader::Block& block,
                              const Change& change) {
  HG_RETURN_IF_ERROR(encoder_.Append(out, ContextOf(registry, block.seq, *block.info, change)));
  out.pop_back();  // the closing brace
  out.append(",\"at\":\"").append(ToText(At{block.seq, change.ordinal})).append("\",\"stored_at\":\"");
  out.append(UtcText(block.info->stored_us)).append("\",\"parents\":[]}");
  return Ok();
}

std::string RecordRenderer::Key(const Registry& registry, const LogReader::Block& block, const Change& change) {
  std::string key;
  const Status status = encoder_.AppendKeyJson(key, ContextOf(registry, block.seq, *block.info, change));
  return status.ok() ? key : std::string();
}

Result<bool> RecordFilter::Render(RecordRenderer& renderer, std::string& out, const Registry& registry,
                                  const LogReader::Block& block, const Change& change) const {
  if (key != nullptr && !key->Matches(renderer.Key(registry, block, change))) return false;
  const std::size_t start = out.size();
  HG_RETURN_IF_ERROR(renderer.Append(out, registry, block, change));
  if (q != nullptr && !q->Matches(std::string_view(out).substr(start))) {
    out.resize(start);
    return false;
  }
  return true;
}

RecordFilter OfStream(StreamNo stream) {
  RecordFilter filter;
  filter.wanted = [stream](const Registry&, const LogReader::Block&, const Change& change) {
    return change.stream == stream;
  };
  return filter;
}

RecordFilter OfSource(std::string name) {
  RecordFilter filter;
  filter.wanted = [name = std::move(name)](const Registry& registry, const LogReader::Block& block, const Change&) {
    const SourceInfo* source = registry.Source(block.info->source);
    return source != nullptr && source->name == name;
  };
  return filter;
}

RecordFilter OfStreams(std::vector<std::string> names) {
  RecordFilter filter;
  filter.wanted = [names = std::set<std::string, std::less<>>(names.begin(), names.end())](
                      const Registry& registry, const LogReader::Block&, const Change& change) {
    const StreamInfo* stream = change.stream == 0 ? nullptr : registry.Stream(change.stream);
    return stream != nullptr && names.contains(stream->name);
  };
  return filter;
}

std::optional<At> ParsePlace(const Log& log, std::string_view text, bool after_at) {
  if (text == "beginning") return At{log.first_seq(), 0};
  if (text == "end") return At{log.last_seq() + 1, 0};
  // 2026-03 may be a place or a month: a place has no leading zero after the dash.
  const std::size_t dash = text.find('-');
  const bool zero = dash != std::string_view::npos && dash + 2 < text.size() && text[dash + 1] == '0';
  At at;
  const bool place = !zero && ParseAt(text, at);
  const auto time = ParseTime(text);
  // 2026-11 is a place only where the log has come so far.
  if (place && (!time || at.seq <= log.last_seq())) return after_at ? At{at.seq, at.ordinal + 1} : at;
  if (time) return At{log.SeekTime(*time), 0};
  return std::nullopt;
}

Result<At> KeptPlace(const Log& log, const std::string& text) {
  const auto place = ParsePlace(log, text, false);
  if (!place)
    return ConfigError("to must be beginning, end, a place such as 4711-1, or a time such as 2026-03-04T05:06.");
  const auto time = ParseTime(text);
  if (!time || place->seq != log.first_seq() || log.first_seq() <= 1 || text == "beginning") return *place;
  const auto reader = log.NewReader();
  reader->Seek(log.first_seq());
  LogReader::Block block;
  HG_ASSIGN_OR_RETURN(const bool more, reader->Next(block));
  if (!more || *time >= block.info->stored_us) return *place;
  return Rejected("Retention has dropped what was stored before " + UtcText(block.info->stored_us) +
                  ". The oldest place to go to is " + ToText(At{block.seq, 0}) + ": write it, or beginning.");
}

}  // namespace headgate::web
