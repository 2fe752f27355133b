#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/postgres/connection.h"
#include "connectors/postgres/pgoutput.h"
#include "connectors/postgres/table_id.h"
#include "connectors/postgres/types.h"
#include "core/model/schema.h"

// What the source needs to know from pg_catalog.
namespace headgate::postgres {

// Of servers, as in server_version_num.
constexpr int kOldestVersion = 130000;    // that we can read from
constexpr int kMessagesVersion = 140000;  // that streams logical messages

struct ServerFacts {
  int version = 0;  // 150004
  std::string version_text;
  std::string wal_level;
  std::string encoding;  // of the database
  int money_digits = 2;  // of the database's own lc_monetary
  bool superuser = false;
  bool replication = false;  // the role may replicate
  bool bypass_rls = false;
  bool create_on_database = false;
  int max_slots = 0;
  int used_slots = 0;
  int max_senders = 0;
  int used_senders = 0;
};

struct CatalogColumn {
  std::string name;
  std::uint32_t type_oid = 0;
  std::int32_t typmod = -1;
  bool not_null = false;
  bool generated = false;
  bool identity = false;  // logged in old rows
  std::int32_t key_position = 0;
  std::optional<std::string> default_expression;
  std::optional<std::string> value_before;
};

struct CatalogTable {
  std::uint32_t oid = 0;
  std::string schema;
  std::string name;
  char kind = 'r';         // relkind: r table, p partitioned, f foreign, ...
  char persistence = 'p';  // p permanent, u unlogged, t temporary
  char replica_identity = 'd';
  std::string storage;        // StorageSql as of the look; another one later: rewritten or truncated since
  bool row_security = false;  // policies would hide rows from us
  bool may_select = false;
  bool owned = false;                    // we may put it into a publication
  std::vector<std::uint32_t> ancestors;  // partitioned tables above it, nearest first
  std::vector<CatalogColumn> columns;    // empty until LoadColumns

  std::string QualifiedName() const { return schema + "." + name; }  // for patterns and people; not unique
  TableId Id() const { return {schema, name, oid}; }
  std::vector<std::string> Key() const;  // names in key order
  const CatalogColumn* Find(std::string_view column) const;
  bool HasIdentity() const;  // UPDATE and DELETE can be replicated
};

struct PublishedTable {
  std::uint32_t oid = 0;
  std::string schema;
  std::string name;
  std::vector<std::string> columns;  // empty: all
  std::string row_filter;            // "" none
};

struct PublicationFacts {
  bool exists = false;
  bool all_tables = false;
  bool whole_schemas = false;  // FOR TABLES IN SCHEMA
  bool insert = false;
  bool update = false;
  bool del = false;
  bool truncate = false;
  bool via_root = false;
  bool owned = false;
  bool generated = false;                 // PostgreSQL 18: generated columns are published
  std::vector<PublishedTable> listed;     // named one by one
  std::vector<PublishedTable> effective;  // as the server publishes them
};

struct SlotFacts {
  std::string plugin;
  std::string database;
  bool active = false;
  int active_pid = 0;
  std::uint64_t restart_lsn = 0;
  std::uint64_t confirmed_lsn = 0;
  std::string wal_status;  // reserved, extended, unreserved, lost
  std::int64_t retained_bytes = -1;
  std::int64_t safe_bytes = -1;
  // Differs when tables came, went or changed their names, or when what is published of them may no longer fit.
  std::string tables_mark;
  std::uint64_t server_lsn = 0;  // the server's end of WAL; 0 on a standby
};

// Questions to the catalog over one query session; answers about types are kept. One thread at a time.
class Catalog {
 public:
  explicit Catalog(Connection& connection, int money_digits = 2)
      : connection_(connection), money_digits_(money_digits) {}

  // `lc_monetary` must not be pinned yet on this session; it is afterwards.
  Result<ServerFacts> ReadServer(std::stop_token stop);
  // All tables outside the system's schemas, by name. Without columns.
  Result<std::vector<CatalogTable>> ReadTables(std::stop_token stop);
  Status LoadColumns(std::span<CatalogTable* const> tables, std::stop_token stop);
  Result<PublicationFacts> ReadPublication(const std::string& name, std::stop_token stop);
  // The slot and the publication are those of the connection's options.
  Result<std::optional<SlotFacts>> ReadSlot(std::stop_token stop);
  std::string SlotQuery() const;
  static std::optional<SlotFacts> ParseSlot(const Rows& rows);

  Result<TypePtr> ResolveType(std::uint32_t oid, std::int32_t typmod, std::stop_token stop);
  // Composites can change under their name: ask again.
  void ForgetTypes() { types_.clear(); }

  // What the stream says of a relation, completed by what the catalog knows of its columns now: nullability, key,
  // default. The relation decides which columns there are; later DDL may already have changed the catalog. `previous`:
  // the stream's newest schema so far, for what the catalog does not know any more; may be null.
  struct Shape {
    TableSchema schema;
    std::vector<TypePtr> types;  // by column of `schema`
  };
  Result<Shape> Describe(const pgoutput::Relation& relation, const TableSchema* previous, std::stop_token stop);

 private:
  Result<TypePtr> LoadType(std::uint32_t oid, std::int32_t typmod, int depth, std::stop_token stop);
  Result<TypePtr> LoadComposite(const TypeRow& row, std::string declared, int depth, std::stop_token stop);
  Result<TypePtr> Part(std::uint32_t oid, std::int32_t typmod, int depth, std::stop_token stop);

  Connection& connection_;
  int money_digits_;
  std::map<std::pair<std::uint32_t, std::int32_t>, TypePtr> types_;
};

// The relation message that the server would send for a table: published columns in order.
pgoutput::Relation RelationOf(const CatalogTable& table, const std::vector<std::string>& columns);

// How long a question to the catalog waits for a lock that somebody holds on a table: the stream stands still
// meanwhile.
constexpr std::string_view kLookPatience = "500ms";
constexpr std::string_view kLockNotAvailable = "55P03";

// SQL expression for the files of a table and of all partitions below it, as they are now whatever the snapshot of the
// transaction. `oid` is SQL too.
std::string StorageSql(const std::string& oid, bool partitioned);

std::uint64_t ParseLsn(std::string_view text);  // "0/16E9FB0"; 0 if it is none

}  // namespace headgate::postgres
