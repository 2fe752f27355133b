#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/pipeline/retry.h"
#include "core/pipeline/sink.h"

// Events, a clock and a deliver loop for tests of sinks without a server and without real time.
namespace headgate {

// Events of the table public.orders (id bigint key, status text, city text) and of public.notes, which has no key.
class SampleEvents {
 public:
  enum Table { kOrders = 1, kNotes = 2 };

  SampleEvents() {
    source_ = {1, "shop", "shop", "postgresql"};
    for (const auto& [number, name] : {std::pair{1u, "orders"}, std::pair{2u, "notes"}}) {
      streams_[number] = {number, std::string("shop.public.") + name, 1, "public", name};
      TableSchema& schema = schemas_[number];
      schema.database = "shop";
      schema.schema = "public";
      schema.table = name;
      schema.columns = {Of("id", TypeKind::kInt64, "bigint", number == 1 ? 1 : 0),
                        Of("status", TypeKind::kText, "text", 0), Of("city", TypeKind::kText, "text", 0)};
    }
  }

  // Each call starts a transaction of its own, at the next seq. The event holds until the next call.
  Event Insert(std::int64_t id, std::string_view status = "open", Table table = kOrders) {
    Begin(Op::kInsert, table);
    Row(RowImage::kAfter, id, status);
    return End();
  }
  Event Update(std::int64_t id, std::string_view status = "paid", std::optional<std::int64_t> old_id = {}) {
    Begin(Op::kUpdate, kOrders);
    if (old_id) IdentityRow(*old_id);
    Row(RowImage::kAfter, id, status);
    return End();
  }
  // The same without the city, which did not change.
  Event Part(std::int64_t id, std::string_view status, std::optional<std::int64_t> old_id = {}) {
    Begin(Op::kUpdate, kOrders);
    if (old_id) IdentityRow(*old_id);
    std::string& row = transaction_.StartRow(RowImage::kAfter);
    PutInt(row, id);
    PutBlob(row, ValueKind::kText, status);
    PutAbsent(row);
    transaction_.EndRow();
    return End();
  }
  Event Delete(std::int64_t id) {
    Begin(Op::kDelete, kOrders);
    IdentityRow(id);
    return End();
  }
  Event Truncate(Table table = kOrders) {
    Begin(Op::kTruncate, table);
    return End(Encode(TruncateExtra{}));
  }
  Event Message() {
    Begin(Op::kMessage, kOrders);
    transaction_.AbandonChange();
    transaction_.StartChange(Op::kMessage, 0, 0, 0x100);
    Event event = End(Encode(MessageExtra{true, "audit", "user=17"}));
    event.stream = nullptr;
    event.schema = nullptr;
    return event;
  }

  Seq last_seq() const { return seq_; }
  std::int64_t commit_us = 1'772'600'767'130'211;  // 2026-03-04T05:06:07.130211Z

 private:
  static Column Of(const char* name, TypeKind kind, const char* type, int key) {
    Column column;
    column.name = name;
    column.type.kind = kind;
    column.type.declared = type;
    column.type.base = kind == TypeKind::kInt64 ? "int8" : "text";
    column.nullable = key == 0;
    column.key_position = key;
    column.identity = key > 0;
    return column;
  }

  void Begin(Op op, Table table) {
    transaction_.Clear();
    ++seq_;
    info_ = {};
    info_.source = 1;
    info_.position = {PositionKind::kPgCommit, 0x16e9f00 + seq_, 0, 0, {}};
    info_.commit_us = commit_us;
    info_.stored_us = commit_us;
    info_.id = "556";
    info_.total = 1;
    table_ = table;
    transaction_.StartChange(op, table, 1, 0x16e9f28);
  }
  void Row(RowImage image, std::int64_t id, std::string_view status) {
    std::string& row = transaction_.StartRow(image);
    PutInt(row, id);
    PutBlob(row, ValueKind::kText, status);
    PutBlob(row, ValueKind::kText, "Malmö");
    transaction_.EndRow();
  }
  void IdentityRow(std::int64_t id) {
    std::string& row = transaction_.StartRow(RowImage::kBefore);
    PutInt(row, id);
    PutAbsent(row);
    PutAbsent(row);
    transaction_.EndRow();
  }
  Event End(std::string_view extra = {}) {
    transaction_.EndChange(extra);
    block_ = transaction_.blocks().front().bytes;
    ChangeReader reader(block_, 1);
    CHECK(reader.Next(change_));
    Event event;
    event.at = {seq_, 1};
    event.tx = &info_;
    event.change = &change_;
    event.source = &source_;
    event.stream = &streams_.at(table_);
    event.schema = &schemas_.at(table_);
    event.number = seq_;
    return event;
  }

