#include "connectors/postgres/catalog.h"

#include <algorithm>
#include <charconv>

#include "connectors/postgres/errors.h"
#include "connectors/postgres/relation_key.h"
#include "core/model/position.h"

namespace headgate::postgres {
namespace {

// Cells of a row by position; a NULL reads as empty, 0 or false.
const std::string& Text(const Row& row, std::size_t i) {
  static const std::string empty;
  return row[i] ? *row[i] : empty;
}
template <class T>
T Number(const Row& row, std::size_t i) {
  T value = 0;
  const std::string& text = Text(row, i);
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}
bool Bool(const Row& row, std::size_t i) { return Text(row, i) == "t"; }
char Char(const Row& row, std::size_t i, char otherwise) { return Text(row, i).empty() ? otherwise : Text(row, i)[0]; }

// An array of names, as text: our own array reader takes it apart.
std::vector<std::string> Names(const Row& row, std::size_t i) {
  TypeRow text_type;
  text_type.oid = 25;
  text_type.name = "text";
  TypeRow array_type;
  array_type.element_oid = 25;
  static const TypePtr type = MakeArray(array_type, "text[]", MakeScalar(text_type, -1, "text", 2));
  std::vector<std::string> names;
  if (!row[i]) return names;
  std::string bytes;
  ValueEncoder().Append(bytes, *type, *row[i]);
  ByteReader in(bytes);
  const Value value = ReadValue(in);
  if (value.kind != ValueKind::kArray) return names;
  for (ArrayReader reader(value.text); !reader.done();) names.emplace_back(reader.Next().text);
  return names;
}

std::string OidList(std::span<CatalogTable* const> tables) {
  std::string list;
  for (const CatalogTable* table : tables) list += (list.empty() ? "" : ",") + std::to_string(table->oid);
  return list;
}

constexpr std::string_view kServerQuery = R"sql(
SELECT current_setting('server_version_num'), current_setting('server_version'), current_setting('wal_level'),
       current_setting('server_encoding'), scale((1::money)::numeric), r.rolsuper, r.rolreplication, r.rolbypassrls,
       has_database_privilege(current_database(), 'CREATE'), current_setting('max_replication_slots'),
       (SELECT count(*) FROM pg_replication_slots), current_setting('max_wal_senders'),
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'walsender')
FROM pg_roles r WHERE r.rolname = current_user)sql";

// What StorageSql gives, without its locks on every partition, as of the statement's snapshot.
constexpr std::string_view kTreeStorage =
    "(WITH RECURSIVE part(relid) AS (SELECT c.oid UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN part p ON "
    "i.inhparent = p.relid) SELECT string_agg(coalesce(pg_relation_filenode(relid), 0)::text, ',' ORDER BY relid) FROM "
    "part)";

std::string TablesQuery() {
  return R"sql(
SELECT c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relreplident, row_security_active(c.oid),
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT'), pg_has_role(c.relowner, 'USAGE'),
       CASE WHEN c.relispartition THEN (SELECT array_agg(a.relid::oid) FROM pg_partition_ancestors(c.oid) a WHERE a.relid <> c.oid) END, CASE WHEN c.relkind = 'p' THEN )sql" +
         std::string(kTreeStorage) + " ELSE " + StorageSql("c.oid", false) + R"sql( END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg\_toast%' AND n.nspname NOT LIKE 'pg\_temp%'
ORDER BY n.nspname, c.relname)sql";
}

std::string ColumnsQuery(const std::string& oids) {
  return "SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.attgenerated <> '', "
         "CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END, a.attnum, "
         "CASE WHEN a.atthasmissing THEN (a.attmissingval::text::text[])[1] END "
         "FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
         "WHERE a.attrelid IN (" +
         oids + ") AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum";
}

// Whole unique indexes: primary key first, then by age.
std::string IndexQuery(const std::string& oids) {
  return "SELECT i.indrelid, i.indexrelid, i.indisprimary, i.indisreplident, k.attnum, k.place, i.indimmediate "
         "FROM pg_index i, LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, place) "
         "WHERE i.indrelid IN (" +
         oids +
         ") AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL "
         "AND k.place <= i.indnkeyatts ORDER BY i.indrelid, i.indisprimary DESC, i.indexrelid, k.place";
}

