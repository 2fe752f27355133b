#include "core/views/views.h"

#include <algorithm>

#include "core/base/diag.h"
#include "core/views/form.h"
#include "core/views/index_statement.h"

namespace headgate::views {
namespace {

SqlError Refused(const sql::Statement& statement, std::string code, std::string message, std::string hint = "") {
  return {std::move(code), std::move(message), statement.offset, std::move(hint)};
}

// Of a view that is being replaced the form whose rows are in `view`, which was opened after the two were looked up:
// one that came in the place of another by then is whole in it.
DefinitionPtr RowsIn(const StoreView& view, const DefinitionPtr& known, const DefinitionPtr& serving) {
  if (known->record.form == serving->record.form) return serving;
  const auto swapped = IsComplete(view, known->record.form);
  return swapped.ok() && *swapped ? known : serving;
}

}  // namespace

Result<std::unique_ptr<Views>> Views::Start(Runtime::Parts parts, std::vector<Announced> announced) {
  auto views = std::unique_ptr<Views>(new Views(parts));
  HG_ASSIGN_OR_RETURN(views->catalog_, ViewCatalog::Open(*parts.store, *parts.log, *parts.clock, std::move(announced)));
  std::vector<DefinitionPtr> definitions;
  const auto known = views->names();
  for (const auto& [name, definition] : known->definitions) definitions.push_back(definition);
  std::ranges::sort(definitions, {}, [](const DefinitionPtr& d) { return d->record.form; });
  HG_ASSIGN_OR_RETURN(views->runtime_, Runtime::Start(std::move(parts), std::move(definitions)));
  return views;
}

std::shared_ptr<const ViewStatus> Views::Status(std::string_view name) const {
  const DefinitionPtr definition = Find(name);
  auto status = runtime_->Status(name);
  if (definition == nullptr || status == nullptr || status->serving == nullptr) return nullptr;
  if (status->serving->record.created_us != definition->record.created_us) return nullptr;
  if (status->serving->record.form == definition->record.form || status->replacing != nullptr) return status;
  // The runtime has not heard of the form that comes in its place, or has just put it there.
  auto replacing = std::make_shared<ViewStatus>(*status);
  replacing->replacing = std::make_shared<ViewStatus>();
  replacing->replacing->state = "loading";
  return replacing;
}

double Views::LagSeconds(Seq applied) const {
  if (applied >= parts_.log->last_seq()) return 0;
  const auto reader = parts_.log->NewReader();
  reader->Seek(applied + 1);
  LogReader::Block block;
  const auto found = reader->Next(block);
  if (!found.ok() || !*found) return 0;
  return std::max(0.0, static_cast<double>(parts_.clock->NowUs() - block.info->stored_us) / 1e6);
}

SqlResult<Definition> Views::Validate(const sql::Statement& statement) const { return Define(statement, *names()); }

SqlResult<DefinitionPtr> Views::Create(const sql::Statement& statement, bool from_file, const Also& also,
                                       bool of_sink) {
  const auto known = names();
  HG_ASSIGN_OR_RETURN(Definition made, Define(statement, *known));
  const std::string name = made.record.name;
  const sql::Node& body = statement.tree.body();
  const bool replace = statement.or_replace || body["replace"].flag();
  const DefinitionPtr old = known->FindDefinition(name);
  if (known->streams.contains(name))
    return Refused(statement, "42P07", "there is a stream \"" + name + "\" already", "Give the view another name.");
  if (old != nullptr) {
    if (body["if_not_exists"].flag()) return DefinitionPtr();
    if (!replace || old->record.kind != made.record.kind)
      return Refused(
          statement, "42P07", "relation \"" + name + "\" already exists",
          replace ? "It is of another kind: drop it first." : "CREATE OR REPLACE puts another in its place.");
    if (auto refused = WhyNotReplaced(*known, *old, made)) {
      refused->offset = statement.offset;
      return *std::move(refused);
    }
  }
  made.record.from_file = from_file;
  made.record.of_sink = of_sink;
  if (old != nullptr) made.record.indexes = old->record.indexes;
  StoreBatch batch;
  if (also) also(batch, made);
  auto put = Put(std::move(made), batch);
  if (!put.ok()) return Refused(statement, "58000", put.error().what);
  return *put;
}

void Views::Attend(const Also& also) {
  const auto all = runtime_->wanted();
  for (const Wanted& wanted : *all) {
    const DefinitionPtr old = Find(wanted.view);
    if (old == nullptr || old->record.form != wanted.form) continue;
    std::optional<Definition> made = catalog_->Followed(*old, wanted);
    if (!made) {
      runtime_->Decline(wanted);
      continue;
    }
    StoreBatch batch;
    if (also) also(batch, *made);
    const auto put = Put(*std::move(made), batch);
    if (!put.ok()) diag::Warn("views", "a view cannot take in new columns", {{"error", put.error().what}});
  }
}

// The definition is kept, and its form begins.
Result<DefinitionPtr> Views::Put(Definition made, StoreBatch& batch) {
  HG_ASSIGN_OR_RETURN(const DefinitionPtr put, catalog_->Put(std::move(made), batch));
  std::vector<DefinitionPtr> readers;
  const auto now = names();
  for (const std::string& reader : ReadersOf(*now, put->record.name)) readers.push_back(now->FindDefinition(reader));
  runtime_->Make(put, std::move(readers));
  return put;
}

headgate::Status Views::SetFromFile(const std::string& name, bool from_file) {
  StoreBatch batch;
  const auto changed = catalog_->Change(
      name, [&](ViewRecord& record) { record.from_file = from_file; }, batch);
  return changed.ok() ? Ok() : headgate::Status(changed.error());
}

SqlResult<DefinitionPtr> Views::SetPaused(const std::string& name, bool paused, const Also& also) {
  const DefinitionPtr old = Find(name);
  if (old == nullptr) return SqlError{"42P01", "view \"" + name + "\" does not exist", 0, ""};
  if (old->record.kind != ObjectKind::kView)
    return SqlError{"42809", "\"" + name + "\" is not kept in step: there is nothing to pause", 0, ""};
  if (old->record.paused == paused) return old;
  StoreBatch batch;
  if (also) also(batch, *old);
  auto changed = catalog_->Change(
      name, [&](ViewRecord& record) { record.paused = paused; }, batch);
  if (!changed.ok()) return SqlError{"58000", changed.error().what, 0, ""};
  runtime_->Make(*changed);
  return *changed;
}

SqlResult<DefinitionPtr> Views::Drop(const std::string& name, const Also& also, bool with_sink) {
  const auto known = names();
  const DefinitionPtr old = known->FindDefinition(name);
  if (old == nullptr) return SqlError{"42P01", "view \"" + name + "\" does not exist", 0, ""};
  if (const auto readers = ReadersOf(*known, name); !readers.empty())
    return SqlError{"2BP01", "cannot drop \"" + name + "\": " + Listed(readers) + " depend on it", 0,
                    "Drop them first."};
  if (old->record.of_sink && !with_sink)
    return SqlError{"2BP01", "cannot drop \"" + name + "\": it is the query of sink \"" + name + "\"", 0,
                    "DROP SINK " + name + " takes both away."};
  StoreBatch batch;
  if (also) also(batch, *old);
  if (const auto removed = catalog_->Remove(name, batch); !removed.ok())
    return SqlError{"58000", removed.error().what, 0, ""};
  runtime_->Drop(name);
  return old;
}

SqlResult<DefinitionPtr> Views::CreateIndex(const sql::Statement& statement, bool from_file, const Also& also) {
  const auto known = names();
  HG_ASSIGN_OR_RETURN(IndexStatement made, ReadIndex(statement, *known));
  if (FindIndex(*known, made.index.name) != nullptr) {
    if (made.if_not_exists) return DefinitionPtr();
    return Refused(statement, "42P07", "index \"" + made.index.name + "\" already exists",
                   "Give it another name, or DROP INDEX that one.");
  }
  made.index.from_file = from_file;
  return ChangeIndexes(made.view, also, [&](ViewRecord& record) {
    made.index.number = FreeIndexNumber(record);
    record.indexes.push_back(made.index);
  });
}

SqlResult<DefinitionPtr> Views::DropIndex(const std::string& name, const Also& also) {
  const DefinitionPtr view = FindIndex(*names(), name);
  if (view == nullptr) return SqlError{"42704", "index \"" + name + "\" does not exist", 0, ""};
  return ChangeIndexes(view->record.name, also, [&](ViewRecord& record) {
    std::erase_if(record.indexes, [&](const ViewIndex& index) { return index.name == name; });
  });
}

headgate::Status Views::SetIndexFromFile(const std::string& name, bool from_file) {
  const auto changed = ChangeIndexes(FindIndex(*names(), name)->record.name, {}, [&](ViewRecord& record) {
    std::ranges::find(record.indexes, name, &ViewIndex::name)->from_file = from_file;
  });
  return changed.ok() ? Ok() : headgate::Status(ConfigError(changed.error().message));
}

SqlResult<DefinitionPtr> Views::ChangeIndexes(const std::string& view, const Also& also,
                                              const std::function<void(ViewRecord&)>& change) {
  StoreBatch batch;
  if (also) also(batch, *Find(view));
  auto changed = catalog_->Change(view, change, batch);
  if (!changed.ok()) return SqlError{"58000", changed.error().what, 0, ""};
  runtime_->Make(*changed);
  return *changed;
}

// Of a view that is being replaced the form that it still is, as far as is known.
DefinitionPtr Views::ServingOf(const DefinitionPtr& known) const {
  const auto status = Status(known->record.name);
  return status != nullptr ? status->serving : known;
}

std::set<std::string> Views::SourcesOf(const std::vector<Input>& inputs) const {
  std::set<std::string> sources;
  const auto registry = parts_.log->registry();
  const auto known = names();
  for (const Input& input : inputs) {
    if (input.kind == Input::Kind::kView) {
      const DefinitionPtr view = known->FindDefinition(input.relation->name);
      if (view != nullptr) sources.merge(SourcesOf(view->inputs));
      continue;
    }
    const StreamInfo* stream = registry->FindStream(input.stream_name);
    const SourceInfo* source = stream == nullptr ? nullptr : registry->Source(stream->source);
    sources.insert(source != nullptr ? source->name : input.stream_name.substr(0, input.stream_name.find('.')));
  }
  return sources;
}

SqlResult<std::set<std::string>> Views::SourcesOf(const sql::Statement& statement, const sql::Node& select) const {
  sql::BindOptions options;
  options.clock = true;
  const auto known = names();
  HG_ASSIGN_OR_RETURN(const sql::BoundQuery query, BindSelect(statement, select, *known, options));
  return SourcesOf(InputsOf(*query.plan, *known));
}

bool Views::WaitPosition(std::string_view source, std::uint64_t position,
                         std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) {
  const std::int64_t asked_us = parts_.clock->NowUs();
  Signal never;
  const auto reached = [&] {
    const auto progress = parts_.log->progress(source);
    if (progress && std::max(progress->last ? progress->last->a : 0, progress->last_end) >= position) return true;
    // What a server wrote that is none of ours shows only in how far it was read.
    const auto registry = parts_.log->registry();
    const SourceInfo* info = registry->FindSource(source);
    return info != nullptr && parts_.sight && parts_.sight(info->number, asked_us).reached_position >= position;
  };
  while (!reached()) {
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) return false;
    never.WaitUntil(std::min(deadline, std::chrono::steady_clock::now() + std::chrono::milliseconds(5)), stop);
  }
  return Wait(parts_.log->last_seq(), deadline, stop);
}

