#include <algorithm>
#include <array>

#include "core/base/check.h"
#include "core/sql/array_value.h"
#include "core/sql/expr.h"
#include "core/sql/key.h"

namespace headgate::sql {
namespace {

using Listed = std::vector<std::uint32_t>;
using Made = std::shared_ptr<Vector>;

Made NewVector(Type type, const Batch& input) { return std::make_shared<Vector>(PhysicalOf(type), input.rows); }

// Copies one value between vectors of one form; text stays where it is.
void CopyValue(Vector& out, std::size_t row, const Vector& from) {
  const std::size_t at = from.Index(row);
  if (!from.nulls.empty() && from.nulls[at] != 0) {
    out.SetNull(row);
    return;
  }
  switch (out.physical) {
    case Physical::kBool:
      out.bools[row] = from.bools[at];
      break;
    case Physical::kInt:
      out.ints[row] = from.ints[at];
      break;
    case Physical::kDouble:
      out.doubles[row] = from.doubles[at];
      break;
    case Physical::kWide:
      out.wides[row] = from.wides[at];
      break;
    case Physical::kString:
      out.strings[row] = from.strings[at];
      break;
  }
}

enum class Truth : std::uint8_t { kFalse, kTrue, kNull };
Truth TruthOf(const Vector& v, std::size_t row) {
  if (v.IsNull(row)) return Truth::kNull;
  return v.bools[v.Index(row)] != 0 ? Truth::kTrue : Truth::kFalse;
}
void SetTruth(Vector& out, std::size_t row, Truth truth) {
  if (truth == Truth::kNull) {
    out.SetNull(row);
  } else {
    out.bools[row] = truth == Truth::kTrue ? 1 : 0;
    if (!out.nulls.empty()) out.nulls[row] = 0;
  }
}

// Evaluates one expression over one batch; each node has a function.
class Evaluation {
 public:
  Evaluation(const Batch& input, EvalContext& context) : input_(input), context_(context) {}

  Column Run(const Expr& expr, const Rows& rows) {
    switch (expr.kind) {
      case ExprKind::kColumn:
        return input_.columns[expr.column];
      case ExprKind::kConstant:
        return std::make_shared<Vector>(Vector::Constant(expr.type, expr.constant));
      case ExprKind::kCall:
        return Call(expr, rows);
      case ExprKind::kAnd:
        return Junction(expr, rows, Truth::kFalse);
      case ExprKind::kOr:
        return Junction(expr, rows, Truth::kTrue);
      case ExprKind::kNot:
      case ExprKind::kIsNull:
      case ExprKind::kIsNotNull:
      case ExprKind::kIsTrue:
      case ExprKind::kIsFalse:
        return Test(expr, rows);
      case ExprKind::kDistinct:
      case ExprKind::kNotDistinct:
        return Distinct(expr, rows);
      case ExprKind::kCase:
        return Case(expr, rows);
      case ExprKind::kCoalesce:
        return Coalesce(expr, rows);
      case ExprKind::kNullIf:
        return NullIf(expr, rows);
      case ExprKind::kGreatest:
      case ExprKind::kLeast:
        return Extreme(expr, rows);
      case ExprKind::kArray:
        return Array(expr, rows);
      case ExprKind::kQuantified:
        return Quantified(expr, rows);
      case ExprKind::kOuter:
      case ExprKind::kSubquery:
      case ExprKind::kAggregate:
      case ExprKind::kWindow:
        break;
    }
    CHECK(false);  // the binder leaves none of these in a plan
    return nullptr;
  }

 private:
  Column Call(const Expr& expr, const Rows& rows) {
    if (expr.kernel == nullptr) return Run(*expr.arguments[0], rows);
    std::vector<Column> values;
    std::vector<const Vector*> arguments;
    bool constant = expr.function->volatility <= Volatility::kStable;
    for (const ExprPtr& argument : expr.arguments) {
      values.push_back(Run(*argument, rows));
      arguments.push_back(values.back().get());
      constant = constant && values.back()->constant;
    }
    const CallSite site{expr.argument_types, expr.type};
    if (constant && rows.size() > 0) return CallOnce(expr, site, arguments, rows);
    Made out = NewVector(expr.type, input_);
    expr.kernel(context_, site, arguments, rows, *out);
    Own(*out, arguments);
    return out;
  }

