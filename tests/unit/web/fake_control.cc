#include "tests/unit/web/fake_control.h"

#include <algorithm>

#include "core/config/masking.h"
#include "core/views/views.h"

namespace headgate::test {
namespace {

const config::ComponentSpec& DbSpec() {
  static const config::ComponentSpec spec = {
      .class_name = "DbSource",
      .aliases = {"db"},
      .kind = config::ComponentKind::kSource,
      .options = {{.name = "host",
                   .required = true,
                   .importance = config::Importance::kHigh,
                   .group = "Connection",
                   .help = "Address of the server."},
                  {.name = "port",
                   .type = config::OptionType::kInt,
                   .default_value = "5432",
                   .has_default = true,
                   .group = "Connection",
                   .minimum = 1,
                   .maximum = 65535},
                  {.name = "password", .type = config::OptionType::kPassword, .group = "Connection"},
                  {.name = "slot_name", .derive = [](std::string_view name) { return "slot_" + std::string(name); }},
                  {.name = "batch_bytes_max",
                   .type = config::OptionType::kLong,
                   .default_value = "1048576",
                   .has_default = true},
                  {.name = "snapshot",
                   .default_value = "initial",
                   .has_default = true,
                   .group = "Replication",
                   .choices = {"initial", "never", "only"}}},
  };
  return spec;
}

const config::ComponentSpec& HookSpec() {
  static const config::ComponentSpec spec = {
      .class_name = "HookSink",
      .aliases = {"hook"},
      .kind = config::ComponentKind::kSink,
      .options = {{.name = "url", .required = true, .group = "Target"}},
      .prefixes = {"header."},
  };
  return spec;
}

TableSchema Table(const std::string& table) {
  TableSchema schema;
  schema.schema = "public";
  schema.table = table;
  schema.columns.resize(2);
  schema.columns[0].name = "id";
  schema.columns[0].type.kind = TypeKind::kInt64;
  schema.columns[0].type.declared = schema.columns[0].type.base = "bigint";
  schema.columns[0].key_position = 1;
  schema.columns[0].nullable = false;
  schema.columns[1].name = "name";
  schema.columns[1].type.kind = TypeKind::kText;
  schema.columns[1].type.declared = schema.columns[1].type.base = "text";
  return schema;
}

bool Matches(const DeadLetter& letter, const LetterFilter& filter) {
  return (!filter.state || letter.state == *filter.state) && (!filter.key_matches || filter.key_matches(letter.key)) &&
         (filter.error.empty() || letter.error_class == filter.error) &&
         (filter.stream.empty() || letter.stream == filter.stream) && letter.first_failed_us >= filter.since_us;
}

}  // namespace

FakeControl::FakeControl() {
  manual_clock.now_us = 1'780'000'000'000'000;  // 2026-05-28T20:26:40Z
  auto store = Store::Open(directory_.path());
  CHECK(store.ok());
  store_ = std::move(*store);
  auto log = Log::Open(*store_, manual_clock);
  CHECK(log.ok());
  log_ = std::move(*log);
  views::Runtime::Parts parts;
  parts.store = store_.get();
  parts.log = log_.get();
  parts.clock = &manual_clock;
  auto views = views::Views::Start(parts);
  CHECK(views.ok());
  views_ = std::move(*views);
  kept_events_ = std::move(*headgate::Events::Open(*store_, manual_clock));
  auto groups = GroupDesk::Open({store_.get(), log_.get(), kept_events_.get(), &manual_clock, [this] { Wake(); }});
  CHECK(groups.ok());
  groups_ = std::move(*groups);
  auto writer = log_->OpenWriter("shop", "", "postgresql");
  CHECK(writer.ok());
  writer_ = std::move(*writer);
}
FakeControl::~FakeControl() = default;

void FakeControl::Insert(std::uint64_t lsn, std::int64_t id, const std::string& name, const std::string& table) {
  if (!streams_.contains(table)) streams_[table] = writer_->OpenStream("public", table);
  const StreamNo stream = streams_[table];
  const std::int64_t now = manual_clock.now_us;
  const std::uint32_t version = writer_->DefineSchema(stream, Table(table), lsn, now);
  Transaction tx;
  tx.info.position = {PositionKind::kPgCommit, lsn, 0, 0, {}};
  tx.info.commit_us = now;
  tx.info.end = lsn + 1;
  tx.info.id = std::to_string(700 + lsn);
  tx.StartChange(Op::kInsert, stream, version, lsn);
  std::string& row = tx.StartRow(RowImage::kAfter);
  PutInt(row, id);
  PutBlob(row, ValueKind::kText, name);
  tx.EndRow();
  tx.EndChange();
  const Transaction transactions[] = {std::move(tx)};
  CHECK(writer_->Append(transactions, std::nullopt).ok());
}

void FakeControl::SetStatus(ConnectorStatus status) {
  auto& place = statuses_[status.name];
  place = std::make_shared<const ConnectorStatus>(std::move(status));
}

void FakeControl::AddConnector(const std::string& name, config::FlatConfig config) {
  CHECK(std::holds_alternative<Put>(Create(name, std::move(config), TargetState::kRunning, "test")));
}

void FakeControl::AddEvent(const std::string& kind, const std::string& connector) {
  ServiceEvent event;
  event.kind = kind;
  event.connector = connector;
  event.actor = "service";
  event.summary = kind + " of " + connector;
  AddEvent(std::move(event));
}

void FakeControl::AddEvent(ServiceEvent event) {
  auto events = *events_.Get();
  if (event.id == 0) event.id = last_event_ + 1;
  event.at_us = manual_clock.now_us;
  const std::uint64_t last = std::max(last_event_.load(), event.id);
  events.insert(std::ranges::upper_bound(events, event.id, {}, &ServiceEvent::id), std::move(event));
  events_.Set(std::move(events));
  last_event_ = last;
  Wake();
}

void FakeControl::Wake() {
  if (const auto wake = wake_->Get(); *wake) (*wake)();
}

std::vector<PluginInfo> FakeControl::Plugins() const { return {{&DbSpec(), "0.1.0"}, {&HookSpec(), "0.1.0"}}; }

const config::ComponentSpec* FakeControl::FindPlugin(std::string_view name) const {
  for (const PluginInfo& plugin : Plugins()) {
    if (config::MeansClass(*plugin.spec, name)) return plugin.spec;
  }
  return nullptr;
}

std::vector<config::KeyError> FakeControl::Check(const config::ComponentSpec& spec, const std::string&,
                                                 const config::FlatConfig& config, bool live) {
  if (!live) return config::Bind(spec, config, nullptr).errors;
  ++live_checks;
  if (during_check) during_check();
  return live_errors;
}

std::vector<std::string> FakeControl::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, record] : records_) names.push_back(name);
  return names;
}

