#include <algorithm>
#include <iterator>
#include <numeric>

#include "core/sql/multi_join.h"

namespace headgate::sql {
namespace {

// What an equality of two inputs compares; nothing if the condition is anything else.
struct Equality {
  JoinTerm a;
  JoinTerm b;
  bool null_safe = false;
};

JoinTerm TermOf(ExprPtr expr, std::size_t input, std::size_t start) {
  WalkMutable(expr, [&](ExprPtr& part) {
    if (part->kind == ExprKind::kColumn) part->column -= start;
    return true;
  });
  return {input, std::move(expr)};
}

// Keys are compared by their bytes, which only says something within one type (integers of any width are one).
bool SameKeys(Type a, Type b) { return PhysicalOf(a) == PhysicalOf(b) && (PhysicalOf(a) == Physical::kInt || a == b); }

std::optional<Equality> EqualityOf(ExprPtr& part, const std::vector<std::size_t>& starts) {
  const bool equal = part->kind == ExprKind::kCall && part->function->name == "=" && part->arguments.size() == 2;
  const bool null_safe = part->kind == ExprKind::kNotDistinct;
  if (!equal && !null_safe) return std::nullopt;
  if (!SameKeys(part->arguments[0]->type, part->arguments[1]->type)) return std::nullopt;
  const auto a = InputOf(*part->arguments[0], starts);
  const auto b = InputOf(*part->arguments[1], starts);
  if (!a || !b || *a == *b) return std::nullopt;
  return Equality{TermOf(std::move(part->arguments[0]), *a, starts[*a]),
                  TermOf(std::move(part->arguments[1]), *b, starts[*b]), null_safe};
}

bool SameTerm(const JoinTerm& a, const JoinTerm& b) { return a.input == b.input && Same(*a.expr, *b.expr); }

JoinClass* ClassWith(std::vector<JoinClass>& classes, const JoinTerm& term, bool null_safe) {
  const auto found = std::ranges::find_if(classes, [&](const JoinClass& c) {
    return c.null_safe == null_safe &&
           std::ranges::any_of(c.terms, [&](const JoinTerm& other) { return SameTerm(term, other); });
  });
  return found == classes.end() ? nullptr : &*found;
}

void AddEquality(std::vector<JoinClass>& classes, Equality equality) {
  JoinClass* a = ClassWith(classes, equality.a, equality.null_safe);
  JoinClass* b = ClassWith(classes, equality.b, equality.null_safe);
  if (a == nullptr && b == nullptr) {
    a = b = &classes.emplace_back();
    a->null_safe = equality.null_safe;
    a->terms.push_back(std::move(equality.a));
    a->terms.push_back(std::move(equality.b));
  } else if (a == nullptr) {
    b->terms.push_back(std::move(equality.a));
  } else if (b == nullptr) {
    a->terms.push_back(std::move(equality.b));
  } else if (a != b) {
    std::ranges::move(b->terms, std::back_inserter(a->terms));
    classes.erase(classes.begin() + (b - classes.data()));
  }
}

// Chooses indexes and orders.
class Paths {
 public:
  Paths(const Plan& join, JoinPaths& paths) : join_(join), paths_(paths) {}

  void Make() {
    const std::size_t count = join_.inputs.size();
    for (std::size_t i = 0; i < count; ++i) ClassesOf(paths_.conditions, i).swap(classes_.emplace_back());
    std::vector<std::vector<JoinIndex>> paths;
    for (std::size_t i = 0; i < count; ++i) paths.push_back(From(i));
    for (const auto& path : paths) paths_.indexes.insert(paths_.indexes.end(), path.begin(), path.end());
    const auto by = [](const JoinIndex& a, const JoinIndex& b) {
      return std::tie(a.input, a.classes) < std::tie(b.input, b.classes);
    };
    std::ranges::sort(paths_.indexes, by);
    paths_.indexes.erase(std::unique(paths_.indexes.begin(), paths_.indexes.end()), paths_.indexes.end());
    for (const auto& path : paths) {
      auto& numbers = paths_.paths.emplace_back();
      for (const JoinIndex& index : path)
        numbers.push_back(static_cast<std::size_t>(std::ranges::find(paths_.indexes, index) - paths_.indexes.begin()));
    }
  }