std::string TypeQuery(std::uint32_t oid, std::int32_t typmod) {
  const std::string id = std::to_string(oid);
  return "SELECT t.typname, t.typtype, t.typdelim, EXISTS (SELECT FROM pg_depend d WHERE d.classid = "
         "'pg_type'::regclass AND d.objid = t.oid "
         "AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass), CASE WHEN t.typinput = 'array_in'::regproc "
         "THEN t.typelem ELSE 0 END, "
         "t.typbasetype, t.typtypmod, t.typrelid, format_type(t.oid, " +
         std::to_string(typmod) + ") FROM pg_type t WHERE t.oid = " + id;
}

// SQL expression over what our publication publishes: its options, which tables it lists with which columns and rows
// and, where columns are excluded, their columns and replica identity, which a list must cover.
std::string PublishedMark(const Options& options, int version) {
  const bool lists = version >= 150000;
  return std::string(
             "(SELECT concat_ws(',', p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, "
             "p.pubviaroot, " +
             std::string(lists ? "(SELECT string_agg(s.pnnspid::text, '+' ORDER BY s.pnnspid) FROM "
                                 "pg_publication_namespace s WHERE s.pnpubid = p.oid), "
                               : "") +
             "count(r.prrelid), sum(hashtext(concat_ws('.', r.prrelid") +
         (lists ? ", coalesce(r.prattrs::text, '-'), coalesce(r.prqual::text, '-')" : "") +
         (lists && !options.columns_exclude.empty()
              ? ", c.relreplident, (SELECT string_agg(a.attnum || ' ' || a.attname, ',' ORDER BY a.attnum) "
                "FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)"
              : "") +
         "))::bigint)) FROM pg_publication p LEFT JOIN pg_publication_rel r ON p.oid = r.prpubid LEFT JOIN pg_class c "
         "ON c.oid = r.prrelid WHERE p.pubname = " +
         QuoteLiteral(options.publication_name) +
         " GROUP BY p.oid, p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot)";
}

struct Index {
  std::uint32_t oid = 0;
  bool primary = false;
  bool replica = false;
  bool immediate = false;            // not DEFERRABLE: the server takes no other for an identity
  std::vector<std::size_t> columns;  // places in CatalogTable::columns
};

// The key of a table: the primary key, else the oldest unique index without a nullable column (change-events 3.5).
void ApplyIndexes(CatalogTable& table, const std::vector<Index>& indexes) {
  const auto all_not_null = [&](const Index& index) {
    return std::ranges::all_of(index.columns, [&](std::size_t c) { return table.columns[c].not_null; });
  };
  for (const Index& index : indexes) {
    if (!index.primary && (!index.immediate || !all_not_null(index))) continue;
    for (std::size_t i = 0; i < index.columns.size(); ++i)
      table.columns[index.columns[i]].key_position = static_cast<std::int32_t>(i + 1);
    break;
  }
  for (const Index& index : indexes) {
    const bool logged = table.replica_identity == 'd' ? index.primary : table.replica_identity == 'i' && index.replica;
    if (!logged || !index.immediate) continue;
    for (const std::size_t c : index.columns) table.columns[c].identity = true;
  }
  if (table.replica_identity == 'f') {
    for (CatalogColumn& column : table.columns) column.identity = true;
  }
}

// The column of this name in an older schema, if it is there.
const Column* OldColumn(const TableSchema* previous, std::string_view name) {
  if (previous == nullptr) return nullptr;
  const auto it = std::ranges::find(previous->columns, name, &Column::name);
  return it == previous->columns.end() ? nullptr : &*it;
}

constexpr int kTypeDepthMax = 16;  // a composite that contains arrays of itself ends as text

}  // namespace

const CatalogColumn* CatalogTable::Find(std::string_view column) const {
  const auto it = std::ranges::find(columns, column, &CatalogColumn::name);
  return it == columns.end() ? nullptr : &*it;
}

