#include "core/views/view_catalog.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/diag.h"
#include "core/views/shape.h"
#include "core/views/stream.h"

namespace headgate::views {
namespace {

// In Family::kMeta.
constexpr std::string_view kPrefix = "view/";
constexpr std::string_view kEnd = "view0";
constexpr std::string_view kNextForm = "next_form";

std::string KeyOf(std::string_view name) { return std::string(kPrefix) + std::string(name); }

bool IsStreamOfSource(const Registry& registry, const StreamInfo& stream) {
  const SourceInfo* source = registry.Source(stream.source);
  return source != nullptr && source->connector != kViewConnector;
}

NameTable::Stream Seen(const Registry& registry, const StreamInfo& stream, std::uint32_t version) {
  NameTable::Stream seen;
  seen.number = stream.number;
  seen.version = version;
  seen.events = IsEventStream(registry, stream.number);
  seen.relation =
      std::make_shared<const sql::Relation>(RelationOf(stream, *registry.Schema(stream.number, version), seen.events));
  return seen;
}

// The columns that the stream did not have then are for `*` alone.
void MarkAdded(NameTable::Stream& stream, const TableSchema& then) {
  auto relation = std::make_shared<sql::Relation>(*stream.relation);
  for (sql::RelationColumn& column : relation->columns)
    column.added = !column.hidden && std::ranges::find(then.columns, column.name, &Column::name) == then.columns.end();
  stream.relation = std::move(relation);
}

void MarkAdded(DefinitionPtr& view, std::size_t columns) {
  auto relation = std::make_shared<sql::Relation>(*view->relation);
  for (std::size_t c = columns; c < relation->columns.size(); ++c) relation->columns[c].added = true;
  auto marked = std::make_shared<Definition>(*view);
  marked->relation = std::move(relation);
  view = std::move(marked);
}

}  // namespace

Result<std::unique_ptr<ViewCatalog>> ViewCatalog::Open(Store& store, Log& log, const Clock& clock,
                                                       std::vector<Announced> announced) {
  auto catalog = std::unique_ptr<ViewCatalog>(new ViewCatalog(store, log, clock));
  catalog->Announce(std::move(announced));
  HG_RETURN_IF_ERROR(catalog->Read());
  return catalog;
}

// What a view reads is there before it: mostly in the order of their making, but a view that was replaced is younger
// than what reads it.
Status ViewCatalog::Read() {
  HG_ASSIGN_OR_RETURN(const auto next, store_.Get(Family::kMeta, kNextForm));
  if (next) next_form_ = static_cast<std::uint32_t>(ByteReader(*next).Varint());
  std::vector<ViewRecord> records;
  Status good = Ok();
  HG_RETURN_IF_ERROR(store_.Scan(Family::kMeta, kPrefix, kEnd, [&](std::string_view, std::string_view value) {
    auto record = DecodeRecord(value);
    if (!record.ok()) {
      good = record.error();
    } else {
      records.push_back(std::move(*record));
    }
    return good.ok();
  }));
  HG_RETURN_IF_ERROR(good);
  std::ranges::sort(records, {}, &ViewRecord::form);
  NameTable table = *WithStreams(std::make_shared<const NameTable>());
  for (std::size_t before = records.size() + 1; !records.empty() && records.size() < before;) {
    before = records.size();
    std::erase_if(records, [&](const ViewRecord& record) {
      auto restored = std::make_shared<const Definition>(Restore(record, AsOf(record, table)));
      if (!restored->failure.empty()) return false;
      table.definitions[record.name] = std::move(restored);
      return true;
    });
  }
  for (ViewRecord& record : records) {
    const std::string name = record.name;
    auto restored = std::make_shared<const Definition>(Restore(std::move(record), AsOf(record, table)));
    diag::Error("views", "a stored view cannot be run", {{"view", name}, {"error", restored->failure}});
    table.definitions[name] = std::move(restored);
  }
  Publish(std::move(table));
  return Ok();
}

// What has come since is added; a stream's relation is a new one when its schema is.
std::shared_ptr<const NameTable> ViewCatalog::WithStreams(std::shared_ptr<const NameTable> table) const {
  const auto registry = log_.registry();
  std::shared_ptr<NameTable> changed;
  for (const auto& stream : registry->streams) {
    if (stream == nullptr || !IsStreamOfSource(*registry, *stream)) continue;
    const std::uint32_t version = registry->LatestVersion(stream->number);
    if (version == 0) continue;
    const auto known = table->streams.find(stream->name);
    if (known != table->streams.end() && known->second.version == version && known->second.number == stream->number)
      continue;
    if (changed == nullptr) changed = std::make_shared<NameTable>(*table);
    changed->streams[stream->name] = Seen(*registry, *stream, version);
  }
  for (const Announced& announced : *announced_.Get()) {
    if ((changed != nullptr ? *changed : *table).streams.contains(announced.name)) continue;
    if (changed == nullptr) changed = std::make_shared<NameTable>(*table);
    StreamInfo stream;
    stream.name = announced.name;
    changed->streams[announced.name] = {
        std::make_shared<const sql::Relation>(RelationOf(stream, announced.schema, true)), 0, 0, true};
  }
  return changed == nullptr ? table : changed;
}

std::shared_ptr<const NameTable> ViewCatalog::names() const { return WithStreams(names_.Get()); }

NameTable ViewCatalog::AsOf(const ViewRecord& record, const NameTable& names) const {
  NameTable then = names;
  const auto registry = log_.registry();
  for (const auto& [name, version] : record.versions) {
    const StreamInfo* stream = registry->FindStream(name);
    if (stream == nullptr || registry->Schema(stream->number, version) == nullptr) continue;
    const auto followed = record.followed.find(name);
    if (followed != record.followed.end()) {
      // The source may have been forgotten, and made again with another history.
      const bool known = registry->Schema(stream->number, followed->second) != nullptr;
      const std::uint32_t now = known ? followed->second : registry->LatestVersion(stream->number);
      then.streams[name] = Seen(*registry, *stream, now);
      MarkAdded(then.streams[name], *registry->Schema(stream->number, version));
    } else if (then.streams[name].version != version) {
      then.streams[name] = Seen(*registry, *stream, version);
    }
  }
  for (const auto& [name, columns] : record.widths) {
    const DefinitionPtr view = then.FindDefinition(name);
    if (view == nullptr || view->relation->columns.size() <= columns) continue;
    const auto followed = record.followed_widths.find(name);
    then.definitions[name] = Narrowed(view, followed == record.followed_widths.end() ? columns : followed->second);
    if (followed != record.followed_widths.end()) MarkAdded(then.definitions[name], columns);
  }
  return then;
}

Result<DefinitionPtr> ViewCatalog::Put(Definition definition, StoreBatch& batch) {
  const std::string name = definition.record.name;
  const std::int64_t now = clock_.NowUs();
  const auto old = names_.Get()->FindDefinition(name);
  definition.record.form = next_form_;
  const bool follows = definition.record.replaces.follows;
  const bool carries = definition.record.replaces.carries;
  if (!follows) definition.record.begins_at = log_.last_seq();
  definition.record.born_at = old == nullptr ? definition.record.begins_at : old->record.born_at;
  if (old != nullptr && old->record.of_sink) definition.record.of_sink = true;
  if (old != nullptr && old->record.kind == ObjectKind::kView)
    definition.record.replaces = ReplacedBy(old->record.form, *old->relation, *definition.relation);
  definition.record.replaces.follows = follows;
  definition.record.replaces.carries = carries;
  definition.record.version = old == nullptr ? 1 : old->record.version + 1;
  definition.record.created_us = old == nullptr ? now : old->record.created_us;
  definition.record.changed_us = now;
  std::string next;
  PutVarint(next, next_form_ + 1);
  batch.Put(Family::kMeta, kNextForm, next);
  batch.Put(Family::kMeta, KeyOf(name), EncodeRecord(definition.record));
  HG_RETURN_IF_ERROR(store_.Write(batch, true));
  ++next_form_;
  const auto made = std::make_shared<const Definition>(std::move(definition));
  NameTable table = *names();
  table.definitions[name] = made;
  MoveReaders(table, *made);
  Publish(std::move(table));
  return made;
}

std::optional<Definition> ViewCatalog::Followed(const Definition& view, const Wanted& wanted) const {
  ViewRecord record = view.record;
  for (const auto& [stream, version] : wanted.versions) record.followed[stream] = version;
  for (const auto& [input, columns] : wanted.widths) record.followed_widths[input] = columns;
  const NameTable then = AsOf(record, *names());
  Definition made = Restore(std::move(record), then);
  const Way way = WayOf(view, made);
  if (way == Way::kNone) return std::nullopt;
  // What reads it is bound to its types.
  const bool read = !AllReadersOf(*names(), made.record.name).empty();
  if (read && !Unlike(*view.relation, *made.relation).empty()) return std::nullopt;
  made.record.replaces.follows = true;
  made.record.replaces.carries = way == Way::kCarried;
  return made;
}

// What read the form before reads this one, as soon as it is in its place.
void ViewCatalog::MoveReaders(NameTable& table, const Definition& made) const {
  for (const std::string& reader : ReadersOf(table, made.record.name)) {
    DefinitionPtr& definition = table.definitions[reader];
    if (definition->record.kind == ObjectKind::kQuery) {
      definition = std::make_shared<const Definition>(Restore(definition->record, table));
      continue;
    }
    auto moved = std::make_shared<Definition>(*definition);
    for (Input& input : moved->inputs) {
      if (input.kind == Input::Kind::kView && input.relation->name == made.record.name) input.form = made.record.form;
    }
    definition = std::move(moved);
  }
}

Status ViewCatalog::Remove(const std::string& name, StoreBatch& batch) {
  batch.Delete(Family::kMeta, KeyOf(name));
  HG_RETURN_IF_ERROR(store_.Write(batch, true));
  NameTable table = *names();
  table.definitions.erase(name);
  Publish(std::move(table));
  return Ok();
}

Result<DefinitionPtr> ViewCatalog::Change(const std::string& name, const std::function<void(ViewRecord&)>& change,
                                          StoreBatch& batch) {
  NameTable table = *names();
  const DefinitionPtr old = table.FindDefinition(name);
  CHECK(old != nullptr);
  auto made = std::make_shared<Definition>(*old);
  change(made->record);
  ++made->record.version;
  made->record.changed_us = clock_.NowUs();
  batch.Put(Family::kMeta, KeyOf(name), EncodeRecord(made->record));
  HG_RETURN_IF_ERROR(store_.Write(batch, true));
  table.definitions[name] = made;
  Publish(std::move(table));
  return DefinitionPtr(made);
}

}  // namespace headgate::views
