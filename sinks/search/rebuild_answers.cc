#include <algorithm>
#include <charconv>

#include "core/base/failpoint.h"
#include "sinks/search/answer_json.h"
#include "sinks/search/rebuild.h"

// What the server's answers lead to in each phase.
namespace headgate::search {
namespace {

constexpr auto kHealthAgain = std::chrono::seconds(1);
constexpr std::uint64_t kDiskTimesTwo = 3;  // 1.5 times the old one

// Of `orders-v12` for the alias orders; 0: it is none of its generations.
unsigned GenerationOf(const std::string& index, const std::string& alias) {
  const std::string head = alias + "-v";
  unsigned number = 0;
  if (!index.starts_with(head)) return number;
  const char* const end = index.data() + index.size();
  const auto read = std::from_chars(index.data() + head.size(), end, number);
  return read.ec == std::errc() && read.ptr == end ? number : 0;
}

// Gibibytes with one digit.
std::string Size(std::uint64_t bytes) {
  constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
  const std::uint64_t tenths = (bytes * 10 + kGiB - 1) / kGiB;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

}  // namespace

void Rebuild::JudgeCreate(Target& target, const Answer& answer) {
  switch (step_) {
    case Step::kFindOld:
      return FoundOld(target, answer);
    case Step::kFindGenerations:
      return FoundGenerations(target, answer);
    case Step::kSize: {
      if (answer.status != 200) return Fail(Said("asking for the size of " + target.old_index, answer));
      const nlohmann::json said = nlohmann::json::parse(answer.body, nullptr, false);
      target.bytes = NumberIn(Member(Member(Member(said, "_all"), "primaries"), "store"), "size_in_bytes");
      return NextTarget(Step::kFindOld, Step::kFree);
    }
    case Step::kFree:
      return FoundFree(answer);
    case Step::kDropLeft:
      if (answer.status != 200 && answer.status != 404)
        return Fail(Said("deleting index " + target.left.back() + ", which an earlier rebuild left,", answer));
      target.left.pop_back();
      return Make();
    default:
      return;
  }
}

// What old rebuilds left goes first; then the new indices are made, all of them.
void Rebuild::Make() {
  while (target_ < targets_.size() && targets_[target_].left.empty()) ++target_;
  if (target_ < targets_.size()) {
    step_ = Step::kDropLeft;
    return;
  }
  target_ = 0;
  step_ = Step::kMake;
  for (Target& target : targets_) MakeNext(target, true);
  told_.notes = Notes();
}

void Rebuild::FoundOld(Target& target, const Answer& answer) {
  const nlohmann::json said = nlohmann::json::parse(answer.body, nullptr, false);
  if (answer.status == 404) {
    target.old_index.clear();
  } else if (answer.status != 200 || !said.is_object() || said.size() != 1) {
    return Fail(Said("reading index alias " + target.alias, answer));
  } else if (said.begin().key() == target.alias) {
    return Fail(target.alias + " is an index and no alias, which nothing can take the place of at once");
  } else {
    target.old_index = said.begin().key();
  }
  step_ = Step::kFindGenerations;
}

void Rebuild::FoundGenerations(Target& target, const Answer& answer) {
  const nlohmann::json said = nlohmann::json::parse(answer.body, nullptr, false);
  if ((answer.status != 200 && answer.status != 404) || !said.is_object())
    return Fail(Said("reading the indices of " + target.alias, answer));
  target.number = GenerationOf(target.old_index, target.alias);
  target.left.clear();
  for (const auto& [index, described] : said.items()) {
    const unsigned number = GenerationOf(index, target.alias);
    const nlohmann::json meta = Member(Member(Member(described, "mappings"), "_meta"), "headgate");
    if (!Member(described, "aliases").contains(NextAlias(target))) {
      target.number = std::max(target.number, number);
      continue;
    }
    if (number == 0 || TextIn(meta, "log_id") != identity_.log_id || TextIn(meta, "sink") != identity_.sink)
      return Fail("alias " + NextAlias(target) + " is in use for index " + index + ", which is not of this sink");
    target.left.push_back(index);
  }
  target.new_index = target.alias + "-v" + std::to_string(++target.number);
  if (!target.old_index.empty()) {
    step_ = Step::kSize;
    return;
  }
  NextTarget(Step::kFindOld, Step::kFree);
}

// Q32.
void Rebuild::FoundFree(const Answer& answer) {
  const nlohmann::json nodes = Member(nlohmann::json::parse(answer.body, nullptr, false), "nodes");
  if (answer.status != 200 || !nodes.is_object())
    return Fail(Said("asking for free disk space", answer) + ". Give the account the right to monitor the cluster");
  std::uint64_t free = 0;
  for (const nlohmann::json& node : nodes) free += NumberIn(Member(Member(node, "fs"), "total"), "available_in_bytes");
  std::uint64_t needed = 0;
  for (const Target& target : targets_) needed += target.bytes * kDiskTimesTwo / 2;
  if (needed > free)
    return Fail("the new index needs " + Size(needed) + " of disk, half as much again as the old one has, and " +
                Size(free) + " are free on the search server");
  target_ = 0;
  Make();
}

void Rebuild::JudgeSettle(const Answer& answer) {
  const nlohmann::json said = nlohmann::json::parse(answer.body, nullptr, false);
  if (answer.status != 200 && answer.status != 408)
    return Fail(Said("preparing index " + targets_[target_].new_index, answer));
  switch (step_) {
    case Step::kRestore:
      step_ = Step::kRefresh;
      return;
    case Step::kRefresh:
      step_ = Step::kHealth;
      return;
    case Step::kHealth: {
      const std::string health = TextIn(said, "status");
      if (health == "green" || (health == "yellow" && NumberIn(said, "number_of_data_nodes") == 1)) {
        NextTarget(Step::kRestore, Step::kIdle);
        if (step_ == Step::kIdle) Moved(RebuildPhase::kCompare);
        return;
      }
      held_until_ = clock_.Now() + kHealthAgain;
      return;
    }
    case Step::kCountRefresh:
      step_ = Step::kCount;
      return;
    case Step::kCount:
      if (NumberIn(Member(said, "_shards"), "failed") > 0 || !Member(said, "count").is_number_unsigned())
        return Hold("the documents cannot be counted");
      counted_ = NumberIn(said, "count");
      step_ = Step::kIdle;
      return;
    case Step::kCheck:
      return JudgeCheck(answer);
    default:
      return;
  }
}

// A document that is newer than its row was changed since, or deleted; how many there are was looked at.
void Rebuild::JudgeCheck(const Answer& answer) {
  const nlohmann::json docs = Member(nlohmann::json::parse(answer.body, nullptr, false), "docs");
  const std::size_t count = std::min(samples_.size(), docs.is_array() ? docs.size() : 0);
  if (count == 0) return Hold("the documents cannot be read");
  const std::size_t first = samples_.size() - count;
  for (std::size_t i = 0; i < count; ++i) {
    const Sample& sample = samples_[first + i];
    const nlohmann::json source = Member(docs[i], "_source");
    if (!source.is_object() || NumberIn(docs[i], "_version") > sample.version) continue;
    const nlohmann::json wanted = nlohmann::json::parse(sample.document.source, nullptr, false);
    for (const auto& [field, value] : wanted.items()) {
      // envelope_fields tell of the change, which a row does not.
      if (field.starts_with('_') || Member(source, field.c_str()) == value) continue;
      ++checked_.differ;
      checked_.what = "field " + field + " of a document of index " + targets_[target_].new_index +
                      " is not what its row has at the same place of the log";
      break;
    }
  }
  samples_.resize(first);
  if (samples_.empty()) step_ = Step::kIdle;
}

void Rebuild::JudgeSwap(const Target& target, const Answer& answer) {
  if (step_ == Step::kSwap) {
    HG_FAILPOINT("rebuild.swapped");
    if (answer.status != 200) return Fail(Said("swapping the aliases", answer));
    return Swapped();
  }
  const nlohmann::json said = nlohmann::json::parse(answer.body, nullptr, false);
  const bool is_index = answer.status == 200 && said.is_object() && said.size() == 1;
  if (is_index && said.begin().key() == target.new_index) return Swapped();  // before a kill, or unheard
  const std::string behind = is_index ? said.begin().key() : "";
  if (behind != target.old_index || (!is_index && answer.status != 404))
    return Fail(Said("alias " + target.alias + " stands for " + (behind.empty() ? "something" : behind) +
                         ", and not for the old index " + target.old_index + " any more: looking at it",
                     answer));
  step_ = Step::kSwap;
}

void Rebuild::Swapped() {
  told_.due_us = clock_.NowUs() + options_.keep_old_ms * 1'000;
  swapped_ = true;
  Moved(RebuildPhase::kRetire);
}

// An index that is to be deleted is looked at first.
void Rebuild::JudgeEnd(Target& target, const Answer& answer) {
  const bool drops = plan_.phase == RebuildPhase::kDrop;
  bool next = false;
  if (step_ == Step::kLook) {
    const nlohmann::json said = nlohmann::json::parse(answer.body, nullptr, false);
    const bool is_index = answer.status == 200 && said.is_object() && said.size() == 1;
    const std::string behind = is_index ? said.begin().key() : "";
    if (drops) {
      const nlohmann::json meta =
          is_index ? Member(Member(Member(*said.begin(), "mappings"), "_meta"), "headgate") : nlohmann::json();
      next = !is_index || TextIn(meta, "rebuild") != plan_.tag;
      target.new_index = behind;
    } else {
      next = behind == target.old_index || target.old_index.empty();
    }
    if (!is_index && answer.status != 404) return Hold(Said("looking at an alias", answer));
    if (!next) step_ = Step::kDelete;
  } else {
    if (answer.status != 200 && answer.status != 404) return Hold(Said("deleting an index", answer));
    next = true;
  }
  if (!next) return;
  NextTarget(Step::kLook, Step::kIdle);
  if (step_ == Step::kIdle) Moved(RebuildPhase::kEnded);
}

}  // namespace headgate::search
