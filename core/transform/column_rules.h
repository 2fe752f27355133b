#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/model/schema.h"
#include "core/transform/row_transform.h"

namespace headgate {

// What becomes of columns. A column is named schema.table.column (MySQL: database.table.column; without schema:
// table.column), in lists of patterns with * and ?. Immutable; any thread.
struct ColumnRules {
  std::vector<std::string> mask;
  std::vector<std::string> hash;
  std::vector<std::pair<std::string, std::size_t>> truncate;  // to so many characters
  std::vector<std::pair<std::string, std::string>> rename;    // to that name; no patterns
  std::string mask_text;                                      // what masked text becomes
  std::string hash_key;                                       // of the HMAC

  bool empty() const { return mask.empty() && hash.empty() && truncate.empty() && rename.empty(); }
};

// The rules as they apply to one schema; nullptr if none does. kConfig, with table and column, for a rule that cannot
// be obeyed: a masked or cut column of the key, a cut one that is no text, a column of two rules, a name that two
// columns would have.
//
// `previous` is the stream's newest schema as it was stored, if it is known: what it says of values that older rows
// have in a hashed column has been hashed already; and a column that was hidden and is gone while another has come is
// an error, as it may have got another name.
Result<std::shared_ptr<const RowTransform>> Compile(const ColumnRules& rules, const TableSchema& schema,
                                                    const TableSchema* previous = nullptr);

// schema.table.column, as rules name it.
std::string QualifiedColumn(std::string_view schema, std::string_view table, std::string_view column);

}  // namespace headgate