  // Constant arguments give a constant, unless it fails: then each row fails.
  Column CallOnce(const Expr& expr, const CallSite& site, const std::vector<const Vector*>& arguments,
                  const Rows& rows) {
    auto out = std::make_shared<Vector>(PhysicalOf(expr.type), 1);
    EvalContext once;
    once.zone = context_.zone;
    once.has_now = context_.has_now;
    once.now_us = context_.now_us;
    expr.kernel(once, site, arguments, Rows(1), *out);
    if (once.failed()) {
      for (std::size_t n = 0; n < rows.size(); ++n) {
        context_.row = rows[n];
        context_.Fail(once.errors()[0].code, once.errors()[0].message);
      }
      out->SetNull(0);
    }
    out->constant = true;
    out->owners.push_back(once.shared_arena());
    Own(*out, arguments);
    return out;
  }

  void Own(Vector& out, const std::vector<const Vector*>& arguments) {
    if (out.physical != Physical::kString) return;
    if (std::ranges::find(out.owners, context_.shared_arena()) == out.owners.end())
      out.owners.push_back(context_.shared_arena());
    for (const Vector* argument : arguments) out.TakeOwners(*argument);
  }

  // AND stops at a false, OR at a true; a NULL among the rest makes it NULL.
  Column Junction(const Expr& expr, const Rows& rows, Truth decides) {
    Made out = NewVector(TypeId::kBool, input_);
    const Truth neutral = decides == Truth::kFalse ? Truth::kTrue : Truth::kFalse;
    Listed open;
    for (std::size_t n = 0; n < rows.size(); ++n) {
      open.push_back(rows[n]);
      SetTruth(*out, rows[n], neutral);
    }
    for (const ExprPtr& argument : expr.arguments) {
      if (open.empty()) break;
      const Column value = Run(*argument, Rows(open));
      std::size_t kept = 0;
      for (const std::uint32_t row : open) {
        const Truth truth = TruthOf(*value, row);
        if (truth != neutral) SetTruth(*out, row, truth);
        if (truth != decides) open[kept++] = row;
      }
      open.resize(kept);
    }
    return out;
  }

  Column Test(const Expr& expr, const Rows& rows) {
    const Column value = Run(*expr.arguments[0], rows);
    Made out = NewVector(TypeId::kBool, input_);
    for (std::size_t n = 0; n < rows.size(); ++n) {
      const std::uint32_t row = rows[n];
      if (expr.kind == ExprKind::kIsNull || expr.kind == ExprKind::kIsNotNull) {
        out->bools[row] = value->IsNull(row) == (expr.kind == ExprKind::kIsNull) ? 1 : 0;
        continue;
      }
      const Truth truth = TruthOf(*value, row);
      if (expr.kind == ExprKind::kIsTrue) {
        out->bools[row] = truth == Truth::kTrue ? 1 : 0;
      } else if (expr.kind == ExprKind::kIsFalse) {
        out->bools[row] = truth == Truth::kFalse ? 1 : 0;
      } else if (truth == Truth::kNull) {
        out->SetNull(row);
      } else {
        out->bools[row] = truth == Truth::kFalse ? 1 : 0;
      }
    }
    return out;
  }

  Column Distinct(const Expr& expr, const Rows& rows) {
    const Column a = Run(*expr.arguments[0], rows);
    const Column b = Run(*expr.arguments[1], rows);
    const Column equal = Run(*expr.arguments[2], rows);
    Made out = NewVector(TypeId::kBool, input_);
    for (std::size_t n = 0; n < rows.size(); ++n) {
      const std::uint32_t row = rows[n];
      const bool a_null = a->IsNull(row);
      const bool b_null = b->IsNull(row);
      const bool same = a_null || b_null ? a_null == b_null : TruthOf(*equal, row) == Truth::kTrue;
      out->bools[row] = same == (expr.kind == ExprKind::kNotDistinct) ? 1 : 0;
    }
    return out;
  }

