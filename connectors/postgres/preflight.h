#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/publication.h"
#include "core/pipeline/source.h"

namespace headgate::postgres {

// What is wrong with the server, the role or the slot for us. Pure.
std::vector<Finding> JudgeServer(const Options& options, const ServerFacts& server,
                                 const std::optional<SlotFacts>& slot);

// The first error among findings as one text with its remedy, else Ok. Open fails with the text that `check` shows.
Status FirstError(const Options& options, const std::vector<Finding>& findings);

// The tables that the settings name, as they are now, and what the publication makes of them.
struct CaptureLook {
  PublicationFacts publication;
  PublicationPlan plan;  // with the findings of SelectTables
};
Result<CaptureLook> LookAtTables(const Options& options, Catalog& catalog, const ServerFacts& server,
                                 std::stop_token stop);

// Everything that Open would look at, without changing anything: live, 10 s at most.
std::vector<Finding> Preflight(const Options& options);

// The tables of the server, without those of the system and partitions, at most 50 000 columns of them (table_list.cc).
Result<std::vector<ListedTable>> ListTables(const Options& options);

// The slot of a source that does not run (SourceFactory::look_upstream).
Result<SourceTelemetry> LookUpstream(const Options& options, const Clock& clock, std::stop_token stop);

// Drops the slot, and the publication if we manage it. Absent ones are fine.
Status DropUpstream(const Options& options);

// The slot that stays without that (SourceFactory::leaves), and whether it is there (still_there).
Leftover LeftBehind(const Options& options);
Result<bool> SlotIsThere(const Options& options, std::stop_token stop);

}  // namespace headgate::postgres