std::shared_ptr<const ConnectorRecord> FakeControl::Find(std::string_view name) const {
  const auto found = records_.find(name);
  return found == records_.end() ? nullptr : found->second;
}

std::shared_ptr<const ConnectorStatus> FakeControl::Status(std::string_view name) const {
  const auto found = statuses_.find(name);
  return found == statuses_.end() ? nullptr : found->second;
}

Answer<Control::Put> FakeControl::Save(const std::string& name, config::FlatConfig config, TargetState target) {
  const config::ComponentSpec* spec = FindPlugin(config["connector.class"]);
  CHECK(spec != nullptr);  // the API has looked
  config["name"] = name;
  const auto old = Find(name);
  auto unmasked = config::UnmaskUpdate(*spec, old == nullptr ? config::FlatConfig{} : old->config, config);
  auto errors = std::move(unmasked.errors);
  if (errors.empty()) errors = config::Bind(*spec, unmasked.config, nullptr).errors;
  if (!errors.empty()) {
    std::string text = "Connector configuration is invalid:";
    for (const auto& e : errors) text += "\n" + e.text;
    return Refusal{400, text, errors};
  }
  auto record = std::make_shared<ConnectorRecord>();
  record->name = name;
  record->class_name = spec->class_name;
  record->kind = spec->kind;
  record->config = std::move(unmasked.config);
  record->target = old == nullptr ? target : old->target;
  if (old != nullptr) record->health = old->health;
  record->version = old == nullptr ? 1 : old->version + 1;
  record->created_us = old == nullptr ? manual_clock.now_us.load() : old->created_us;
  record->changed_us = manual_clock.now_us.load();
  records_[name] = record;
  return Put{record, old == nullptr};
}

Answer<Control::Put> FakeControl::Create(const std::string& name, config::FlatConfig config, TargetState initial,
                                         const Caller&) {
  if (Find(name) != nullptr) return Refusal{409, "Connector " + name + " already exists", {}};
  return Save(name, std::move(config), initial);
}

Answer<Control::Put> FakeControl::Replace(const std::string& name, config::FlatConfig config,
                                          std::optional<std::uint64_t>, const Caller&) {
  return Save(name, std::move(config), TargetState::kRunning);
}

