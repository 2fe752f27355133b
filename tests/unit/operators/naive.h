#pragma once

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "tests/unit/operators/sample_views.h"

namespace headgate::test {

struct NaiveRow {
  std::vector<sql::Datum> values;
  std::int64_t weight = 1;
  At at;
};
using NaiveRows = std::vector<NaiveRow>;

// What a plan gives over all that is there, computed anew: every node is a loop over whole inputs, with no state, no
// changes and no indexes. A row whose expression fails gives nothing. Not of kExpire, grace, or null_on_error.
class Naive {
 public:
  // Whole transactions, in log order.
  void Apply(const Step& step);
  // As SampleView prints its rows.
  Outputs Of(const sql::Plan& plan);

 private:
  struct Version {
    NaiveRow row;
    std::optional<Seq> gone;
  };

  void Take(const sql::Relation& relation, NaiveRow row);
  NaiveRows Rows(const sql::Plan& plan);
  NaiveRows Scan(const sql::Plan& plan) const;
  NaiveRows Inner(const sql::Plan& plan);
  NaiveRows Outer(const sql::Plan& plan);
  NaiveRows Temporal(const sql::Plan& plan);
  NaiveRows SetOp(const sql::Plan& plan);
  const NaiveRows& RowsAsOf(const sql::Plan& plan, Seq seq);

  std::map<const sql::Relation*, std::vector<Version>> versions_;
  std::optional<Seq> as_of_;  // what is there after this transaction; nothing: now
  std::map<std::pair<const sql::Plan*, Seq>, NaiveRows> known_;
};

}  // namespace headgate::test
