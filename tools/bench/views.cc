#include "tools/bench/views.h"

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/sql/column_type.h"
#include "tools/bench/measure.h"
#include "tools/bench/shard.h"

namespace headgate::bench {
namespace {

constexpr long kSensors = 10'000;
constexpr long kGroups = 1'000'000;
constexpr double kLimitSeconds = 120;
constexpr std::size_t kMemory = std::size_t{1} << 30;

struct Case {
  const char* name;
  const char* budget;
  const char* sql;
  bool hot = false;  // every group is there, and in memory
};

constexpr const char* kThermostat =
    "CREATE VIEW decisions AS SELECT r.sensor, r._seq AS seq, r._ordinal AS ordinal, CASE WHEN r.value > s.desired + 1 "
    "THEN 'Off' WHEN r.value < s.desired - 1 THEN 'On' END AS command FROM readings r JOIN s.public.settings FOR "
    "SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.id = r.sensor; CREATE MATERIALIZED VIEW v AS SELECT sensor, command, "
    "seq, ordinal FROM (SELECT d.sensor, d.command, d.seq, d.ordinal, LAG(d.command) OVER (PARTITION BY d.sensor ORDER "
    "BY d.seq, d.ordinal) AS previous FROM decisions d WHERE d.command IS NOT NULL) x WHERE x.previous IS DISTINCT "
    "FROM "
    "x.command";
constexpr Case kCases[] = {
    {"filter", "2 000 000", "CREATE MATERIALIZED VIEW v AS SELECT sensor, value FROM readings WHERE value > 60"},
    {"lookup join", "1 000 000",
     "CREATE MATERIALIZED VIEW v AS SELECT r.sensor, r.value, s.desired FROM readings r JOIN s.public.settings FOR "
     "SYSTEM_TIME AS OF LOG_POSITION() AS s ON s.id = r.sensor"},
    {"thermostat", "700 000", kThermostat},
    {"count and sum by 1 M groups", "500 000",
     "CREATE MATERIALIZED VIEW v AS SELECT wide, count(*) AS n, sum(amount) AS total FROM readings GROUP BY wide",
     true},
    {"top 3 of each of 10 000", "150 000",
     "CREATE MATERIALIZED VIEW v AS SELECT sensor, value, rank FROM (SELECT sensor, value, row_number() OVER "
     "(PARTITION BY sensor ORDER BY value DESC) AS rank FROM readings) x WHERE rank <= 3"},
};

Column ColumnOf(const char* name, sql::Type type, int key = 0) {
  Column column;
  column.name = name;
  column.type = sql::ToColumn(type);
  column.key_position = key;
  column.nullable = key == 0;
  return column;
}

std::uint64_t Mix(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  return x;
}

void WriteSettings(Log& log) {
  const auto writer = Must(log.OpenWriter("s", "s", "postgresql"));
  TableSchema schema;
  schema.schema = "public";
  schema.table = "settings";
  schema.columns = {ColumnOf("id", sql::TypeId::kInt4, 1), ColumnOf("desired", sql::TypeId::kFloat8)};
  const StreamNo stream = writer->OpenStream("public", "settings");
  const std::uint32_t version = writer->DefineSchema(stream, schema, 0, 0);
  Transaction tx;
  tx.info.position = {PositionKind::kPgCommit, 1, 0, 0, {}};
  for (long id = 0; id < kSensors; ++id) {
    tx.StartChange(Op::kInsert, stream, version, 1);
    std::string& row = tx.StartRow(RowImage::kAfter);
    PutInt(row, id);
    PutDouble(row, 45);
    tx.EndRow();
    tx.EndChange();
  }
  Must(writer->Append(std::span(&tx, 1), std::nullopt));
}

std::unique_ptr<LogWriter> OpenReadings(Log& log, StreamNo& stream, std::uint32_t& version) {
  auto writer = Must(log.OpenWriter("readings", "readings", "http"));
  TableSchema schema;
  schema.table = "readings";
  schema.columns = {ColumnOf("sensor", sql::TypeId::kInt4), ColumnOf("value", sql::TypeId::kFloat8),
                    ColumnOf("wide", sql::TypeId::kInt8), ColumnOf("amount", sql::TypeId::kInt4)};
  stream = writer->OpenStream("", "readings");
  version = writer->DefineSchema(stream, schema, 0, 0);
  Must(writer->Append({}, std::nullopt));
  return writer;
}

enum class Spread { kRandom, kEach };  // of the groups: each in turn

// What a batch of them holds appears in the log at once.
void WriteReadings(LogWriter& writer, StreamNo stream, std::uint32_t version, long events,
                   Spread spread = Spread::kRandom, std::size_t batch_transactions = 50) {
  std::vector<Transaction> batch;
  const std::uint64_t first = writer.progress().last ? writer.progress().last->a : 0;
  for (long at = 0; at < events;) {
    Transaction& tx = batch.emplace_back();
    tx.info.position = {PositionKind::kIngest, first + 1 + static_cast<std::uint64_t>(at / kPerTransaction), 0, 0, {}};
    for (long i = 0; i < kPerTransaction && at < events; ++i, ++at) {
      const std::uint64_t random = Mix(static_cast<std::uint64_t>(at) + 1);
      tx.StartChange(Op::kInsert, stream, version, 0);
      std::string& row = tx.StartRow(RowImage::kAfter);
      PutInt(row, static_cast<std::int64_t>(random % kSensors));
      PutDouble(row, 40 + static_cast<double>(random / kSensors % 1000) / 100);
      PutInt(row, static_cast<std::int64_t>((spread == Spread::kRandom ? random : static_cast<std::uint64_t>(at)) %
                                            kGroups));
      PutInt(row, static_cast<std::int64_t>(random % 100));
      tx.EndRow();
      tx.EndChange();
    }
    if (batch.size() < batch_transactions && at < events) continue;
    Must(writer.Append(batch, std::nullopt));
    batch.clear();
  }
}

// What the same lookups cost in a loop over the rows in memory.
double Reference(long events) {
  std::unordered_map<std::int64_t, double> table;
  for (long id = 0; id < kSensors; ++id) table[id] = 45;
  const double begin = Seconds();
  double sum = 0;
  for (long at = 0; at < events; ++at) {
    const std::uint64_t random = Mix(static_cast<std::uint64_t>(at) + 1);
    sum += table[static_cast<std::int64_t>(random % kSensors)];
  }
  const double took = Seconds() - begin;
  if (sum < 0) std::puts("");
  return static_cast<double>(events) / took;
}

void RunCase(const Case& one, long events) {
  Shard shard;
  WriteSettings(shard.log());
  StreamNo stream = 0;
  std::uint32_t version = 0;
  const auto writer = OpenReadings(shard.log(), stream, version);
  shard.Open(kMemory);
  if (const auto refused = shard.Define(one.sql)) Must(ConfigError(*refused));
  WriteReadings(*writer, stream, version, one.hot ? kGroups : kSensors, one.hot ? Spread::kEach : Spread::kRandom);
  if (!shard.Apply()) Must(Transient("the views did not come to the end"));
  if (one.hot) {
    events /= 2;  // in one write: before it the views have nothing to do, and nothing leaves their memory
    WriteReadings(*writer, stream, version, events, Spread::kRandom, static_cast<std::size_t>(events));
  } else {
    shard.Close();
    WriteReadings(*writer, stream, version, events);
    shard.Open(kMemory);
  }
  const double begin = Seconds();
  const double cpu = CpuSeconds(::getpid());
  const std::string name = std::string("  ") + one.name;
  if (shard.Apply(kLimitSeconds)) {
    Line(name.c_str(), static_cast<double>(events) / (Seconds() - begin), "events/s", one.budget);
    Line("    on one core, by CPU", static_cast<double>(events) / (CpuSeconds(::getpid()) - cpu), "events/s", "");
  } else {
    std::printf("%-52s unfinished after %.0f s %s\n", name.c_str(), kLimitSeconds, one.budget);
  }
  PeakMemoryLine(::getpid(), kMemory);
}

}  // namespace

void Views(long events, const std::string& query) {
  std::printf("views from the log, %ld events in transactions of %ld\n", events, kPerTransaction);
  Line("  a hash lookup of each in memory", Reference(events), "events/s", "reference");
  for (const Case& one : kCases) {
    if (std::string_view(one.name).starts_with(query)) RunApart([&] { RunCase(one, events); });
  }
}

}  // namespace headgate::bench
