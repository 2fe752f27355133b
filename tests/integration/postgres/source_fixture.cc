#include "tests/integration/postgres/source_fixture.h"

#include "core/base/encoding.h"

namespace headgate::test {
namespace {

constexpr auto kPatience = std::chrono::seconds(20);

std::map<std::string, std::string> ShownRow(std::string_view row, const TableSchema& schema) {
  std::vector<Value> values;
  EXPECT_TRUE(ReadRow(row, values).ok());
  EXPECT_EQ(values.size(), schema.columns.size());
  std::map<std::string, std::string> shown;
  for (std::size_t i = 0; i < values.size() && i < schema.columns.size(); ++i)
    shown[schema.columns[i].name] = Shown(values[i]);
  return shown;
}

bool IsRow(Op op) {
  return op == Op::kInsert || op == Op::kUpdate || op == Op::kDelete || op == Op::kRead || op == Op::kTruncate;
}

}  // namespace

std::string Shown(const Value& v) {
  switch (v.kind) {
    case ValueKind::kNull:
      return "NULL";
    case ValueKind::kAbsent:
      return "absent";
    case ValueKind::kBool:
      return v.b ? "true" : "false";
    case ValueKind::kInt:
    case ValueKind::kDate:
    case ValueKind::kTime:
      return std::to_string(v.i);
    case ValueKind::kUint:
      return std::to_string(v.u);
    case ValueKind::kFloat:
    case ValueKind::kDouble:
      return std::to_string(v.d);
    case ValueKind::kTimestamp:
    case ValueKind::kTimestampTz:
      return "us " + std::to_string(v.i);
    case ValueKind::kTimeTz:
      return std::to_string(v.i) + " " + std::to_string(v.aux);
    case ValueKind::kInterval:
      return std::to_string(v.aux) + " " + std::to_string(v.i2) + " " + std::to_string(v.i);
    case ValueKind::kBytes:
    case ValueKind::kRawText:
    case ValueKind::kUuid:
      return Hex(v.text);
    case ValueKind::kArray: {
      ArrayReader in(v.text);
      std::string out = "{";
      for (const auto& d : in.dimensions())
        out += "[" + std::to_string(d.lower_bound) + "+" + std::to_string(d.length) + "]";
      while (!in.done()) out += Shown(in.Next()) + ";";
      return out + "}";
    }
    case ValueKind::kComposite: {
      CompositeReader in(v.text);
      std::string out = "(";
      while (!in.done()) out += Shown(in.Next()) + ";";
      return out + ")";
    }
    default:
      return std::string(v.text);
  }
}

Result<std::unique_ptr<SourceRig>> SourceRig::Create(const TestDatabase& db,
                                                     std::map<std::string, std::string> settings) {
  std::unique_ptr<SourceRig> rig(new SourceRig());
  HG_ASSIGN_OR_RETURN(rig->store_, Store::Open(rig->dir_.path() + "/data"));
  HG_ASSIGN_OR_RETURN(rig->log_, Log::Open(*rig->store_, SystemClock()));
  rig->reader_ = rig->log_->NewReader();
  const SharedPostgres& server = db.postgres();
  rig->settings_ = {{"name", "shop"},
                    {"connector.class", "postgres"},
                    {"host", server.host()},
                    {"port", std::to_string(server.port())},
                    {"dbname", db.name()},
                    {"username", server.user()},
                    {"tables", "public.*"},
                    {"slot_name", "s_" + db.name()},
                    {"publication_name", "p_" + db.name()},
                    {"status_interval_ms", "20"}};
  if (!server.password().empty()) rig->settings_["password"] = server.password();
  for (const auto& [key, value] : settings) rig->settings_[key] = value;
  return rig;
}

Status SourceRig::Start() {
  Abandon();
  const SourceFactory& factory = postgres::Factory();
  auto outcome = config::Bind(*factory.spec, settings_, nullptr);
  for (const auto& error : outcome.errors) return ConfigError(error.key + ": " + error.text);
  for (const auto& error : factory.check(outcome.bound)) return ConfigError(error.key + ": " + error.text);
  bound_ = std::move(outcome.bound);
  HG_ASSIGN_OR_RETURN(writer_, log_->OpenWriter("shop", bound_.Text("source_id"), factory.connector));
  source_ = factory.create("shop", bound_, SystemClock());
  return source_->Open(*writer_, stop_.get_token());
}

Status SourceRig::Turn() {
  SourceBatch batch;
  HG_RETURN_IF_ERROR(source_->Read(batch, stop_.get_token()));
  if (!batch.transactions.empty() || batch.resume) {
    const auto appended = writer_->Append(batch.transactions, batch.resume);
    if (!appended.ok()) return appended.error();
  }
  return source_->Acknowledge();
}

Status SourceRig::ReadAndForget() {
  SourceBatch batch;
  return source_->Read(batch, stop_.get_token());
}

::testing::AssertionResult SourceRig::Until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline)
      return ::testing::AssertionFailure() << "did not happen within 20 s";
    const Status turned = Turn();
    if (!turned.ok()) return ::testing::AssertionFailure() << turned.error().what;
  }
  return ::testing::AssertionSuccess();
}

::testing::AssertionResult SourceRig::UntilSeen(const std::string& table, const std::string& id) {
  return Until([&] {
    for (const LoggedChange& change : Changes(table)) {
      if (change.has_after && change.after.contains("id") && change.after.at("id") == id) return true;
    }
    return false;
  });
}

