#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "tests/unit/webhook/delivery_rig.h"

namespace headgate::webhook {
namespace {

using State = DeadLetter::State;

// Random answers, random keys, truncates, retries of letters: per key the first successes are in order, nothing is
// lost.
TEST_F(WebhookDelivery, W2RandomFailuresNeverReorderAKeyAndLoseNothing) {
  for (const std::string batch : {"1", "7"}) {
    context_.done.clear();
    context_.stored.clear();
    transport_.under_way.clear();
    Use({{"batch_events_max", batch},
         {"memory_retry_ms", "300"},
         {"retry_schedule", "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s"}});
    std::mt19937 random(4711);
    std::map<std::string, std::vector<std::string>> sent_keys;  // key -> ids in order of success
    const Seq first_seq = events_.last_seq() + 1;
    Seq written = 0;
    std::set<std::string> succeeded;
    std::set<std::uint64_t> in_sink;
    for (int round = 0; round < 200'000; ++round) {
      if (written < 3000 && delivery_->Room() && random() % 3 != 0) {
        const int id = static_cast<int>(random() % 12);
        Write(random() % 300 == 0  ? events_.Truncate()
              : random() % 10 == 0 ? events_.Update(id, "m", (id + 1) % 12)
                                   : events_.Insert(id));
        ++written;
      }
      if (!transport_.under_way.empty() && random() % 2 == 0) {
        std::swap(transport_.under_way.front(), transport_.under_way[random() % transport_.under_way.size()]);
        const bool bad_times = round / 500 % 5 == 0;
        const bool good = random() % 10 >= (bad_times ? 9U : 1U);
        const auto body = nlohmann::json::parse(transport_.under_way.front().Body());
        if (good) {
          for (const auto& event : body.is_array() ? body : nlohmann::json::array({body})) {
            if (!succeeded.insert(event["id"]).second) continue;
            if (event["op"] == "truncate") {  // concerns every key
              for (int id = 0; id < 12; ++id) sent_keys[R"({"id":)" + std::to_string(id) + "}"].push_back(event["id"]);
              continue;
            }
            sent_keys[event["key"].dump()].push_back(event["id"]);
            if (event.contains("previous_key")) sent_keys[event["previous_key"].dump()].push_back(event["id"]);
          }
        }
        if (random() % 5 == 0 && !good) {
          Break(Trouble::kTimeout);
        } else {
          Answer(good ? 200 : 503);
        }
      }
      Pass(milliseconds(random() % 20));
      // The deliver loop: the first letter of a lane, when it is due.
      std::erase_if(in_sink, [&](std::uint64_t id) {
        return !context_.letters.contains(id) || context_.letters[id].next_try_us > clock_.NowUs();
      });
      DeadLetter* letter = context_.FirstLetter([&](const DeadLetter& candidate) {
        const bool waits = candidate.state == State::kWaiting && candidate.next_try_us > clock_.NowUs();
        return !in_sink.contains(candidate.id) && !waits;
      });
      if (letter != nullptr) {
        if (letter->state == State::kDead) letter->state = State::kRetrying;  // a person
        letter->next_try_us = 0;
        in_sink.insert(letter->id);
        ASSERT_TRUE(delivery_->Retry(DeadLetter(*letter)).ok());
      }
      if (written == 3000 && succeeded.size() == 3000) break;
    }
    EXPECT_EQ(succeeded.size(), 3000U) << "batch " << batch << ", first seq " << first_seq;
    EXPECT_FALSE(context_.stored.empty()) << "the store was never needed";
    for (const auto& [key, ids] : sent_keys)
      EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end())) << key << " in batches of " << batch;
  }
}

}  // namespace
}  // namespace headgate::webhook
