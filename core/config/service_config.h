#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/diag.h"
#include "core/config/address.h"
#include "core/config/secrets.h"
#include "core/config/spec.h"

// The service's own configuration file (docs: the config file; design, 5). Plain data, read once at start.
namespace headgate::config {

struct ServiceConfig {
  struct Limits {
    std::int64_t body_bytes_max = 1'048'576;
    std::int64_t header_bytes_max = 16'384;
    std::int64_t idle_timeout_ms = 60'000;
    std::int64_t request_timeout_ms = 90'000;
    std::int64_t connections_max = 256;
    std::int64_t streams_max = 64;  // event streams among the connections
    std::int64_t json_depth_max = 64;
    std::int64_t rate_bytes_min = 500;  // a second, from a peer that takes longer than 10 s
  };
  struct Api {
    Listen listen;
    bool allow_insecure = false;                  // a bind beyond loopback without authentication (SE1)
    bool mask_secrets = true;                     // 7.3
    bool topic_tracking = true;                   // Kafka Connect's topics of a connector may be asked for
    std::vector<std::string> allowed_hosts;       // further values of the Host header (SE4)
    std::vector<std::string> allowed_origins;     // pages of other origins that may change things (SE4)
    std::vector<std::string> cors_allow_origins;  // and those that may read answers (SE6)
    std::vector<std::string> cors_allow_methods{"GET", "POST", "HEAD"};
    std::string public_url;                // https://..., as others reach `listen`; no slash at the end
    bool loggers = true;                   // /admin/loggers is offered
    std::optional<Listen> admin_listener;  // where, if not at `listen`
    Limits limits;
  };
  struct Log {
    diag::Level level = diag::Level::kInfo;
    diag::Format format = diag::Format::kText;
  };
  struct Retention {
    std::int64_t time_ms = 7LL * 24 * 60 * 60 * 1000;
    std::int64_t bytes_max = 0;  // 0: unlimited
  };
  struct Views {
    std::int64_t memory_bytes = 64 << 20;
  };
  struct Egress {  // CIDR lists, checked; deny wins (webhooks, W10)
    std::vector<std::string> allow;
    std::vector<std::string> deny;
    std::vector<std::uint16_t> deny_ports;
  };

  std::string data_dir;
  Api api;
  Log log;
  Retention retention;
  Views views;
  SecretPolicy secrets;
  Egress egress;
  // Flat maps as POST /connectors takes them, with `name` put in, values exactly as written, placeholders unresolved.
  std::map<std::string, FlatConfig> connectors;

  // Statements, run at start in their order (section sql: a text, or a list of texts).
  struct SqlText {
    std::string text;
    std::string file;
    int line = 1;        // of its first line, or of all of it
    bool block = false;  // its lines are lines of the file
  };
  std::vector<SqlText> sql;

  // "file:line" of a connector or of one of its keys, for errors that Bind finds later.
  std::string Where(const std::string& connector, const std::string& key = {}) const;
  std::map<std::string, std::map<std::string, std::string>> connector_lines;  // connector -> key ("" is itself)
};

// Names and values of HEADGATE_ variables; other names are ignored.
using Environment = std::map<std::string, std::string>;
Environment ProcessEnvironment();

struct ServiceConfigOutcome {
  ServiceConfig config;               // usable only if errors is empty
  std::vector<std::string> errors;    // all that were found, each "file:line: text" (or "VARIABLE: text")
  std::vector<std::string> warnings;  // the same form
};

// Never throws, whatever the bytes. `file` is only a name for the texts. A variable named HEADGATE_ and the setting's
// path in capitals with _ for the dots (HEADGATE_API_LISTEN) overrides the file for everything but commands and
// connectors; a list is written with commas.
ServiceConfigOutcome ParseServiceConfig(std::string_view text, std::string_view file, const Environment& environment);

// Reads the file (at most 16 MiB), then as above.
ServiceConfigOutcome LoadServiceConfig(const std::string& path, const Environment& environment);

}  // namespace headgate::config
