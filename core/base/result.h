#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/check.h"

namespace headgate {

// What a failure leads to. core/pipeline/retry.h has the one table from kind to action.
enum class ErrorKind : std::uint8_t {
  kTransient,  // the other side may recover: retry with back-off
  kRejected,   // the other side refused this very record or request: dead letter
  kConfig,     // a person has to change something: stop with advice
  kCorrupt,    // bytes that cannot be what they claim: stop, never guess
  kStopped,    // we were asked to stop
};

std::string_view Name(ErrorKind kind);

// `what` says what was tried, on which object, and what to do next. Never row values, never secrets.
struct Error {
  ErrorKind kind = ErrorKind::kTransient;
  std::string what;
};

inline Error Transient(std::string what) { return {ErrorKind::kTransient, std::move(what)}; }
inline Error Rejected(std::string what) { return {ErrorKind::kRejected, std::move(what)}; }
inline Error ConfigError(std::string what) { return {ErrorKind::kConfig, std::move(what)}; }
inline Error Corrupt(std::string what) { return {ErrorKind::kCorrupt, std::move(what)}; }
inline Error Stopped() { return {ErrorKind::kStopped, "stopped"}; }

// A value or an error. Expected failure is a value; exceptions end where a library throws. E is another type only where
// an error says more than Error does, such as a place in a text.
template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    CHECK(ok());
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK(ok());
    return std::get<0>(state_);
  }
  T&& value() && {
    CHECK(ok());
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const E& error() const& {
    CHECK(!ok());
    return std::get<1>(state_);
  }
  E&& error() && {
    CHECK(!ok());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(E error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit on purpose

  bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  const E& error() const& {
    CHECK(!ok_);
    return error_;
  }
  E&& error() && {
    CHECK(!ok_);
    return std::move(error_);
  }

 private:
  E error_;
  bool ok_ = true;
};

using Status = Result<void>;
inline Status Ok() { return {}; }

}  // namespace headgate

#define HG_CONCAT_INNER(a, b) a##b
#define HG_CONCAT(a, b) HG_CONCAT_INNER(a, b)

// Returns the error of a Status or Result expression to the caller.
#define HG_RETURN_IF_ERROR(expr)                      \
  do {                                                \
    if (auto&& hg_status = (expr); !hg_status.ok()) { \
      return std::move(hg_status).error();            \
    }                                                 \
  } while (false)

// HG_ASSIGN_OR_RETURN(auto x, F()): x is the value, or the error goes to the caller.
#define HG_ASSIGN_OR_RETURN(lhs, expr) HG_ASSIGN_OR_RETURN_INNER(HG_CONCAT(hg_result_, __LINE__), lhs, expr)
#define HG_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                              \
  if (!tmp.ok()) {                                \
    return std::move(tmp).error();                \
  }                                               \
  lhs = std::move(tmp).value()
