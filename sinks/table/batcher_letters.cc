#include <algorithm>

#include "core/base/failpoint.h"
#include "core/pipeline/event_context.h"
#include "sinks/table/batcher.h"
#include "sinks/table/letter.h"

// What the target does not take, and what has to go behind it.
namespace headgate::table {

// Its row alone, by its old key and its new one, and its table with others; a truncate has the table alone. What adds
// rows goes behind nothing.
std::vector<LetterLane> TableBatcher::LanesOf(const Event& event) const {
  std::vector<LetterLane> lanes;
  if (options_.append) return lanes;
  const std::string stream(event.stream->name);
  for (const bool previous : {false, true}) {
    std::string key;
    // What has no key has no place of its own.
    if (native_.AppendKeyJson(key, ContextOf(event), previous).ok() && !key.empty())
      lanes.push_back({stream + " " + key, false});
  }
  lanes.push_back({stream, event.change->op != Op::kTruncate});
  return lanes;
}

// A whole row, a removal or a truncate makes letters of earlier changes of the same row pointless; a part of a row has
// to wait for them.
Result<bool> TableBatcher::IsBehindLetters(const Event& event, const std::shared_ptr<const TablePlan>& plan) {
  if (options_.append || context_->stored_bytes() == 0) return false;
  const std::vector<LetterLane> lanes = LanesOf(event);
  if (!context_->LanesAreStored(lanes)) return false;
  Batch alone(target_->dialect());
  const auto taken = alone.Take(event, plan);
  const auto units = alone.Units();
  const bool whole = taken.ok() && std::ranges::all_of(units, [](const Batch::Unit& unit) {
                       using Kind = Batch::Unit::Kind;
                       return unit.kind == Kind::kWrite ? unit.table->rows[unit.index].whole : unit.kind != Kind::kMove;
                     });
  return context_->Overtake(event.at, lanes, whole);
}

Result<Batcher::Took> TableBatcher::ToLetters(const Event& event, const std::shared_ptr<const TablePlan>& plan) {
  Batch alone(target_->dialect());
  if (const auto taken = alone.Take(event, plan); !taken.ok()) {
    HG_RETURN_IF_ERROR(sink_->Refuse(event, taken.error().what, ""));
    return Took::kToLetters;
  }
  std::string body;
  for (const Batch::Unit& unit : alone.Units()) body += BodyOf(unit);
  sink_->Park(event, std::move(body));
  return Took::kToLetters;
}

Result<bool> TableBatcher::WriteLetter(const DeadLetter& letter, const TargetPlace& kept) {
  auto written = TryLetter(letter);
  if (written.ok() && *written) {
    Status committed = target_->Commit(kept);
    if (committed.ok()) {
      HG_FAILPOINT("table.letter");
      return true;
    }
    written = std::move(committed).error();
  }
  if (!written.ok() && written.error().kind == ErrorKind::kRejected) HG_RETURN_IF_ERROR(target_->Rollback());
  return written;
}

// False if the table has it already: a row that was added cannot be told from another one but by its event.
Result<bool> TableBatcher::TryLetter(const DeadLetter& letter) {
  HG_ASSIGN_OR_RETURN(const auto batches, ReadBody(letter.body, options_, target_->dialect(),
                                                   [this](const TableName& name) { return target_->Describe(name); }));
  HG_RETURN_IF_ERROR(target_->Mark());
  bool any = false;
  for (const auto& batch : batches) {
    const TablePlan& plan = *batch->tables().front()->plan;
    if (plan.append) {
      HG_ASSIGN_OR_RETURN(const bool there, target_->HasEvent(plan.name, letter.event_id));
      if (there) continue;
    }
    HG_RETURN_IF_ERROR(target_->Write(*batch));
    any = true;
  }
  if (!any) HG_RETURN_IF_ERROR(target_->Rollback());
  return any;
}

}  // namespace headgate::table
