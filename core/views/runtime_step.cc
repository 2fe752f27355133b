// A step: from a run of the log to one write.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/views/runtime.h"
#include "core/views/stream.h"

namespace headgate::views {
namespace {

constexpr std::size_t kTableRowBytes = 100;  // about

Error BadRow(const Registry& registry, const Run::Part& part, const Change& change) {
  const StreamInfo* stream = registry.Stream(change.stream);
  return Corrupt("change " + ToText({part.seq, change.ordinal}) + " of " + (stream == nullptr ? "?" : stream->name) +
                 " has a row that does not fit its schema");
}

Origin OriginOf(const Run::Part& part, const Change& change) {
  return {{part.seq, change.ordinal}, change.op, part.info.commit_us, part.info.stored_us};
}

bool IsRowOp(Op op) { return op == Op::kInsert || op == Op::kUpdate || op == Op::kDelete || op == Op::kRead; }

}  // namespace

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

headgate::Status Runtime::TakeIn(const views::Run& run) {
  HG_RETURN_IF_ERROR(Prefetch(run));
  for (const Run::Part& part : run.parts) {
    ChangeReader changes = part.Changes();
    Change change;
    while (changes.Next(change)) {
      if (change.stream == 0) continue;
      if (IsRowOp(change.op)) {
        if (IsEventStream(*registry_, change.stream)) {
          TakeEvent(part, change);
        } else {
          HG_RETURN_IF_ERROR(TakeTable(part, change));
        }
      } else if (change.op == Op::kTruncate) {
        HG_RETURN_IF_ERROR(TakeTruncate(part, change));
      } else if (change.op == Op::kSnapshot) {
        base_.BeginLoad(change.stream);  // its end is a run of its own
      }
    }
    if (changes.failed()) return Corrupt("log entry " + std::to_string(part.seq) + " holds changes that make no sense");
  }
  return base_.failure();
}

// The base's rows that the run touches, with one sorted read a table.
headgate::Status Runtime::Prefetch(const views::Run& run) {
  std::string key;
  for (const Run::Part& part : run.parts) {
    ChangeReader changes = part.Changes();
    Change change;
    while (changes.Next(change)) {
      if (change.stream == 0 || !IsRowOp(change.op) || IsEventStream(*registry_, change.stream)) continue;
      const TableSchema* schema = registry_->Schema(change.stream, change.schema);
      if (schema == nullptr) return BadRow(*registry_, part, change);
      for (const auto& [has, row] : {std::pair{change.has_before, change.before}, {change.has_after, change.after}}) {
        key.clear();
        if (has && AppendBaseKey(key, row, *schema)) keys_[change.stream].insert(key);
      }
    }
  }
  for (const auto& [stream, keys] : keys_) base_.Load(stream, {keys.begin(), keys.end()});
  return Ok();
}

void Runtime::Emit(Port& port, const Image& image, std::int64_t weight, At at) {
  if (weight > 0 && image.version != port.version) CheckShape(port, image.version, at);
  port.rows->Add(image.row, image.version, *registry_->Schema(port.stream, image.version), image.origin, weight, at);
  if (port.rows->full()) port.deltas.push_back(port.rows->Take());
}

void Runtime::EmitGone(StreamNo stream, const std::string& key, const Image& image, At at) {
  const auto [first, last] = ports_of_.equal_range(stream);
  for (auto port = first; port != last; ++port) {
    DeclaredTable* const declared = port->second->declared;
    const TableSchema& schema = *registry_->Schema(stream, image.version);
    const auto shown = declared == nullptr ? std::nullopt : declared->Gone(key, image, schema);
    if (declared == nullptr) {
      Emit(*port->second, image, -1, at);
    } else if (shown) {
      Emit(*port->second, *shown, -1, at);
    }
  }
}

void Runtime::EmitCame(StreamNo stream, const std::string& key, const Image& image, At at) {
  const auto [first, last] = ports_of_.equal_range(stream);
  for (auto port = first; port != last; ++port) {
    DeclaredTable* const declared = port->second->declared;
    const TableSchema& schema = *registry_->Schema(stream, image.version);
    const auto shown = declared == nullptr ? std::nullopt : declared->Came(key, image, schema);
    if (declared == nullptr) {
      Emit(*port->second, image, 1, at);
    } else if (shown) {
      Emit(*port->second, *shown, 1, at);
    }
  }
}

void Runtime::TakeEvent(const Run::Part& part, const Change& change) {
  if (!change.has_after) return;
  const Origin origin = OriginOf(part, change);
  const auto [first, last] = ports_of_.equal_range(change.stream);
  for (auto port = first; port != last; ++port) {
    StreamRows& rows = *port->second->rows;
    rows.Add(change.after, change.schema, *registry_->Schema(change.stream, change.schema), origin, 1, origin.at);
    if (rows.full()) port->second->deltas.push_back(rows.Take());
  }
}

// Last writer wins, by the table's key: that is what the log's order is made for (change-events contract, 2).
headgate::Status Runtime::TakeTable(const Run::Part& part, const Change& change) {
  const StreamNo stream = change.stream;
  const TableSchema& schema = *registry_->Schema(stream, change.schema);
  const Origin origin = OriginOf(part, change);
  const bool keyless = schema.EventKey().empty();
  // A table that is not read by a snapshot is there from its first change on.
  if (base_.StateOf(stream).generation == 0 && base_.MayBegin()) base_.EndLoad(stream);
  if (base_.StateOf(stream).generation == 0) base_.BeginLoad(stream);
  const bool shown = !base_.StateOf(stream).loading();
  std::string new_key;
  std::string old_key;
  if (change.has_after && !AppendBaseKey(new_key, change.after, schema)) return BadRow(*registry_, part, change);
  if (!change.has_before || !AppendBaseKey(old_key, change.before, schema)) old_key = new_key;
  std::optional<Image> old;
  if (change.op == Op::kUpdate || change.op == Op::kDelete || !keyless) {
    if (const Image* found = base_.Find(stream, old_key)) {
      old = *found;
      if (shown) EmitGone(stream, old_key, *old, origin.at);
      if (old->copies > 1) {
        Image rest = *old;
        --rest.copies;
        base_.Put(stream, old_key, std::move(rest));
      } else {
        base_.Erase(stream, old_key);
      }
    }
  }
  if (!change.has_after || change.op == Op::kDelete) return Ok();
  Image image;
  image.version = change.schema;
  image.origin = origin;
  const TableSchema* const old_schema = old ? registry_->Schema(stream, old->version) : nullptr;
  if (old_schema == nullptr || !FillAbsent(image.row, change.after, schema, old->row, *old_schema))
    image.row = change.after;
  if (const Image* other = base_.Find(stream, new_key)) {
    if (keyless) {
      image.copies = other->copies + 1;
    } else if (shown) {
      EmitGone(stream, new_key, *other, origin.at);  // the key was another row's
    }
  }
  if (shown) EmitCame(stream, new_key, image, origin.at);
  base_.Put(stream, new_key, std::move(image));
  return Ok();
}

headgate::Status Runtime::TakeTruncate(const Run::Part& part, const Change& change) {
  const StreamNo stream = change.stream;
  const TableState state = base_.StateOf(stream);
  if (state.generation != 0 && !state.loading()) {
    const At at{part.seq, change.ordinal};
    const auto gone = [&](const std::string& key, const Image& image) {
      for (std::uint64_t n = 0; n < image.copies; ++n) EmitGone(stream, key, image, at);
      GiveMany(stream, part.seq);
    };
    // What the run has touched is as it left it, the rest as it is stored.
    const std::set<std::string>& touched = keys_[stream];
    const StoreView view(*parts_.store);
    HG_RETURN_IF_ERROR(Base::ScanTable(view, stream, state.generation, "", [&](std::string_view key, const Image& row) {
      if (!touched.contains(std::string(key))) gone(std::string(key), row);
      return true;
    }));
    for (const std::string& key : touched) {
      if (const Image* image = base_.Find(stream, key)) gone(key, *image);
    }
  }
  base_.Truncate(stream);
  return Ok();
}

// A table's snapshot has ended: what views see changes from the old content to the new one, by its difference.
headgate::Status Runtime::EndLoad(StreamNo stream, Seq last_seq) {
  const TableState state = base_.StateOf(stream);
  if (state.generation != 0 && !state.loading()) return Ok();
  const At at{applied_ + 1, 0};
  const StoreView view(*parts_.store);
  const auto [first, last] = ports_of_.equal_range(stream);
  for (auto port = first; port != last; ++port) {
    DeclaredTable* const declared = port->second->declared;
    for (const auto& [generation, weight] : {std::pair{state.shown, -1}, {state.generation, 1}}) {
      if (generation == 0) continue;
      const auto visit = [&, sign = weight](std::string_view key, const Image& image) {
        const TableSchema& schema = *registry_->Schema(stream, image.version);
        const auto shown = declared == nullptr ? image : declared->Shown(std::string(key), image, schema);
        for (std::uint64_t n = 0; shown && n < image.copies; ++n) Emit(*port->second, *shown, sign, at);
        GiveMany(stream, last_seq);
        return true;
      };
      HG_RETURN_IF_ERROR(Base::ScanTable(view, stream, generation, "", visit));
    }
  }
  base_.EndLoad(stream);
  return Ok();
}

// All rows of a table may be more than fit into memory: the forms get what there is of them before their turn comes.
void Runtime::GiveMany(StreamNo stream, Seq last) {
  const auto [first, end] = ports_of_.equal_range(stream);
  for (auto of = first; of != end; ++of) {
    Port& port = *of->second;
    const std::size_t rows = port.deltas.size() * operators::kPieceRows + port.rows->rows();
    if (rows * kTableRowBytes <= StepBytes()) continue;
    if (port.rows->rows() > 0) port.deltas.push_back(port.rows->Take());
    for (const auto& form : forms_) {
      if (!form->running()) continue;
      const std::vector<Input>& inputs = form->definition().inputs;
      for (std::uint32_t i = 0; i < inputs.size(); ++i) {
        if (DeltasOf(inputs[i]) != &port.deltas) continue;
        BeginFeed(*form);
        for (const operators::Delta& delta : port.deltas) Feed(*form, i, delta, last, batch_);
      }
    }
    port.deltas.clear();
  }
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
      FormProgress& progress = form->progress();
      if (progress.behind_from == 0) progress.behind_us = log_us_;
      if (progress.behind_from == 0) progress.behind_from = applied_ + 1;
      FeedForm(*form, last, batch);
      if (!replay_) KeepTimes(*form, Backlog(form->id()), last, batch);
      form->Save(batch);
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
    HG_RETURN_IF_ERROR(StopBefore(*form, last));
    NoteFailed(*form);
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
