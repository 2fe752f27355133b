// GET /views/{v}/rows: by key, by range of the key, or all.
#include <algorithm>

#include "core/views/form.h"
#include "core/views/key_range.h"
#include "core/views/query.h"
#include "core/views/row_filter.h"
#include "core/views/rows.h"
#include "core/views/runtime.h"

namespace headgate::views {
SqlResult<RowsAnswer> ReadRows(const Store& store, const Definition& definition, const RowsRequest& request,
                               std::stop_token stop) {
  const sql::Relation& view = *definition.relation;
  HG_ASSIGN_OR_RETURN(const RowFilter filter, RowFilter::Make(view, request));
  const RowForm form = RowFormOf(view);
  const std::vector<sql::Type> types = TypesOf(view);
  RowsAnswer answer;
  for (const sql::RelationColumn& column : view.columns) answer.table.columns.push_back({column.name, column.type});
  const StoreView snapshot(store);
  const auto complete = IsComplete(snapshot, definition.record.form);
  if (!complete.ok()) return Failed("58000", complete.error().what);
  if (!*complete) return Incomplete(view.name);
  const auto applied = AppliedOf(snapshot);
  if (!applied.ok()) return Failed("58000", applied.error().what);
  answer.table.seq = *applied;
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
    last = stored.cursor;
    return true;
  };
  Status scanned = Ok();
  if (form == RowForm::kKeyed && !view.key.empty()) {
    KeyRange range = RangeOf(view, filter.equal(), filter.from(), filter.to());
    if (!request.cursor.empty()) range.begin = std::max(range.begin, request.cursor + '\0');
    answer.table.scanned = range.whole;
    scanned = ViewRows::ScanKeys(snapshot, definition.record.form, form, range.begin, range.end, visit);
  } else {
    answer.table.scanned = true;
    scanned = ViewRows::Scan(snapshot, definition.record.form, form, request.cursor, visit);
  }
  if (!scanned.ok()) return Failed("58000", scanned.error().what);
  return answer;
}

}  // namespace headgate::views