SqlResult<Table> Views::Select(const sql::Statement& statement, const sql::Node& select, const QueryLimits& limits,
                               std::stop_token stop) const {
  const auto known = names();
  NameTable served = *known;
  for (auto& [name, definition] : served.definitions) definition = ServingOf(definition);
  const StoreView view(*parts_.store);
  for (auto& [name, definition] : served.definitions)
    definition = RowsIn(view, known->definitions.at(name), definition);
  return RunSelect(view, *parts_.log, served, statement, select, limits, std::move(stop));
}

SqlResult<RowsAnswer> Views::Rows(const std::string& view, const RowsRequest& request, std::stop_token stop) const {
  const DefinitionPtr known = Find(view);
  if (known == nullptr) return SqlError{"42P01", "view \"" + view + "\" does not exist", 0, ""};
  const DefinitionPtr serving = ServingOf(known);
  const StoreView snapshot(*parts_.store);
  return ReadRows(snapshot, *RowsIn(snapshot, known, serving), request, std::move(stop));
}

Result<std::unique_ptr<Content>> Views::OpenContent(std::string_view view) const {
  const auto status = Status(view);
  if (status == nullptr || status->serving == nullptr) return std::unique_ptr<Content>();
  return Content::Open(*parts_.store, status->serving);
}

Result<Moment> Views::Now() const { return MomentOf(StoreView(*parts_.store)); }

}  // namespace headgate::views
