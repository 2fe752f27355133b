// Log time: what changes of views while nothing comes (stream-SQL reference, 1 and 4.6). Operators know the time of the
// log's transactions alone. Once one of them has something to do by the clock, and nothing comes that would tell it, a
// mark without any change is put into the log. What views write themselves is no time, or each retraction would bring
// the next one. So what a view is follows from the log, whoever reads it and however often it is read again
// (docs/adr/0013).
#include "core/base/failpoint.h"
#include "core/model/value.h"
#include "core/views/runtime.h"
#include "core/views/stream.h"

namespace headgate::views {
namespace {

constexpr auto kBetweenMarks = std::chrono::seconds(1);

const std::vector<sql::Type> kTimeTypes = {sql::TypeId::kInt8};

}  // namespace

std::int64_t Runtime::NowUs() const { return parts_.clock->NowUs() - kEpoch2000Us; }

// Of a form that is given what it had to wait for, as it was told then; of the others those of the run.
std::shared_ptr<const operators::LogTimes> Runtime::TimesOf(const Form& form) const {
  if (replay_) {
    const auto own = replay_->times.find(form.id());
    if (own != replay_->times.end()) return std::make_shared<const operators::LogTimes>(own->second);
  }
  if (run_times_ != nullptr) return run_times_;
  return std::make_shared<const operators::LogTimes>(operators::LogTimes{applied_, log_us_, {}});
}

bool Runtime::IsDue(const Form& form, std::int64_t us) const {
  if (!form.running() || stands(form) || form.progress().behind_from != 0) return false;
  const auto due = form.Due();
  return due && *due <= us;
}

headgate::Status Runtime::MarkTime() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_mark_) return Ok();
  const bool due = std::ranges::any_of(forms_, [&](const auto& form) { return IsDue(*form, NowUs()); });
  if (!due) return Ok();
  next_mark_ = now + kBetweenMarks;
  HG_FAILPOINT("views.before_mark");
  const Transaction mark = NewTransaction(parts_.clock->NowUs(), applied_, ViewWrite::kTick);
  StoreBatch batch;
  PutTold(batch, mark);
  const auto appended = writer_->Append(std::span(&mark, 1), std::nullopt, batch);
  return appended.ok() ? Ok() : headgate::Status(appended.error());
}

// A step does no more than fits into memory; the rest comes in steps of its own, before anything else.
headgate::Status Runtime::PassTime(std::stop_token stop) {
  while (std::ranges::any_of(forms_, [&](const auto& form) { return IsDue(*form, log_us_); })) {
    if (stop.stop_requested()) return Stopped();
    registry_ = parts_.log->registry();
    HG_RETURN_IF_ERROR(StepForms(parts_.clock->NowUs(), applied_, ViewWrite::kContent));
    HG_FAILPOINT("views.time_passed");
  }
  return Ok();
}

// Times stand in a backlog beside its rows, as those of an input behind the others.
void Runtime::KeepTimes(const Form& form, const Backlog& backlog, Seq step, StoreBatch& batch) const {
  if (!form.keeps_time() || run_times_ == nullptr || run_times_->steps.empty()) return;
  operators::DeltaBuilder times(kTimeTypes);
  for (const operators::LogTime& time : run_times_->steps) {
    const sql::Datum us = sql::Datum::Of(time.us);
    times.AddDatums({&us, 1}, 1, {time.seq, 0});
  }
  const auto input = static_cast<std::uint32_t>(form.definition().inputs.size());
  BacklogSteps(form, times.Take(), step, [&](Seq seq, const operators::Delta& part) {
    backlog.Add(seq, Backlog::kLastPiece, input, kTimeTypes, part, batch);
  });
}

std::vector<std::vector<sql::Type>> Runtime::BacklogTypes(const Form& form) {
  std::vector<std::vector<sql::Type>> types;
  for (const Input& input : form.definition().inputs) types.push_back(AllTypesOf(*input.relation));
  types.push_back(kTimeTypes);
  return types;
}

// Takes the times out of what was kept.
std::vector<operators::LogTime> Runtime::KeptTimes(const Form& form, Backlog::Changes& changes) {
  std::vector<operators::LogTime> times;
  const auto found = changes.find(static_cast<std::uint32_t>(form.definition().inputs.size()));
  if (found == changes.end()) return times;
  for (const operators::Delta& delta : found->second) {
    for (std::size_t row = 0; row < delta.rows(); ++row)
      times.push_back({delta.at[row].seq, delta.batch.columns[0]->At(row).i});
  }
  changes.erase(found);
  return times;
}

// Rows that the form before holds, from before the new one was made, are that one's: they come out first.
bool Runtime::GraceIsOver(const Form& old, const Form& made) {
  const std::int64_t since = grace_since_.try_emplace(made.id(), log_us_).first->second;
  const bool over = old.progress().waiting == 0 || log_us_ >= since + old.definition().grace_us;
  if (over) grace_since_.erase(made.id());
  return over;
}

}  // namespace headgate::views
