#include "sinks/table/salvage.h"

#include <utility>

#include "sinks/table/letter.h"

namespace headgate::table {
namespace {

constexpr std::size_t kRejectedInRowMax = 100;

}  // namespace

Result<bool> Salvage::Try(const Batch& batch) {
  HG_RETURN_IF_ERROR(target_.Mark());
  Status status = target_.Write(batch);
  if (status.ok()) {
    in_row_ = 0;
    return true;
  }
  if (status.error().kind != ErrorKind::kRejected) return std::move(status).error();
  what_ = status.error().what;
  HG_RETURN_IF_ERROR(target_.BackToMark());
  return false;
}

Status Salvage::Narrow(const Batch& batch, std::span<const Batch::Unit> units, std::vector<Rejected>& rejected) {
  HG_ASSIGN_OR_RETURN(const bool written, Try(*batch.Part(units)));
  if (written) return Ok();
  if (units.size() > 1) {
    const std::size_t half = units.size() / 2;
    HG_RETURN_IF_ERROR(Narrow(batch, units.first(half), rejected));
    return Narrow(batch, units.subspan(half), rejected);
  }
  const Batch::Unit& unit = units.front();
  if (unit.kind == Batch::Unit::Kind::kTruncate)
    return ConfigError(what_ + ". Set on_truncate=ignore, or let the table be emptied");
  if (++in_row_ >= kRejectedInRowMax) {
    return ConfigError("Table " + unit.table->plan->name.Text() + " took none of the last " +
                       std::to_string(kRejectedInRowMax) + " rows, so none was left out. The last: " + what_ +
                       ". Change the table so that they fit, and restart");
  }
  rejected.push_back({unit, what_});
  return Ok();
}

Status Salvage::Write(const Batch& batch, std::vector<RefusedChange>& refused) {
  HG_ASSIGN_OR_RETURN(const bool written, Try(batch));
  if (written) return Ok();
  const std::vector<Batch::Unit> units = batch.Units();
  std::vector<Rejected> rejected;
  HG_RETURN_IF_ERROR(Narrow(batch, units, rejected));
  // What was in the way of one row may have gone with a later one.
  for (std::size_t before = units.size() + 1; !rejected.empty() && rejected.size() < before;) {
    before = rejected.size();
    for (const Rejected& one : std::exchange(rejected, {})) {
      HG_ASSIGN_OR_RETURN(const bool fits, Try(*batch.Part({&one.unit, 1})));
      if (!fits) rejected.push_back({one.unit, what_});
    }
  }
  for (const Rejected& one : rejected) refused.push_back({one.unit.at(), one.what, BodyOf(one.unit), one.unit.row()});
  return Ok();
}

}  // namespace headgate::table
