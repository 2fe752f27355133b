#include "sinks/search/options.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/config/secrets.h"
#include "core/pipeline/egress.h"
#include "core/pipeline/event_transforms.h"

namespace headgate::search {
namespace {

using config::HasPlaceholder;
using Json = nlohmann::json;

constexpr EnvelopeField kEnvelopeFields[] = {EnvelopeField::kEventId, EnvelopeField::kOp, EnvelopeField::kSeq,
                                             EnvelopeField::kCommitAt};

bool IsIndexCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

// The rules of the servers, for the alias and for the index behind it, which has a `-v1` more.
std::string_view WrongWithIndex(std::string_view name) {
  constexpr std::size_t kLongest = 240;  // of 255
  if (name.empty()) return "is empty";
  if (name.size() > kLongest) return "is longer than 240 bytes";
  if (!std::ranges::all_of(name, IsIndexCharacter)) return "may have only a-z, 0-9, -, _ and . in it";
  if (name.front() == '-' || name.front() == '_' || name.front() == '.') return "may not begin with -, _ or .";
  return "";
}

void Replace(std::string& text, std::string_view what, std::string_view with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

// Reads one component's settings, a group at a time.
class SearchSettings {
 public:
  explicit SearchSettings(const config::Bound& bound) : bound_(bound) {}

  ReadOptions Read() {
    ReadUrls();
    ReadSignIn();
    ReadIndex();
    ReadMapping();
    ReadDocuments();
    o_.timeout_ms = static_cast<int>(bound_.Int("timeout_ms"));
    o_.connect_timeout_ms = static_cast<int>(bound_.Int("connect_timeout_ms"));
    if (o_.timeout_ms > o_.gc_deletes_ms / 3)
      Fail("timeout_ms",
           "must be at most a third of gc_deletes_ms: a request that the server carries out later than it "
           "remembers a delete would bring the document back.");
    if (o_.rebuild_on_change && (o_.soft_delete || !o_.manage_index))
      Fail("on_schema_change",
           "rebuild needs manage_index=true and delete_mode=hard: documents that are marked as deleted have no rows "
           "that could be read again.");
    o_.batch_bytes_max = static_cast<std::size_t>(bound_.Int("batch_bytes_max"));
    o_.batch_docs_max = static_cast<std::size_t>(bound_.Int("batch_docs_max"));
    o_.batch_delay_max = Options::Ms(bound_.Int("batch_delay_ms_max"));
    o_.parallelism = static_cast<std::size_t>(bound_.Int("parallelism"));
    o_.gzip = bound_.Text("compression") == "gzip";
    o_.tls = ReadTls(bound_, out_.errors);
    ReadSinkTransforms(bound_, SinkTransforms::kAll, out_.errors);
    return std::move(out_);
  }

 private:
  void Fail(std::string_view key, std::string_view text) {
    out_.errors.push_back({std::string(key), "Setting \"" + std::string(key) + "\" " + std::string(text)});
  }
  bool Known(std::string_view key) const { return !bound_.Text(key).empty() && !HasPlaceholder(bound_.Text(key)); }

  void ReadUrls() {
    if (!Known("url")) return;
    for (const std::string& text : bound_.List("url")) {
      auto url = net::ParseUrl(text);
      if (!url.ok()) {
        out_.errors.push_back({"url", "Setting \"url\": " + url.error().what});
      } else if (url->target.find('?') != std::string::npos) {
        Fail("url", "may have no query: only a path that stands in front of the server's own.");
      } else {
        while (url->target.ends_with('/')) url->target.pop_back();
        o_.urls.push_back(*url);
      }
    }
    if (bound_.List("url").empty()) Fail("url", "names no server.");
  }

  void ReadSignIn() {
    const std::string& user = bound_.Text("auth_username");
    if (bound_.Text("auth") == "basic") {
      if (user.empty()) Fail("auth_username", "is missing: auth=basic needs it.");
      if (user.find(':') != std::string::npos) Fail("auth_username", "holds a colon, which Basic cannot carry.");
      o_.authorization = "Basic " + Base64(user + ":" + bound_.Text("auth_password"));
    } else if (bound_.Text("auth") == "bearer") {
      if (bound_.Text("auth_token").empty()) Fail("auth_token", "is missing: auth=bearer needs it.");
      o_.authorization = "Bearer " + bound_.Text("auth_token");
    }
  }

  void ReadIndex() {
    o_.index = bound_.Text("index");
    if (Known("index")) {
      const std::string_view wrong = WrongWithIndex(AliasOf(o_, "s", "s", "t"));
      if (!wrong.empty()) Fail("index", wrong);
    }
    o_.manage_index = bound_.Bool("manage_index");
    o_.dynamic = bound_.Text("dynamic");
    o_.refresh = bound_.Text("refresh");
    o_.gc_deletes_ms = bound_.Int("gc_deletes_ms");
    o_.rebuild_on_change = bound_.Text("on_schema_change") == "rebuild";
    o_.keep_old_ms = bound_.Int("keep_old_ms");
  }

  void ReadMapping() {
    for (const auto& [field, text] : bound_.WithPrefix("mapping.")) {
      const Json mapping = Json::parse(text, nullptr, false);
      if (mapping.is_object()) {
        const auto type = mapping.find("type");
        const bool named = type != mapping.end() && type->is_string();
        o_.mapping[field] = {named ? type->get<std::string>() : "object", mapping.dump()};
      } else if (!HasPlaceholder(text)) {
        Fail("mapping." + field, R"(must be a JSON object, such as {"type":"keyword"}.)");
      }
    }
    if (!Known("index_settings")) return;
    const Json settings = Json::parse(bound_.Text("index_settings"), nullptr, false);
    if (!settings.is_object())
      return Fail("index_settings", R"(must be a JSON object, such as {"number_of_shards":3}.)");
    const Json inner = settings.value("index", Json::object());
    if (settings.contains("gc_deletes") || settings.contains("index.gc_deletes") ||
        (inner.is_object() && inner.contains("gc_deletes")))
      return Fail("index_settings", "may not hold gc_deletes: that is the setting gc_deletes_ms.");
    o_.index_settings = settings.dump();
  }

  void ReadDocuments() {
    o_.key_columns = bound_.List("key_columns");
    o_.routing_column = bound_.Text("routing_column");
    o_.include = bound_.List("include");
    o_.exclude = bound_.List("exclude");
    for (const std::string& name : bound_.List("envelope_fields")) {
      const auto* const it = std::ranges::find_if(kEnvelopeFields, [&](EnvelopeField f) { return Name(f) == name; });
      if (it != std::end(kEnvelopeFields)) {
        o_.envelope_fields.push_back(*it);
      } else if (!HasPlaceholder(name)) {
        Fail("envelope_fields", "has \"" + name + "\": it may name _event_id, _op, _seq and _commit_at.");
      }
    }
    o_.write_nulls = bound_.Bool("write_nulls");
    o_.null_unrepresentable = bound_.Text("on_unrepresentable") == "null";
    o_.document_bytes_max = static_cast<std::size_t>(bound_.Int("document_bytes_max"));
    o_.soft_delete = bound_.Text("delete_mode") == "soft";
    const std::string& truncate = bound_.Text("on_truncate");
    using OnTruncate = Options::OnTruncate;
    o_.on_truncate = truncate == "stop"     ? OnTruncate::kStop
                     : truncate == "ignore" ? OnTruncate::kIgnore
                                            : OnTruncate::kDelete;
  }

  const config::Bound& bound_;
  ReadOptions out_;
  Options& o_ = out_.options;
};

}  // namespace

std::string_view Name(EnvelopeField field) {
  switch (field) {
    case EnvelopeField::kEventId:
      return "_event_id";
    case EnvelopeField::kOp:
      return "_op";
    case EnvelopeField::kSeq:
      return "_seq";
    case EnvelopeField::kCommitAt:
      return "_commit_at";
  }
  return "";
}

std::string AliasOf(const Options& options, std::string_view stream, std::string_view schema, std::string_view table) {
  std::string alias = options.index;
  Replace(alias, "${stream}", stream);
  Replace(alias, "${schema}", schema);
  Replace(alias, "${table}", table);
  for (char& c : alias) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!IsIndexCharacter(c)) c = '-';
  }
  return alias;
}

bool MatchesPattern(std::string_view text, std::string_view pattern) {
  std::size_t t = 0;
  std::size_t p = 0;
  std::size_t star = std::string_view::npos;  // the last one, and where its text begins
  std::size_t from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++from;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

ReadOptions Read(const config::Bound& bound) { return SearchSettings(bound).Read(); }

}  // namespace headgate::search
