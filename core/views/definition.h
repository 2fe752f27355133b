#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/log/log.h"
#include "core/sql/bind.h"
#include "core/sql/statement.h"
#include "core/views/settle.h"
#include "core/views/sql_error.h"

// What a name in SQL stands for, and how it comes from the text of a statement.
namespace headgate::views {

enum class ObjectKind : std::uint8_t {
  kView = 1,   // CREATE MATERIALIZED VIEW: kept in step
  kQuery = 2,  // CREATE VIEW: a name for a query
  kTable = 3,  // CREATE TABLE ... WITH (stream = ...): a captured table under a short name, with checks
};

// The form of a view that another one comes in place of.
struct Replaced {
  std::uint32_t form = 0;  // 0: none
  RowForm rows = RowForm::kKeyed;
  bool same_shape = false;    // the rows and keys of both have the same types
  std::uint32_t columns = 0;  // all of it, if the new one has them as its first ones (Unlike is ""); else 0
  bool follows = false;       // the same view, with columns that came to what it reads (follow.h)
  bool carries = false;       // its rows stay, with NULLs in the columns that came
  // Rows of one key can be told apart in both: they are of one shape, or the new one has more columns behind.
  bool comparable() const { return same_shape || (columns > 0 && rows == RowForm::kKeyed); }
};
Replaced ReplacedBy(std::uint32_t form, const sql::Relation& old, const sql::Relation& made);

// An index of a view: CREATE INDEX.
struct ViewIndex {
  std::string name;
  std::uint32_t number = 0;  // in the store (FreeIndexNumber)
  std::vector<std::string> columns;
  bool from_file = false;
};

// One object as it is kept.
struct ViewRecord {
  std::string name;
  ObjectKind kind = ObjectKind::kView;
  std::string sql;  // the whole CREATE statement
  std::map<std::string, std::string> options;
  std::uint32_t form = 0;                         // number of its state and rows in the store
  std::map<std::string, std::uint32_t> versions;  // schema versions of the streams that it reads
  // How many columns the views that it reads had. Those that a replacement adds behind them are not for it.
  std::map<std::string, std::uint32_t> widths;
  // The same as they are now, where `SELECT *` has taken in columns that came later (follow.h).
  std::map<std::string, std::uint32_t> followed;
  std::map<std::string, std::uint32_t> followed_widths;
  Seq begins_at = 0;  // events behind it are its own
  // The same of the first form of the name: what the log has of it from before was of another view.
  Seq born_at = 0;
  std::uint64_t version = 0;
  std::int64_t created_us = 0;
  std::int64_t changed_us = 0;
  bool from_file = false;
  bool paused = false;
  Replaced replaces;  // the form that its name had before
  std::vector<ViewIndex> indexes;
  bool of_sink = false;  // made by CREATE SINK ... AS SELECT, for the sink of its name: it goes with it
};
std::string EncodeRecord(const ViewRecord& record);
Result<ViewRecord> DecodeRecord(std::string_view bytes);

// A relation that a plan reads, and what stands behind it.
struct Input {
  enum class Kind : std::uint8_t { kTable, kEvents, kView };
  std::shared_ptr<const sql::Relation> relation;
  Kind kind = Kind::kTable;
  std::string stream_name;    // of kTable, kEvents
  StreamNo stream = 0;        // 0: the log does not have it yet
  DefinitionPtr declared;     // of a table that was declared
  std::uint32_t version = 0;  // of its schema
  std::uint32_t form = 0;     // of kView: the newest; what runs under its name may be the one before still
  std::vector<bool> needed;   // by column: somebody reads it
};

// Why rows of a table's schema cannot stand for those of the input, "" if they can: a column that is read is gone, or
// has another type, or has no value that is known here. `bound`: the version that the input was bound to, `newer`: the
// schema is younger than it.
std::string WhyUnfit(const Input& input, const TableSchema& schema, const TableSchema& bound, bool newer);
// What is judged, beside what it is judged by: events, and views that never take a row back.
bool IsData(const Input& input);

// What an expression that fails for a row does to a view.
enum class OnError : std::uint8_t {
  kDeadLetter,  // the row gives nothing
  kNull,        // the expression is NULL
  kStop,        // the view fails, as of before the transaction that brought the row
};

// A record with its statement bound. Immutable.
struct Definition {
  ViewRecord record;
  std::shared_ptr<const sql::Relation> relation;  // what the name stands for in other queries
  std::shared_ptr<const sql::Plan> plan;          // of a view; null if `failure` is set
  std::vector<Input> inputs;
  std::vector<std::shared_ptr<const sql::Expr>> checks;  // of a declared table
  std::int64_t retention_us = 0;                         // of a view that only adds rows; 0: they stay
  std::int64_t max_staleness_us = 0;                     // 0: however old the tables are
  std::int64_t grace_us = 0;                             // rows wait so long before they look up
  OnError on_error = OnError::kDeadLetter;
  std::vector<std::string> reads;  // all names that the statement needs, those of named queries too
  bool has_star = false;           // some list of its columns has `*`
  std::string failure;             // why a stored statement cannot be bound any more
};

// A stream that a source will have: what it declares before its first event.
struct Announced {
  std::string name;
  TableSchema schema;
};

// All names at one moment: streams of the log, and definitions. Immutable; for any thread.
class NameTable final : public sql::RelationSource {
 public:
  struct Stream {
    std::shared_ptr<const sql::Relation> relation;
    StreamNo number = 0;
    std::uint32_t version = 0;
    bool events = false;
  };

