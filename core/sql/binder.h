#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sql/bind.h"
#include "core/sql/resolve.h"

namespace headgate::sql {

// The insides of bind.h: one Binder a statement, one Level a SELECT. bind_expr.cc, bind_call.cc, bind_from.cc,
// bind_select.cc, bind_where.cc and bind_expiry.cc each hold one part of it.

// A name that an expression may use: a column of the level's FROM plan.
struct ScopeColumn {
  std::string table;                    // alias, or the relation's last part
  std::vector<std::string> qualifiers;  // the relation's whole name, if it has no alias
  std::string name;
  std::size_t column = 0;
  bool hidden = false;  // not part of *
  bool added = false;   // part of * alone
  bool merged = false;  // a side of USING: only by its qualified name
  bool whole = false;   // the one column of a function in FROM: the table's name means it too
};

// A scalar subquery; its plan gives exactly one row for each row of the level, and names the level's columns as outer
// columns of level 1.
struct PendingSubquery {
  PlanPtr plan;
  Type type;
  std::optional<std::size_t> column;  // of the plan it was joined to
};

struct PendingWindow {
  WindowKind kind = WindowKind::kRowNumber;
  std::vector<ExprPtr> partition;
  std::vector<AggregateOrder> order;
  ExprPtr argument;
  ExprPtr fallback;
  std::int64_t offset = 1;
  Type type;
};

struct Level {
  Level* parent = nullptr;
  std::vector<ScopeColumn> scope;
  std::vector<PlanColumn> columns;  // of the FROM plan
  std::vector<AggregateCall> aggregates;
  std::vector<PendingWindow> windows;
  std::vector<PendingSubquery> subqueries;
  const Node* named_windows = nullptr;  // WINDOW w AS (...)
  std::string no_aggregates;            // where we are, if aggregates have no place there: "WHERE"
  std::string no_windows;
  std::string no_subqueries;
  bool inside_aggregate = false;
};

// WITH: a name and its query, bound anew wherever it stands.
struct CommonTable {
  std::string name;
  const Node* query = nullptr;
  std::vector<std::string> columns;
  std::size_t visible = 0;  // how many of the earlier entries the query itself sees
};

class Binder {
 public:
  Binder(const RelationSource& relations, const BindOptions& options) : relations_(relations), options_(options) {}

  Parsed<BoundQuery> Query(const Node& select, Level* parent);
  Parsed<ExprPtr> Expression(const Node& node, Level& level);
  bool has_star() const { return has_star_; }
  // An expression that has to be a boolean; `what` names it in the error: "argument of WHERE".
  Parsed<ExprPtr> Condition(const Node& node, Level& level, const std::string& what);

 private:
  // One column of a SELECT list.
  struct Output {
    std::string name;
    ExprPtr expr;
    bool set = false;    // a set-returning function: `expr` gives an array
    bool added = false;  // of a star, RelationColumn::added
  };
  // A SELECT on its way through its clauses.
  struct Draft {
    PlanPtr plan;
    std::vector<Output> outputs;
    std::vector<ExprPtr> groups;
    bool grouped = false;
    ExprPtr having;
    std::vector<AggregateOrder> order;                    // ORDER BY, by expression
    std::vector<std::optional<std::size_t>> order_place;  // or by output column
    std::vector<ExprPtr> distinct_on;
  };

  // bind_select.cc
  Parsed<BoundQuery> QueryBody(const Node& body, Level* parent);
  Parsed<BoundQuery> Select(const Node& select, Level* parent);
  Parsed<BoundQuery> Values(const Node& select, Level* parent);
  Parsed<BoundQuery> SetOperation(const Node& select, Level* parent);
  Checked Targets(const Node& select, Level& level, Draft& draft);
  Checked Assign(ExprPtr& expr, std::size_t output);
  Checked Star(const Node& column, Level& level, Draft& draft);
  Checked Groups(const Node& select, Level& level, Draft& draft);
  Checked OrderBy(const Node& select, Level& level, Draft& draft);
  Checked DistinctOn(const Node& select, Level& level, Draft& draft);
  Checked Grouped(Level& level, Draft& draft);
  Checked Windows(Level& level, Draft& draft);
  Parsed<BoundQuery> Finish(const Node& select, Draft draft);
  Checked LimitOf(const Node& select, Plan& plan);
  Checked AddCommonTables(const Node& with);

  // bind_where.cc
  Checked Where(const Node& condition, Level& level, PlanPtr& plan);
  Checked WherePart(const Node& condition, Level& level, PlanPtr& plan);
  Parsed<bool> SemiJoin(const Node& condition, Level& level, PlanPtr& plan);
  Checked ExistsJoin(const Node& link, bool negated, Level& level, PlanPtr& plan);
  Checked InJoin(const Node& link, bool negated, Level& level, PlanPtr& plan);
  Checked AddNullRule(const Node& link, Level& level, PlanPtr& plan);
  Parsed<ExprPtr> SubLink(const Node& link, Level& level);
  Parsed<ExprPtr> AddScalar(PlanPtr plan, Type type, Level& level, std::uint32_t location);
  Parsed<ExprPtr> InScalar(const Node& link, Level& level);
  Parsed<PlanPtr> Subquery(const Node& select, Level& level);
  // Joins the subqueries that stand in the expressions to the plan, and puts their columns in their place.
  void Attach(Level& level, PlanPtr& plan, ExprPtr& expr);

