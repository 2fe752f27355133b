#include "sinks/webhook/letters.h"

#include <charconv>

#include "core/base/encoding.h"
#include "core/base/time_text.h"

namespace headgate::webhook {
namespace {

constexpr std::size_t kHistoryMax = 10;
constexpr std::size_t kTimeText = 27;  // 2026-03-04T05:06:07.123456Z
constexpr std::string_view kStoreMark = " store ";

// History lines are "<time> memory: ..." and "<time> store <n>: ...". n counts the attempts from the store that used up
// an entry of the schedule, so the place in the schedule survives a restart.
std::optional<std::size_t> StoreTries(const DeadLetter& letter) {
  if (letter.history.empty()) return std::nullopt;
  const std::string_view line = letter.history.back();
  if (line.size() < kTimeText + kStoreMark.size() || line.substr(kTimeText, kStoreMark.size()) != kStoreMark) return 0;
  std::size_t tries = 0;
  std::from_chars(line.data() + kTimeText + kStoreMark.size(), line.data() + line.size(), tries);
  return tries;
}

}  // namespace

std::string LaneText(std::uint64_t lane) { return Hex16(lane); }

void Unblock(DeadLetter& letter) {
  if (!Blocks(letter)) return;
  for (LetterLane& lane : letter.lanes) lane.name.insert(0, 1, '~');
}

bool Blocks(const DeadLetter& letter) { return !letter.lanes.empty() && !letter.lanes.front().name.starts_with('~'); }

std::vector<std::uint64_t> OwnLanes(const DeadLetter& letter) {
  std::vector<std::uint64_t> lanes;
  for (const LetterLane& lane : letter.lanes) {
    std::string_view text = lane.name;
    if (text.starts_with('~')) text.remove_prefix(1);
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, 16);
    const bool whole = text.size() == 16 && error == std::errc() && end == text.data() + text.size();
    if (whole && !lane.shared) lanes.push_back(number);
  }
  return lanes;
}

void Record(DeadLetter& letter, const Failed& failed, bool from_store) {
  // A letter that was parked makes its first attempt from the store: that one stands before the schedule.
  const auto tries = StoreTries(letter);
  std::string line = UtcText(failed.at_us);
  if (from_store) {
    line.append(kStoreMark).append(std::to_string(tries ? *tries + 1 : 0));
  } else {
    line.append(" memory");
  }
  line.append(": ").append(failed.error_class).append(" ").append(failed.message);
  if (letter.history.size() >= kHistoryMax) letter.history.erase(letter.history.begin());
  letter.history.push_back(std::move(line));
  ++letter.attempts;
  if (letter.first_failed_us == 0) letter.first_failed_us = failed.at_us;
  letter.last_failed_us = failed.at_us;
  letter.error_class = failed.error_class;
  letter.error_status = failed.status;
  letter.error_message = failed.message;
  letter.response = failed.response;
}

void Schedule(DeadLetter& letter, std::span<const std::chrono::milliseconds> schedule, std::int64_t now_us,
              Jitter& jitter) {
  const auto wait = StoreWait(schedule, StoreTries(letter).value_or(0), jitter);
  letter.state = wait ? DeadLetter::State::kWaiting : DeadLetter::State::kDead;
  letter.next_try_us = wait ? now_us + std::chrono::duration_cast<std::chrono::microseconds>(*wait).count() : 0;
}

}  // namespace headgate::webhook
