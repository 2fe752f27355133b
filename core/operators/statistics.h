#pragma once

#include <memory>

#include "core/operators/accumulator.h"

namespace headgate::operators {

// var_pop, var_samp, stddev_pop, stddev_samp, corr, covar_pop, covar_samp: from exact sums, so that what leaves leaves
// nothing behind. Of integers and numeric the result is PostgreSQL's numeric, digit by digit; of floats the nearest
// double to the exact result, where PostgreSQL's may be off in the last digits.
std::unique_ptr<Accumulator> MakeStatistics(const sql::AggregateCall& call);

}  // namespace headgate::operators
