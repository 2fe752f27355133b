#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace headgate::test {

// The rows a table must have, as JSON objects column -> value; see table_rows.h for how they are read.
struct TableRows {
  std::vector<std::string>
      key_columns;  // of the primary key; empty: the table has none and is compared as a bag of rows
  std::vector<nlohmann::json> rows;
};

// One text for values that mean the same, whatever their JSON type: 5 and "5", 1.50 and 1.5 in a document, an instant
// with Z or +00:00. NULL, which is "null" here, differs from the text null, which keeps its quotes.
std::string CanonicalValue(const nlohmann::json& value);

// The fold: events in native form go in, tables come out, and whatever a receiver was promised is checked on the way.
// An event that arrives again is counted and changes nothing. Not thread-safe.
class Fold {
 public:
  // A body of the webhook sink: one event, an array of events, or either in the envelope `standard` (member "data").
  void Accept(std::string_view body);

  // What must never happen, in order of arrival, at most 100 texts: one id with two contents, per-key order broken, a
  // body that is not an event. Empty is good.
  const std::vector<std::string>& violations() const { return violations_; }

  std::uint64_t events() const { return events_; }          // with duplicates
  std::uint64_t distinct() const { return ids_.size(); }    // ids seen
  std::uint64_t duplicates() const { return duplicates_; }  // ids seen again with the same content
  std::uint64_t gaps() const { return gaps_; }              // events of op "gap"
  const std::map<std::string, std::uint64_t>& by_op() const { return by_op_; }
  std::vector<std::string> streams() const;
  std::size_t rows(const std::string& stream) const;

  // What differs between the fold of the stream ("public.orders") and the table, at most `limit` texts. Empty: equal.
  std::vector<std::string> Difference(const std::string& stream, const TableRows& table, std::size_t limit = 20) const;

 private:
  // Where an event stands in its source: epoch, LSN, read before streamed, ordinal.
  using Place = std::tuple<std::uint64_t, std::uint64_t, int, std::uint64_t>;
  struct Row {
    Place place{};
    bool deleted = false;  // kept, so that an older event of the key is noticed
    nlohmann::json columns;
  };
  struct Stream {
    std::map<std::string, Row> rows;          // by canonical key
    std::map<std::string, std::int64_t> bag;  // without a key: how many rows of this content
    Place truncated{};                        // rows of older events are gone
  };

  void AcceptEvent(const nlohmann::json& event);
  void Apply(const nlohmann::json& event, const Place& place);
  void ApplyKeyed(Stream& stream, const nlohmann::json& event, const Place& place);
  static void ApplyBag(Stream& stream, const nlohmann::json& event);
  void Truncate(Stream& stream, const Place& place);
  bool InOrder(const Row& row, const Place& place, const nlohmann::json& event);
  void Violation(std::string text);

  std::unordered_map<std::string, std::uint64_t> ids_;  // id -> hash of the content
  std::map<std::string, Stream> streams_;
  std::map<std::string, std::uint64_t> by_op_;
  std::vector<std::string> violations_;
  std::uint64_t events_ = 0;
  std::uint64_t duplicates_ = 0;
  std::uint64_t gaps_ = 0;
};

}  // namespace headgate::test
