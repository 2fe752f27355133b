#include "connectors/postgres/errors.h"

#include <algorithm>
#include <array>

namespace headgate::postgres {
namespace {

bool Contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

bool IsSqlState(std::string_view text) {
  return text.size() == 5 &&
         std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z'); });
}

// Without the LOCATION lines and the codes that the verbose form adds, on one line.
std::string Plain(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    std::string line(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line.erase(0, line.find_first_not_of(" \t"));
    if (line.empty() || line.starts_with("LOCATION:")) continue;
    if (line.back() == '?') line.pop_back();  // libpq asks back; the advice that follows answers
    const std::string state = SqlStateOf(line);
    if (!state.empty()) {
      const auto at = line.find(state + ": ");
      line.erase(at, state.size() + 2);
    }
    const auto spaces = line.find(":  ");
    if (spaces != std::string::npos) line.erase(spaces + 1, 1);
    out += out.empty() ? line : "; " + line;
  }
  return out;
}

struct Advice {
  std::string_view sqlstate;
  std::string_view text;     // %u user, %d database, %h host
  std::string_view setting;  // that should change, "" if the server should
};
constexpr auto kConnectAdvice = std::to_array<Advice>({
    // The server does not tell a wrong password from a role that does not exist.
    {"28P01",
     "Check username and password (role %u). If there is no such role yet: CREATE ROLE %u LOGIN REPLICATION PASSWORD "
     "'...'; GRANT CONNECT ON DATABASE %d TO %u; and SELECT on the tables (migrations/postgres/001_role.sql does all "
     "of it).",
     "password"},
    {"28000",
     "Check that role %u exists, may log in, and that pg_hba.conf has a line for it: host all %u <our address> "
     "scram-sha-256.",
     "username"},
    {"3D000", "Check dbname: database %d does not exist on %h.", "dbname"},
    {"42501", "Give role %u the right: ALTER ROLE %u REPLICATION; GRANT CONNECT ON DATABASE %d TO %u;", "username"},
    {"53300",
     "The server has no connection left for us: raise max_wal_senders and max_connections, or end sessions that are "
     "not needed.",
     ""},
    {"57P03", "The server is starting up or shutting down; retrying.", ""},
});
// Of failures before the server said anything.
constexpr std::string_view kSetPassword = "Set password.";
constexpr std::string_view kSetSslmode = "Set sslmode to prefer or disable, or switch TLS on at the server (ssl=on).";
constexpr std::string_view kCheckCertificate =
    "Check that sslrootcert holds the authority that signed the server's certificate and that host is the name in it.";
constexpr std::string_view kCheckFiles = "Check the files named in sslrootcert, sslcert and sslkey.";

std::string Fill(std::string_view advice, const Options& options) {
  std::string out;
  for (std::size_t i = 0; i < advice.size(); ++i) {
    if (advice[i] != '%' || i + 1 == advice.size()) {
      out += advice[i];
      continue;
    }
    const char what = advice[++i];
    out += what == 'u'   ? QuoteIdentifier(options.username)
           : what == 'd' ? QuoteIdentifier(options.dbname)
                         : options.host + ":" + options.port;
  }
  return out;
}

// Failures before the server said anything.
Error DescribeNoAnswer(const Options& options, const std::string& text) {
  const std::string what = "connecting to " + Place(options) + " failed: " + text;
  if (Contains(text, "no password supplied")) return ConfigError(what + ". " + std::string(kSetPassword));
  if (Contains(text, "does not support SSL")) {
    return ConfigError(what + ". " + std::string(kSetSslmode));
  }
  if (Contains(text, "certificate verify failed") || Contains(text, "server certificate for")) {
    return ConfigError(what + ". " + std::string(kCheckCertificate));
  }
  if (Contains(text, "root certificate file") || Contains(text, "certificate file") ||
      Contains(text, "private key file")) {
    return ConfigError(what + ". " + std::string(kCheckFiles));
  }
  return Transient(what +
                   ". Check that host and port are right, that the server runs and listens there (listen_addresses), "
                   "and that no firewall is in between.");
}

}  // namespace

std::string Place(const Options& options) { return options.host + ":" + options.port + "/" + options.dbname; }

std::string SqlStateOf(std::string_view text) {
  // "...: FATAL:  28P01: text": five characters between two colons.
  for (auto at = text.find(":  "); at != std::string_view::npos; at = text.find(":  ", at + 1)) {
    const std::string_view state = text.substr(at + 3, 5);
    if (IsSqlState(state) && text.substr(std::min(text.size(), at + 8), 1) == ":") return std::string(state);
  }
  return {};
}

ErrorKind KindOf(std::string_view sqlstate) {
  if (sqlstate.empty()) return ErrorKind::kTransient;
  constexpr auto kTransientClasses = std::to_array<std::string_view>({"08", "40", "53", "55P", "57", "58", "XX"});
  for (const auto prefix : kTransientClasses) {
    if (sqlstate.starts_with(prefix)) return ErrorKind::kTransient;
  }
  return sqlstate == "55006" ? ErrorKind::kTransient : ErrorKind::kConfig;  // 55006: in use by someone else just now
}

Error DescribeConnectFailure(const Options& options, bool replication, std::string_view libpq_text) {
  const std::string sqlstate = SqlStateOf(libpq_text);
  const std::string text = Plain(libpq_text);
  if (sqlstate.empty()) return DescribeNoAnswer(options, text);
  std::string what = std::string(replication ? "opening a replication connection to " : "connecting to ") +
                     Place(options) + " as " + options.username + " failed: " + text + ".";
  for (const Advice& advice : kConnectAdvice) {
    if (advice.sqlstate == sqlstate) what += " " + Fill(advice.text, options);
  }
  return {KindOf(sqlstate), std::move(what)};
}

std::string_view SettingOf(const Options& options, const Error& connect_failure) {
  const std::string_view what = connect_failure.what;
  for (const Advice& advice : kConnectAdvice) {
    if (!advice.setting.empty() && Contains(what, Fill(advice.text, options))) return advice.setting;
  }
  if (what.ends_with(kSetPassword)) return "password";
  if (what.ends_with(kSetSslmode)) return "sslmode";
  if (what.ends_with(kCheckCertificate)) return "sslrootcert";
  if (what.ends_with(kCheckFiles)) {
    return Contains(what, "private key file")        ? "sslkey"
           : Contains(what, "root certificate file") ? "sslrootcert"
                                                     : "sslcert";
  }
  return "host";
}

Finding FindingOf(const Options& options, const Error& error) {
  Finding finding{"config", Finding::Level::kError, error.what, "", "", ""};
  const bool connecting = error.what.starts_with("connecting to ") || error.what.starts_with("opening a replication");
  const bool rights = Contains(error.what, "(SQLSTATE 42501)");
  if (Contains(error.what, "is active for PID")) {
    finding.id = "slot_connected";
    finding.level = Finding::Level::kWarning;
    finding.hint = "Another process reads from our slot. Stop it, or end its session; attempts go on by themselves.";
    finding.fix = "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = " +
                  QuoteLiteral(options.slot_name) + ";";
  } else if (error.kind == ErrorKind::kTransient) {
    finding.id = "reachable";
    finding.hint = "Check that the server runs, that it is reached from this machine, and that it lets us in.";
  } else if (rights || (connecting && (Contains(error.what, " as ") || Contains(error.what, "Set password.")))) {
    finding.id = "signed_in";
    finding.hint = "Mend what the message names, then restart " + options.name + " or change its config.";
  } else {
    if (connecting) finding.id = "reachable";  // TLS
    finding.hint = "Mend the cause, then restart " + options.name + " or change its config.";
  }
  return finding;
}

Error DescribeServerError(const Options& options, std::string_view tried, std::string_view sqlstate,
                          std::string_view message) {
  std::string what = std::string(tried) + " on " + Place(options) + " failed: " + std::string(message);
  if (!sqlstate.empty()) what += " (SQLSTATE " + std::string(sqlstate) + ")";
  return {KindOf(sqlstate), std::move(what)};
}

std::string QuoteIdentifier(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string QuoteLiteral(std::string_view text) {
  std::string out;
  bool escaped = false;
  for (const char c : text) {
    if (c == '\'' || c == '\\') {
      out += c;
      escaped = escaped || c == '\\';
    }
    out += c;
  }
  return (escaped ? "E'" : "'") + out + "'";
}

std::string QuoteReplicationLiteral(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

std::string QuoteTable(std::string_view schema, std::string_view table) {
  return QuoteIdentifier(schema) + "." + QuoteIdentifier(table);
}

}  // namespace headgate::postgres
