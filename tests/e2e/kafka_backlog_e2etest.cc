#include <charconv>

#include "tests/e2e/kafka_sink.h"

// More than one transaction of a topic can take: what waits goes in parts that are written one behind the other and
// committed together (core/pipeline/batch_sink.h).
namespace headgate::test {
namespace {

constexpr int kRows = 120'000;
constexpr std::size_t kAlone = 50'000;  // at the start of a run each part is committed by itself
constexpr std::size_t kPart = 5'100;    // of transactions of a thousand

class KafkaBacklog : public KafkaSinkFixture {
 protected:
  void SetUp() override {
    KafkaSinkFixture::SetUp();
    if (!IsUp()) return;
    Exec("CREATE TABLE public.parts (id int PRIMARY KEY, name text)");
    Exec("INSERT INTO public.parts VALUES (0, 'first')");
    Create("shop", shop_->Source());
  }
  // In transactions of a thousand; the log has them before anything writes them.
  void Insert(const std::string& name) {
    Exec("DO $$ BEGIN FOR t IN 0.." + std::to_string(kRows / 1000 - 1) + " LOOP INSERT INTO public.parts SELECT i, " +
         name + " FROM generate_series(t * 1000 + 1, (t + 1) * 1000) i; COMMIT; END LOOP; END $$");
    const auto in_log = [&] {
      return Call("GET", "/api/v1/streams/shop.public.parts", 200)["records"].get<int>() > kRows;
    };
    ASSERT_TRUE(WaitFor(in_log, seconds(60))) << Call("GET", "/api/v1/streams/shop.public.parts", 200);
  }
  static int IdOf(const KafkaRecord& record) {
    int id = -1;
    std::from_chars(record.key->data() + 6, record.key->data() + record.key->size(), id);  // {"id":17}
    return id;
  }
  // Each row once and in its order, but for those.
  void ExpectRows(const std::vector<int>& without = {}) {
    const auto records = Records();
    ASSERT_EQ(records.size(), kRows + 1 - without.size()) << Told();
    auto record = records.begin();
    for (int id = 0; id <= kRows; ++id) {
      if (std::ranges::find(without, id) != without.end()) continue;
      ASSERT_EQ(IdOf(*record++), id);
    }
  }
};

TEST_F(KafkaBacklog, IsThereOnceAndInOrderAlsoWhenItIsKilledWhileAPartIsNotCommitted) {
  ASSERT_TRUE(topics_->client().CreateTopic(topics_->Name("parts"), 1).ok());
  Insert("'part ' || i");
  Create("out", Sink(), "STOPPED");
  std::size_t committed = 0;
  for (const char* const point : {"kafka.written=kill:20", "kafka.written=kill:13"}) {
    headgate_->KillHard();
    headgate_->set_failpoints(point);
    ASSERT_TRUE(headgate_->Start().ok());
    static_cast<void>(headgate_->Call("PUT", "/connectors/out/resume"));  // the second time it runs, and may be gone
    ASSERT_TRUE(headgate_->WaitEnd(seconds(60)).has_value()) << point;
    const std::size_t now = Records().size();
    EXPECT_GE(now, committed + kAlone);
    EXPECT_LE(now, committed + kAlone + kPart) << "of what goes together none is there";
    committed = now;
  }
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  ASSERT_TRUE(HasRecords(kRows + 1)) << Told();
  ExpectRows();
}

TEST_F(KafkaBacklog, WhatIsRefusedAmongManyIsALetterAndTheOthersAreThereOnce) {
  ASSERT_TRUE(topics_->client().CreateTopic(topics_->Name("parts"), 1, {{"max.message.bytes", "200000"}}).ok());
  Insert("CASE WHEN i IN (80000, 80001, 110000) THEN repeat('x', 300000) ELSE 'part' END");
  Create("out", Sink({{"record_bytes_max", "200000"}, {"compression", "none"}}));
  ASSERT_TRUE(HasRecords(kRows - 2)) << Records().size() << Told();
  ExpectRows({80'000, 80'001, 110'000});
  EXPECT_EQ(Letters().size(), 3U);
  EXPECT_EQ(StateOf("out"), "RUNNING");
}

}  // namespace
}  // namespace headgate::test
