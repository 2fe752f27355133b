// The Nexmark queries as views: they hold what PostgreSQL answers to the same queries over the same events.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <map>
#include <random>
#include <set>

#include "tests/support/require.h"
#include "tests/support/shared_postgres.h"
#include "tests/unit/views/views_support.h"
#include "tools/bench/nexmark_log.h"
#include "tools/bench/nexmark_queries.h"

namespace headgate::test {
namespace {

using nexmark::Event;
using nexmark::Feed;
using Lines = std::vector<std::string>;

constexpr const char* kTables =
    "CREATE TABLE person (id bigint, name text, email text, credit_card text, city text, state text, at timestamp, "
    "extra text); CREATE TABLE auction (id bigint, item_name text, description text, initial_bid bigint, reserve "
    "bigint, at timestamp, expires timestamp, seller bigint, category bigint, extra text); CREATE TABLE bid (auction "
    "bigint, bidder bigint, price bigint, channel text, url text, at timestamp, extra text); CREATE TABLE side_input "
    "AS SELECT key, 'value of ' || key AS value FROM generate_series(0, 9999) AS key";
constexpr const char* kStreams[] = {"person", "auction", "bid"};  // as the alternatives of Event
const std::int64_t kEvents = std::getenv("HEADGATE_NIGHTLY") != nullptr ? 20'000 : 5'000;

std::string TimeText(std::int64_t us_since_2000) {
  const std::int64_t us = us_since_2000 + kEpoch2000Us;
  const std::time_t seconds = us / 1'000'000;
  std::tm parts = {};
  ::gmtime_r(&seconds, &parts);
  char text[40];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &parts);
  std::snprintf(text + length, sizeof text - length, ".%06d", static_cast<int>(us % 1'000'000));
  return text;
}

// A line of COPY. No text of the events needs escapes.
class CopyLine {
 public:
  std::string operator()(const nexmark::Person& p) const {
    return Number(p.id) + p.name + "\t" + p.email + "\t" + p.credit_card + "\t" + p.city + "\t" + p.state + "\t" +
           TimeText(p.at) + "\t" + p.extra + "\n";
  }
  std::string operator()(const nexmark::Auction& a) const {
    return Number(a.id) + a.item_name + "\t" + a.description + "\t" + Number(a.initial_bid) + Number(a.reserve) +
           TimeText(a.at) + "\t" + TimeText(a.expires) + "\t" + Number(a.seller) + Number(a.category) + a.extra + "\n";
  }
  std::string operator()(const nexmark::Bid& b) const {
    return Number(b.auction) + Number(b.bidder) + Number(b.price) + b.channel + "\t" + b.url + "\t" + TimeText(b.at) +
           "\t" + b.extra + "\n";
  }

 private:
  static std::string Number(std::int64_t n) { return std::to_string(n) + "\t"; }
};

// "" if they are equal, else the first line that only one has.
std::string Difference(const Lines& ours, const Lines& theirs) {
  const auto [us, them] = std::ranges::mismatch(ours, theirs);
  if (us == ours.end() && them == theirs.end()) return "";
  return std::to_string(ours.size()) + " rows, not " + std::to_string(theirs.size()) +
         "; ours: " + (us == ours.end() ? "none" : *us) + "; theirs: " + (them == theirs.end() ? "none" : *them);
}

class Nexmark : public ::testing::Test {
 protected:
  void SetUp() override {
    auto database = TestDatabase::Create();
    if (!database.ok()) HG_REQUIRE_SERVER("postgres", database.error().what);
    database_ = std::move(*database);
    ASSERT_TRUE(database_->Exec(kTables).ok());
    ASSERT_TRUE(nexmark::WriteSideInput(shard_.log()).ok());
  }

  void Begin(Feed::Form form) {
    auto feed = Feed::Open(shard_.log(), form);
    ASSERT_TRUE(feed.ok());
    feed_ = std::move(*feed);
    if (form == Feed::Form::kTables) {
      ASSERT_EQ(shard_.Sql(nexmark::kTableNames), "");
    }
    ASSERT_EQ(shard_.Sql(nexmark::kSideName), "");
    for (const nexmark::Query& query : nexmark::Queries())
      ASSERT_EQ(shard_.Sql(std::string("CREATE MATERIALIZED VIEW ") + query.name + " AS " + query.select), "");
    std::mt19937 random(1);
    while (cuts_.size() < 10) cuts_.insert(static_cast<std::int64_t>(random() % kEvents));
    cuts_.insert(kEvents - 1);
  }

