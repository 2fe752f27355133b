#include "sinks/search/spec.h"

#include "core/config/option_builders.h"
#include "core/pipeline/event_transforms.h"

namespace headgate::search {
namespace {

using config::Choice;
using config::Defaulted;
using config::Number;
using config::Option;
using config::Optional;
using config::OptionType;
using config::Required;
using config::WithExample;

std::vector<Option> ServerOptions() {
  constexpr std::string_view kGroup = "Server";
  Option url = Required("url", OptionType::kString, kGroup, "Address",
                        "Where the server answers: http or https, host, port, and a path in front of the server's own "
                        "if there is one. Several, separated by commas, are tried in turn when one fails.",
                        "https://search-1.example.com:9200,https://search-2.example.com:9200");
  url.secret_target = true;
  return {
      std::move(url),
      Choice("auth", "none", {"none", "basic", "bearer"}, kGroup, "Authentication", "How requests sign in."),
      Optional("auth_username", OptionType::kString, kGroup, "User", "For auth=basic."),
      Optional("auth_password", OptionType::kPassword, kGroup, "Password", "For auth=basic."),
      Optional("auth_token", OptionType::kPassword, kGroup, "Token", "For auth=bearer."),
      Number("timeout_ms", "60000", 1, 3'600'000, kGroup, "Timeout", "Longest time of a whole request."),
      Number("connect_timeout_ms", "5000", 1, 600'000, kGroup, "Connect timeout",
             "Longest time of the look-up and the connect."),
      Defaulted("tls_verify", OptionType::kBoolean, "true", kGroup, "Verify TLS",
                "Whether the certificate and the host name are verified."),
      Defaulted("tls_ca_file", OptionType::kString, "system", kGroup, "CA file",
                "PEM file of the CAs to trust instead of the system's."),
      Optional("tls_cert_file", OptionType::kString, kGroup, "Client certificate",
               "PEM file of the client certificate, the leaf first."),
      Optional("tls_key_file", OptionType::kString, kGroup, "Client key", "PEM file of the client certificate's key."),
  };
}

std::vector<Option> IndexOptions() {
  constexpr std::string_view kGroup = "Index";
  return {
      WithExample(
          Defaulted("index", OptionType::kString, "${table}", kGroup, "Index",
                    "The alias that readers use, with ${table}, ${schema} or ${stream} for the names of the "
                    "stream. The documents lie in an index of that name and -v1, which is made from the schema."),
          "orders"),
      Defaulted(
          "manage_index", OptionType::kBoolean, "true", kGroup, "Make the index",
          "Whether the index is made and gets its fields from here. If not, `index` names an index or alias that is "
          "there already, and its mapping has to fit."),
      Choice("dynamic", "strict", {"strict", "false"}, kGroup, "Dynamic mapping",
             "What the index does with fields that it does not know. The setting mapping.<field>, a JSON object, says "
             "what "
             "a field is instead of what its column's type makes it, or adds a field that no column has."),
      WithExample(Optional("index_settings", OptionType::kString, kGroup, "Index settings",
                           "Settings of the index when it is made, as a JSON object."),
                  R"({"number_of_shards":3})"),
      Number("gc_deletes_ms", "900000", 60'000, 86'400'000, kGroup, "Tombstones",
             "How long the server remembers deleted documents. At least three times timeout_ms."),
      Choice("on_schema_change", "stop", {"stop", "rebuild"}, kGroup, "On another type",
             "What happens when a column or a mapping.<field> needs another type than its field has: the sink stops, "
             "or it makes the index anew, which takes the place of the old one."),
      Number("keep_old_ms", "86400000", 0, 31'536'000'000, kGroup, "Old index",
             "How long an index is kept whose place a rebuilt one has taken."),
  };
}

std::vector<Option> DocumentOptions() {
  constexpr std::string_view kGroup = "Documents";
  return {
      Optional("key_columns", OptionType::kList, kGroup, "Key columns",
               "The columns that make the id of a document, instead of the key of the stream. Unless they are part of "
               "it, updates and deletes have to bring the whole old row (REPLICA IDENTITY FULL)."),
      Optional(
          "routing_column", OptionType::kString, kGroup, "Routing column",
          "The column whose value routes a document to its shard. Unless it is part of the key, updates and deletes "
          "have to bring the whole old row."),
      WithExample(
          Optional("include", OptionType::kList, kGroup, "Columns",
                   "Names and patterns (* and ?) of the columns that documents have; all if it is empty. Columns "
                   "of the id are always there."),
          "id,name,address_*"),
      Optional("exclude", OptionType::kList, kGroup, "Columns left out", "Names and patterns that take away again."),
      WithExample(Optional("envelope_fields", OptionType::kList, kGroup, "Fields about the change",
                           "Any of _event_id, _op, _seq and _commit_at: documents have them beside the columns."),
                  "_op,_commit_at"),
      Defaulted("write_nulls", OptionType::kBoolean, "false", kGroup, "Write nulls",
                "Whether NULL is written as null instead of leaving the field out."),
      Choice("on_unrepresentable", "dead_letter", {"dead_letter", "null"}, kGroup, "Values that no field takes",
             "What a NaN, an infinity, or a date outside of the years 1 to 9999 leads to: a dead letter, or a document "
             "without that value."),
      Choice(
          "delete_mode", "hard", {"hard", "soft"}, kGroup, "Deletes",
          "hard removes documents. soft writes them again with the field deleted_at; deletes have to bring the whole "
          "old row then."),
      Choice("on_truncate", "delete", {"delete", "ignore", "stop"}, kGroup, "On truncate",
             "What a TRUNCATE leads to: deleting every document of the index, nothing, or a stop of the sink."),
      Number("document_bytes_max", "10485760", 1, 100 << 20, kGroup, "Document, bytes",
             "A larger document becomes a dead letter."),
  };
}

std::vector<Option> DeliveryOptions() {
  constexpr std::string_view kGroup = "Delivery";
  return {
      Number("batch_docs_max", "2000", 1, 100'000, kGroup, "Batch, documents", "Most documents in a request."),
      Number("batch_bytes_max", "5242880", 1, 100 << 20, kGroup, "Batch, bytes",
             "Most bytes of a request before compression; a larger document goes alone."),
      Number("batch_delay_ms_max", "200", 0, 60'000, kGroup, "Batch, delay",
             "How long a document waits for others of its request while another is under way; a fifth of it while none "
             "is."),
      Number("parallelism", "2", 1, 64, kGroup, "Parallelism",
             "Most requests under way at a time; never two with the same document."),
      Choice("compression", "gzip", {"gzip", "none"}, kGroup, "Compression", "Compression of requests."),
      Choice("refresh", "false", {"false", "true", "wait_for"}, kGroup, "Refresh",
             "Whether a request waits until searches see it; for tests and small tables."),
  };
}

config::ComponentSpec Make() {
  config::ComponentSpec spec{"SearchSink", {"search"}, config::ComponentKind::kSink, {}, {"mapping."}};
  for (auto* group : {&ServerOptions, &IndexOptions, &DocumentOptions, &DeliveryOptions}) {
    for (Option& option : group()) spec.options.push_back(std::move(option));
  }
  for (Option& option : SinkTransformSpec(SinkTransforms::kAll)) spec.options.push_back(std::move(option));
  return spec;
}

}  // namespace

const config::ComponentSpec& Spec() {
  static const config::ComponentSpec spec = Make();
  return spec;
}

}  // namespace headgate::search
