#include "sinks/table/postgres_target.h"

#include <libpq-fe.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "sinks/table/bookkeeping.h"

namespace headgate::table {
namespace {

constexpr std::string_view kPinned =
    "-c DateStyle=ISO -c IntervalStyle=iso_8601 -c TimeZone=UTC -c search_path=pg_catalog -c row_security=off "
    "-c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c default_transaction_read_only=off "
    "-c synchronous_commit=on";

ErrorKind KindOf(std::string_view sqlstate) {
  if (sqlstate.empty()) return ErrorKind::kTransient;
  constexpr auto kTransient = std::to_array<std::string_view>({"08", "25006", "40", "53", "55", "57", "58", "XX"});
  for (const std::string_view prefix : kTransient) {
    if (sqlstate.starts_with(prefix)) return ErrorKind::kTransient;
  }
  if (sqlstate.starts_with("22") || sqlstate.starts_with("23")) return ErrorKind::kRejected;
  return ErrorKind::kConfig;
}

// A message about a value quotes it behind a colon: values stay out of errors.
std::string_view WithoutValue(std::string_view sqlstate, std::string_view message) {
  return sqlstate.starts_with("22") ? message.substr(0, message.find(": \"")) : message;
}

// A type whose plain name has a limit of one character or bit is called by another.
std::string CastOf(std::string_view base) {
  const bool array = base.ends_with("[]");
  std::string_view element = array ? base.substr(0, base.size() - 2) : base;
  if (element == "bit") element = "bit varying";
  if (element == "character") element = "bpchar";
  return std::string(element) + (array ? "[]" : "");
}
bool IsArray(const PlannedColumn& column) { return column.base.ends_with("[]"); }

// What may stand in an array literal as it is.
bool IsPlain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
           c == '+';
  });
}

void AppendElement(std::string& out, std::string_view text, Literal literal) {
  if (literal == Literal::kPlain && IsPlain(text)) {
    out += text;
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  out.push_back('"');
}

std::string ArrayOf(const Batch::Table& table, const std::vector<const Row*>& rows, std::size_t column) {
  const Literal literal = table.plan->columns[column].literal;
  std::string out = "{";
  for (const Row* row : rows) {
    if (out.size() > 1) out.push_back(',');
    const Cell& cell = table.At(row->first, column);
    if (cell.size < 0) {
      out += "NULL";
    } else {
      AppendElement(out, table.TextOf(cell), literal);
    }
  }
  out.push_back('}');
  return out;
}

std::string Numbered(std::string_view prefix, std::size_t number) {
  return std::string(prefix) + std::to_string(number);
}

// unnest($1::int[],...) AS u(c0,...): one array a column.
std::string UnnestOf(const TablePlan& plan, const std::vector<std::size_t>& columns) {
  std::string arrays;
  std::string names;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) {
      arrays.push_back(',');
      names.push_back(',');
    }
    const PlannedColumn& column = plan.columns[columns[i]];
    // Arrays of arrays would be taken apart to the last element.
    arrays += Numbered("$", i + 1) + "::" + (IsArray(column) ? std::string("text") : CastOf(column.base)) + "[]";
    names += Numbered("c", columns[i]);
  }
  return "unnest(" + arrays + ") AS u(" + names + ")";
}

std::string FromUnnest(const TablePlan& plan, std::size_t column) {
  const std::string name = Numbered("u.c", column);
  return IsArray(plan.columns[column]) ? name + "::" + CastOf(plan.columns[column].base) : name;
}

