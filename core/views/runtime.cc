#include "core/views/runtime.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/diag.h"
#include "core/views/stream.h"

namespace headgate::views {
namespace {

constexpr auto kIdle = std::chrono::milliseconds(250);
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

bool SameShape(const sql::Relation& a, const sql::Relation& b) {
  return TypesOf(a) == TypesOf(b) && a.key == b.key && RowFormOf(a) == RowFormOf(b);
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
  HG_RETURN_IF_ERROR(DropLost(definitions));
  for (const DefinitionPtr& definition : definitions) {
    if (definition->record.kind == ObjectKind::kTable) Declare(definition);
    if (definition->record.kind == ObjectKind::kView) HG_RETURN_IF_ERROR(Adopt(definition, nullptr));
  }
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
  HG_RETURN_IF_ERROR(
      parts_.store->Scan(Family::kMeta, prefix, "form0", [&](std::string_view key, std::string_view value) {
        const auto form = ByteReader(key.substr(prefix.size())).BigEndian<std::uint32_t>();
        stored.push_back(form);
        if (std::ranges::none_of(definitions, [&](const auto& d) { return d->record.form == form; })) return true;
        kept.insert(form);
        if (const auto progress = DecodeProgress(value); progress.ok()) kept.insert(progress->replaces);
        return true;
      }));
  StoreBatch batch;
  for (const std::uint32_t form : stored) {
    if (!kept.contains(form)) Form::Drop(form, batch);
  }
  return batch.empty() ? Ok() : parts_.store->Write(batch, true);
}

headgate::Status Runtime::Adopt(const DefinitionPtr& definition, const Form* replaced) {
  auto form = std::make_unique<Form>(*parts_.store, definition);
  FormProgress progress;
  HG_ASSIGN_OR_RETURN(const auto stored, parts_.store->Get(Family::kMeta, ProgressKey(form->id())));
  if (stored) {
    HG_ASSIGN_OR_RETURN(progress, DecodeProgress(*stored));
  } else {
    const auto history = definition->record.options.find("history");
    const bool retained = history != definition->record.options.end() && history->second == "retained";
    progress.held_from = retained ? 1 : definition->record.begins_at + 1;
    const bool read = (replaced != nullptr && replaced->told()) || IsRead(form->name());
    progress.telling = read ? FormProgress::Telling::kChanges : FormProgress::Telling::kNone;
    if (replaced != nullptr) {
      progress.replaces = replaced->id();
      progress.replaces_rows = replaced->row_form();
      progress.same_shape = SameShape(*replaced->definition().relation, *definition->relation);
    }
  }
  HG_RETURN_IF_ERROR(form->Open(progress));
  if (!stored) {
    StoreBatch batch;
    form->Save(batch);
    HG_RETURN_IF_ERROR(parts_.store->Write(batch, true));
    form->Committed();
  }
  forms_.push_back(std::move(form));
  return Ok();
}

void Runtime::Make(DefinitionPtr definition) {
  static_cast<void>(commands_.TryPush(std::move(definition)));
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

void Runtime::Handle(DefinitionPtr definition) {
  if (definition->record.kind == ObjectKind::kTable) Declare(definition);
  if (definition->record.kind != ObjectKind::kView) return;
  if (const auto same = std::ranges::find(forms_, definition->record.form, &Form::id); same != forms_.end()) {
    (*same)->SetDefinition(std::move(definition));
    return MakePorts();
  }
  const auto old = std::ranges::find(forms_, definition->record.name, &Form::name);
  const Form* const replaced = old != forms_.end() && (*old)->running() ? old->get() : nullptr;
  if (replaced == nullptr) Handle(DropCommand{definition->record.name});
  if (forms_.empty() && applied_ == 0 && !catch_up_) reader_->Seek(1);
  if (const auto adopted = Adopt(definition, replaced); !adopted.ok()) {
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
  for (std::size_t i = 0; i < forms_.size() && !stop.stop_requested(); ++i) {
    Form& form = *forms_[i];
    if (form.progress().stage == FormProgress::Stage::kLoading) HG_RETURN_IF_ERROR(Load(form, stop));
    if (form.progress().stage == FormProgress::Stage::kTelling) HG_RETURN_IF_ERROR(Tell(form, stop));
  }
  HG_RETURN_IF_ERROR(CatchUpForms(stop));
  if (stop.stop_requested()) return Stopped();
  HG_RETURN_IF_ERROR(TellToReaders(stop));
  if (stop.stop_requested()) return Stopped();
  HG_ASSIGN_OR_RETURN(const Run run, reader_->Read(run_size_.max()));
  if (run.last == 0) {
    reader_->Release();
    catch_up_ = false;
    return Ok();
  }
  idle_ = false;
  worked_ = run.bytes;
  HG_RETURN_IF_ERROR(Step(run));
  run_size_.Note(run, worked_);
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
    const bool may_stand = form->running() || progress.stage == FormProgress::Stage::kGated;
    if (const auto by = standing_.find(form->id()); by != standing_.end() && may_stand) {
      status->state = "paused";
      if (by->second != form->name()) status->paused_by = by->second;
    }
    status->failure = progress.failure;
    status->rows = progress.rows;
    status->errors = progress.errors;
    status->errors_ever = progress.errors_ever;
    status->held_from = progress.held_from;
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
  form.progress().stage = FormProgress::Stage::kFailed;
  form.progress().failure = error.what;
  StoreBatch batch;
  batch.Put(Family::kMeta, ProgressKey(form.id()), EncodeProgress(form.progress()));
  if (const auto written = parts_.store->Write(batch, true); !written.ok())
    diag::Warn("views", "that a view has failed is not stored", {{"error", written.error().what}});
  form.Committed();
  diag::Error("views", "a view has failed", {{"view", form.name()}, {"error", error.what}});
}

}  // namespace headgate::views
