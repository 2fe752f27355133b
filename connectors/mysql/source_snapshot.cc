#include <algorithm>

#include "connectors/mysql/chunk_query.h"
#include "connectors/mysql/chunk_reader.h"
#include "connectors/mysql/source.h"
#include "core/codec/native.h"

// What snapshots by chunks ask of this source (core/pipeline/chunk_reader.h).
namespace headgate::mysql {
namespace {

const TablePlan& PlanOf(const ChunkTable& table) { return *static_cast<const TablePlan*>(table.plan.get()); }

}  // namespace

// Goes on with what was begun; tables that were never read, or have to be read again, are a snapshot of their own.
Status MysqlSource::PlanSnapshots() {
  ChunkSnapshots::Settings settings;
  settings.connector = options_.name;
  settings.component = "mysql";
  settings.workers = options_.snapshot_workers;
  settings.stream_ends = options_.snapshot == SnapshotMode::kOnly;
  ChunkHost& host = *this;
  snapshots_ = std::make_unique<ChunkSnapshots>(settings, host, resume_.ledger(), *desk_, clock_);
  std::vector<std::string> unread;
  if (options_.snapshot != SnapshotMode::kNever) {
    const ChunkLedger ledger = resume_.ledger();
    HG_ASSIGN_OR_RETURN(unread, ListCaptured());
    std::erase_if(unread, [&](const auto& table) { return ledger.IsRead(table) || ledger.IsPlanned(table); });
  }
  using Mode = headgate::SnapshotMode;
  HG_RETURN_IF_ERROR(snapshots_->Plan(std::exchange(again_, false) ? Mode::kResync : Mode::kInitial, unread));
  idle_ = settings.stream_ends && snapshots_->finished();
  return Ok();
}

Result<std::vector<std::string>> MysqlSource::ListCaptured() {
  HG_ASSIGN_OR_RETURN(const auto all, Catalog(*query_, options_.flavor).ListTables());
  std::vector<std::string> captured;
  names_.clear();
  for (const TableName& table : all) {
    std::string name = codec::StreamName(table.database, table.table);
    if (IsCaptured(options_, table)) captured.push_back(name);
    names_.emplace(std::move(name), table);
  }
  return captured;
}

Result<std::optional<TableName>> MysqlSource::Named(const std::string& table) {
  auto found = names_.find(table);
  if (found == names_.end()) {
    HG_RETURN_IF_ERROR(ListCaptured());
    found = names_.find(table);
  }
  return found == names_.end() ? std::nullopt : std::optional(found->second);
}

Result<bool> MysqlSource::HasTable(const std::string& table) {
  HG_ASSIGN_OR_RETURN(const auto name, Named(table));
  if (!name) return false;
  HG_ASSIGN_OR_RETURN(const auto described, Describe(*name, false));
  return described.has_value();
}

Result<std::optional<ChunkTable>> MysqlSource::PlanTable(const std::string& table) {
  HG_ASSIGN_OR_RETURN(const auto name, Named(table));
  if (!name) return std::optional<ChunkTable>();
  HG_ASSIGN_OR_RETURN(auto plan, tables_->Plan(*name, resume_.Number(), clock_.NowUs(), true));
  if (!plan) return std::optional<ChunkTable>();
  ChunkTable made;
  made.name = table;
  made.stream = plan->stream;
  made.schema = plan->schema;
  made.key = plan->key;
  made.key_is_hidden = std::ranges::any_of(
      plan->key, [&](std::size_t column) { return plan->transform != nullptr && plan->transform->changes(column); });
  HG_ASSIGN_OR_RETURN(made.rows_estimate, Catalog(*query_, options_.flavor).EstimateRows(*name));
  if (options_.schema_changes) {
    auto statement = Catalog(*query_, options_.flavor).StatementOf(*name);
    if (!statement.ok() && statement.error().kind == ErrorKind::kTransient) return std::move(statement).error();
    if (statement.ok())
      made.statement = Encode(SchemaExtra{SchemaExtra::Kind::kCreate, false, name->database, name->table, *statement});
  }
  made.plan = std::make_shared<const TablePlan>(std::move(*plan));
  return std::optional(std::move(made));
}

std::string MysqlSource::Problem(const ChunkTable& table, const std::optional<SnapshotWhere>& where) const {
  return where ? WhereProblem(PlanOf(table).columns, *where) : "";
}

std::unique_ptr<ChunkReader> MysqlSource::NewReader(std::stop_token stop) {
  return MakeChunkReader(options_, host_, by_gtid_, std::move(stop));
}

bool MysqlSource::Covers(const std::any& seen) const {
  return mysql::Covers(decoder_->position(), std::any_cast<const BinlogPosition&>(seen), options_, by_gtid_);
}

void MysqlSource::Stamp(TransactionInfo& info) const {
  const LogPlace& place = decoder_->position().place;
  info.file = place.file;
  info.consistent_at = resume_.base() + place.Number();
}

// What the decoder has bound of the table before has to be bound anew.
void MysqlSource::SetMuted(const ChunkTable& table, bool muted) {
  if (muted) {
    tables_->Mute(PlanOf(table).name);
  } else {
    tables_->Unmute(PlanOf(table).name);
  }
  if (decoder_ != nullptr) decoder_->ForgetTables();
}

}  // namespace headgate::mysql
