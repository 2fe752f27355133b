#include <algorithm>

#include "core/base/failpoint.h"
#include "core/pipeline/event_context.h"
#include "sinks/table/letter.h"
#include "sinks/table/sink.h"

// What the target does not take, and what has to go behind it. A letter is durable before the target's cursor moves
// over its change; after a crash in between the change comes again and its letter speaks for it.
namespace headgate::table {

// Its row alone, by its old key and its new one, and its table with others; a truncate has the table alone. What adds
// rows goes behind nothing.
std::vector<LetterLane> TableSink::LanesOf(const Event& event) {
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

DeadLetter TableSink::LetterOf(const Event& event) {
  DeadLetter letter = NewLetter(ContextOf(event), event.stream->name, native_);
  letter.lanes = LanesOf(event);
  return letter;
}

// A whole row, a removal or a truncate makes letters of earlier changes of the same row pointless; a part of a row has
// to wait for them.
Result<bool> TableSink::IsBehindLetters(const Event& event, const std::shared_ptr<const TablePlan>& plan) {
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

Status TableSink::Park(const Event& event, const std::shared_ptr<const TablePlan>& plan) {
  Batch alone(target_->dialect());
  const auto taken = alone.Take(event, plan);
  if (!taken.ok()) return Refuse(event, taken.error().what, "");
  DeadLetter letter = LetterOf(event);
  for (const Batch::Unit& unit : alone.Units()) letter.body += BodyOf(unit);
  letter.state = DeadLetter::State::kParked;
  context_->Store(event.at, std::move(letter));
  return Ok();
}

void TableSink::Fail(DeadLetter& letter, std::string_view what) {
  const std::int64_t now_us = clock_.NowUs();
  letter.state = DeadLetter::State::kDead;
  ++letter.attempts;
  if (letter.first_failed_us == 0) letter.first_failed_us = now_us;
  letter.last_failed_us = now_us;
  letter.next_try_us = 0;
  letter.error_class = "rejected";
  letter.error_message = what;
  meter_.Failed("rejected", 0, what);
}

Status TableSink::Refuse(const Event& event, std::string_view what, std::string body) {
  if (options_.on_rejected == Options::Rejected::kStop)
    return ConfigError(std::string(what) + ". Change the table so that the row fits, or set on_rejected=dead_letter");
  DeadLetter letter = LetterOf(event);
  letter.body = std::move(body);
  Fail(letter, what);
  context_->Store(event.at, std::move(letter));
  return Ok();
}

// What has been taken since may say how the row is now: nothing is lost then.
bool TableSink::IsReplaced(const Refusal& refusal) const {
  if (options_.append) return false;
  const auto by = [&](const auto& batch) { return batch != nullptr && batch->Replaces(refusal.table, refusal.key); };
  return by(filling_) || std::any_of(under_way_.begin() + 1, under_way_.end(), by);
}

// A change may have been refused in several of its parts.
Status TableSink::StoreRefused(std::vector<Refusal> refused) {
  std::erase_if(refused, [this](const Refusal& one) { return IsReplaced(one); });
  std::stable_sort(refused.begin(), refused.end(), [](const Refusal& a, const Refusal& b) { return a.at < b.at; });
  std::vector<Refusal> whole;
  for (Refusal& one : refused) {
    if (!whole.empty() && whole.back().at == one.at) {
      whole.back().body += one.body;
    } else {
      whole.push_back(std::move(one));
    }
  }
  std::vector<At> ats;
  for (Refusal& one : whole) {
    if (!IsState(one.at)) {
      ats.push_back(one.at);
      continue;
    }
    const auto state = state_letters_.find(one.at);
    CHECK(state != state_letters_.end());
    if (options_.on_rejected == Options::Rejected::kStop) return ConfigError(one.what);
    DeadLetter letter = std::move(state->second);
    state_letters_.erase(state);
    letter.body = std::move(one.body);
    Fail(letter, one.what);
    context_->Store(one.at, std::move(letter));
  }
  std::erase_if(whole, [](const Refusal& one) { return IsState(one.at); });
  auto next = whole.begin();
  HG_RETURN_IF_ERROR(context_->Reread(ats, [&](const Event& event) {
    Refusal& one = *next++;
    ++refused_;
    return Refuse(event, one.what, std::move(one.body));
  }));
  return context_->SyncLetters();
}

Status TableSink::Retry(const DeadLetter& letter) {
  retries_.push_back(letter);
  return Ok();
}

// Between two transactions: what lies before `whole` has been taken.
Status TableSink::WriteLettersAt(Seq whole) {
  if (!filling_->empty() || split_) HG_RETURN_IF_ERROR(Flush(whole));
  HG_RETURN_IF_ERROR(Settle());
  for (const DeadLetter& letter : std::exchange(retries_, {})) {
    if (context_->HoldsLetter(letter.id)) HG_RETURN_IF_ERROR(WriteLetter(letter));
  }
  return Ok();
}

// In a transaction of its own, which leaves the cursor where it is.
Status TableSink::WriteLetter(const DeadLetter& letter) {
  const std::int64_t began_us = clock_.NowUs();
  const auto written = TryLetter(letter);
  Status status = written.ok() ? Ok() : Status(written.error());
  const bool refused = !status.ok() && status.error().kind == ErrorKind::kRejected;
  const bool anew = written.ok() && *written;
  if (anew) status = target_->Commit(kept_);
  if (anew && status.ok()) HG_FAILPOINT("table.letter");
  if (IsTraced()) TraceLetter(letter, status, anew, began_us);
  if (!status.ok() && !refused) return status;
  if (!refused) {
    ++meter_.delivered;
    context_->LetterDelivered(letter.id);
    return Ok();
  }
  DeadLetter failed = letter;
  Fail(failed, status.error().what);
  context_->LetterFailed(std::move(failed));
  return target_->Rollback();
}

// False if the table has it already: a row that was added cannot be told from another one but by its event.
Result<bool> TableSink::TryLetter(const DeadLetter& letter) {
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
