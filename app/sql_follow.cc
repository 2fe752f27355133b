#include "app/sql_follow.h"

#include <algorithm>
#include <optional>

#include "core/base/encoding.h"

namespace headgate {
namespace {

using sql::Node;

constexpr char kOnly[] =
    "EMIT CHANGES follows SELECT * FROM one view, with conditions column = value, >= or <= joined by AND";

std::optional<std::string> Constant(const Node& node) {
  if (!node.Is("A_Const")) return std::nullopt;
  const Node& value = node.body();
  if (value["isnull"].flag()) return std::nullopt;
  if (value["sval"]) return std::string(value["sval"]["sval"].text());
  if (value["fval"]) return std::string(value["fval"]["fval"].text());
  if (value["boolval"]) return value["boolval"]["boolval"].flag() ? "true" : "false";
  if (value["ival"]) return std::to_string(value["ival"]["ival"].number());
  return std::nullopt;
}

std::optional<NotFollowed> AddCondition(const Node& node, std::string& query) {
  const Node& body = node.body();
  if (node.Is("BoolExpr") && body["boolop"].text() == "AND_EXPR") {
    for (const Node& part : body["args"].items()) {
      if (auto bad = AddCondition(part, query)) return bad;
    }
    return std::nullopt;
  }
  const NotFollowed refused{kOnly, body.location()};
  if (node.Is("ColumnRef") && body["fields"].size() == 1) {  // a boolean column
    query += "&key." + PercentEncode(body["fields"].at(0).name()) + "=true";
    return std::nullopt;
  }
  if (!node.Is("A_Expr") || body["kind"].text() != "AEXPR_OP" || !body["lexpr"].Is("ColumnRef")) return refused;
  const Node& fields = body["lexpr"].body()["fields"];
  const std::string_view op = body["name"].at(0).name();
  const auto value = Constant(body["rexpr"]);
  if (!value || fields.size() == 0 || !fields.at(fields.size() - 1).Is("String")) return refused;
  const std::string kind = op == "=" ? "key." : op == ">=" ? "from." : op == "<=" ? "to." : "";
  if (kind.empty()) return refused;
  query += "&" + kind + PercentEncode(fields.at(fields.size() - 1).name()) + "=" + PercentEncode(*value);
  return std::nullopt;
}

}  // namespace

std::variant<std::string, NotFollowed> TailOf(const sql::Statement& statement) {
  const Node& select = statement.tree.body();
  const Node& from = select["fromClause"];
  const Node& targets = select["targetList"];
  for (const char* clause : {"groupClause", "havingClause", "sortClause", "limitCount", "limitOffset", "distinctClause",
                             "withClause", "valuesLists", "windowClause", "larg"}) {
    if (select[clause]) return NotFollowed{kOnly, 0};
  }
  const Node& target = targets.at(0).body()["val"];
  const bool star = targets.size() == 1 && target.Is("ColumnRef") &&
                    std::ranges::any_of(target.body()["fields"].items(), [](const Node& f) { return f.Is("A_Star"); });
  if (!star) return NotFollowed{kOnly, targets.at(0).body().location()};
  if (from.size() != 1 || !from.at(0).Is("RangeVar")) return NotFollowed{kOnly, 0};
  const Node& range = from.at(0).body();
  std::string name(range["relname"].text());
  if (range["schemaname"] && range["schemaname"].text() != "public")
    return NotFollowed{"changes of views can be followed here; `headgate tail` follows a stream", range.location()};
  std::string target_path = "/api/v1/views/" + PercentEncode(name) + "/tail?from=beginning&mode=all";
  if (const Node& where = select["whereClause"]) {
    if (auto bad = AddCondition(where, target_path)) return *bad;
  }
  return target_path;
}

}  // namespace headgate
