#include "tests/integration/postgres/source_fixture.h"

namespace headgate::test {
namespace {

class PostgresStream : public ::testing::Test {
 protected:
  void Begin(const std::string& sql, std::map<std::string, std::string> settings = {}) {
    HG_WITH_SERVER("postgres", db_, TestDatabase::Create());
    Run(sql);
    auto rig = SourceRig::Create(*db_, std::move(settings));
    ASSERT_TRUE(rig.ok()) << rig.error().what;
    rig_ = std::move(rig).value();
  }
  void Start() {
    const Status started = rig_->Start();
    ASSERT_TRUE(started.ok()) << started.error().what;
  }
  void Run(const std::string& sql) {
    const Status done = db_->Exec(sql);
    ASSERT_TRUE(done.ok()) << done.error().what;
  }
  void ExpectEqualTables(const std::string& table, const std::string& key = "id") {
    const auto expected = TableOf(*db_, table, key);
    ASSERT_TRUE(expected.ok()) << expected.error().what;
    EXPECT_EQ(rig_->Fold(table, key), *expected);
  }

  std::unique_ptr<TestDatabase> db_;
  std::unique_ptr<SourceRig> rig_;
};

TEST_F(PostgresStream, PG13_InitialRowsThenInsertsUpdatesAndDeletesArrive) {
  Begin("CREATE TABLE orders (id int PRIMARY KEY, customer text, total numeric(10,2)); INSERT INTO orders VALUES (1, 'Åsa', 19.9), (2, NULL, 5)");
  if (IsSkipped()) return;
  Start();
  ASSERT_TRUE(rig_->UntilSeen("public.orders", "2"));
  Run("INSERT INTO orders VALUES (3, 'Bo', 1); UPDATE orders SET total = 2 WHERE id = 1; DELETE FROM orders WHERE id = 2; INSERT INTO orders VALUES (4, 'end', 0)");
  ASSERT_TRUE(rig_->UntilSeen("public.orders", "4"));
  ExpectEqualTables("public.orders");
  const auto changes = rig_->Changes("public.orders");
  ASSERT_EQ(changes.size(), 6U);
  EXPECT_EQ(changes[0].op, Op::kRead);
  EXPECT_EQ(changes[0].after.at("total"), "19.90");
  EXPECT_EQ(changes[2].op, Op::kInsert);
  EXPECT_EQ(changes[3].op, Op::kUpdate);
  EXPECT_FALSE(changes[3].has_before);
  EXPECT_EQ(changes[4].op, Op::kDelete);
  EXPECT_EQ(changes[4].before.at("id"), "2");
  EXPECT_EQ(changes[4].before.at("customer"), "absent");
}

}  // namespace
}  // namespace headgate::test
