#include "tests/e2e/table_sink.h"

// Rows that a table does not take: what becomes of them, and of what comes behind them.
namespace headgate::test {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class TableLetters : public TableSink {
 protected:
  // Table `parts` of the shop, and the one that it goes to, which takes less.
  void SetUp() override {
    TableSink::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Exec("CREATE TABLE public.parts (id int PRIMARY KEY, name text, price int, drawing bytea)");
    Exec("INSERT INTO public.parts SELECT i, 'part ' || i, i, '\\x00ff' FROM generate_series(1, 2000) i");
    At("CREATE TABLE " + In("parts") + " (id int PRIMARY KEY, name " + (postgres() ? "text" : "longtext") +
       ", price int, drawing " + (postgres() ? "bytea" : "longblob") + ", CONSTRAINT cheap CHECK (price < 1000000))");
    Create("shop", shop_->Source());
  }
  void CopyParts(ConnectorSettings more = {}) {
    more.insert({"topics.regex", "shop\\.public\\.parts"});
    Create("copy", Sink(std::move(more)));
    ASSERT_TRUE(WaitFor([&] { return CountAt() == "2000"; }, seconds(30))) << Status();
  }
  std::string CountAt(const std::string& where = "true") {
    return ValueAt("SELECT count(*) FROM " + In("parts") + " WHERE " + where);
  }
  std::string Status() { return Call("GET", "/connectors/copy/status", 200).dump() + headgate_->Stderr(); }
  json Letters() { return Call("GET", "/api/v1/connectors/copy/dead-letters?limit=50", 200)["items"]; }
  bool HasLetters(std::size_t count) {
    return WaitFor([&] { return Letters().size() == count; }, seconds(30));
  }
  void RetryAll() { Call("POST", "/api/v1/connectors/copy/dead-letters/retry", 202, {{"filter", {{"all", true}}}}); }
  void TakeEverything() { At("ALTER TABLE " + In("parts") + " DROP CONSTRAINT cheap"); }
  void ExpectSameParts() {
    const std::string sum =
        "SELECT CONCAT(count(*), ' ', COALESCE(sum(id), 0), ' ', COALESCE(sum(price), 0), ' ', COALESCE(min(name), "
        "''), "
        "' ', COALESCE(max(name), '')) FROM ";
    const std::string wanted = *shop_->database().Value(sum + "public.parts");
    EXPECT_TRUE(WaitFor([&] { return ValueAt(sum + In("parts")) == wanted; }, seconds(30)))
        << ValueAt(sum + In("parts")) << " instead of " << wanted << Status();
  }
};

TEST_P(TableLetters, ARejectedRowIsALetterAndTheRestGoesOnUntilItIsTriedAgain) {
  CopyParts();
  Exec("UPDATE public.parts SET price = CASE WHEN id % 700 = 0 THEN 5000000 ELSE price + 1 END, drawing = '\\x0102'");
  ASSERT_TRUE(HasLetters(2)) << Letters() << Status();
  EXPECT_TRUE(WaitFor([&] { return CountAt("price = id + 1") == "1998"; })) << CountAt("price = id + 1");
  EXPECT_EQ(StateOf("copy"), "RUNNING");
  const json letter = Letters()[0];
  EXPECT_EQ(letter["stream"], "shop.public.parts");
  const json whole = Call("GET", "/api/v1/connectors/copy/dead-letters/" + letter["id"].get<std::string>(), 200);
  EXPECT_EQ(whole["record"]["after"]["price"], 5'000'000) << whole;
  EXPECT_EQ(whole["error"]["class"], "rejected") << whole;
  EXPECT_THAT(whole.dump(), ::testing::Not(HasSubstr("5000000 violates")));
  // It fails again for as long as the table is as it is.
  Call("POST", "/api/v1/connectors/copy/dead-letters/" + letter["id"].get<std::string>() + "/retry", 202);
  EXPECT_TRUE(WaitFor([&] { return Letters()[0]["attempts"] == 2; })) << Letters();
  TakeEverything();
  headgate_->KillHard();
  ASSERT_TRUE(headgate_->Start().ok());
  RetryAll();
  EXPECT_TRUE(HasLetters(0)) << Letters();
  ExpectSameParts();
  EXPECT_EQ(CountAt(postgres() ? "drawing = '\\x0102'" : "drawing = X'0102'"), "2000");
}

TEST_P(TableLetters, ALaterChangeOfTheRowTakesThePlaceOfItsLetter) {
  CopyParts();
  Exec("UPDATE public.parts SET price = 5000000 WHERE id IN (7, 8, 9)");
  ASSERT_TRUE(HasLetters(3)) << Status();
  Exec("UPDATE public.parts SET price = 70 WHERE id = 7");
  Exec("DELETE FROM public.parts WHERE id = 8");
  Exec("UPDATE public.parts SET id = 9009, price = 90 WHERE id = 9");
  ExpectSameParts();
  EXPECT_TRUE(HasLetters(0)) << Letters();
  // In one batch: the bad state is never seen.
  Exec("UPDATE public.parts SET price = 5000000 WHERE id = 10; UPDATE public.parts SET price = 10 WHERE id = 10");
  Exec("UPDATE public.parts SET price = 5000000 WHERE id = 11");
  ASSERT_TRUE(HasLetters(1)) << Status();
  Exec("TRUNCATE public.parts");
  EXPECT_TRUE(HasLetters(0)) << Letters();
  ExpectSameParts();
}

// Large texts that did not change are not sent: such a change cannot be written before the one that it builds on.
TEST_P(TableLetters, APartOfARowWaitsBehindItsLetter) {
  CopyParts();
  Exec(
      "INSERT INTO public.parts SELECT 5000, string_agg(md5(x::text), ''), 5000000, '' FROM "
      "generate_series(1, 2000) x");
  ASSERT_TRUE(HasLetters(1)) << Status();
  Exec("UPDATE public.parts SET price = 50 WHERE id = 5000");
  ASSERT_TRUE(HasLetters(2)) << Letters() << Status();
  EXPECT_EQ(Letters()[1]["state"], "parked") << Letters();
  TakeEverything();
  RetryAll();
  EXPECT_TRUE(HasLetters(0)) << Letters();
  ExpectSameParts();
}

TEST_P(TableLetters, NeitherARowNorItsLetterIsLostByAKillAnywhere) {
  CopyParts();
  int id = 100;
  for (const char* point :
       {"table.refused", "deliver.before_cursor", "deliver.cursor", "table.written", "table.committed"}) {
    headgate_->KillHard();
    headgate_->set_failpoints(std::string(point) + "=kill:1");
    ASSERT_TRUE(headgate_->Start().ok());
    ++id;
    Exec("UPDATE public.parts SET price = price + 5000000 * (id = " + std::to_string(id) + ")::int");
    EXPECT_TRUE(headgate_->WaitEnd(seconds(30)).has_value()) << point << " was never reached";
    headgate_->set_failpoints("");
    ASSERT_TRUE(headgate_->Start().ok());
    Exec("UPDATE public.parts SET name = name || '!' WHERE id < 100");
    ASSERT_TRUE(WaitFor([&] { return CountAt("name LIKE '%!'") == "99"; }, seconds(30))) << Status();
    Exec("UPDATE public.parts SET name = 'part ' || id WHERE id < 100");
  }
  EXPECT_TRUE(HasLetters(5)) << Letters();
  TakeEverything();
  RetryAll();
  EXPECT_TRUE(HasLetters(0)) << Letters();
  ExpectSameParts();
}

TEST_P(TableLetters, ATableThatTakesNothingStopsTheSinkAndSoDoesARowIfThatIsWanted) {
  CopyParts();
  Exec("UPDATE public.parts SET price = 5000000");
  EXPECT_TRUE(WaitFor([&] { return StateOf("copy") == "FAILED"; }, seconds(30))) << Status();
  EXPECT_THAT(Call("GET", "/connectors/copy/status", 200).dump(), HasSubstr("took none of the last 100 rows"));
  EXPECT_EQ(Letters().size(), 0U);
  TakeEverything();
  Call("POST", "/connectors/copy/restart", 204);
  ExpectSameParts();
  At("ALTER TABLE " + In("parts") + " ADD CONSTRAINT named CHECK (price > 5)");
  ConnectorSettings settings = Sink({{"on_rejected", "stop"}, {"topics.regex", "shop\\.public\\.parts"}});
  Call("PUT", "/connectors/copy/stop", 204);
  ASSERT_TRUE(WaitFor([&] { return StateOf("copy") == "STOPPED"; }));
  Call("PUT", "/connectors/copy/config", 200, settings);
  Exec("UPDATE public.parts SET price = 4 WHERE id = 6");
  Call("PUT", "/connectors/copy/resume", 202);
  EXPECT_TRUE(WaitFor([&] { return StateOf("copy") == "FAILED"; }, seconds(30))) << Status();
  EXPECT_THAT(Call("GET", "/connectors/copy/status", 200).dump(), HasSubstr("on_rejected=dead_letter"));
}

TEST_P(TableLetters, AnAddedRowThatIsTriedAgainIsThereOnce) {
  At("DROP TABLE " + In("parts"));
  CopyParts({{"mode", "append"}});
  At("ALTER TABLE " + In("parts") + " ADD CONSTRAINT named CHECK (price < 1000000)");
  Exec("UPDATE public.parts SET price = 5000000 WHERE id IN (3, 4)");
  ASSERT_TRUE(HasLetters(2)) << Status();
  At("ALTER TABLE " + In("parts") + " DROP CONSTRAINT named");
  headgate_->KillHard();
  headgate_->set_failpoints("table.letter=kill:1");
  ASSERT_TRUE(headgate_->Start().ok());
  static_cast<void>(
      headgate_->Call("POST", "/api/v1/connectors/copy/dead-letters/retry", R"({"filter":{"all":true}})"));
  EXPECT_TRUE(headgate_->WaitEnd(seconds(30)).has_value());
  headgate_->set_failpoints("");
  ASSERT_TRUE(headgate_->Start().ok());
  RetryAll();
  EXPECT_TRUE(HasLetters(0)) << Letters();
  EXPECT_EQ(CountAt("price = 5000000"), "2");
  EXPECT_EQ(CountAt(), "2002");
}

// A row of the state is in no log; its letter says all the same what to write.
TEST_P(TableLetters, ARowOfTheStateMayBeALetterToo) {
  CopyParts();
  At("DELETE FROM " + In("parts"));
  At("ALTER TABLE " + In("parts") + " ADD CONSTRAINT named CHECK (price <> 77)");
  const json made = Call("POST", "/api/v1/connectors/copy/snapshots", 201, {{"mode", "full"}});
  const std::string path = "/api/v1/connectors/copy/snapshots/" + made["id"].get<std::string>();
  EXPECT_TRUE(WaitFor([&] { return Call("GET", path, 200)["state"] == "completed"; }, seconds(30))) << Status();
  ASSERT_TRUE(HasLetters(1)) << Letters();
  EXPECT_EQ(CountAt(), "1999");
  At("ALTER TABLE " + In("parts") + " DROP CONSTRAINT named");
  RetryAll();
  ExpectSameParts();
}

INSTANTIATE_TEST_SUITE_P(Servers, TableLetters,
                         ::testing::Values(Warehouse::kPostgres, Warehouse::kMysql, Warehouse::kMariadb),
                         [](const auto& server) { return NameOf(server.param); });

}  // namespace
}  // namespace headgate::test