  SourceInfo source_;
  std::map<unsigned, StreamInfo> streams_;
  std::map<unsigned, TableSchema> schemas_;
  Transaction transaction_;
  TransactionInfo info_;
  std::string block_;
  Change change_;
  Table table_ = kOrders;
  Seq seq_ = 0;
};

// Time that stands still until the test moves it.
class FakeClock final : public Clock {
 public:
  std::int64_t NowUs() const override { return 1'772'600'800'000'000 + us_; }
  Steady::time_point Now() const override {
    return Steady::time_point{} + std::chrono::hours(1) + std::chrono::microseconds(us_);
  }
  void Pass(std::chrono::microseconds time) { us_ += time.count(); }

 private:
  std::int64_t us_ = 0;
};

// What the deliver loop does for a sink, in memory: done events, and the letters in the order of their ids.
class FakeContext final : public SinkContext {
 public:
  explicit FakeContext(const Clock& clock) : clock_(clock) {}

  void Done(At at, Outcome outcome) override {
    EXPECT_FALSE(done.contains(at)) << ToText(at) << " is done twice";
    done[at] = outcome;
  }
  void DoneBefore(At at, std::uint64_t, std::uint64_t) override { cursor = at; }
  At handed_over() const override { return handed; }
  Stand stand() const override { return {}; }
  void Store(At at, DeadLetter letter) override {
    EXPECT_FALSE(done.contains(at)) << ToText(at) << " is done twice";
    stored.push_back(at);
    letter.id = next_id_++;
    letters[letter.id] = std::move(letter);
  }
  Status SyncLetters() override { return Ok(); }
  Status Reread(std::span<const At>, const std::function<Status(const Event&)>&) override { return Ok(); }
  Result<bool> Overtake(At, std::span<const LetterLane>, bool) override { return false; }
  bool HoldsLetter(std::uint64_t id) const override { return letters.contains(id); }
  void LetterDelivered(std::uint64_t id) override { EXPECT_EQ(letters.erase(id), 1U); }
  void LetterFailed(DeadLetter letter) override {
    EXPECT_TRUE(letters.contains(letter.id));
    letters[letter.id] = std::move(letter);
  }
  std::uint64_t stored_bytes() const override {
    std::uint64_t bytes = 0;
    for (const auto& [id, letter] : letters) bytes += letter.body.size() + letter.record.size() + 100;
    return bytes;
  }
  bool LanesAreStored(std::span<const LetterLane> lanes) const override {
    return std::ranges::any_of(letters, [&](const auto& one) { return ShareALane(one.second.lanes, lanes); });
  }
  // The first letter that `due` accepts and that is behind no earlier one; nullptr if there is none.
  DeadLetter* FirstLetter(const std::function<bool(const DeadLetter&)>& due) {
    std::set<std::string> had;    // by those passed over
    std::set<std::string> alone;  // of these: not merely shared
    for (auto& [id, letter] : letters) {
      const auto& lanes = letter.lanes;
      const bool behind = std::any_of(lanes.begin(), lanes.end(), [&](const LetterLane& lane) {
        return (lane.shared ? alone : had).contains(lane.name);
      });
      if (!behind && due(letter)) return &letter;
      for (const LetterLane& lane : lanes) {
        had.insert(lane.name);
        if (!lane.shared) alone.insert(lane.name);
      }
    }
    return nullptr;
  }
  std::uint32_t failures_max() const override { return failures_max_in_row; }
  bool paused() const override { return false; }
  const Clock& clock() const override { return clock_; }

  std::map<At, Outcome> done;
  At cursor;  // of DoneBefore
  At handed;
  std::vector<At> stored;
  std::uint32_t failures_max_in_row = kRogueFailures;
  std::map<std::uint64_t, DeadLetter> letters;

 private:
  const Clock& clock_;
  std::uint64_t next_id_ = 1;
};

}  // namespace headgate
