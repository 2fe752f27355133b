// How a form takes in what its inputs have: the load gate (design D8), then their content in chunks, each one write, so
// that a crash goes on where it was. Nothing else moves meanwhile: the base stays as of the applied seq.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/views/runtime.h"
#include "core/views/stream.h"

namespace headgate::views {
namespace {

constexpr auto kLookForReaders = std::chrono::milliseconds(200);
constexpr std::size_t kChunkRows = 20'000;

bool WaitsForTables(const Definition& definition) {
  const auto on_load = definition.record.options.find("on_load");
  return on_load == definition.record.options.end() || on_load->second == "wait";
}

bool ReadsEvents(const Definition& definition) {
  return std::ranges::any_of(definition.inputs, [](const Input& input) { return input.kind == Input::Kind::kEvents; });
}

// What is looked up first, then what looks up: events last.
std::vector<const Input*> InLoadOrder(const Definition& definition) {
  std::vector<const Input*> inputs;
  for (const Input& input : definition.inputs) inputs.push_back(&input);
  std::ranges::stable_sort(inputs, {}, [](const Input* input) {
    if (input->kind == Input::Kind::kTable) return 0;
    if (input->kind == Input::Kind::kView) return input->relation->append_only ? 2 : 1;
    return 3;
  });
  return inputs;
}

}  // namespace

// Tables have to be loaded, views that are read in step; and a view of events waits until its tables are as new as
// their servers were when the last of them was loaded.
bool Runtime::GateIsOpen(const Form& form, ViewStatus& status) {
  const Definition& definition = form.definition();
  bool open = applied_ >= definition.record.begins_at;
  // One that holds events gives them to its readers before another comes in its place.
  const auto old = std::ranges::find(forms_, form.progress().replaces.form, &Form::id);
  const bool holds = old != forms_.end() && (*old)->running() && (*old)->progress().hold_from != 0;
  open = open && (old == forms_.end() || (!holds && GraceIsOver(**old, form)));
  const auto registry = parts_.log->registry();
  std::vector<std::pair<SourceNo, std::size_t>> sources;  // of tables, and their places in status.control
  for (const Input& input : definition.inputs) {
    if (input.kind == Input::Kind::kEvents) continue;
    ViewStatus::Control& control = status.control.emplace_back();
    control.stream = input.relation->name;
    if (input.kind == Input::Kind::kView) {
      const auto other = std::ranges::find_if(forms_, [&](const auto& f) { return f->id() == input.form; });
      control.ready =
          other != forms_.end() && (*other)->running() && (*other)->progress().behind_from == 0 && !stands(**other);
    } else {
      control.stream = input.stream_name;
      control.ready = !WaitsForTables(definition) || base_.StateOf(StreamOf(input)).shown != 0;
      if (const StreamInfo* stream = registry->Stream(StreamOf(input)); stream != nullptr)
        sources.emplace_back(stream->source, status.control.size() - 1);
    }
    open = open && control.ready;
  }
  // One that follows goes on where the one before it is.
  if (!open || form.progress().replaces.follows || !ReadsEvents(definition) || !WaitsForTables(definition) ||
      !parts_.sight) {
    gates_.erase(form.name());
    return open;
  }
  Gate& gate = gates_.try_emplace(form.name(), Gate{parts_.clock->NowUs(), std::nullopt}).first->second;
  bool reached = true;
  for (const auto& [source, place] : sources) {
    const SourceSight sight = parts_.sight(source, gate.loaded_us);
    ViewStatus::Control& control = status.control[place];
    control.required = sight.server_position;
    control.reached = sight.reached_position;
    control.ready = sight.reached;
    reached = reached && sight.reached;
  }
  // What the log had when all of it was there has to be applied too; what comes later need not be waited for.
  if (reached && !gate.required) gate.required = parts_.log->last_seq();
  open = gate.required && applied_ >= *gate.required;
  return open;
}

headgate::Status Runtime::OpenGates() {
  for (const auto& form : forms_) {
    if (form->progress().stage != FormProgress::Stage::kGated || stands(*form)) continue;
    ViewStatus status;
    if (!GateIsOpen(*form, status)) continue;
    gates_.erase(form->name());
    form->progress().stage = FormProgress::Stage::kLoading;
    StoreBatch batch;
    form->Save(batch);
    HG_RETURN_IF_ERROR(parts_.store->Write(batch, true));
    form->Committed();
    HG_FAILPOINT("views.gate_opened");
    Publish();
  }
  return Ok();
}

// Those that replace nothing first: they may still read the rows of a form that is being replaced.
headgate::Status Runtime::LoadForms(std::stop_token stop) {
  using Stage = FormProgress::Stage;
  const auto next = [&](bool replaces) {
    return std::ranges::find_if(forms_, [&](const auto& form) {
      const FormProgress& progress = form->progress();
      const bool loads = progress.stage == Stage::kLoading || progress.stage == Stage::kTelling;
      return loads && (progress.replaces.form != 0) == replaces;
    });
  };
  for (;;) {
    auto found = next(false);
    if (found == forms_.end()) found = next(true);
    if (found == forms_.end()) return Ok();
    Form& form = **found;
    if (form.progress().stage == Stage::kLoading) HG_RETURN_IF_ERROR(Load(form, stop));
    if (form.progress().stage == Stage::kTelling) HG_RETURN_IF_ERROR(Tell(form, stop));
  }
}

headgate::Status Runtime::Load(Form& form, std::stop_token stop) {
  registry_ = parts_.log->registry();
  std::vector<const Input*> inputs = InLoadOrder(form.definition());
  FormProgress& progress = form.progress();
  const bool carries = progress.replaces.carries;
  if (carries) std::erase_if(inputs, [](const Input* input) { return IsData(*input); });
  while (progress.input < inputs.size()) {
    if (stop.stop_requested()) return Stopped();
    bool done = false;
    HG_RETURN_IF_ERROR(LoadChunk(form, *inputs[progress.input], done));
    if (progress.stage == FormProgress::Stage::kFailed) return Ok();
    if (!done) continue;
    ++progress.input;
    progress.cursor.clear();
  }
  if (carries) {
    HG_RETURN_IF_ERROR(FinishChunk(form));
    HG_RETURN_IF_ERROR(CarryRows(form, stop));
  }
  progress.stage = FormProgress::Stage::kTelling;
  HG_RETURN_IF_ERROR(FinishChunk(form));  // also what has no input, or inputs without rows; it may fail
  MakePorts();
  Publish();
  return Ok();
}

headgate::Status Runtime::LoadChunk(Form& form, const Input& input, bool& done) {
  form.SetTimes(TimesOf(form), false);
  form.SetMemory(parts_.memory_bytes * kFormsShare / kShares);
  if (input.kind == Input::Kind::kTable) HG_RETURN_IF_ERROR(LoadTable(form, input, done));
  if (input.kind == Input::Kind::kView) HG_RETURN_IF_ERROR(LoadView(form, input, done));
  if (input.kind == Input::Kind::kEvents) HG_RETURN_IF_ERROR(LoadEvents(form, input, done));
  if (done) return Ok();  // its last chunk goes with the next write
  return FinishChunk(form);
}

headgate::Status Runtime::FinishChunk(Form& form) {
  StoreBatch batch = NewBatch();
  Transaction tx;
  // Rows that never go again are told as they come. Of other views the content so far is no content yet.
  const bool told = form.told() && form.row_form() == RowForm::kBlocks && form.progress().replaces.form == 0;
  HG_RETURN_IF_ERROR(form.Finish([&](const ViewChange& change) {
    form.Apply(change, parts_.clock->NowUs(), batch);
    if (!told || change.empty()) return Ok();
    if (tx.empty()) tx = NewTransaction(parts_.clock->NowUs(), applied_, ViewWrite::kContent);
    AddToStream(tx, form, change);
    return Ok();
  }));
  HG_RETURN_IF_ERROR(form.failure());
  NoteFailed(form);
  if (StopsLoading(form)) return Ok();
  letters_.Save(batch, parts_.clock->NowUs());
  form.Save(batch);
  HG_FAILPOINT("views.load_chunk");
  HG_RETURN_IF_ERROR(Commit(batch, tx));
  form.Committed();
  form.Trim(parts_.memory_bytes * kFormsShare / kShares);
  return Ok();
}

headgate::Status Runtime::LoadTable(Form& form, const Input& input, bool& done) {
  StreamRows rows(*input.relation, input.needed);
  std::size_t taken = 0;
  FormProgress& progress = form.progress();
  const StreamNo stream = StreamOf(input);
  const std::uint32_t generation = base_.StateOf(stream).shown;
  const auto declared = input.declared == nullptr ? declared_.end() : declared_.find(input.declared->record.form);
  std::uint32_t version = 0;
  std::string unfit;
  done = true;
  if (generation == 0) return Ok();
  const StoreView view(*parts_.store);
  HG_RETURN_IF_ERROR(
      Base::ScanTable(view, stream, generation, progress.cursor, [&](std::string_view key, const Image& image) {
        const TableSchema& schema = *registry_->Schema(stream, image.version);
        const auto shown =
            declared == declared_.end() ? image : declared->second->Shown(std::string(key), image, schema);
        if (shown && std::exchange(version, shown->version) != shown->version) {
          unfit = WhyNotLoaded(input, version);
          if (!unfit.empty()) return false;
        }
        if (shown) {
          const TableSchema& own = *registry_->Schema(stream, shown->version);
          rows.Add(shown->row, shown->version, own, shown->origin, static_cast<std::int64_t>(image.copies), {});
        }
        progress.cursor = key;
        if (rows.full()) form.Push(*input.relation, rows.Take());
        done = ++taken < kChunkRows;
        return done;
      }));
  if (!unfit.empty()) {
    Fail(form, Rejected(unfit));
    Publish();
    done = true;
    return Ok();
  }
  if (rows.rows() > 0) form.Push(*input.relation, rows.Take());
  return Ok();
}

headgate::Status Runtime::LoadView(Form& form, const Input& input, bool& done) {
  done = true;
  const auto from = RowsOf(input);
  if (!from) return Ok();
  operators::DeltaBuilder rows(from->types);
  std::size_t taken = 0;
  FormProgress& progress = form.progress();
  const StoreView view(*parts_.store);
  const auto push = [&] { form.Push(*input.relation, FirstColumns(rows.Take(), input.relation->columns.size())); };
  HG_RETURN_IF_ERROR(ViewRows::Scan(view, from->form, from->rows, progress.cursor, [&](const ViewRows::Stored& stored) {
    rows.Add(stored.row, stored.copies, {});
    progress.cursor = stored.cursor;
    if (rows.full()) push();
    done = ++taken < kChunkRows;
    return done;
  }));
  if (rows.rows() > 0) push();
  return Ok();
}

// Events that came since the view was made and had to wait, in their order.
headgate::Status Runtime::LoadEvents(Form& form, const Input& input, bool& done) {
  FormProgress& progress = form.progress();
  Seq from = std::max<Seq>(progress.held_from, 1);
  if (!progress.cursor.empty()) from = ByteReader(progress.cursor).Varint();
  if (from < parts_.log->first_seq()) {
    diag::Error("views", "retention dropped events that waited for a view's tables",
                {{"view", form.name()}, {"from_seq", from}, {"first_kept_seq", parts_.log->first_seq()}});
    progress.held_from = from = parts_.log->first_seq();
  }
  RunReader reader(*parts_.log, writer_->source().number);
  reader.Seek(from);
  HG_ASSIGN_OR_RETURN(const Run run, reader.Read({kChunkRows, run_size_.max().bytes}, applied_));
  done = run.last == 0;
  if (done) return Ok();
  form.SetTimes(std::make_shared<const operators::LogTimes>(operators::LogTimes{applied_, log_us_, run.times}), false);
  const StreamNo stream = StreamOf(input);
  StreamRows rows(*input.relation, input.needed);
  for (const Run::Part& part : run.parts) {
    ChangeReader changes = part.Changes();
    Change change;
    while (changes.Next(change)) {
      if (stream == 0 || change.stream != stream || !change.has_after) continue;
      const Origin origin{{part.seq, change.ordinal}, change.op, part.info.commit_us, part.info.stored_us};
      const TableSchema& schema = *registry_->Schema(stream, change.schema);
      rows.Add(change.after, change.schema, schema, origin, 1, origin.at);
      if (rows.full()) form.Push(*input.relation, rows.Take());
    }
  }
  if (rows.rows() > 0) form.Push(*input.relation, rows.Take());
  progress.cursor.clear();
  PutVarint(progress.cursor, run.last + 1);
  return Ok();
}

// The content of a view that was just loaded goes into its stream, so that its readers have all of it; of one that
// takes another's place, what differs.
headgate::Status Runtime::Tell(Form& form, std::stop_token stop) {
  FormProgress& progress = form.progress();
  const bool blocks = form.row_form() == RowForm::kBlocks;
  if (progress.replaces.form != 0) {
    // The stream has the whole of the one before it, or nothing: then its readers get the content behind the swap.
    HG_ASSIGN_OR_RETURN(const auto stored, parts_.store->Get(Family::kMeta, ProgressKey(progress.replaces.form)));
    FormProgress old;
    if (stored) {
      HG_ASSIGN_OR_RETURN(old, DecodeProgress(*stored));
    }
    const bool told = old.telling == FormProgress::Telling::kChanges;
    progress.telling = told ? FormProgress::Telling::kChanges : FormProgress::Telling::kNone;
    progress.told_from = old.told_from;
  }
  if (form.told() && progress.replaces.form != 0 && progress.replaces.comparable() && !blocks) {
    HG_RETURN_IF_ERROR(TellDifference(form, stop));
  } else {
    if (form.told() && progress.replaces.form != 0) HG_RETURN_IF_ERROR(TellGone(form, stop));
    if (blocks || !form.told()) {
      HG_RETURN_IF_ERROR(TellChunk(form, {}, true));
    } else {
      HG_RETURN_IF_ERROR(TellContent(form, ViewWrite::kContent, stop));
    }
  }
  const std::string name = form.name();
  std::erase_if(forms_, [&](const auto& other) { return other.get() != &form && other->name() == name; });
  Order();
  MakePorts();
  Publish();
  return Ok();
}

// All rows of the view go into its stream.
headgate::Status Runtime::TellContent(Form& form, ViewWrite write, std::stop_token stop) {
  FormProgress& progress = form.progress();
  for (bool last = false; !last;) {
    if (stop.stop_requested()) return Stopped();
    ViewChange rows;
    sql::Arena& bytes = rows.Own();
    const StoreView view(*parts_.store);
    HG_RETURN_IF_ERROR(
        ViewRows::Scan(view, form.id(), form.row_form(), progress.cursor, [&](const ViewRows::Stored& stored) {
          RowChange& row = rows.changes.emplace_back();
          row.after = bytes.Keep(stored.row);
          row.times = stored.copies;
          progress.cursor = stored.cursor;
          return rows.changes.size() < kChunkRows;
        }));
    last = rows.changes.size() < kChunkRows;
    Transaction tx;
    if (!rows.changes.empty()) {
      const sql::Relation& relation = *form.definition().relation;
      tx = NewTransaction(parts_.clock->NowUs(), applied_, write);
      const StreamNo stream = writer_->OpenStream("", form.name());
      AddContent(tx, stream, writer_->DefineSchema(stream, SchemaOf(relation), 0, tx.info.commit_us), relation, rows);
    }
    HG_RETURN_IF_ERROR(TellChunk(form, tx, last));
  }
  return Ok();
}

// Views that somebody wants to follow from now on, and that nobody did before: their streams begin with what they have.
headgate::Status Runtime::TellToReaders(std::stop_token stop) {
  using Telling = FormProgress::Telling;
  using Stage = FormProgress::Stage;
  const auto now = std::chrono::steady_clock::now();
  const bool look = now >= look_for_readers_;
  if (look) look_for_readers_ = now + kLookForReaders;
  for (std::size_t i = 0; i < forms_.size(); ++i) {
    if (stop.stop_requested()) return Stopped();
    Form& form = *forms_[i];
    FormProgress& progress = form.progress();
    if (progress.stage != Stage::kGated && progress.stage != Stage::kRunning) continue;  // asked again when it runs
    if (progress.replaces.form != 0) continue;                                           // Tell finds out
    if (look && progress.telling == Telling::kNone && (followed_.contains(form.name()) || IsRead(form.name()))) {
      progress.telling = form.running() ? Telling::kContent : Telling::kChanges;
      progress.told_from = applied_;
      StoreBatch batch;
      form.Save(batch);
      HG_RETURN_IF_ERROR(parts_.store->Write(batch, true));
      form.Committed();
    }
    if (progress.telling == Telling::kContent) HG_RETURN_IF_ERROR(TellContent(form, ViewWrite::kBaseline, stop));
    if (form.told() && followed_.erase(form.name()) > 0) Publish();
  }
  return Ok();
}

// With the last chunk of a load the form is in step, and the one before it goes: one write.
headgate::Status Runtime::TellChunk(Form& form, const Transaction& tx, bool last) {
  FormProgress& progress = form.progress();
  const bool swaps = last && progress.replaces.form != 0;
  if (swaps) return Swap(form, tx);
  StoreBatch batch;
  if (last) {
    progress.cursor.clear();
    progress.stage = FormProgress::Stage::kRunning;
    if (progress.telling == FormProgress::Telling::kContent) progress.telling = FormProgress::Telling::kChanges;
  }
  form.Save(batch);
  HG_FAILPOINT("views.tell_chunk");
  if (last && !form.told()) {  // one can see the stream before anybody reads it
    const StreamNo stream = writer_->OpenStream("", form.name());
    writer_->DefineSchema(stream, SchemaOf(*form.definition().relation), 0, parts_.clock->NowUs());
    const auto appended = writer_->Append({}, std::nullopt, batch);
    if (!appended.ok()) return appended.error();
  } else {
    HG_RETURN_IF_ERROR(Commit(batch, tx));
  }
  form.Committed();
  return Ok();
}

// Both forms' rows side by side, in the order of their keys.
headgate::Status Runtime::TellDifference(Form& form, std::stop_token stop) {
  FormProgress& progress = form.progress();
  for (bool last = false; !last;) {
    if (stop.stop_requested()) return Stopped();
    HG_ASSIGN_OR_RETURN(const ViewChange told, Difference(form, progress.cursor, last));
    Transaction tx;
    if (!told.empty()) {
      tx = NewTransaction(parts_.clock->NowUs(), applied_, ViewWrite::kContent);
      AddToStream(tx, form, told);
    }
    HG_RETURN_IF_ERROR(TellChunk(form, tx, last));
  }
  return Ok();
}

// The rows of the form before are of another shape: they go, then the new content comes. Events are never taken back.
headgate::Status Runtime::TellGone(Form& form, std::stop_token stop) {
  const FormProgress& progress = form.progress();
  if (progress.replaces.rows == RowForm::kBlocks || !progress.cursor.empty()) return Ok();
  const auto old = std::ranges::find(forms_, progress.replaces.form, &Form::id);
  if (old == forms_.end()) return Ok();  // after a restart its columns are not known any more
  const sql::Relation& relation = *(*old)->definition().relation;
  std::string cursor;
  for (bool last = false; !last;) {
    if (stop.stop_requested()) return Stopped();
    ViewChange gone;
    sql::Arena& bytes = gone.Own();
    const StoreView view(*parts_.store);
    HG_RETURN_IF_ERROR(ViewRows::Scan(view, progress.replaces.form, progress.replaces.rows, cursor,
                                      [&](const ViewRows::Stored& stored) {
                                        RowChange& row = gone.changes.emplace_back();
                                        row.before = bytes.Keep(stored.row);
                                        row.times = stored.copies;
                                        cursor = stored.cursor;
                                        return gone.changes.size() < kChunkRows;
                                      }));
    last = gone.changes.size() < kChunkRows;
    if (gone.empty()) continue;
    Transaction tx = NewTransaction(parts_.clock->NowUs(), applied_, ViewWrite::kContent);
    const StreamNo stream = writer_->OpenStream("", form.name());
    AddChange(tx, stream, writer_->DefineSchema(stream, SchemaOf(relation), 0, tx.info.commit_us), relation, gone);
    StoreBatch nothing;
    HG_RETURN_IF_ERROR(Commit(nothing, tx));
  }
  return Ok();
}

}  // namespace headgate::views
