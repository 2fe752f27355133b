#include "core/state/events.h"

#include "tests/unit/log/log_support.h"

namespace headgate {
namespace {

class EventList : public test::LogTest {
 protected:
  EventList() { Load(); }

  void Load() {
    auto events = Events::Open(*store_, clock_);
    ASSERT_TRUE(events.ok());
    events_ = std::move(*events);
  }
  void Add(std::string summary) {
    StoreBatch batch;
    ServiceEvent event;
    event.kind = "state";
    event.connector = "shop";
    event.actor = "service";
    event.summary = std::move(summary);
    event.details = {{"before", "1"}, {"after", "\xff"}};
    events_->Add(batch, std::move(event));
    ASSERT_TRUE(store_->Write(batch, true).ok());
  }
  std::vector<ServiceEvent> Read(std::uint64_t before = 0, std::size_t limit = 100) {
    std::vector<ServiceEvent> all;
    EXPECT_TRUE(events_
                    ->Read(before,
                           [&](ServiceEvent&& event) {
                             all.push_back(std::move(event));
                             return all.size() < limit;
                           })
                    .ok());
    return all;
  }

  std::unique_ptr<Events> events_;
};

TEST_F(EventList, IsNewestFirstAndGoesOnAfterAReopen) {
  EXPECT_TRUE(Read().empty());
  EXPECT_EQ(events_->last_id(), 0U);
  Add("one");
  clock_.now_us += 5;
  Add("two");
  Reopen();
  Load();
  EXPECT_EQ(events_->last_id(), 2U);
  Add("three");
  const auto all = Read();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].summary, "three");
  EXPECT_EQ(all[0].id, 3U);
  EXPECT_EQ(all[2].summary, "one");
  EXPECT_EQ(all[1].at_us, all[2].at_us + 5);
  EXPECT_EQ(all[2].kind, "state");
  EXPECT_EQ(all[2].connector, "shop");
  EXPECT_EQ(all[2].actor, "service");
  EXPECT_EQ(all[2].details, (std::map<std::string, std::string>{{"before", "1"}, {"after", "\xff"}}));
}

TEST_F(EventList, PagesByIdAndStopsWhenAsked) {
  for (int i = 1; i <= 300; ++i) Add(std::to_string(i));
  const auto page = Read(257, 2);
  ASSERT_EQ(page.size(), 2U);
  EXPECT_EQ(page[0].summary, "256");
  EXPECT_EQ(page[1].summary, "255");
  EXPECT_TRUE(Read(1).empty());
}

TEST_F(EventList, TrimDropsOnlyTheOld) {
  Add("old");
  clock_.now_us += 1000;
  const std::int64_t limit = clock_.now_us;
  Add("kept");
  StoreBatch batch;
  events_->Trim(batch, limit);
  ASSERT_TRUE(store_->Write(batch, true).ok());
  ASSERT_EQ(Read().size(), 1U);
  EXPECT_EQ(Read()[0].summary, "kept");
  StoreBatch nothing;
  events_->Trim(nothing, limit);
  EXPECT_TRUE(nothing.empty());
  StoreBatch all;
  events_->Trim(all, limit + 1);
  ASSERT_TRUE(store_->Write(all, true).ok());
  EXPECT_TRUE(Read().empty());
  Add("next");
  EXPECT_EQ(Read()[0].id, 3U) << "ids are not used twice";
}

}  // namespace
}  // namespace headgate
