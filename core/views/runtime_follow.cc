// Columns that come to a captured table, for views that select *, and integers that become larger ones (follow.h). The
// run ends before the first transaction that has such a row. The views' definitions are another thread's, so it is
// asked for new ones, and no step is made until their forms are in the place of those that run: what a view shows
// begins at one seq, after a restart too.
#include <algorithm>

#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/sql/column_type.h"
#include "core/views/runtime.h"

namespace headgate::views {
namespace {

// Whether a form that reads the table as `input` may take something in: a column for its *, a wider type.
bool HasMore(const TableSchema& schema, const Input& input, bool has_star) {
  const auto& known = input.relation->columns;
  return std::ranges::any_of(schema.columns, [&](const Column& column) {
    const auto found = std::ranges::find(known, column.name, &sql::RelationColumn::name);
    if (found == known.end()) return has_star;
    return input.needed[static_cast<std::size_t>(found - known.begin())] &&
           IsWider(found->type, sql::FromColumn(column.type));
  });
}

void ShortenRun(Run& run, Seq end) {
  std::erase_if(run.parts, [&](const Run::Part& part) { return part.seq >= end; });
  std::erase_if(run.times, [&](const operators::LogTime& time) { return time.seq >= end; });
  run.last = end - 1;
  if (!run.parts.empty()) run.commit_us = run.parts.back().info.commit_us;
}

}  // namespace

// The versions of these streams that the run has rows of.
void Runtime::FindShapes(const Run& run, std::map<StreamNo, std::vector<SeenShape>>& shapes) {
  for (const Run::Part& part : run.parts) {
    ChangeReader changes = part.Changes();
    Change change;
    while (changes.Next(change)) {
      const auto found = shapes.find(change.stream);
      if (found == shapes.end() || change.schema == 0) continue;
      std::vector<SeenShape>& known = found->second;
      if (known.empty() || known.back().version != change.schema) known.push_back({change.schema, part.seq});
    }
  }
}

bool Runtime::MayFollow(const Form& form) const {
  const FormProgress& progress = form.progress();
  return form.running() && !stands(form) && progress.behind_from == 0 && progress.hold_from == 0;
}

// The version of a table that the form is bound to, or that it was found not to take in.
std::uint32_t Runtime::SettledVersion(const Form& form, const Input& input) const {
  const auto declined = declined_.find(form.id());
  if (declined == declined_.end()) return input.version;
  const auto version = declined->second.versions.find(input.stream_name);
  return version == declined->second.versions.end() ? input.version : std::max(input.version, version->second);
}

// What its inputs have that it may take in now, and before which seq.
Wanted Runtime::WantedBy(const Form& form, const std::map<StreamNo, std::vector<SeenShape>>& shapes,
                         Seq& before) const {
  const auto registry = parts_.log->registry();
  const bool has_star = form.definition().has_star;
  Wanted wanted{form.name(), form.id(), {}, {}};
  for (const Input& input : form.definition().inputs) {
    if (input.kind != Input::Kind::kView) continue;
    const Form* const read = RunningOf(input);
    if (read == nullptr || !read->running() || !read->definition().record.replaces.follows) continue;
    const std::size_t columns = read->definition().relation->columns.size();
    if (!has_star || columns <= input.relation->columns.size()) continue;
    wanted.widths[read->name()] = static_cast<std::uint32_t>(columns);
    before = applied_ + 1;
  }
  for (const Input& input : form.definition().inputs) {
    if (input.kind != Input::Kind::kTable || input.declared != nullptr || input.version == 0) continue;
    const auto found = shapes.find(input.stream);
    if (found == shapes.end()) continue;
    const std::uint32_t settled = SettledVersion(form, input);
    const auto next = std::ranges::find_if(found->second, [&](const SeenShape& shape) {
      return shape.version > settled && HasMore(*registry->Schema(input.stream, shape.version), input, has_star);
    });
    if (next == found->second.end() || next->seq > before) continue;
    if (next->seq < before) wanted.versions.clear();
    before = next->seq;
    wanted.versions[input.stream_name] = next->version;
  }
  return wanted;
}

// True: the step has to wait. Else the run may have become shorter.
bool Runtime::AwaitFollowers(Run& run) {
  std::map<StreamNo, std::vector<SeenShape>> shapes;
  for (const auto& form : forms_) {
    if (!MayFollow(*form)) continue;
    for (const Input& input : form->definition().inputs) {
      if (input.kind == Input::Kind::kTable && input.declared == nullptr && input.version != 0 &&
          parts_.log->registry()->LatestVersion(input.stream) > SettledVersion(*form, input))
        shapes[input.stream];
    }
  }
  if (!shapes.empty()) FindShapes(run, shapes);
  const Seq never = ~Seq{0};
  Seq end = never;
  std::vector<Wanted> wanted;
  for (const auto& form : forms_) {
    const Replaced& replaces = form->progress().replaces;
    const bool comes = replaces.follows && !form->running() && form->progress().stage != FormProgress::Stage::kFailed;
    if (comes && !late_.contains(form->id())) end = applied_ + 1;
    const bool goes =
        std::ranges::any_of(forms_, [&](const auto& f) { return f->progress().replaces.form == form->id(); });
    if (goes || !MayFollow(*form)) continue;
    Seq before = never;
    Wanted one = WantedBy(*form, shapes, before);
    const auto declined = declined_.find(form->id());
    if (before == never || (declined != declined_.end() && declined->second == one)) continue;
    end = std::min(end, before);
    if (before <= std::max(run.first, applied_ + 1)) wanted.push_back(std::move(one));
  }
  const bool waits = end <= std::max(run.first, applied_ + 1);
  if (waits && WaitTooLong(wanted)) return AwaitFollowers(run);
  if (!waits) follow_since_.reset();
  if (*wanted_.Get() != wanted) wanted_.Set(std::move(wanted));
  if (!waits && end <= run.last) {
    ShortenRun(run, end);
    reader_->Seek(end);
  }
  return waits;
}

// Whoever is to make the new forms does not, or they cannot begin: the others go on without.
bool Runtime::WaitTooLong(const std::vector<Wanted>& wanted) {
  const auto now = std::chrono::steady_clock::now();
  if (!follow_since_) follow_since_ = now;
  if (now - *follow_since_ < parts_.follow_wait) return false;
  for (const Wanted& one : wanted) Handle(one);
  for (const auto& form : forms_) {
    if (!form->progress().replaces.follows || form->running()) continue;
    late_.insert(form->id());
    diag::Warn("views", "the views go on before a view has its new columns", {{"view", form->name()}});
  }
  follow_since_.reset();
  return true;
}

void Runtime::Handle(const Wanted& declined) {
  std::erase_if(declined_,
                [&](const auto& entry) { return std::ranges::find(forms_, entry.first, &Form::id) == forms_.end(); });
  Wanted& known = declined_[declined.form];
  if (known == declined) return;
  known = declined;
  for (const auto& [stream, version] : declined.versions)
    diag::Info("views", "a table has another shape, and the view stays as it is",
               {{"view", declined.view}, {"stream", stream}, {"version", version}});
}

// The rows of the form before are those of the new one, with NULLs behind.
headgate::Status Runtime::CarryRows(Form& form, std::stop_token stop) {
  FormProgress& progress = form.progress();
  const Replaced old = progress.replaces;
  HG_ASSIGN_OR_RETURN(const auto stored, parts_.store->Get(Family::kMeta, ProgressKey(old.form)));
  if (stored) {
    HG_ASSIGN_OR_RETURN(const FormProgress before, DecodeProgress(*stored));
    progress.forgotten = before.forgotten;
    progress.errors = before.errors;
    progress.errors_ever = before.errors_ever;
  }
  if (progress.cursor.empty()) progress.rows = 0;
  for (bool done = false; !done;) {
    if (stop.stop_requested()) return Stopped();
    StoreBatch batch;
    HG_ASSIGN_OR_RETURN(done, form.CarryRows(old, batch));
    form.Save(batch);
    HG_FAILPOINT("views.carry_chunk");
    HG_RETURN_IF_ERROR(parts_.store->Write(batch, true));
    form.Committed();
  }
  progress.cursor.clear();
  return Ok();
}

}  // namespace headgate::views
