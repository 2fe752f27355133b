#include "core/sql/resolve.h"

#include <algorithm>

namespace headgate::sql {
namespace {

bool IsUnknown(Type type) { return type.Is(TypeId::kUnknown); }

bool CanCast(Type from, Type to, CastContext context) {
  if (from == to || IsUnknown(from)) return true;
  if (from.array != to.array && !(IsUnknown(from))) {
    if (from.array) return context >= CastContext::kAssignment && CategoryOf(to) == Category::kString;
    return false;
  }
  const Cast* cast = FindCast(from, to);
  return cast != nullptr && cast->context <= context;
}

bool CanCastImplicitly(Type from, Type to) { return CanCast(from, to, CastContext::kImplicit); }

// What the polymorphic types of one call stand for.
struct Polymorphic {
  Type element;  // of anyelement, anyarray, anynonarray
  bool known = false;
  std::vector<Type> compatible;  // anycompatible...: the element types seen
  Type range;
  bool range_known = false;
};

bool NoteElement(Polymorphic& all, Type element) {
  if (all.range_known && !element.Is(RangeElement(all.range.id))) return false;
  if (all.known) return all.element == element;
  all.known = true;
  all.element = element.Bare();
  return true;
}

// Learns from one argument; false if it cannot be.
bool Learn(Polymorphic& all, Type declared, Type given) {
  if (IsUnknown(given)) return true;
  switch (declared.id) {
    case TypeId::kAny:
      return true;
    case TypeId::kAnyElement:
      return NoteElement(all, given);
    case TypeId::kAnyNonArray:
      return !given.array && NoteElement(all, given);
    case TypeId::kAnyArray:
      return given.array && NoteElement(all, given.Element());
    case TypeId::kAnyCompatible:
      all.compatible.push_back(given.Bare());
      return true;
    case TypeId::kAnyCompatibleArray:
      if (!given.array) return false;
      all.compatible.push_back(given.Element().Bare());
      return true;
    case TypeId::kAnyRange:
      if (given.array || !IsRange(given.id) || (all.range_known && !(all.range == given))) return false;
      all.range = given;
      all.range_known = true;
      return !all.known || all.element.id == RangeElement(given.id);
    default:
      return true;
  }
}

// The declared type with what was learnt; unknown if nothing was.
Type Filled(const Polymorphic& all, Type declared, Type given) {
  switch (declared.id) {
    case TypeId::kAny:
      return IsUnknown(given) ? Type{TypeId::kText} : given.Bare();
    case TypeId::kAnyElement:
    case TypeId::kAnyNonArray:
      if (!all.known && all.range_known) return RangeElement(all.range.id);
      return all.known ? all.element : Type{TypeId::kText};
    case TypeId::kAnyArray:
      return all.known && !all.element.array ? all.element.ArrayOf() : Type{TypeId::kUnknown};
    case TypeId::kAnyCompatible:
    case TypeId::kAnyCompatibleArray: {
      const auto common = all.compatible.empty() ? Type{TypeId::kText} : CommonType(all.compatible);
      if (!common || (common->array && declared.id == TypeId::kAnyCompatibleArray)) return TypeId::kUnknown;
      return declared.id == TypeId::kAnyCompatible ? *common : common->ArrayOf();
    }
    case TypeId::kAnyRange:
      return all.range_known ? all.range : Type{TypeId::kUnknown};
    default:
      return declared;
  }
}

struct Candidate {
  Overload overload;
  std::size_t exact = 0;      // arguments of the type declared; a polymorphic one is no argument's own
  std::size_t preferred = 0;  // exact, or of a preferred type of the argument's category

