#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/operators/delta.h"
#include "core/sql/relation.h"

namespace headgate::views {

// How the rows of a view are kept.
enum class RowForm : std::uint8_t {
  kKeyed,    // by key
  kCounted,  // rows may repeat: by all columns, with a count
  kBlocks,   // only ever added: in blocks, in the order in which they came
};
RowForm RowFormOf(const sql::Relation& view);

// One change of a view's content: a row came, went, or took the place of another one with its key. The bytes belong to
// the ViewChange.
struct RowChange {
  std::string_view key;  // order-preserving, of the key columns; of a view without a key of all columns
  std::optional<std::string_view> before;  // rows in the form of sql::EncodeRow
  std::optional<std::string_view> after;
  std::int64_t times = 1;  // more than one only in a view without a key
  At at;                   // the row of the log that caused it
};

// What a step did to a view.
struct ViewChange {
  std::vector<operators::Delta> added;              // of a view whose rows only come: they, as they came
  std::vector<RowChange> changes;                   // of the others
  std::vector<std::shared_ptr<const void>> owners;  // of their bytes
  bool empty() const { return added.empty() && changes.empty(); }
  // Memory for bytes of changes, owned from now on.
  sql::Arena& Own();
};

// The columns of a view without hidden ones, as types.
std::vector<sql::Type> TypesOf(const sql::Relation& relation);
// The columns that say which row it is: those of its key, or all.
std::vector<std::size_t> KeyColumnsOf(const sql::Relation& view);

// What is known of a step's output before it is looked at.
enum class OutputOrder : std::uint8_t {
  kAny,
  kTogether,  // the rows of one key come one behind the other
};

// The net change of a step's output: what is left after equal rows of opposite sign are gone (C-4). In log order only
// if that is asked for.
ViewChange Settle(const sql::Relation& view, std::vector<operators::Delta> output, OutputOrder order,
                  bool in_log_order);

// The rows of deltas in log order: which delta, and which row of it.
struct RowPlace {
  std::uint32_t delta = 0;
  std::uint32_t row = 0;
};
std::vector<RowPlace> InLogOrder(const std::vector<operators::Delta>& deltas);

// The delta without the columns behind the first ones.
operators::Delta FirstColumns(operators::Delta delta, std::size_t columns);

// The change as deltas, so that views of the view take in the net change alone.
std::vector<operators::Delta> AsDeltas(const sql::Relation& view, ViewChange change);

}  // namespace headgate::views
