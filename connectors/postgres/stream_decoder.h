#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "connectors/postgres/options.h"
#include "connectors/postgres/pgoutput.h"
#include "connectors/postgres/types.h"
#include "core/base/result.h"
#include "core/model/change.h"
#include "core/transform/row_transform.h"

namespace headgate::postgres {

// What a relation of the stream means for us: where its rows go and how each column on the wire is read.
struct Binding {
  struct Field {
    TypePtr type;
    bool identity = false;
    bool excluded = false;  // on the wire, but not part of our stream
  };
  StreamNo stream = 0;  // 0: not captured
  std::uint32_t schema = 0;
  std::vector<Field> fields;
  std::shared_ptr<const RowTransform> transform;  // of its rows, before they are kept; nullptr: none
};

// Finds out about a relation when the stream first tells of it.
class Binder {
 public:
  virtual ~Binder() = default;
  // `at`: LSN of the change that needs it; `commit_us`: commit time of its transaction (Unix).
  virtual Result<Binding> Bind(const pgoutput::Relation& relation, std::uint64_t at, std::int64_t commit_us) = 0;
};

// Turns the messages of one replication stream into transactions, encoded straight from the wire. Talks to nobody but
// its Binder. A relation message is the schema of the rows after it (PG-29).
class StreamDecoder {
 public:
  struct Limits {
    // Of a transaction, before it leaves memory; nullptr: it never does.
    std::size_t transaction_memory_max = 16U << 20;
    BlockSpools* spools = nullptr;
    std::vector<std::string> messages_prefixes = {"*"};
    // Transactions whose commit record starts here or later are not taken (0: all are).
    std::uint64_t until = 0;
  };
  StreamDecoder(Binder& binder, Limits limits) : binder_(binder), limits_(std::move(limits)) {
    if (limits_.spools != nullptr) transaction_.SpoolBeyond(limits_.transaction_memory_max, *limits_.spools);
  }

  // Transactions that this frame completed are appended to `done`. kCorrupt on bytes that are no pgoutput; the spool's
  // error if a large one cannot be kept. `now_us` is the time of non-transactional messages (Unix). A frame that lies
  // beyond limits.until is not taken, and none is after it: reached() says so then.
  Status Handle(const pgoutput::Frame& frame, std::int64_t now_us, std::vector<Transaction>& done);

  bool in_transaction() const { return in_transaction_; }
  // End LSN of the last transaction that was completed, with or without captured changes; 0 if none was.
  std::uint64_t completed_end() const { return completed_end_; }
  std::int64_t last_commit_us() const { return commit_us_; }
  // The stream came to limits.until; nothing after it was taken.
  bool reached() const { return reached_; }
  // Another limits.until: the frame that was not taken may be handed in again.
  void SetUntil(std::uint64_t until) {
    limits_.until = until;
    reached_ = false;
  }

 private:
  Status Begin(std::uint64_t place);
  Status End(std::vector<Transaction>& done);
  Status Learn(const pgoutput::Frame& frame);
  Status Row(std::uint64_t place);
  Status Truncate(std::uint64_t place);
  Status LogicalMessage(std::int64_t now_us, std::vector<Transaction>& done);
  Result<const Binding*> Find(std::uint32_t relation) const;

  bool ReadOldRow(const Binding& binding);
  void AppendOldRow(const Binding& binding, std::string& out);
  bool AppendNewRow(const Binding& binding, std::string& out);

  Binder& binder_;
  Limits limits_;
  std::unordered_map<std::uint32_t, Binding> bindings_;
  pgoutput::Message message_;
  std::vector<pgoutput::Field> old_fields_;
  ValueEncoder encoder_;
  Transaction transaction_;
  std::uint64_t commit_lsn_ = 0;  // of the open transaction
  std::int64_t commit_us_ = 0;
  std::uint64_t completed_end_ = 0;
  bool in_transaction_ = false;
  bool reached_ = false;
};

}  // namespace headgate::postgres
