// Bodies of posted events: whatever comes, the reader ends with a transaction whose rows fit their schema and can be
// rendered, or says what is wrong. The first byte chooses how the body is read.
#include <cstdint>
#include <string>

#include "connectors/http/event_reader.h"
#include "core/base/check.h"
#include "core/codec/debezium.h"
#include "core/codec/native.h"
#include "tests/fuzz/input.h"

namespace headgate {
namespace {

constexpr const char* kColumns =
    "i int NOT NULL DEFAULT 1, s int2, l int8, d float8, r real, n numeric, p numeric(6,2), t text, v varchar(3), c "
    "char(4), b bytea, o boolean, z timestamptz, y date, k interval, u uuid, j json, x jsonb, g inet, w int4range, a "
    "int4[], e text[], q jsonb[], m bit(3)";

struct Reading {
  http::EventLayout layout{*sql::ParseColumns(kColumns), 1, 1};
  TableSchema schema = sql::MakeSchema(layout.columns, "events");
  http::EventReader reader{layout};
  codec::NativeEncoder native;
};

void CheckRows(Reading& reading, const Transaction& tx, std::size_t events) {
  CHECK(tx.changes() == events && events > 0);
  std::vector<Value> values;
  std::string out;
  TransactionInfo info;
  info.position = {PositionKind::kIngest, 1, 0, 0, {}};
  for (const auto& block : tx.blocks()) {
    Change change;
    ChangeReader changes(block.bytes, block.first_ordinal);
    while (changes.Next(change)) {
      CHECK(ReadRow(change.after, values).ok());
      CHECK(values.size() == reading.schema.columns.size());
      codec::EventContext event;
      event.tx = &info;
      event.change = &change;
      event.schema = &reading.schema;
      event.schema_version = 1;
      out.clear();
      CHECK(reading.native.Append(out, event).ok());
    }
    CHECK(!changes.failed());
  }
}

}  // namespace
}  // namespace headgate

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  static Reading reading;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] == 'c') {
    static_cast<void>(sql::ParseColumns(text));
    return 0;
  }
  IntakeRequest request;
  request.body = text;
  request.lines = data[0] == 'l';
  request.gzip = data[0] == 'g';
  request.bytes_max = 1 << 16;
  request.key = data[0] == 'k' ? "k" : "";
  reading.layout.reject_unknown = data[0] == 'r';
  reading.reader.Prepare(request);
  const auto& prepared = *request.prepared;
  if (prepared.transaction) {
    CheckRows(reading, *prepared.transaction, prepared.transaction->changes());
  } else {
    CHECK(prepared.refusal.kind != IntakeAnswer::Kind::kUnavailable);
    CHECK(!prepared.refusal.text.empty());
    CHECK(prepared.refusal.faults.size() <= 100);
  }
  return 0;
}