std::vector<std::string> CatalogTable::Key() const {
  std::vector<const CatalogColumn*> in_key;
  for (const CatalogColumn& column : columns) {
    if (column.key_position > 0) in_key.push_back(&column);
  }
  std::ranges::sort(in_key, {}, &CatalogColumn::key_position);
  std::vector<std::string> names;
  for (const CatalogColumn* column : in_key) names.push_back(column->name);
  return names;
}

bool CatalogTable::HasIdentity() const {
  return replica_identity == 'f' || std::ranges::any_of(columns, [](const CatalogColumn& c) { return c.identity; });
}

Result<ServerFacts> Catalog::ReadServer(std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const Rows rows,
                      connection_.Query(std::string(kServerQuery), "reading the server's settings", stop));
  if (rows.empty() || rows[0].size() < 13)
    return Transient("the server's settings could not be read on " + Place(connection_.options()));
  const Row& row = rows[0];
  ServerFacts facts;
  facts.version = Number<int>(row, 0);
  facts.version_text = Text(row, 1);
  facts.wal_level = Text(row, 2);
  facts.encoding = Text(row, 3);
  facts.money_digits = std::clamp(Number<int>(row, 4), 0, 10);
  facts.superuser = Bool(row, 5);
  facts.replication = Bool(row, 6) || facts.superuser;
  facts.bypass_rls = Bool(row, 7) || facts.superuser;
  facts.create_on_database = Bool(row, 8);
  facts.max_slots = Number<int>(row, 9);
  facts.used_slots = Number<int>(row, 10);
  facts.max_senders = Number<int>(row, 11);
  facts.used_senders = Number<int>(row, 12);
  money_digits_ = facts.money_digits;
  std::string pin = "SET lc_monetary = 'C'; SET lock_timeout = '" + std::string(kLookPatience) + "'";
  if (facts.version >= 140000) pin += "; SET idle_session_timeout = 0";
  HG_ASSIGN_OR_RETURN(const Rows none, connection_.Query(pin, "pinning session settings", stop));
  return facts;
}

Result<std::vector<CatalogTable>> Catalog::ReadTables(std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(const Rows rows, connection_.Query(TablesQuery(), "reading the list of tables", stop));
  std::vector<CatalogTable> tables;
  tables.reserve(rows.size());
  for (const Row& row : rows) {
    CatalogTable& table = tables.emplace_back();
    table.oid = Number<std::uint32_t>(row, 0);
    table.schema = Text(row, 1);
    table.name = Text(row, 2);
    table.kind = Char(row, 3, 'r');
    table.persistence = Char(row, 4, 'p');
    table.replica_identity = Char(row, 5, 'd');
    table.row_security = Bool(row, 6);
    table.may_select = Bool(row, 7);
    table.owned = Bool(row, 8);
    table.storage = Text(row, 10);
    for (const std::string& oid : Names(row, 9)) table.ancestors.push_back(Number<std::uint32_t>({oid}, 0));
  }
  return tables;
}

Status Catalog::LoadColumns(std::span<CatalogTable* const> tables, std::stop_token stop) {
  if (tables.empty()) return Ok();
  const std::string oids = OidList(tables);
  HG_ASSIGN_OR_RETURN(const Rows columns, connection_.Query(ColumnsQuery(oids), "reading the columns of tables", stop));
  HG_ASSIGN_OR_RETURN(const Rows indexes, connection_.Query(IndexQuery(oids), "reading the keys of tables", stop));
  std::map<std::uint32_t, CatalogTable*> by_oid;
  std::map<std::pair<std::uint32_t, int>, std::size_t> places;  // table, attnum -> place in columns
  for (CatalogTable* table : tables) {
    table->columns.clear();
    by_oid[table->oid] = table;
  }
  for (const Row& row : columns) {
    const auto oid = Number<std::uint32_t>(row, 0);
    CatalogTable& table = *by_oid.at(oid);
    places[{oid, Number<int>(row, 7)}] = table.columns.size();
    CatalogColumn& column = table.columns.emplace_back();
    column.name = Text(row, 1);
    column.type_oid = Number<std::uint32_t>(row, 2);
    column.typmod = Number<std::int32_t>(row, 3);
    column.not_null = Bool(row, 4);
    column.generated = Bool(row, 5);
    column.default_expression = row[6];
    column.value_before = row[8];
  }
  std::map<std::uint32_t, std::vector<Index>> by_table;
  for (const Row& row : indexes) {
    const auto table = Number<std::uint32_t>(row, 0);
    const auto index = Number<std::uint32_t>(row, 1);
    std::vector<Index>& list = by_table[table];
    if (list.empty() || list.back().oid != index) list.push_back({index, Bool(row, 2), Bool(row, 3), Bool(row, 6), {}});
    const auto place = places.find({table, Number<int>(row, 4)});
    if (place != places.end()) list.back().columns.push_back(place->second);
  }
  for (CatalogTable* table : tables) ApplyIndexes(*table, by_table[table->oid]);
  return Ok();
}

