// What a column of another type leads to with on_schema_change=rebuild.
#include "tests/unit/search/rebuild_fixture.h"

namespace headgate::search {
namespace {

using std::chrono::minutes;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The index has a field of another type than its column needs.
class SearchAnotherType : public SearchRebuilding {
 protected:
  SearchAnotherType() { options_.rebuild_on_change = true; }
  At BeginConflict() {
    Begin();
    const At at = Write(events_.Insert(1));
    EXPECT_EQ(Prepare(), "GET /orders");
    std::string body = Meta("orders-v1");
    body.replace(body.find(R"("status":{"type":"text"})"), 24, R"("status":{"type":"long"})");
    Reply(200, body);
    clock_.Pass(minutes(1));
    EXPECT_FALSE(delivery_->Next().has_value()) << "it fits nowhere yet";
    EXPECT_FALSE(delivery_->Room());
    return at;
  }
};

TEST_F(SearchAnotherType, IsForAnIndexThatIsMadeForIt_Q23) {
  const At at = BeginConflict();
  EXPECT_THAT(delivery_->rebuilder()->wanted(), ElementsAre("shop.public.orders"));
  Create();
  EXPECT_THAT(delivery_->rebuilder()->wanted(), IsEmpty());
  Take(RebuildPhase::kDual, Told().notes);
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders--next index 1"));
  EXPECT_TRUE(delivery_->Room());
  Answer({201});
  EXPECT_TRUE(context_.done.contains(at));
  Write(events_.Delete(1));
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders--next delete 1"));
  Answer({200});
  Take(RebuildPhase::kSwap);
  Expect("GET /orders", 200, NextMeta());
  Write(events_.Insert(2));
  Expect("GET /orders", 200, NextMeta());
  Batch();
  EXPECT_THAT(Aliases(), ElementsAre("orders index 2")) << "readers have the new index";
  EXPECT_THAT(delivery_->rebuilder()->wanted(), IsEmpty());
}

TEST_F(SearchAnotherType, StopsTheSinkIfTheIndexIsNotMade_Q23) {
  for (const bool cancelled : {true, false}) {
    BeginConflict();
    Take(RebuildPhase::kCreate, "");
    if (cancelled) {
      EXPECT_FALSE(Prepare().empty());
      Take(RebuildPhase::kDrop);
      Reply(200, Meta("orders-v1"));
    } else {
      Expect("GET /orders", 403, "no");
    }
    EXPECT_TRUE(Prepare().empty());
    EXPECT_EQ(delivery_->state().error().kind, ErrorKind::kConfig);
    EXPECT_THAT(delivery_->state().error().what, HasSubstr(cancelled ? "cancelled" : "HTTP 403"));
    EXPECT_THAT(delivery_->state().error().what, HasSubstr("Field status"));
    EXPECT_THAT(context_.done, IsEmpty());
  }
}

TEST_F(SearchAnotherType, EndsARebuildOfOtherStreamsFirst_Q23) {
  Begin();
  RebuildPlan other = Plan(RebuildPhase::kLoad);
  other.streams[0].stream.table = other.streams[0].stream.name = "elsewhere";
  delivery_->rebuilder()->Take(other);
  Write(events_.Insert(1));
  std::string body = Meta("orders-v1");
  body.replace(body.find(R"("status":{"type":"text"})"), 24, R"("status":{"type":"long"})");
  Expect("GET /orders", 200, body);
  EXPECT_TRUE(Prepare().empty());
  EXPECT_THAT(Told().error, HasSubstr("shop.public.orders has to be made anew first"));
  EXPECT_THAT(delivery_->rebuilder()->wanted(), ElementsAre("shop.public.orders"));
  EXPECT_TRUE(delivery_->state().ok());
}

}  // namespace
}  // namespace headgate::search
