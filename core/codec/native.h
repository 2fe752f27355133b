#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "core/codec/event.h"
#include "core/codec/native_value.h"

namespace headgate::codec {

// The `native` rendering (change-events contract, section 4). Pure: the bytes depend on the stored change and the
// options alone. Keeps the escaped names of every schema version it has seen, so streams are told apart by
// Change::stream and Change::schema. For one thread.
class NativeEncoder {
 public:
  explicit NativeEncoder(NativeOptions options = {});
  ~NativeEncoder();
  NativeEncoder(NativeEncoder&&) noexcept;

  // Appends the event as one JSON object, without line end. On an error `out` is as before: kCorrupt if stored bytes
  // are malformed, kRejected if the change lacks what its op needs.
  Status Append(std::string& out, const EventContext& event);

  // Appends the key as one JSON object, {"id":42}; appends nothing if nothing identifies the row (or the op has no
  // row). The key of an update is the new one; `previous` asks for the old one, appended only where it differs.
  Status AppendKeyJson(std::string& out, const EventContext& event, bool previous = false);

  // Appends the new row as one JSON object, as the member `after` of the event has it; nothing if the change has none.
  Status AppendRowJson(std::string& out, const EventContext& event);

  // Both keys as above and, unless `row` is nullptr, the new row: reads the rows once for all of them.
  Status AppendKeysAndRow(std::string& key, std::string& previous_key, std::string* row, const EventContext& event);

 private:
  struct Shape;  // what is known of one schema version
  const Shape& ShapeOf(const EventContext& event);
  Status AppendRowEvent(std::string& out, const EventContext& event, const Shape& shape);
  Status AppendOther(std::string& out, const EventContext& event);
  Status ReadRows(const EventContext& event, const Shape& shape);
  // Of the rows that were read.
  Status AppendRowRead(std::string& out, const EventContext& event, const Shape& shape);
  Status AppendKeyRead(std::string& out, const EventContext& event, const Shape& shape, bool previous);
  void AppendTail(std::string& out, const EventContext& event);

  NativeOptions options_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Shape>> shapes_;  // by stream and schema version
  const Shape* last_ = nullptr;
  std::uint64_t last_id_ = 0;
  std::vector<Value> before_;
  std::vector<Value> after_;
  std::int64_t commit_us_ = 0;  // the one `commit_text_` shows
  std::string commit_text_;
};

// The name of a stream in events: schema.table, of one without schema the table alone; a part that holds a dot or a
// quote is double-quoted, and so is a table without name.
std::string StreamName(std::string_view schema, std::string_view table);

}  // namespace headgate::codec
