#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "core/log/store.h"
#include "core/views/definition.h"
#include "core/views/query.h"
#include "core/views/row_filter.h"

namespace headgate::views {

// A moment of the views, and where in the log what comes behind it begins.
struct Moment {
  Seq applied = 0;
  std::uint64_t told = 0;  // the number of the last transaction of views that it has (TransactionInfo::position.a)
};
Result<Moment> MomentOf(const StoreView& view);
// The form has the rows of that moment, all of them: it is not being loaded, and no other is about to take its place.
Result<bool> IsWhole(const StoreView& view, std::uint32_t form);

// All rows of a view as they were at one moment, read in pieces. For one thread; the store outlives it.
class Content {
 public:
  // nullptr: the view is being loaded, or its replacement is being told at this moment; try again after a step.
  static Result<std::unique_ptr<Content>> Open(const Store& store, DefinitionPtr serving);

  const Moment& moment() const { return moment_; }
  const Definition& definition() const { return *definition_; }

  // Adds rows that pass to `table` until it has `rows_max` of them (copies of a row stay together) or about 64 KiB, or
  // the time is over. True: there are more.
  Result<bool> Read(Table& table, const RowFilter& filter, std::size_t rows_max,
                    std::chrono::steady_clock::time_point until);

 private:
  Content(const Store& store, DefinitionPtr definition)
      : view_(store, StoreView::Hold::kLong), definition_(std::move(definition)) {}

  StoreView view_;
  DefinitionPtr definition_;
  Moment moment_;
  std::string cursor_;
};

}  // namespace headgate::views
