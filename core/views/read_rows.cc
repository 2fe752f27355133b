// GET /views/{v}/rows: by key, by range of the key, or all.
#include <algorithm>

#include "core/sql/key.h"
#include "core/views/form.h"
#include "core/views/query.h"
#include "core/views/row_filter.h"
#include "core/views/rows.h"
#include "core/views/runtime.h"

namespace headgate::views {
namespace {

SqlError Failed(std::string code, std::string message) { return {std::move(code), std::move(message), 0, ""}; }

// The beginning of the keys that the conditions fix: those of the first key columns.
std::string Prefix(const sql::Relation& view, const std::vector<Condition>& conditions, std::size_t& used) {
  std::string prefix;
  used = 0;
  for (const std::size_t column : view.key) {
    const auto found = std::ranges::find(conditions, column, &Condition::column);
    if (found == conditions.end()) break;
    AppendKey(prefix, view.columns[column].type, found->value);
    ++used;
  }
  return prefix;
}

// The smallest text behind all that begin with `prefix`; "" if there is none.
std::string Behind(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace

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
    std::vector<Condition> low = filter.equal();
    low.insert(low.end(), filter.from().begin(), filter.from().end());
    std::vector<Condition> high = filter.equal();
    high.insert(high.end(), filter.to().begin(), filter.to().end());
    std::size_t low_used = 0;
    std::size_t high_used = 0;
    std::string begin = Prefix(view, low, low_used);
    const std::string end = Behind(Prefix(view, high, high_used));
    if (!request.cursor.empty()) begin = std::max(begin, request.cursor + '\0');
    answer.table.scanned = low_used == 0 && high_used == 0;
    scanned = ViewRows::ScanKeys(snapshot, definition.record.form, form, begin, end, visit);
  } else {
    answer.table.scanned = true;
    scanned = ViewRows::Scan(snapshot, definition.record.form, form, request.cursor, visit);
  }
  if (!scanned.ok()) return Failed("58000", scanned.error().what);
  return answer;
}

}  // namespace headgate::views
