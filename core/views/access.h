#pragma once

#include <optional>
#include <string>

#include "core/views/form.h"
#include "core/views/key_range.h"

namespace headgate::views {

// How the rows of a view are found that can meet some conditions. Other rows may be found too.
struct Access {
  enum class By : std::uint8_t { kAll, kKey, kIndex };
  By by = By::kAll;
  std::uint32_t index = 0;  // its number
  KeyRange range;
  std::string after;  // kAll: the place of the row to go on behind
};
// By what fixes the most columns with `=`, then by what bounds another one; if several do, by the key. Only indexes
// that are whole count.
Access AccessOf(const Definition& view, const FormProgress& progress, const Conditions& conditions);
// Names the place of a row that was found so: behind it a later read goes on.
std::string CursorOf(const Access& access, const ViewRows::Stored& stored);
// As it was begun, from there on; nothing if that is not possible any more.
std::optional<Access> AccessBehind(const Definition& view, const FormProgress& progress, const Conditions& conditions,
                                   std::string_view cursor);
// Every row that is found so, in the order of the key, of the index, or as they lie.
Status ScanBy(const Access& access, const StoreView& store, const Definition& view, const ViewRows::Visit& visit);

}  // namespace headgate::views