 private:
  // Next is an input of which what is bound finds at most one row, else one that shares most classes with it.
  std::vector<JoinIndex> From(std::size_t first) const {
    std::vector<JoinIndex> path;
    std::vector<std::uint8_t> bound(join_.inputs.size());
    std::vector<std::size_t> known = classes_[first];
    bound[first] = 1;
    while (path.size() + 1 < join_.inputs.size()) {
      std::optional<JoinIndex> best;
      bool best_is_one = false;
      for (std::size_t i = 0; i < join_.inputs.size(); ++i) {
        if (bound[i] != 0) continue;
        JoinIndex index{i, {}};
        std::ranges::set_intersection(known, classes_[i], std::back_inserter(index.classes));
        if (index.classes.empty()) continue;
        const bool one = IdentifyRow(*join_.inputs[i], EquatedColumns(paths_.conditions, index.classes, i));
        if (best && (best_is_one > one || (best_is_one == one && best->classes.size() >= index.classes.size())))
          continue;
        best = std::move(index);
        best_is_one = one;
      }
      bound[best->input] = 1;  // there is one: the inputs are connected
      std::vector<std::size_t> more;
      std::ranges::set_union(known, classes_[best->input], std::back_inserter(more));
      known = std::move(more);
      path.push_back(*std::move(best));
    }
    return path;
  }

  const Plan& join_;
  JoinPaths& paths_;
  std::vector<std::vector<std::size_t>> classes_;  // of each input
};

}  // namespace

std::vector<std::size_t> StartsOf(const Plan& join) {
  std::vector<std::size_t> starts = {0};
  for (const PlanPtr& input : join.inputs) starts.push_back(starts.back() + input->columns.size());
  return starts;
}

std::optional<std::size_t> InputOf(const Expr& expr, const std::vector<std::size_t>& starts) {
  std::optional<std::size_t> input;
  bool one = true;
  Walk(expr, [&](const Expr& part) {
    if (part.kind == ExprKind::kColumn) {
      const auto of = static_cast<std::size_t>(std::ranges::upper_bound(starts, part.column) - starts.begin()) - 1;
      one = one && (!input || *input == of);
      input = of;
    }
    return one;
  });
  return one ? input : std::nullopt;
}

JoinConditions EquateInputs(std::vector<ExprPtr> conditions, const std::vector<std::size_t>& starts) {
  JoinConditions out;
  for (ExprPtr& part : conditions) {
    if (auto equality = EqualityOf(part, starts)) {
      AddEquality(out.classes, *std::move(equality));
    } else {
      out.residual.push_back(std::move(part));
    }
  }
  for (JoinClass& c : out.classes) std::ranges::stable_sort(c.terms, {}, &JoinTerm::input);
  return out;
}

std::vector<std::size_t> ClassesOf(const JoinConditions& conditions, std::size_t input) {
  std::vector<std::size_t> classes;
  for (std::size_t c = 0; c < conditions.classes.size(); ++c) {
    if (std::ranges::find(conditions.classes[c].terms, input, &JoinTerm::input) != conditions.classes[c].terms.end())
      classes.push_back(c);
  }
  return classes;
}

std::vector<std::size_t> EquatedColumns(const JoinConditions& conditions, const std::vector<std::size_t>& classes,
                                        std::size_t input) {
  std::vector<std::size_t> columns;
  for (const std::size_t c : classes) {
    for (const JoinTerm& term : conditions.classes[c].terms) {
      if (term.input == input && term.expr->kind == ExprKind::kColumn) columns.push_back(term.expr->column);
    }
  }
  return columns;
}

bool IdentifyRow(const Plan& plan, const std::vector<std::size_t>& columns) {
  return std::ranges::any_of(KeysOf(plan), [&](const std::vector<std::size_t>& key) {
    return std::ranges::all_of(key,
                               [&](std::size_t part) { return std::ranges::find(columns, part) != columns.end(); });
  });
}

JoinConditions ConditionsOf(const Plan& join) {
  return EquateInputs(join.condition ? Conjuncts(Clone(*join.condition)) : std::vector<ExprPtr>{}, StartsOf(join));
}

bool IsConnectedJoin(const Plan& plan) {
  if (plan.kind == PlanKind::kDeltaJoin) return true;
  return plan.kind == PlanKind::kJoin && plan.join == JoinKind::kInner && !ConditionsOf(plan).classes.empty();
}

JoinPaths PathsOf(const Plan& join) {
  JoinPaths paths;
  paths.conditions = ConditionsOf(join);
  Paths(join, paths).Make();
  return paths;
}

}  // namespace headgate::sql
