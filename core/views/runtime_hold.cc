// Views that are not to judge events by tables that nobody has confirmed for long (max_staleness; stream-SQL reference,
// 5.1). While a source of such tables shows no sign of life, events for the view lie in a backlog of its own;
// everything else goes on. Once the source is current again they are given to the view in their order, and look up what
// the tables are then.
#include <algorithm>

#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/views/runtime.h"

namespace headgate::views {
namespace {

constexpr auto kLookForHolds = std::chrono::milliseconds(100);
constexpr std::size_t kReleaseRows = 10'000;

}  // namespace

bool IsData(const Input& input) {
  return input.kind == Input::Kind::kEvents || (input.kind == Input::Kind::kView && input.relation->append_only);
}

// The streams of the tables that its events are judged by, also those behind views.
std::set<StreamNo> Runtime::ControlTables(const Definition& definition) const {
  std::set<StreamNo> tables;
  for (const Input& input : definition.inputs) {
    if (IsData(input)) continue;
    if (input.kind == Input::Kind::kTable) tables.insert(StreamOf(input));
    const Form* const view = input.kind == Input::Kind::kView ? RunningOf(input) : nullptr;
    if (view != nullptr) tables.merge(ControlTables(view->definition()));
  }
  return tables;
}

// The sources of its tables are as far as their servers were at one moment behind the hold, and the views are.
bool Runtime::MayRelease(const Form& form, ViewStatus& status) {
  const auto registry = parts_.log->registry();
  Gate& gate = gates_.try_emplace(form.name(), Gate{parts_.clock->NowUs(), std::nullopt}).first->second;
  bool reached = true;
  for (const StreamNo table : ControlTables(form.definition())) {
    const StreamInfo* stream = registry->Stream(table);
    if (stream == nullptr) continue;
    const SourceSight sight = parts_.sight(stream->source, gate.loaded_us);
    const bool ready = sight.reached && !base_.StateOf(table).loading();
    status.control.push_back({stream->name, sight.server_position, sight.reached_position, ready});
    reached = reached && ready;
  }
  if (reached && !gate.required) gate.required = parts_.log->last_seq();
  return gate.required && applied_ >= *gate.required;
}

// The source that has been silent for too long, or is reading its tables anew; "" if none.
std::string Runtime::StaleSource(const Form& form) {
  const auto registry = parts_.log->registry();
  const std::int64_t now = parts_.clock->NowUs();
  const std::int64_t longest = form.definition().max_staleness_us;
  for (const StreamNo table : ControlTables(form.definition())) {
    const StreamInfo* stream = registry->Stream(table);
    const SourceInfo* source = stream == nullptr ? nullptr : registry->Source(stream->source);
    if (source == nullptr) continue;
    const SourceSight sight = parts_.sight(stream->source, now - longest / 2);
    std::int64_t& heard_us = heard_us_.try_emplace(stream->source, now).first->second;
    heard_us = std::max(heard_us, std::min(now, sight.heard_us));
    if (now - heard_us > longest || base_.StateOf(table).loading()) return source->name;
  }
  return "";
}

headgate::Status Runtime::HoldForms(std::stop_token stop) {
  const auto now = std::chrono::steady_clock::now();
  const bool look = parts_.sight != nullptr && now >= look_for_holds_;
  if (look) look_for_holds_ = now + kLookForHolds;
  for (const auto& form : forms_) {
    FormProgress& progress = form->progress();
    if (!form->running() || stands(*form) || progress.behind_from != 0) continue;
    if (progress.hold_from == 0 && look && form->definition().max_staleness_us > 0) {
      const std::string source = StaleSource(*form);
      if (!source.empty()) HG_RETURN_IF_ERROR(Hold(*form, source));
    } else if (progress.hold_from != 0) {
      ViewStatus seen;
      // A release that was begun is ended first: all of it is judged by one moment.
      if (progress.held_by.empty() || (look && MayRelease(*form, seen))) HG_RETURN_IF_ERROR(Release(*form, stop));
    }
  }
  return Ok();
}

headgate::Status Runtime::Hold(Form& form, const std::string& source) {
  gates_.erase(form.name());
  form.progress().hold_from = applied_ + 1;
  form.progress().held_by = source;
  StoreBatch batch;
  form.Save(batch);
  HG_RETURN_IF_ERROR(parts_.store->Write(batch, true));
  form.Committed();
  HG_FAILPOINT("views.held");
  diag::Warn("views", "events for a view wait: a source of its tables has not been heard of",
             {{"view", form.name()}, {"source", source}});
  Publish();
  return Ok();
}

headgate::Status Runtime::Release(Form& form, std::stop_token stop) {
  registry_ = parts_.log->registry();
  const Backlog backlog(form.id(), Backlog::Kind::kHeld);
  for (bool last = false; !last;) {
    if (stop.stop_requested()) return Stopped();
    const StoreView view(*parts_.store);
    Replay replay;
    replay.release = true;
    replay.single = singly_;
    HG_ASSIGN_OR_RETURN(replay.through, backlog.StepAt(view, singly_ ? 1 : kReleaseRows));
    Backlog::Changes& changes = replay.changes[form.id()];
    HG_ASSIGN_OR_RETURN(changes, backlog.Take(view, replay.through, BacklogTypes(form), replay.taken));
    replay.times[form.id()] = {applied_, log_us_, KeptTimes(form, changes)};
    last = replay.through == Backlog::kAll;
    replay.through = applied_;
    FormProgress& progress = form.progress();
    progress.held_by.clear();
    if (last) progress.hold_from = progress.held_rows = 0;
    replay_ = std::move(replay);
    HG_RETURN_IF_ERROR(StepForms(parts_.clock->NowUs(), applied_, ViewWrite::kContent));
    HG_FAILPOINT("views.released");
  }
  singly_ = false;
  gates_.erase(form.name());
  diag::Info("views", "events for a view go on", {{"view", form.name()}});
  Publish();
  return Ok();
}

}  // namespace headgate::views
