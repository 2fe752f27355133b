#include "tests/support/my_client.h"

#include <mysql.h>

namespace headgate::test {
namespace {

Error FailureOf(st_mysql* connection, const std::string& sql) {
  return Transient(sql.substr(0, 200) + ": " + mysql_error(connection) + ", error " +
                   std::to_string(mysql_errno(connection)));
}

}  // namespace

void MyClient::Close::operator()(st_mysql* c) const { mysql_close(c); }

Result<MyClient> MyClient::Connect(const std::string& socket, const std::string& user) {
  MyClient client(mysql_init(nullptr));
  st_mysql* const c = client.connection_.get();
  const unsigned seconds = 10;
  mysql_optionsv(c, MYSQL_OPT_CONNECT_TIMEOUT, &seconds);
  mysql_optionsv(c, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (mysql_real_connect(c, nullptr, user.c_str(), "", nullptr, 0, socket.c_str(), 0) == nullptr)
    return FailureOf(c, "connecting to " + socket);
  return client;
}

Status MyClient::Exec(const std::string& sql) {
  const auto rows = Query(sql);
  return rows.ok() ? Ok() : Status(rows.error());
}

Status MyClient::ExecAll(const std::vector<std::string>& statements) {
  for (const std::string& sql : statements) HG_RETURN_IF_ERROR(Exec(sql));
  return Ok();
}

Result<std::vector<MyRow>> MyClient::Query(const std::string& sql) {
  st_mysql* const c = connection_.get();
  if (mysql_real_query(c, sql.data(), sql.size()) != 0) return FailureOf(c, sql);
  std::vector<MyRow> rows;
  MYSQL_RES* const result = mysql_store_result(c);
  if (result == nullptr) return mysql_errno(c) == 0 ? Result<std::vector<MyRow>>(rows) : FailureOf(c, sql);
  const unsigned columns = mysql_num_fields(result);
  while (char** const row = mysql_fetch_row(result)) {
    const unsigned long* const lengths = mysql_fetch_lengths(result);
    MyRow& values = rows.emplace_back();
    for (unsigned i = 0; i < columns; ++i) {
      values.push_back(row[i] == nullptr ? std::nullopt : std::optional<std::string>(std::string(row[i], lengths[i])));
    }
  }
  mysql_free_result(result);
  return rows;
}

Result<std::string> MyClient::Value(const std::string& sql) {
  HG_ASSIGN_OR_RETURN(const auto rows, Query(sql));
  if (rows.empty() || rows[0].empty()) return std::string();
  return rows[0][0].value_or("");
}

}  // namespace headgate::test