  const sql::Relation* Find(const std::vector<std::string>& name) const override;
  std::vector<std::string> Names() const override;

  DefinitionPtr FindDefinition(std::string_view name) const;
  // What stands behind a relation that Find gave.
  std::optional<Input> InputOf(const sql::Relation& relation) const;

  std::map<std::string, Stream, std::less<>> streams;
  std::map<std::string, DefinitionPtr, std::less<>> definitions;
};

// The relations that a plan reads, with the columns that it reads of them.
std::vector<Input> InputsOf(const sql::Plan& plan, const NameTable& names);

// A SELECT, bound and in the form in which it costs least.
SqlResult<sql::BoundQuery> BindSelect(const sql::Statement& statement, const sql::Node& select, const NameTable& names,
                                      sql::BindOptions options);

// CREATE MATERIALIZED VIEW, CREATE VIEW or CREATE TABLE, bound; everything of the record but form, version and times is
// set. Options that views do not have are refused.
SqlResult<Definition> Define(const sql::Statement& statement, const NameTable& names);
// A record read from the store, bound again.
Definition Restore(ViewRecord record, const NameTable& names);

// The definitions that need `name`.
std::vector<std::string> ReadersOf(const NameTable& all, std::string_view name);
// The same, and those that need them.
std::vector<std::string> AllReadersOf(const NameTable& all, std::string_view name);

// Whether what reads `old` can read `made` in its place: it has the same columns, perhaps others behind them, and the
// same key. "" if so, else what is in the way.
std::string Unlike(const sql::Relation& old, const sql::Relation& made);
// The same, but integers may have become larger ones: their bytes are the same.
std::string UnlikeButWider(const sql::Relation& old, const sql::Relation& made);
// All values of the one type are values of the other, integers both.
bool IsWider(sql::Type than, sql::Type type);
// Why `made` cannot come in the place of `old`, of the same name and kind: those that read that cannot read this. The
// offset of the error is 0.
std::optional<SqlError> WhyNotReplaced(const NameTable& known, const Definition& old, const Definition& made);
// "a", "b"
std::string Listed(const std::vector<std::string>& names);
// `view` as it was when it had `columns` columns.
DefinitionPtr Narrowed(const DefinitionPtr& view, std::size_t columns);

}  // namespace headgate::views
