#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/change.h"
#include "core/net/ip_address.h"
#include "core/pipeline/batch_sink.h"
#include "sinks/table/batch.h"
#include "sinks/table/dialect.h"
#include "sinks/table/options.h"

namespace headgate::table {

// A session with the database of the tables. One thread at a time; every call waits for the server, a statement at most
// `timeout_ms`. Errors: kTransient, the whole again from the cursor; kRejected, a row does not fit the table; kConfig,
// a person has to change something. After any other error of a Write or a Commit than kRejected the session is used no
// more.
class Target {
 public:
  virtual ~Target() = default;

  // To one of `addresses`, whatever the host's name means by now; the host is a Unix socket if there are none.
  virtual Status Connect(const std::vector<net::IpAddress>& addresses) = 0;
  virtual const Dialect& dialect() const = 0;
  // A statement that changes tables commits what is under way.
  virtual bool ddl_commits() const = 0;

  // Makes this session the only one that may move the sink's cursor, and says where it is. kConfig if the target knows
  // nothing of a sink that was here before.
  virtual Result<TargetPlace> TakeOver(std::string_view sink, std::string_view log_id,
                                       const SinkContext::Stand& stand) = 0;
  // Nothing if there is no such table.
  virtual Result<std::optional<TargetTable>> Describe(const TableName& name) = 0;
  virtual Status ChangeSchema(const std::string& sql) = 0;
  virtual Status Rollback() = 0;

  // The transaction under way, or a new one, can be taken back to here, until the next mark.
  virtual Status Mark() = 0;
  virtual Status BackToMark() = 0;
  // The batch's rows, behind a mark. After kRejected the caller goes back to it, and the session is good again.
  virtual Status Write(const Batch& batch) = 0;
  // What is kept is this from now on, and it and all rows since the last commit are durable. kConfig if another process
  // took over.
  virtual Status Commit(const TargetPlace& kept) = 0;

  // Whether a table of mode=append has the row of this event.
  virtual Result<bool> HasEvent(const TableName& name, std::string_view event_id) = 0;

  // Any thread: a call that waits for the server ends soon, with an error.
  virtual void Interrupt() = 0;
};

// Options must outlive it.
std::unique_ptr<Target> MakeTarget(const Options& options);

// What both say of their bookkeeping.
Error ForeignLog(const Options& options, std::string_view sink);
Error KnowsNothing(const Options& options, std::string_view sink, Seq seq);
Error TookOver(const Options& options, std::string_view sink);
Error RowMissing(const Options& options, const TableName& name);
// The SQL of migrations/table_sink for this table.
std::string BookkeepingSql(std::string_view sql, std::string_view quoted_name);

}  // namespace headgate::table