std::vector<std::size_t> AllOf(const TablePlan& plan) {
  std::vector<std::size_t> all(plan.columns.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  return all;
}

std::vector<std::string> ArraysOf(const Batch::Table& table, const std::vector<const Row*>& rows,
                                  const std::vector<std::size_t>& columns) {
  std::vector<std::string> arrays;
  for (const std::size_t column : columns) arrays.push_back(ArrayOf(table, rows, column));
  return arrays;
}

std::string InsertOf(const Dialect& dialect, const TablePlan& plan) {
  std::string names;
  std::string values;
  std::string sets;
  std::string key;
  const auto add = [](std::string& list, std::string_view text) {
    if (!list.empty()) list += ", ";
    list += text;
  };
  for (std::size_t i = 0; i < plan.columns.size(); ++i) {
    const std::string name = dialect.Quote(plan.columns[i].name);
    add(names, name);
    add(values, FromUnnest(plan, i));
    if (!plan.IsKey(i)) add(sets, name + " = EXCLUDED." + name);
  }
  for (const std::size_t k : plan.key) add(key, dialect.Quote(plan.columns[k].name));
  std::string sql = "INSERT INTO " + dialect.QuoteTable(plan.name) + " (" + names +
                    ") OVERRIDING SYSTEM VALUE SELECT " + values + " FROM " + UnnestOf(plan, AllOf(plan));
  if (plan.append) return sql;
  return sql + " ON CONFLICT (" + key + (sets.empty() ? ") DO NOTHING" : ") DO UPDATE SET " + sets);
}

std::string WhereKey(const Dialect& dialect, const TablePlan& plan) {
  std::string where;
  for (const std::size_t k : plan.key)
    where +=
        (where.empty() ? " WHERE t." : " AND t.") + dialect.Quote(plan.columns[k].name) + " = " + FromUnnest(plan, k);
  return where;
}

std::string TextAt(const PGresult* result, int row, int column) {
  return {PQgetvalue(result, row, column), static_cast<std::size_t>(PQgetlength(result, row, column))};
}

}  // namespace

void PostgresTarget::FreeResult::operator()(pg_result* result) const { PQclear(result); }
void PostgresTarget::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }
PostgresTarget::~PostgresTarget() = default;

Status PostgresTarget::Connect(const std::vector<net::IpAddress>& addresses) {
  // The name is still what a certificate has to have, once for each address.
  std::string host = options_.host;
  std::string hostaddr;
  for (const net::IpAddress& address : addresses) {
    if (!hostaddr.empty()) host += "," + options_.host;
    hostaddr += (hostaddr.empty() ? "" : ",") + address.Text();
  }
  const std::string port = std::to_string(options_.port);
  const std::string settings =
      std::string(kPinned) + " -c statement_timeout=" + std::to_string(options_.timeout.count());
  const std::string wait = std::to_string(std::max<std::int64_t>(2, options_.connect_timeout.count() / 1000));
  const std::string silence = std::to_string(options_.timeout.count());
  const std::string application = "headgate " + options_.name;
  std::vector<const char*> keys;
  std::vector<const char*> values;
  const auto add = [&](const char* key, const std::string& value) {
    if (value.empty()) return;
    keys.push_back(key);
    values.push_back(value.c_str());
  };
  static const std::string kOff = "disable";
  static const std::string kUtf8 = "UTF8";
  for (const auto& [key, value] : std::initializer_list<std::pair<const char*, const std::string&>>{
           {"host", host},
           {"hostaddr", hostaddr},
           {"port", port},
           {"dbname", options_.dbname},
           {"user", options_.username},
           {"password", options_.password},
           {"sslmode", options_.sslmode},
           {"sslrootcert", options_.sslrootcert},
           {"sslcert", options_.sslcert},
           {"sslkey", options_.sslkey},
           {"application_name", application},
           {"options", settings},
           {"client_encoding", kUtf8},
           {"gssencmode", kOff},
           {"connect_timeout", wait},
           {"tcp_user_timeout", silence},
       })
    add(key, value);
  keys.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectdbParams(keys.data(), values.data(), 0));
  if (PQstatus(connection_.get()) != CONNECTION_OK) {
    const std::string_view text = PQerrorMessage(connection_.get());
    std::string what = "connecting to " + options_.Place() + " as " + options_.username +
                       " failed: " + std::string(text.substr(0, text.find('\n')));
    constexpr auto kForAPerson = std::to_array<std::string_view>(
        {"password authentication failed", "does not exist", "no password supplied", "no pg_hba.conf entry",
         "certificate", "does not support SSL", "permission denied"});
    const bool person =
        std::ranges::any_of(kForAPerson, [&](std::string_view sign) { return text.find(sign) != text.npos; });
    return person ? ConfigError(what + ". Check host, dbname, username, password and sslmode") : Transient(what);
  }
  PQsetNoticeProcessor(
      connection_.get(), [](void*, const char*) {}, nullptr);
  socket_ = PQsocket(connection_.get());
  return Ok();
}

// Asking the server to cancel takes a connection of its own, which hangs where this one does.
void PostgresTarget::Interrupt() {
  if (socket_ >= 0) shutdown(socket_, SHUT_RDWR);
}

