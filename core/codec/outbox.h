#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/codec/event.h"
#include "core/model/schema.h"

// Rows of outbox tables as the messages that they hold (OP-09): an application writes a row together with what it tells
// of, and the row goes out as one record. Columns have the names of Debezium's event router unless others are given.
namespace headgate::codec {

struct OutboxOptions {
  // What becomes of an update, which an outbox should not see: it is left out, or a dead letter.
  enum class Updates { kSkip, kReject };

  std::vector<std::string> tables;  // schema.table, with * and ?; empty: there is no outbox
  std::string topic = "outbox.event.${aggregate_type}";
  std::string id = "id";                                     // its text is the header `id`; a table may lack it
  std::string aggregate_type = "aggregatetype";              // for the topic
  std::string aggregate_id = "aggregateid";                  // its text is the key
  std::string type = "type";                                 // its text is the header `type`; a table may lack it
  std::string payload = "payload";                           // the value as it is: bytes, text, JSON
  std::vector<std::pair<std::string, std::string>> headers;  // column, and the name of its header
  Updates updates = Updates::kSkip;

  bool Has(const TableSchema& table) const;
};

struct OutboxMessage {
  std::string topic;               // with _ for what topics may not have in their names
  std::optional<std::string> key;  // nothing: NULL
  bool has_value = false;          // false: the payload is NULL
  std::string value;
  bool is_json = false;  // of a column of type JSON
  std::vector<std::pair<std::string, std::string>> headers;
};

// Makes the messages. For one thread.
class OutboxReader {
 public:
  explicit OutboxReader(OutboxOptions options) : options_(std::move(options)) {}

  // Whether the change is of an outbox, and hence Read's to judge.
  bool Owns(const EventContext& event);
  // The message of a change of an outbox; nothing if it has none (a delete, a truncate, what is told of the stream).
  // kConfig if the table lacks a column that it needs, kRejected if this row cannot be a message, kCorrupt if its bytes
  // are malformed.
  Result<std::optional<OutboxMessage>> Read(const EventContext& event);

 private:
  struct Layout {  // of one version of a stream
    bool owned = false;
    std::optional<std::size_t> id, aggregate_type, aggregate_id, type, payload;
    std::vector<std::pair<std::size_t, std::string>> headers;
    std::string missing;  // the first column that the table lacks
  };
  const Layout& LayoutOf(const EventContext& event);

  const OutboxOptions options_;
  std::unordered_map<std::uint64_t, Layout> layouts_;  // by stream and version
  std::vector<Value> row_;
};

}  // namespace headgate::codec
