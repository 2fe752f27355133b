#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "core/sql/plan.h"

// What an inner join of two inputs, or of more (PlanKind::kDeltaJoin), is made of: expressions that are equal across
// its inputs, the indexes that a change of one input looks the others up in, and in which order it does.
namespace headgate::sql {

struct JoinTerm {
  std::size_t input = 0;
  ExprPtr expr;  // over the input's own columns
};

// Terms that are equal in every row of the result, directly or by way of others. With `null_safe` (IS NOT DISTINCT
// FROM) NULL is a value, else a row with a NULL here is in no result.
struct JoinClass {
  std::vector<JoinTerm> terms;  // by input
  bool null_safe = false;
};

struct JoinConditions {
  std::vector<JoinClass> classes;
  std::vector<ExprPtr> residual;  // over all columns
};

// `starts`: where the columns of each input begin, and behind them the number of all columns.
JoinConditions EquateInputs(std::vector<ExprPtr> conditions, const std::vector<std::size_t>& starts);
// The input that all columns of the expression are of; nothing if they are of several, or none.
std::optional<std::size_t> InputOf(const Expr& expr, const std::vector<std::size_t>& starts);
std::vector<std::size_t> StartsOf(const Plan& join);
JoinConditions ConditionsOf(const Plan& join);

// Whether the plan is an inner join of which a change of one input finds the others by equalities alone.
bool IsConnectedJoin(const Plan& plan);

// Rows of one input by the values of some classes. Its changes come before those of a second input with the same rows
// that is looked up in it too (a relation joined with itself).
struct JoinIndex {
  std::size_t input = 0;
  std::vector<std::size_t> classes;  // ascending
  bool operator==(const JoinIndex&) const = default;
};

struct JoinStep {
  std::size_t index = 0;
  std::size_t input = 0;             // that is looked up
  std::vector<std::size_t> classes;  // whose values are the key
};

struct JoinPaths {
  JoinConditions conditions;
  std::vector<JoinIndex> indexes;            // by input; each is looked into by some path
  std::vector<std::vector<JoinStep>> paths;  // of each input: what its changes look up, in this order
};
JoinPaths PathsOf(const Plan& join);

// The columns of the input that the classes equate with something of the others.
std::vector<std::size_t> EquatedColumns(const JoinConditions& conditions, const std::vector<std::size_t>& classes,
                                        std::size_t input);
// The classes that the input has a term of.
std::vector<std::size_t> ClassesOf(const JoinConditions& conditions, std::size_t input);
// Whether these columns identify a row of the plan.
bool IdentifyRow(const Plan& plan, const std::vector<std::size_t>& columns);

// The plan with every tree of inner joins whose inputs, three or more, are connected by equalities in one node.
PlanPtr JoinTogether(PlanPtr plan);

}  // namespace headgate::sql
