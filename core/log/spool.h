#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/log/entry.h"
#include "core/log/store.h"
#include "core/model/change.h"

// Transactions that are too large for memory (docs/adr/0021). Internal to core/log.
namespace headgate {

using SpoolNo = std::uint64_t;  // from 1, in the order in which spools were begun

// What an entry says of the blocks that lie in Family::kSpool instead of the log.
struct SpoolReference {
  struct Parts {
    std::uint32_t first = 0;
    std::uint32_t count = 0;
  };
  SpoolNo number = 0;
  std::vector<Parts> parts;  // in the order of the changes; others were taken back
};
void PutSpoolReference(std::string& out, const SpoolReference& reference);
SpoolReference ReadSpoolReference(ByteReader& in);

// Keys of Family::kSpool: number and part, big-endian.
std::string SpoolKey(SpoolNo number, std::uint32_t part);

// What the log keeps of a spool that an entry refers to: under SpoolRecordKey of its seq in Family::kMeta.
struct SpoolRecord {
  SpoolNo number = 0;
  std::uint64_t bytes = 0;  // on disk
};
inline constexpr std::string_view kSpoolRecords = "spool/";
std::string SpoolRecordKey(Seq seq);
std::string EncodeSpoolRecord(const SpoolRecord& record);
SpoolRecord DecodeSpoolRecord(std::string_view bytes);  // number 0: malformed

// The blocks of one transaction, in files beside the database until the log takes them in. For one thread.
class Spool final : public BlockSpool {
 public:
  // The store outlives it.
  Spool(Store& store, SpoolNo number);
  ~Spool() override;

  void Take(const Transaction::Block& block) override;
  void Keep(std::size_t blocks) override;
  std::vector<StreamNo> streams() const override;
  Status status() const override { return status_; }

  // Everything is in the database, durably, where nothing refers to it yet. May be repeated.
  Status TakeIn();
  bool taken_in() const { return taken_in_; }
  // An entry refers to it: it stays.
  void SetPublished() { published_ = true; }

  // By stream and op, what its changes count for.
  struct Counted {
    StreamNo stream;
    Op op;
    std::uint64_t records = 0;
    std::uint64_t bytes = 0;
  };
  const std::vector<Counted>& counted() const { return counted_; }
  const SpoolReference& reference() const { return reference_; }
  std::uint64_t disk_bytes() const { return files_.spilled() ? files_.spill_bytes() : files_.bytes(); }

 private:
  void Count(const Transaction::Block& block);

  Store& store_;
  StoreBatch files_;
  bool taken_in_ = false;
  bool published_ = false;
  Status status_ = Ok();
  SpoolReference reference_;
  std::uint32_t parts_ = 0;
  std::vector<Counted> counted_;           // block after block
  std::vector<std::size_t> counted_ends_;  // of each block: where what it added to that ends
  std::string header_;
  ChangePacker packer_;
};

}  // namespace headgate
