#include <algorithm>
#include <set>

#include "core/sql/multi_join.h"

// Which columns identify a plan's rows.
namespace headgate::sql {
namespace {

using Key = std::vector<std::size_t>;
using Keys = std::vector<Key>;

constexpr std::size_t kKeysMax = 8;  // of one plan: more of them help nobody

void Add(Keys& keys, Key key) {
  std::ranges::sort(key);
  key.erase(std::unique(key.begin(), key.end()), key.end());
  const bool known = std::ranges::any_of(keys, [&](const Key& other) { return std::ranges::includes(key, other); });
  if (known) return;
  std::erase_if(keys, [&](const Key& other) { return std::ranges::includes(other, key); });
  if (keys.size() < kKeysMax) keys.push_back(std::move(key));
}

Keys OfScan(const Relation& relation) {
  Keys keys;
  if (!relation.key.empty()) Add(keys, relation.key);
  if (!relation.append_only) return keys;
  const auto place = [&](std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(relation.columns, name, &RelationColumn::name) -
                                    relation.columns.begin());
  };
  const std::size_t seq = place("_seq");
  const std::size_t ordinal = place("_ordinal");
  if (seq < relation.columns.size() && ordinal < relation.columns.size()) Add(keys, {seq, ordinal});
  return keys;
}

Keys OfProject(const Plan& plan) {
  Keys keys;
  for (const Key& key : KeysOf(*plan.inputs[0])) {
    Key mapped;
    for (const std::size_t part : key) {
      const auto found = std::ranges::find_if(plan.expressions, [&](const ExprPtr& expr) {
        return expr->kind == ExprKind::kColumn && expr->column == part;
      });
      if (found == plan.expressions.end()) break;
      mapped.push_back(static_cast<std::size_t>(found - plan.expressions.begin()));
    }
    if (mapped.size() == key.size()) Add(keys, std::move(mapped));
  }
  return keys;
}

// The columns of one side that the condition equates with something of the other side.
std::set<std::size_t> Equated(const Plan& join, bool left_side) {
  const std::size_t width = join.inputs[0]->columns.size();
  std::set<std::size_t> columns;
  if (!join.condition) return columns;
  const auto of_side = [&](const Expr& expr, bool left) {
    bool only = true;
    Walk(expr, [&](const Expr& e) {
      if (e.kind == ExprKind::kColumn) only = only && (e.column < width) == left;
      return only;
    });
    return only;
  };
  for (const ExprPtr& part : Conjuncts(Clone(*join.condition))) {
    const bool equality =
        (part->kind == ExprKind::kCall && part->function->name == "=") || part->kind == ExprKind::kNotDistinct;
    if (!equality) continue;
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      const Expr& mine = *part->arguments[i];
      if (mine.kind == ExprKind::kColumn && of_side(mine, left_side) && of_side(*part->arguments[1 - i], !left_side))
        columns.insert(left_side ? mine.column : mine.column - width);
    }
  }
  return columns;
}

bool Covers(const std::set<std::size_t>& columns, const Keys& keys) {
  return std::ranges::any_of(keys, [&](const Key& key) {
    return std::ranges::all_of(key, [&](std::size_t part) { return columns.contains(part); });
  });
}

Keys OfJoin(const Plan& plan) {
  const Keys left = KeysOf(*plan.inputs[0]);
  if (plan.join == JoinKind::kSemi || plan.join == JoinKind::kAnti || plan.kind == PlanKind::kTemporal) return left;
  const Keys right = KeysOf(*plan.inputs[1]);
  const std::size_t width = plan.inputs[0]->columns.size();
  Keys keys;
  // A side of which the other's rows find at most one adds nothing to the other's key.
  const bool one_right = Covers(Equated(plan, false), right);
  const bool one_left = Covers(Equated(plan, true), left);
  if (one_right && (plan.join == JoinKind::kInner || plan.join == JoinKind::kLeft)) {
    for (const Key& key : left) Add(keys, key);
  }
  if (one_left && (plan.join == JoinKind::kInner || plan.join == JoinKind::kRight)) {
    for (Key key : right) {
      for (std::size_t& part : key) part += width;
      Add(keys, std::move(key));
    }
  }
  for (const Key& l : left) {
    for (const Key& r : right) {
      Key both = l;
      for (const std::size_t part : r) both.push_back(part + width);
      Add(keys, std::move(both));
    }
  }
  return keys;
}

