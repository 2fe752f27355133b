#include "sinks/search/document.h"

#include <algorithm>

#include "core/codec/json_text.h"
#include "core/codec/time_text.h"
#include "core/net/digest.h"

namespace headgate::search {
namespace {

constexpr std::size_t kIdBytesMax = 512;  // of the servers
constexpr std::string_view kOldRowUnknown =
    "the database did not send what the id or the routing of the old document is made of. Set the table to REPLICA "
    "IDENTITY FULL, or the row image to FULL, and read the table again.";

// The value as text of its own: what JSON has in quotes without them.
std::string PlainText(const Value& value, const DataType& type) {
  if (value.kind == ValueKind::kText) return std::string(value.text);
  std::string json;
  if (!codec::AppendNativeValue(json, value, type, {})) return {};
  if (json.size() >= 2 && json.front() == '"') return json.substr(1, json.size() - 2);
  return json;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Of every text in quotes: 2026-03-04..., in the years that a date field has. MySQL's zeros are no months or days.
bool AreDates(std::string_view json) {
  constexpr std::size_t kDate = 10;
  for (std::size_t at = json.find('"'); at != std::string_view::npos;) {
    const std::string_view text = json.substr(at + 1, kDate);
    if (text.size() < kDate || !std::all_of(text.begin(), text.begin() + 4, IsDigit) || text[4] != '-') return false;
    if (text.substr(0, 4) == "0000" || text.substr(5, 2) == "00" || text.substr(8, 2) == "00") return false;
    const std::size_t end = json.find('"', at + 1);
    at = end == std::string_view::npos ? end : json.find('"', end + 1);
  }
  return true;
}

bool Fits(std::string_view json, Field::Takes takes) {
  if (takes == Field::Takes::kAny) return true;
  if (json.front() == '{') return false;
  if (takes == Field::Takes::kDate) return AreDates(json);
  if (takes == Field::Takes::kPlain || json.find('"') == std::string_view::npos) return true;
  return json.find("\"NaN\"") == std::string_view::npos && json.find("Infinity\"") == std::string_view::npos;
}

void Refuse(Documents& out, std::string_view error_class, std::string error) {
  out.error_class = error_class;
  out.error = std::move(error);
}

}  // namespace

std::string DocumentId(std::span<const std::string> parts) {
  std::string id;
  for (const std::string& part : parts) {
    if (&part != parts.data()) id.push_back('|');
    if (parts.size() == 1) {
      id = part;
      break;
    }
    for (const char c : part) {
      if (c == '%') {
        id += "%25";
      } else if (c == '|') {
        id += "%7C";
      } else {
        id.push_back(c);
      }
    }
  }
  return id.size() <= kIdBytesMax ? id : "sha256:" + net::Sha256Hex(id);
}

void AppendDeletedAt(std::string& out, std::int64_t unix_us) {
  codec::AppendJsonString(out, kDeletedAt);
  out += ":\"";
  codec::AppendUnixUtc(out, unix_us);
  out.push_back('"');
}

DocumentEncoder::Found DocumentEncoder::PlaceOf(const Event& event, const Layout& layout, const std::vector<Value>& row,
                                                Place& place) {
  const auto text_of = [&](std::size_t column) { return PlainText(row[column], event.schema->columns[column].type); };
  const auto is_absent = [&](std::size_t column) { return column >= row.size() || row[column].is_absent(); };
  if (std::ranges::any_of(layout.key, is_absent) || (layout.routing && is_absent(*layout.routing)))
    return Found::kAbsent;
  std::vector<std::string> parts;
  for (const std::size_t column : layout.key) {
    if (row[column].is_null()) return Found::kNull;
    parts.push_back(text_of(column));
  }
  place.id = DocumentId(parts);
  place.routing = !layout.routing || row[*layout.routing].is_null() ? std::string() : text_of(*layout.routing);
  return Found::kYes;
}

void DocumentEncoder::AppendOthers(const Event& event, bool deleted, std::string& source) {
  const auto begin = [&](std::string_view name) {
    if (source.size() > 1) source.push_back(',');
    codec::AppendJsonString(source, name);
    source.push_back(':');
  };
  for (const EnvelopeField field : options_.envelope_fields) {
    begin(Name(field));
    if (field == EnvelopeField::kSeq) {
      codec::AppendUint(source, event.at.seq);
      continue;
    }
    std::string text;
    if (field == EnvelopeField::kEventId) {
      text = EventId(event.source->id, event.tx->epoch, event.tx->position, event.change->ordinal);
    } else if (field == EnvelopeField::kOp) {
      text = Name(event.change->op);
    } else {
      codec::AppendUnixUtc(text, event.tx->commit_us);
    }
    codec::AppendJsonString(source, text);
  }
  if (!deleted) return;
  if (source.size() > 1) source.push_back(',');
  AppendDeletedAt(source, event.tx->commit_us);
}

Status DocumentEncoder::Source(const Event& event, const Layout& layout, const std::vector<Value>& row, bool deleted,
                               Documents& out, std::string& source) {
  source = "{";
  for (const Field& field : layout.fields) {
    if (field.column >= row.size()) continue;
    const Value& value = row[field.column];
    if (value.is_null() && !options_.write_nulls) continue;
    if (value.is_absent()) {
      Refuse(out, "render",
             "the database did not send column " + field.name +
                 (deleted ? " of the old row" : ", which did not change") +
                 ". Set its table to REPLICA IDENTITY FULL, or the row image to FULL.");
      return Ok();
    }
    const std::size_t begin = source.size();
    if (begin > 1) source.push_back(',');
    source += field.head;
    const std::size_t start = source.size();
    if (!codec::AppendNativeValue(source, value, event.schema->columns[field.column].type, field.rendering))
      return Corrupt("a stored row has a malformed value");
    if (!value.is_null() && !Fits(std::string_view(source).substr(start), field.takes)) {
      if (!options_.null_unrepresentable) {
        Refuse(out, "unrepresentable",
               "column " + field.name + " has a value that a field of type " + field.type +
                   " cannot hold. Set on_unrepresentable=null to leave such values out, or mapping." + field.name +
                   " to another type.");
        return Ok();
      }
      source.resize(options_.write_nulls ? start : begin);
      if (options_.write_nulls) source += "null";
      continue;
    }
    if (field.wraps && !value.is_null() && source[start] != '{') source.insert(start, "{\"value\":").push_back('}');
  }
  AppendOthers(event, deleted, source);
  source.push_back('}');
  if (source.size() > options_.document_bytes_max) {
    Refuse(out, "too_large",
           "the document has " + std::to_string(source.size()) + " bytes, document_bytes_max allows " +
               std::to_string(options_.document_bytes_max));
  }
  return Ok();
}

Status DocumentEncoder::Retire(const Event& event, const Layout& layout, Place place, Documents& out) {
  Document document;
  document.remove = !options_.soft_delete;
  if (!document.remove) HG_RETURN_IF_ERROR(Source(event, layout, before_, true, out, document.source));
  if (!out.error_class.empty()) return Ok();
  document.id = std::move(place.id);
  document.routing = std::move(place.routing);
  out.documents.push_back(std::move(document));
  return Ok();
}

Status DocumentEncoder::EncodeRemoval(const Event& event, const Layout& layout, Documents& out) {
  Place place;
  const Found found = event.change->has_before ? PlaceOf(event, layout, before_, place) : Found::kAbsent;
  if (found == Found::kYes) return Retire(event, layout, std::move(place), out);
  if (found == Found::kNull) return Ok();  // it never was a document
  if (layout.told_by_key) return Corrupt("a delete does not say which row it is about");
  Refuse(out, "render", std::string(kOldRowUnknown));
  return Ok();
}

Status DocumentEncoder::Encode(const Event& event, const Layout& layout, Documents& out) {
  out.documents.clear();
  out.error_class = {};
  const Change& change = *event.change;
  if (change.has_before) HG_RETURN_IF_ERROR(ReadRow(change.before, before_));
  if (change.has_after) HG_RETURN_IF_ERROR(ReadRow(change.after, after_));
  if (change.op == Op::kDelete) return EncodeRemoval(event, layout, out);
  Place old_place;
  Place place;
  const Found found = change.has_after ? PlaceOf(event, layout, after_, place) : Found::kAbsent;
  if (found != Found::kYes && layout.told_by_key) return Corrupt("a change does not say which row it is about");
  if (found != Found::kYes) {
    Refuse(out, "render",
           found == Found::kNull ? "a column of key_columns is NULL, which makes no id."
                                 : "the database did not send a column of the id or the routing.");
    return Ok();
  }
  const Found old = change.has_before ? PlaceOf(event, layout, before_, old_place) : Found::kAbsent;
  if (change.op == Op::kUpdate && old == Found::kAbsent && !layout.told_by_key) {
    Refuse(out, "render", std::string(kOldRowUnknown));
    return Ok();
  }
  const bool moved = old == Found::kYes && !(old_place == place);
  const bool same_id = old_place.id == place.id;
  if (moved && !same_id) HG_RETURN_IF_ERROR(Retire(event, layout, old_place, out));
  if (!out.error_class.empty()) return Ok();
  std::string source;
  HG_RETURN_IF_ERROR(Source(event, layout, after_, false, out, source));
  if (!out.error_class.empty()) return Ok();
  out.documents.push_back({false, false, std::move(place.id), std::move(place.routing), std::move(source)});
  // Behind it: if both routings lead to one shard, the removal finds its own version there and does nothing (Q28).
  if (moved && same_id)
    out.documents.push_back({true, false, std::move(old_place.id), std::move(old_place.routing), {}});
  return Ok();
}

}  // namespace headgate::search
