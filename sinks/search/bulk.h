#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Bodies and answers of POST /_bulk (search.md 1, 2, 4). Pure.
namespace headgate::search {

// Appends the lines of one write. The version goes with it (Q8, Q9): the server takes only what is newer.
void AppendIndex(std::string& body, std::string_view alias, std::string_view id, std::uint64_t version,
                 std::string_view source);
void AppendDelete(std::string& body, std::string_view alias, std::string_view id, std::uint64_t version);

// The alias that the first of such lines is for; "" if they are none.
std::string AliasIn(std::string_view lines);

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

// What the status of a whole request means.
enum class RequestVerdict : std::uint8_t { kItems, kSmaller, kConfigure, kRetry };
RequestVerdict JudgeRequest(int status);

}  // namespace headgate::search