Error PostgresTarget::Describe(std::string_view tried, const pg_result* result) const {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  std::string what = std::string(tried) + " on " + options_.Place() + " failed: ";
  if (state == nullptr) {
    const std::string_view text = PQerrorMessage(connection_.get());
    return Transient(what + std::string(text.substr(0, text.find('\n'))));
  }
  what.append(WithoutValue(state, primary == nullptr ? "" : primary)).append(" (SQLSTATE ").append(state).append(")");
  if (const char* const column = PQresultErrorField(result, PG_DIAG_COLUMN_NAME))
    what.append(", column ").append(column);
  return {KindOf(state), std::move(what)};
}

Result<PostgresTarget::ResultPtr> PostgresTarget::Run(const std::string& sql,
                                                      const std::vector<std::string>& parameters,
                                                      std::string_view tried) {
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  ResultPtr result(PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(),
                                nullptr, nullptr, 0));
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return Describe(tried, result.get());
  return result;
}

Result<PostgresTarget::ResultPtr> PostgresTarget::RunPrepared(const std::string& sql,
                                                              const std::vector<std::string>& parameters,
                                                              std::string_view tried) {
  auto& name = prepared_[sql];
  if (name.empty()) {
    const std::string fresh = Numbered("s", prepared_.size());
    const ResultPtr result(PQprepare(connection_.get(), fresh.c_str(), sql.c_str(), 0, nullptr));
    if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return Describe(tried, result.get());
    name = fresh;
  }
  std::vector<const char*> values;
  for (const std::string& parameter : parameters) values.push_back(parameter.c_str());
  ResultPtr result(PQexecPrepared(connection_.get(), name.c_str(), static_cast<int>(values.size()), values.data(),
                                  nullptr, nullptr, 0));
  const auto status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return Describe(tried, result.get());
  return result;
}

Status PostgresTarget::Execute(const std::string& sql, std::string_view tried) {
  const ResultPtr result(PQexec(connection_.get(), sql.c_str()));
  if (PQresultStatus(result.get()) != PGRES_COMMAND_OK) return Describe(tried, result.get());
  return Ok();
}

Result<std::uint64_t> PostgresTarget::Change(const std::string& sql, const std::vector<std::string>& parameters,
                                             const TableName& name) {
  HG_ASSIGN_OR_RETURN(const ResultPtr result, RunPrepared(sql, parameters, "writing table " + name.Text()));
  return std::strtoull(PQcmdTuples(result.get()), nullptr, 10);
}

Result<TargetPlace> PostgresTarget::TakeOver(std::string_view sink, std::string_view log_id,
                                             const SinkContext::Stand& stand) {
  const TableName name{options_.schema, options_.bookkeeping_table};
  bookkeeping_ = dialect_.QuoteTable(name);
  sink_ = sink;
  HG_ASSIGN_OR_RETURN(const ResultPtr there,
                      Run("SELECT to_regclass($1) IS NOT NULL", {bookkeeping_}, "looking for table " + name.Text()));
  if (TextAt(there.get(), 0, 0) != "t") {
    auto made = Run(BookkeepingSql(kPostgresBookkeeping, bookkeeping_), {}, "creating table " + name.Text());
    if (!made.ok() && made.error().kind == ErrorKind::kConfig)
      return ConfigError(made.error().what + ". Let the account create tables in schema " + options_.schema +
                         ", or have migrations/table_sink/postgres.sql run there by somebody who may");
    if (!made.ok()) return std::move(made).error();
  }
  HG_ASSIGN_OR_RETURN(const ResultPtr known, Run("SELECT FROM " + bookkeeping_ + " WHERE sink = $1", {sink_},
                                                 "looking for sink " + sink_ + " in " + name.Text()));
  if (PQntuples(known.get()) == 0 && stand.stored && !stand.given) return KnowsNothing(options_, sink_, stand.at.seq);
  HG_ASSIGN_OR_RETURN(
      const ResultPtr row,
      Run("INSERT INTO " + bookkeeping_ +
              " AS b (sink, log_id, seq, epoch) VALUES ($1, $2, $3::bigint, 1) ON CONFLICT (sink) DO UPDATE SET "
              "epoch = b.epoch + (b.log_id = EXCLUDED.log_id)::int, "
              "seq = CASE WHEN b.log_id = EXCLUDED.log_id AND $4::bool THEN EXCLUDED.seq ELSE b.seq END "
              "RETURNING log_id, seq, epoch, states",
          {sink_, std::string(log_id), std::to_string(stand.at.seq), stand.given ? "t" : "f"},
          "taking over sink " + sink_ + " in " + name.Text()));
  if (TextAt(row.get(), 0, 0) != log_id) return ForeignLog(options_, sink_);
  epoch_ = TextAt(row.get(), 0, 2);
  return TargetPlace{std::strtoull(PQgetvalue(row.get(), 0, 1), nullptr, 10), TextAt(row.get(), 0, 3)};
}