  // bind_expiry.cc
  bool NamesClock(const Node& node) const;
  Checked Expiry(const Node& condition, Level& level, PlanPtr& plan);
  Checked AddExpiry(ExprPtr condition, PlanPtr& plan);

  // bind_from.cc
  Parsed<PlanPtr> From(const Node& list, Level& level);
  Checked AddItem(const Node& item, Level& level, PlanPtr& plan);
  Parsed<PlanPtr> Item(const Node& item, Level& level, std::vector<ScopeColumn>& scope, bool& dependent);
  Parsed<PlanPtr> RelationItem(const Node& range, std::vector<ScopeColumn>& scope);
  Parsed<PlanPtr> QueryItem(const Node& item, Level& level, std::vector<ScopeColumn>& scope, bool& dependent);
  Checked FunctionColumns(const Node& call, Level& level, Plan& plan);
  Parsed<PlanPtr> FunctionItem(const Node& item, Level& level, std::vector<ScopeColumn>& scope, bool& dependent);
  Parsed<PlanPtr> JoinItem(const Node& join, Level& level, std::vector<ScopeColumn>& scope, bool& dependent);
  Parsed<ExprPtr> UsingCondition(const Node& join, Level& both, std::size_t left_entries,
                                 const std::vector<std::string>& names);
  Parsed<std::vector<ScopeColumn>> Merge(Level& both, std::size_t left_entries, const std::vector<std::string>& names,
                                         PlanPtr& plan);
  Checked Name(const Node& alias, const BoundQuery& query, std::vector<ScopeColumn>& scope, std::uint32_t location);
  Parsed<PlanPtr> ViewItem(const Relation& view, std::uint32_t location);
  Parsed<bool> IsTemporal(const Node& right, const Plan& plan, JoinKind kind);
  static void Lower(Plan& plan);
  const CommonTable* FindCommonTable(std::string_view name) const;

  // bind_expr.cc
  Parsed<ExprPtr> Column(const Node& ref, Level& level);
  Parsed<ExprPtr> Literal(const Node& constant);
  Parsed<ExprPtr> Operator(const Node& expr, Level& level);
  Parsed<ExprPtr> Boolean(const Node& expr, Level& level);
  Parsed<ExprPtr> CaseOf(const Node& expr, Level& level);
  Parsed<ExprPtr> CastOf(const Node& expr, Level& level);
  Parsed<ExprPtr> InList(const Node& expr, Level& level);
  Parsed<ExprPtr> Between(const Node& expr, Level& level);
  Parsed<ExprPtr> Quantified(const Node& expr, Level& level, bool all);
  Parsed<ExprPtr> Rows(const Node& expr, Level& level, std::string_view op);
  Parsed<ExprPtr> ArrayOf(const Node& expr, Level& level);
  Parsed<ExprPtr> Subscript(const Node& expr, Level& level);
  Parsed<ExprPtr> OfCommonType(ExprKind kind, const Node& items, Level& level, std::uint32_t location,
                               std::string_view what);
  Parsed<ExprPtr> ClockValue(const Node& expr);
  Parsed<std::vector<ExprPtr>> All(const Node& items, Level& level);
  Checked Unify(std::vector<ExprPtr>& values, std::string_view what);
  Parsed<ExprPtr> Test(ExprKind kind, const Node& argument, Level& level, std::uint32_t location);

  // bind_call.cc
  Parsed<ExprPtr> Call(const Node& call, Level& level);
  Parsed<ExprPtr> CallOf(std::string_view name, std::vector<ExprPtr> arguments, std::uint32_t location);
  Parsed<ExprPtr> BinaryOf(std::string_view op, ExprPtr a, ExprPtr b, std::uint32_t location);
  Checked AsJson(std::string_view name, std::vector<ExprPtr>& arguments);
  Checked OrderedSet(std::string_view name, AggregateCall& aggregate);
  Parsed<ExprPtr> AggregateOf(const Node& call, std::string_view name, Level& level);
  Parsed<ExprPtr> WindowOf(const Node& call, std::string_view name, Level& level);
  Parsed<std::vector<AggregateOrder>> SortList(const Node& sort, Level& level);
  Checked Defaults(ExprPtr& expr);  // a literal whose type nobody asked for is text

  const RelationSource& relations_;
  const BindOptions& options_;
  std::vector<CommonTable> common_tables_;
  std::size_t visible_tables_ = 0;
  std::size_t depth_ = 0;
  bool in_expiry_ = false;  // the condition at hand may name now()
  bool has_star_ = false;   // some list of columns has one
};

// How to write what now() is for in a view.
inline constexpr std::string_view kExpiryHint =
    "Use _stored_at, the time at which the row came, or _commit_at. To keep rows for a while, write a condition of its "
    "own in WHERE: ts > now() - INTERVAL '1 hour'.";

// A name of several parts as it is written: a.b.c.
std::string Joined(const std::vector<std::string>& parts);
// NULLS and direction of a SortBy node.
KeyOrder OrderOf(const Node& sort_by);
// An integer literal: a position in GROUP BY and ORDER BY.
std::optional<std::int64_t> Position(const Node& node);
// The name of a column reference without a qualifier, "" of anything else.
std::string PlainName(const Node& node);
// The places of outer columns of the level that the plan hangs under; visit may change them.
void VisitOuter(Plan& plan, std::size_t level, const std::function<void(Expr&)>& visit);

}  // namespace headgate::sql
