#pragma once

#include <functional>
#include <string>
#include <vector>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/options.h"
#include "core/pipeline/source.h"

// What should be captured, and the SQL that makes a publication fit (PG-09, PG-10, PG-11). Pure: it plans, others run
// it.
namespace headgate::postgres {

struct CapturedTable {
  CatalogTable table;
  std::vector<std::string> columns;  // published and not excluded, in the table's order
  std::string row_filter;            // of the publication, "" none (PG-40)
};

struct PublicationPlan {
  std::vector<std::string> sql;  // statements in order; empty: everything fits
  std::vector<CapturedTable> tables;
  std::vector<Finding> findings;
};

// The tables that the settings name. Partitions of a named root are captured through it; what logical decoding cannot
// carry is left out with a finding (PG-41).
std::vector<CatalogTable> SelectTables(const Options& options, const std::vector<CatalogTable>& all,
                                       std::vector<Finding>& findings);

// `selected` with columns loaded.
PublicationPlan PlanPublication(const Options& options, const ServerFacts& server, std::vector<CatalogTable> selected,
                                const PublicationFacts& publication);

// Something of a captured table that the publication kept from us until the plan is run.
struct KeptBack {
  std::string schema;
  std::string table;
  std::string column;  // "": the whole table was not published

  std::string Name() const { return schema + "." + table + (column.empty() ? "" : "." + column); }
};
// `captured`: was captured before.
std::vector<KeptBack> FindKeptBack(const PublicationPlan& plan, const PublicationFacts& publication,
                                   const std::function<bool(const CatalogTable&)>& captured);
// The warning that stands from then on. `from`: the LSN at which the plan was run, "" if it was not yet.
Finding TellKeptBack(const Options& options, const KeptBack& kept, const std::string& from);

// A captured table that is not there any more, or has another name (`now`, "" if it was dropped).
Finding TellGone(const std::string& table, const std::string& now);

// What of captured tables does not reach us, though it should, because somebody altered the publication.
struct PublicationLoss {
  std::vector<std::string> tables;  // TableId::Text; empty: nothing
  std::string cause;
};
// `before`: the tables as they were captured so far, if that is known; `captured` as above.
PublicationLoss FindLoss(const Options& options, const PublicationPlan& plan, const PublicationFacts& publication,
                         const std::vector<CapturedTable>& before,
                         const std::function<bool(const CatalogTable&)>& captured);

// What a person with enough rights runs once, so that a role with nothing but REPLICATION and SELECT can capture the
// tables of the plan with publication_mode: check.
std::vector<std::string> LeastPrivilegeSql(const Options& options, const PublicationPlan& plan);

bool IsExcluded(const Options& options, std::string_view schema, std::string_view table, std::string_view column);

}  // namespace headgate::postgres
