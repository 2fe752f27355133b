#include "app/file_sql.h"

#include <algorithm>
#include <map>
#include <string_view>

#include "core/sql/scanner.h"
#include "core/views/index_statement.h"

namespace headgate {
namespace {

using sql::Node;

std::string PlaceOf(const config::ServiceConfig::SqlText& source, std::size_t offset) {
  const std::string_view text(source.text);
  const auto lines = source.block ? std::ranges::count(text.substr(0, std::min(offset, text.size())), '\n') : 0;
  return source.file + ":" + std::to_string(source.line + lines);
}

std::string Text(const std::string& where, const std::string& message, const std::string& hint) {
  return where + ": sql: " + message + "." + (hint.empty() ? "" : " " + hint);
}

std::string Joined(const Node& range) {
  std::string name;
  for (const char* part : {"catalogname", "schemaname", "relname"}) {
    if (range[part]) name += (name.empty() ? "" : ".") + std::string(range[part].text());
  }
  return name;
}

// The name that a statement makes; "" if it is none of the kinds that a file may have.
std::string MadeName(const sql::Statement& statement) {
  const Node& body = statement.tree.body();
  if (statement.connector.verb != sql::ConnectorStatement::Verb::kNone) return "";
  if (statement.tree.Is("CreateTableAsStmt")) return Joined(body["into"]["rel"]);
  if (statement.tree.Is("ViewStmt")) return Joined(body["view"]);
  if (statement.tree.Is("IndexStmt")) return views::IndexName(statement);
  return statement.tree.Is("CreateStmt") ? Joined(body["relation"]) : "";
}

// The relation that a mistake names as missing, "" if it is another mistake.
std::string MissingRelation(const std::string& message) {
  constexpr std::string_view kHead = "relation \"";
  constexpr std::string_view kTail = "\" does not exist";
  if (!message.starts_with(kHead) || !message.ends_with(kTail)) return "";
  return message.substr(kHead.size(), message.size() - kHead.size() - kTail.size());
}

}  // namespace

std::string FileStatement::Where(std::size_t offset) const {
  const auto tokens = sql::Scan(statement.text);
  const std::size_t begin = statement.offset + (tokens.ok() && !tokens->empty() ? tokens->front().start : 0);
  return PlaceOf(source, std::max(offset, begin));
}

std::string FileSql::AllErrors() const {
  std::string text;
  for (const std::string& error : errors) text += (text.empty() ? "" : "\n") + error;
  return text;
}

FileSql ReadFileSql(const config::ServiceConfig& config) {
  FileSql read;
  std::map<std::string, std::string> made;  // name -> where
  for (const auto& source : config.sql) {
    auto statements = sql::ReadStatements(source.text);
    if (!statements.ok()) {
      read.errors.push_back(
          Text(PlaceOf(source, statements.error().offset), statements.error().message, statements.error().hint));
      continue;
    }
    for (sql::Statement& statement : *statements) {
      FileStatement one{std::move(statement), source, ""};
      one.name = MadeName(one.statement);
      if (one.name.empty()) {
        read.errors.push_back(
            Text(one.Where(),
                 "the file takes CREATE MATERIALIZED VIEW, CREATE VIEW, CREATE TABLE, and CREATE INDEX with a name",
                 "Sources and sinks stand under connectors; run other statements by `headgate sql`."));
        continue;
      }
      const auto [known, first] = made.emplace((one.is_index() ? "index " : "") + one.name, one.Where());
      if (!first)
        read.errors.push_back(
            Text(one.Where(), "\"" + one.name + "\" is made twice, first at " + known->second, "Remove one."));
      one.statement.or_replace = true;  // the file says what is to be there
      read.statements.push_back(std::move(one));
    }
  }
  return read;
}

// A mistake of a statement; it waits instead if what it reads is to come.
void FileSqlBound::Add(std::size_t number, const FileStatement& one, const views::SqlError& error,
                       const std::set<std::string>& sources) {
  const std::string missing = MissingRelation(error.message);
  if (!missing.empty() && (coming.contains(missing) || sources.contains(missing.substr(0, missing.find('.'))))) {
    waiting.push_back(number);
  } else {
    (missing.empty() ? errors : unknown).push_back(Text(one.Where(error.offset), error.message, error.hint));
  }
  if (!one.is_index()) coming.insert(one.name);  // what reads it is not wrong for that
}

FileSqlBound BindFileSql(const std::vector<FileStatement>& statements, views::NameTable names,
                         const std::set<std::string>& sources) {
  FileSqlBound bound;
  const views::NameTable before = names;
  for (std::size_t i = 0; i < statements.size(); ++i) {
    const FileStatement& one = statements[i];
    if (one.is_index()) {
      const auto index = views::ReadIndex(one.statement, names);
      if (!index.ok()) bound.Add(i, one, index.error(), sources);
      continue;
    }
    auto made = views::Define(one.statement, names);
    if (!made.ok()) {
      bound.Add(i, one, made.error(), sources);
      continue;
    }
    const auto old = before.FindDefinition(one.name);
    const bool changed = old != nullptr && old->record.sql != made->record.sql;
    if (before.streams.contains(one.name))
      bound.errors.push_back(Text(one.Where(), "there is a stream \"" + one.name + "\" already", "Name it otherwise."));
    if (changed && old->record.kind != made->record.kind)
      bound.errors.push_back(Text(one.Where(), "\"" + one.name + "\" is there, of another kind", "Drop it first."));
    if (changed && old->record.kind == made->record.kind) {
      if (const auto refused = views::WhyNotReplaced(before, *old, *made))
        bound.errors.push_back(Text(one.Where(), refused->message, refused->hint));
    }
    if (changed || old == nullptr)
      names.definitions[one.name] = std::make_shared<const views::Definition>(std::move(*made));
  }
  return bound;
}

}  // namespace headgate
