#include "tools/bench/restart.h"

#include <cstdint>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/sql/column_type.h"
#include "tests/support/headgate_process.h"
#include "tools/bench/measure.h"
#include "tools/bench/shard.h"

namespace headgate::bench {
namespace {

constexpr long kTransactions = 100;  // appended at once
constexpr std::size_t kNoteBytes = 500;
constexpr const char* kGroupedView =
    "CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS n, sum(amount) AS total, max(note) AS note FROM facts GROUP "
    "BY k";

Column ColumnOf(const char* name, sql::TypeId type) {
  Column column;
  column.name = name;
  column.type = sql::ToColumn(type);
  column.nullable = false;
  return column;
}

// Text that does not compress.
std::string Note(std::uint64_t seed) {
  std::string note(kNoteBytes, ' ');
  for (char& c : note) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>('!' + (seed >> 33) % 90);
  }
  return note;
}

std::uint64_t StateBytes(Shard& shard) {
  std::uint64_t bytes = 0;
  for (const Family family : {Family::kState, Family::kRows}) {
    Must(shard.store().Flush(family));
    bytes += shard.store().disk_bytes(family);
  }
  return bytes;
}

// A batch of facts, each of a group of its own.
void WriteFacts(LogWriter& writer, StreamNo stream, std::uint32_t version, long first) {
  std::vector<Transaction> batch(kTransactions);
  long key = first;
  for (Transaction& tx : batch) {
    tx.info.position = {PositionKind::kIngest, static_cast<std::uint64_t>(key / kPerTransaction) + 1, 0, 0, {}};
    for (long i = 0; i < kPerTransaction; ++i, ++key) {
      tx.StartChange(Op::kInsert, stream, version, 0);
      std::string& row = tx.StartRow(RowImage::kAfter);
      PutInt(row, key);
      PutInt(row, key % 100);
      PutBlob(row, ValueKind::kText, Note(static_cast<std::uint64_t>(key)));
      tx.EndRow();
      tx.EndChange();
    }
  }
  Must(writer.Append(batch, std::nullopt));
}

// The seq that the views have applied.
Seq Build(const std::string& directory, double gib) {
  Shard shard(directory);
  const auto writer = Must(shard.log().OpenWriter("facts", "facts", "http"));
  TableSchema schema;
  schema.table = "facts";
  schema.columns = {ColumnOf("k", sql::TypeId::kInt8), ColumnOf("amount", sql::TypeId::kInt8),
                    ColumnOf("note", sql::TypeId::kText)};
  const StreamNo stream = writer->OpenStream("", "facts");
  const std::uint32_t version = writer->DefineSchema(stream, schema, 0, 0);
  Must(writer->Append({}, std::nullopt));
  shard.Open(kViewsMemory);
  if (const auto refused = shard.Define(kGroupedView)) Must(ConfigError(*refused));
  const double begin = Seconds();
  long groups = 0;
  while (static_cast<double>(StateBytes(shard)) < gib * 0x1p30) {
    WriteFacts(*writer, stream, version, groups);
    groups += kTransactions * kPerTransaction;
    if (!shard.Apply()) Must(Transient("the views did not come to the end"));
    RetentionPolicy policy;  // the log is not what is measured
    policy.bytes_max = 64 << 20;
    policy.keep_from = shard.views().applied() + 1;
    Must(shard.log().Trim(policy, 0));
  }
  Line("groups, each with a text of 500 bytes", static_cast<double>(groups), "", "");
  Line("  state and rows of the view on disk", static_cast<double>(StateBytes(shard)) / 0x1p30, "GiB", "");
  Line("  built in", Seconds() - begin, "s", "");
  return shard.views().applied();
}

double ReadMiB(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/io");
  std::string name;
  double bytes = 0;
  in >> name >> bytes;  // rchar
  return bytes / 0x1p20;
}

void Start(test::HeadgateProcess& headgate, const char* after, Seq applied) {
  const double begin = Seconds();
  Must(headgate.Start());
  const auto answers = [&] {
    const auto answer = headgate.Call("GET", "/api/v1/views/v/rows?key.k=4711");
    return answer.ok() && answer->status == 200 && answer->body.find("\"note\"") != std::string::npos;
  };
  if (!WaitUntil(answers, 120, 1)) Must(Transient("the view does not answer"));
  const double took = Seconds() - begin;
  const double read = ReadMiB(headgate.pid());
  const double cpu = CpuSeconds(headgate.pid());
  const auto status = nlohmann::json::parse(Must(headgate.Call("GET", "/api/v1/views/v")).body);
  const auto& seq = status["applied_seq"];
  const Seq now = seq.is_string() ? std::stoull(seq.get<std::string>()) : seq.get<Seq>();
  Line(("start to a view's answer, after " + std::string(after)).c_str(), took, "s", "(budget: at most 2)");
  Line("  CPU", cpu, "s", "");
  Line("  read from files", read, "MiB", "");
  std::printf("  applied seq before %llu, at the answer %llu%s\n", static_cast<unsigned long long>(applied),
              static_cast<unsigned long long>(now), now == applied ? ": nothing was replayed" : "");
  PeakMemoryLine(headgate.pid(), kViewsMemory);
}

}  // namespace

void Restart(double gib) {
  test::TempDir directory("headgate-bench-");
  const std::string data = directory.path() + "/data";
  const Seq applied = Build(data, gib);
  test::HeadgateOptions options;
  options.data_dir = data;
  options.connectors["facts"] = {{"connector.class", "http"},
                                 {"columns", "k bigint NOT NULL, amount bigint NOT NULL, note text NOT NULL"}};
  test::HeadgateProcess headgate(options);
  Start(headgate, "its end", applied);
  headgate.KillHard();
  Start(headgate, "kill -9", applied);
}

}  // namespace headgate::bench
