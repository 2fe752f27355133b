#include "core/views/runtime.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/diag.h"
#include "core/views/stream.h"

namespace headgate::views {
namespace {

constexpr auto kIdle = std::chrono::milliseconds(250);
constexpr auto kLookForExpired = std::chrono::seconds(1);
constexpr auto kBackOff = std::chrono::seconds(1);

std::string_view StateName(FormProgress::Stage stage) {
  switch (stage) {
    case FormProgress::Stage::kGated:
      return "gated";
    case FormProgress::Stage::kLoading:
    case FormProgress::Stage::kTelling:
      return "loading";
    case FormProgress::Stage::kRunning:
      return "running";
    case FormProgress::Stage::kFailed:
      break;
  }
  return "failed";
}

}  // namespace

Result<Seq> AppliedOf(const StoreView& view) {
  HG_ASSIGN_OR_RETURN(const auto bytes, view.Get(Family::kMeta, kAppliedKey));
  return bytes ? Seq{ByteReader(*bytes).Varint()} : Seq{0};
}

Result<std::uint64_t> ToldOf(const StoreView& view) {
  HG_ASSIGN_OR_RETURN(const auto bytes, view.Get(Family::kMeta, kToldKey));
  return bytes ? ByteReader(*bytes).Varint() : 0;
}

Runtime::Runtime(Parts parts)
    : parts_(std::move(parts)),
      run_size_(parts_.memory_bytes),
      batch_(NewBatch()),
      base_(*parts_.store),
      letters_(*parts_.store, *parts_.log) {}

Result<std::unique_ptr<Runtime>> Runtime::Start(Parts parts, std::vector<DefinitionPtr> definitions) {
  auto runtime = std::unique_ptr<Runtime>(new Runtime(std::move(parts)));
  HG_RETURN_IF_ERROR(runtime->Open(definitions));
  Runtime* const raw = runtime.get();
  raw->subscription_ = raw->parts_.log->Subscribe([wake = raw->wake_] { wake->Raise(); });
  raw->thread_ = std::jthread([raw](std::stop_token stop) { raw->Loop(stop); });
  return runtime;
}

Runtime::~Runtime() { Stop(); }

void Runtime::Stop() {
  subscription_.reset();
  if (!thread_.joinable()) return;
  thread_.request_stop();
  wake_->Raise();
  thread_.join();
}

headgate::Status Runtime::Open(const std::vector<DefinitionPtr>& definitions) {
  HG_ASSIGN_OR_RETURN(writer_, parts_.log->OpenWriter(kViewSource, kViewSource, kViewConnector));
  if (writer_->progress().last) told_ = writer_->progress().last->a;
  reader_ = std::make_unique<RunReader>(*parts_.log, writer_->source().number);
  HG_RETURN_IF_ERROR(base_.Open());
  const StoreView view(*parts_.store);
  HG_ASSIGN_OR_RETURN(const Seq applied, AppliedOf(view));
  applied_ = applied;
  HG_ASSIGN_OR_RETURN(const auto log_time, view.Get(Family::kMeta, kAppliedKey));
  if (log_time) {
    ByteReader in(*log_time);
    in.Varint();
    if (!in.done()) log_us_ = in.Signed();
  }
  HG_RETURN_IF_ERROR(DropLost(definitions));
  for (const DefinitionPtr& definition : definitions) {
    if (definition->record.kind == ObjectKind::kTable) Declare(definition);
    if (definition->record.kind == ObjectKind::kView) HG_RETURN_IF_ERROR(Adopt(definition));
  }
  Order();
  reader_->Seek(applied + 1);
  MakePorts();
  Publish();
  return Ok();
}

// Forms whose definition went, or was replaced, while this program did not get to it.
headgate::Status Runtime::DropLost(const std::vector<DefinitionPtr>& definitions) {
  const std::string prefix = "form/";
  std::set<std::uint32_t> kept;
  std::vector<std::uint32_t> stored;
  for (const DefinitionPtr& definition : definitions) {
    kept.insert(definition->record.form);
    kept.insert(definition->record.replaces.form);  // it may not have begun yet, or still be telling the difference
  }
  HG_RETURN_IF_ERROR(
      parts_.store->Scan(Family::kMeta, prefix, "form0", [&](std::string_view key, std::string_view value) {
        const auto form = ByteReader(key.substr(prefix.size())).BigEndian<std::uint32_t>();
        stored.push_back(form);
        const auto progress = DecodeProgress(value);
        if (progress.ok() && kept.contains(form)) kept.insert(progress->replaces.form);
        return true;
      }));
  StoreBatch batch;
  for (const std::uint32_t form : stored) {
    if (!kept.contains(form)) Form::Drop(form, batch);
  }
  return batch.empty() ? Ok() : parts_.store->Write(batch, true);
}

// How far a form is that begins now. One that never came to run leaves what it was to replace to the next one.
Result<FormProgress> Runtime::Begun(const Definition& definition) {
  const ViewRecord& record = definition.record;
  FormProgress progress;
  const auto history = record.options.find("history");
  const bool retained = history != record.options.end() && history->second == "retained";
  progress.held_from = retained ? 1 : record.begins_at + 1;
  if (record.replaces.follows) progress.held_from = applied_ + 1;
  HG_ASSIGN_OR_RETURN(const auto stored, parts_.store->Get(Family::kMeta, ProgressKey(record.replaces.form)));
  if (record.replaces.form != 0 && stored) {
    HG_ASSIGN_OR_RETURN(const FormProgress old, DecodeProgress(*stored));
    if (old.stage == FormProgress::Stage::kRunning || old.ran) {
      progress.replaces = record.replaces;
    } else if (old.replaces.form != 0) {
      progress.replaces = old.replaces;
      progress.replaces.same_shape = old.replaces.same_shape && record.replaces.same_shape;
      if (record.replaces.columns == 0) progress.replaces.columns = 0;
    }
    // What it has not been given yet is for the one that comes.
    if (old.hold_from != 0) progress.held_from = std::min(progress.held_from, old.hold_from);
    if (old.stopped_at != 0) progress.held_from = std::min(progress.held_from, old.stopped_at);
  }
  // Of one that replaces another Tell finds out: its stream is that of the other.
  const bool told = progress.replaces.form == 0 && IsRead(record.name);
  progress.telling = told ? FormProgress::Telling::kChanges : FormProgress::Telling::kNone;
  return progress;
}

headgate::Status Runtime::Adopt(const DefinitionPtr& definition) {
  auto form = std::make_unique<Form>(*parts_.store, definition, StepBytes());
  FormProgress progress;
  HG_ASSIGN_OR_RETURN(const auto stored, parts_.store->Get(Family::kMeta, ProgressKey(form->id())));
  if (stored) {
    HG_ASSIGN_OR_RETURN(progress, DecodeProgress(*stored));
  } else {
    HG_ASSIGN_OR_RETURN(progress, Begun(*definition));
  }
  HG_RETURN_IF_ERROR(form->Open(progress));
  if (!stored) {
    StoreBatch batch;
    form->Save(batch);
    HG_RETURN_IF_ERROR(parts_.store->Write(batch, true));
    form->Committed();
  }
  // Others of the name wait for nothing any more.
  const std::uint32_t replaced = form->progress().replaces.form;
  if (replaced == 0) Handle(DropCommand{form->name()});
  StoreBatch batch;
  std::erase_if(forms_, [&](const auto& other) {
    if (other->name() != form->name() || other->id() == replaced) return false;
    Form::Drop(other->id(), batch);
    return true;
  });
  if (!batch.empty()) HG_RETURN_IF_ERROR(parts_.store->Write(batch, true));
  forms_.push_back(std::move(form));
  return Ok();
}

void Runtime::Make(DefinitionPtr definition, std::vector<DefinitionPtr> readers) {
  static_cast<void>(commands_.TryPush(MakeCommand{std::move(definition), std::move(readers)}));
  wake_->Raise();
}

void Runtime::Drop(const std::string& name) {
  static_cast<void>(commands_.TryPush(DropCommand{name}));
  wake_->Raise();
}

void Runtime::Follow(const std::string& name) {
  static_cast<void>(commands_.TryPush(FollowCommand{name}));
  wake_->Raise();
}

void Runtime::Discard(DiscardLetters command) {
  static_cast<void>(commands_.TryPush(std::move(command)));
  wake_->Raise();
}

void Runtime::Decline(Wanted wanted) {
  static_cast<void>(commands_.TryPush(std::move(wanted)));
  wake_->Raise();
}

void Runtime::NoteFailed(const Form& form) {
  for (const operators::FailedRow& failed : form.failed()) {
    if (failed.weight > 0) letters_.Note({form.name(), failed.at, failed.code, failed.message});
  }
}

void Runtime::CatchUp() {
  static_cast<void>(commands_.TryPush(CatchUpCommand{}));
  wake_->Raise();
}

std::shared_ptr<const ViewStatus> Runtime::Status(std::string_view name) const {
  const auto all = statuses_.Get();
  const auto found = all->find(name);
  return found == all->end() ? nullptr : found->second;
}

bool Runtime::Wait(Seq seq, std::chrono::steady_clock::time_point deadline, std::stop_token stop) {
  while (applied() < seq) {
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) return false;
    stepped_.WaitUntil(std::min(deadline, std::chrono::steady_clock::now() + std::chrono::milliseconds(5)), stop);
  }
  return true;
}

