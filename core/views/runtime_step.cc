// A step: from a run of the log to one write.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/views/runtime.h"
#include "core/views/stream.h"

namespace headgate::views {

StreamNo Runtime::StreamOf(const Input& input) const {
  if (input.stream != 0) return input.stream;
  const auto found = resolved_.find(input.stream_name);
  return found == resolved_.end() ? 0 : found->second;
}

// Streams that were announced, or named in a declaration, are in the log once their source has run.
bool Runtime::ResolveStreams() {
  bool found = false;
  const auto registry = parts_.log->registry();
  for (const auto& form : forms_) {
    for (const Input& input : form->definition().inputs) {
      if (input.kind == Input::Kind::kView || StreamOf(input) != 0) continue;
      const StreamInfo* stream = registry->FindStream(input.stream_name);
      if (stream == nullptr || registry->LatestVersion(stream->number) == 0) continue;
      resolved_[input.stream_name] = stream->number;
      found = true;
    }
  }
  return found;
}

void Runtime::MakePorts() {
  FindStanding();
  ports_of_.clear();
  ports_.clear();
  ResolveStreams();
  read_.clear();
  std::map<const sql::Relation*, std::vector<bool>> needed;
  for (const auto& form : forms_) {
    if (!form->running()) continue;
    for (const Input& input : form->definition().inputs) {
      if (const Form* const read = input.kind == Input::Kind::kView ? RunningOf(input) : nullptr; read != nullptr)
        read_.insert(read->id());
      if (input.kind == Input::Kind::kView || StreamOf(input) == 0) continue;
      Port& port = ports_[input.relation.get()];
      port.stream = StreamOf(input);
      if (input.declared != nullptr) {
        const auto declared = declared_.find(input.declared->record.form);
        if (declared != declared_.end() && !declared->second->plain()) port.declared = declared->second.get();
      }
      std::vector<bool>& columns = needed[input.relation.get()];
      columns.resize(input.needed.size());
      for (std::size_t c = 0; c < columns.size(); ++c) columns[c] = columns[c] || input.needed[c];
    }
  }
  for (auto& [relation, port] : ports_) {
    port.rows = std::make_unique<StreamRows>(*relation, needed[relation]);
    ports_of_.emplace(port.stream, &port);
  }
}

void Runtime::ClearPorts() {
  for (auto& [key, port] : ports_) {
    port.deltas.clear();
    if (port.rows->rows() > 0) port.rows->Take();
  }
}

void Runtime::ForgetStep() {
  base_.Forget();
  for (const auto& form : forms_) form->Forget();
  for (const auto& [form, table] : declared_) table->Forget();
  ClearPorts();
  batch_ = NewBatch();
  replay_.reset();
  run_times_.reset();
  letters_.Forget();
  reader_->Seek(applied_ + 1);
}

headgate::Status Runtime::Step(const views::Run& run) {
  registry_ = parts_.log->registry();
  if (ResolveStreams()) MakePorts();
  keys_.clear();
  run_times_ = std::make_shared<const operators::LogTimes>(operators::LogTimes{applied_, log_us_, run.times});
  const Seq next = applied_ + 1;
  if (run.first > next && parts_.log->first_seq() > next) HG_RETURN_IF_ERROR(TellLoss(run.first));
  if (run.loaded != 0) {
    HG_RETURN_IF_ERROR(EndLoad(run.loaded, run.last));
  } else {
    HG_RETURN_IF_ERROR(TakeIn(run));
  }
  CheckMisfits();
  return StepForms(run.commit_us, run.last);
}

// Retention has dropped what the views had not read (they stood still for long, or the log is older than they are): no
// table is known any more, and what was made of them is not to be trusted.
headgate::Status Runtime::TellLoss(Seq first) {
  const std::string range = "seq " + std::to_string(applied_ + 1) + " to " + std::to_string(first - 1);
  diag::Error("views", "retention dropped records that the views had not read", {{"lost", range}});
  for (const auto& form : forms_) {
    if (form->progress().stage == FormProgress::Stage::kFailed) continue;
    Fail(*form, Corrupt("retention dropped " + range +
                        " before the views had read it. Take a new snapshot of the tables "
                        "(delete their source with forget=true and create it again), then create the view again."));
  }
  base_.Lose();
  MakePorts();
  return Ok();
}

const std::vector<operators::Delta>* Runtime::DeltasOf(const Input& input) const {
  if (input.kind == Input::Kind::kView) {
    const Form* const other = RunningOf(input);
    return other != nullptr && other->running() ? &other->output() : nullptr;
  }
  const auto port = ports_.find(input.relation.get());
  return port == ports_.end() ? nullptr : &port->second.deltas;
}

// The changes of the form's inputs go into its operators, or behind what it has not been given yet. True if there are
// any.
bool Runtime::FeedForm(Form& form, Seq last, StoreBatch& batch) {
  const std::vector<Input>& inputs = form.definition().inputs;
  BeginFeed(form);
  bool fed = form.pushed();  // FeedReaders
  if (replay_ && replay_->changes.contains(form.id())) {
    fed = true;
    for (const auto& [input, deltas] : replay_->changes[form.id()]) {
      for (const operators::Delta& delta : deltas) Feed(form, input, delta, last, batch);
    }
  }
  for (std::uint32_t i = 0; i < inputs.size(); ++i) {
    const std::vector<operators::Delta>* deltas = DeltasOf(inputs[i]);
    if (deltas == nullptr) continue;
    for (const operators::Delta& delta : *deltas) Feed(form, i, delta, last, batch);
    fed = fed || !deltas->empty();
  }
  return fed;
}

// What changed of a form that others read, and is too much to be kept for them: they get it piece by piece, before
// their turn comes.
void Runtime::FeedReaders(const Form& form, const std::vector<operators::Delta>& deltas, Seq last, StoreBatch& batch) {
  for (const auto& reader : forms_) {
    if (!reader->running()) continue;
    const std::vector<Input>& inputs = reader->definition().inputs;
    for (std::uint32_t i = 0; i < inputs.size(); ++i) {
      if (inputs[i].kind != Input::Kind::kView || RunningOf(inputs[i]) != &form) continue;
      BeginFeed(*reader);
      for (const operators::Delta& delta : deltas) Feed(*reader, i, delta, last, batch);
    }
  }
}

void Runtime::BeginFeed(Form& form) const {
  form.SetMemory(FormBytes());
  if (!Waits(form)) form.SetTimes(TimesOf(form), Holds(form));
}

void Runtime::Feed(Form& form, std::uint32_t input, const operators::Delta& delta, Seq last, StoreBatch& batch) {
  const Input& of = form.definition().inputs[input];
  const sql::Relation& relation = *of.relation;
  const operators::Delta own = FirstColumns(delta, relation.columns.size());
  const Seq step = replay_ ? replay_->through : last;
  FormProgress& progress = form.progress();
  if (Waits(form)) {
    BacklogSteps(form, own, step, [&](Seq seq, const operators::Delta& part) {
      Backlog(form.id()).Add(seq, progress.behind_pieces++, input, AllTypesOf(relation), part, batch);
    });
  } else if (Holds(form) && IsData(of)) {
    const Backlog held(form.id(), Backlog::Kind::kHeld);
    BacklogSteps(form, own, step, [&](Seq seq, const operators::Delta& part) {
      held.Add(seq, progress.held_rows, input, AllTypesOf(relation), part, batch);
      progress.held_rows += part.rows();
    });
    KeepTimes(form, held, step, batch);
  } else {
    form.Push(relation, own);
  }
}

std::size_t Runtime::StepBytes() const {
  return parts_.step_bytes != 0 ? parts_.step_bytes : parts_.memory_bytes * kStepShare / kShares;
}

StoreBatch Runtime::NewBatch() const {
  StoreBatch batch;
  batch.SpillBeyond(StepBytes(), *parts_.store);
  return batch;
}

// A form that stands still gets it later.
headgate::Status Runtime::FeedWaiting(Form& form, Seq last, StoreBatch& batch) {
  // What it reads has failed in this step (CheckShape), and it had a part by then (GiveMany): all of it again.
  if (form.pushed()) return Transient("the step to seq " + std::to_string(last) + ": a view stands still in it");
  FormProgress& progress = form.progress();
  if (progress.behind_from == 0) progress.behind_us = log_us_;
  if (progress.behind_from == 0) progress.behind_from = applied_ + 1;
  FeedForm(form, last, batch);
  if (!replay_) KeepTimes(form, Backlog(form.id()), last, batch);
  form.Save(batch);
  return Ok();
}

// Views in order, each once; what they give goes on in memory (C-5).
headgate::Status Runtime::StepForms(std::int64_t commit_us, Seq last, ViewWrite write) {
  for (auto& [key, port] : ports_) {
    if (port.rows->rows() > 0) port.deltas.push_back(port.rows->Take());
  }
  StoreBatch batch = std::exchange(batch_, NewBatch());
  Transaction tx;
  if (replay_) tx = std::move(replay_->told);
  const std::int64_t log_us = run_times_ == nullptr ? log_us_ : run_times_->Now();
  for (const auto& form : forms_) {
    if (!form->running()) continue;
    if (Waits(*form)) {
      HG_RETURN_IF_ERROR(FeedWaiting(*form, last, batch));
      continue;
    }
    if (!FeedForm(*form, last, batch) && form->Due().value_or(log_us + 1) > log_us) continue;
    const std::size_t before = form->bytes();
    HG_RETURN_IF_ERROR(form->Finish([&](ViewChange change) {
      form->Apply(change, parts_.clock->NowUs(), batch);
      if (change.empty()) return Ok();
      if (form->told()) {
        if (tx.empty()) tx = NewTransaction(commit_us, last, write);
        AddToStream(tx, *form, change);
      }
      if (!read_.contains(form->id())) return Ok();
      if (!form->in_pieces()) {
        form->PassOn(std::move(change));
      } else {
        FeedReaders(*form, AsDeltas(*form->definition().relation, std::move(change)), last, batch);
      }
      return Ok();
    }));
    worked_ += form->given_bytes() + (form->bytes() - std::min(before, form->bytes()));
    HG_RETURN_IF_ERROR(form->failure());
    HG_RETURN_IF_ERROR(TakeFailed(*form, last));
    form->Save(batch);
  }
  if (replay_) batch.Add(replay_->taken);
  base_.Save(batch);
  for (const auto& [form, table] : declared_) {
    table->Save(batch);
    for (Misfit& misfit : table->TakeMisfits()) letters_.Note(std::move(misfit));
  }
  letters_.Save(batch, parts_.clock->NowUs());
  HG_RETURN_IF_ERROR(base_.failure());
  std::string applied;
  PutVarint(applied, last);
  PutSigned(applied, log_us);
  batch.Put(Family::kMeta, kAppliedKey, applied);
  worked_ += 3 * batch.bytes();  // itself, what the store makes of it, its memory tables
  HG_FAILPOINT("views.before_write");
  HG_RETURN_IF_ERROR(Commit(batch, tx));
  HG_FAILPOINT("views.written");
  for (const auto& form : forms_) form->Committed();
  ClearPorts();
  replay_.reset();
  run_times_.reset();
  log_us_ = log_us;
  applied_.store(last, std::memory_order_release);
  for (const auto& form : forms_) form->Trim(FormBytes());
  base_.Trim(parts_.memory_bytes * kBaseShare / kShares);
  stepped_.Raise();
  Publish();
  return Ok();
}

// What went into the log has to be durable before anyone reads it. The rest is computed again, equal, if it is lost.
headgate::Status Runtime::Commit(StoreBatch& batch, const Transaction& tx) {
  if (tx.empty()) return parts_.store->Write(batch, false);
  PutTold(batch, tx);
  const auto appended = writer_->Append(std::span(&tx, 1), std::nullopt, batch);
  return appended.ok() ? Ok() : headgate::Status(appended.error());
}

void Runtime::PutTold(StoreBatch& batch, const Transaction& tx) {
  std::string told;
  PutVarint(told, tx.info.position.a);
  batch.Put(Family::kMeta, kToldKey, told);
}

Transaction Runtime::NewTransaction(std::int64_t commit_us, Seq applied, ViewWrite write) {
  Transaction tx;
  tx.SpoolBeyond(StepBytes(), *writer_);
  tx.info.position = {PositionKind::kIngest, ++told_, static_cast<std::uint64_t>(write), 0, {}};
  tx.info.commit_us = commit_us;
  tx.info.consistent_at = applied;
  return tx;
}

void Runtime::AddToStream(Transaction& tx, const Form& form, const ViewChange& change) {
  const sql::Relation& relation = *form.definition().relation;
  const StreamNo stream = writer_->OpenStream("", form.name());
  const std::uint32_t version = writer_->DefineSchema(stream, SchemaOf(relation), 0, tx.info.commit_us);
  AddChange(tx, stream, version, relation, change);
}

}  // namespace headgate::views
