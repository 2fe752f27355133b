// Views that stop at a row whose expression fails (on_error = 'stop'; stream-SQL reference, 4.9). The view keeps what
// it was before the transaction that brought the row, however the log was cut into steps: a step of several
// transactions is given up and done again without that one and those behind it, then that one comes alone. Only then
// the view fails, if it has failed rows at the end of the transaction, and the step is done once more without it.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/views/runtime.h"

namespace headgate::views {
namespace {

// Its changes lie in a backlog by transaction. Those of a view that it reads are of whole steps.
bool KeepsApart(const Definition& definition) {
  return definition.on_error == OnError::kStop &&
         std::ranges::none_of(definition.inputs, [](const Input& input) { return input.kind == Input::Kind::kView; });
}

// A message without what it quotes, which may be of the row.
std::string WithoutValues(std::string_view message) {
  std::string out;
  bool quoted = false;
  for (const char c : message) {
    if (c == '"') {
      quoted = !quoted;
      if (quoted) out += "\"...\"";
    } else if (!quoted) {
      out.push_back(c);
    }
  }
  return out;
}

Error StoppedBy(const Form& form, Seq seq, const std::optional<operators::FailedRow>& row) {
  std::string what = "on_error = 'stop': ";
  what += seq == 0 ? "a row of its first content has" : "seq " + std::to_string(seq) + " brings a row with";
  what += " an expression that fails";
  if (row) what += " (" + row->code + ", " + WithoutValues(row->message) + ")";
  what += seq == 0 ? "." : ". The view is what it was before it.";
  return Rejected(what + " Its dead letter has the row. Mend the data or the query, then put another in its place: " +
                  "CREATE OR REPLACE MATERIALIZED VIEW " + form.name());
}

}  // namespace

Result<views::Run> Runtime::ReadRun() {
  if (cut_before_ == 0) return reader_->Read(run_size_.max());
  const Seq next = applied_ + 1;
  return reader_->Read(run_size_.max(), std::max(next, cut_before_ == next ? cut_before_ : cut_before_ - 1));
}

// Not an error of the step: it is done again, at once.
headgate::Status Runtime::Again() {
  again_ = true;
  return Transient("a view stops at a row whose expression fails");
}

headgate::Status Runtime::TakeFailed(Form& form, Seq last) {
  HG_RETURN_IF_ERROR(StopBefore(form, last));
  NoteFailed(form);
  return Ok();
}

// Looks at what failed in the step that ends with `last`.
headgate::Status Runtime::StopBefore(Form& form, Seq last) {
  if (form.definition().on_error != OnError::kStop) return Ok();
  std::optional<operators::FailedRow> first;
  for (const operators::FailedRow& failed : form.failed()) {
    if (failed.weight > 0 && (!first || failed.at < first->at)) first = failed;
  }
  if (!first) return Ok();
  if (replay_ && !replay_->swap && !replay_->single) {
    singly_ = true;
    return Again();
  }
  if (!replay_ && last > applied_ + 1) {
    cut_before_ = std::clamp<Seq>(first->at.seq, applied_ + 1, last);
    return Again();
  }
  if (form.progress().errors <= 0) return Ok();  // it came and went within the transaction
  FailAt(form, replay_ ? first->at.seq : last, *first);
  singly_ = false;
  return Again();
}

void Runtime::FailAt(Form& form, Seq seq, const operators::FailedRow& row) {
  Seq from = applied_ + 1;  // what it has not been given begins there
  const bool release = replay_ && replay_->release;
  if (release) {
    for (const auto& [input, deltas] : replay_->changes[form.id()]) {
      for (const operators::Delta& delta : deltas) {
        for (const At& at : delta.at) from = std::min(from, at.seq);
      }
    }
  }
  letters_.Forget();
  letters_.Note({form.name(), row.at, row.code, row.message});
  StoreBatch batch;
  letters_.Save(batch, parts_.clock->NowUs());
  form.Forget();
  FormProgress& progress = form.progress();
  progress.stopped_at = progress.behind_from != 0 ? progress.behind_from : from;
  if (release) progress.hold_from = progress.held_rows = 0;
  Fail(form, StoppedBy(form, seq, row), std::move(batch));
  MakePorts();
  Publish();
}

// Rows that only come fail the load at once. Of others some may go again until it is done.
bool Runtime::StopsLoading(Form& form) {
  const bool whole = form.progress().stage == FormProgress::Stage::kTelling;
  if (form.definition().on_error != OnError::kStop || form.progress().errors <= 0) return false;
  if (!whole && form.row_form() != RowForm::kBlocks) return false;
  const std::optional<operators::FailedRow> row = form.a_failed_row();
  StoreBatch batch;
  letters_.Save(batch, parts_.clock->NowUs());
  form.Forget();
  form.progress().stopped_at = form.progress().held_from;
  Fail(form, StoppedBy(form, row ? row->at.seq : 0, row), std::move(batch));
  MakePorts();
  Publish();
  return true;
}

void Runtime::BacklogSteps(const Form& form, const operators::Delta& delta, Seq step, const AddPart& add) {
  if (!KeepsApart(form.definition())) return add(step, delta);
  std::vector<std::uint32_t> rows;
  for (std::uint32_t row = 0; row < delta.rows(); ++row) {
    rows.push_back(row);
    if (row + 1 < delta.rows() && delta.at[row + 1].seq == delta.at[row].seq) continue;
    add(delta.at[row].seq, operators::Gather(delta, rows));
    rows.clear();
  }
}

}  // namespace headgate::views
