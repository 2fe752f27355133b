// GET /views/{v}/rows: by key or index, or by looking at all.
#include "core/views/access.h"
#include "core/views/query.h"
#include "core/views/row_filter.h"
#include "core/views/rows.h"
#include "core/views/runtime.h"

namespace headgate::views {

SqlResult<RowsAnswer> ReadRows(const StoreView& snapshot, const Definition& definition, const RowsRequest& request,
                               std::stop_token stop) {
  const sql::Relation& view = *definition.relation;
  HG_ASSIGN_OR_RETURN(const RowFilter filter, RowFilter::Make(view, request));
  const std::vector<sql::Type> types = TypesOf(view);
  RowsAnswer answer;
  for (const sql::RelationColumn& column : view.columns) answer.table.columns.push_back({column.name, column.type});
  const auto complete = CompleteProgress(snapshot, definition.record.form);
  if (!complete.ok()) return Failed("58000", complete.error().what);
  if (!*complete) return Incomplete(view.name);
  const auto applied = AppliedOf(snapshot);
  if (!applied.ok()) return Failed("58000", applied.error().what);
  answer.table.seq = *applied;
  const Conditions conditions{filter.equal(), filter.from(), filter.to()};
  const auto access = request.cursor.empty() ? AccessOf(definition, **complete, conditions)
                                             : AccessBehind(definition, **complete, conditions, request.cursor);
  if (!access) return Failed("22023", "the index that the cursor is of is gone", "Begin anew, without a cursor.");
  answer.table.scanned = access->by == Access::By::kAll;
  std::string last;
  const auto visit = [&](const ViewRows::Stored& stored) {
    if (stop.stop_requested()) return false;
    const std::vector<sql::Datum> row = DecodeRow(types, stored.row);
    if (!filter.Passes(row)) return true;
    answer.count += static_cast<std::uint64_t>(stored.copies);
    if (request.count) return true;
    if (answer.table.rows.size() >= request.limit) {
      answer.table.more = true;
      answer.next_cursor = last;
      return false;
    }
    for (std::int64_t n = 0; n < stored.copies; ++n) answer.table.rows.push_back(row);
    last = CursorOf(*access, stored);
    return true;
  };
  const Status scanned = ScanBy(*access, snapshot, definition, visit);
  if (!scanned.ok()) return Failed("58000", scanned.error().what);
  return answer;
}

}  // namespace headgate::views
