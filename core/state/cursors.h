#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/log/store.h"
#include "core/model/change.h"

// Where each sink stands in the log: the lowest change that is neither delivered nor stored as a dead letter.
namespace headgate {

Result<std::optional<At>> ReadCursor(const Store& store, std::string_view sink);
void PutCursor(StoreBatch& batch, std::string_view sink, At cursor);
// The same, put there by a person: where the target keeps the cursor, this one counts and not the target's.
void PutGivenCursor(StoreBatch& batch, std::string_view sink, At cursor);
Result<bool> IsCursorGiven(const Store& store, std::string_view sink);
void DeleteCursor(StoreBatch& batch, std::string_view sink);
// The lowest seq that any sink still needs, of those that `counts` names (empty: all); 0 if there is no cursor.
Result<Seq> LowestCursor(const Store& store, const std::function<bool(std::string_view sink)>& counts = {});

}  // namespace headgate
