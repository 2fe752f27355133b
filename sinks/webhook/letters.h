#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/state/dead_letters.h"
#include "sinks/webhook/retry.h"

// How dead letters name their lanes, and when a stored one is tried again (W2, W3, W5). Pure.
namespace headgate::webhook {

// A lane as letters carry it: 16 hex digits. The lanes of a letter that nothing waits for (dead, and later events
// follow) have a ~ before them, so that it blocks only its like.
std::string LaneText(std::uint64_t lane);
// Makes a letter one that nothing waits for.
void Unblock(DeadLetter& letter);
bool Blocks(const DeadLetter& letter);
// The numbers of the lanes that the letter has alone, with or without ~.
std::vector<std::uint64_t> OwnLanes(const DeadLetter& letter);

// What is known of one failed attempt.
struct Failed {
  std::string_view error_class;
  int status = 0;        // 0: no answer
  std::string message;   // "HTTP 500", "connect to 127.0.0.1:9000: refused"
  std::string response;  // status line, headers, first 4 KiB of the body
  std::int64_t at_us = 0;
};

// Writes the failure into the letter: counts, times, error and history (the last 10 attempts).
// `from_store`: the attempt was made from the store, not in memory.
void Record(DeadLetter& letter, const Failed& failed, bool from_store);

// Puts a letter onto the schedule: waiting with its next time, or dead after the last one.
void Schedule(DeadLetter& letter, std::span<const std::chrono::milliseconds> schedule, std::int64_t now_us,
              Jitter& jitter);

}  // namespace headgate::webhook
