#include <thread>

#include "core/pipeline/deliver.h"
#include "tests/unit/pipeline/fakes.h"

// What the deliver loop leaves out and changes before its sink sees it (docs/adr/0031).
namespace headgate {
namespace {

using test::SinkScript;

class DeliveringTransformed : public test::LogTest {
 protected:
  // A commit of one insert at each of the LSNs; entry 1 is the schema.
  void Start(std::initializer_list<std::uint64_t> lsns) {
    const StreamNo stream = Define(OpenWriter());
    for (const std::uint64_t lsn : lsns) Append(*writer_, test::Commit(lsn, stream, 1));
    auto filter = TopicFilter::Make({"shop.public.orders"}, "");
    ASSERT_TRUE(filter.ok());
    events_ = std::move(*Events::Open(*store_, clock_));
    sink_ = std::make_unique<test::CorkedSink>(script_);
    deliver_ = std::make_unique<Deliver>(*store_, *log_, *events_, *sink_, "hook", std::move(*filter), clock_);
    deliver_->SetTrace(trace_);
    deliver_->SetTransforms(std::make_unique<EventTransforms>(settings_));
    thread_ = std::jthread([this](std::stop_token stop) { ended_ = deliver_->Run(stop); });
  }
  DeliveringTransformed() { settings_.ops.fill(true); }
  ~DeliveringTransformed() override { thread_ = std::jthread(); }

  EventTransformSettings settings_;
  std::shared_ptr<DeliveryTrace> trace_ = std::make_shared<DeliveryTrace>();
  std::shared_ptr<SinkScript> script_ = std::make_shared<SinkScript>();
  std::unique_ptr<Events> events_;
  std::unique_ptr<test::CorkedSink> sink_;
  std::unique_ptr<Deliver> deliver_;
  Status ended_ = Ok();
  std::jthread thread_;
};

TEST_F(DeliveringTransformed, Op07WhatAFilterLeavesOutIsCountedAndTheCursorPassesIt) {
  settings_.filter = std::make_shared<const Filter>(*Filter::Parse("after.id in (20000, 30000)"));
  Start({10, 20, 30, 40});
  ASSERT_TRUE(script_->Await(3));
  EXPECT_TRUE(test::Eventually(script_->news, [&] {
    script_->Round();
    return deliver_->cursor().seq == 6;
  }));
  EXPECT_EQ(script_->ids(), (std::vector<std::int64_t>{20'000, 30'000}));
  EXPECT_EQ(deliver_->records().filtered, 2U);
  EXPECT_EQ(deliver_->telemetry()->filtered, 2U);
  EXPECT_EQ(deliver_->place()->passed.records, 5U) << "with the marker of the schema";
}

TEST_F(DeliveringTransformed, Op08AChangeThatWasReadAheadIsItselfAlsoWhenOthersWereReadSince) {
  settings_.columns.mask = {"public.orders.name"};
  script_->corked = true;
  script_->room = 1;
  Start({10, 20});
  ASSERT_TRUE(script_->Await(1));  // the marker
  script_->room = 0;
  script_->Done({1, 0});
  script_->Round();  // the change of entry 2 is in hand
  script_->Do([](SinkScript::Hands& hands) {
    const At other{3, 1};
    const Status reread = hands.context->Reread(std::span(&other, 1), [](const Event& event) -> Status {
      std::vector<Value> values;
      HG_RETURN_IF_ERROR(ReadRow(event.change->after, values));
      EXPECT_TRUE(values[1].is_null());
      return Ok();
    });
    EXPECT_TRUE(reread.ok()) << reread.error().what;
  });
  script_->Do([&](SinkScript::Hands&) { script_->room = 10; });
  ASSERT_TRUE(script_->Await(3));
  EXPECT_EQ(script_->ids(), (std::vector<std::int64_t>{10'000, 20'000}));
}

TEST_F(DeliveringTransformed, WhoeverLooksSeesWhatIsLeftOutAsTheSinkWouldHave) {
  settings_.columns.mask = {"public.orders.name"};
  settings_.ops[static_cast<std::size_t>(Op::kInsert)] = false;
  trace_->Start(std::numeric_limits<std::int64_t>::max(), std::nullopt);
  Start({10});
  EXPECT_TRUE(test::Eventually(script_->news, [&] {
    script_->Round();
    return trace_->deliveries() != nullptr && trace_->deliveries()->size() == 1;
  }));
  const TracedDelivery& traced = *trace_->deliveries()->at(0);
  EXPECT_EQ(traced.outcome, "filtered");
  EXPECT_NE(traced.record.find(R"("name":null)"), std::string::npos) << traced.record;
}

TEST_F(DeliveringTransformed, Op08ARuleThatTheSchemaCannotObeyEndsTheSinkBeforeItSeesARow) {
  settings_.columns.mask = {"public.orders.id"};
  Start({10});
  thread_.join();
  ASSERT_FALSE(ended_.ok());
  EXPECT_EQ(ended_.error().kind, ErrorKind::kConfig);
  EXPECT_TRUE(script_->got().empty());
}

}  // namespace
}  // namespace headgate
