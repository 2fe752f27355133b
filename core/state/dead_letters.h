#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/result.h"
#include "core/log/store.h"
#include "core/model/change.h"

namespace headgate {

// A place in the order in which letters go out. Of two that have a lane in common the earlier goes first, unless both
// merely share it: a change has its key alone and shares its table, a truncate has the table alone.
struct LetterLane {
  std::string name;
  bool shared = false;

  bool operator==(const LetterLane&) const = default;
};

// A record that is kept outside the log until it is delivered or given up (webhooks, W3).
struct DeadLetter {
  // waiting: a next try is scheduled; parked: behind an earlier letter of its lane; dead: needs a person.
  enum class State : std::uint8_t { kWaiting, kParked, kDead, kRetrying };
  std::uint64_t id = 0;  // in its sink, from 1
  State state = State::kWaiting;
  std::string event_id;
  At at;
  std::string stream;
  std::string op;
  std::string key;                // the key as JSON text, "" if none
  std::vector<LetterLane> lanes;  // none: it waits for nothing
  std::string record;             // the change rendered as native JSON: the sink's own copy
  std::string body;               // what is sent; rendered once
  std::string headers;            // lines that are sent with it and belong to this record
  std::string content_type;
  std::string source_position;
  std::int64_t commit_us = 0;
  std::uint32_t attempts = 0;
  std::int64_t first_failed_us = 0;
  std::int64_t last_failed_us = 0;
  std::int64_t next_try_us = 0;  // 0: none
  std::string error_class;       // "status_5xx", "connect", "too_large", "render"
  int error_status = 0;
  std::string error_message;
  std::string request;               // request line and headers, secrets hidden
  std::string response;              // status line, headers, first 4 KiB
  std::vector<std::string> history;  // the last 10 attempts, one line each
};
std::string_view Name(DeadLetter::State state);
// True if one of the two has to wait for the other.
bool ShareALane(std::span<const LetterLane> a, std::span<const LetterLane> b);
inline constexpr std::size_t kLetterStates = 4;
using CountsByState = std::array<std::uint64_t, kLetterStates>;  // by state

// The letters of one sink. An index lives in memory; the letters themselves in the database. One thread at a time owns
// it (the sink's, or the supervisor's while the sink does not run); the static readers are for any thread.
class DeadLetters {
 public:
  static Result<std::unique_ptr<DeadLetters>> Open(const Store& store, std::string sink);

  // Adds to the batch and, at once, to the index: the caller writes the batch before it tells anybody.
  std::uint64_t Add(StoreBatch& batch, DeadLetter letter);
  void Update(StoreBatch& batch, const DeadLetter& letter);
  void Remove(StoreBatch& batch, std::uint64_t id);

  std::uint64_t bytes() const { return bytes_; }
  std::size_t size() const { return index_.size(); }
  // True if a stored letter is before what comes with these lanes.
  bool AreStored(std::span<const LetterLane> lanes) const;
  // The ids of the letters in front of what comes with these lanes, in order.
  std::vector<std::uint64_t> InFrontOf(std::span<const LetterLane> lanes) const;
  // The first letter, in order of ids, that is due at `now_us` and behind no letter: neither an earlier one nor one
  // that is being sent (`in_sink`). Nothing if there is none.
  std::optional<std::uint64_t> NextDue(std::int64_t now_us, const std::set<std::uint64_t>& in_sink) const;
  // When the next waiting letter is due; 0 if none waits.
  std::int64_t next_due_us() const;
  bool Contains(std::uint64_t id) const { return index_.contains(id); }

  // Any thread, from the database.
  // How many letters are in each state: kept beside them and written with each change, so it is exact after a crash and
  // costs one look-up.
  static Result<CountsByState> Counts(const Store& store, std::string_view sink);
  static Result<std::optional<DeadLetter>> Read(const Store& store, std::string_view sink, std::uint64_t id);
  // In order of ids; `newest_first` reverses. Stops when `visit` returns false.
  static Status Scan(const Store& store, std::string_view sink, std::uint64_t after_id, bool newest_first,
                     const std::function<bool(DeadLetter&&)>& visit);
  // Ids of the letters that go out before this one, in order: those it is behind, and those that these are behind.
  static Result<std::vector<std::uint64_t>> Earlier(const Store& store, std::string_view sink, std::uint64_t id);
  static void DeleteAll(StoreBatch& batch, std::string_view sink);

 private:
  struct Lane {
    std::uint64_t hash;
    bool shared;
  };
  struct Entry {
    DeadLetter::State state;
    std::vector<Lane> lanes;
    std::int64_t next_try_us;
    std::uint64_t bytes;
  };
  // How many have a lane: alone, and shared.
  struct Users {
    std::uint32_t alone = 0;
    std::uint32_t shared = 0;
  };
  using Taken = std::unordered_map<std::uint64_t, Users>;
  static bool IsBehind(const std::vector<Lane>& lanes, const Taken& taken);
  static void Take(const std::vector<Lane>& lanes, Taken& taken);
  explicit DeadLetters(std::string sink) : sink_(std::move(sink)) {}
  void Index(const DeadLetter& letter, std::uint64_t bytes);
  void Unindex(std::uint64_t id);
  void PutCounts(StoreBatch& batch) const;

  const std::string sink_;
  std::map<std::uint64_t, Entry> index_;
  Taken lanes_;  // by all letters
  std::uint64_t next_id_ = 1;
  std::uint64_t bytes_ = 0;
  CountsByState counts_{};
};

}  // namespace headgate
