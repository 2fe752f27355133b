#include "sinks/search/document.h"

#include "core/codec/json_text.h"
#include "core/net/digest.h"

namespace headgate::search {
namespace {

constexpr std::size_t kIdBytesMax = 512;  // of the servers

// The value as text of its own: what JSON has in quotes without them.
std::string PlainText(const Value& value, const DataType& type) {
  if (value.kind == ValueKind::kText) return std::string(value.text);
  std::string json;
  if (!codec::AppendNativeValue(json, value, type, {})) return {};
  if (json.size() >= 2 && json.front() == '"') return json.substr(1, json.size() - 2);
  return json;
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

const DocumentEncoder::Shape& DocumentEncoder::ShapeOf(const Event& event) {
  auto& shape = shapes_[std::uint64_t{event.change->stream} << 32 | event.change->schema];
  if (shape == nullptr) {
    shape = std::make_unique<Shape>();
    shape->fields = FieldsOf(*event.schema, product_);
    shape->key = event.schema->EventKey();
  }
  return *shape;
}

bool DocumentEncoder::IdOf(const Event& event, const Shape& shape, const std::vector<Value>& row, std::string& id) {
  std::vector<std::string> parts;
  for (const std::size_t column : shape.key) {
    if (column >= row.size() || row[column].is_absent() || row[column].is_null()) return false;
    parts.push_back(PlainText(row[column], event.schema->columns[column].type));
  }
  id = DocumentId(parts);
  return true;
}

Status DocumentEncoder::Source(const Event& event, const Shape& shape, Documents& out, std::string& source) {
  source = "{";
  for (std::size_t i = 0; i < shape.fields.size() && i < after_.size(); ++i) {
    const Field& field = shape.fields[i];
    const Value& value = after_[i];
    if (value.is_null()) continue;
    if (value.is_absent()) {
      out.error_class = "render";
      out.error = "the database did not send column " + field.name +
                  ", which did not change. Set its table to REPLICA IDENTITY FULL, or the row image to FULL.";
      return Ok();
    }
    if (source.size() > 1) source.push_back(',');
    codec::AppendJsonString(source, field.name);
    source.push_back(':');
    const std::size_t start = source.size();
    if (!codec::AppendNativeValue(source, value, event.schema->columns[i].type, field.rendering))
      return Corrupt("a stored row has a malformed value");
    if (field.wraps && source[start] != '{') source.insert(start, "{\"value\":").push_back('}');
  }
  source.push_back('}');
  if (source.size() > document_bytes_max_) {
    out.error_class = "too_large";
    out.error = "the document has " + std::to_string(source.size()) + " bytes, document_bytes_max allows " +
                std::to_string(document_bytes_max_);
  }
  return Ok();
}

Status DocumentEncoder::Encode(const Event& event, Documents& out) {
  out.documents.clear();
  out.error_class = {};
  const Change& change = *event.change;
  const Shape& shape = ShapeOf(event);
  if (shape.key.empty()) {
    return ConfigError("Stream " + std::string(event.stream->name) +
                       " has no key, so its rows cannot be documents. Give the table a primary key, or deliver a view "
                       "that has one.");
  }
  if (change.has_before) HG_RETURN_IF_ERROR(ReadRow(change.before, before_));
  if (change.has_after) HG_RETURN_IF_ERROR(ReadRow(change.after, after_));
  std::string old_id;
  std::string id;
  const bool had = change.has_before && IdOf(event, shape, before_, old_id);
  if (change.op == Op::kDelete) {
    if (!had) return Corrupt("a delete does not say which row it is about");
    out.documents.push_back({true, std::move(old_id), {}});
    return Ok();
  }
  if (!change.has_after || !IdOf(event, shape, after_, id))
    return Corrupt("a change does not say which row it is about");
  if (had && old_id != id) out.documents.push_back({true, std::move(old_id), {}});
  Document& document = out.documents.emplace_back();
  document.id = std::move(id);
  return Source(event, shape, out, document.source);
}

}  // namespace headgate::search
