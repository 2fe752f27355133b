#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "core/config/spec.h"
#include "core/net/tls_context.h"
#include "core/net/url.h"

// The settings of one sink, typed and checked across keys. Everything else of the folder reads this, never the map.
namespace headgate::search {

struct Options {
  using Ms = std::chrono::milliseconds;

  net::Url url;
  std::string index;  // the alias; with ${table}, ${schema} and ${stream}
  std::string dynamic = "strict";
  std::string refresh = "false";
  std::size_t batch_bytes_max = 5 << 20;
  std::size_t batch_docs_max = 2'000;
  Ms batch_delay_max{200};
  std::size_t document_bytes_max = 10 << 20;
  bool gzip = true;
  std::int64_t gc_deletes_ms = 900'000;
  bool stop_on_truncate = true;  // or it is ignored
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

}  // namespace headgate::search
