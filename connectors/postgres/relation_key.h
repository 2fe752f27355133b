#pragma once

#include <string>
#include <vector>

#include "core/model/schema.h"

// Which columns are the key of a relation, as of its own place in the stream (change-events 3.5). Pure.
namespace headgate::postgres {

// Sets key_position of the columns of `schema`, which are as the stream announced them. A Relation message marks the
// columns that old rows are logged with, but not their order, and under REPLICA IDENTITY FULL or an index other than
// the key's it does not tell the key. The catalog does, as of today: it is believed if it does not contradict the
// message, else the stream's previous schema, else the marks alone.
// `catalog_key`: names in key order; `previous`: may be null.
void AssignKey(TableSchema& schema, const std::vector<std::string>& catalog_key, const TableSchema* previous);

}  // namespace headgate::postgres
