#include "connectors/mysql/errors.h"

#include <algorithm>
#include <iterator>

namespace headgate::mysql {
namespace {

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
    {1236, ErrorKind::kConfig, "The server cannot serve the position that the stream should go on from."},
    {1524, ErrorKind::kConfig, "The account's authentication plugin is not known here."},
    {1862, ErrorKind::kConfig, "The account's password has expired."},
    {2026, ErrorKind::kConfig, "The TLS connection failed: check sslmode, sslrootcert, sslcert and sslkey."},
    {2059, ErrorKind::kConfig, "The account's authentication plugin is not known here; use caching_sha2_password."},
    {3118, ErrorKind::kConfig, "The account is locked."},
};

}  // namespace

Error DescribeError(const Options& options, std::string_view tried, int code, std::string_view text) {
  std::string what = std::string(tried) + " failed: " + std::string(text) + " (error " + std::to_string(code) + " of " +
                     Place(options) + ")";
  const Known* const known = std::ranges::lower_bound(kErrors, code, {}, &Known::code);
  if (known == std::end(kErrors) || known->code != code) return Transient(std::move(what));
  return {known->kind, what + ". " + std::string(known->advice)};
}

}  // namespace headgate::mysql