// At once: as soon as the new form is there, it is what its readers read, in the end.
void Runtime::Handle(const MakeCommand& command) {
  Take(command.definition);
  for (const DefinitionPtr& reader : command.readers) Take(reader);
}

void Runtime::Take(const DefinitionPtr& definition) {
  if (definition->record.kind == ObjectKind::kTable) Declare(definition);
  if (definition->record.kind != ObjectKind::kView) return;
  if (const auto same = std::ranges::find(forms_, definition->record.form, &Form::id); same != forms_.end()) {
    (*same)->SetDefinition(definition);
    SetIndexes(**same);
    return MakePorts();
  }
  if (forms_.empty() && applied_ == 0 && !catch_up_) reader_->Seek(1);
  if (const auto adopted = Adopt(definition); !adopted.ok()) {
    trouble_.Set("view " + definition->record.name + " cannot be begun: " + adopted.error().what);
    diag::Error("views", "a view cannot be begun",
                {{"view", definition->record.name}, {"error", adopted.error().what}});
  }
  MakePorts();
}

void Runtime::Declare(const DefinitionPtr& definition) {
  declared_[definition->record.form] = std::make_unique<DeclaredTable>(*parts_.store, definition);
}

void Runtime::Handle(DropCommand command) {
  followed_.erase(command.name);
  for (auto table = declared_.begin(); table != declared_.end(); ++table) {
    if (table->second->definition().record.name != command.name) continue;
    StoreBatch batch;
    Form::Drop(table->first, batch);
    letters_.Drop(command.name, batch);
    if (const auto written = parts_.store->Write(batch, true); !written.ok())
      diag::Warn("views", "what a dropped table kept stays", {{"error", written.error().what}});
    declared_.erase(table);
    break;
  }
  for (const auto& form : forms_) {
    if (form->name() != command.name) continue;
    StoreBatch batch;
    Form::Drop(form->id(), batch);
    letters_.Drop(command.name, batch);
    if (const auto written = parts_.store->Write(batch, true); !written.ok())
      diag::Warn("views", "what a dropped view stored stays until the next start", {{"error", written.error().what}});
  }
  std::erase_if(forms_, [&](const auto& form) { return form->name() == command.name; });
  MakePorts();
}