Answer<Done> FakeControl::SetTarget(const std::string& name, TargetState target, const Caller& caller) {
  auto record = *Find(name);
  record.target = target;
  records_[name] = std::make_shared<ConnectorRecord>(record);
  calls.push_back("target " + name + " " + std::string(headgate::Name(target)) + " by " + caller.actor);
  return Done{};
}

Answer<Done> FakeControl::Restart(const std::string& name, bool include_tasks, bool only_failed, int task,
                                  const Caller&) {
  calls.push_back("restart " + name + (include_tasks ? " tasks" : "") + (only_failed ? " failed" : "") +
                  (task >= 0 ? " task " + std::to_string(task) : ""));
  return Done{};
}

Answer<Done> FakeControl::Delete(const std::string& name, bool forget, bool drop_slot, const Caller&) {
  calls.push_back("delete " + name + (forget ? " forget" : "") + (drop_slot ? " drop_slot" : ""));
  records_.erase(name);
  return Done{};
}

Answer<Done> FakeControl::SetHealth(const std::string& name, HealthSettings settings, ServiceEvent event) {
  auto record = *Find(name);
  record.health = std::move(settings);
  records_[name] = std::make_shared<ConnectorRecord>(record);
  event.connector = name;
  AddEvent(std::move(event));
  return Done{};
}

std::vector<std::string> FakeControl::Topics(std::string_view) const { return topics; }
Answer<Done> FakeControl::ResetTopics(const std::string& name) {
  calls.push_back("reset topics " + name);
  return Done{};
}

std::optional<CursorInfo> FakeControl::Cursor(std::string_view sink) const {
  const auto found = cursors.find(sink);
  return found == cursors.end() ? std::nullopt : std::optional(found->second);
}

std::map<std::string, Seq> FakeControl::StreamOffsets(const std::string& sink) const {
  std::map<std::string, Seq> next;
  const auto status = Status(sink);
  const auto cursor = Cursor(sink);
  if (status == nullptr || !cursor) return next;
  for (const std::string& topic : status->topics) next[topic] = cursor->next_seq;
  return next;
}

SourceOffset FakeControl::OffsetOf(const std::string& source) const {
  const auto progress = log_->progress(source);
  if (!progress || !progress->last) return {};
  return {{"lsn", std::to_string(progress->last->a), true}};
}

void FakeControl::AlterOffsets(const std::string& name, const std::vector<OffsetEntry>& entries, const Caller&,
                               const std::function<void(Answer<std::string>)>& done) {
  if (offsets_refused) return done(*offsets_refused);
  std::string call = entries.empty() ? "reset offsets " + name : "offsets " + name;
  for (const OffsetEntry& entry : entries) {
    for (const OffsetMember& member : entry.partition) call += " " + member.name + "=" + member.value.value_or("null");
    call += " ->";
    for (const OffsetMember& member : entry.offset.value_or(SourceOffset()))
      call += " " + member.name + "=" + member.value.value_or("null");
  }
  calls.push_back(call);
  done("done");
}

std::optional<SourceProgress> FakeControl::Progress(std::string_view source) const { return log_->progress(source); }

Answer<std::vector<DeadLetter>> FakeControl::Letters(const std::string&, const LetterFilter& filter,
                                                     std::uint64_t after_id, std::size_t limit) {
  std::vector<DeadLetter> found;
  const auto take = [&](const DeadLetter& letter) {
    const bool beyond = after_id == 0 || (filter.newest_first ? letter.id < after_id : letter.id > after_id);
    if (beyond && Matches(letter, filter) && found.size() < limit) found.push_back(letter);
  };
  if (filter.newest_first) {
    for (auto it = letters.rbegin(); it != letters.rend(); ++it) take(it->second);
  } else {
    for (const auto& [id, letter] : letters) take(letter);
  }
  return found;
}

Answer<DeadLetter> FakeControl::Letter(const std::string& sink, std::uint64_t id) {
  const auto found = letters.find(id);
  if (found == letters.end()) return Refusal{404, sink + " has no dead letter " + std::to_string(id), {}};
  return found->second;
}

std::map<DeadLetter::State, std::uint64_t> FakeControl::LetterCounts(const std::string&) const {
  std::map<DeadLetter::State, std::uint64_t> counts;
  for (const auto& [id, letter] : letters) ++counts[letter.state];
  return counts;
}

Answer<std::vector<std::uint64_t>> FakeControl::RetryLetter(const std::string& sink, std::uint64_t id, const Caller&) {
  const auto letter = Letter(sink, id);
  if (const auto* refusal = std::get_if<Refusal>(&letter)) return *refusal;
  calls.push_back("retry " + sink + " " + std::to_string(id));
  std::vector<std::uint64_t> earlier;
  for (const auto& [other, l] : letters) {
    if (other < id && ShareALane(l.lanes, std::get<DeadLetter>(letter).lanes)) earlier.push_back(other);
  }
  return earlier;
}

