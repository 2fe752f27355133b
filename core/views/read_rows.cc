// GET /views/{v}/rows: by key, by range of the key, or all.
#include <algorithm>

#include "core/sql/function.h"
#include "core/sql/key.h"
#include "core/sql/row_codec.h"
#include "core/views/query.h"
#include "core/views/rows.h"
#include "core/views/runtime.h"

namespace headgate::views {
namespace {

using sql::Datum;
using Conditions = std::vector<std::pair<std::string, std::string>>;

SqlError Failed(std::string code, std::string message, std::string hint = "") {
  return {std::move(code), std::move(message), 0, std::move(hint)};
}

struct Condition {
  std::size_t column = 0;
  Datum value;
};

// The values, by column of the view.
SqlResult<std::vector<Condition>> Read(const sql::Relation& view, const Conditions& given) {
  std::vector<Condition> conditions;
  for (const auto& [name, text] : given) {
    const auto found = std::ranges::find(view.columns, name, &sql::RelationColumn::name);
    if (found == view.columns.end()) return Failed("42703", "view " + view.name + " has no column " + name);
    sql::EvalContext context;
    Condition& condition = conditions.emplace_back();
    condition.column = static_cast<std::size_t>(found - view.columns.begin());
    condition.value = sql::FromText(found->type, text, context);
    if (context.failed()) return Failed(context.errors()[0].code, name + ": " + context.errors()[0].message);
  }
  return conditions;
}

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

class Filter {
 public:
  Filter(const sql::Relation& view, const std::vector<Condition>& equal, const std::vector<Condition>& from,
         const std::vector<Condition>& to)
      : view_(view), equal_(equal), from_(from), to_(to) {}

  bool Passes(const std::vector<Datum>& row) const {
    return std::ranges::all_of(equal_, [&](const auto& c) { return !row[c.column].null && Order(row, c) == 0; }) &&
           std::ranges::all_of(from_, [&](const auto& c) { return !row[c.column].null && Order(row, c) >= 0; }) &&
           std::ranges::all_of(to_, [&](const auto& c) { return !row[c.column].null && Order(row, c) <= 0; });
  }

 private:
  int Order(const std::vector<Datum>& row, const Condition& condition) const {
    std::string a;
    std::string b;
    AppendKey(a, view_.columns[condition.column].type, row[condition.column]);
    AppendKey(b, view_.columns[condition.column].type, condition.value);
    return a.compare(b);
  }

  const sql::Relation& view_;
  const std::vector<Condition>& equal_;
  const std::vector<Condition>& from_;
  const std::vector<Condition>& to_;
};

}  // namespace

SqlResult<RowsAnswer> ReadRows(const Store& store, const Definition& definition, const RowsRequest& request,
                               std::stop_token stop) {
  const sql::Relation& view = *definition.relation;
  HG_ASSIGN_OR_RETURN(const auto equal, Read(view, request.equal));
  HG_ASSIGN_OR_RETURN(const auto from, Read(view, request.from));
  HG_ASSIGN_OR_RETURN(const auto to, Read(view, request.to));
  const RowForm form = RowFormOf(view);
  const std::vector<sql::Type> types = TypesOf(view);
  RowsAnswer answer;
  for (const sql::RelationColumn& column : view.columns) answer.table.columns.push_back({column.name, column.type});
  const StoreView snapshot(store);
  const auto applied = AppliedOf(snapshot);
  if (!applied.ok()) return Failed("58000", applied.error().what);
  answer.table.seq = *applied;
  const Filter filter(view, equal, from, to);
  std::string last;
  const auto visit = [&](const ViewRows::Stored& stored) {
    if (stop.stop_requested()) return false;
    sql::RowBuilder builder(types);
    CHECK(builder.Add(stored.row));
    const sql::Batch batch = builder.Take();
    std::vector<Datum> row;
    for (const sql::Column& column : batch.columns) row.push_back(column->At(0));
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
  std::size_t used = 0;
  const std::string prefix = Prefix(view, equal, used);
  if (form == RowForm::kKeyed && !view.key.empty()) {
    std::vector<Condition> low = equal;
    low.insert(low.end(), from.begin(), from.end());
    std::vector<Condition> high = equal;
    high.insert(high.end(), to.begin(), to.end());
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