// Starts with the keys of one input. One of which what is bound finds at most one row adds nothing; others add theirs.
class DeltaJoinKeys {
 public:
  explicit DeltaJoinKeys(const Plan& plan) : starts_(StartsOf(plan)), conditions_(ConditionsOf(plan)) {
    for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
      classes_.push_back(ClassesOf(conditions_, i));
      Keys& keys = keys_.emplace_back();
      for (Key key : KeysOf(*plan.inputs[i])) keys.push_back(std::move(key));
    }
  }

  Keys From(std::size_t first) {
    bound_.assign(keys_.size(), 0);
    Keys keys = {Key{}};
    for (std::size_t next = first; next < keys_.size();) {
      keys = Times(keys, next);
      bound_[next] = 1;
      for (std::size_t i = 0; i < keys_.size(); ++i) {
        if (bound_[i] != 0 || !FindsOne(i)) continue;
        bound_[i] = 1;
        i = static_cast<std::size_t>(-1);  // what it knows may find others
      }
      next = static_cast<std::size_t>(std::ranges::find(bound_, 0) - bound_.begin());
    }
    return keys;
  }

 private:
  Keys Times(const Keys& keys, std::size_t input) const {
    Keys out;
    for (const Key& key : keys) {
      for (const Key& more : keys_[input]) {
        Key both = key;
        for (const std::size_t part : more) both.push_back(part + starts_[input]);
        Add(out, std::move(both));
      }
    }
    return out;
  }
  bool FindsOne(std::size_t input) const {
    std::vector<std::size_t> known;
    for (const std::size_t c : classes_[input]) {
      const auto& terms = conditions_.classes[c].terms;
      if (std::ranges::any_of(terms, [&](const JoinTerm& term) { return bound_[term.input] != 0; })) known.push_back(c);
    }
    const auto columns = EquatedColumns(conditions_, known, input);
    return Covers({columns.begin(), columns.end()}, keys_[input]);
  }

  std::vector<std::size_t> starts_;
  JoinConditions conditions_;
  std::vector<std::vector<std::size_t>> classes_;  // of each input
  std::vector<Keys> keys_;                         // of each input, over its own columns
  std::vector<std::uint8_t> bound_;
};

Keys OfDeltaJoin(const Plan& plan) {
  DeltaJoinKeys join(plan);
  Keys keys;
  for (std::size_t first = 0; first < plan.inputs.size(); ++first) {
    for (Key& key : join.From(first)) Add(keys, std::move(key));
  }
  return keys;
}

Keys OfWindow(const Plan& plan) {
  Keys keys = KeysOf(*plan.inputs[0]);
  if (plan.window.kind != WindowKind::kRowNumber) return keys;
  Key key = plan.window.partition;
  if (plan.window.first.value_or(2) > 1) key.push_back(plan.columns.size() - 1);
  Add(keys, key);
  return keys;
}

}  // namespace

std::vector<std::vector<std::size_t>> KeysOf(const Plan& plan) {
  switch (plan.kind) {
    case PlanKind::kScan:
      return OfScan(*plan.relation);
    case PlanKind::kValues:
      return plan.rows.size() <= 1 ? Keys{Key{}} : Keys{};
    case PlanKind::kFilter:
    case PlanKind::kExpire:
      return KeysOf(*plan.inputs[0]);
    case PlanKind::kWindow:
      return OfWindow(plan);
    case PlanKind::kProject:
      return OfProject(plan);
    case PlanKind::kJoin:
    case PlanKind::kTemporal:
      return OfJoin(plan);
    case PlanKind::kDeltaJoin:
      return OfDeltaJoin(plan);
    case PlanKind::kAggregate:
      return {FirstColumns(plan.expressions.size())};
    case PlanKind::kDistinct:
      return {FirstColumns(plan.columns.size())};
    case PlanKind::kTopK: {
      Keys keys = KeysOf(*plan.inputs[0]);
      if (plan.limit && *plan.limit <= 1) Add(keys, plan.partition);
      return keys;
    }
    case PlanKind::kSetOp:
      if (plan.set_op == SetOpKind::kUnionAll) return {};
      if (plan.set_op == SetOpKind::kIntersectAll || plan.set_op == SetOpKind::kExceptAll)
        return KeysOf(*plan.inputs[0]);
      return {FirstColumns(plan.columns.size())};
    case PlanKind::kUnnest: {
      Keys keys;
      if (!plan.numbered) return keys;
      for (Key key : KeysOf(*plan.inputs[0])) {
        key.push_back(plan.columns.size() - 1);
        Add(keys, std::move(key));
      }
      return keys;
    }
  }
  return {};
}

}  // namespace headgate::sql
