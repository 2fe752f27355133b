#include "connectors/postgres/connection.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "connectors/postgres/errors.h"
#include "connectors/postgres/hosts.h"

namespace headgate::postgres {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Clear {
  void operator()(PGresult* r) const { PQclear(r); }
};
using ResultPtr = std::unique_ptr<PGresult, Clear>;

constexpr std::string_view kPinned =
    "-c DateStyle=ISO -c IntervalStyle=iso_8601 -c TimeZone=UTC -c extra_float_digits=3 -c bytea_output=hex -c "
    "search_path=pg_catalog"
    " -c row_security=off -c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0"
    " -c default_transaction_read_only=off -c synchronous_commit=local";

constexpr int kTlsLookMs = 50;

Rows ToRows(const PGresult* result) {
  Rows rows(static_cast<std::size_t>(PQntuples(result)));
  const int columns = PQnfields(result);
  for (int r = 0; r < PQntuples(result); ++r) {
    Row& row = rows[static_cast<std::size_t>(r)];
    row.reserve(static_cast<std::size_t>(columns));
    for (int c = 0; c < columns; ++c) {
      if (PQgetisnull(result, r, c) != 0) {
        row.emplace_back();
      } else {
        row.emplace_back(std::string(PQgetvalue(result, r, c), static_cast<std::size_t>(PQgetlength(result, r, c))));
      }
    }
  }
  return rows;
}

int MillisUntil(Connection::Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
}

void IgnoreNotice(void*, const PGresult*) {}

// Of libpq, by name.
using Parameters = std::vector<std::pair<const char*, std::string>>;

Parameters MakeParameters(const Options& options, const Hosts& hosts, bool replication,
                          const std::string& client_encoding, bool pin_money) {
  Parameters given = {
      {"host", hosts.host},
      {"port", options.port},
      {"dbname", options.dbname},
      {"user", options.username},
      {"sslmode", options.sslmode},
      {"application_name", "headgate " + options.name},
      {"options", std::string(kPinned) + (pin_money ? " -c lc_monetary=C" : "")},
      {"client_encoding", client_encoding},
      {"gssencmode", "disable"},
      {"keepalives", "1"},
      {"keepalives_idle", "10"},
      {"keepalives_interval", "5"},
      {"keepalives_count", "4"},
      {"tcp_user_timeout", std::to_string(options.stale_after.count())},
  };
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty()) given.emplace_back(key, value);
  };
  add("hostaddr", hosts.hostaddr);
  add("password", options.password);
  add("sslrootcert", options.sslrootcert);
  add("sslcert", options.sslcert);
  add("sslkey", options.sslkey);
  if (replication) given.emplace_back("replication", "database");
  return given;
}

}  // namespace

void Connection::Finish::operator()(pg_conn* c) const { PQfinish(c); }
void Connection::FreeMemory::operator()(char* p) const { PQfreemem(p); }

Connection::~Connection() {
  conn_.reset();
  if (stop_fd_ >= 0) close(stop_fd_);
}

Result<std::unique_ptr<Connection>> Connection::Open(const Options& options, Use use,
                                                     const std::string& client_encoding, bool pin_money,
                                                     std::stop_token stop) {
  std::unique_ptr<Connection> connection(new Connection(options));
  HG_RETURN_IF_ERROR(connection->Connect(use, client_encoding, pin_money, std::move(stop)));
  return connection;
}

Status Connection::Connect(Use use, const std::string& client_encoding, bool pin_money, std::stop_token stop) {
  stop_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (stop_fd_ < 0)
    return Transient("no file descriptor left for a connection to " + Place(options_) +
                     ". Raise the limit (ulimit -n).");
  const bool replication = use == Use::kReplication;
  const auto begin = SteadyClock::now();
  const auto hosts = LookUpHosts(options_, begin + options_.connect_timeout / 2, stop);
  if (!hosts.ok()) {
    return hosts.error().kind != ErrorKind::kTransient
               ? hosts.error()
               : DescribeConnectFailure(options_, replication, hosts.error().what);
  }
  const Parameters given = MakeParameters(options_, *hosts, replication, client_encoding, pin_money);
  std::vector<const char*> keys;
  std::vector<const char*> values;
  for (const auto& [key, value] : given) {
    keys.push_back(key);
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);

  conn_.reset(PQconnectStartParams(keys.data(), values.data(), 0));
  if (conn_ == nullptr) return Transient("out of memory while connecting to " + Place(options_));
  if (PQstatus(conn_.get()) == CONNECTION_BAD)
    return DescribeConnectFailure(options_, replication, PQerrorMessage(conn_.get()));
  PQsetErrorVerbosity(conn_.get(), PQERRORS_VERBOSE);  // with SQLSTATE, which does not depend on the server's language
  PQsetNoticeReceiver(conn_.get(), IgnoreNotice, nullptr);
  const Deadline deadline = begin + options_.connect_timeout;
  auto polled = PGRES_POLLING_WRITING;
  while (polled != PGRES_POLLING_OK) {
    bool ready = false;
    HG_RETURN_IF_ERROR(Wait(polled == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline, stop, ready));
    if (!ready) {
      return Transient("connecting to " + Place(options_) + " took longer than connect_timeout_ms (" +
                       std::to_string(options_.connect_timeout.count()) +
                       "). Check host, port and firewalls in between.");
    }
    polled = PQconnectPoll(conn_.get());
    if (polled == PGRES_POLLING_FAILED)
      return DescribeConnectFailure(options_, replication, PQerrorMessage(conn_.get()));
  }
  PQsetnonblocking(conn_.get(), 1);
  return Ok();
}

