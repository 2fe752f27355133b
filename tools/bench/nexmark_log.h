#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "tools/bench/nexmark_events.h"

namespace headgate::nexmark {

// Writes events to the log, as the streams person, auction and bid. For one thread; the log outlives it.
class Feed {
 public:
  enum class Form : std::uint8_t {
    kEvents,  // streams of events, which nobody takes back
    kTables,  // tables nexmark.public.person, ..., captured from a database: rows may go again
  };
  static Result<std::unique_ptr<Feed>> Open(Log& log, Form form);

  void Insert(const Event& event) { Add(Op::kInsert, event); }
  void Delete(const Event& event) { Add(Op::kDelete, event); }  // of a table
  // Ends the transaction. It is in the log after Flush, or when many have come together.
  Status Commit();
  Status Flush();

 private:
  explicit Feed(Form form) : form_(form) {}
  void Add(Op op, const Event& event);

  Form form_;
  std::unique_ptr<LogWriter> writer_;
  struct Stream {
    StreamNo number = 0;
    std::uint32_t version = 0;
  };
  std::vector<Stream> streams_;  // as the alternatives of Event
  std::vector<Transaction> batch_;
  std::uint64_t position_ = 0;
};

// Writes nexmark_side.public.side_input: 10 000 rows (key, value), 'value of <key>'.
Status WriteSideInput(Log& log);
// What q13 calls it.
constexpr const char* kSideName =
    "CREATE TABLE side_input (key bigint PRIMARY KEY, value text) WITH (stream = 'nexmark_side.public.side_input')";
// What makes person, auction and bid names of the tables of Form::kTables.
constexpr const char* kTableNames =
    "CREATE VIEW person AS SELECT * FROM nexmark.public.person; CREATE VIEW auction AS SELECT * FROM "
    "nexmark.public.auction; CREATE VIEW bid AS SELECT * FROM nexmark.public.bid";

}  // namespace headgate::nexmark
