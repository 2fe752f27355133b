#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/log/log.h"
#include "core/operators/delta.h"
#include "core/sql/relation.h"

// Streams of the log as SQL sees them.
namespace headgate::views {

// What a row tells beside its columns.
struct Origin {
  At at;
  Op op = Op::kInsert;
  std::int64_t commit_us = 0;  // Unix time
  std::int64_t stored_us = 0;
};

// The columns that every stream has behind its own, not part of *: _seq, _ordinal, _op, _commit_at, _stored_at.
inline constexpr std::size_t kHiddenColumns = 5;

// The relation that a schema version of a stream is: its columns, then the hidden ones. A stream of events is
// append-only and has no key but its place in the log.
sql::Relation RelationOf(const StreamInfo& stream, const TableSchema& schema, bool events);

// Adds the hidden columns.
void AddHiddenColumns(sql::Relation& relation);

// True for what comes in as events and not as changes of rows: streams of http sources, and of topics without a key.
bool IsEventStream(const Registry& registry, StreamNo stream);

// True for tables that no snapshot reads, streams of topics with a key: they are there, if empty, once they have a
// schema.
bool IsTopicTable(const Registry& registry, StreamNo stream);

// Collects rows of one stream, of any of its schema versions, into the columns of one relation. A column that the
// row's version does not have is what it was added with, or NULL. For one thread.
class StreamRows {
 public:
  // `registry` must know the versions that come. Columns that nobody needs stay NULL.
  StreamRows(const sql::Relation& relation, const std::vector<bool>& needed);

  std::size_t rows() const { return weights_.size(); }
  bool full() const { return rows() >= operators::kPieceRows; }
  // `row` has the encoded values of `version`, whose schema is given; `at` is the change that makes it come or go.
  // False if the bytes are malformed.
  bool Add(std::string_view row, std::uint32_t version, const TableSchema& schema, const Origin& origin,
           std::int64_t weight, At at);
  operators::Delta Take();
  // Values whose kind their column does not foresee, shown as NULL.
  std::uint64_t misfits() const { return misfits_; }

 private:
  const std::vector<std::size_t>& TargetsOf(std::uint32_t version, const TableSchema& schema);
  void AddMissing(std::size_t column, std::size_t at);
  void AddHidden(const Origin& origin);
  void Start();

  const sql::Relation& relation_;
  std::vector<bool> needed_;
  std::size_t visible_;
  std::map<std::size_t, sql::Datum> values_before_;            // by column
  std::map<std::uint32_t, std::vector<std::size_t>> targets_;  // by version: the relation's column of each value
  std::vector<std::shared_ptr<sql::Vector>> columns_;          // null: not needed
  std::shared_ptr<sql::Arena> arena_;
  std::vector<std::int64_t> weights_;
  std::vector<At> at_;
  std::vector<Value> values_;
  std::uint64_t misfits_ = 0;
};

// The types of all columns, hidden ones too.
std::vector<sql::Type> AllTypesOf(const sql::Relation& relation);

// The columns of `relation` that hidden columns are.
std::size_t VisibleColumns(const sql::Relation& relation);

}  // namespace headgate::views
