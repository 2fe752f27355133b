#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "core/base/bytes.h"
#include "core/operators/accumulator.h"
#include "core/sql/numeric.h"

// How accumulators are stored: a group's bytes are its own business (no other version reads them), so these are only
// the parts that several accumulators have. What makes no sense sets failed() of the reader.
namespace headgate::operators {

// All was read, and no more than all.
inline bool Complete(const ByteReader& in) { return !in.failed() && in.done(); }

// Zigzag, then seven bits a byte.
void PutInt128(std::string& out, sql::Int128 v);
sql::Int128 ReadInt128(ByteReader& in);

// How many values have which scale.
using ScaleCounts = std::map<int, std::int64_t>;
void PutScales(std::string& out, const ScaleCounts& scales);
ScaleCounts ReadScales(ByteReader& in);

// One row, NULLs included.
void PutDatums(std::string& out, const std::vector<sql::Type>& types, std::span<const sql::Datum> values);
std::vector<sql::Datum> ReadDatums(ByteReader& in, const std::vector<sql::Type>& types);

}  // namespace headgate::operators
