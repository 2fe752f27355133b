#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "core/sql/relation.h"
#include "core/views/settle.h"

// A view's changes as a stream of the log.
namespace headgate::views {

// The source under which the streams of views stand in the log; no connector may have its name.
inline constexpr std::string_view kViewSource = "views";
inline constexpr std::string_view kViewConnector = "headgate";

// What a transaction of the views' source is: TransactionInfo::position.b.
enum class ViewWrite : std::uint8_t {
  kStep = 0,      // what the log up to consistent_at, and nothing else, made of the views: the only one of that place
  kContent = 1,   // of one view that was loaded or replaced while the views stood at consistent_at, in any number
  kBaseline = 2,  // what one view has had for a while, since somebody reads its stream for the first time
  kTick = 3,      // none: a mark of log time
};

// The shape of a view's rows in the log.
TableSchema SchemaOf(const sql::Relation& view);

// Adds a change to a transaction, what only comes in log order, the rest as it is: insert, update, delete with whole
// rows.
void AddChange(Transaction& tx, StreamNo stream, std::uint32_t version, const sql::Relation& view,
               const ViewChange& change);

// The same for rows that are there already: read, as a table's snapshot tells its rows.
void AddContent(Transaction& tx, StreamNo stream, std::uint32_t version, const sql::Relation& view,
                const ViewChange& content);

}  // namespace headgate::views
