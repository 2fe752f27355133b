// Views that stand still. A paused view keeps its place: its operators, rows and stream stay as they are, and the
// changes of its inputs go into its backlog, a part of each step's write. What reads it stands still with it, so that
// no answer mixes two moments. Once it goes on, the backlog is given to it as it would have been, in steps of their
// own, while all other views wait: what it then is, and tells, is what it would have been without the pause, but for
// the cuts (C-2).
#include <algorithm>

#include "core/views/runtime.h"
#include "core/views/shape.h"

namespace headgate::views {
namespace {

constexpr std::size_t kReplayRows = 10'000;

}  // namespace

// Nothing steps while a form loads, and what it reads has to be as of the applied seq: a pause begins behind it. What
// reads a view that has failed stands still at once.
void Runtime::FindStanding() {
  const auto loads = [](const auto& form) {
    return form->progress().stage == FormProgress::Stage::kLoading ||
           form->progress().stage == FormProgress::Stage::kTelling;
  };
  const bool loading = std::ranges::any_of(forms_, loads);
  if (!loading) standing_.clear();
  for (const auto& form : forms_) {  // inputs before those that read them
    if (!loading && form->definition().record.paused) {
      standing_[form->id()] = form->name();
      continue;
    }
    for (const Input& input : form->definition().inputs) {
      if (input.kind != Input::Kind::kView) continue;
      const Form* const other = RunningOf(input);
      // What it read did not outlive a restart, or has failed: another one is to come in its place.
      const bool failed = other == nullptr ? !loading : other->progress().stage == FormProgress::Stage::kFailed;
      if (failed && form->running()) {
        standing_[form->id()] = input.relation->name;
        break;
      }
      const auto by = other == nullptr ? standing_.end() : standing_.find(other->id());
      if (by == standing_.end()) continue;
      standing_[form->id()] = by->second;
      break;
    }
  }
}

headgate::Status Runtime::CatchUpForms(std::stop_token stop) {
  for (;;) {
    std::vector<Form*> behind;
    for (const auto& form : forms_) {
      if (form->running() && form->progress().behind_from != 0 && !stands(*form)) behind.push_back(form.get());
    }
    if (behind.empty()) return Ok();
    if (stop.stop_requested()) return Stopped();
    HG_RETURN_IF_ERROR(TakeBacklog(behind));
  }
}

// The same oldest steps of all of them: views that read one another go on together.
headgate::Status Runtime::TakeBacklog(const std::vector<Form*>& behind) {
  registry_ = parts_.log->registry();
  const StoreView view(*parts_.store);
  Replay replay;
  replay.through = Backlog::kAll;
  replay.single = singly_;
  for (const Form* form : behind) {
    HG_ASSIGN_OR_RETURN(const Seq step, Backlog(form->id()).StepAt(view, singly_ ? 1 : kReplayRows));
    replay.through = std::min(replay.through, step);
  }
  for (Form* form : behind) {
    Backlog::Changes& changes = replay.changes[form->id()];
    HG_ASSIGN_OR_RETURN(changes, Backlog(form->id()).Take(view, replay.through, BacklogTypes(*form), replay.taken));
    FormProgress& progress = form->progress();
    operators::LogTimes times{progress.behind_from - 1, progress.behind_us, KeptTimes(*form, changes)};
    progress.behind_us = times.Now();
    replay.times[form->id()] = std::move(times);
  }
  const bool last = replay.through == Backlog::kAll;
  if (last) replay.through = applied_;
  for (Form* form : behind) {
    form->progress().behind_from = last ? 0 : replay.through + 1;
    if (last) form->progress().behind_pieces = 0;
  }
  replay_ = std::move(replay);
  HG_RETURN_IF_ERROR(StepForms(parts_.clock->NowUs(), applied_, ViewWrite::kContent));
  if (last) singly_ = false;
  return Ok();
}

}  // namespace headgate::views
