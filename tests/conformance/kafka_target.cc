#include "tests/conformance/kafka_target.h"

#include "tests/support/table_rows.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

constexpr const char* kTables[] = {"customers", "orders"};

}  // namespace

Result<std::unique_ptr<KafkaTarget>> KafkaTarget::Start() {
  static std::unique_ptr<PrivateKafka> server;
  if (server == nullptr) {
    KafkaOptions options;
    options.proxied = true;
    HG_ASSIGN_OR_RETURN(server, PrivateKafka::Start(options));
  }
  server->proxy().Pass();
  HG_ASSIGN_OR_RETURN(KafkaClient client, server->Connect());
  std::unique_ptr<KafkaTarget> target(new KafkaTarget(*server, std::move(client)));
  // One partition: a key that changes may lie in another one than before, and between the two there is no order.
  for (const char* const table : kTables) HG_RETURN_IF_ERROR(target->client_.CreateTopic(target->TopicOf(table), 1));
  return target;
}

KafkaTarget::KafkaTarget(PrivateKafka& server, KafkaClient client) : server_(server), client_(std::move(client)) {
  static int made = 0;
  prefix_ = "c" + std::to_string(++made) + "-";
}

ConnectorSettings KafkaTarget::Settings() const {
  return {{"connector.class", "kafka"},
          {"topics.regex", "shop\\.public\\..*"},
          {"brokers", server_.address(KafkaListener::kProxied)},
          {"topic", prefix_ + "${table}"},
          {"transactional_id", prefix_ + "main"},
          {"progress_topic", prefix_ + "progress"},
          {"tombstones", "false"},
          {"timeout_ms", "5000"},
          {"transaction_timeout_ms", "10000"}};
}

std::vector<std::string> KafkaTarget::failpoints() const {
  return {"kafka.begun", "kafka.written", "kafka.commit", "kafka.committed"};
}

// A broker that finds no room for a record ends at once, and starts when there is room again.
void KafkaTarget::SetFull(bool full) {
  if (full) return server_.KillHard();
  const Status started = server_.StartAgain();
  EXPECT_TRUE(started.ok()) << started.error().what;
}

// The size of an answer.
bool KafkaTarget::Spoil(std::string& bytes) const {
  if (bytes.empty()) return false;
  bytes[0] = '\x7f';
  return true;
}

KafkaTarget::Found KafkaTarget::Look(const std::vector<std::pair<std::string, TableRows>>& tables) {
  Found found;
  Fold fold;
  for (const auto& [table, rows] : tables) {
    const auto records = client_.Read(TopicOf(table));
    if (!records.ok()) return {{records.error().what}, {}};
    for (const KafkaRecord& record : *records) fold.Accept(record.value.value_or("a null value"));
  }
  for (const auto& [table, rows] : tables) {
    for (std::string& text : fold.Difference("public." + table, rows)) found.missing.push_back(std::move(text));
  }
  found.broken = fold.violations();
  if (!replayed && fold.duplicates() > 0)
    found.broken.push_back(std::to_string(fold.duplicates()) + " events are there more than once");
  return found;
}

std::vector<std::string> KafkaTarget::WaitForTables(Shop& shop, std::chrono::seconds limit) {
  std::vector<std::pair<std::string, TableRows>> tables;
  for (const char* const table : kTables) {
    auto rows = ReadTable(shop.database().session(), "public." + std::string(table));
    if (!rows.ok()) return {rows.error().what};
    tables.emplace_back(table, *std::move(rows));
  }
  Found found;
  const auto settled = [&] {
    found = Look(tables);
    return found.missing.empty() || !found.broken.empty();
  };
  WaitFor(settled, limit, std::chrono::milliseconds(200));
  found.missing.insert(found.missing.end(), found.broken.begin(), found.broken.end());
  return found.missing;
}

// Commits, too, have an offset each.
std::uint64_t KafkaTarget::arrived() {
  std::uint64_t count = 0;
  for (const char* const table : kTables) {
    const auto records = client_.Read(TopicOf(table), KafkaIsolation::kUncommitted);
    if (records.ok()) count += records->size();
  }
  return count;
}

}  // namespace headgate::test
