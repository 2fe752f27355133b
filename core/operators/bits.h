#pragma once

#include <memory>

#include "core/operators/accumulator.h"

namespace headgate::operators {

// bit_and, bit_or, bit_xor: for each bit how many values have it, so that values may leave.
std::unique_ptr<Accumulator> MakeBits(const sql::AggregateCall& call);

}  // namespace headgate::operators