Result<std::optional<TargetTable>> PostgresTarget::Describe(const TableName& name) {
  const std::string tried = "reading how table " + name.Text() + " is made";
  const std::string quoted = dialect_.QuoteTable(name);
  HG_ASSIGN_OR_RETURN(
      const ResultPtr columns,
      Run("SELECT a.attname, format_type(a.atttypid, a.atttypmod), format_type(a.atttypid, NULL), "
          "a.attnotnull AND NOT a.atthasdef AND a.attidentity = '', a.attgenerated <> '', t.typtype = 'e' "
          "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid "
          "WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped "
          "ORDER BY a.attnum",
          {quoted}, tried));
  if (PQntuples(columns.get()) == 0) return std::optional<TargetTable>();
  TargetTable table;
  for (int i = 0; i < PQntuples(columns.get()); ++i) {
    TargetColumn& column = table.columns.emplace_back();
    column.name = TextAt(columns.get(), i, 0);
    column.type = TextAt(columns.get(), i, 1);
    column.base = TextAt(columns.get(), i, 2);
    column.required = TextAt(columns.get(), i, 3) == "t";
    column.generated = TextAt(columns.get(), i, 4) == "t";
    column.own_type = TextAt(columns.get(), i, 5) == "t";
  }
  HG_ASSIGN_OR_RETURN(
      const ResultPtr keys,
      Run("SELECT i.indexrelid, a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k(attnum, place), "
          "pg_attribute a WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indisvalid AND i.indimmediate "
          "AND i.indpred IS NULL AND i.indexprs IS NULL AND k.place <= i.indnkeyatts AND a.attrelid = i.indrelid "
          "AND a.attnum = k.attnum ORDER BY i.indexrelid, k.place",
          {quoted}, tried));
  std::string index;
  for (int i = 0; i < PQntuples(keys.get()); ++i) {
    if (const std::string one = TextAt(keys.get(), i, 0); one != index) {
      table.unique.emplace_back();
      index = one;
    }
    table.unique.back().push_back(TextAt(keys.get(), i, 1));
  }
  return std::optional(std::move(table));
}

Status PostgresTarget::ChangeSchema(const std::string& sql) {
  prepared_.clear();  // their types may be others now
  HG_RETURN_IF_ERROR(Execute("DEALLOCATE ALL", "changing tables"));
  return Execute(sql, sql.substr(0, sql.find(" (")));
}

Status PostgresTarget::Rollback() {
  began_ = false;
  return Execute("ROLLBACK", "rolling back");
}

Status PostgresTarget::Begin() {
  if (began_) return Ok();
  began_ = true;
  marked_ = false;
  return Execute("BEGIN", "beginning a transaction");
}

Status PostgresTarget::Mark() {
  const bool first = !std::exchange(began_, true);
  const bool replaces = std::exchange(marked_, true) && !first;
  return Execute(std::string(first      ? "BEGIN; "
                             : replaces ? "RELEASE SAVEPOINT batch; "
                                        : "") +
                     "SAVEPOINT batch",
                 "beginning a transaction");
}

Status PostgresTarget::BackToMark() { return Execute("ROLLBACK TO SAVEPOINT batch", "taking a batch back"); }

// Removals first, in the reverse order of the tables; then what is written, in their order: rows that refer to others
// mostly find them.
Status PostgresTarget::Write(const Batch& batch) {
  for (auto it = batch.tables().rbegin(); it != batch.tables().rend(); ++it) HG_RETURN_IF_ERROR(WriteTable(**it, true));
  for (const auto& table : batch.tables()) HG_RETURN_IF_ERROR(WriteTable(*table, false));
  return Ok();
}

