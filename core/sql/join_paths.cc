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
    const auto all = [&] {
      std::vector<JoinIndex> indexes;
      for (const auto& path : paths) indexes.insert(indexes.end(), path.begin(), path.end());
      std::ranges::sort(indexes, [](const JoinIndex& a, const JoinIndex& b) {
        return std::tie(a.input, a.classes) < std::tie(b.input, b.classes);
      });
      indexes.erase(std::unique(indexes.begin(), indexes.end()), indexes.end());
      return indexes;
    };
    const auto asked = paths;
    Share(paths, all());
    paths_.indexes = all();
    for (std::size_t p = 0; p < paths.size(); ++p) {
      auto& steps = paths_.paths.emplace_back();
      for (std::size_t i = 0; i < paths[p].size(); ++i) {
        const auto number = std::ranges::find(paths_.indexes, paths[p][i]) - paths_.indexes.begin();
        steps.push_back({static_cast<std::size_t>(number), asked[p][i].input, asked[p][i].classes});
      }
    }
  }

 private:
  // Of two inputs with the same rows the second is looked up in the indexes of the first where those have its keys.
  // More than two are not: the third would have to be seen as it was when the second is taken in.
  void Share(std::vector<std::vector<JoinIndex>>& paths, const std::vector<JoinIndex>& indexes) const {
    std::vector<std::uint8_t> taken(join_.inputs.size());
    for (std::size_t second = 1; second < join_.inputs.size(); ++second) {
      for (std::size_t first = 0; first < second && taken[second] == 0; ++first) {
        if (taken[first] != 0 || !SameRows(*join_.inputs[first], *join_.inputs[second]) || !Within(first, second) ||
            !Follows(first, second))
          continue;
        taken[first] = taken[second] = 1;
        for (auto& path : paths) {
          for (JoinIndex& index : path) {
            if (index.input != second) continue;
            JoinIndex like{first, {}};
            for (const std::size_t c : index.classes) like.classes.push_back(Like(c, second, first));
            if (std::ranges::find(indexes, like) != indexes.end()) index = std::move(like);
          }
        }
      }
    }
  }

  // Whether the second input has every term of the first, so that it has no row that the first has not; all of them
  // columns, so that none fails.
  bool Within(std::size_t first, std::size_t second) const {
    for (const std::size_t input : {first, second}) {
      for (const std::size_t c : classes_[input]) {
        const auto& terms = paths_.conditions.classes[c].terms;
        if (std::ranges::count(terms, input, &JoinTerm::input) != 1 || TermIn(c, input).kind != ExprKind::kColumn)
          return false;
      }
    }
    return std::ranges::all_of(
        classes_[first], [&](std::size_t c) { return Like(c, first, second) < paths_.conditions.classes.size(); });
  }
  // Whether no input between the two has changes of the same relation, which would find the second one's rows too
  // early.
  bool Follows(std::size_t first, std::size_t second) const {
    const Plan* scan = join_.inputs[first].get();
    while (scan->kind != PlanKind::kScan) scan = scan->inputs[0].get();
    for (std::size_t i = first + 1; i < second; ++i) {
      if (Reads(*join_.inputs[i], scan->relation)) return false;
    }
    return true;
  }
  static bool Reads(const Plan& plan, const Relation* relation) {
    return plan.relation == relation ||
           std::ranges::any_of(plan.inputs, [&](const PlanPtr& input) { return Reads(*input, relation); });
  }
  const Expr& TermIn(std::size_t number, std::size_t input) const {
    return *std::ranges::find(paths_.conditions.classes[number].terms, input, &JoinTerm::input)->expr;
  }
  // The class in which `other` has the term that `input` has in this one; none: the number of classes.
  std::size_t Like(std::size_t number, std::size_t input, std::size_t other) const {
    const auto& classes = paths_.conditions.classes;
    const auto found = std::ranges::find_if(classes_[other], [&](std::size_t c) {
      return classes[c].null_safe == classes[number].null_safe && Same(TermIn(c, other), TermIn(number, input));
    });
    return found == classes_[other].end() ? classes.size() : *found;
  }
  // Whether two inputs are the same relation, filtered and chosen from in the same way.
  static bool SameRows(const Plan& a, const Plan& b) {
    if (a.kind != b.kind || a.relation != b.relation || a.expressions.size() != b.expressions.size()) return false;
    if (a.kind == PlanKind::kScan) return true;
    if (a.kind != PlanKind::kFilter && a.kind != PlanKind::kProject) return false;
    if (a.condition && !Same(*a.condition, *b.condition)) return false;
    for (std::size_t i = 0; i < a.expressions.size(); ++i) {
      if (!Same(*a.expressions[i], *b.expressions[i])) return false;
    }
    return SameRows(*a.inputs[0], *b.inputs[0]);
  }

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