Result<PublicationFacts> Catalog::ReadPublication(const std::string& name, std::stop_token stop) {
  const int version = connection_.server_version();
  const std::string literal = QuoteLiteral(name);
  PublicationFacts facts;
  HG_ASSIGN_OR_RETURN(
      const Rows rows,
      connection_.Query(
          "SELECT p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot, "
          "pg_has_role(p.pubowner, 'USAGE'), " +
              std::string(version >= 150000 ? "EXISTS (SELECT FROM pg_publication_namespace s WHERE s.pnpubid = p.oid)"
                                            : "false") +
              ", " + (version >= 180000 ? "p.pubgencols::text <> 'n'" : "false") +
              " FROM pg_publication p WHERE p.pubname = " + literal,
          "reading publication " + name, stop));
  if (rows.empty()) return facts;
  facts.exists = true;
  facts.all_tables = Bool(rows[0], 0);
  facts.insert = Bool(rows[0], 1);
  facts.update = Bool(rows[0], 2);
  facts.del = Bool(rows[0], 3);
  facts.truncate = Bool(rows[0], 4);
  facts.via_root = Bool(rows[0], 5);
  facts.owned = Bool(rows[0], 6);
  facts.whole_schemas = Bool(rows[0], 7);
  facts.generated = Bool(rows[0], 8);

  const bool lists = version >= 150000;
  const auto read = [](const Rows& from, std::vector<PublishedTable>& into) {
    for (const Row& row : from)
      into.push_back({Number<std::uint32_t>(row, 0), Text(row, 1), Text(row, 2), Names(row, 3), Text(row, 4)});
  };
  HG_ASSIGN_OR_RETURN(
      const Rows listed,
      connection_.Query(std::string("SELECT c.oid, n.nspname, c.relname, ") +
                            (lists ? "CASE WHEN r.prattrs IS NOT NULL THEN (SELECT array_agg(a.attname::text ORDER BY "
                                     "a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid "
                                     "AND a.attnum = ANY (r.prattrs)) END, pg_get_expr(r.prqual, r.prrelid)"
                                   : "NULL, NULL") +
                            " FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid JOIN pg_class c ON "
                            "c.oid = r.prrelid JOIN pg_namespace n ON n.oid = "
                            "c.relnamespace WHERE p.pubname = " +
                            literal + " ORDER BY n.nspname, c.relname",
                        "reading publication " + name, stop));
  read(listed, facts.listed);
  HG_ASSIGN_OR_RETURN(
      const Rows effective,
      connection_.Query(std::string("SELECT c.oid, t.schemaname, t.tablename, ") +
                            (lists ? "t.attnames::text[], t.rowfilter" : "NULL, NULL") +
                            " FROM pg_publication_tables t JOIN pg_namespace n ON n.nspname = t.schemaname JOIN "
                            "pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename "
                            "WHERE t.pubname = " +
                            literal + " ORDER BY 2, 3",
                        "reading publication " + name, stop));
  read(effective, facts.effective);
  return facts;
}

