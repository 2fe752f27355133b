#include "tests/support/pg_client.h"

#include <libpq-fe.h>

namespace headgate::test {
namespace {

struct Clear {
  void operator()(PGresult* r) const { PQclear(r); }
};
using PgResult = std::unique_ptr<PGresult, Clear>;

Error Failed(PGconn* connection, const PGresult* result, const std::string& sql) {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  return Transient("PostgreSQL refused '" + sql.substr(0, 200) + "': " + PQerrorMessage(connection) +
                   (state == nullptr ? "" : std::string("SQLSTATE ") + state));
}

bool Good(const PGresult* result) {
  const auto status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

}  // namespace

void PgClient::Close::operator()(pg_conn* c) const { PQfinish(c); }

Result<PgClient> PgClient::Connect(const std::string& dsn) {
  PgClient client(PQconnectdb(dsn.c_str()));
  PGconn* c = client.connection_.get();
  if (PQstatus(c) != CONNECTION_OK) return Transient(std::string("cannot connect to PostgreSQL: ") + PQerrorMessage(c));
  PQsetNoticeProcessor(
      c, [](void*, const char*) {}, nullptr);
  return client;
}

Status PgClient::Exec(const std::string& sql) {
  const PgResult result(PQexec(connection_.get(), sql.c_str()));
  if (!Good(result.get())) return Failed(connection_.get(), result.get(), sql);
  return Ok();
}

Result<std::vector<PgRow>> PgClient::Query(const std::string& sql) {
  const PgResult result(PQexec(connection_.get(), sql.c_str()));
  if (!Good(result.get())) return Failed(connection_.get(), result.get(), sql);
  std::vector<PgRow> rows(static_cast<std::size_t>(PQntuples(result.get())));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (int c = 0; c < PQnfields(result.get()); ++c) {
      const int row = static_cast<int>(r);
      if (PQgetisnull(result.get(), row, c) != 0) {
        rows[r].emplace_back();
      } else {
        rows[r].emplace_back(
            std::string(PQgetvalue(result.get(), row, c), static_cast<std::size_t>(PQgetlength(result.get(), row, c))));
      }
    }
  }
  return rows;
}

Result<std::string> PgClient::Value(const std::string& sql) {
  HG_ASSIGN_OR_RETURN(auto rows, Query(sql));
  if (rows.empty() || rows[0].empty()) return std::string();
  return rows[0][0].value_or("");
}

Status PgClient::CopyIn(const std::string& sql, const std::string& lines) {
  PGconn* c = connection_.get();
  const PgResult begun(PQexec(c, sql.c_str()));
  if (PQresultStatus(begun.get()) != PGRES_COPY_IN) return Failed(c, begun.get(), sql);
  const bool sent =
      PQputCopyData(c, lines.data(), static_cast<int>(lines.size())) == 1 && PQputCopyEnd(c, nullptr) == 1;
  Status status = Ok();
  while (PGresult* raw = PQgetResult(c)) {
    const PgResult result(raw);
    if (!Good(result.get()) && status.ok()) status = Failed(c, result.get(), sql);
  }
  if (!sent && status.ok()) status = Failed(c, nullptr, sql);
  return status;
}

}  // namespace headgate::test
