#include "tests/support/counting_receiver.h"

#include <algorithm>
#include <utility>

#include "tests/support/table_rows.h"

namespace headgate::test {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

CountingReceiver::CountingReceiver(Policy policy)
    : policy_(std::move(policy)), receiver_({}, [this](const Request& request) { return Take(request); }) {}

void CountingReceiver::SetPolicy(Policy policy) {
  std::lock_guard lock(mutex_);
  policy_ = std::move(policy);
}

CountingReceiver::Reply CountingReceiver::Take(const Request& request) {
  Policy policy;
  {
    std::lock_guard lock(mutex_);
    policy = policy_;
  }
  Reply reply = policy ? policy(request) : Reply::Status(200);

  std::lock_guard lock(mutex_);
  // Also what is answered with an error must have one body per id: the sender repeats it.
  if (const auto id = request.Header("webhook-id"); id.has_value() && id_violations_.size() < 100) {
    const std::size_t body = std::hash<std::string>{}(request.body);
    const auto [known, is_new] = body_by_id_.emplace(*id, body);
    if (!is_new && known->second != body) id_violations_.push_back("webhook-id " + *id + " came with two bodies");
  }
  if (reply.kind == Reply::Kind::kAnswer && reply.status / 100 == 2) fold_.Accept(request.body);
  news_.notify_all();
  return reply;
}

std::uint64_t CountingReceiver::events() const {
  std::lock_guard lock(mutex_);
  return fold_.events();
}

std::uint64_t CountingReceiver::distinct() const {
  std::lock_guard lock(mutex_);
  return fold_.distinct();
}

std::uint64_t CountingReceiver::duplicates() const {
  std::lock_guard lock(mutex_);
  return fold_.duplicates();
}

std::vector<std::string> CountingReceiver::Violations() const {
  std::lock_guard lock(mutex_);
  std::vector<std::string> all = fold_.violations();
  all.insert(all.end(), id_violations_.begin(), id_violations_.end());
  return all;
}

Fold CountingReceiver::Snapshot() const {
  std::lock_guard lock(mutex_);
  return fold_;
}

bool CountingReceiver::WaitForDistinct(std::uint64_t count, std::chrono::milliseconds limit) const {
  std::unique_lock lock(mutex_);
  return news_.wait_for(lock, limit, [&] { return fold_.distinct() >= count; });
}

std::vector<std::string> CountingReceiver::WaitForTables(PgClient& source, const std::vector<std::string>& tables,
                                                         std::chrono::milliseconds limit) const {
  const auto end = steady_clock::now() + limit;
  std::vector<std::pair<std::string, TableRows>> expected;
  for (const std::string& table : tables) {
    auto rows = ReadTable(source, table);
    if (!rows.ok()) return {rows.error().what};
    expected.emplace_back(table, std::move(rows).value());
  }
  while (true) {
    std::vector<std::string> differences = Violations();
    const bool broken = !differences.empty();
    std::unique_lock lock(mutex_);
    const auto began = steady_clock::now();
    for (const auto& [table, rows] : expected) {
      for (std::string& text : fold_.Difference(table, rows)) differences.push_back(std::move(text));
    }
    if (differences.empty() || broken || steady_clock::now() >= end) return differences;
    // Not after each event: a comparison of large tables takes its time, in which nothing is received.
    const auto took = steady_clock::now() - began;
    const auto seen = fold_.events();
    if (!news_.wait_until(lock, end, [&] { return fold_.events() != seen; })) continue;
    const auto pause =
        std::min(end, steady_clock::now() + std::max<steady_clock::duration>(milliseconds(50), 4 * took));
    news_.wait_until(lock, pause, [] { return false; });
  }
}

}  // namespace headgate::test
