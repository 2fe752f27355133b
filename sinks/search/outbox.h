#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "sinks/search/entry.h"

namespace headgate::search {

// What waits to be sent, in the order of the log, and what is under way. Two requests never have a document in common,
// and no change overtakes an earlier one of its document (search.md Q3, Q15). Pure.
class Outbox {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A write of a request.
  struct Sent {
    Entry* entry = nullptr;
    std::size_t document = 0;
    std::optional<std::size_t> behind;  // not sent itself: a later one to the same place is (Q4)
  };
  // By what tells documents apart; the views point into entries.
  struct Id {
    const IndexSetup* target = nullptr;
    std::string_view id;
    bool next = false;
    bool operator==(const Id&) const = default;
  };
  struct IdHash {
    std::size_t operator()(const Id& id) const {
      return std::hash<std::string_view>()(id.id) ^ std::hash<const void*>()(id.target) ^ (id.next ? 1 : 0);
    }
  };
  struct Request {
    Time at;
    std::vector<std::unique_ptr<Entry>> entries;
    std::vector<Sent> sent;
    std::unordered_set<Id, IdHash> ids;
    std::uint64_t newest = 0;  // version
  };

  void Add(std::unique_ptr<Entry> entry);        // behind all
  void AddLetter(std::unique_ptr<Entry> entry);  // before all but a truncation at the front

  std::size_t size() const { return waiting_.size() + under_way_entries_; }
  std::size_t bytes() const { return waiting_bytes_ + under_way_bytes_; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t waiting_bytes() const { return waiting_bytes_; }
  Entry* first() const { return waiting_.empty() ? nullptr : waiting_.front().get(); }  // that waits
  std::size_t requests() const { return requests_.size(); }
  std::optional<std::int64_t> oldest_commit_us() const;  // letters do not count

  // From the front what may go together now, as a request under way; nullptr if that is nothing. A truncation lets
  // nothing past it.
  const Request* Take(std::uint64_t number, std::size_t entries_max, std::size_t bytes_max, Time now);
  Request* Find(std::uint64_t number);
  // It is over: what is settled is gone, the rest waits again where it stood.
  void End(std::uint64_t number);
  // Documents of the next index are not sent any more; what waits only for them is given back.
  std::vector<std::unique_ptr<Entry>> ForgetNext();
  // What waits for this index waits for the next one instead.
  void MoveToNext(const IndexSetup* target);
  // The first that waits is over.
  void DropFirst();

 private:
  bool MayGo(const Entry& entry, const std::unordered_set<Id, IdHash>& behind, const Request& request) const;
  static void Append(Request& request, Entry& entry);
  static void Fold(Request& request);

  std::deque<std::unique_ptr<Entry>> waiting_;
  std::map<std::uint64_t, Request> requests_;  // by number
  std::size_t waiting_bytes_ = 0;
  std::size_t under_way_bytes_ = 0;
  std::size_t under_way_entries_ = 0;
  std::uint64_t last_order_ = 0;
};

}  // namespace headgate::search
