#include <gtest/gtest.h>

#include "tests/unit/webhook/delivery_rig.h"

// Order through the dead-letter store (W2): what is behind a stored letter goes to the store behind it.
namespace headgate::webhook {
namespace {

using State = DeadLetter::State;

class WebhookStoreOrder : public WebhookDelivery {
 protected:
  void Use(config::FlatConfig more) {
    more.insert({{"memory_retry_ms", "0"}, {"breaker_failures", "1000"}});
    WebhookDelivery::Use(more);
    settings_again_ = more;
  }
  // The letters stay, what was in memory is gone.
  void Restart() {
    transport_.under_way.clear();
    WebhookDelivery::Use(settings_again_);
  }
  // Sends the first letter that has its turn, as a person asks; its id.
  std::uint64_t RetryFirst(int status) {
    const DeadLetter* letter = context_.FirstLetter([](const DeadLetter&) { return true; });
    if (letter == nullptr) {
      ADD_FAILURE() << "there is no letter";
      return 0;
    }
    const std::uint64_t id = letter->id;
    EXPECT_TRUE(delivery_->Retry(DeadLetter(*letter)).ok());
    delivery_->Dispatch();
    Answer(status);
    return id;
  }
  // Whether the letter has its turn.
  bool IsFirst(std::uint64_t id) {
    return context_.FirstLetter([id](const DeadLetter& letter) { return letter.id == id; }) != nullptr;
  }
  config::FlatConfig settings_again_;
};

TEST_F(WebhookStoreOrder, W2AChangedKeyIsStoredBehindItsOldKeyAndTheNewKeyGoesBehindIt) {
  for (const bool restarted : {false, true}) {
    context_.letters.clear();
    Use({});
    Write(events_.Insert(1));
    Answer(500);
    Write(events_.Update(2, "moved", 1));
    if (restarted) Restart();
    Write(events_.Update(2, "later"));
    EXPECT_EQ(UnderWay(), 0U) << "restarted: " << restarted;
    ASSERT_EQ(context_.letters.size(), 3U);
    EXPECT_EQ(context_.letters.rbegin()->second.state, State::kParked);
    const At other = Write(events_.Insert(3));
    Answer(200);
    EXPECT_TRUE(IsDone(other)) << "another key is not concerned";
  }
}

TEST_F(WebhookStoreOrder, W2AStoredKeyChangeHoldsBothKeysAfterARestart) {
  Use({});
  Write(events_.Update(2, "moved", 1));
  Answer(500);
  Restart();
  Write(events_.Insert(1));
  Write(events_.Update(2, "later"));
  EXPECT_EQ(UnderWay(), 0U);
  ASSERT_EQ(context_.letters.size(), 3U);
  EXPECT_EQ(RetryFirst(200), 1U);
  EXPECT_EQ(RetryFirst(200), 2U);
  EXPECT_EQ(RetryFirst(200), 3U);
}

TEST_F(WebhookStoreOrder, W2AChangedKeyBetweenTwoStoredKeysIsStoredBehindBoth) {
  Use({});
  Write(events_.Insert(1));
  Answer(500);
  Write(events_.Insert(2));
  Answer(500);
  const At moved = Write(events_.Update(2, "moved", 1));
  EXPECT_EQ(context_.stored.back(), moved);
  EXPECT_EQ(UnderWay(), 0U);
  EXPECT_EQ(RetryFirst(500), 1U) << "it waits again";
  EXPECT_FALSE(IsFirst(3));
  EXPECT_EQ(RetryFirst(200), 1U);
  EXPECT_FALSE(IsFirst(3)) << "the other key is still before it";
  EXPECT_EQ(RetryFirst(200), 2U);
  EXPECT_TRUE(IsFirst(3));
}

TEST_F(WebhookStoreOrder, W2ADeadKeyChangeParksBothKeysOrNone) {
  for (const std::string after : {"park", "follow"}) {
    context_.letters.clear();
    Use({{"non_retryable", "422"}, {"after_dead_letter", after}});
    Write(events_.Update(2, "moved", 1));
    Answer(422);
    ASSERT_EQ(context_.letters.size(), 1U);
    Restart();
    Write(events_.Insert(1));
    Write(events_.Insert(2));
    EXPECT_EQ(UnderWay(), after == "park" ? 0U : 2U) << after;
    EXPECT_EQ(context_.letters.size(), after == "park" ? 3U : 1U) << after;
  }
}

TEST_F(WebhookStoreOrder, W2ATruncateIsStoredBehindTheLettersOfItsTableAndTheTableBehindIt) {
  for (const bool restarted : {false, true}) {
    context_.letters.clear();
    context_.stored.clear();
    Use({});
    const At one = Write(events_.Insert(1));
    Answer(500);
    const At two = Write(events_.Insert(2));
    Answer(500);
    if (restarted) Restart();
    const At truncate = Write(events_.Truncate());
    EXPECT_EQ(UnderWay(), 0U);
    EXPECT_EQ(context_.stored, (std::vector<At>{one, two, truncate})) << "restarted: " << restarted;
    if (restarted) Restart();
    const At three = Write(events_.Insert(3));
    EXPECT_EQ(UnderWay(), 0U);
    EXPECT_EQ(context_.stored, (std::vector<At>{one, two, truncate, three}));
    const At note = Write(events_.Insert(1, "a note", SampleEvents::kNotes));
    Answer(200);
    EXPECT_TRUE(IsDone(note)) << "another table is not concerned";
    const std::uint64_t first = context_.letters.begin()->first;
    for (std::uint64_t id = first; id < first + 4; ++id) EXPECT_EQ(RetryFirst(200), id);
    const At last = Write(events_.Insert(3));
    Answer(200);
    EXPECT_TRUE(IsDone(last)) << "the table flows again";
  }
}

TEST_F(WebhookStoreOrder, W2ATruncateThatFailsHoldsItsTableAfterARestart) {
  Use({});
  const At truncate = Write(events_.Truncate());
  Answer(500);
  ASSERT_EQ(context_.stored, std::vector<At>{truncate});
  Restart();
  Write(events_.Insert(1));
  Write(events_.Truncate());
  EXPECT_EQ(UnderWay(), 0U);
  ASSERT_EQ(context_.letters.size(), 3U);
  for (const std::uint64_t id : {1, 2, 3}) EXPECT_EQ(RetryFirst(200), id);
}

TEST_F(WebhookStoreOrder, W2ATruncateDoesNotWaitForDeadLettersThatLaterEventsMayPass) {
  Use({{"non_retryable", "422"}});
  Write(events_.Insert(1));
  Answer(422);
  ASSERT_EQ(Letter(1).state, State::kDead);
  const At truncate = Write(events_.Truncate());
  Answer(200);
  EXPECT_TRUE(IsDone(truncate));
}

TEST_F(WebhookStoreOrder, W2WithoutOrderNothingWaitsForALetter) {
  Use({{"ordering", "none"}});
  Write(events_.Insert(1));
  Answer(500);
  EXPECT_TRUE(Letter(1).lanes.empty());
  const At next = Write(events_.Update(1));
  Answer(200);
  EXPECT_TRUE(IsDone(next));
}

TEST_F(WebhookStoreOrder, W2AKeyGoesBehindALetterOfItsTableFromBeforeTheOrderingChanged) {
  Use({{"ordering", "table"}});
  Write(events_.Insert(1));
  Answer(500);
  settings_again_["ordering"] = "key";
  Restart();
  const At other = Write(events_.Insert(2));
  EXPECT_EQ(context_.stored.back(), other);
  settings_again_["ordering"] = "table";
  Restart();
  const At last = Write(events_.Insert(3));
  EXPECT_EQ(context_.stored.back(), last);
}

}  // namespace
}  // namespace headgate::webhook
