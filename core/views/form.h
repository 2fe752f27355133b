#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/operators/graph.h"
#include "core/operators/state_space.h"
#include "core/views/definition.h"
#include "core/views/rows.h"
#include "core/views/spilled_output.h"

namespace headgate::views {

// How far a form of a view is, durably.
struct FormProgress {
  enum class Stage : std::uint8_t {
    kGated = 0,    // waits until the tables that it reads are loaded
    kLoading = 1,  // takes in what its inputs have: `input` and `cursor` say how far
    kTelling = 2,  // its content goes into its stream, from `cursor` on
    kRunning = 3,  // in step
    kFailed = 4,
  };
  Stage stage = Stage::kGated;
  Seq held_from = 0;  // events from this transaction on are its own
  std::uint32_t input = 0;
  std::string cursor;
  std::uint64_t plan = 0;  // a digest: another plan has another state
  std::uint64_t rows = 0;
  std::uint64_t forgotten = 0;  // rows that retention took, ever since
  std::uint64_t expired = 0;    // rows that left because log time had passed them, ever since
  std::uint64_t waiting = 0;    // rows that wait for the end of their grace
  std::int64_t errors = 0;      // rows whose expressions fail at the moment
  std::uint64_t errors_ever = 0;
  std::string failure;
  bool ran = false;  // it failed after it had been in step: its rows are what they were then
  // It failed before this transaction, because of a row that it brought: events from there on are for the form that
  // comes in its place. 0: it did not.
  Seq stopped_at = 0;
  // The form in whose place it comes: its rows stay until what differs from them has been told.
  Replaced replaces;
  // Whether its stream in the log is written: from the first reader on, and then for good.
  enum class Telling : std::uint8_t {
    kChanges = 0,
    kNone = 1,     // nobody has asked
    kContent = 2,  // somebody has: the rows that are there go into it, from `cursor` on
  };
  Telling telling = Telling::kChanges;
  Seq told_from = 0;  // what the view was before this seq is not in the stream
  // It stands still (backlog.h) since the transaction before this one: what came from here on it has not been given.
  // 0: it is in step.
  Seq behind_from = 0;
  std::uint64_t behind_pieces = 0;  // of its backlog, ever since
  std::int64_t behind_us = 0;       // log time of the transaction before, us since 2000
  // Events from this transaction on wait: a source of its tables was silent for too long. 0: they do not.
  Seq hold_from = 0;
  // Of each index, by number, how far it is built.
  struct Indexed {
    bool whole = false;
    std::string cursor;  // the place of the last row that it has; rows that come later it has anyway
  };
  std::map<std::uint32_t, Indexed> indexes;
  std::string held_by;          // the source; "" once it was heard of again, and the rest is being given to the view
  std::uint64_t held_rows = 0;  // that wait
};
std::string EncodeProgress(const FormProgress& progress);
Result<FormProgress> DecodeProgress(std::string_view bytes);
std::string ProgressKey(std::uint32_t form);  // in Family::kMeta
// True if the form had its whole content then, as of the applied seq; one that is being loaded, stands still, has
// failed or is gone has not.
Result<bool> IsComplete(const StoreView& view, std::uint32_t form);
// How far it is, nothing if it has not its whole content.
Result<std::optional<FormProgress>> CompleteProgress(const StoreView& view, std::uint32_t form);

// One form of a view, running: its operators, its state, its rows. Everything is of the views' thread.
class Form {
 public:
  // Of a step's output about `step_bytes` are in memory, the rest is in files until Finish.
  Form(Store& store, DefinitionPtr definition, std::size_t step_bytes);

  Status Open(const FormProgress& progress);
  const Definition& definition() const { return *definition_; }
  const DefinitionPtr& definition_ptr() const { return definition_; }
  void SetDefinition(DefinitionPtr definition) { definition_ = std::move(definition); }  // of the same form
  // The indexes are those of the definition from now on: entries of others go, those that are not whole are to be
  // built. False if they were before.
  bool SetIndexes(StoreBatch& batch);
  bool HasUnbuiltIndex() const;
  // A part of what is missing of one goes into a write of its own.
  Status BuildIndex(StoreBatch& batch);
  std::uint32_t id() const { return definition_->record.form; }
  const std::string& name() const { return definition_->record.name; }
  FormProgress& progress() { return progress_; }
  const FormProgress& progress() const { return progress_; }
  bool running() const { return progress_.stage == FormProgress::Stage::kRunning; }
  bool told() const { return progress_.telling != FormProgress::Telling::kNone; }
  RowForm row_form() const { return row_form_; }