const std::vector<LoggedTransaction>& SourceRig::Read() {
  LogReader::Block block;
  for (;;) {
    const auto more = reader_->Next(block);
    EXPECT_TRUE(more.ok()) << more.error().what;
    if (!more.ok() || !*more) return transactions_;
    const auto registry = log_->registry();
    if (transactions_.empty() || transactions_.back().seq != block.seq)
      transactions_.push_back({block.seq, *block.info, {}});
    ChangeReader reader = block.Changes();
    Change change;
    while (reader.Next(change)) {
      LoggedChange& logged = transactions_.back().changes.emplace_back();
      logged.op = change.op;
      logged.schema = change.schema;
      logged.ordinal = change.ordinal;
      logged.place = change.place;
      logged.extra = change.extra;
      if (change.stream == 0) continue;
      const StreamInfo* stream = registry->Stream(change.stream);
      const TableSchema* schema = registry->Schema(change.stream, change.schema);
      EXPECT_NE(stream, nullptr);
      EXPECT_NE(schema, nullptr) << "version " << change.schema;
      if (stream == nullptr || schema == nullptr) continue;
      logged.stream = stream->schema + "." + stream->table;
      logged.has_before = change.has_before;
      logged.has_after = change.has_after;
      if (change.has_before) logged.before = ShownRow(change.before, *schema);
      if (change.has_after) logged.after = ShownRow(change.after, *schema);
    }
    EXPECT_FALSE(reader.failed());
  }
}

std::vector<LoggedChange> SourceRig::Changes(const std::string& table) {
  std::vector<LoggedChange> changes;
  for (const LoggedTransaction& tx : Read()) {
    for (const LoggedChange& change : tx.changes) {
      if (change.stream == table && IsRow(change.op)) changes.push_back(change);
    }
  }
  return changes;
}

std::shared_ptr<const TableSchema> SourceRig::Schema(const std::string& table) {
  const auto registry = log_->registry();
  const StreamInfo* stream = registry->FindStream("shop." + table);
  if (stream == nullptr) return nullptr;
  return registry->schemas[stream->number - 1].back();
}

std::vector<std::string> SourceRig::KeyOf(const LoggedChange& change) {
  const auto registry = log_->registry();
  const StreamInfo* stream = registry->FindStream("shop." + change.stream);
  const TableSchema* schema = stream == nullptr ? nullptr : registry->Schema(stream->number, change.schema);
  std::vector<std::string> names;
  if (schema == nullptr) return names;
  for (const std::size_t i : schema->EventKey()) names.push_back(schema->columns[i].name);
  return names;
}

std::map<std::string, std::map<std::string, std::string>> SourceRig::Fold(const std::string& table,
                                                                          const std::string& key) {
  std::map<std::string, std::map<std::string, std::string>> rows;
  for (const LoggedChange& change : Changes(table)) {
    if (change.op == Op::kTruncate) {
      rows.clear();
      continue;
    }
    std::map<std::string, std::string> old;
    const auto& known = change.has_before ? change.before : change.after;
    if (const auto it = rows.find(known.at(key)); it != rows.end()) old = it->second;
    if (change.has_before) rows.erase(change.before.at(key));
    if (!change.has_after) continue;
    auto& row = rows[change.after.at(key)];
    for (const auto& [column, value] : change.after) row[column] = value == "absent" ? old[column] : value;
  }
  return rows;
}

Result<std::map<std::string, std::map<std::string, std::string>>> TableOf(TestDatabase& db, const std::string& table,
                                                                          const std::string& key) {
  HG_ASSIGN_OR_RETURN(const auto columns, db.Query("SELECT attname FROM pg_attribute WHERE attrelid = '" + table +
                                                   "'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"));
  std::string list;
  for (const auto& column : columns) list += (list.empty() ? "" : ", ") + ("\"" + *column[0] + "\"::text");
  HG_ASSIGN_OR_RETURN(const auto rows, db.Query("SELECT " + list + " FROM " + table));
  std::map<std::string, std::map<std::string, std::string>> result;
  for (const auto& row : rows) {
    std::map<std::string, std::string> shown;
    for (std::size_t i = 0; i < row.size(); ++i) shown[*columns[i][0]] = row[i].value_or("NULL");
    result[shown.at(key)] = shown;
  }
  return result;
}

void SourceTest::Begin(const std::string& sql, std::map<std::string, std::string> settings) {
  HG_WITH_SERVER("postgres", db_, TestDatabase::Create());
  Run(sql);
  auto rig = SourceRig::Create(*db_, std::move(settings));
  ASSERT_TRUE(rig.ok()) << rig.error().what;
  rig_ = std::move(rig).value();
}

void SourceTest::Start() {
  const Status started = rig_->Start();
  ASSERT_TRUE(started.ok()) << started.error().what;
}

void SourceTest::Run(const std::string& sql) {
  const Status done = db_->Exec(sql);
  ASSERT_TRUE(done.ok()) << done.error().what;
}

void SourceTest::ExpectSameAsSource(const std::string& table, const std::string& key) {
  const auto expected = TableOf(*db_, table, key);
  ASSERT_TRUE(expected.ok()) << expected.error().what;
  EXPECT_EQ(rig_->Fold(table, key), *expected);
}

std::string SourceTest::Ask(const std::string& sql) {
  const auto value = db_->Value(sql);
  EXPECT_TRUE(value.ok()) << value.error().what;
  return value.ok() ? *value : "";
}

}  // namespace headgate::test
