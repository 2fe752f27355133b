#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/pipeline/sink.h"
#include "sinks/search/mapping.h"

// Changes as documents (search.md 6). Pure.
namespace headgate::search {

// The text of a key as `_id` (Q25): different keys never meet.
std::string DocumentId(std::span<const std::string> parts);

// One write to a document.
struct Document {
  bool remove = false;
  std::string id;
  std::string source;  // JSON; "" of a removal
};

struct Documents {
  std::vector<Document> documents;  // none: the change is about no document; two: its key has changed
  std::string_view error_class;     // set if the change cannot be written: "render", "too_large"
  std::string error;
};

// For one thread.
class DocumentEncoder {
 public:
  DocumentEncoder(Product product, std::size_t document_bytes_max)
      : product_(product), document_bytes_max_(document_bytes_max) {}

  // The event's schema is set. Overwrites `out`. kConfig if the stream has no key (Q26), kCorrupt if the log is
  // damaged.
  Status Encode(const Event& event, Documents& out);
  const std::vector<Field>& FieldsFor(const Event& event) { return ShapeOf(event).fields; }

 private:
  struct Shape {
    std::vector<Field> fields;     // by column
    std::vector<std::size_t> key;  // columns
  };
  const Shape& ShapeOf(const Event& event);
  // False if it is not in the row.
  bool IdOf(const Event& event, const Shape& shape, const std::vector<Value>& row, std::string& id);
  Status Source(const Event& event, const Shape& shape, Documents& out, std::string& source);

  const Product product_;
  const std::size_t document_bytes_max_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Shape>> shapes_;  // by stream and schema version
  std::vector<Value> before_;
  std::vector<Value> after_;
};

}  // namespace headgate::search
