// The statements of the config file: validated together, run in their order; what reads a table that its source has not
// brought yet waits for it.
#include "app/file_sql.h"
#include "app/service.h"
#include "core/base/diag.h"
#include "core/views/views.h"

namespace headgate {
struct Service::FileStatements {
  std::vector<FileStatement> waiting;  // in their order
};

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
  for (const FileStatement& one : read.statements) kept.insert(one.name);
  for (const auto& [name, definition] : names->definitions) {
    if (!definition->record.from_file || kept.contains(name)) continue;
    diag::Warn("service", "what the config file made is no longer in it but stays: drop it if it should go",
               {{"name", name}});
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
  const auto made = views_->Validate(one.statement);
  const auto old = views_->Find(one.name);
  if (made.ok() && old != nullptr && old->record.sql == made->record.sql)
    return old->record.from_file ? Ok() : views_->SetFromFile(one.name, true);
  const auto created = CreateViewBy(one.statement, "file", true);
  if (created.ok()) return Ok();
  return ConfigError(one.Where(created.error().offset) + ": sql: " + created.error().message + ". " +
                     created.error().hint);
}

// Those that can be bound by now are run; a mistake that shows only now ends their waiting.
void Service::Attend() {
  AttendViews();
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
