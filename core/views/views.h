#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/views/content.h"
#include "core/views/query.h"
#include "core/views/runtime.h"
#include "core/views/view_catalog.h"

namespace headgate::views {

// The views of a shard: what SQL defines, what runs, what can be read. What changes anything is called by one thread
// (the API's); the rest by any.
class Views {
 public:
  static Result<std::unique_ptr<Views>> Start(Runtime::Parts parts, std::vector<Announced> announced = {});

  // Adds to the write that makes a change durable: an event that tells of it.
  using Also = std::function<void(StoreBatch& batch, const Definition& definition)>;
  // CREATE [OR REPLACE] MATERIALIZED VIEW or VIEW. Durable on return; the view begins by itself. nullptr: IF NOT
  // EXISTS, and it does.
  // `of_sink`: it is the sink's of its name, and goes with it alone.
  SqlResult<DefinitionPtr> Create(const sql::Statement& statement, bool from_file, const Also& also,
                                  bool of_sink = false);
  // Views that select * take in the columns that came to what they read. Called from time to time.
  void Attend(const Also& also);
  // Whether it is one of the config file.
  headgate::Status SetFromFile(const std::string& name, bool from_file);
  // A paused view stands still, and with it what reads it: nothing comes into it or out of it, it cannot be read. It
  // goes on exactly where it stood. 42809 if it is none that is kept in step.
  SqlResult<DefinitionPtr> SetPaused(const std::string& name, bool paused, const Also& also);
  // Refused while others read it, or if it is a sink's and that stays.
  SqlResult<DefinitionPtr> Drop(const std::string& name, const Also& also, bool with_sink = false);
  // CREATE INDEX: durable on return, built by and by. nullptr: IF NOT EXISTS, and it does.
  SqlResult<DefinitionPtr> CreateIndex(const sql::Statement& statement, bool from_file, const Also& also);
  // 42704 if there is none of that name.
  SqlResult<DefinitionPtr> DropIndex(const std::string& name, const Also& also);
  headgate::Status SetIndexFromFile(const std::string& name, bool from_file);
  // What Create would make, without making it.
  SqlResult<Definition> Validate(const sql::Statement& statement) const;

  // The streams that sources will have once they run.
  void Announce(std::vector<Announced> streams) { catalog_->Announce(std::move(streams)); }

  std::shared_ptr<const NameTable> names() const { return catalog_->names(); }
  DefinitionPtr Find(std::string_view name) const { return names()->FindDefinition(name); }
  // nullptr also while the views' thread still has another view that had the name.
  std::shared_ptr<const ViewStatus> Status(std::string_view name) const;
  // What the view's state and rows take in the store, about.
  Result<std::uint64_t> StoredBytes(const views::Definition& view) const {
    return Form::StoredBytes(*parts_.store, view.record.form);
  }
  // Of a view that reflects the log up to `applied`: the age of the first transaction that it does not, 0 if there is
  // none.
  double LagSeconds(Seq applied) const;
  Seq applied() const { return runtime_->applied(); }
  std::string trouble() const { return runtime_->trouble(); }

  // Waits until the views reflect `seq`; false if the time is over.
  bool Wait(Seq seq, std::chrono::steady_clock::time_point deadline, std::stop_token stop) {
    return runtime_->Wait(seq, deadline, std::move(stop));
  }
  // The sources that a view, or a SELECT, is made of.
  std::set<std::string> SourcesOf(const std::vector<Input>& inputs) const;
  SqlResult<std::set<std::string>> SourcesOf(const sql::Statement& statement, const sql::Node& select) const;
  // Waits until the views reflect everything of the source up to its position (an LSN; the number of a transaction of
  // an `http` source); false if the time is over.
  bool WaitPosition(std::string_view source, std::uint64_t position, std::chrono::steady_clock::time_point deadline,
                    const std::stop_token& stop);
  SqlResult<Table> Select(const sql::Statement& statement, const sql::Node& select, const QueryLimits& limits,
                          std::stop_token stop) const;
  SqlResult<RowsAnswer> Rows(const std::string& view, const RowsRequest& request, std::stop_token stop) const;

  // Somebody reads the view's stream from now on (ViewStatus::told).
  void Follow(const std::string& view) {
    const auto status = Status(view);
    const bool told = status != nullptr && status->told;
    if (!told && Find(view) != nullptr) runtime_->Follow(view);
  }
  // nullptr: not now, see Content; also if there is no such view.
  Result<std::unique_ptr<Content>> OpenContent(std::string_view view) const;
  // The newest durable moment.
  Result<Moment> Now() const;

  Runtime& runtime() { return *runtime_; }
  void Stop() { runtime_->Stop(); }

 private:
  DefinitionPtr ServingOf(const DefinitionPtr& known) const;
  Result<DefinitionPtr> Put(Definition made, StoreBatch& batch);
  SqlResult<DefinitionPtr> ChangeIndexes(const std::string& view, const Also& also,
                                         const std::function<void(ViewRecord&)>& change);
  explicit Views(Runtime::Parts parts) : parts_(std::move(parts)) {}

  Runtime::Parts parts_;
  std::unique_ptr<ViewCatalog> catalog_;
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace headgate::views
