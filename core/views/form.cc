#include "core/views/form.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "core/base/bytes.h"
#include "core/operators/aggregate.h"
#include "core/state/state.pb.h"

namespace headgate::views {
namespace {

// Raised when operators store their state in another form.
constexpr std::string_view kStateFormat = "3";
// What a row of a delta takes in memory, about.
constexpr std::size_t kRowBytes = 40;
constexpr std::size_t kValueBytes = 16;

// Texts are taken to be about as long as the first one.
std::size_t BytesOf(const operators::Delta& delta) {
  if (delta.rows() == 0) return 0;
  std::size_t row = kRowBytes + kValueBytes * delta.batch.columns.size();
  for (const sql::Column& column : delta.batch.columns) {
    if (!column->strings.empty()) row += column->strings[0].size();
  }
  return delta.rows() * row;
}

std::string FormPrefix(std::uint32_t form) {
  std::string key;
  PutBigEndian(key, form);
  return key;
}

std::uint64_t DigestOf(const sql::Plan& plan) {
  const std::string text = std::string(kStateFormat) + "\n" + Describe(plan);
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace

std::string EncodeProgress(const FormProgress& progress) {
  stored::StoredForm out;
  out.set_stage(static_cast<std::uint32_t>(progress.stage));
  out.set_held_from(progress.held_from);
  out.set_input(progress.input);
  out.set_cursor(progress.cursor);
  out.set_plan(progress.plan);
  out.set_rows(progress.rows);
  out.set_forgotten(progress.forgotten);
  out.set_expired(progress.expired);
  out.set_waiting(progress.waiting);
  out.set_behind_us(progress.behind_us);
  out.set_errors(progress.errors);
  out.set_errors_ever(progress.errors_ever);
  out.set_failure(progress.failure);
  out.set_ran(progress.ran);
  out.set_stopped_at(progress.stopped_at);
  out.set_replaces(progress.replaces.form);
  out.set_replaces_rows(static_cast<std::uint32_t>(progress.replaces.rows));
  out.set_same_shape(progress.replaces.same_shape);
  out.set_follows(progress.replaces.follows);
  out.set_carries(progress.replaces.carries);
  out.set_replaces_columns(progress.replaces.columns);
  out.set_telling(static_cast<std::uint32_t>(progress.telling));
  out.set_told_from(progress.told_from);
  out.set_behind_from(progress.behind_from);
  out.set_behind_pieces(progress.behind_pieces);
  out.set_hold_from(progress.hold_from);
  out.set_held_by(progress.held_by);
  out.set_held_rows(progress.held_rows);
  for (const auto& [number, indexed] : progress.indexes) {
    stored::StoredIndexed& one = *out.add_indexes();
    one.set_number(number);
    one.set_whole(indexed.whole);
    one.set_cursor(indexed.cursor);
  }
  return out.SerializeAsString();
}

Result<FormProgress> DecodeProgress(std::string_view bytes) {
  stored::StoredForm in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      in.stage() > static_cast<std::uint32_t>(FormProgress::Stage::kFailed) ||
      in.telling() > static_cast<std::uint32_t>(FormProgress::Telling::kContent))
    return Corrupt("the data directory holds a view's progress that makes no sense");
  FormProgress progress;
  progress.stage = static_cast<FormProgress::Stage>(in.stage());
  progress.held_from = in.held_from();
  progress.input = in.input();
  progress.cursor = in.cursor();
  progress.plan = in.plan();
  progress.rows = in.rows();
  progress.forgotten = in.forgotten();
  progress.errors = in.errors();
  progress.errors_ever = in.errors_ever();
  progress.failure = in.failure();
  progress.ran = in.ran();
  progress.stopped_at = in.stopped_at();
  progress.replaces = {in.replaces(),   static_cast<RowForm>(in.replaces_rows()),
                       in.same_shape(), in.replaces_columns(),
                       in.follows(),    in.carries()};
  progress.telling = static_cast<FormProgress::Telling>(in.telling());
  progress.told_from = in.told_from();
  progress.behind_from = in.behind_from();
  progress.behind_us = in.behind_us();
  progress.expired = in.expired();
  progress.waiting = in.waiting();
  progress.behind_pieces = in.behind_pieces();
  progress.hold_from = in.hold_from();
  progress.held_by = in.held_by();
  progress.held_rows = in.held_rows();
  for (const stored::StoredIndexed& one : in.indexes()) progress.indexes[one.number()] = {one.whole(), one.cursor()};
  return progress;
}

std::string ProgressKey(std::uint32_t form) {
  std::string key = "form/";
  PutBigEndian(key, form);
  return key;
}

Result<std::optional<FormProgress>> CompleteProgress(const StoreView& view, std::uint32_t form) {
  HG_ASSIGN_OR_RETURN(const auto stored, view.Get(Family::kMeta, ProgressKey(form)));
  if (!stored) return std::optional<FormProgress>();
  HG_ASSIGN_OR_RETURN(FormProgress progress, DecodeProgress(*stored));
  const bool complete = progress.stage == FormProgress::Stage::kRunning && progress.behind_from == 0;
  return complete ? std::optional(std::move(progress)) : std::nullopt;
}

Result<bool> IsComplete(const StoreView& view, std::uint32_t form) {
  HG_ASSIGN_OR_RETURN(const auto progress, CompleteProgress(view, form));
  return progress.has_value();
}

Form::Form(Store& store, DefinitionPtr definition, std::size_t step_bytes)
    : store_(store),
      definition_(std::move(definition)),
      step_bytes_(step_bytes),
      row_form_(RowFormOf(*definition_->relation)),
      state_(store, Family::kState),
      rows_(store, definition_->record.form, *definition_->relation) {}

Status Form::Open(const FormProgress& progress) {
  progress_ = progress;
  if (!definition_->failure.empty()) {
    progress_.stage = FormProgress::Stage::kFailed;
    progress_.failure = definition_->failure;
    return Ok();
  }
  const std::uint64_t digest = DigestOf(*definition_->plan);
  if (progress_.plan != 0 && progress_.plan != digest) {
    // Another program made another plan of the query: its state says nothing to this one.
    StoreBatch batch;
    Drop(id(), batch);
    FormProgress anew;
    anew.held_from = progress_.held_from;
    anew.replaces = progress_.replaces;
    if (progress_.telling == FormProgress::Telling::kNone) anew.telling = progress_.telling;
    anew.told_from = progress_.told_from;
    progress_ = std::move(anew);
    HG_RETURN_IF_ERROR(store_.Write(batch, true));
  }
  progress_.plan = digest;
  HG_RETURN_IF_ERROR(rows_.Open());
  StoreBatch batch;
  SetIndexes(batch);
  if (!batch.empty()) HG_RETURN_IF_ERROR(store_.Write(batch, false));
  saved_ = progress_;
  MakeGraph();
  return Ok();
}

bool Form::SetIndexes(StoreBatch& batch) {
  std::map<std::uint32_t, FormProgress::Indexed> indexes;
  std::vector<RowIndexes::Kept> kept;
  for (const ViewIndex& index : definition_->record.indexes) {
    const auto columns = PlacesOf(index, *definition_->relation);
    if (!columns) continue;  // of a view that cannot be bound any more
    kept.push_back({index.number, *columns});
    const auto known = progress_.indexes.find(index.number);
    const bool begins = progress_.stage == FormProgress::Stage::kGated;
    indexes[index.number] = known == progress_.indexes.end() ? FormProgress::Indexed{begins, ""} : known->second;
  }
  bool changed = indexes.size() != progress_.indexes.size();
  for (const auto& [number, indexed] : progress_.indexes) {
    if (indexes.contains(number)) continue;
    RowIndexes::Drop(id(), number, batch);
    changed = true;
  }
  progress_.indexes = std::move(indexes);
  rows_.SetIndexes(std::move(kept));
  return changed;
}

bool Form::HasUnbuiltIndex() const {
  return std::ranges::any_of(progress_.indexes, [](const auto& index) { return !index.second.whole; });
}

Status Form::BuildIndex(StoreBatch& batch) {
  for (auto& [number, indexed] : progress_.indexes) {
    if (indexed.whole) continue;
    HG_ASSIGN_OR_RETURN(indexed.whole, rows_.BuildIndex(number, indexed.cursor, batch));
    if (indexed.whole) indexed.cursor.clear();
    break;
  }
  return Ok();
}

void Form::MakeGraph() {
  // Of a group at most two rows come a step, one behind the other.
  const operators::LastGrouping last = operators::LastGroupingOf(*definition_->plan);
  const std::vector<std::size_t>& key = definition_->relation->key;
  output_order_ = last.IsKey(key) ? OutputOrder::kTogether : OutputOrder::kAny;
  const bool over_state = last.IsResult(key);
  rows_.SetOwner(over_state ? ViewRows::Owner::kState : ViewRows::Owner::kChanges);
  keeps_time_ = KeepsTime(*definition_->plan);
  graph_ = std::make_unique<operators::Graph>(
      *definition_->plan, [this](const operators::Delta& delta) { TakeGiven(delta); },
      operators::StatePlace{&state_, FormPrefix(id())}, over_state ? rows_.place() : operators::StatePlace{});
}

void Form::TakeGiven(const operators::Delta& delta) {
  given_bytes_ += BytesOf(delta);
  if (spilled_ != nullptr) {
    if (spilling_.ok()) spilling_ = spilled_->Add(delta);
    return;
  }
  given_.push_back(delta);
  if (given_bytes_ <= step_bytes_) return;
  spilled_ = std::make_unique<SpilledOutput>(store_, *definition_->relation, step_bytes_ / 2);
  for (operators::Delta& earlier : given_) {
    if (spilling_.ok()) spilling_ = spilled_->Add(std::exchange(earlier, {}));
  }
  given_.clear();
}

void Form::SetMemory(std::size_t bytes) {
  state_.SetMax(bytes);
  rows_.SetMax(bytes);
}

void Form::Push(const sql::Relation& relation, const operators::Delta& delta) {
  if (!std::exchange(pushed_, true)) given_bytes_ = 0;
  graph_->Push(relation, delta, step_);
}

Status Form::Finish(const Take& take) {
  if (!std::exchange(pushed_, false)) given_bytes_ = 0;
  graph_->Finish(step_);
  HG_RETURN_IF_ERROR(failure());
  HG_RETURN_IF_ERROR(spilling_);
  NoteStep();
  if (spilled_ == nullptr)
    return take(Settle(*definition_->relation, std::exchange(given_, {}), output_order_, told()));
  HG_RETURN_IF_ERROR(spilled_->Drain(told(), take));
  spilled_.reset();
  return Ok();
}

void Form::NoteStep() {
  for (const operators::FailedRow& failed : step_.failed) {
    progress_.errors += failed.weight;
    if (failed.weight <= 0) continue;
    progress_.errors_ever += static_cast<std::uint64_t>(failed.weight);
    if (!a_failed_row_) a_failed_row_ = failed;
  }
  failed_ = std::exchange(step_.failed, {});
  progress_.expired += static_cast<std::uint64_t>(std::exchange(step_.expired, 0));
  progress_.waiting += static_cast<std::uint64_t>(std::exchange(step_.waiting, 0));
  step_.eval.Reset();
}

void Form::Apply(const ViewChange& change, std::int64_t now_us, StoreBatch& batch) {
  rows_.Apply(change, now_us, batch);
  if (in_pieces()) rows_.SavePiece(batch);
  Expire(now_us, batch);
  for (const operators::Delta& delta : change.added) {
    for (const std::int64_t times : delta.weights) progress_.rows += static_cast<std::uint64_t>(times);
  }
  for (const RowChange& row : change.changes) {
    if (row.after && !row.before) progress_.rows += static_cast<std::uint64_t>(row.times);
    if (row.before && !row.after) progress_.rows -= static_cast<std::uint64_t>(row.times);
  }
}

Result<bool> Form::CarryRows(const Replaced& old, StoreBatch& batch) {
  const StoreView view(store_);
  HG_ASSIGN_OR_RETURN(const ViewRows::Carried carried,
                      rows_.Carry(view, old.form, old.columns, progress_.cursor, batch));
  progress_.rows += carried.rows;
  progress_.cursor = carried.cursor;
  return carried.last;
}

bool Form::Expire(std::int64_t now_us, StoreBatch& batch) {
  if (definition_->retention_us == 0) return false;
  const auto gone = rows_.Expire(now_us - definition_->retention_us, batch);
  if (!gone.ok() || *gone == 0) return false;
  progress_.rows -= std::min(progress_.rows, *gone);
  progress_.forgotten += *gone;
  return true;
}

void Form::Save(StoreBatch& batch) {
  state_.Save(batch);
  rows_.Save(batch);
  batch.Put(Family::kMeta, ProgressKey(id()), EncodeProgress(progress_));
}

void Form::Committed() {
  saved_ = progress_;
  rows_.Committed();
  output_.clear();
  failed_.clear();
}

void Form::Forget() {
  progress_ = saved_;
  given_.clear();
  spilled_.reset();
  spilling_ = Ok();
  pushed_ = false;
  output_.clear();
  failed_.clear();
  step_ = {};
  state_.Forget();
  rows_.Forget();
  if (graph_ != nullptr) MakeGraph();  // operators may hold what a failed step left in them
}

Status Form::failure() const {
  if (state_.failure()) return *state_.failure();
  return rows_.failure();
}

void Form::Trim(std::size_t bytes_max) {
  state_.Trim(bytes_max);
  rows_.Trim(bytes_max);
}

Result<std::uint64_t> Form::StoredBytes(const Store& store, std::uint32_t form) {
  const std::string from = FormPrefix(form);
  const std::string to = FormPrefix(form + 1);
  HG_ASSIGN_OR_RETURN(const std::uint64_t state, store.range_bytes(Family::kState, from, to));
  HG_ASSIGN_OR_RETURN(const std::uint64_t rows, store.range_bytes(Family::kRows, from, to));
  return state + rows;
}

void Form::Drop(std::uint32_t form, StoreBatch& batch) {
  batch.DeleteRange(Family::kState, FormPrefix(form), FormPrefix(form + 1));
  ViewRows::Drop(form, batch);
  batch.Delete(Family::kMeta, ProgressKey(form));
}

}  // namespace headgate::views
