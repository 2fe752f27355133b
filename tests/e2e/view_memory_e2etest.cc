// What a view's step takes in memory, and that it is whole however it is written.
#include <fstream>

#include "tests/e2e/views.h"

namespace headgate::test {
namespace {

constexpr int kOrders = 200'000;
constexpr long kConfiguredMiB = 16;

class ViewMemory : public ViewsFixture {
 protected:
  void SetUp() override {
    ViewsFixture::SetUp();
    HeadgateOptions options;
    options.extra_yaml = "views:\n  memory_bytes: " + std::to_string(kConfiguredMiB << 20) + "\n";
    Exec("CREATE TABLE control (id int PRIMARY KEY, name text NOT NULL)");
    Exec("INSERT INTO control VALUES (7, 'first')");
    Exec("CREATE TABLE facts (id int PRIMARY KEY, control_id int NOT NULL, x int NOT NULL)");
    Exec("INSERT INTO facts SELECT g, 7, g % 100 FROM generate_series(1, " + std::to_string(kOrders) + ") g");
    options.connectors["shop"] = shop_->Source();
    options.connectors["shop"]["tables"] = "public.control,public.facts";
    headgate_ = std::make_unique<HeadgateProcess>(options);
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    Until(
        "/api/v1/streams/shop.public.facts", [](const json& s) { return Records(s) >= kOrders; }, seconds(60));
    Sql("CREATE MATERIALIZED VIEW named AS SELECT f.id, f.x, c.name FROM shop.public.facts f JOIN shop.public.control "
        "c "
        "ON c.id = f.control_id");
    UntilNamed("first");
  }

  static long Records(const json& stream) {
    const json& records = stream["records"];
    return records.is_string() ? std::stol(records.get<std::string>()) : records.get<long>();
  }
  // Until all rows have the name: never some of them.
  void UntilNamed(const std::string& name) {
    UntilRunning("named");
    const std::string expected = name + "|" + std::to_string(kOrders);
    std::string found;
    for (const auto end = std::chrono::steady_clock::now() + seconds(60);
         std::chrono::steady_clock::now() < end && found != expected;) {
      const json rows = Query("SELECT min(name), max(name), count(*) FROM named")["rows"];
      ASSERT_EQ(rows[0][0], rows[0][1]) << "half a step is visible";
      found = rows[0][0].is_null() ? "" : rows[0][0].get<std::string>() + "|" + Text(rows[0][2]);
      Wait(milliseconds(20));
    }
    EXPECT_EQ(found, expected) << headgate_->Stderr();
  }
  static std::string Text(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }
  void Rename(const std::string& name) { Exec("UPDATE control SET name = '" + name + "' WHERE id = 7"); }

  void ForgetPeak() const { std::ofstream("/proc/" + std::to_string(headgate_->pid()) + "/clear_refs") << "5"; }
};

TEST_F(ViewMemory, PainThree_OneControlRowThat200000RowsReferToIsUpdatedWithMemoryFlat) {
  const long rest = headgate_->MemoryMiB("VmRSS");
  ForgetPeak();
  Rename("second");
  UntilNamed("second");
  const long peak = headgate_->MemoryMiB("VmHWM");
  RecordProperty("rest_mib", static_cast<int>(rest));
  RecordProperty("peak_mib", static_cast<int>(peak));
  std::printf("resident memory: %ld MiB at rest, %ld MiB at most\n", rest, peak);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LE(peak, rest + kConfiguredMiB + 16);  // in memory it would be some 66 more
#endif
}

TEST_F(ViewMemory, PainThree_AProcessThatDiesWhileSuchAStepIsWrittenDoesItAgainOrHasDoneIt) {
  int updates = 0;
  for (const char* point : {"store.before_ingest=kill", "store.ingested=kill", "views.before_write=kill"}) {
    headgate_->Terminate();
    headgate_->set_failpoints(point);
    const Status started = headgate_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
    UntilRunning("named");
    const std::string name = "name " + std::to_string(++updates);
    Rename(name);
    ASSERT_TRUE(headgate_->WaitEnd(seconds(60)).has_value()) << point;
    headgate_->set_failpoints("");
    const Status again = headgate_->Start();
    ASSERT_TRUE(again.ok()) << again.error().what;
    UntilNamed(name);
  }
}

}  // namespace
}  // namespace headgate::test
