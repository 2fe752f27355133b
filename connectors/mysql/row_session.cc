#include "connectors/mysql/row_session.h"

#include <mysql.h>
#include <sys/socket.h>

#include <algorithm>

#include "connectors/mysql/errors.h"

namespace headgate::mysql {

Result<std::unique_ptr<RowSession>> RowSession::Open(const Options& options, std::size_t host) {
  const std::string tried = "connecting to " + Place(options) + " for rows";
  HG_ASSIGN_OR_RETURN(Client client,
                      ConnectClient(options, host, std::max(options.connect_timeout, options.stale_after), tried));
  std::unique_ptr<RowSession> session(new RowSession(options, std::move(client)));
  for (const std::string_view pin : kSessionPins) HG_RETURN_IF_ERROR(session->Execute(std::string(pin), tried));
  HG_RETURN_IF_ERROR(session->Execute("SET character_set_results=NULL", tried));
  return session;
}

Error RowSession::Failure(std::string_view tried) {
  const auto code = static_cast<int>(mysql_errno(client_.get()));
  error_code_ = code >= 2000 && code < 3000 ? 0 : code;
  return ClientError(options_, tried, *client_);
}

Status RowSession::Execute(const std::string& sql, std::string_view tried) {
  return Stream(sql, tried, [](const auto&) { return true; });
}

Result<Rows> RowSession::Query(const std::string& sql, std::string_view tried) {
  Rows rows;
  HG_RETURN_IF_ERROR(Stream(sql, tried, [&](const std::vector<std::string_view>& columns) {
    rows.push_back(RowOf(columns));
    return true;
  }));
  return rows;
}

Status RowSession::Stream(const std::string& sql, std::string_view tried, const EachRow& each) {
  if (mysql_real_query(client_.get(), sql.data(), sql.size()) != 0) return Failure(tried);
  const std::unique_ptr<MYSQL_RES, void (*)(MYSQL_RES*)> result(mysql_use_result(client_.get()), mysql_free_result);
  if (result == nullptr) return mysql_field_count(client_.get()) == 0 ? Ok() : Status(Failure(tried));
  std::vector<std::string_view> row(mysql_num_fields(result.get()));
  while (const MYSQL_ROW values = mysql_fetch_row(result.get())) {
    const unsigned long* const lengths = mysql_fetch_lengths(result.get());
    for (std::size_t i = 0; i < row.size(); ++i)
      row[i] = values[i] == nullptr ? std::string_view() : std::string_view(values[i], lengths[i]);
    if (each(row)) continue;
    ::shutdown(mysql_get_socket(client_.get()), SHUT_RDWR);  // or else the result is read to its end
    return Ok();
  }
  if (mysql_errno(client_.get()) != 0) return Failure(tried);
  return Ok();
}

}  // namespace headgate::mysql