int Connection::server_version() const { return PQserverVersion(conn_.get()); }

int Connection::backend_pid() const { return PQbackendPID(conn_.get()); }

std::string Connection::parameter(const char* name) const {
  const char* value = PQparameterStatus(conn_.get(), name);
  return value == nullptr ? "" : value;
}

Status Connection::Wait(short events, Deadline deadline, std::stop_token stop, bool& ready) {
  const int fd = stop_fd_;
  const std::stop_callback wake(stop, [fd] {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(fd, &one, sizeof one);
  });
  for (;;) {
    if (stop.stop_requested()) return Stopped();
    pollfd fds[2] = {{PQsocket(conn_.get()), events, 0}, {stop_fd_, POLLIN, 0}};
    int timeout = MillisUntil(deadline);
    // TLS may hold decrypted bytes back that poll does not see: look again soon.
    const bool look_again = (events & POLLIN) != 0 && PQsslInUse(conn_.get()) != 0 && timeout > kTlsLookMs;
    if (look_again) timeout = kTlsLookMs;
    const int n = poll(fds, 2, timeout);
    if (n < 0 && errno != EINTR) return Transient("waiting for " + Place(options_) + " failed: poll");
    if (n > 0 && (fds[0].revents & POLLIN) != 0) last_arrival_ = SteadyClock::now();
    ready = (n > 0 && fds[0].revents != 0) || (n == 0 && look_again);
    if (ready || (n == 0 && SteadyClock::now() >= deadline)) return Ok();
  }
}

Status Connection::WaitReadable(Deadline deadline, std::stop_token stop) {
  bool ready = false;
  return Wait(POLLIN, deadline, std::move(stop), ready);
}

Error Connection::Fail(std::string_view tried, const pg_result* result) {
  const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  sqlstate_ = state == nullptr ? "" : state;
  // Only the primary message: details may hold row values.
  if (primary != nullptr) return DescribeServerError(options_, tried, sqlstate_, primary);
  const std::string_view text = PQerrorMessage(conn_.get());
  const std::string from_text = SqlStateOf(text);  // a FATAL that ended the session
  const std::string_view line = text.substr(0, text.find('\n'));
  return DescribeServerError(options_, tried, from_text, line.empty() ? "the connection is lost" : line);
}

Status Connection::Flush(Deadline deadline, std::stop_token stop, std::string_view tried) {
  for (;;) {
    const int rc = PQflush(conn_.get());
    if (rc == 0) return Ok();
    if (rc < 0) return Fail(tried, nullptr);
    bool ready = false;
    HG_RETURN_IF_ERROR(Wait(POLLOUT | POLLIN, deadline, stop, ready));
    if (!ready)
      return Transient(std::string(tried) + " on " + Place(options_) + " took too long: the server takes nothing in");
    if (PQconsumeInput(conn_.get()) == 0) return Fail(tried, nullptr);  // libpq asks for it while it cannot send
  }
}

Status Connection::WaitForResult(Deadline deadline, std::stop_token stop, std::string_view tried) {
  while (PQisBusy(conn_.get()) != 0) {
    bool ready = false;
    HG_RETURN_IF_ERROR(Wait(POLLIN, deadline, stop, ready));
    if (!ready)
      return Transient(std::string(tried) + " on " + Place(options_) + " got no answer within the time allowed");
    HG_RETURN_IF_ERROR(Receive(tried));
  }
  return Ok();
}

Status Connection::Send(const std::string& sql, std::string_view tried) {
  if (PQsendQuery(conn_.get(), sql.c_str()) == 0) return Fail(tried, nullptr);
  if (PQflush(conn_.get()) < 0) return Fail(tried, nullptr);
  return Ok();
}