  Column Case(const Expr& expr, const Rows& rows) {
    Made out = NewVector(expr.type, input_);
    Listed open;
    for (std::size_t n = 0; n < rows.size(); ++n) open.push_back(rows[n]);
    for (std::size_t i = 0; i + 1 < expr.arguments.size() && !open.empty(); i += 2) {
      const std::size_t failed_before = context_.errors().size();
      const Column when = Run(*expr.arguments[i], Rows(open));
      Listed failed;
      for (std::size_t e = failed_before; e < context_.errors().size(); ++e) failed.push_back(context_.errors()[e].row);
      Listed hit;
      Listed rest;
      for (const std::uint32_t row : open) {
        if (!failed.empty() && std::ranges::find(failed, row) != failed.end()) {
          out->SetNull(row);
        } else {
          (TruthOf(*when, row) == Truth::kTrue ? hit : rest).push_back(row);
        }
      }
      Take(*out, *expr.arguments[i + 1], hit);
      open = std::move(rest);
    }
    if (!open.empty()) Take(*out, *expr.arguments.back(), open);
    return out;
  }

  // out := the value of the expression, at these rows.
  void Take(Vector& out, const Expr& expr, const Listed& rows) {
    if (rows.empty()) return;
    const Column value = Run(expr, Rows(rows));
    for (const std::uint32_t row : rows) CopyValue(out, row, *value);
    out.TakeOwners(*value);
  }

  Column Coalesce(const Expr& expr, const Rows& rows) {
    Made out = NewVector(expr.type, input_);
    Listed open;
    for (std::size_t n = 0; n < rows.size(); ++n) open.push_back(rows[n]);
    for (const ExprPtr& argument : expr.arguments) {
      if (open.empty()) break;
      const Column value = Run(*argument, Rows(open));
      std::size_t kept = 0;
      for (const std::uint32_t row : open) {
        if (value->IsNull(row)) {
          open[kept++] = row;
        } else {
          CopyValue(*out, row, *value);
        }
      }
      open.resize(kept);
      out->TakeOwners(*value);
    }
    for (const std::uint32_t row : open) out->SetNull(row);
    return out;
  }

  Column NullIf(const Expr& expr, const Rows& rows) {
    const Column value = Run(*expr.arguments[0], rows);
    const Column equal = Run(*expr.arguments[1], rows);
    Made out = NewVector(expr.type, input_);
    for (std::size_t n = 0; n < rows.size(); ++n) {
      if (TruthOf(*equal, rows[n]) == Truth::kTrue) {
        out->SetNull(rows[n]);
      } else {
        CopyValue(*out, rows[n], *value);
      }
    }
    out->TakeOwners(*value);
    return out;
  }

  Column Extreme(const Expr& expr, const Rows& rows) {
    Made out = NewVector(expr.type, input_);
    for (std::size_t n = 0; n < rows.size(); ++n) out->SetNull(rows[n]);
    for (const ExprPtr& argument : expr.arguments) {
      const Column value = Run(*argument, rows);
      for (std::size_t n = 0; n < rows.size(); ++n) {
        const std::uint32_t row = rows[n];
        if (value->IsNull(row)) continue;
        if (!out->IsNull(row)) {
          const auto order = Compare(expr.type, *value, row, *out, row);
          if (expr.kind == ExprKind::kGreatest ? order <= 0 : order >= 0) continue;
        }
        CopyValue(*out, row, *value);
        out->nulls[row] = 0;
      }
      out->TakeOwners(*value);
    }
    return out;
  }

  Column Array(const Expr& expr, const Rows& rows) {
    std::vector<Column> values;
    for (const ExprPtr& argument : expr.arguments) values.push_back(Run(*argument, rows));
    Made out = NewVector(expr.type, input_);
    for (std::size_t n = 0; n < rows.size(); ++n) {
      const std::uint32_t row = rows[n];
      std::string payload;
      if (!expr.arguments.empty() && expr.arguments[0]->type.array) {
        if (!Nested(expr, values, row, payload)) {
          out->SetNull(row);
          continue;
        }
      } else {
        std::vector<Datum> elements;
        for (const Column& value : values) elements.push_back(value->At(row));
        payload = ArrayValue::OneDimension(std::move(elements)).Payload(expr.type.Element());
      }
      out->strings[row] = context_.arena().Keep(payload);
    }
    out->owners.push_back(context_.shared_arena());
    return out;
  }

