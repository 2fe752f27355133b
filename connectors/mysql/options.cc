#include "connectors/mysql/options.h"

#include <algorithm>
#include <charconv>

#include "core/transform/column_options.h"

namespace headgate::mysql {
namespace {

constexpr std::uint16_t kDefaultPort = 3306;

bool IsPlaceholder(std::string_view text) { return text.find("${") != std::string_view::npos; }

std::chrono::milliseconds MillisOf(const config::Bound& bound, std::string_view key) {
  return std::chrono::milliseconds(bound.Int(key));
}

// "db", "db:3307", "10.0.0.1", "[::1]:3307", "::1", "/run/mysqld/mysqld.sock". False if the port is none.
bool ParseHost(std::string_view text, std::uint16_t port, Host& host) {
  host = {std::string(text), port};
  if (text.starts_with('/')) return true;
  const std::size_t colon = text.rfind(':');
  const bool bracket = text.starts_with('[');
  const std::size_t close = bracket ? text.find(']') : std::string_view::npos;
  if (bracket && close == std::string_view::npos) return false;
  const bool has_port = bracket ? close + 1 < text.size() : colon != std::string_view::npos && text.find(':') == colon;
  if (bracket) host.name = text.substr(1, close - 1);
  if (!has_port) return !host.name.empty();
  if (bracket && text[close + 1] != ':') return false;
  if (!bracket) host.name = text.substr(0, colon);
  const std::string_view number = text.substr(colon + 1);
  const auto [end, ec] = std::from_chars(number.data(), number.data() + number.size(), host.port);
  return ec == std::errc() && end == number.data() + number.size() && host.port != 0 && !host.name.empty();
}

void CheckPatterns(const config::Bound& bound, std::string_view key, std::ptrdiff_t dots, std::string_view form,
                   std::string_view example, std::vector<config::KeyError>& errors) {
  for (const std::string& item : bound.List(key)) {
    if (IsPlaceholder(item) || std::ranges::count(item, '.') >= dots) continue;
    errors.push_back({std::string(key), "'" + item + "' is not of the form " + std::string(form) + ". Write it like " +
                                            std::string(example) + "."});
  }
}

// FNV-1a.
std::uint32_t NameHash(std::string_view text) {
  std::uint32_t h = 2166136261U;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 16777619U;
  return h;
}

}  // namespace

std::string DefaultServerId(std::string_view connector) {
  constexpr std::uint32_t kFirst = 1'000'000;
  constexpr std::uint32_t kCount = 4'000'000'000U - kFirst;
  return std::to_string(kFirst + NameHash(connector) % kCount);
}

std::string Place(const Options& options) {
  if (options.hosts.empty()) return "";
  const Host& host = options.hosts.front();
  return host.name.starts_with('/') ? host.name : host.name + ":" + std::to_string(host.port);
}

Options MakeOptions(const std::string& name, Flavor flavor, const config::Bound& bound) {
  Options o;
  o.name = name;
  o.flavor = flavor;
  const auto port = static_cast<std::uint16_t>(bound.Int("port") == 0 ? kDefaultPort : bound.Int("port"));
  for (const std::string& item : bound.List("host")) {
    Host host;
    if (ParseHost(item, port, host)) o.hosts.push_back(std::move(host));
  }
  o.username = bound.Text("username");
  o.password = bound.Text("password");
  o.sslmode = bound.Text("sslmode");
  o.sslrootcert = bound.Text("sslrootcert");
  o.sslcert = bound.Text("sslcert");
  o.sslkey = bound.Text("sslkey");
  o.tables = bound.List("tables");
  o.tables_exclude = bound.List("tables_exclude");
  o.columns_exclude = bound.List("columns_exclude");
  std::vector<config::KeyError> told;  // by CheckOptions
  o.transforms = ReadColumnRules(bound, TransformPlace::kSource, told);
  const std::string& snapshot = bound.Text("snapshot");
  o.snapshot = snapshot == "never"  ? SnapshotMode::kNever
               : snapshot == "only" ? SnapshotMode::kOnly
                                    : SnapshotMode::kInitial;
  o.snapshot_workers = static_cast<std::size_t>(bound.Int("snapshot_workers"));
  const std::string id = bound.Has("server_id") ? bound.Text("server_id") : DefaultServerId(name);
  std::from_chars(id.data(), id.data() + id.size(), o.server_id);
  o.statements = bound.Bool("include_query");
  o.semi_sync = bound.Bool("semi_sync");
  o.schema_changes = bound.Bool("include_schema_changes");
  o.connect_timeout = MillisOf(bound, "connect_timeout_ms");
  o.heartbeat_interval = MillisOf(bound, "heartbeat_interval_ms");
  o.stale_after = MillisOf(bound, "stale_after_ms");
  o.transaction_memory_max = static_cast<std::size_t>(bound.Int("transaction_memory_max"));
  o.batch_bytes_max = static_cast<std::size_t>(bound.Int("batch_bytes_max"));
  return o;
}

std::vector<config::KeyError> CheckOptions(const config::Bound& bound) {
  std::vector<config::KeyError> errors;
  for (const std::string& item : bound.List("host")) {
    Host host;
    if (IsPlaceholder(item) || ParseHost(item, kDefaultPort, host)) continue;
    errors.push_back({"host", "'" + item +
                                  "' is no host. Write a name or an address, with :port if it has its own; "
                                  "several are separated by commas."});
  }
  CheckPatterns(bound, "tables", 1, "database.table", "shop.*", errors);
  CheckPatterns(bound, "tables_exclude", 1, "database.table", "shop.audit_*", errors);
  CheckPatterns(bound, "columns_exclude", 2, "database.table.column", "shop.users.password_hash", errors);
  const ColumnRules transforms = ReadColumnRules(bound, TransformPlace::kSource, errors);
  if (!transforms.empty() && bound.Bool("include_query")) {
    errors.push_back({"include_query",
                      "A statement shows the values of columns that are masked, hashed or cut: it cannot be kept "
                      "together with transforms."});
  }
  if (bound.Int("stale_after_ms") <= bound.Int("heartbeat_interval_ms")) {
    errors.push_back(
        {"stale_after_ms",
         "Must be longer than heartbeat_interval_ms, or every quiet moment looks like a dead connection."});
  }
  if (!bound.Text("sslcert").empty() != !bound.Text("sslkey").empty()) {
    errors.push_back(
        {bound.Text("sslcert").empty() ? "sslcert" : "sslkey", "A client certificate needs both sslcert and sslkey."});
  }
  const std::string& sslmode = bound.Text("sslmode");
  if ((sslmode == "verify-ca" || sslmode == "verify-full") && bound.Text("sslrootcert").empty()) {
    errors.push_back(
        {"sslrootcert", "sslmode=" + sslmode + " needs the certificate of the authority that signed the server's."});
  }
  return errors;
}

}  // namespace headgate::mysql