  void Insert(std::int64_t number) {
    const Event event = nexmark::EventAt(number);
    feed_->Insert(event);
    present_[number] = {event.index(), std::visit(CopyLine(), event)};
  }
  void Delete(std::int64_t number) {
    feed_->Delete(nexmark::EventAt(number));
    present_.erase(number);
  }
  // At the cuts: every view against its query.
  void CompareAt(std::int64_t number) {
    if (!cuts_.contains(number)) return;
    ASSERT_TRUE(feed_->Commit().ok());
    ASSERT_TRUE(feed_->Flush().ok());
    ASSERT_TRUE(shard_.Settle()) << shard_.views().trouble();
    std::string lines[3];
    for (const auto& [event, row] : present_) lines[row.first] += row.second;
    for (std::size_t stream = 0; stream < 3; ++stream) {
      const std::string name = kStreams[stream];
      ASSERT_TRUE(database_->Exec("TRUNCATE " + name).ok());
      ASSERT_TRUE(database_->session().CopyIn("COPY " + name + " FROM STDIN", lines[stream]).ok());
    }
    ASSERT_TRUE(database_->Exec("ANALYZE").ok());
    for (const nexmark::Query& query : nexmark::Queries())
      EXPECT_EQ(Difference(Ours(query), Theirs(query)), "") << query.name << " after event " << number;
  }

  Lines Ours(const nexmark::Query& query) {
    const std::string text = std::string("SELECT * FROM ") + query.name;
    const auto statements = sql::ReadStatements(text);
    views::QueryLimits limits;
    limits.rows = static_cast<std::size_t>(10 * kEvents);
    limits.time = std::chrono::minutes(1);
    const auto table = shard_.views().Select((*statements)[0], (*statements)[0].tree, limits, {});
    if (!table.ok()) return {"error: " + table.error().message};
    Lines lines;
    for (const auto& row : table->rows) {
      std::string& line = lines.emplace_back();
      for (std::size_t c = 0; c < row.size(); ++c)
        line += (row[c].null ? "NULL" : sql::ToText(table->columns[c].type, row[c], "UTC")) + "|";
    }
    std::ranges::sort(lines);
    return lines;
  }

  Lines Theirs(const nexmark::Query& query) {
    std::string select = query.select;
    for (const std::string_view words : {"FOR SYSTEM_TIME AS OF", "LOG_POSITION()"})
      if (const auto at = select.find(words); at != std::string::npos) select.erase(at, words.size());
    const auto rows = database_->Query(select);
    if (!rows.ok()) return {"error: " + rows.error().what};
    Lines lines;
    for (const PgRow& row : *rows) {
      std::string& line = lines.emplace_back();
      for (const auto& value : row) line += value.value_or("NULL") + "|";
    }
    std::ranges::sort(lines);
    return lines;
  }

  // In transactions of so many events.
  void RunEvents(std::int64_t per_transaction) {
    Begin(Feed::Form::kEvents);
    for (std::int64_t n = 0; n < kEvents && !HasFailure(); ++n) {
      Insert(n);
      if (n % per_transaction == per_transaction - 1) {
        ASSERT_TRUE(feed_->Commit().ok());
      }
      CompareAt(n);
    }
  }

  std::unique_ptr<TestDatabase> database_;
  Shard shard_;
  std::unique_ptr<Feed> feed_;
  std::set<std::int64_t> cuts_;
  std::map<std::int64_t, std::pair<std::size_t, std::string>> present_;  // by number: which stream, the line
};

TEST_F(Nexmark, ViewsEqualTheServersAnswersInSmallTransactions) { RunEvents(7); }

TEST_F(Nexmark, ViewsEqualTheServersAnswersInBigTransactions) { RunEvents(1000); }

// One row of ten goes a little later, and comes again.
TEST_F(Nexmark, ViewsEqualTheServersAnswersWhileRowsGoAndComeAgain) {
  Begin(Feed::Form::kTables);
  const auto returns = [](std::int64_t n) { return n >= 0 && n % 10 == 3; };
  for (std::int64_t n = 0; n < kEvents && !HasFailure(); ++n) {
    Insert(n);
    if (returns(n - 40)) Delete(n - 40);
    if (returns(n - 400)) Insert(n - 400);
    if (n % 30 == 29) {
      ASSERT_TRUE(feed_->Commit().ok());
    }
    CompareAt(n);
  }
}

}  // namespace
}  // namespace headgate::test
