#include "core/views/row_filter.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/sql/function.h"
#include "core/sql/key.h"
#include "core/sql/row_codec.h"

namespace headgate::views {
namespace {

using sql::Datum;

SqlResult<std::vector<Condition>> Read(const sql::Relation& view,
                                       const std::vector<std::pair<std::string, std::string>>& given) {
  std::vector<Condition> conditions;
  for (const auto& [name, text] : given) {
    const auto found = std::ranges::find_if(view.columns, [&name = name](const sql::RelationColumn& column) {
      return !column.hidden && column.name == name;
    });
    if (found == view.columns.end()) return Failed("42703", "view " + view.name + " has no column " + name);
    sql::EvalContext context;
    Condition& condition = conditions.emplace_back();
    condition.column = static_cast<std::size_t>(found - view.columns.begin());
    condition.type = found->type;
    condition.value = sql::FromText(found->type, text, context);
    if (context.failed()) return Failed(context.errors()[0].code, name + ": " + context.errors()[0].message);
  }
  return conditions;
}

int Order(const std::vector<Datum>& row, const Condition& condition) {
  std::string a;
  std::string b;
  AppendKey(a, condition.type, row[condition.column]);
  AppendKey(b, condition.type, condition.value);
  return a.compare(b);
}

}  // namespace

SqlResult<RowFilter> RowFilter::Make(const sql::Relation& relation, const RowsRequest& request) {
  RowFilter filter;
  HG_ASSIGN_OR_RETURN(filter.equal_, Read(relation, request.equal));
  HG_ASSIGN_OR_RETURN(filter.from_, Read(relation, request.from));
  HG_ASSIGN_OR_RETURN(filter.to_, Read(relation, request.to));
  return filter;
}

bool RowFilter::Passes(const std::vector<Datum>& row) const {
  const auto is = [&](const Condition& c) { return !row[c.column].null; };
  return std::ranges::all_of(equal_, [&](const auto& c) { return is(c) && Order(row, c) == 0; }) &&
         std::ranges::all_of(from_, [&](const auto& c) { return is(c) && Order(row, c) >= 0; }) &&
         std::ranges::all_of(to_, [&](const auto& c) { return is(c) && Order(row, c) <= 0; });
}

std::vector<Datum> DecodeRow(const std::vector<sql::Type>& types, std::string_view bytes) {
  sql::RowBuilder builder(types);
  CHECK(builder.Add(bytes));  // made by this program
  const sql::Batch batch = builder.Take();
  std::vector<Datum> row;
  for (const sql::Column& column : batch.columns) row.push_back(column->At(0));
  return row;
}

}  // namespace headgate::views
