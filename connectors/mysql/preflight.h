#pragma once

#include <vector>

#include "connectors/mysql/catalog.h"
#include "core/pipeline/source.h"

namespace headgate::mysql {

// What is wrong with the server or the account for us. Pure.
std::vector<Finding> JudgeServer(const Options& options, const ServerFacts& server);
// What is wrong with the choice of tables. Pure.
std::vector<Finding> JudgeTables(const Options& options, const std::vector<TableName>& tables);

// Captured tables that foreign keys change without a word in the binary log (MY-40). Pure.
std::vector<Finding> JudgeCascades(const Options& options, const ServerFacts& server,
                                   const std::vector<Cascade>& cascades);

// The first error among findings as one text with its remedy, else Ok.
Status FirstError(const Options& options, const std::vector<Finding>& findings);

// Everything that Open would look at, live, without changing anything.
std::vector<Finding> Preflight(const Options& options);

// The tables of the server, without its own, at most 50 000 columns of them (table_list.cc).
Result<std::vector<ListedTable>> ListTables(const Options& options);

}  // namespace headgate::mysql
