#include "sinks/table/letter.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace headgate::table {
namespace {

using Json = nlohmann::ordered_json;
using Kind = Batch::Unit::Kind;

constexpr const char* kUpsert = "upsert";
constexpr const char* kUpdate = "update";
constexpr const char* kInsert = "insert";
constexpr const char* kRemove = "remove";
constexpr const char* kMove = "move";
constexpr const char* kHex = "hex";
constexpr const char* kBits = "bits";

Json CellJson(const Batch::Table& table, const Cell& cell, Literal literal) {
  if (cell.null()) return nullptr;
  std::string text(table.TextOf(cell));
  if (literal == Literal::kHex) return {{kHex, std::move(text)}};
  if (literal == Literal::kBits) return {{kBits, std::move(text)}};
  return text;
}

// Of a row's cells those that are known; of `key_only` those of the key.
Json RowJson(const Batch::Table& table, std::size_t first, bool key_only) {
  Json row = Json::object();
  const TablePlan& plan = *table.plan;
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    const Cell& cell = table.At(first, i);
    if (!cell.absent() && (!key_only || plan.IsKey(i)))
      row[plan.columns[i].name] = CellJson(table, cell, plan.columns[i].literal);
  }
  return row;
}

std::string_view WordOf(const Batch::Unit& unit) {
  if (unit.kind == Kind::kMove) return kMove;
  if (unit.kind == Kind::kRemoval) return kRemove;
  if (unit.table->plan->append) return kInsert;
  return unit.table->rows[unit.index].whole ? kUpsert : kUpdate;
}

Error Unreadable(std::string_view why) {
  return Rejected("The letter says nothing that could be done to a table: " + std::string(why) +
                  ". Discard it, or "
                  "rewind the sink to have its change written anew");
}

bool IsNumeric(std::string_view base) {
  constexpr std::string_view kBases[] = {"tinyint", "smallint", "mediumint", "int", "bigint", "float", "double"};
  return std::ranges::find(kBases, base) != std::end(kBases);
}

// A line of a body on its way into a batch.
class Line {
 public:
  Line(const Json& json, const Options& options, const TargetTable& target)
      : json_(json), options_(options), target_(target) {}

  Result<std::shared_ptr<const TablePlan>> Plan(const TableName& name) const {
    TablePlan plan;
    plan.name = name;
    plan.append = json_.at("write") == kInsert;
    plan.replaces =
        json_.at("write") == kUpsert && options_.database != Database::kPostgres && target_.unique.size() > 1;
    for (const auto& [column, value] : json_.at("row").items()) {
      const auto there = std::ranges::find(target_.columns, column, &TargetColumn::name);
      if (there == target_.columns.end())
        return Rejected("Table " + name.Text() + " has no column " + column + " any more");
      const Literal literal = value.is_object()        ? value.contains(kHex) ? Literal::kHex : Literal::kBits
                              : IsNumeric(there->base) ? Literal::kPlain
                                                       : Literal::kQuoted;
      plan.columns.push_back({column, plan.columns.size(), {}, there->base, literal});
    }
    for (const auto& column : json_.at("key")) {
      const auto it = std::ranges::find(plan.columns, column.get<std::string>(), &PlannedColumn::name);
      if (it == plan.columns.end()) return Unreadable("its key is no part of its row");
      plan.key.push_back(static_cast<std::size_t>(it - plan.columns.begin()));
    }
    return std::make_shared<const TablePlan>(std::move(plan));
  }

  void AddTo(Batch::Table& table) const {
    const std::string write = json_.at("write");
    if (write == kMove) {
      const std::size_t from = Cells(table, json_.at("old"));
      table.moves.push_back({from, Cells(table, json_.at("row")), {}});
      return;
    }
    table.rows.push_back({write == kRemove, write == kUpsert || write == kInsert, Cells(table, json_.at("row")), {}});
  }

 private:
  std::size_t Cells(Batch::Table& table, const Json& row) const {
    const std::size_t first = table.cells.size();
    for (const PlannedColumn& column : table.plan->columns) {
      Cell& cell = table.cells.emplace_back();
      const auto it = row.find(column.name);
      if (it == row.end()) continue;
      cell = {table.text.size(), Cell::kNull};
      if (it->is_null()) continue;
      const Json& value = it->is_object() ? it->begin().value() : *it;
      table.text += value.get_ref<const std::string&>();
      cell.size = static_cast<std::int32_t>(table.text.size() - cell.start);
    }
    return first;
  }

  const Json& json_;
  const Options& options_;
  const TargetTable& target_;
};

}  // namespace

std::string BodyOf(const Batch::Unit& unit) {
  const Batch::Table& table = *unit.table;
  const TablePlan& plan = *table.plan;
  Json json;
  json["schema"] = plan.name.schema;
  json["table"] = plan.name.table;
  json["write"] = WordOf(unit);
  json["key"] = Json::array();
  for (const std::size_t k : plan.key) json["key"].push_back(plan.columns[k].name);
  if (unit.kind == Kind::kMove) {
    json["old"] = RowJson(table, table.moves[unit.index].from, true);
    json["row"] = RowJson(table, table.moves[unit.index].to, true);
  } else {
    json["row"] = RowJson(table, table.rows[unit.index].first, unit.kind == Kind::kRemoval);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::vector<std::unique_ptr<Batch>>> ReadBody(std::string_view body, const Options& options,
                                                     const Dialect& dialect, const DescribeTable& describe) {
  std::vector<std::unique_ptr<Batch>> batches;
  if (body.empty()) return Unreadable("its values have no form in the target's types");
  while (!body.empty()) {
    const std::string_view text = body.substr(0, body.find('\n'));
    body.remove_prefix(std::min(body.size(), text.size() + 1));
    try {
      const Json json = Json::parse(text);
      const TableName name{json.at("schema"), json.at("table")};
      HG_ASSIGN_OR_RETURN(const auto target, describe(name));
      if (!target) return Rejected("There is no table " + name.Text() + " any more");
      const Line line(json, options, *target);
      HG_ASSIGN_OR_RETURN(const auto plan, line.Plan(name));
      line.AddTo(batches.emplace_back(std::make_unique<Batch>(dialect))->Add(plan));
    } catch (const Json::exception& error) {
      return Unreadable(error.what());
    }
  }
  return batches;
}

}  // namespace headgate::table