std::string Catalog::SlotQuery() const {
  const Options& options = connection_.options();
  return "SELECT plugin, database, active, active_pid, restart_lsn, confirmed_flush_lsn, wal_status, "
         "CASE WHEN NOT pg_is_in_recovery() THEN pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) END, "
         "safe_wal_size, concat_ws('/', (SELECT count(*) || ':' || sum(hashtext(concat_ws('.', oid, relnamespace, "
         "relname, relispartition))::bigint) FROM pg_class WHERE relkind IN ('r', 'p') AND relpersistence = 'p'), " +
         PublishedMark(options, connection_.server_version()) +
         "), CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END FROM pg_replication_slots WHERE slot_name "
         "= " +
         QuoteLiteral(options.slot_name);
}

std::optional<SlotFacts> Catalog::ParseSlot(const Rows& rows) {
  if (rows.empty() || rows[0].size() < 11) return std::nullopt;
  const Row& row = rows[0];
  SlotFacts slot;
  slot.plugin = Text(row, 0);
  slot.database = Text(row, 1);
  slot.active = Bool(row, 2);
  slot.active_pid = Number<int>(row, 3);
  slot.restart_lsn = ParseLsn(Text(row, 4));
  slot.confirmed_lsn = ParseLsn(Text(row, 5));
  slot.wal_status = Text(row, 6);
  if (row[7]) slot.retained_bytes = std::max<std::int64_t>(0, Number<std::int64_t>(row, 7));
  if (row[8]) slot.safe_bytes = Number<std::int64_t>(row, 8);
  slot.tables_mark = Text(row, 9);
  slot.server_lsn = ParseLsn(Text(row, 10));
  return slot;
}

Result<std::optional<SlotFacts>> Catalog::ReadSlot(std::stop_token stop) {
  // Older ones lack columns of the question; they are refused for their age (JudgeServer).
  if (connection_.server_version() < kOldestVersion) return std::optional<SlotFacts>();
  HG_ASSIGN_OR_RETURN(
      const Rows rows,
      connection_.Query(SlotQuery(), "reading replication slot " + connection_.options().slot_name, std::move(stop)));
  return ParseSlot(rows);
}

Result<TypePtr> Catalog::ResolveType(std::uint32_t oid, std::int32_t typmod, std::stop_token stop) {
  return Part(oid, typmod, 0, stop);
}

Result<TypePtr> Catalog::Part(std::uint32_t oid, std::int32_t typmod, int depth, std::stop_token stop) {
  if (const auto known = types_.find({oid, typmod}); known != types_.end()) return known->second;
  HG_ASSIGN_OR_RETURN(TypePtr type, LoadType(oid, typmod, depth, stop));
  types_[{oid, typmod}] = type;
  return type;
}

Result<TypePtr> Catalog::LoadType(std::uint32_t oid, std::int32_t typmod, int depth, std::stop_token stop) {
  if (depth > kTypeDepthMax) return UnknownType(oid);
  HG_ASSIGN_OR_RETURN(const Rows rows,
                      connection_.Query(TypeQuery(oid, typmod), "reading type " + std::to_string(oid), stop));
  if (rows.empty()) return UnknownType(oid);
  TypeRow row;
  row.oid = oid;
  row.name = Text(rows[0], 0);
  row.type = Char(rows[0], 1, 'b');
  row.delimiter = Char(rows[0], 2, ',');
  row.extension = Bool(rows[0], 3);
  row.element_oid = Number<std::uint32_t>(rows[0], 4);
  row.base_oid = Number<std::uint32_t>(rows[0], 5);
  row.base_typmod = Number<std::int32_t>(rows[0], 6);
  row.relation_oid = Number<std::uint32_t>(rows[0], 7);
  std::string declared = Text(rows[0], 8);
  if (row.type == 'd') {
    HG_ASSIGN_OR_RETURN(const TypePtr base, Part(row.base_oid, row.base_typmod, depth + 1, stop));
    return MakeDomain(row, std::move(declared), *base);
  }
  if (row.element_oid != 0) {
    HG_ASSIGN_OR_RETURN(TypePtr element, Part(row.element_oid, typmod, depth + 1, stop));
    return MakeArray(row, std::move(declared), std::move(element));
  }
  if (row.type == 'c') return LoadComposite(row, std::move(declared), depth, stop);
  return MakeScalar(row, typmod, std::move(declared), money_digits_);
}