Answer<Done> FakeControl::DiscardLetter(const std::string& sink, std::uint64_t id, const Caller&) {
  if (letters.erase(id) == 0) return Refusal{404, sink + " has no dead letter " + std::to_string(id), {}};
  return Done{};
}

Answer<RewindCount> FakeControl::CountRewind(const std::string&, const Rewind&, std::stop_token) const {
  if (rewind_refusal) return *rewind_refusal;
  return RewindCount{7, 0, 1, true};
}

void FakeControl::SetBack(const std::string&, Rewind rewind, const Caller&, std::function<void(Answer<Rewound>)> done) {
  if (rewind_refusal) return done(*rewind_refusal);
  const At to = rewind.to;
  rewinds.push_back(std::move(rewind));
  done(Rewound{{9, 1}, to, 1});
}

Answer<Control::Matched> FakeControl::BulkLetters(const std::string& sink, const LetterFilter& filter, bool discard,
                                                  bool dry_run, const Caller&) {
  Matched matched;
  for (const auto& [id, letter] : letters) {
    if (!Matches(letter, filter)) continue;
    ++matched.matched;
    if (dry_run) matched.sample.push_back(letter);
  }
  if (!dry_run) {
    calls.push_back(std::string(discard ? "discard " : "retry ") + sink + " " + std::to_string(matched.matched));
    matched.operation = "op-1";
  }
  return matched;
}

std::optional<Operation> FakeControl::FindOperation(std::string_view id) const {
  return operation && operation->id == id ? operation : std::nullopt;
}

std::optional<std::string> FakeControl::KeptAnswer(const std::string& key) const {
  const auto found = kept_answers.find(key);
  return found == kept_answers.end() ? std::nullopt : std::optional(found->second);
}

void FakeControl::KeepAnswer(const std::string& key, const std::function<std::string()>& work) {
  if (std::string answer = work(); !answer.empty()) kept_answers[key] = std::move(answer);
}

views::SqlResult<views::DefinitionPtr> FakeControl::CreateView(const sql::Statement& statement, const Caller&) {
  return views_->Create(statement, false, {});
}

Control::SinkOfQuery FakeControl::CreateSinkOf(const sql::Statement& view, const std::string& name,
                                               config::FlatConfig config, const Caller&) {
  if (auto made = views_->Create(view, false, {}, true); !made.ok()) return made.error();
  config["topics"] = name;
  auto saved = Save(name, std::move(config), TargetState::kRunning);
  if (auto* refusal = std::get_if<Refusal>(&saved)) return std::move(*refusal);
  return std::get<Put>(std::move(saved));
}

views::SqlResult<views::DefinitionPtr> FakeControl::DropView(const std::string& name, const Caller&) {
  return views_->Drop(name, {});
}

views::SqlResult<views::DefinitionPtr> FakeControl::CreateIndex(const sql::Statement& statement, const Caller&) {
  return views_->CreateIndex(statement, false, {});
}

views::SqlResult<views::DefinitionPtr> FakeControl::DropIndex(const std::string& name, const Caller&) {
  return views_->DropIndex(name, {});
}

views::SqlResult<views::DefinitionPtr> FakeControl::PauseView(const std::string& name, bool paused, const Caller&) {
  return views_->SetPaused(name, paused, {});
}

Answer<std::shared_ptr<Intake>> FakeControl::IntakeOf(std::string_view stream) const {
  const auto found = intakes.find(stream);
  if (found == intakes.end()) return Refusal{404, "There is no stream " + std::string(stream) + ".", {}};
  if (found->second == nullptr) return Refusal{503, "The source is stopped.", {}};
  return found->second;
}

std::vector<ServiceEvent> FakeControl::Events(const std::function<bool(const ServiceEvent&)>& match,
                                              std::uint64_t before_id, std::size_t limit) const {
  std::vector<ServiceEvent> found;
  const auto events = events_.Get();
  for (auto it = events->rbegin(); it != events->rend() && found.size() < limit; ++it) {
    if ((before_id == 0 || it->id < before_id) && match(*it)) found.push_back(*it);
  }
  return found;
}

std::shared_ptr<void> FakeControl::Subscribe(std::function<void()> wake) {
  wake_->Set(std::move(wake));
  return std::shared_ptr<void>(nullptr, [list = wake_](void*) { list->Set({}); });
}

}  // namespace headgate::test
