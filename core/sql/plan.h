#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/sql/aggregate.h"
#include "core/sql/expr.h"
#include "core/sql/key.h"
#include "core/sql/problem.h"
#include "core/sql/relation.h"

namespace headgate::sql {

// A query as a tree of set operators. Expressions of a node refer to its input's columns by place (of a join: left
// columns, then right columns; of more inputs, one behind the other). Rows have weights: a plan without a key may give
// a row several times.
struct Plan;
using PlanPtr = std::unique_ptr<Plan>;

enum class PlanKind : std::uint8_t {
  kScan,       // all columns of `relation`
  kValues,     // `rows` of constants; no input
  kFilter,     // `condition`
  kExpire,     // rows until log time reaches the moment `expressions[0]` plus `offset` us; NULL: never there
  kProject,    // `expressions`
  kJoin,       // `join`, `condition`
  kDeltaJoin,  // inner join of three inputs or more, connected by equalities of `condition` (multi_join.h)
  kTemporal,   // left rows look up `relation`-like right input as of their log position; inner or left; `condition`
  kAggregate,  // `expressions` are the groups, then `aggregates`; without groups always one row
  kDistinct,   // whole rows
  kTopK,       // the first rows of each partition
  kSetOp,      // `set_op` of two inputs of equal types
  kWindow,     // `window` over partitions: adds its column
  kUnnest,     // for each element of the arrays `expressions`, the input's row and the elements (NULL where shorter);
               // slices instead where the column is an array; adds an ordinality column if `numbered`
};

enum class JoinKind : std::uint8_t {
  kInner,
  kLeft,
  kRight,
  kFull,
  kSemi,  // left rows with a match, once; left columns only
  kAnti,
};
enum class SetOpKind : std::uint8_t { kUnionAll, kUnion, kIntersect, kIntersectAll, kExcept, kExceptAll };

struct PlanColumn {
  std::string name;
  Type type;
  bool added = false;  // of an output of the binder: a column of * that is RelationColumn::added
};

struct SortKey {
  std::size_t column = 0;
  KeyOrder order;
};

enum class WindowKind : std::uint8_t { kRowNumber, kLag, kLead };
struct WindowCall {
  WindowKind kind = WindowKind::kRowNumber;
  std::vector<std::size_t> partition;  // columns of the input
  std::vector<SortKey> order;
  std::size_t argument = 0;  // lag, lead
  std::int64_t offset = 1;
  std::optional<std::size_t> fallback;  // column of the value outside the partition
  std::optional<std::int64_t> first;    // row_number: no row behind this one is asked for
  Type result;
};

struct Plan {
  PlanKind kind = PlanKind::kValues;
  std::vector<PlanColumn> columns;
  std::vector<PlanPtr> inputs;

  const Relation* relation = nullptr;
  std::vector<std::vector<ExprPtr>> rows;
  ExprPtr condition;  // null: true
  std::vector<ExprPtr> expressions;
  JoinKind join = JoinKind::kInner;
  bool dependent = false;  // a join whose right side names columns of the left as outer columns; gone after Unnest
  std::vector<AggregateCall> aggregates;
  SetOpKind set_op = SetOpKind::kUnionAll;
  WindowCall window;
  std::vector<std::size_t> partition;  // of top-k
  std::vector<SortKey> order;
  std::optional<std::int64_t> limit;
  std::int64_t offset = 0;
  bool numbered = false;
  std::int64_t grace_us = 0;   // of kTemporal: each left row is held so long in log time before it looks up
  bool null_on_error = false;  // an expression that fails is NULL and the row goes on; of all nodes or none
};

PlanPtr MakePlan(PlanKind kind);
// `input` with a filter above it; a null condition gives the input.
PlanPtr MakeFilter(PlanPtr input, ExprPtr condition);
PlanPtr MakeProject(PlanPtr input, std::vector<ExprPtr> expressions, std::vector<std::string> names);
PlanPtr MakeJoin(JoinKind join, PlanPtr left, PlanPtr right, ExprPtr condition);
// Columns of the input in this order.
PlanPtr MakePick(PlanPtr input, const std::vector<std::size_t>& columns);
PlanPtr ClonePlan(const Plan& plan);
std::vector<Type> TypesOf(const std::vector<PlanColumn>& columns);
std::vector<std::size_t> FirstColumns(std::size_t count);  // 0, 1, ...
ExprPtr ColumnOf(const Plan& plan, std::size_t column);

// a AND b; either may be null.
ExprPtr Conjunction(ExprPtr a, ExprPtr b);
// The parts of an AND, nested ones too.
std::vector<ExprPtr> Conjuncts(ExprPtr condition);

// The columns of `plan` that identify, in the relation that `column` comes from, the row; nothing if that is not known.
std::optional<std::vector<std::size_t>> OriginKey(const Plan& plan, std::size_t column);
// The sets of columns that identify a row of the plan, as far as they are known; the empty set if there is at most one
// row. Rows of a plan without any may repeat.
std::vector<std::vector<std::size_t>> KeysOf(const Plan& plan);
// Has every left row of the plan wait so long before its first lookup (kTemporal); false if it has no lookup.
bool SetGrace(Plan& plan, std::int64_t grace_us);
// An expression of the plan that fails for a row is NULL for it, as a whole; without this the row gives nothing.
void SetNullOnError(Plan& plan);
// True if what the plan gives changes as log time goes on: a temporal filter, or grace.
bool KeepsTime(const Plan& plan);
// True if the plan never takes a row back while its relations do not.
bool IsAppendOnly(const Plan& plan);
// True if a view of the plan with these columns never takes a row back, and _seq and _ordinal among them, if it has
// such, say where in the log its rows belong. Those of a join's inputs do not: a row of a later event joins one of long
// ago.
bool IsAppendOnlyView(const Plan& plan, const std::vector<RelationColumn>& columns);
// True if the keys are the log's order, (_seq, _ordinal) of the row that caused the plan's row.
bool IsLogOrder(const Plan& plan, const std::vector<SortKey>& keys);
// Turns dependent joins into plain ones (unnest.cc): afterwards no expression has outer columns. The problem names a
// form that cannot be turned.
Parsed<PlanPtr> Unnest(PlanPtr plan);

// The same query in a form that costs less: conditions stand as deep as they can, joins have theirs and are one node
// where they can be.
PlanPtr Rewrite(PlanPtr plan);
// The same columns, made of no more columns below than they need.
PlanPtr PruneColumns(PlanPtr plan);

// One line a node, indented: what EXPLAIN shows.
std::string Describe(const Plan& plan);

}  // namespace headgate::sql
