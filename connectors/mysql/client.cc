#include "connectors/mysql/client.h"

#include <mysql.h>

#include <algorithm>

#include "connectors/mysql/errors.h"

namespace headgate::mysql {
namespace {

constexpr unsigned long kPacketMax = 1UL << 30;

unsigned WholeSeconds(std::chrono::milliseconds wait) {
  return static_cast<unsigned>(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count()));
}

}  // namespace

void CloseClient::operator()(st_mysql* client) const { mysql_close(client); }

Error ClientError(const Options& options, std::string_view tried, st_mysql& client) {
  return DescribeError(options, tried, static_cast<int>(mysql_errno(&client)), mysql_error(&client));
}

Result<Client> ConnectClient(const Options& options, std::size_t index, std::chrono::milliseconds read_timeout,
                             std::string_view tried) {
  const Host& host = options.hosts[index];
  Client client(mysql_init(nullptr));
  if (client == nullptr) return Transient("out of memory while " + std::string(tried));
  st_mysql* const mysql = client.get();
  const unsigned connect_s = WholeSeconds(options.connect_timeout);
  const unsigned read_s = WholeSeconds(read_timeout);
  mysql_optionsv(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_s);
  mysql_optionsv(mysql, MYSQL_OPT_READ_TIMEOUT, &read_s);
  mysql_optionsv(mysql, MYSQL_OPT_WRITE_TIMEOUT, &read_s);
  mysql_optionsv(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &kPacketMax);
  mysql_optionsv(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_optionsv(mysql, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", ("headgate " + options.name).c_str());
  const bool socket = host.name.starts_with('/');
  if (options.sslmode != "disable" && !socket) {
    const auto text = [](const std::string& value) { return value.empty() ? nullptr : value.c_str(); };
    const my_bool yes = 1;
    mysql_ssl_set(mysql, text(options.sslkey), text(options.sslcert), text(options.sslrootcert), nullptr, nullptr);
    if (options.sslmode != "prefer") mysql_optionsv(mysql, MYSQL_OPT_SSL_ENFORCE, &yes);
    if (options.sslmode == "verify-full") mysql_optionsv(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
  }
  if (mysql_real_connect(mysql, socket ? nullptr : host.name.c_str(), options.username.c_str(),
                         options.password.c_str(), nullptr, host.port, socket ? host.name.c_str() : nullptr,
                         0) == nullptr) {
    return ClientError(options, tried, *mysql);
  }
  return client;
}

}  // namespace headgate::mysql