Status PostgresTarget::WriteTable(const Batch::Table& table, bool removals) {
  const TablePlan& plan = *table.plan;
  std::vector<const Row*> rows;
  if (removals) {
    if (table.truncate)
      HG_RETURN_IF_ERROR(Run("TRUNCATE " + dialect_.QuoteTable(plan.name), {}, "emptying table " + plan.name.Text()));
    for (const Move& move : table.moves) HG_RETURN_IF_ERROR(MoveRow(table, move));
    for (const Row& row : table.rows) {
      if (row.remove) rows.push_back(&row);
    }
    if (rows.empty() || table.truncate) return Ok();
    HG_RETURN_IF_ERROR(Change("DELETE FROM " + dialect_.QuoteTable(plan.name) + " t USING " + UnnestOf(plan, plan.key) +
                                  WhereKey(dialect_, plan),
                              ArraysOf(table, rows, plan.key), plan.name));
    return Ok();
  }
  std::vector<const Row*> parts;
  for (const Row& row : table.rows) {
    if (!row.remove) (row.whole ? rows : parts).push_back(&row);
  }
  if (!rows.empty())
    HG_RETURN_IF_ERROR(Change(InsertOf(dialect_, plan), ArraysOf(table, rows, AllOf(plan)), plan.name));
  return UpdateRows(table, parts);
}

// Rows of which not every cell is known: those with the same ones go together.
Status PostgresTarget::UpdateRows(const Batch::Table& table, const std::vector<const Row*>& rows) {
  const TablePlan& plan = *table.plan;
  std::map<std::vector<std::size_t>, std::vector<const Row*>> by_columns;
  for (const Row* row : rows) {
    std::vector<std::size_t> known;
    for (std::size_t i = 0; i < plan.columns.size(); ++i) {
      if (!table.At(row->first, i).absent()) known.push_back(i);
    }
    by_columns[known].push_back(row);
  }
  for (const auto& [columns, group] : by_columns) {
    std::string sets;
    for (const std::size_t c : columns) {
      if (!plan.IsKey(c))
        sets += (sets.empty() ? "" : ", ") + dialect_.Quote(plan.columns[c].name) + " = " + FromUnnest(plan, c);
    }
    if (sets.empty()) continue;  // nothing but the key, which is there
    HG_ASSIGN_OR_RETURN(const std::uint64_t found,
                        Change("UPDATE " + dialect_.QuoteTable(plan.name) + " t SET " + sets + " FROM " +
                                   UnnestOf(plan, columns) + WhereKey(dialect_, plan),
                               ArraysOf(table, group, columns), plan.name));
    if (found != group.size()) return RowMissing(options_, plan.name);
  }
  return Ok();
}

Status PostgresTarget::MoveRow(const Batch::Table& table, const Move& move) {
  const TablePlan& plan = *table.plan;
  std::string sets;
  std::string where;
  std::vector<std::string> parameters;
  for (const std::size_t k : plan.key) {
    const std::string name = dialect_.Quote(plan.columns[k].name);
    const std::string cast = "::" + CastOf(plan.columns[k].base);
    parameters.emplace_back(table.TextOf(table.At(move.to, k)));
    sets += (sets.empty() ? "" : ", ") + name + " = " + Numbered("$", parameters.size()) + cast;
    parameters.emplace_back(table.TextOf(table.At(move.from, k)));
    where += (where.empty() ? "" : " AND ") + name + " = " + Numbered("$", parameters.size()) + cast;
  }
  HG_ASSIGN_OR_RETURN(
      const std::uint64_t found,
      Change("UPDATE " + dialect_.QuoteTable(plan.name) + " SET " + sets + " WHERE " + where, parameters, plan.name));
  return found == 1 ? Ok() : Status(RowMissing(options_, plan.name));
}

Status PostgresTarget::Commit(const TargetPlace& kept) {
  HG_RETURN_IF_ERROR(Begin());
  HG_ASSIGN_OR_RETURN(
      const std::uint64_t moved,
      Change("UPDATE " + bookkeeping_ +
                 " SET seq = $1::bigint, states = $2, moved_at = clock_timestamp() "
                 "WHERE sink = $3 AND epoch = $4::bigint",
             {std::to_string(kept.seq), kept.states, sink_, epoch_}, {options_.schema, options_.bookkeeping_table}));
  if (moved != 1) return TookOver(options_, sink_);
  HG_RETURN_IF_ERROR(Execute("COMMIT", "committing"));
  began_ = false;
  return Ok();
}

Result<bool> PostgresTarget::HasEvent(const TableName& name, std::string_view event_id) {
  HG_ASSIGN_OR_RETURN(const ResultPtr found, Run("SELECT FROM " + dialect_.QuoteTable(name) + " WHERE " +
                                                     dialect_.Quote(kEventIdColumn) + " = $1 LIMIT 1",
                                                 {std::string(event_id)}, "reading table " + name.Text()));
  return PQntuples(found.get()) > 0;
}

}  // namespace headgate::table
