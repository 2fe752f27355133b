#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/log/log.h"
#include "core/log/store.h"
#include "core/pipeline/source.h"
#include "core/state/events.h"

namespace headgate {

// The writer of a source that also tells people what it did (admin API, 4.11): declared gaps, changes of a schema, and
// what the source itself reports are entries of the event list, in the same atomic write. A gap also stays as a finding
// (ReadGap), whatever becomes of the run that declared it. Lives on the ingest thread.
class RecordedWriter final : public LogWriter {
 public:
  // All must outlive it.
  RecordedWriter(LogWriter& writer, Events& events) : writer_(writer), events_(events) {}

  // Written with the next Append or DeclareGap. Connector and actor are filled in.
  void Tell(ServiceEvent event);

  const SourceInfo& source() const override { return writer_.source(); }
  const SourceProgress& progress() const override { return writer_.progress(); }
  std::shared_ptr<BlockSpool> NewSpool() override { return writer_.NewSpool(); }
  StreamNo OpenStream(std::string_view schema, std::string_view table) override;
  std::uint32_t DefineSchema(StreamNo stream, const TableSchema& schema, std::uint64_t at,
                             std::int64_t commit_us) override;
  std::uint32_t NewestVersion(StreamNo stream) const override { return writer_.NewestVersion(stream); }
  std::optional<TableSchema> NewestSchema(StreamNo stream) const override { return writer_.NewestSchema(stream); }
  using LogWriter::Append;
  Result<Outcome> Append(std::span<const Transaction> transactions, std::optional<std::string> resume,
                         const StoreBatch& also, const Numbered& numbered) override;
  const Store& store() const override { return writer_.store(); }
  using LogWriter::DeclareGap;
  Status DeclareGap(const GapExtra& gap, std::int64_t commit_us, std::string resume, const StoreBatch& also) override;

 private:
  StoreBatch WithPending(const StoreBatch& also);

  LogWriter& writer_;
  Events& events_;
  std::map<StreamNo, std::string> names_;  // of the streams opened here
  std::vector<ServiceEvent> pending_;
};

// The last declared gap of a source as a finding, until a person has seen to it (ForgetGap); nothing if there is none.
std::optional<Finding> ReadGap(const Store& store, std::string_view source);
void ForgetGap(StoreBatch& batch, std::string_view source);

// What a person wants to know of a changed schema: "+note text, -title, qty integer -> bigint".
std::string DescribeChange(const TableSchema& before, const TableSchema& after);

}  // namespace headgate