Result<TypePtr> Catalog::LoadComposite(const TypeRow& row, std::string declared, int depth, std::stop_token stop) {
  HG_ASSIGN_OR_RETURN(
      const Rows rows,
      connection_.Query("SELECT attname, atttypid, atttypmod FROM pg_attribute WHERE attrelid = " +
                            std::to_string(row.relation_oid) + " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                        "reading composite type " + row.name, stop));
  std::vector<std::string> names;
  std::vector<TypePtr> attributes;
  for (const Row& attribute : rows) {
    names.push_back(Text(attribute, 0));
    HG_ASSIGN_OR_RETURN(TypePtr type,
                        Part(Number<std::uint32_t>(attribute, 1), Number<std::int32_t>(attribute, 2), depth + 1, stop));
    attributes.push_back(std::move(type));
  }
  return MakeComposite(row, std::move(declared), std::move(names), std::move(attributes));
}

Result<Catalog::Shape> Catalog::Describe(const pgoutput::Relation& relation, const TableSchema* previous,
                                         std::stop_token stop) {
  CatalogTable table;
  table.oid = relation.oid;
  table.replica_identity = relation.replica_identity;
  CatalogTable* const one = &table;
  HG_RETURN_IF_ERROR(LoadColumns(std::span(&one, 1), stop));
  Shape shape;
  shape.schema.database = connection_.options().dbname;
  shape.schema.schema = relation.schema;
  shape.schema.table = relation.table;
  shape.schema.replica_identity = relation.replica_identity;
  shape.schema.relation_id = relation.oid;
  for (const pgoutput::RelationColumn& from : relation.columns) {
    HG_ASSIGN_OR_RETURN(TypePtr type, ResolveType(from.type_oid, from.typmod, stop));
    Column& column = shape.schema.columns.emplace_back();
    column.name = from.name;
    column.type = type->data;
    column.identity = from.identity;
    shape.types.push_back(std::move(type));
    const CatalogColumn* known = table.Find(from.name);
    const Column* const old = OldColumn(previous, from.name);
    // The server forgets it when the table is rewritten, which changes nothing of rows that we have.
    if (old != nullptr) column.value_before = old->value_before;
    if (known == nullptr || known->type_oid != from.type_oid) {  // changed since
      if (old != nullptr && old->type == column.type) {
        column.nullable = old->nullable;
        column.generated = old->generated;
        column.default_expression = old->default_expression;
      }
      continue;
    }
    column.nullable = !known->not_null;
    column.generated = known->generated;
    column.default_expression = known->default_expression;
    if (old == nullptr) column.value_before = known->value_before;
  }
  AssignKey(shape.schema, table.Key(), previous);
  return shape;
}

pgoutput::Relation RelationOf(const CatalogTable& table, const std::vector<std::string>& columns) {
  pgoutput::Relation relation;
  relation.oid = table.oid;
  relation.schema = table.schema;
  relation.table = table.name;
  relation.replica_identity = table.replica_identity;
  for (const CatalogColumn& column : table.columns) {
    if (std::ranges::find(columns, column.name) == columns.end()) continue;
    relation.columns.push_back({column.name, column.type_oid, column.typmod, column.identity});
  }
  return relation;
}

std::string StorageSql(const std::string& oid, bool partitioned) {
  if (!partitioned) return "pg_relation_filenode(" + oid + ")::text";
  return "(SELECT string_agg(coalesce(pg_relation_filenode(part.relid), 0)::text, ',' ORDER BY part.relid::oid) FROM "
         "pg_partition_tree(" +
         oid + ") part)";
}

std::uint64_t ParseLsn(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return 0;
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  const char* const end = text.data() + text.size();
  const auto [p1, e1] = std::from_chars(text.data(), text.data() + slash, high, 16);
  const auto [p2, e2] = std::from_chars(text.data() + slash + 1, end, low, 16);
  if (e1 != std::errc() || e2 != std::errc() || p1 != text.data() + slash || p2 != end) return 0;
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

}  // namespace headgate::postgres
