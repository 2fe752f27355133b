#pragma once

#include <span>
#include <vector>

#include "core/sql/function.h"

namespace headgate::sql {

// Kernels from functions over datums, for functions of any types: polymorphic and variadic ones. kOverDatums<F> calls F
// for every row whose arguments are not NULL (the others are NULL), kOverNulls<F> for every row.
//
//   Datum Cardinality(EvalContext&, const CallSite& site, std::span<const Datum> arguments);
using DatumFunction = Datum (*)(EvalContext& context, const CallSite& site, std::span<const Datum> arguments);

template <DatumFunction F, bool kStrict>
void OverDatums(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments, const Rows& rows,
                Vector& out) {
  std::vector<Datum> values(arguments.size());
  for (std::size_t n = 0; n < rows.size(); ++n) {
    const std::uint32_t row = rows[n];
    context.row = row;
    bool null = false;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
      values[i] = arguments[i]->At(row);
      null = null || values[i].null;
    }
    if (kStrict && null) {
      out.SetNull(row);
      continue;
    }
    const std::size_t failures = context.errors().size();
    const Datum result = F(context, site, values);
    if (result.null || context.errors().size() != failures) {
      out.SetNull(row);
    } else {
      out.Set(row, result, context.arena());
    }
  }
}

template <DatumFunction F>
inline constexpr Kernel kOverDatums = &OverDatums<F, true>;
template <DatumFunction F>
inline constexpr Kernel kOverNulls = &OverDatums<F, false>;

}  // namespace headgate::sql
