#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/sql/function.h"
#include "core/sql/numeric.h"

// Kernels from functions over single values: kLift<F> calls F for every row whose arguments are not NULL (the others
// are NULL), kLiftNull<F> for every row, with std::optional arguments.
//
//   std::int64_t Length(std::string_view s);
//   std::optional<std::string> Match(EvalContext&, std::string_view s, std::string_view pattern);
//   {"length", {TypeId::kText}, TypeId::kInt4, kLift<Length>},
//
// Arguments: bool, std::int64_t, double, Wide, std::string_view, Numeric (const Numeric&). Results: the same,
// std::string (kept in the arena), and std::optional of them (nothing: NULL). A std::string_view result points into an
// argument or into the arena. A function that takes an EvalContext& first may Fail; what it returns then does not
// count. One that takes a const CallSite& after it sees the types of the call.
namespace headgate::sql {
namespace lift_internal {

template <class T>
struct Form;
template <>
struct Form<bool> {
  static bool Load(const Vector& v, std::size_t at) { return v.bools[at] != 0; }
  static void Store(EvalContext&, Vector& v, std::size_t at, bool x) { v.bools[at] = x ? 1 : 0; }
};
template <>
struct Form<std::int64_t> {
  static std::int64_t Load(const Vector& v, std::size_t at) { return v.ints[at]; }
  static void Store(EvalContext&, Vector& v, std::size_t at, std::int64_t x) { v.ints[at] = x; }
};
template <>
struct Form<double> {
  static double Load(const Vector& v, std::size_t at) { return v.doubles[at]; }
  static void Store(EvalContext&, Vector& v, std::size_t at, double x) { v.doubles[at] = x; }
};
template <>
struct Form<Wide> {
  static Wide Load(const Vector& v, std::size_t at) { return v.wides[at]; }
  static void Store(EvalContext&, Vector& v, std::size_t at, Wide x) { v.wides[at] = x; }
};
template <>
struct Form<std::string_view> {
  static std::string_view Load(const Vector& v, std::size_t at) { return v.strings[at]; }
  static void Store(EvalContext&, Vector& v, std::size_t at, std::string_view x) { v.strings[at] = x; }
};
template <>
struct Form<std::string> {
  static void Store(EvalContext& context, Vector& v, std::size_t at, const std::string& x) {
    v.strings[at] = context.arena().Keep(x);
  }
};
template <>
struct Form<Numeric> {
  static Numeric Load(const Vector& v, std::size_t at) { return Numeric::Decode(v.strings[at]); }
  static void Store(EvalContext& context, Vector& v, std::size_t at, const Numeric& x) {
    v.strings[at] = context.arena().Keep(x.Encode());
  }
};

template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class R>
void StoreResult(EvalContext& context, Vector& out, std::size_t row, R&& result) {
  using Plain = std::remove_cvref_t<R>;
  if constexpr (IsOptional<Plain>::value) {
    if (!result) {
      out.SetNull(row);
      return;
    }
    Form<typename Plain::value_type>::Store(context, out, row, *std::forward<R>(result));
  } else {
    Form<Plain>::Store(context, out, row, std::forward<R>(result));
  }
}

template <class T>
auto LoadArgument(const Vector& v, std::size_t row) {
  using Plain = std::remove_cvref_t<T>;
  if constexpr (IsOptional<Plain>::value) {
    if (v.IsNull(row)) return Plain{};
    return Plain{Form<typename Plain::value_type>::Load(v, v.Index(row))};
  } else {
    return Form<Plain>::Load(v, v.Index(row));
  }
}

template <auto F, bool kStrict, class Signature = decltype(F)>
struct Lifted;

template <auto F, bool kStrict, bool kContext, bool kSite, class R, class... A>
struct LiftedBase {
  static void Run(EvalContext& context, const CallSite& site, std::span<const Vector* const> arguments,
                  const Rows& rows, Vector& out) {
    Loop(context, site, arguments, rows, out, std::index_sequence_for<A...>{});
  }

 private:
  template <std::size_t... I>
  static void Loop(EvalContext& context, [[maybe_unused]] const CallSite& site,
                   [[maybe_unused]] std::span<const Vector* const> arguments, const Rows& rows, Vector& out,
                   std::index_sequence<I...>) {
    bool nullable = false;
    if constexpr (kStrict) nullable = (... || arguments[I]->has_nulls());
    for (std::size_t n = 0; n < rows.size(); ++n) {
      const std::uint32_t row = rows[n];
      if constexpr (kStrict) {
        if (nullable && (... || arguments[I]->IsNull(row))) {
          out.SetNull(row);
          continue;
        }
      }
      if constexpr (kContext) {
        context.row = row;
        const std::size_t failures = context.errors().size();
        if constexpr (kSite) {
          StoreResult(context, out, row, F(context, site, LoadArgument<A>(*arguments[I], row)...));
        } else {
          StoreResult(context, out, row, F(context, LoadArgument<A>(*arguments[I], row)...));
        }
        if (context.errors().size() != failures) out.SetNull(row);
      } else {
        StoreResult(context, out, row, F(LoadArgument<A>(*arguments[I], row)...));
      }
    }
  }
};

template <auto F, bool kStrict, class R, class... A>
struct Lifted<F, kStrict, R (*)(A...)> : LiftedBase<F, kStrict, false, false, R, A...> {};
template <auto F, bool kStrict, class R, class... A>
struct Lifted<F, kStrict, R (*)(EvalContext&, A...)> : LiftedBase<F, kStrict, true, false, R, A...> {};
template <auto F, bool kStrict, class R, class... A>
struct Lifted<F, kStrict, R (*)(EvalContext&, const CallSite&, A...)> : LiftedBase<F, kStrict, true, true, R, A...> {};

}  // namespace lift_internal

template <auto F>
inline constexpr Kernel kLift = &lift_internal::Lifted<F, true>::Run;
template <auto F>
inline constexpr Kernel kLiftNull = &lift_internal::Lifted<F, false>::Run;

}  // namespace headgate::sql
