#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/config/spec.h"
#include "core/net/tls_context.h"
#include "core/net/url.h"

// The settings of one sink, typed and checked across keys. Everything else of the folder reads this, never the map.
namespace headgate::search {

// `mapping.<field>`.
struct FieldOverride {
  std::string type;     // "object" if it names none
  std::string mapping;  // JSON
};

// What documents carry besides the columns.
enum class EnvelopeField : std::uint8_t { kEventId, kOp, kSeq, kCommitAt };
std::string_view Name(EnvelopeField field);  // "_event_id"

struct Options {
  using Ms = std::chrono::milliseconds;
  enum class OnTruncate : std::uint8_t { kDelete, kIgnore, kStop };

  std::vector<net::Url> urls;  // one, or several to fail over to; `target` is what stands in front of paths: "", "/es"
  std::string index;           // the alias; with ${table}, ${schema} and ${stream}
  bool manage_index = true;    // or it is an index that somebody else made
  std::string dynamic = "strict";
  std::map<std::string, FieldOverride> mapping;  // by field
  std::string index_settings = "{}";             // JSON object
  std::int64_t gc_deletes_ms = 900'000;
  std::string refresh = "false";
  bool rebuild_on_change = false;         // when a field needs another type; or it stops
  std::int64_t keep_old_ms = 86'400'000;  // an index whose place a new one has taken

  std::vector<std::string> key_columns;  // none: the stream's key
  std::string routing_column;            // "" if none
  std::vector<std::string> include;      // names and patterns of columns; none: all
  std::vector<std::string> exclude;
  std::vector<EnvelopeField> envelope_fields;
  bool write_nulls = false;
  bool null_unrepresentable = false;  // or the document is a dead letter
  std::size_t document_bytes_max = 10 << 20;

  bool soft_delete = false;
  OnTruncate on_truncate = OnTruncate::kDelete;

  std::size_t batch_bytes_max = 5 << 20;
  std::size_t batch_docs_max = 2'000;
  Ms batch_delay_max{200};
  std::size_t parallelism = 2;  // requests under way
  bool gzip = true;
  int timeout_ms = 60'000;
  int connect_timeout_ms = 5'000;
  std::string authorization;  // the header's value; "" if none

  net::TlsOptions tls;
};

struct ReadOptions {
  Options options;                       // complete only if there are no errors
  std::vector<config::KeyError> errors;  // per key
};

// Values that still hold a placeholder pass every check of their content (validate without resolution).
ReadOptions Read(const config::Bound& bound);

// The alias of a stream: `index` with its names in place of ${table}, ${schema}, ${stream}, in lower case and with `-`
// for what an index may not have in its name.
std::string AliasOf(const Options& options, std::string_view stream, std::string_view schema, std::string_view table);

// `*` stands for any text, `?` for one character.
bool MatchesPattern(std::string_view text, std::string_view pattern);

}  // namespace headgate::search
