#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/published.h"
#include "core/base/result.h"
#include "core/catalog/control.h"
#include "core/log/store.h"

namespace headgate {

// A record as it is stored. Nothing if the bytes are none.
std::string EncodeRecord(const ConnectorRecord& record);
std::optional<ConnectorRecord> DecodeRecord(std::string_view bytes);

// The connectors of the shard, durable. One thread writes, any thread reads.
class Catalog {
 public:
  using Records = std::map<std::string, std::shared_ptr<const ConnectorRecord>, std::less<>>;

  static Result<std::unique_ptr<Catalog>> Open(Store& store);

  std::shared_ptr<const Records> records() const { return records_.Get(); }
  std::shared_ptr<const ConnectorRecord> Find(std::string_view name) const;

  // Adds to the batch and writes it, synced: the change and the event that tells of it are one step. The catalogue
  // changes only if the write succeeds.
  Status Put(ConnectorRecord record, StoreBatch& batch);
  Status Remove(const std::string& name, StoreBatch& batch);

  // The same as part of a write that somebody else makes: first into its batch, then, once it is written, seen.
  static void Add(const ConnectorRecord& record, StoreBatch& batch);
  static void AddRemoval(const std::string& name, StoreBatch& batch);
  void Added(ConnectorRecord record);
  void Removed(const std::string& name);

 private:
  explicit Catalog(Store& store) : store_(store) {}
  Store& store_;
  Published<Records> records_;
};

}  // namespace headgate