  Type Declared(std::size_t i) const {
    return overload.function->arguments[std::min(i, overload.function->arguments.size() - 1)];
  }
};

// The overload with as many arguments, if each can be cast implicitly.
std::optional<Candidate> Fit(const Function& function, std::span<const Type> given) {
  const std::size_t declared = function.arguments.size();
  if (function.variadic ? given.size() + 1 < declared : given.size() != declared) return std::nullopt;
  const auto at = [&](std::size_t i) { return function.arguments[std::min(i, declared - 1)]; };
  Polymorphic all;
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!Learn(all, at(i), given[i])) return std::nullopt;
  }
  Candidate candidate;
  candidate.overload.function = &function;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const Type wanted = Filled(all, at(i), given[i]);
    if (IsUnknown(wanted) || !CanCastImplicitly(given[i], wanted)) return std::nullopt;
    const bool polymorphic = IsPolymorphic(at(i)) || at(i).id == TypeId::kAny;
    if (wanted == given[i] && !polymorphic) ++candidate.exact;
    if (!polymorphic && (wanted == given[i] || IsPreferred(wanted))) ++candidate.preferred;
    candidate.overload.arguments.push_back(wanted);
  }
  candidate.overload.result = Filled(all, function.result, {});
  return candidate;
}

using Candidates = std::vector<Candidate>;

template <class Score>
void KeepBest(Candidates& candidates, Score score) {
  std::size_t best = 0;
  for (const Candidate& candidate : candidates) best = std::max(best, score(candidate));
  std::erase_if(candidates, [&](const Candidate& candidate) { return score(candidate) < best; });
}

// Literals decide nothing by themselves: a category that some candidate prefers as text is text; else the one category
// that all agree on, and within it a preferred type if one is offered.
void KeepByLiterals(Candidates& candidates, std::span<const Type> given) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    if (!IsUnknown(given[i])) continue;
    const auto category = [i](const Candidate& c) { return CategoryOf(c.Declared(i)); };
    Category chosen = category(candidates[0]);
    const bool text =
        std::ranges::any_of(candidates, [&](const Candidate& c) { return category(c) == Category::kString; });
    if (text) {
      chosen = Category::kString;
    } else if (!std::ranges::all_of(candidates, [&](const Candidate& c) { return category(c) == chosen; })) {
      return;
    }
    const bool preferred = std::ranges::any_of(
        candidates, [&](const Candidate& c) { return category(c) == chosen && IsPreferred(c.Declared(i)); });
    std::erase_if(candidates, [&](const Candidate& c) {
      return category(c) != chosen || (preferred && !IsPreferred(c.Declared(i)));
    });
  }
}

// The last resort: if the known arguments share one type, literals are taken for that type.
void KeepByKnownType(Candidates& candidates, std::span<const Type> given) {
  std::optional<Type> known;
  for (const Type type : given) {
    if (IsUnknown(type)) continue;
    if (known && !(*known == type)) return;
    known = type;
  }
  if (!known) return;
  Candidates fitting;
  for (const Candidate& candidate : candidates) {
    if (std::ranges::all_of(candidate.overload.arguments, [&](Type t) { return CanCastImplicitly(*known, t); }))
      fitting.push_back(candidate);
  }
  if (fitting.size() == 1) candidates = fitting;
}

// A binary operator of a known and an unknown argument: the literal has the other's type if such an operator exists.
void KeepByOtherSide(Candidates& candidates, std::span<const Type> given) {
  if (given.size() != 2 || IsUnknown(given[0]) == IsUnknown(given[1])) return;
  const Type known = IsUnknown(given[0]) ? given[1] : given[0];
  Candidates same;
  for (const Candidate& candidate : candidates) {
    if (candidate.overload.arguments[0] == known && candidate.overload.arguments[1] == known) same.push_back(candidate);
  }
  if (same.size() == 1) candidates = same;
}

}  // namespace

