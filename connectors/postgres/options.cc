#include "connectors/postgres/options.h"

#include <algorithm>

#include "core/base/encoding.h"
#include "core/transform/column_options.h"

namespace headgate::postgres {
namespace {

constexpr std::size_t kNameMax = 63;  // NAMEDATALEN - 1

bool IsSlotName(std::string_view name) {
  return !name.empty() && name.size() <= kNameMax &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool HoldsPlaceholder(std::string_view text) { return text.find("${") != std::string_view::npos; }

// FNV-1a: only has to tell names apart that became the same when they were cut.
std::uint32_t HashOf(std::string_view text) {
  std::uint32_t h = 2166136261U;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 16777619U;
  return h;
}

std::size_t Size(const config::Bound& bound, std::string_view key) { return static_cast<std::size_t>(bound.Int(key)); }
std::chrono::milliseconds Millis(const config::Bound& bound, std::string_view key) {
  return std::chrono::milliseconds(bound.Int(key));
}

void CheckTablePatterns(const config::Bound& bound, std::string_view key, std::ptrdiff_t dots, std::string_view form,
                        std::string_view example, std::vector<config::KeyError>& errors) {
  for (const std::string& item : bound.List(key)) {
    if (HoldsPlaceholder(item) || std::ranges::count(item, '.') >= dots) continue;
    errors.push_back({std::string(key), "'" + item + "' is not of the form " + std::string(form) + ". Write it like " +
                                            std::string(example) + "."});
  }
}

}  // namespace

std::string DefaultObjectName(std::string_view connector) {
  std::string name = "headgate_";
  for (const char c : connector) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    name += letter ? c : (c >= 'A' && c <= 'Z') ? static_cast<char>(c + 32) : '_';
  }
  if (name.size() > kNameMax) name = name.substr(0, kNameMax - 9) + "_" + Hex16(HashOf(connector)).substr(8);
  return name;
}

Options MakeOptions(const std::string& name, const config::Bound& bound) {
  Options o;
  o.name = name;
  o.host = bound.Text("host");
  o.port = bound.Text("port");
  o.dbname = bound.Text("dbname");
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
  o.publication_mode = bound.Text("publication_mode") == "check" ? PublicationMode::kCheck : PublicationMode::kManage;
  o.slot_name = bound.Text("slot_name").empty() ? DefaultObjectName(name) : bound.Text("slot_name");
  o.publication_name =
      bound.Text("publication_name").empty() ? DefaultObjectName(name) : bound.Text("publication_name");
  o.messages_prefixes = bound.List("messages_prefixes");
  o.connect_timeout = Millis(bound, "connect_timeout_ms");
  o.status_interval = Millis(bound, "status_interval_ms");
  o.stale_after = Millis(bound, "stale_after_ms");
  o.snapshot_workers = Size(bound, "snapshot_workers");
  o.transaction_memory_max = Size(bound, "transaction_memory_max");
  o.batch_bytes_max = Size(bound, "batch_bytes_max");
  return o;
}

std::vector<config::KeyError> CheckOptions(const config::Bound& bound) {
  std::vector<config::KeyError> errors;
  const std::string& slot = bound.Text("slot_name");
  if (!slot.empty() && !HoldsPlaceholder(slot) && !IsSlotName(slot)) {
    errors.push_back({"slot_name", "A replication slot's name has only a-z, 0-9 and _, at most 63 of them."});
  }
  const std::string& publication = bound.Text("publication_name");
  if (publication.size() > kNameMax && !HoldsPlaceholder(publication)) {
    errors.push_back({"publication_name", "A publication's name has at most 63 bytes."});
  }
  CheckTablePatterns(bound, "tables", 1, "schema.table", "public.*", errors);
  CheckTablePatterns(bound, "tables_exclude", 1, "schema.table", "public.audit_*", errors);
  CheckTablePatterns(bound, "columns_exclude", 2, "schema.table.column", "public.users.password_hash", errors);
  ReadColumnRules(bound, TransformPlace::kSource, errors);
  if (bound.Int("stale_after_ms") <= bound.Int("status_interval_ms")) {
    errors.push_back({"stale_after_ms",
                      "Must be longer than status_interval_ms, or every quiet moment looks like a dead connection."});
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

}  // namespace headgate::postgres