void Runtime::Handle(FollowCommand command) {
  followed_.insert(std::move(command.name));
  look_for_readers_ = {};
}

void Runtime::Loop(std::stop_token stop) {
  while (!stop.stop_requested()) {
    bool changed = false;
    while (auto command = commands_.TryPop()) {
      std::visit([this](auto&& c) { Handle(std::forward<decltype(c)>(c)); }, std::move(*command));
      changed = true;
    }
    if (changed) Publish();
    const auto worked = Work(stop);
    if (std::exchange(again_, false)) {
      ForgetStep();
      continue;
    }
    if (!worked.ok() && worked.error().kind != ErrorKind::kStopped) {
      ForgetStep();
      if (*trouble_.Get() != worked.error().what) {
        diag::Error("views", "views stand still; they try again", {{"error", worked.error().what}});
        trouble_.Set(worked.error().what);
        Publish();
      }
      wake_->WaitUntil(std::chrono::steady_clock::now() + kBackOff, stop);
      continue;
    }
    if (worked.ok() && !trouble_.Get()->empty()) {
      trouble_.Set("");
      diag::Info("views", "views go on");
    }
    if (idle_) wake_->WaitUntil(std::chrono::steady_clock::now() + kIdle, stop);
  }
}

headgate::Status Runtime::Work(std::stop_token stop) {
  idle_ = true;
  if (forms_.empty() && !catch_up_) return Ok();
  HG_RETURN_IF_ERROR(OpenGates());
  HG_RETURN_IF_ERROR(TellToReaders(stop));  // before any step: what it has begun to tell is as of the applied seq
  HG_RETURN_IF_ERROR(LoadForms(stop));
  HG_RETURN_IF_ERROR(CatchUpForms(stop));
  HG_RETURN_IF_ERROR(HoldForms(stop));
  HG_RETURN_IF_ERROR(PassTime(stop));
  HG_RETURN_IF_ERROR(ExpireForms());
  HG_RETURN_IF_ERROR(BuildIndexes());
  if (stop.stop_requested()) return Stopped();
  HG_ASSIGN_OR_RETURN(Run run, ReadRun());
  if (AwaitFollowers(run)) {
    reader_->Seek(applied_ + 1);
    return Ok();
  }
  if (run.last == 0) {
    reader_->Release();
    catch_up_ = false;
    return MarkTime();
  }
  idle_ = false;
  worked_ = run.bytes;
  HG_RETURN_IF_ERROR(Step(run));
  if (run.last >= cut_before_) cut_before_ = 0;
  run_size_.Note(run, worked_);
  return Ok();
}