Result<Overload, NoOverload> ChooseOverload(std::span<const Function* const> overloads,
                                            std::span<const Type> arguments) {
  Candidates candidates;
  for (const Function* function : overloads) {
    if (auto candidate = Fit(*function, arguments)) candidates.push_back(std::move(*candidate));
  }
  if (candidates.empty()) return NoOverload::kNone;
  const bool literals = std::ranges::any_of(arguments, IsUnknown);
  if (candidates.size() > 1) KeepByOtherSide(candidates, arguments);
  if (candidates.size() > 1) KeepBest(candidates, [](const Candidate& c) { return c.exact; });
  if (candidates.size() > 1) KeepBest(candidates, [](const Candidate& c) { return c.preferred; });
  if (candidates.size() > 1 && literals) KeepByLiterals(candidates, arguments);
  if (candidates.size() > 1 && literals) KeepByKnownType(candidates, arguments);
  if (candidates.size() > 1) {  // a function of fixed arity before a variadic one
    Candidates fixed;
    for (const Candidate& candidate : candidates) {
      if (!candidate.overload.function->variadic) fixed.push_back(candidate);
    }
    if (fixed.size() == 1) candidates = fixed;
  }
  if (candidates.size() != 1) return candidates.empty() ? NoOverload::kNone : NoOverload::kAmbiguous;
  return std::move(candidates[0].overload);
}

Result<Overload, NoOverload> ChooseOverload(std::span<const Function> overloads, std::span<const Type> arguments) {
  std::vector<const Function*> pointers;
  for (const Function& function : overloads) pointers.push_back(&function);
  return ChooseOverload(std::span<const Function* const>(pointers), arguments);
}

namespace {

Problem CannotCast(const Expr& expr, Type target, CastContext context) {
  const std::string from = Name(expr.type);
  const std::string to = Name(target);
  Problem problem{"cannot cast type " + from + " to " + to, expr.location, ""};
  if (context != CastContext::kExplicit && CanCast(expr.type, target, CastContext::kExplicit)) {
    problem.message = "a value of type " + from + " is not taken for " + to + " by itself";
    problem.hint = "Write CAST(... AS " + to + ").";
  }
  return problem;
}

// A literal takes the type by being read.
Parsed<ExprPtr> ReadLiteral(ExprPtr expr, Type target, const std::string& zone) {
  if (expr->constant.null) {
    expr->type = target;
    return expr;
  }
  EvalContext context;
  context.zone = zone;
  Datum value = FromText(target, expr->constant.s, context);
  if (context.failed()) return Problem{context.errors()[0].message, expr->location, ""};
  return MakeConstant(target, std::move(value), expr->location);
}

ExprPtr WithModifier(ExprPtr expr, Type target, CastContext context) {
  if (target.mod < 0 || expr->type.mod == target.mod) return expr;
  const Kernel kernel = ModifierKernel(target, context == CastContext::kExplicit);
  return kernel == nullptr ? std::move(expr) : MakeCast(kernel, Volatility::kImmutable, target, std::move(expr));
}

}  // namespace

Parsed<ExprPtr> CastTo(ExprPtr expr, Type target, CastContext context, const std::string& zone) {
  if (IsUnknown(expr->type) && expr->kind == ExprKind::kConstant) return ReadLiteral(std::move(expr), target, zone);
  if (expr->type == target) return WithModifier(std::move(expr), target, context);
  if (!CanCast(expr->type, target, context)) return CannotCast(*expr, target, context);
  const Cast* cast = FindCast(expr->type, target);
  if (cast == nullptr) return CannotCast(*expr, target, context);
  return WithModifier(MakeCast(cast->kernel, cast->volatility, target.Bare(), std::move(expr)), target, context);
}

std::optional<Type> CommonType(std::span<const Type> types) {
  std::optional<Type> best;
  for (const Type type : types) {
    if (IsUnknown(type)) continue;
    if (!best) {
      best = type;
      continue;
    }
    if (*best == type) {
      if (best->mod != type.mod) best->mod = -1;
      continue;
    }
    if (CategoryOf(*best) != CategoryOf(type)) return std::nullopt;
    if (!IsPreferred(*best) && CanCastImplicitly(*best, type) && !CanCastImplicitly(type, *best)) best = type;
    best->mod = -1;
  }
  if (!best) return Type{TypeId::kText};
  for (const Type type : types) {
    if (!CanCastImplicitly(type, *best)) return std::nullopt;
  }
  return best;
}

}  // namespace headgate::sql
