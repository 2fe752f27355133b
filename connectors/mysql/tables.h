#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connectors/mysql/alterations.h"
#include "connectors/mysql/binlog_decoder.h"
#include "connectors/mysql/catalog.h"
#include "connectors/mysql/options.h"
#include "core/log/log.h"

namespace headgate::mysql {

// A captured table as its rows are read by a snapshot.
struct TablePlan {
  TableName name;
  StreamNo stream = 0;
  std::uint32_t schema = 0;
  std::vector<ColumnReader> columns;              // those of the stream, with their names in stored.name
  std::vector<std::size_t> key;                   // of `columns`, in key order; empty: nothing identifies a row
  std::shared_ptr<const RowTransform> transform;  // of its rows, before they are kept; nullptr: none
};

// Whether a table is one that we capture: by the settings, and not a table that gh-ost or pt-online-schema-change keeps
// beside the one it changes (P12). Those are captured only if a pattern without * and ? names them.
bool IsCaptured(const Options& options, const TableName& table);

// What is known of tables: their streams, schemas, and how their rows are read. The stream's own metadata come first;
// what they do not tell (declared types, defaults, JSON of MariaDB) comes from the information schema as far as it fits
// them. Where they do not name columns, and a statement lies ahead that may have altered the table, nobody can tell
// whose names fit: the table waits for that statement (design D6, MY-16, docs/adr/0022). Lives on the ingest thread.
class Tables final : public Binder {
 public:
  // Asks the server; the connection may have to be made anew. `altered`: a statement that may not be done yet shapes
  // it.
  using Describe = std::function<Result<std::optional<TableDeclaration>>(const TableName&, bool altered)>;
  // Which tables are altered between a place of the stream and the end of what is logged now.
  using LookAhead = std::function<Result<Alterations>(const LogPlace&)>;
  // `waiting`: as an earlier one left them.
  Tables(const Options& options, LogWriter& writer, Describe describe, LookAhead look_ahead,
         std::set<TableName> waiting)
      : options_(options),
        writer_(writer),
        describe_(std::move(describe)),
        look_ahead_(std::move(look_ahead)),
        waiting_(std::move(waiting)) {}

  Result<TableBinding> Bind(const TableMap& map, const LogPlace& at, std::int64_t commit_us) override;
  Result<TableBinding> BindTruncated(const TableName& table, const LogPlace& at, std::int64_t commit_us) override;
  Result<std::vector<SchemaChange>> Told(const Statement& statement, std::string_view text, const LogPlace& at,
                                         std::int64_t commit_us) override;

  // For a snapshot: as the server has it now. Nothing if the table is gone.
  Result<std::optional<TablePlan>> Plan(const TableName& table, std::uint64_t at, std::int64_t now_us, bool anew);

  // A table without a key that a snapshot will read: until then its changes are in what will be read, so none are
  // bound. What a decoder has bound before has to be forgotten when this changes.
  void Mute(const TableName& table) { muted_.insert(table); }
  void Unmute(const TableName& table) { muted_.erase(table); }

  // Captured tables that statements changed without logging rows, since the last call (MY-37); one without names stands
  // for a statement that names none.
  std::set<TableName> TakeUnlogged() { return std::exchange(unlogged_, {}); }

  // Tables whose rows are left out until a statement alters them: what is left out has to be read again.
  const std::set<TableName>& waiting() const { return waiting_; }
  // Those that have begun to wait since the last call.
  std::set<TableName> TakeDoubtful() { return std::exchange(doubtful_, {}); }

  // What is added to places so that they ascend over a change of server.
  void SetBase(std::uint64_t base) { base_ = base; }

 private:
  // Columns with their readers, in the order of the table, and which are excluded.
  struct Shape {
    std::vector<ColumnPlan> columns;
    std::vector<bool> excluded;
    std::vector<std::string> key;
    std::string charset;
    std::string comment;
  };
  struct Known {
    std::optional<TableDeclaration> declaration;
    // Whether it holds for rows of the stream that do not name their columns; nothing: nobody has looked yet.
    std::optional<bool> holds;
  };
  Result<const TableDeclaration*> Find(const TableName& table, bool anew);
  Result<bool> Holds(const TableName& table, const LogPlace& at);
  bool Match(const TableMap& map, const TableDeclaration* declared, Shape& shape);
  Shape ShapeOf(const TableDeclaration& declared) const;
  void Exclude(const TableName& table, Shape& shape) const;
  // The version of the schema that the rows have in the log, and what makes them fit it.
  Result<std::uint32_t> Define(const TableName& table, StreamNo stream, const Shape& shape, std::uint64_t at,
                               std::int64_t commit_us, std::shared_ptr<const RowTransform>& transform);

  void RememberWords(const Statement& statement);
  Result<SchemaChange> ChangeOf(SchemaExtra extra, const TableName& table, std::uint64_t at, std::int64_t commit_us);
  Result<std::vector<SchemaChange>> ChangesOf(const Statement& statement, std::string_view text, std::uint64_t at,
                                              std::int64_t commit_us);

  const Options& options_;
  LogWriter& writer_;
  std::set<TableName> altered_;  // by statements of the stream, and not asked for since
  const Describe describe_;
  const LookAhead look_ahead_;
  std::map<TableName, Known> declared_;
  // Columns that statements declared since the last schema.
  std::map<TableName, std::map<std::string, DeclaredColumn>> written_;
  std::set<TableName> muted_;
  std::set<TableName> unlogged_;
  std::set<TableName> waiting_;
  std::set<TableName> doubtful_;
  TextDecoder decoder_;
  std::uint64_t base_ = 0;
};

}  // namespace headgate::mysql
