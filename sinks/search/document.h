#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/pipeline/sink.h"
#include "sinks/search/mapping.h"

// Changes as documents (search.md 3, 6). Pure.
namespace headgate::search {

// The text of a key as `_id` (Q25): different keys never meet.
std::string DocumentId(std::span<const std::string> parts);

// One write to a document.
struct Document {
  bool remove = false;
  bool done = false;  // for whoever sends it
  std::string id;
  std::string routing;  // "" if none
  std::string source;   // JSON; "" of a removal
  bool next = false;    // to the index that takes the place of the one that is read (rebuild.h)
};

struct Documents {
  // In the order in which they are to be sent. Two: the key or the routing has changed.
  std::vector<Document> documents;
  // Set if the new state cannot be written: "render", "unrepresentable", "too_large". What is left of `documents` is
  // the end of the old one.
  std::string_view error_class;
  std::string error;
};

// For one thread.
class DocumentEncoder {
 public:
  // They must outlive it.
  explicit DocumentEncoder(const Options& options) : options_(options) {}

  // The layout is of the event's schema. Overwrites `out`. kCorrupt if the log is damaged.
  Status Encode(const Event& event, const Layout& layout, Documents& out);

 private:
  // Where a row's document lies.
  struct Place {
    std::string id;
    std::string routing;
    bool operator==(const Place&) const = default;
  };
  enum class Found : std::uint8_t { kYes, kAbsent, kNull };
  static Found PlaceOf(const Event& event, const Layout& layout, const std::vector<Value>& row, Place& place);
  Status EncodeRemoval(const Event& event, const Layout& layout, Documents& out);
  // The old document is gone: it is removed, or marked.
  Status Retire(const Event& event, const Layout& layout, Place place, Documents& out);
  Status Source(const Event& event, const Layout& layout, const std::vector<Value>& row, bool deleted, Documents& out,
                std::string& source);
  void AppendOthers(const Event& event, bool deleted, std::string& source);

  const Options& options_;
  std::vector<Value> before_;
  std::vector<Value> after_;
};

// `at` as the field deleted_at of a document, without a comma.
void AppendDeletedAt(std::string& out, std::int64_t unix_us);

}  // namespace headgate::search
