#include "sinks/search/truncation.h"

#include <simdjson.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace headgate::search {
namespace {

using TruncationJson = nlohmann::json;
namespace ondemand = simdjson::ondemand;

constexpr std::string_view kKeepOpen = "5m";

struct Page {
  std::string scroll;
  std::uint64_t failed_shards = 0;
  std::vector<Document> documents;  // `source` as it is stored, if it was asked for
};

bool ReadHit(ondemand::object hit, Document& document) {
  for (auto field : hit) {
    std::string_view name;
    std::string_view text;
    if (field.unescaped_key().get(name)) return false;
    if (name == "_id") {
      if (field.value().get_string().get(text)) return false;
      document.id = text;
    } else if (name == "_routing") {
      if (field.value().get_string().get(text)) return false;
      document.routing = text;
    } else if (name == "_source") {
      ondemand::object source;
      if (field.value().get_object().get(source) || source.raw_json().get(text)) return false;
      document.source = text;
    }
  }
  return !document.id.empty();
}

// {"_scroll_id":"...","_shards":{"failed":0},"hits":{"hits":[{"_id":"...","_routing":"...","_source":{...}}]}}. Members
// that filter_path leaves empty are not there.
bool ReadPage(std::string_view body, Page& page) {
  const simdjson::padded_string padded(body);
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object answer;
  if (parser.iterate(padded).get(document) || document.get_object().get(answer)) return false;
  bool shards = false;
  for (auto member : answer) {
    std::string_view name;
    std::string_view text;
    if (member.unescaped_key().get(name)) return false;
    if (name == "_scroll_id") {
      if (member.value().get_string().get(text)) return false;
      page.scroll = text;
    } else if (name == "_shards") {
      if (member.value()["failed"].get_uint64().get(page.failed_shards)) return false;
      shards = true;
    } else if (name == "hits") {
      ondemand::array hits;
      if (member.value()["hits"].get_array().get(hits)) return false;
      for (auto one : hits) {
        ondemand::object hit;
        if (one.get_object().get(hit) || !ReadHit(hit, page.documents.emplace_back())) return false;
      }
    }
  }
  return shards && !page.scroll.empty();
}

}  // namespace

Error Truncation::Refused(std::string_view what, const Answer& answer) const {
  const std::string text = "deleting the documents of index alias " + alias_ +
                           ", whose table was truncated: " + std::string(what) + " got HTTP " +
                           std::to_string(answer.status) + ": " + ReasonOf(answer.body);
  if (answer.status == 429 || answer.status >= 500) return Transient(text);
  return ConfigError(text +
                     ". Give the account of this sink the right to search and refresh the index, or delete the "
                     "documents and set on_truncate=ignore");
}

Call Truncation::Next() const {
  constexpr std::string_view kShown = "&filter_path=_scroll_id,_shards.failed,hits.hits._id,hits.hits._routing";
  switch (step_) {
    case Step::kRefresh:
      return {"POST", "/" + alias_ + "/_refresh", ""};
    case Step::kOpen: {
      const TruncationJson body = {{"size", page_}, {"sort", {"_doc"}}, {"_source", options_.soft_delete}};
      return {"POST",
              "/" + alias_ + "/_search?scroll=" + std::string(kKeepOpen) + "&allow_partial_search_results=false" +
                  std::string(kShown) + (options_.soft_delete ? ",hits.hits._source" : ""),
              body.dump()};
    }
    case Step::kNextPage:
      return {"POST",
              "/_search/scroll?rest_total_hits_as_int=false" + std::string(kShown) +
                  (options_.soft_delete ? ",hits.hits._source" : ""),
              TruncationJson({{"scroll", kKeepOpen}, {"scroll_id", scroll_}}).dump()};
    case Step::kWrite: {
      Call call{"POST", "/_bulk?filter_path=items.*.status,items.*.error.type,items.*.error.reason", ""};
      for (const Document& document : documents_) AppendWrite(call.body, alias_, version_, document);
      return call;
    }
    case Step::kClose:
    case Step::kDone:
      break;
  }
  return {"DELETE", "/_search/scroll", TruncationJson({{"scroll_id", {scroll_}}}).dump()};
}

Status Truncation::TakePage(const Answer& answer) {
  Page page;
  // An answer that was too long is cut.
  if (!ReadPage(answer.body, page)) {
    page_ = std::max<std::size_t>(1, page_ / 2);
    return Transient("a page of the documents of index alias " + alias_ + " cannot be read");
  }
  if (page.failed_shards > 0)
    return Transient("not all shards of index alias " + alias_ + " could say which documents they have");
  scroll_ = std::move(page.scroll);
  step_ = page.documents.empty() ? Step::kClose : Step::kWrite;
  documents_ = std::move(page.documents);
  for (Document& document : documents_) {
    document.remove = !options_.soft_delete;
    if (document.remove) continue;
    if (document.source.empty())
      return ConfigError("Documents of index alias " + alias_ +
                         ", whose table was truncated, cannot be marked: the index keeps no _source. Set "
                         "delete_mode=hard, or on_truncate=ignore");
    const TruncationJson parsed = TruncationJson::parse(document.source, nullptr, false);
    document.done = parsed.is_object() && parsed.contains(kDeletedAt);  // it was marked before
    document.source.pop_back();
    if (document.source.size() > 1) document.source.push_back(',');
    AppendDeletedAt(document.source, commit_us_);
    document.source.push_back('}');
  }
  std::erase_if(documents_, [](const Document& document) { return document.done; });
  if (step_ == Step::kWrite && documents_.empty()) step_ = Step::kNextPage;
  return Ok();
}

Status Truncation::CheckWritten(const Answer& answer) {
  if (answer.status == 413) page_ = std::max<std::size_t>(1, page_ / 2);
  if (answer.status == 413 && documents_.size() > 1) return Transient("a page is too large for the server");
  if (answer.status != 200) return Refused("a request", answer);
  const auto results = ParseBulk(answer.body, documents_.size());
  if (!results) return Transient("the answer cannot be read or is not about what was sent");
  for (const ItemResult& result : *results) {
    const Verdict verdict = JudgeItem(result);
    if (verdict == Verdict::kDone || verdict == Verdict::kStale) continue;
    if (verdict != Verdict::kData && verdict != Verdict::kConfigure) return Transient(result.Text());
    return ConfigError("Documents of index alias " + alias_ +
                       ", whose table was truncated, cannot be changed: " + result.Text());
  }
  step_ = Step::kNextPage;
  return Ok();
}

Status Truncation::Answered(const Answer& answer) {
  const auto run = [&]() -> Status {
    switch (step_) {
      case Step::kRefresh:
        if (answer.status != 200) return Refused("the refresh", answer);
        step_ = Step::kOpen;
        return Ok();
      case Step::kOpen:
        if (answer.status != 200) return Refused("the search", answer);
        return TakePage(answer);
      case Step::kNextPage:
        if (answer.status == 404) return Transient("the search ended before all documents were read");
        if (answer.status != 200) return Refused("the search", answer);
        return TakePage(answer);
      case Step::kWrite:
        return CheckWritten(answer);
      case Step::kClose:  // it would end by itself
      case Step::kDone:
        break;
    }
    step_ = Step::kDone;
    return Ok();
  };
  Status status = run();
  if (!status.ok()) Restart();
  return status;
}

}  // namespace headgate::search
