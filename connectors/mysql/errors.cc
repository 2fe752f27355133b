#include "connectors/mysql/errors.h"

#include <algorithm>
#include <iterator>

namespace headgate::mysql {
namespace {

constexpr int kCannotServe = 1236;  // ER_MASTER_FATAL_ERROR_READING_BINLOG
constexpr int kTlsFailed = 2026;    // CR_SSL_CONNECTION_ERROR
constexpr int kSameReplica = 4052;  // ER_SLAVE_SAME_ID of MariaDB

struct Known {
  int code;
  ErrorKind kind;
  std::string_view advice;
};
// By number. What is not here may pass: it is tried again.
constexpr Known kErrors[] = {
    {1044, ErrorKind::kConfig, "Grant the account the database; `headgate check` prints the statement."},
    {1045, ErrorKind::kConfig, "Check username and password, and from which hosts the account may connect."},
    {1049, ErrorKind::kConfig, "The database does not exist."},
    {1130, ErrorKind::kConfig, "Create the account for this host: CREATE USER ...@'%'."},
    {1142, ErrorKind::kConfig, "Grant the account SELECT on the table; `headgate check` prints the statement."},
    {1143, ErrorKind::kConfig, "Grant the account SELECT on the columns."},
    {1227, ErrorKind::kConfig,
     "Grant REPLICATION SLAVE and REPLICATION CLIENT; `headgate check` prints the statement."},
    {kCannotServe, ErrorKind::kTransient,  // what it has purged is found out when the source opens again
     "The server cannot serve the position that the stream should go on from."},
    {1524, ErrorKind::kConfig, "The account's authentication plugin is not known here."},
    {1862, ErrorKind::kConfig, "The account's password has expired."},
    {kTlsFailed, ErrorKind::kConfig, "The TLS connection failed: check sslmode, sslrootcert, sslcert and sslkey."},
    {2059, ErrorKind::kConfig, "The account's authentication plugin is not known here; use caching_sha2_password."},
    {3118, ErrorKind::kConfig, "The account is locked."},
};

// TLS reports a connection that broke under it like a certificate that is wrong.
bool IsLost(std::string_view tried, std::string_view text) {
  if (!tried.starts_with("connecting")) return true;
  constexpr std::string_view kSigns[] = {"reset by peer", "eof", "EOF", "Broken pipe", "timed out"};
  return std::ranges::any_of(kSigns, [&](std::string_view sign) { return text.find(sign) != std::string_view::npos; });
}

}  // namespace

Error DescribeError(const Options& options, std::string_view tried, int code, std::string_view text) {
  std::string what = std::string(tried) + " failed: " + std::string(text) + " (error " + std::to_string(code) + " of " +
                     Place(options) + ")";
  // The server ends the stream of the replica that was there first.
  if ((code == kCannotServe || code == kSameReplica) && text.find("server_id") != std::string_view::npos) {
    return ConfigError(what + ". Another replica has connected with our server_id, " +
                       std::to_string(options.server_id) + ": set server_id of one of them to a number of its own");
  }
  if (code == kTlsFailed && IsLost(tried, text)) return Transient(std::move(what));
  const Known* const known = std::ranges::lower_bound(kErrors, code, {}, &Known::code);
  if (known == std::end(kErrors) || known->code != code) return Transient(std::move(what));
  return {known->kind, what + ". " + std::string(known->advice)};
}

}  // namespace headgate::mysql
