#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/codec/event.h"
#include "core/log/log.h"

namespace headgate::test {

enum class GoldenPhase : std::uint8_t { kSnapshot, kStream };
using GoldenCaptured = std::function<bool(const std::string& table)>;
using GoldenSee = std::function<void(const codec::EventContext&)>;

// Statements that changed a schema: none, those of captured tables and of databases, or all.
enum class GoldenStatements : std::uint8_t { kNone, kCaptured, kAll };

// Calls `see` for every change that a source brought in that phase of the tables that `captured` accepts (it gets
// schema.table), and every message, in the order of the log. What a transaction says of itself (its count, the end of
// the one before) is that of a source which captures only these. `name`: what events call the source.
Status ReplayGolden(const Log& log, SourceNo source, std::string_view name, GoldenPhase phase,
                    const GoldenCaptured& captured, const GoldenSee& see,
                    GoldenStatements statements = GoldenStatements::kNone);

}  // namespace headgate::test