// Rows get old while nothing comes.
headgate::Status Runtime::ExpireForms() {
  const auto now = std::chrono::steady_clock::now();
  if (now < look_for_expired_) return Ok();
  look_for_expired_ = now + kLookForExpired;
  StoreBatch batch;
  bool any = false;
  for (const auto& form : forms_) {
    if (!form->running() || stands(*form) || !form->Expire(parts_.clock->NowUs(), batch)) continue;
    form->Save(batch);
    any = true;
  }
  if (!any) return Ok();
  HG_RETURN_IF_ERROR(parts_.store->Write(batch, false));
  for (const auto& form : forms_) form->Committed();
  Publish();
  return Ok();
}

void Runtime::Publish() {
  std::map<std::string, std::shared_ptr<const ViewStatus>, std::less<>> all;
  for (const auto& form : forms_) {
    auto status = std::make_shared<ViewStatus>();
    status->serving = form->definition_ptr();
    const FormProgress& progress = form->progress();
    status->state = StateName(progress.stage);
    status->behind_from = progress.behind_from;
    if (progress.behind_from != 0 && form->running()) status->state = "loading";
    status->hold_from = progress.hold_from;
    status->held_by = progress.held_by;
    status->held_rows = progress.held_rows;
    if (progress.hold_from != 0 && form->running()) {
      status->state = "gated";
      if (parts_.sight) MayRelease(*form, *status);
    }
    const bool may_stand = form->running() || progress.stage == FormProgress::Stage::kGated;
    if (const auto by = standing_.find(form->id()); by != standing_.end() && may_stand) {
      const auto found = std::ranges::find(forms_, by->second, &Form::name);
      const bool failed = found != forms_.end() && (*found)->progress().stage == FormProgress::Stage::kFailed;
      const bool paused = found != forms_.end() && (*found)->definition().record.paused;
      status->state = failed ? "failed" : paused ? "paused" : "loading";
      if (paused && by->second != form->name()) status->paused_by = by->second;
      if (failed) status->failure = "it reads " + by->second + ", which has failed: " + (*found)->progress().failure;
    }
    if (!progress.failure.empty()) status->failure = progress.failure;
    status->rows = progress.rows;
    status->forgotten = progress.forgotten;
    status->expired = progress.expired;
    status->waiting = progress.waiting;
    status->errors = progress.errors;
    status->errors_ever = progress.errors_ever;
    status->held_from = progress.held_from;
    for (const auto& [number, indexed] : progress.indexes) {
      if (indexed.whole) status->indexes.insert(number);
    }
    status->told = progress.telling == FormProgress::Telling::kChanges;
    status->told_from = progress.told_from;
    if (progress.stage == FormProgress::Stage::kGated) GateIsOpen(*form, *status);
    const auto [known, first] = all.try_emplace(form->name(), status);
    if (first) continue;
    auto both = std::make_shared<ViewStatus>(*known->second);
    both->replacing = std::move(status);
    known->second = std::move(both);
  }
  statuses_.Set(std::move(all));
  if (parts_.on_step) parts_.on_step();
}

void Runtime::Fail(Form& form, const Error& error) {
  form.Forget();
  Fail(form, error, {});
}

void Runtime::Fail(Form& form, const Error& error, StoreBatch batch) {
  if (form.running()) form.progress().ran = true;
  form.progress().stage = FormProgress::Stage::kFailed;
  form.progress().failure = error.what;
  batch.Put(Family::kMeta, ProgressKey(form.id()), EncodeProgress(form.progress()));
  if (const auto written = parts_.store->Write(batch, true); !written.ok())
    diag::Warn("views", "that a view has failed is not stored", {{"error", written.error().what}});
  form.Committed();
  diag::Error("views", "a view has failed", {{"view", form.name()}, {"error", error.what}});
}

}  // namespace headgate::views
