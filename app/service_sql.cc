// The statements of the config file: validated together, run in their order; what reads a table that its source has not
// brought yet waits for it.
#include "app/file_sql.h"
#include "app/service.h"
#include "core/base/diag.h"
#include "core/views/index_statement.h"
#include "core/views/views.h"

namespace headgate {
struct Service::FileStatements {
  std::vector<FileStatement> waiting;  // in their order
};

static void WarnThatItStays(const std::string& name) {
  diag::Warn("service", "what the config file made is no longer in it but stays: drop it if it should go",
             {{"name", name}});
}

static Status Wrong(const FileStatement& one, const views::SqlError& error) {
  return ConfigError(one.Where(error.offset) + ": sql: " + error.message + ". " + error.hint);
}

std::set<std::string> Service::SourceNames() const {
  std::set<std::string> names;
  const auto records = catalog_->records();
  for (const auto& [name, record] : *records) {
    if (record->kind == config::ComponentKind::kSource) names.insert(name);
  }
  return names;
}

Status Service::TakeOverSql(const config::ServiceConfig& config) {
  file_statements_ = std::make_shared<FileStatements>();
  FileSql read = ReadFileSql(config);
  const auto names = views_->names();
  FileSqlBound bound = BindFileSql(read.statements, *names, SourceNames());
  read.errors = std::move(bound.errors);
  read.errors.insert(read.errors.end(), bound.unknown.begin(), bound.unknown.end());
  if (!read.errors.empty()) return ConfigError(read.AllErrors());
  std::set<std::string> kept;
  std::set<std::string> kept_indexes;
  for (const FileStatement& one : read.statements) (one.is_index() ? kept_indexes : kept).insert(one.name);
  for (const auto& [name, definition] : names->definitions) {
    for (const views::ViewIndex& index : definition->record.indexes) {
      if (!index.from_file || kept_indexes.contains(index.name)) continue;
      WarnThatItStays(index.name);
      HG_RETURN_IF_ERROR(views_->SetIndexFromFile(index.name, false));
    }
    if (!definition->record.from_file || kept.contains(name)) continue;
    WarnThatItStays(name);
    HG_RETURN_IF_ERROR(views_->SetFromFile(name, false));
  }
  for (std::size_t i = 0; i < read.statements.size(); ++i) {
    if (std::ranges::find(bound.waiting, i) == bound.waiting.end()) {
      HG_RETURN_IF_ERROR(RunFileStatement(read.statements[i]));
      continue;
    }
    diag::Info("service", "a statement of the config file waits for what it reads",
               {{"name", read.statements[i].name}, {"at", read.statements[i].Where()}});
    file_statements_->waiting.push_back(std::move(read.statements[i]));
  }
  return Ok();
}

// One that has not changed does nothing.
Status Service::RunFileStatement(const FileStatement& one) {
  if (one.is_index()) return RunFileIndex(one);
  const auto made = views_->Validate(one.statement);
  const auto old = views_->Find(one.name);
  if (made.ok() && old != nullptr && old->record.sql == made->record.sql)
    return old->record.from_file ? Ok() : views_->SetFromFile(one.name, true);
  const auto created = CreateViewBy(one.statement, "file", true);
  if (created.ok()) return Ok();
  return Wrong(one, created.error());
}

// One that is of other columns now, or of another view, is made anew.
Status Service::RunFileIndex(const FileStatement& one) {
  const auto names = views_->names();
  const auto made = views::ReadIndex(one.statement, *names);
  if (!made.ok()) return Wrong(one, made.error());
  if (const auto view = views::FindIndex(*names, one.name); view != nullptr) {
    const auto old = std::ranges::find(view->record.indexes, one.name, &views::ViewIndex::name);
    if (view->record.name == made->view && old->columns == made->index.columns)
      return old->from_file ? Ok() : views_->SetIndexFromFile(one.name, true);
    if (const auto dropped = DropIndex(one.name, "file"); !dropped.ok()) return Wrong(one, dropped.error());
  }
  const auto created = CreateIndexBy(one.statement, "file", true);
  return created.ok() ? Ok() : Wrong(one, created.error());
}

// Those that can be bound by now are run; a mistake that shows only now ends their waiting.
void Service::Attend() {
  AttendViews();
  EndRefusedOperations();
  if (file_statements_ == nullptr || file_statements_->waiting.empty()) return;
  std::vector<FileStatement>& waiting = file_statements_->waiting;
  const FileSqlBound bound = BindFileSql(waiting, *views_->names(), SourceNames());
  if (bound.waiting.size() == waiting.size()) return;
  std::vector<FileStatement> still;
  for (std::size_t i = 0; i < waiting.size(); ++i) {
    if (std::ranges::find(bound.waiting, i) != bound.waiting.end()) {
      still.push_back(std::move(waiting[i]));
      continue;
    }
    const auto run = RunFileStatement(waiting[i]);
    if (run.ok()) continue;
    diag::Error("service", "a statement of the config file cannot be run", {{"error", run.error().what}});
    warnings_.push_back("A statement of the config file was not run: " + run.error().what);
  }
  waiting = std::move(still);
}

void Service::AddWaiting(std::vector<std::string>& warnings) const {
  if (file_statements_ == nullptr) return;
  for (const FileStatement& one : file_statements_->waiting)
    warnings.push_back(one.Where() + ": \"" + one.name +
                       "\" is not made yet: it reads what its source has not brought.");
}

}  // namespace headgate
