#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/base/published.h"
#include "core/log/store.h"
#include "core/views/follow.h"

namespace headgate::views {

// The definitions, durable. Reads from any thread; one thread changes them (the API's).
class ViewCatalog {
 public:
  static Result<std::unique_ptr<ViewCatalog>> Open(Store& store, Log& log, const Clock& clock,
                                                   std::vector<Announced> announced);

  // All names as they are now: the newest schema versions of the streams, the definitions.
  std::shared_ptr<const NameTable> names() const;
  // The streams that sources will have, besides those that the log has.
  void Announce(std::vector<Announced> streams) { announced_.Set(std::move(streams)); }

  // A definition as Define made it gets its form and becomes durable with `batch`, which is written here. The one that
  // is returned is the one to run. What reads the one of its name before reads it (Unlike is "").
  Result<DefinitionPtr> Put(Definition definition, StoreBatch& batch);
  // The view as it is with what came to its inputs; nothing if it does not take that in. For Put.
  std::optional<Definition> Followed(const Definition& view, const Wanted& wanted) const;
  Status Remove(const std::string& name, StoreBatch& batch);
  // Replaces the record, not what it means: paused, from_file.
  Result<DefinitionPtr> Change(const std::string& name, const std::function<void(ViewRecord&)>& change,
                               StoreBatch& batch);

 private:
  ViewCatalog(Store& store, Log& log, const Clock& clock) : store_(store), log_(log), clock_(clock) {}
  Status Read();
  std::shared_ptr<const NameTable> WithStreams(std::shared_ptr<const NameTable> table) const;
  NameTable AsOf(const ViewRecord& record, const NameTable& names) const;
  void MoveReaders(NameTable& table, const Definition& made) const;
  void Publish(NameTable table) { names_.Set(std::move(table)); }

  Store& store_;
  Log& log_;
  const Clock& clock_;
  std::uint32_t next_form_ = 1;
  mutable Published<NameTable> names_;
  Published<std::vector<Announced>> announced_;
};

}  // namespace headgate::views
