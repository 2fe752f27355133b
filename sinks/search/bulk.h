#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sinks/search/document.h"

// Bodies and answers of POST /_bulk (search.md 1, 2, 4). Pure.
namespace headgate::search {

// Appends the lines of one write. The version goes with it (Q8, Q9): the server takes only what is newer.
void AppendWrite(std::string& body, std::string_view alias, std::uint64_t version, const Document& document);

// The first write in such lines, as they are kept in a dead letter; nothing if there is none.
struct Write {
  std::string alias;
  std::uint64_t version = 0;
  Document document;
};
std::optional<Write> ReadWrite(std::string_view lines);

// What an answer for one document means.
enum class Verdict : std::uint8_t {
  kDone,
  kStale,      // the server has it, or a newer one (Q13): as good as done
  kData,       // this document will never go in: a dead letter
  kConfigure,  // the index is not as it should be: a person has to change something, no document is to blame
  kPressure,   // too much at once: this document again, and fewer in a request
  kBlocked,    // the index takes no writes at present, such as for want of disk
  kTransient,
};

struct ItemResult {
  int status = 0;
  bool removal = false;
  bool has_error = false;
  std::string type;
  std::string reason;

  std::string Text() const { return type + ": " + reason; }
};
Verdict JudgeItem(const ItemResult& item);

// The results in the order of the request; nothing if the answer cannot be read or has another number of them (Q5).
std::optional<std::vector<ItemResult>> ParseBulk(std::string_view body, std::size_t items);

// "type: reason" of an answer that is an error as a whole; its first bytes if it is no such thing.
std::string ReasonOf(std::string_view body);

// What the answer to a whole request means.
enum class RequestVerdict : std::uint8_t { kItems, kSmaller, kConfigure, kBlocked, kRetry };
RequestVerdict JudgeRequest(int status, std::string_view body);

}  // namespace headgate::search
