#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/sql/vector.h"

namespace headgate::sql {

// An error of one row: SQLSTATE and the words of PostgreSQL.
struct RowError {
  std::uint32_t row = 0;
  std::string code;  // "22012"
  std::string message;
};

// What an evaluation of expressions over one batch needs and leaves behind. One thread.
class EvalContext {
 public:
  EvalContext() : arena_(std::make_shared<Arena>()) {}

  // Texts made by functions live here; the vectors that point into it own it.
  Arena& arena() { return *arena_; }
  const std::shared_ptr<Arena>& shared_arena() const { return arena_; }
  // For the next batch.
  void Reset() {
    arena_ = std::make_shared<Arena>();
    errors_.clear();
    own_ = 0;
  }

  // An expression begins: errors from the place on that it gives are its own.
  std::size_t Begin() { return own_ = errors_.size(); }
  // Says that the row being computed has no value. The first error of a row counts, of each expression.
  void Fail(std::string_view code, std::string message) {
    if (errors_.size() == own_ || errors_.back().row != row)
      errors_.push_back({row, std::string(code), std::move(message)});
  }
  const std::vector<RowError>& errors() const { return errors_; }
  bool failed() const { return !errors_.empty(); }

  std::uint32_t row = 0;  // set by whoever loops over rows, before a function may fail

  std::string zone = "UTC";  // time zone of the session or view
  bool has_now = false;      // now() and its kin are allowed
  std::int64_t now_us = 0;   // us since 2000, UTC

 private:
  std::shared_ptr<Arena> arena_;
  std::vector<RowError> errors_;
  std::size_t own_ = 0;  // where those of the expression at hand begin
};

// Fail for functions that give a datum.
inline Datum Refused(EvalContext& context, std::string_view code, std::string message) {
  context.Fail(code, std::move(message));
  return Datum::Null();
}

}  // namespace headgate::sql