Result<std::optional<Rows>> Connection::Poll(std::string_view tried) {
  if (PQflush(conn_.get()) < 0) return Fail(tried, nullptr);
  HG_RETURN_IF_ERROR(Receive(tried));
  while (PQisBusy(conn_.get()) == 0) {
    const ResultPtr result(PQgetResult(conn_.get()));
    if (result == nullptr) return std::optional<Rows>(std::exchange(polled_, {}));
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) return Fail(tried, result.get());
    polled_ = ToRows(result.get());
  }
  return std::optional<Rows>();
}

Result<Rows> Connection::Query(const std::string& sql, std::string_view tried, std::stop_token stop,
                               std::optional<Deadline> deadline) {
  const Deadline until = deadline.value_or(SteadyClock::now() + options_.connect_timeout);
  if (PQsendQuery(conn_.get(), sql.c_str()) == 0) return Fail(tried, nullptr);
  HG_RETURN_IF_ERROR(Flush(until, stop, tried));
  Rows rows;
  std::optional<Error> error;
  for (;;) {
    HG_RETURN_IF_ERROR(WaitForResult(until, stop, tried));
    const ResultPtr result(PQgetResult(conn_.get()));
    if (result == nullptr) break;
    const auto status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      rows = ToRows(result.get());
    } else if (!error) {
      error = Fail(tried, result.get());
    }
    if (PQstatus(conn_.get()) == CONNECTION_BAD) break;
  }
  if (error) return std::move(*error);
  return rows;
}

Status Connection::StartCopy(const std::string& sql, std::string_view tried, std::stop_token stop) {
  const Deadline until = SteadyClock::now() + options_.connect_timeout;
  if (PQsendQuery(conn_.get(), sql.c_str()) == 0) return Fail(tried, nullptr);
  HG_RETURN_IF_ERROR(Flush(until, stop, tried));
  HG_RETURN_IF_ERROR(WaitForResult(until, stop, tried));
  const ResultPtr result(PQgetResult(conn_.get()));
  const auto status = result == nullptr ? PGRES_FATAL_ERROR : PQresultStatus(result.get());
  if (status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) return Ok();
  Error error = Fail(tried, result.get());
  while (PQstatus(conn_.get()) != CONNECTION_BAD && PQisBusy(conn_.get()) == 0) {  // leave the session usable
    if (const ResultPtr rest(PQgetResult(conn_.get())); rest == nullptr) break;
  }
  return error;
}

Result<Connection::Copy> Connection::NextCopy(std::string_view& data, std::string_view tried) {
  if (copy_ended_) return FinishCopy(tried);
  char* buffer = nullptr;
  const int n = PQgetCopyData(conn_.get(), &buffer, 1);
  copy_data_.reset(buffer);
  if (n > 0) {
    data = {buffer, static_cast<std::size_t>(n)};
    return Copy::kData;
  }
  if (n == 0) return Copy::kNothingYet;
  if (n == -2) return Fail(tried, nullptr);
  copy_ended_ = true;
  return FinishCopy(tried);
}

// Takes what comes after the data: an error of the server, or its word that the session is ready again.
Result<Connection::Copy> Connection::FinishCopy(std::string_view tried) {
  while (PQisBusy(conn_.get()) == 0) {
    const ResultPtr result(PQgetResult(conn_.get()));
    const auto status = result == nullptr ? PGRES_COPY_IN : PQresultStatus(result.get());
    if (status == PGRES_COPY_IN) {  // nothing more; or the server ended its half of a replication stream
      copy_ended_ = false;
      return Copy::kEnd;
    }
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return Fail(tried, result.get());
  }
  return Copy::kNothingYet;
}

Status Connection::Receive(std::string_view tried) {
  if (PQconsumeInput(conn_.get()) == 0) return Fail(tried, nullptr);
  return Ok();
}

Status Connection::SendCopy(std::string_view bytes, std::string_view tried, std::stop_token stop) {
  const Deadline until = SteadyClock::now() + options_.connect_timeout;
  const int rc = PQputCopyData(conn_.get(), bytes.data(), static_cast<int>(bytes.size()));
  if (rc < 0) return Fail(tried, nullptr);
  if (rc == 0) return Transient(std::string(tried) + " on " + Place(options_) + " failed: the server takes nothing in");
  return Flush(until, std::move(stop), tried);
}

void Connection::EndCopy() {
  if (PQputCopyEnd(conn_.get(), nullptr) >= 0) PQflush(conn_.get());
}

}  // namespace headgate::postgres