  // Whether what it gives changes as log time goes on, and when a step has something to do without any input: us since
  // 2000, nothing if never.
  bool keeps_time() const { return keeps_time_; }
  std::optional<std::int64_t> Due() const { return keeps_time_ ? graph_->Due() : std::nullopt; }
  // Before each Push and Finish of a step: its log time, and whether rows are not to be looked up.
  void SetTimes(std::shared_ptr<const operators::LogTimes> times, bool gated) {
    step_.times = std::move(times);
    step_.gated = gated;
  }

  // How much of its state, and of its rows, a step may bring into memory if it only looks at it.
  void SetMemory(std::size_t bytes);
  // A step: Push the changes of its inputs, then Finish: what changed of the view, in log order if its stream is
  // written. `take` gets it whole, or, if it does not fit into memory (in_pieces), one piece after the other. Save puts
  // state, rows and progress into the step's write.
  void Push(const sql::Relation& relation, const operators::Delta& delta);
  using Take = std::function<Status(ViewChange change)>;
  Status Finish(const Take& take);
  bool in_pieces() const { return spilled_ != nullptr; }
  bool pushed() const { return pushed_; }
  // What the operators gave in the last step that was in memory, about, before anything cancelled.
  std::size_t given_bytes() const { return std::min(given_bytes_, step_bytes_); }
  // The rows whose expressions failed in the last Finish.
  const std::vector<operators::FailedRow>& failed() const { return failed_; }
  // One of those that failed since the form was opened, nothing if none did.
  const std::optional<operators::FailedRow>& a_failed_row() const { return a_failed_row_; }
  void Apply(const ViewChange& change, std::int64_t now_us, StoreBatch& batch);
  // While it loads: takes rows of the form before over, from the progress's cursor on. True: that was the last of them.
  Result<bool> CarryRows(const Replaced& old, StoreBatch& batch);
  // What retention takes goes, also while nothing comes; whether that was anything.
  bool Expire(std::int64_t now_us, StoreBatch& batch);
  // Keeps the step's change for the views that read this one.
  void PassOn(ViewChange change) { output_ = AsDeltas(*definition_->relation, std::move(change)); }
  const std::vector<operators::Delta>& output() const { return output_; }
  void Save(StoreBatch& batch);
  // The step was written, or it failed and everything is as before it.
  void Committed();
  void Forget();
  Status failure() const;

  void Trim(std::size_t bytes_max);
  std::size_t bytes() const { return state_.bytes() + rows_.bytes(); }

  // What its state and rows take in the store, about.
  static Result<std::uint64_t> StoredBytes(const Store& store, std::uint32_t form);
  // Everything of the form leaves the store.
  static void Drop(std::uint32_t form, StoreBatch& batch);

 private:
  void MakeGraph();
  void TakeGiven(const operators::Delta& delta);
  void NoteStep();

  Store& store_;
  DefinitionPtr definition_;
  std::size_t step_bytes_;
  RowForm row_form_;
  OutputOrder output_order_ = OutputOrder::kAny;
  bool keeps_time_ = false;
  operators::StateSpace state_;
  ViewRows rows_;
  std::unique_ptr<operators::Graph> graph_;
  operators::StepContext step_;
  std::vector<operators::Delta> given_;  // by the operators, in this step
  std::size_t given_bytes_ = 0;
  std::unique_ptr<SpilledOutput> spilled_;  // what they gave, if it is too much
  Status spilling_ = Ok();
  bool pushed_ = false;
  std::vector<operators::Delta> output_;  // what it amounts to, for readers
  std::vector<operators::FailedRow> failed_;
  std::optional<operators::FailedRow> a_failed_row_;
  FormProgress progress_;
  FormProgress saved_;
};

}  // namespace headgate::views