  // ARRAY[ARRAY[..], ARRAY[..]]: one dimension more than the elements have, which must agree.
  bool Nested(const Expr& expr, const std::vector<Column>& values, std::uint32_t row, std::string& payload) {
    ArrayValue whole;
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Datum value = values[i]->At(row);
      ArrayValue part = value.null ? ArrayValue{} : ArrayValue::Read(value.s, expr.type.Element());
      if (i == 0) {
        whole.dimensions.push_back({static_cast<std::int64_t>(values.size()), 1});
        whole.dimensions.insert(whole.dimensions.end(), part.dimensions.begin(), part.dimensions.end());
      }
      const bool fits = part.dimensions.size() + 1 == whole.dimensions.size() &&
                        std::equal(part.dimensions.begin(), part.dimensions.end(), whole.dimensions.begin() + 1,
                                   [](const auto& a, const auto& b) { return a.length == b.length; });
      if (!fits) {
        context_.row = row;
        context_.Fail("2202E", "multidimensional arrays must have array expressions with matching dimensions");
        return false;
      }
      std::ranges::move(part.elements, std::back_inserter(whole.elements));
    }
    if (whole.elements.empty()) whole.dimensions.clear();
    payload = whole.Payload(expr.type.Element());
    return true;
  }

  // a op ANY (array), a op ALL (array): over the elements of each row's array.
  Column Quantified(const Expr& expr, const Rows& rows) {
    const Column value = Run(*expr.arguments[0], rows);
    const Column arrays = Run(*expr.arguments[1], rows);
    Made out = NewVector(TypeId::kBool, input_);
    const Type element = expr.arguments[1]->type.Element();
    const CallSite site{expr.argument_types, TypeId::kBool};
    for (std::size_t n = 0; n < rows.size(); ++n) {
      const std::uint32_t row = rows[n];
      if (arrays->IsNull(row)) {
        out->SetNull(row);
        continue;
      }
      const ArrayValue array = ArrayValue::Read(arrays->strings[arrays->Index(row)], element);
      Truth result = expr.all ? Truth::kTrue : Truth::kFalse;
      const Truth decides = expr.all ? Truth::kFalse : Truth::kTrue;
      EvalContext once;
      once.zone = context_.zone;
      const Vector left = Vector::Constant(expr.arguments[0]->type, value->At(row));
      for (const Datum& item : array.elements) {
        const Vector right = Vector::Constant(element, item);
        const std::array<const Vector*, 2> both = {&left, &right};
        Vector one(Physical::kBool, 1);
        expr.kernel(once, site, both, Rows(1), one);
        const Truth truth = TruthOf(one, 0);
        if (truth == decides || truth == Truth::kNull) result = truth;
        if (truth == decides) break;
      }
      if (once.failed()) {
        context_.row = row;
        context_.Fail(once.errors()[0].code, once.errors()[0].message);
      }
      SetTruth(*out, row, result);
    }
    return out;
  }

  const Batch& input_;
  EvalContext& context_;
};

}  // namespace

// An error deep in the expression leaves it without a value, whatever the rest of it would make of NULL there.
Column Evaluate(const Expr& expr, const Batch& input, const Rows& rows, EvalContext& context) {
  const std::size_t own = context.Begin();
  Column value = Evaluation(input, context).Run(expr, rows);
  if (context.errors().size() == own) return value;
  Vector without = *value;
  for (std::size_t e = own; e < context.errors().size(); ++e) without.SetNull(without.Index(context.errors()[e].row));
  return std::make_shared<const Vector>(std::move(without));
}

std::vector<std::uint32_t> Matching(const Expr& condition, const Batch& input, const Rows& rows, EvalContext& context) {
  const Column value = Evaluate(condition, input, rows, context);
  Listed matching;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    if (TruthOf(*value, rows[n]) == Truth::kTrue) matching.push_back(rows[n]);
  }
  return matching;
}

Datum EvaluateConstant(const Expr& expr, EvalContext& context) {
  Batch one;
  one.rows = 1;
  return Evaluate(expr, one, Rows(1), context)->At(0);
}

}  // namespace headgate::sql
