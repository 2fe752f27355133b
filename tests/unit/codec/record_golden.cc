#include "tests/unit/codec/record_golden.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/base/encoding.h"

namespace headgate::testing {
namespace {

using K = TypeKind;

std::vector<std::string> OrderRow(std::int64_t id, const char* note) {
  return {Int(id),
          Text("Åsa"),
          Decimal("19.90"),
          TimestampTz(Moment(2026, 3, 4, 5, 6, 7, 123456)),
          Array({Text("new"), Text("gift")}),
          Json(R"({"channel": "web"})"),
          Uuid("a0eebc999c0b4ef8bb6d6bb9bd380a11"),
          Date(20516),
          Bool(true),
          Double(0.5),
          Bytes(std::string("\x00\x01\x02", 3)),
          note == nullptr ? Null() : Text(note)};
}

std::vector<std::string> IdentityRow(std::int64_t id) {
  std::vector<std::string> row(12, Absent());
  row[0] = Int(id);
  return row;
}

std::string Shown(std::string_view bytes, Show show) { return show == Show::kHex ? Hex(bytes) : std::string(bytes); }

}  // namespace

RecordSamples::RecordSamples() : sample_(table_.schema) {
  table_.schema.table = "orders";
  table_.schema.columns[0].type.declared = "bigint";
  const auto add = [&](const char* name, DataType type, const char* declared, bool nullable) {
    type.declared = declared;
    table_.Add(name, std::move(type), nullable);
  };
  add("customer", Type(K::kText, "text"), "text", false);
  add("total", Numeric(10, 2), "numeric(10,2)", true);
  add("placed_at", Type(K::kTimestampTz, "timestamptz"), "timestamp with time zone", false);
  add("tags", ArrayOf(Type(K::kText, "text")), "text[]", false);
  add("meta", Type(K::kJsonb, "jsonb"), "jsonb", true);
  add("ref", Type(K::kUuid, "uuid"), "uuid", true);
  add("due", Type(K::kDate, "date"), "date", true);
  add("paid", Type(K::kBool, "bool"), "boolean", false);
  add("rate", Type(K::kDouble, "float8"), "double precision", true);
  add("raw bytes", Type(K::kBytes, "bytea"), "bytea", true);
  add("note", Type(K::kText, "text"), "text", true);
}

codec::EventContext RecordSamples::Make(std::string_view name) {
  sample_.tx.position = {.kind = PositionKind::kPgCommit, .a = 0x16E9FB0, .b = 0, .c = 0, .text = {}};
  sample_.tx.consistent_at = 0;
  sample_.change.ordinal = 1;
  sample_.change.stream = 4;
  extra_.clear();
  sample_.event.schema = &table_.schema;
  sample_.event.schema_version = 3;
  sample_.event.stream_schema = "public";
  sample_.event.stream_table = "orders";
  sample_.event.stream_name = "shop.public.orders";
  sample_.event.at = {17, 1};
  const std::vector<std::string> row = OrderRow(42, nullptr);
  const std::vector<std::string> noted = OrderRow(42, "a \"note\"");
  std::vector<std::string> partial = noted;
  partial.back() = Absent();
  const std::vector<std::string> identity = IdentityRow(name == "key_change" ? 41 : 42);
  codec::EventContext event;
  if (name == "insert") {
    event = sample_.Change(Op::kInsert, nullptr, &row);
  } else if (name == "update") {
    event = sample_.Change(Op::kUpdate, &row, &noted);
  } else if (name == "unavailable") {
    event = sample_.Change(Op::kUpdate, nullptr, &partial);
  } else if (name == "key_change") {
    event = sample_.Change(Op::kUpdate, &identity, &row);
  } else if (name == "delete") {
    event = sample_.Change(Op::kDelete, &identity, nullptr);
  } else if (name == "read") {
    sample_.tx.position = {.kind = PositionKind::kChunk, .a = 1, .b = 4, .c = 17, .text = {}};
    sample_.tx.consistent_at = 0x16E9000;
    event = sample_.Change(Op::kRead, nullptr, &row);
  } else if (name == "truncate") {
    extra_ = Encode(TruncateExtra{false, true});
    event = sample_.Change(Op::kTruncate, nullptr, nullptr);
  } else if (name == "message") {
    extra_ = Encode(MessageExtra{true, "audit", "user=17"});
    event = sample_.Change(Op::kMessage, nullptr, nullptr);
    event.schema = nullptr;
    event.schema_version = 0;
    event.stream_schema = event.stream_table = event.stream_name = {};
  } else {
    sample_.tx.position = {.kind = PositionKind::kSchema, .a = 0, .b = 4, .c = 3, .text = {}};
    sample_.tx.consistent_at = 0x16E9000;
    sample_.change.ordinal = 0;
    event = sample_.Change(Op::kSchema, nullptr, nullptr);
  }
  sample_.change.extra = extra_;
  return event;
}

std::string RecordLines(codec::RecordEncoder& encoder, Show show) {
  RecordSamples samples;
  codec::RecordList records;
  std::string lines;
  samples.ForEach([&](const char* name, const codec::EventContext& event) {
    lines += std::string(name) + "\n";
    records.Clear();
    const Status status = encoder.Encode(event, "orders", records);
    if (!status.ok()) lines += "  " + std::string(Name(status.error().kind)) + ": " + status.error().what + "\n";
    for (const codec::Record& record : records) {
      lines += "  topic=" + record.topic + "\n";
      lines += record.has_key ? "  key=" + Shown(record.key, show) + "\n" : "  key null\n";
      lines += record.has_value ? "  value=" + Shown(record.value, show) + "\n" : "  value null\n";
      for (const auto& [header, value] : record.headers) lines += "  header " + header + "=" + value + "\n";
      if (!record.id_suffix.empty()) lines += "  suffix=" + std::string(record.id_suffix) + "\n";
    }
  });
  return lines;
}

void ExpectGolden(std::string_view file, const std::string& text) {
  const std::filesystem::path path = std::filesystem::path(HG_RECORDS_DIR) / file;
  if (std::getenv("HEADGATE_WRITE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  std::ifstream in(path, std::ios::binary);
  ASSERT_TRUE(in.good()) << "no " << path << "; HEADGATE_WRITE_GOLDEN=1 writes it";
  std::stringstream expected;
  expected << in.rdbuf();
  EXPECT_EQ(text, expected.str());
}

}  // namespace headgate::testing
