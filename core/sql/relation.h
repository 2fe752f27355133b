#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/sql/type.h"

namespace headgate::sql {

struct RelationColumn {
  std::string name;
  Type type;
  bool not_null = false;
  bool hidden = false;  // _seq and its kin: not part of *
  // What rows have that are older than the column and do not bring it, in text form; else NULL.
  std::optional<std::string> value_before = {};
  bool added = false;  // came to the relation after the query was written: part of * only, no name means it
};

// A temporal lookup that the pre-pass took out of the text: FOR SYSTEM_TIME AS OF ... behind the relation at
// `relation`.
struct SystemTime {
  std::uint32_t relation = 0;  // byte offset of the relation's name
  std::uint32_t offset = 0;    // of the clause
  bool log_position = true;    // LOG_POSITION() or PROCTIME(); else an event time
};

// What a name in FROM stands for: a captured or declared table, a data stream, a view. Owned by the catalogue; plans
// point to it and keep it alive.
struct Relation {
  std::string name;  // as the log names the stream: shop.public.orders, readings
  std::uint32_t id = 0;
  std::vector<RelationColumn> columns;
  std::vector<std::size_t> key;          // columns that identify a row; empty if rows may repeat
  bool append_only = false;              // a data stream, or a view that never takes a row back
  std::string definition;                // of CREATE VIEW: the query to put in its place
  std::vector<SystemTime> system_times;  // lifted out of the definition
};

// Where the binder looks names up.
class RelationSource {
 public:
  virtual ~RelationSource() = default;
  // The parts of the name as written; null if there is none.
  virtual const Relation* Find(const std::vector<std::string>& name) const = 0;
  // All names, for hints.
  virtual std::vector<std::string> Names() const = 0;
};

}  // namespace headgate::sql
