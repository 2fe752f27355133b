#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/codec/debezium_options.h"
#include "core/codec/debezium_schema.h"
#include "core/codec/event.h"
#include "core/codec/record.h"

namespace headgate::codec {

// The `debezium` rendering (change-events contract, section 3), bit-exact to upstream 3.7.0.
// Pure, but for the running count of transaction metadata: with provide.transaction.metadata all changes of a
// transaction must come in order from its first one (a reader that resumes inside feeds the part before and drops what
// comes out). For one thread. Streams and schema versions are told apart by Change::stream and Change::schema.
class DebeziumEncoder {
 public:
  explicit DebeziumEncoder(DebeziumOptions options = {});
  ~DebeziumEncoder();
  DebeziumEncoder(DebeziumEncoder&&) noexcept;

  // Appends the records of the change: none (skipped operations, ops without a form here), one, or two to three of a
  // delete or a key change, and before and behind them those of the transaction topic. Errors: kRejected, the record
  // has to be parked (its text names the column and the way out); kCorrupt, stored bytes are malformed. On an error
  // only records of the transaction topic stay in `out`.
  Status Render(const EventContext& event, RecordList& out);
  // The same, but what belongs to a table goes to this topic.
  Status Render(const EventContext& event, std::string_view topic, RecordList& out);

  // The transaction in hand is over, whether its last change came here or is for others: appends its END record, if it
  // has begun and that was not written with its last change.
  void EndTransaction(RecordList& out);

  // Appends a heartbeat (3.9).
  void Heartbeat(std::string_view topic_prefix, std::string_view source_name, std::int64_t now_ms, RecordList& out);

  // Appends the key of the change as in its record (of an update the new one); nothing if there is none.
  Status AppendKeyJson(std::string& out, const EventContext& event);

 private:
  struct Shape;
  struct Transaction;
  // Members of `source` that name where a row lives, as JSON with leading commas.
  struct SourceNames {
    SourceNames(std::string_view db, std::string_view schema, std::string_view table_name);
    std::string database;  // ,"db":"shop"
    std::string schema;    // ,"schema":"public": PostgreSQL alone
    std::string table;     // ,"table":"t"
  };

  const Shape& ShapeOf(const EventContext& event);
  Status ReadRows(const EventContext& event, const Shape& shape);
  Status RenderRow(const EventContext& event, const Shape& shape, RecordList& out);
  Status RenderTruncate(const EventContext& event, const Shape& shape, RecordList& out);
  Status RenderMessage(const EventContext& event, RecordList& out);
  Status RenderSchemaChange(const EventContext& event, RecordList& out);

  // Which images of a record's value are written.
  struct Images {
    bool before;
    bool after;
  };
  Status AppendValue(std::string& out, const EventContext& event, const Shape& shape, char op, Images images);
  Record& AddRecord(RecordList& out, const Shape& shape, std::string_view key);
  // Puts the schemas of a record that belongs to no table around what was rendered.
  void Wrap(Record& record, ServiceRecord kind, std::string_view connector);
  void AddHeaders(Record& record, const EventContext& event);
  void AppendTransactionId(std::string& out, const EventContext& event, std::uint64_t lsn);
  void AppendBinlogSource(std::string& out, const EventContext& event);
  void AppendSource(std::string& out, const EventContext& event, const SourceNames& names);
  void AppendTimestamps(std::string& out, std::int64_t us);
  void AppendNanoseconds(std::string& out, std::int64_t us);
  // Counts an event of the collection and appends its transaction member.
  void CountEvent(std::string_view collection);
  void AppendTransaction(std::string& out, const EventContext& event);
  void Begin(const EventContext& event, RecordList& out);
  void End(RecordList& out);

  std::unique_ptr<DebeziumOptions> options_;  // its address is known to the shapes
  std::unordered_map<std::uint64_t, std::unique_ptr<Shape>> shapes_;
  const Shape* last_ = nullptr;
  std::uint64_t last_id_ = 0;
  std::vector<Value> before_;
  std::vector<Value> after_;
  std::string key_;
  std::string old_key_;
  std::string source_head_;  // "source":{"version":"...","connector":"...","name":"..."
  std::string source_name_;  // the one in source_head_
  std::unique_ptr<Transaction> transaction_;
  std::map<std::string, std::pair<ConnectSchema, ConnectSchema>> service_schemas_;  // by kind and connector: key, value
};

}  // namespace headgate::codec
