#include "tools/demo/board.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "core/base/time_text.h"

namespace headgate::demo {
namespace {

using nlohmann::json;
using std::chrono::steady_clock;

constexpr auto kLineEvery = std::chrono::milliseconds(100);
constexpr std::size_t kIdsKept = 200'000;
constexpr std::size_t kLatenciesKept = 1'000'000;

// Microseconds of an instant such as 2026-03-04T05:06:07.123456Z; -1 if it is not one.
std::int64_t ParseInstant(const std::string& text) {
  long year = 0;
  int month = 0, day = 0, hour = 0, minute = 0;
  double second = 0;
  if (std::sscanf(text.c_str(), "%ld-%d-%dT%d:%d:%lfZ", &year, &month, &day, &hour, &minute, &second) != 6) return -1;
  const std::int64_t minutes = (DaysFromCivil(year, month, day) * 24 + hour) * 60 + minute;
  return minutes * 60'000'000 + std::llround(second * 1e6);
}

std::string LocalTime(std::int64_t us) {
  const std::time_t moment = us / 1'000'000;
  std::tm local{};
  localtime_r(&moment, &local);
  char text[32];
  std::snprintf(text, sizeof(text), "%02d:%02d:%02d.%03d", local.tm_hour, local.tm_min, local.tm_sec,
                static_cast<int>(us / 1000 % 1000));
  return text;
}

std::string Milliseconds(std::int64_t us) {
  if (us < 0) return "-";
  char text[32];
  std::snprintf(text, sizeof(text), us < 100'000 ? "%.1f ms" : "%.0f ms", static_cast<double>(us) / 1000);
  return text;
}

std::string Percentile(std::vector<std::int64_t>& values, double share) {
  if (values.empty()) return "-";
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return Milliseconds(values[static_cast<std::size_t>(at)]);
}

const char* Colour(const std::string& op) {
  if (op == "insert") return "\033[32m";
  if (op == "update") return "\033[33m";
  if (op == "delete") return "\033[31m";
  return "\033[36m";
}

// {"order_id":7,"line":1} as order_id=7 line=1.
std::string KeyText(const json& event) {
  std::string out;
  const json key = event.value("key", json::object());
  for (const auto& item : key.items()) {
    out += (out.empty() ? "" : " ") + item.key() + "=" + test::CanonicalValue(item.value());
  }
  return out;
}

}  // namespace

Board::Board(bool keep_fold) : keep_fold_(keep_fold), colour_(isatty(STDOUT_FILENO) == 1) {}

bool Board::IsDuplicate(const std::string& id) {
  if (ids_.size() >= kIdsKept) {
    older_ids_ = std::move(ids_);
    ids_.clear();
  }
  return older_ids_.count(id) != 0 || !ids_.insert(id).second;
}

void Board::Delivered(std::string_view body, std::int64_t arrived_us) {
  const json parsed = json::parse(body, nullptr, false);
  std::lock_guard lock(mutex_);
  if (keep_fold_) fold_.Accept(body);
  const json list = parsed.is_array() ? parsed : json::array({parsed});
  for (const json& event : list) {
    ++events_;
    if (!event.is_object() || !event.contains("id") || !event["id"].is_string()) {
      ++broken_;
      continue;
    }
    if (IsDuplicate(event["id"])) ++duplicates_;
    // A row of the snapshot was committed long ago: its age says nothing about us.
    const bool streamed = event.contains("tx");
    const std::int64_t committed_us = streamed ? ParseInstant(event.value("commit_ts", "")) : -1;
    const std::int64_t latency_us = committed_us < 0 ? -1 : std::max<std::int64_t>(0, arrived_us - committed_us);
    if (latency_us >= 0) {
      latencies_.push_back(latency_us);
      if (all_latencies_.size() < kLatenciesKept) {
        all_latencies_.push_back(latency_us);
      } else {
        all_latencies_[static_cast<std::size_t>(std::rand()) % kLatenciesKept] = latency_us;
      }
    }
    const auto now = steady_clock::now();
    // A coin, because the first event after the pause is mostly the first of its transaction.
    if (now - line_ >= kLineEvery && coin_() % 2 == 0) {
      line_ = now;
      PrintDelivery(event, arrived_us, latency_us);
    } else {
      ++hidden_;
    }
  }
}

void Board::PrintDelivery(const json& event, std::int64_t arrived_us, std::int64_t latency_us) {
  const std::string op = event.value("op", "?");
  std::string table = event.value("stream", "");
  table = table.substr(table.find('.') + 1);
  std::printf("%s  %s%-8s%s %-12s %-28s %9s\n", LocalTime(arrived_us).c_str(), colour_ ? Colour(op) : "", op.c_str(),
              colour_ ? "\033[0m" : "", table.c_str(), KeyText(event).c_str(), Milliseconds(latency_us).c_str());
  std::fflush(stdout);
}

void Board::PrintSummary(std::uint64_t committed) {
  std::lock_guard lock(mutex_);
  const auto now = steady_clock::now();
  const double interval = std::chrono::duration<double>(now - summary_).count();
  const double rate = interval > 0 ? static_cast<double>(events_ - events_at_summary_) / interval : 0;
  std::printf(
      "%s-- %3.0f s   committed %llu   delivered %llu   %.0f/s   commit to arrival p50 %s, p99 %s   duplicates %llu   "
      "(%llu not shown)%s\n",
      colour_ ? "\033[1m" : "", std::chrono::duration<double>(now - begin_).count(),
      static_cast<unsigned long long>(committed), static_cast<unsigned long long>(events_), rate,
      Percentile(latencies_, 0.5).c_str(), Percentile(latencies_, 0.99).c_str(),
      static_cast<unsigned long long>(duplicates_), static_cast<unsigned long long>(hidden_), colour_ ? "\033[0m" : "");
  std::fflush(stdout);
  summary_ = now;
  events_at_summary_ = events_;
  hidden_ = 0;
  latencies_.clear();
}

void Board::PrintTotals() {
  std::lock_guard lock(mutex_);
  std::printf("%llu events delivered, %llu duplicates, commit to arrival p50 %s, p99 %s\n",
              static_cast<unsigned long long>(events_), static_cast<unsigned long long>(duplicates_),
              Percentile(all_latencies_, 0.5).c_str(), Percentile(all_latencies_, 0.99).c_str());
  if (broken_ > 0) std::printf("%llu bodies were not events\n", static_cast<unsigned long long>(broken_));
  std::fflush(stdout);
}

std::uint64_t Board::events() {
  std::lock_guard lock(mutex_);
  return events_;
}

std::vector<std::string> Board::Difference(const std::string& stream, const test::TableRows& table) {
  std::lock_guard lock(mutex_);
  return fold_.Difference(stream, table);
}

std::vector<std::string> Board::Violations() {
  std::lock_guard lock(mutex_);
  return fold_.violations();
}

}  // namespace headgate::demo
