// How a form comes in the place of the one before it (stream-SQL reference, 5.3). Until then that one runs, and what
// reads the view reads it. The swap is one write: the new form is in step, the rows of the other go, and what reads the
// view gets the difference of the two as it gets the changes of a step.
#include <algorithm>

#include "core/base/failpoint.h"
#include "core/sql/row_codec.h"
#include "core/views/runtime.h"
#include "core/views/stream.h"

namespace headgate::views {
namespace {

constexpr std::size_t kDifferenceRows = 20'000;

bool ReadsForm(const Input& input, const Form& form) {
  return input.kind == Input::Kind::kView && input.form == form.id();
}

}  // namespace

// Inputs before those that read them.
void Runtime::Order() {
  std::vector<std::unique_ptr<Form>> ordered;
  const auto waits = [&](const std::unique_ptr<Form>& form) {
    return std::ranges::any_of(form->definition().inputs, [&](const Input& input) {
      return input.kind == Input::Kind::kView &&
             std::ranges::find(forms_, input.relation->name, &Form::name) != forms_.end();
    });
  };
  while (!forms_.empty()) {
    auto next = std::ranges::find_if_not(forms_, waits);
    if (next == forms_.end()) next = forms_.begin();  // forms on their way out may read in circles with those to come
    ordered.push_back(std::move(*next));
    forms_.erase(next);
  }
  forms_ = std::move(ordered);
}

// What runs as the view: until a replacement is in step, the form before it. nullptr: after a restart only the rows of
// that one are there.
const Form* Runtime::RunningOf(const Input& input) const {
  auto found = std::ranges::find(forms_, input.form, &Form::id);
  if (found != forms_.end() && !(*found)->running() && (*found)->progress().replaces.form != 0)
    found = std::ranges::find(forms_, (*found)->progress().replaces.form, &Form::id);
  return found == forms_.end() ? nullptr : found->get();
}

// The rows that a form loads which may read the view: those of the form that runs.
std::optional<Runtime::StoredRows> Runtime::RowsOf(const Input& input) const {
  const auto found = std::ranges::find(forms_, input.form, &Form::id);
  if (found == forms_.end()) return std::nullopt;
  const Form& form = **found;
  StoredRows rows{form.id(), form.row_form(), TypesOf(*form.definition().relation)};
  const Replaced& replaces = form.progress().replaces;
  if (form.running() || replaces.form == 0) return rows;
  rows.form = replaces.form;
  rows.rows = replaces.rows;
  rows.types.resize(std::min<std::size_t>(rows.types.size(), replaces.columns));
  return rows;
}

// What differs in the rows behind `cursor`, both forms' side by side in the order of their keys. Where the new form has
// more columns, a row of the old one has NULLs in them: nothing is told of one that is else the same.
Result<ViewChange> Runtime::Difference(const Form& form, std::string& cursor, bool& last) const {
  const Replaced& replaces = form.progress().replaces;
  const std::size_t columns = form.definition().relation->columns.size();
  const std::size_t more = replaces.same_shape ? 0 : columns - replaces.columns;
  const StoreView view(*parts_.store);
  ViewChange told;
  sql::Arena& bytes = told.Own();
  std::map<std::string, RowChange> changes;
  std::size_t taken = 0;
  std::string end;
  std::string widened;
  HG_RETURN_IF_ERROR(ViewRows::Scan(view, form.id(), form.row_form(), cursor, [&](const ViewRows::Stored& stored) {
    RowChange& row = changes[stored.cursor];
    row.after = bytes.Keep(stored.row);
    row.times = stored.copies;
    end = stored.cursor;
    return ++taken < kDifferenceRows;
  }));
  last = taken < kDifferenceRows;
  HG_RETURN_IF_ERROR(ViewRows::Scan(view, replaces.form, replaces.rows, cursor, [&](const ViewRows::Stored& stored) {
    if (!last && stored.cursor > end) return false;
    RowChange& row = changes[stored.cursor];
    widened.clear();
    if (more > 0) sql::AppendWidened(widened, stored.row, replaces.columns, more);
    const std::string_view before = more > 0 ? std::string_view(widened) : stored.row;
    if (row.after != before) {
      row.before = bytes.Keep(before);
      if (!row.after) row.times = stored.copies;
      return true;
    }
    // The same row, perhaps another number of times.
    row.times -= stored.copies;
    if (row.times < 0) row.before = std::exchange(row.after, std::nullopt);
    row.times = std::abs(row.times);
    if (row.times == 0) changes.erase(stored.cursor);
    return true;
  }));
  for (auto& [key, change] : changes) told.changes.push_back(std::move(change));
  cursor = end;
  return told;
}

// All of it, in the columns of the form before. Of a view that never takes a row back nothing: what it had stays with
// those that read it, and they get what comes behind the swap.
Result<std::vector<operators::Delta>> Runtime::DifferenceForReaders(const Form& form) const {
  const Replaced& replaces = form.progress().replaces;
  std::vector<operators::Delta> all;
  if (form.row_form() == RowForm::kBlocks) return all;
  const sql::Relation narrow = *Narrowed(form.definition_ptr(), replaces.columns)->relation;
  ViewChange change;
  if (replaces.comparable()) {
    std::string cursor;
    std::vector<operators::Delta> wide;
    for (bool last = false; !last;) {
      HG_ASSIGN_OR_RETURN(ViewChange chunk, Difference(form, cursor, last));
      if (replaces.same_shape) {
        std::ranges::move(chunk.changes, std::back_inserter(change.changes));
        std::ranges::move(chunk.owners, std::back_inserter(change.owners));
        continue;
      }
      for (operators::Delta& delta : AsDeltas(*form.definition().relation, std::move(chunk)))
        wide.push_back(FirstColumns(std::move(delta), narrow.columns.size()));
    }
    if (!wide.empty()) change = views::Settle(narrow, std::move(wide), OutputOrder::kAny, false);
  } else {
    const StoreView view(*parts_.store);
    std::vector<operators::Delta> both;
    const auto add = [&](std::uint32_t id, RowForm rows, const sql::Relation& relation, std::int64_t weight) {
      operators::DeltaBuilder builder(TypesOf(relation));
      const auto take = [&] { both.push_back(FirstColumns(builder.Take(), narrow.columns.size())); };
      const auto scanned = ViewRows::Scan(view, id, rows, "", [&](const ViewRows::Stored& stored) {
        builder.Add(stored.row, weight * stored.copies, {});
        if (builder.full()) take();
        return true;
      });
      if (builder.rows() > 0) take();
      return scanned;
    };
    HG_RETURN_IF_ERROR(add(replaces.form, replaces.rows, narrow, -1));
    HG_RETURN_IF_ERROR(add(form.id(), form.row_form(), *form.definition().relation, 1));
    change = views::Settle(narrow, std::move(both), OutputOrder::kAny, false);
  }
  for (RowChange& row : change.changes) row.at = {applied_, 0};
  return AsDeltas(narrow, std::move(change));
}

// The last write of a form that comes in the place of another.
headgate::Status Runtime::Swap(Form& form, const Transaction& tx) {
  Replay swap;
  swap.swap = true;
  swap.through = applied_;
  swap.told = tx;
  std::optional<std::vector<operators::Delta>> difference;
  for (const auto& reader : forms_) {
    const std::vector<Input>& inputs = reader->definition().inputs;
    for (std::uint32_t i = 0; reader->running() && i < inputs.size(); ++i) {
      if (!ReadsForm(inputs[i], form)) continue;
      if (!difference) {
        HG_ASSIGN_OR_RETURN(difference, DifferenceForReaders(form));
      }
      if (!difference->empty()) swap.changes[reader->id()][i] = *difference;
    }
  }
  FormProgress& progress = form.progress();
  Form::Drop(progress.replaces.form, swap.taken);
  progress.cursor.clear();
  progress.replaces = {};
  progress.stage = FormProgress::Stage::kRunning;
  if (progress.telling == FormProgress::Telling::kContent) progress.telling = FormProgress::Telling::kChanges;
  form.Save(swap.taken);
  HG_FAILPOINT("views.tell_chunk");
  if (!form.told()) {  // one can see the stream before anybody reads it
    const StreamNo stream = writer_->OpenStream("", form.name());
    writer_->DefineSchema(stream, SchemaOf(*form.definition().relation), 0, parts_.clock->NowUs());
    const auto defined = writer_->Append({}, std::nullopt, {});
    if (!defined.ok()) return defined.error();
  }
  HG_FAILPOINT("views.swap");
  replay_ = std::move(swap);
  return StepForms(parts_.clock->NowUs(), applied_, ViewWrite::kContent);
}

}  // namespace headgate::views
