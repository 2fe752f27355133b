#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "connectors/mysql/binlog_event.h"
#include "connectors/mysql/column.h"
#include "connectors/mysql/position.h"
#include "connectors/mysql/rows_event.h"
#include "connectors/mysql/statement.h"
#include "connectors/mysql/table_map.h"
#include "core/base/result.h"
#include "core/model/change.h"
#include "core/transform/row_transform.h"

namespace headgate::mysql {

// What a table of the stream means for us: where its rows go and how each column is read.
struct TableBinding {
  struct Field {
    ColumnReader reader;
    bool excluded = false;  // in the rows, but not part of our stream
  };
  StreamNo stream = 0;  // 0: not captured
  std::uint32_t schema = 0;
  std::vector<Field> fields;                      // one for each column of the table map
  std::shared_ptr<const RowTransform> transform;  // of its rows, before they are kept; nullptr: none
};

// A statement that changes a schema, as it goes into its transaction.
struct SchemaChange {
  StreamNo stream = 0;       // 0: of no captured table
  std::uint32_t schema = 0;  // what the table is then; 0: not known
  SchemaExtra extra;
};

// Finds out about tables when the stream tells of them.
class Binder {
 public:
  virtual ~Binder() = default;
  // A table map that was not seen before, or that differs from the last of its number. `at`: of the event.
  virtual Result<TableBinding> Bind(const TableMap& map, const LogPlace& at, std::int64_t commit_us) = 0;
  // A statement about tables or databases, after it was committed. The rows that follow may come with other table maps.
  // What is to be told of it.
  virtual Result<std::vector<SchemaChange>> Told(const Statement& statement, std::string_view text, const LogPlace& at,
                                                 std::int64_t commit_us) = 0;
  // The stream of a table as it was last bound; 0 if it is not captured. For TRUNCATE, which has no table map.
  virtual Result<TableBinding> BindTruncated(const TableName& table, const LogPlace& at, std::int64_t commit_us) = 0;
};

// Turns the events of one binary log stream into transactions, encoded straight from the wire. Talks to nobody but its
// Binder. A commit is the unit of progress: position() moves with it and with nothing else.
class BinlogDecoder {
 public:
  struct Limits {
    // Of a transaction, before it leaves memory; nullptr: it never does.
    std::size_t transaction_memory_max = 16U << 20;
    BlockSpools* spools = nullptr;
    bool statements = false;  // keep the statement that rows stem from, where the server logs it
  };
  // `start`: where the stream begins; `read`: up to where it was read before. They differ if a prepared XA transaction
  // is open: it is taken again, what else lies between is dropped.
  BinlogDecoder(Binder& binder, Flavor flavor, const BinlogPosition& start, BinlogPosition read, Limits limits);
  ~BinlogDecoder();

  // Takes one event as it came; of one that comes in parts, its first and what has the others. Transactions that it
  // completed are appended to `done`. kCorrupt on bytes that are no event or not of this server; kConfig on events that
  // this reader must not skip; the spool's error if a large transaction cannot be kept; those of the rest. Behind an
  // error the decoder is of no use.
  Status Handle(std::string_view event, std::vector<Transaction>& done, EventRest* rest = nullptr);

  // Behind the last transaction that was completed, with or without captured changes.
  const BinlogPosition& position() const { return position_; }
  // Tables are bound anew when they come next. Not inside of a transaction.
  void ForgetTables() { bound_.clear(); }
  // Where the stream has to begin after a restart: before the first XA transaction that is prepared and no more
  // (MY-38).
  BinlogPosition restart() const;
  bool in_transaction() const { return open_; }
  // Behind the event that was handled last.
  LogPlace reached() const { return {file_, next_offset_}; }
  std::int64_t last_commit_us() const { return last_commit_us_; }
  // Of what was read of the transaction that is open.
  std::size_t open_bytes() const { return open_ ? transaction_.bytes() : 0; }
  const std::string& server_version() const { return events_.server_version(); }

 private:
  class PayloadReader;
  struct Bound {
    std::string body;  // of the table map, without its number
    TableBinding binding;
  };

  Status Take(const Event& event, std::vector<Transaction>& done);
  Status TakeQuery(const Event& event, std::vector<Transaction>& done);
  Status TakeGtid(const Event& event);
  Status TakeTableMap(const Event& event);
  Status TakeRows(const Event& event);
  Status TakePayload(const Event& event, std::vector<Transaction>& done);
  Status TakeInside(const Event& event, std::vector<Transaction>& done);
  Status EndXa(const Statement& statement, const Event& event, std::vector<Transaction>& done);
  bool WasRead() const;
  Status TakeXaPrepare(const Event& event, std::vector<Transaction>& done);
  Status Told(const Statement& statement, std::string_view text, const Event& event, std::vector<Transaction>& done);
  Status Truncate(const Statement& statement);
  Status Begin(const Event& event);
  void End(const Event& event, std::vector<Transaction>& done);
  Status ReadRows(const RowsEvent& rows, const TableBinding& binding);
  Status AppendImage(ByteReader& in, const ColumnSet& columns, const TableBinding& binding, RowImage image,
                     const PartialHead& partial);
  Status AppendPartialJson(ByteReader& in, std::size_t column, std::string& out);
  Error Malformed(std::string_view what) const;
  LogPlace Here() const { return {position_.place.file, event_offset_}; }

  Binder& binder_;
  const Flavor flavor_;
  const Limits limits_;
  EventReader events_;
  BinlogPosition position_;
  std::uint64_t replay_until_ = 0;  // place: what lies before it may have been read. 0: nothing of what comes was
  std::string file_;                // of the events that come
  std::uint64_t next_offset_ = 0;   // of the event that comes
  std::uint64_t event_offset_ = 0;  // of the event at hand
  std::unordered_map<std::uint64_t, Bound> bound_;

  Transaction transaction_;
  bool open_ = false;        // between a start and its commit
  bool standalone_ = false;  // MariaDB: the next statement ends it
  std::optional<Gtid> gtid_;
  std::optional<MariadbGtid> mariadb_gtid_;
  std::int64_t commit_us_ = 0;  // as the start of the transaction told; 0: by its end
  std::int64_t last_commit_us_ = 0;
  std::uint64_t start_offset_ = 0;
  bool started_ = false;  // a GTID event came, and what it is of did not end yet
  std::uint32_t thread_ = 0;
  std::uint32_t row_ = 0;  // inside of the event
  std::string statement_;  // of the rows that come
  std::string inflated_;   // rows
  std::string inflated_query_;
  ValueReader values_;
  std::string skipped_;                        // values of excluded columns
  std::vector<std::string_view> json_before_;  // binary documents of a before-image, by column
  struct Savepoint {
    std::string name;
    Transaction::Mark mark;
  };
  std::vector<Savepoint> savepoints_;

  // XA transactions that wait for their end.
  struct Prepared {
    Transaction transaction;
    std::optional<Gtid> gtid;
    LogPlace start;
    MariadbPosition before;
  };
  std::map<std::string, Prepared> prepared_;  // by xid
};

}  // namespace headgate::mysql
