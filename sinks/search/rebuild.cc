#include "sinks/search/rebuild.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/failpoint.h"
#include "sinks/search/answer_json.h"

namespace headgate::search {
namespace {

using Json = nlohmann::json;

constexpr std::chrono::minutes kTransientMax{5};
constexpr std::size_t kRejectedMax = 100;
constexpr std::size_t kCheckedAtOnce = 500;
constexpr std::string_view kThereAlready = "resource_already_exists_exception";

bool IsTransient(int status) { return status == 429 || status >= 500; }

}  // namespace

Status Rebuild::CanRebuild() const {
  if (!options_.manage_index)
    return Rejected("With manage_index=false the index is somebody else's: it cannot be rebuilt from here.");
  if (options_.soft_delete)
    return Rejected(
        "With delete_mode=soft a rebuilt index would lack the documents that are marked as deleted: their rows are "
        "gone.");
  return Ok();
}

void Rebuild::Take(RebuildPlan plan) {
  const bool same = plan.run == plan_.run && begun_ && plan.phase < RebuildPhase::kRetire;
  plan_ = std::move(plan);
  if (plan_.phase <= RebuildPhase::kSwap) wanted_.clear();
  told_ = {plan_.run, plan_.phase, same ? told_.notes : plan_.notes, same ? told_.error : "", plan_.due_us};
  held_until_ = {};
  step_ = FirstStep();
  target_ = 0;
  under_way_ = false;
  counted_.reset();
  calls_failing_since_.reset();
  if (same) return;
  begun_ = false;
  documents_failing_since_.reset();
  rejected_in_row_ = 0;
  proven_ = false;
  if (product_) Begin();
}

void Rebuild::SetProduct(Product product) {
  product_ = product;
  if (plan_.run != 0 && !begun_) Begin();
}

void Rebuild::Begin() {
  begun_ = true;
  targets_.clear();
  const Json notes = Json::parse(plan_.notes, nullptr, false);
  if (plan_.phase >= RebuildPhase::kRetire && notes.is_object()) {  // the settings may name others by now
    for (const auto& [alias, noted] : notes.items()) {
      Target& target = targets_.emplace_back();
      target.alias = alias;
      target.old_index = TextIn(noted, "old");
      target.new_index = TextIn(noted, "new");
    }
    return;
  }
  for (const RebuildStream& stream : plan_.streams) {
    Target& target = targets_.emplace_back();
    target.stream = stream;
    target.alias = AliasOf(options_, stream.stream.name, stream.stream.schema, stream.stream.table);
    const Json noted = Member(notes, target.alias.c_str());
    target.old_index = TextIn(noted, "old");
    target.new_index = TextIn(noted, "new");
    const auto is_it = [&](const Target& other) { return &other != &target && other.alias == target.alias; };
    if (std::ranges::any_of(targets_, is_it)) return Fail("several streams have their documents in " + target.alias);
    if (plan_.phase > RebuildPhase::kCreate && plan_.phase < RebuildPhase::kRetire) MakeNext(target, false);
  }
  if (targets_.empty()) Fail("the streams are gone");
}

std::string Rebuild::Notes() const {
  Json notes = Json::object();
  for (const Target& target : targets_) notes[target.alias] = {{"old", target.old_index}, {"new", target.new_index}};
  return notes.dump();
}

void Rebuild::MakeNext(Target& target, bool may_make) {
  target.next = std::make_unique<IndexSetup>(options_, identity_, NextAlias(target), target.stream.stream.name,
                                             Generation{target.new_index, target.number, plan_.tag, may_make});
  auto layout = LayoutOf(target.stream.schema, target.stream.stream.name, options_, *product_);
  Status wanted = layout.ok() ? target.next->Want(*layout) : Status(layout.error());
  if (!wanted.ok()) Fail(wanted.error().what);
}

RebuildTold Rebuild::told() const { return told_; }

bool Rebuild::dual() const {
  return plan_.phase >= RebuildPhase::kDual && plan_.phase <= RebuildPhase::kSwap &&
         told_.phase <= RebuildPhase::kSwap && told_.error.empty();
}

IndexSetup* Rebuild::Next(const std::string& alias) const {
  if (!dual()) return nullptr;
  const auto it = std::ranges::find_if(targets_, [&](const Target& target) { return target.alias == alias; });
  return it == targets_.end() ? nullptr : it->next.get();
}

Status Rebuild::SetUp(std::uint64_t run, const std::string& alias, const Answer& answer) {
  const auto it = std::ranges::find_if(targets_, [&](const Target& target) { return NextAlias(target) == alias; });
  if (run != plan_.run || it == targets_.end() || it->next == nullptr) return Ok();  // it has ended
  Status status = it->next->Answered(answer.status, answer.body);
  if (status.ok()) {
    calls_failing_since_.reset();
  } else if (status.error().kind == ErrorKind::kTransient) {
    Hold(status.error().what);
  } else if (plan_.phase == RebuildPhase::kCreate && ReasonOf(answer.body).starts_with(kThereAlready)) {
    // Asked for by an earlier one, and carried out late: it is found this time.
    for (Target& target : targets_) target.next.reset();
    step_ = FirstStep();
    target_ = 0;
    Hold(status.error().what);
  } else {
    Fail(status.error().what);
  }
  return status;
}

IndexSetup* Rebuild::Unready() const {
  if (!told_.error.empty() || plan_.phase > RebuildPhase::kCompare) return nullptr;
  for (const Target& target : targets_) {
    if (target.next != nullptr && !target.next->ready()) return target.next.get();
  }
  return nullptr;
}

void Rebuild::Want(const std::string& alias, const Layout& layout, std::uint32_t version) {
  const auto it = std::ranges::find_if(targets_, [&](const Target& target) { return target.alias == alias; });
  if (!dual() || it == targets_.end() || it->next == nullptr) return;
  if (version <= it->stream.version) return it->next->WantOlder(layout);
  if (Status wanted = it->next->Want(layout); !wanted.ok()) Fail(wanted.error().what);
}

void Rebuild::Ask(const std::string& stream) {
  if (std::ranges::find(wanted_, stream) == wanted_.end()) wanted_.push_back(stream);
}

bool Rebuild::Covers(const std::string& alias) const {
  const auto is_it = [&](const Target& target) { return target.alias == alias; };
  return IsUnderWay() && std::ranges::any_of(targets_, is_it);
}

// --- how documents fare

void Rebuild::DocumentTaken() {
  documents_failing_since_.reset();
  rejected_in_row_ = 0;
  proven_ = true;
}

void Rebuild::DocumentRefused(std::string_view text) {
  const Time now = clock_.Now();
  if (!documents_failing_since_) documents_failing_since_ = now;
  if (now - *documents_failing_since_ >= kTransientMax)
    Fail("the new index has taken nothing for 5 minutes: " + std::string(text));
}

void Rebuild::DocumentRejected(std::string_view text) {
  if (++rejected_in_row_ == kRejectedMax)
    Fail("the new index rejected " + std::to_string(kRejectedMax) + " documents in a row, the last with " +
         std::string(text) + ". Its mapping does not fit");
}

void Rebuild::Fail(std::string text) {
  if (told_.error.empty() && plan_.phase < RebuildPhase::kRetire) told_.error = std::move(text);
}

// --- calls

Rebuild::Step Rebuild::FirstStep() const {
  switch (plan_.phase) {
    case RebuildPhase::kCreate:
      return Step::kFindOld;
    case RebuildPhase::kSettle:
      return Step::kRestore;
    case RebuildPhase::kSwap:
    case RebuildPhase::kRetire:
    case RebuildPhase::kDrop:
      return Step::kLook;
    default:
      return Step::kIdle;
  }
}

void Rebuild::Moved(RebuildPhase phase) {
  told_.phase = phase;
  step_ = Step::kIdle;
}

// The same with the next target, from `first` on; behind the last `then`.
void Rebuild::NextTarget(Step first, Step then) {
  const bool last = ++target_ >= targets_.size();
  if (last) target_ = 0;
  step_ = last ? then : first;
}

void Rebuild::Count(const std::string& stream) {
  const auto is_it = [&](const Target& target) { return target.stream.stream.name == stream; };
  const auto it = std::ranges::find_if(targets_, is_it);
  counted_.reset();
  samples_.clear();
  layouts_.clear();
  checked_ = {};
  under_way_ = false;  // that is of a count which came too late
  if (it == targets_.end()) return Fail("stream " + stream + " is gone");
  target_ = static_cast<std::size_t>(it - targets_.begin());
  step_ = Step::kCountRefresh;
}

// Rows that make no document are dead letters, and have been told as such.
void Rebuild::Check(const Event& event) {
  if (event.number == 0) return;
  auto layout = layouts_.find(event.change->schema);
  if (layout == layouts_.end()) {
    auto made = LayoutOf(*event.schema, event.stream->name, options_, *product_);
    if (!made.ok()) return;
    layout = layouts_.emplace(event.change->schema, *std::move(made)).first;
  }
  Documents encoded;
  if (!documents_.Encode(event, layout->second, encoded).ok()) return;
  for (Document& document : encoded.documents) {
    if (!document.remove) samples_.push_back({std::move(document), event.number});
  }
  if (!samples_.empty()) step_ = Step::kCheck;
}

std::optional<RebuildChecked> Rebuild::checked() const {
  if (!samples_.empty()) return std::nullopt;
  return checked_;
}

Rebuild::Time Rebuild::NextWake(bool quiet) const {
  if (NeedsQuiet() && !quiet) return Time::max();
  if (!begun_ || under_way_ || step_ == Step::kIdle || step_ == Step::kMake || !told_.error.empty()) return Time::max();
  return held_until_;
}

std::optional<Call> Rebuild::NextCall(bool quiet) {
  if (!begun_ || !told_.error.empty() || under_way_ || clock_.Now() < held_until_) return std::nullopt;
  if (plan_.phase == RebuildPhase::kDual && told_.phase == plan_.phase && (proven_ || quiet))
    Moved(RebuildPhase::kLoad);
  if (step_ == Step::kMake && Unready() == nullptr) {
    HG_FAILPOINT("rebuild.created");
    Moved(RebuildPhase::kDual);
  }
  if (step_ == Step::kIdle || step_ == Step::kMake || target_ >= targets_.size()) return std::nullopt;
  if (NeedsQuiet() && !quiet) return std::nullopt;
  under_way_ = true;
  return CallOf(targets_[target_]);
}

Call Rebuild::CallOf(const Target& target) const {
  switch (step_) {
    case Step::kFindOld:
      return {"GET", "/" + target.alias, ""};
    case Step::kFindGenerations:
      return {"GET", "/" + target.alias + "-v*?expand_wildcards=open,closed", ""};
    case Step::kSize:
      return {"GET", "/" + target.old_index + "/_stats/store", ""};
    case Step::kFree:
      return {"GET", "/_nodes/stats/fs", ""};
    case Step::kDropLeft:
      return {"DELETE", "/" + target.left.back(), ""};
    case Step::kRestore: {
      const Json asked = Json::parse(FlatSettings(options_.index_settings));
      Json settings;
      for (const char* const name : {"index.refresh_interval", "index.number_of_replicas"})
        settings[name] = Member(asked, name);  // null: as the server has it by default
      return {"PUT", "/" + target.new_index + "/_settings", settings.dump()};
    }
    case Step::kRefresh:
    case Step::kCountRefresh:
      return {"POST", "/" + target.new_index + "/_refresh", ""};
    case Step::kHealth:
      return {"GET", "/_cluster/health/" + target.new_index, ""};
    case Step::kCount:
      return {"GET", "/" + target.new_index + "/_count", ""};
    case Step::kCheck: {
      Json wanted = Json::array();
      const std::size_t count = std::min(samples_.size(), kCheckedAtOnce);
      for (std::size_t i = samples_.size() - count; i < samples_.size(); ++i) {
        Json one = {{"_id", samples_[i].document.id}};
        if (!samples_[i].document.routing.empty()) one["routing"] = samples_[i].document.routing;
        wanted.push_back(std::move(one));
      }
      return {"POST", "/" + target.new_index + "/_mget", Json({{"docs", std::move(wanted)}}).dump()};
    }
    case Step::kLook:
      return {"GET", "/" + (plan_.phase == RebuildPhase::kDrop ? NextAlias(target) : target.alias), ""};
    case Step::kSwap:
      HG_FAILPOINT("rebuild.before_swap");
      return SwapCall();
    case Step::kDelete:
      return {"DELETE", "/" + (plan_.phase == RebuildPhase::kDrop ? target.new_index : target.old_index), ""};
    case Step::kMake:
    case Step::kIdle:
      break;
  }
  return {};
}

// All at once, of all streams.
Call Rebuild::SwapCall() const {
  Json actions = Json::array();
  for (const Target& target : targets_) {
    if (!target.old_index.empty())
      actions.push_back({{"remove", {{"index", target.old_index}, {"alias", target.alias}}}});
    actions.push_back({{"add", {{"index", target.new_index}, {"alias", target.alias}, {"is_write_index", true}}}});
    actions.push_back({{"remove", {{"index", target.new_index}, {"alias", NextAlias(target)}}}});
  }
  return {"POST", "/_aliases", Json({{"actions", std::move(actions)}}).dump()};
}

// Until it succeeds. Before the swap it may not take too long.
void Rebuild::Hold(std::string_view text) {
  const Time now = clock_.Now();
  if (!calls_failing_since_) calls_failing_since_ = now;
  held_until_ = now + std::chrono::milliseconds(back_off_.NextMs());
  if (plan_.phase == RebuildPhase::kSwap) step_ = Step::kLook;  // it may have been done
  if (plan_.phase < RebuildPhase::kSwap && now - *calls_failing_since_ >= kTransientMax) Fail(std::string(text));
}

void Rebuild::Unanswered(std::string_view text) {
  if (!std::exchange(under_way_, false)) return;
  Hold(text);
}

void Rebuild::Answered(const Answer& answer) {
  if (!std::exchange(under_way_, false)) return;
  if (IsTransient(answer.status)) return Hold(Said("the rebuild", answer));
  held_until_ = {};
  Target& target = targets_[target_];
  if (plan_.phase == RebuildPhase::kCreate) {
    JudgeCreate(target, answer);
  } else if (plan_.phase <= RebuildPhase::kCompare) {
    JudgeSettle(answer);
  } else if (plan_.phase == RebuildPhase::kSwap) {
    JudgeSwap(target, answer);
  } else {
    JudgeEnd(target, answer);
  }
  if (held_until_ != Time()) return;
  back_off_.Reset();
  calls_failing_since_.reset();
}

std::vector<std::pair<std::string, const IndexSetup*>> Rebuild::TakeSwapped() {
  std::vector<std::pair<std::string, const IndexSetup*>> swapped;
  if (!std::exchange(swapped_, false)) return swapped;
  for (const Target& target : targets_) swapped.emplace_back(target.alias, target.next.get());
  return swapped;
}

}  // namespace headgate::search
