#include "tools/bench/render.h"

#include <ctime>
#include <string>

#include "core/codec/avro_encoder.h"
#include "core/codec/debezium.h"
#include "core/codec/native.h"
#include "core/codec/proto_encoder.h"
#include "core/model/change.h"
#include "tools/bench/measure.h"

namespace headgate::bench {
namespace {

constexpr int kRows = 1'000;
constexpr int kRounds = 2'000;

double ThreadSeconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

TableSchema Orders() {
  TableSchema schema;
  schema.database = "shop";
  schema.schema = "public";
  schema.table = "orders";
  const auto add = [&](const char* name, TypeKind kind, const char* declared, const char* base) {
    Column& column = schema.columns.emplace_back();
    column.name = name;
    column.type.kind = kind;
    column.type.declared = declared;
    column.type.base = base;
    column.key_position = schema.columns.size() == 1 ? 1 : 0;
    column.identity = column.key_position == 1;
    column.nullable = !column.identity;
    return &column;
  };
  add("id", TypeKind::kInt64, "bigint", "int8");
  add("customer", TypeKind::kInt32, "integer", "int4");
  Column& total = *add("total", TypeKind::kDecimal, "numeric(10,2)", "numeric");
  total.type.precision = 10;
  total.type.scale = 2;
  add("note", TypeKind::kText, "text", "text");
  add("paid", TypeKind::kBool, "boolean", "bool");
  add("placed_at", TypeKind::kTimestampTz, "timestamp with time zone", "timestamptz");
  return schema;
}

void Fill(Transaction& transaction) {
  for (int i = 0; i < kRows; ++i) {
    transaction.StartChange(Op::kInsert, 1, 1, 0x16e9f28);
    std::string& row = transaction.StartRow(RowImage::kAfter);
    PutInt(row, 1'000'000 + i);
    PutInt(row, i % 1'000);
    PutBlob(row, ValueKind::kDecimal, std::to_string(i) + ".25");
    PutBlob(row, ValueKind::kText, "order number " + std::to_string(i) + " with a note");
    PutBool(row, i % 2 == 0);
    PutTimestampTz(row, 825'915'967'123'456 + i);
    transaction.EndRow();
    transaction.EndChange({});
  }
}

// `render` is given each change, again and again.
template <class RenderOne>
void Measure(const char* name, const char* budget, const Transaction& transaction, codec::EventContext context,
             const RenderOne& render) {
  const double start = ThreadSeconds();
  for (int round = 0; round < kRounds; ++round) {
    for (const auto& block : transaction.blocks()) {
      ChangeReader changes(block.bytes, block.first_ordinal);
      Change change;
      context.change = &change;
      while (changes.Next(change)) render(context);
    }
  }
  Line(name, static_cast<double>(kRows) * kRounds / (ThreadSeconds() - start), "changes/s a core", budget);
}

}  // namespace

void Render() {
  Transaction transaction;
  Fill(transaction);
  TransactionInfo info;
  info.source = 1;
  info.position = {PositionKind::kPgCommit, 0x16e9f00, 0, 0, {}};
  info.commit_us = info.stored_us = 1'772'600'767'130'211;
  info.id = "556";
  info.total = kRows;
  const TableSchema schema = Orders();
  codec::EventContext context;
  context.tx = &info;
  context.schema = &schema;
  context.schema_version = 1;
  context.source_id = context.source_name = "shop";
  context.connector = "postgresql";
  codec::NativeEncoder native;
  std::string out;
  Measure("a change of 6 columns as native JSON", "(budget: at least 2 M)", transaction, context,
          [&](const codec::EventContext& event) {
            out.clear();
            Must(native.Append(out, event));
          });
  codec::DebeziumEncoder debezium;
  codec::RecordList records;
  Measure("a change of 6 columns as debezium JSON, with key", "(budget: at least 1.2 M)", transaction, context,
          [&](const codec::EventContext& event) {
            records.Clear();
            Must(debezium.Render(event, records));
          });
  codec::AvroEncoder avro({}, true, nullptr);
  Measure("a row of 6 columns as Avro, with key", "(budget: at least 2 M)", transaction, context,
          [&](const codec::EventContext& event) {
            records.Clear();
            Must(avro.Encode(event, "orders", records));
          });
  const auto protobuf = Must(codec::ProtobufEncoder::Make({}, nullptr));
  Measure("a row of 6 columns as Protobuf, with key", "", transaction, context, [&](const codec::EventContext& event) {
    records.Clear();
    Must(protobuf->Encode(event, "orders", records));
  });
}

}  // namespace headgate::bench
