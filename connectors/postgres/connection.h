#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/postgres/options.h"
#include "core/base/result.h"

struct pg_conn;
struct pg_result;

namespace headgate::postgres {

using Row = std::vector<std::optional<std::string>>;
using Rows = std::vector<Row>;

// One session, over libpq in non-blocking mode (this is the only place that knows libpq). Every wait ends with a
// deadline or a stop request. One thread at a time.
//
// Session settings are pinned so that snapshot and stream print the same bytes whatever the server's, the database's
// or the role's defaults are (change-events contract 1, PG-38).
class Connection {
 public:
  using Deadline = std::chrono::steady_clock::time_point;
  enum class Use : std::uint8_t { kQuery, kReplication };

  // `client_encoding` is UTF8, or SQL_ASCII for a database that is SQL_ASCII itself: there the server would refuse rows
  // whose bytes are not UTF-8 instead of sending them.
  // `pin_money`: lc_monetary=C; without it the database's own, to learn its fraction digits.
  static Result<std::unique_ptr<Connection>> Open(const Options& options, Use use, const std::string& client_encoding,
                                                  bool pin_money, std::stop_token stop);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int server_version() const;                     // 150004
  int backend_pid() const;                        // the server's process
  std::string parameter(const char* name) const;  // as reported at start: server_encoding, ...
  // SQLSTATE of the last failed statement, "" if the connection broke.
  const std::string& sqlstate() const { return sqlstate_; }
  const Options& options() const { return options_; }

  // Runs statements and returns the rows of the last one. `tried` is for the error text. The default deadline is
  // connect_timeout from now.
  Result<Rows> Query(const std::string& sql, std::string_view tried, std::stop_token stop,
                     std::optional<Deadline> deadline = std::nullopt);
  // The same without waiting: Send, then Poll until it is something.
  Status Send(const std::string& sql, std::string_view tried);
  Result<std::optional<Rows>> Poll(std::string_view tried);

  // Runs COPY ... TO STDOUT, or START_REPLICATION.
  Status StartCopy(const std::string& sql, std::string_view tried, std::stop_token stop);
  enum class Copy : std::uint8_t { kData, kNothingYet, kEnd };
  // Never waits. kData: `data` is valid until the next call. kEnd: the server ended the copy without an error.
  Result<Copy> NextCopy(std::string_view& data, std::string_view tried);
  // Takes in what has arrived. Never waits.
  Status Receive(std::string_view tried);
  // When bytes were last there while we waited for them.
  Deadline last_arrival() const { return last_arrival_; }
  // Until something arrives or the deadline passes (both Ok). kStopped on stop.
  Status WaitReadable(Deadline deadline, std::stop_token stop);
  // Sends bytes to the server inside a copy. Waits for room until the deadline.
  Status SendCopy(std::string_view bytes, std::string_view tried, std::stop_token stop);
  // Tells the server that the copy is over, as far as that can be sent at once.
  void EndCopy();

 private:
  explicit Connection(const Options& options) : options_(options) {}
  Status Connect(Use use, const std::string& client_encoding, bool pin_money, std::stop_token stop);
  Status Wait(short events, Deadline deadline, std::stop_token stop, bool& ready);
  Status Flush(Deadline deadline, std::stop_token stop, std::string_view tried);
  Status WaitForResult(Deadline deadline, std::stop_token stop, std::string_view tried);
  Result<Copy> FinishCopy(std::string_view tried);
  Error Fail(std::string_view tried, const pg_result* result);

  struct Finish {
    void operator()(pg_conn* c) const;
  };
  struct FreeMemory {
    void operator()(char* p) const;
  };

  const Options options_;
  std::unique_ptr<pg_conn, Finish> conn_;
  std::unique_ptr<char, FreeMemory> copy_data_;  // what NextCopy returned last
  int stop_fd_ = -1;                             // eventfd: a stop request interrupts poll
  bool copy_ended_ = false;                      // the data are through, the end of the command is not
  Rows polled_;                                  // of a statement that Poll waits for
  Deadline last_arrival_;
  std::string sqlstate_;
};

}  // namespace headgate::postgres
