#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/model/change.h"

namespace headgate {

// Rows that the stream changed while a chunk of their table was being read: the newer state wins (docs/adr/0020). A
// chunk is read beside the stream, without a lock; what the stream brought since the read was asked for is newer than
// what the read saw, or the same. Lives on the ingest thread.
class ChangeWatch {
 public:
  using Moment = std::uint64_t;  // counts calls of Note

  // From now on the changes of a table are noted. `key`: columns that identify its rows, by schema version any that
  // come. A second call changes the key.
  void Watch(StreamNo stream, std::vector<std::size_t> key);
  void Forget(StreamNo stream);
  // No table is watched any more. Moments go on.
  void Clear() {
    tables_.clear();
    overrun_ = false;
  }

  // What the stream brought, in its order.
  void Note(const std::vector<Transaction>& transactions);
  // A transaction that was spooled changed rows of a table that is watched: nothing may be settled any more, and what
  // was asked for before has to be read again.
  bool overrun() const { return overrun_; }
  Moment now() const { return now_; }

  // A chunk of rows that was asked for after Note was called `asked` times: the rows that nothing has changed since.
  // Of one that was changed by an image with absent columns the newest state is made of both. False if the table was
  // emptied since: the chunk is void.
  bool Settle(Transaction& chunk, StreamNo stream, Moment asked);
  // Changes before that moment are of no account any more.
  void ForgetBefore(StreamNo stream, Moment moment);

 private:
  struct Row {
    Moment changed = 0;
    Moment whole = 0;  // when it was last deleted, or told with all its columns
    bool deleted = false;
    std::vector<std::string> values;  // encoded, of the columns that were told since; "" of others
  };
  struct Table {
    std::vector<std::size_t> key;
    std::unordered_map<std::string, Row> rows;  // by the encoded key
    Moment emptied = 0;
  };
  void NoteChange(const Change& change, Table& table);
  void NoteNewRow(Row& row);

  std::unordered_map<StreamNo, Table> tables_;
  Moment now_ = 0;
  bool overrun_ = false;
  std::vector<std::string_view> values_;
};

}  // namespace headgate
