// A stream of events through the decoder of MySQL and MariaDB, down to rows: table maps, payloads, compressed rows, XA,
// savepoints. The first byte chooses server and options, and whether compressed transactions come in pieces, then
// events follow as in a file of a log without checksums.
#include <cstdint>
#include <cstring>
#include <map>
#include <string>

#include "connectors/mysql/binlog_decoder.h"
#include "core/base/bytes.h"
#include "core/base/check.h"
#include "core/model/value.h"
#include "tests/fuzz/input.h"

namespace headgate::mysql {
namespace {

// Captures every table whose columns are what their types promise, but for one column.
class FuzzBinder final : public Binder {
 public:
  explicit FuzzBinder(Flavor flavor) : flavor_(flavor) {}
  Result<TableBinding> Bind(const TableMap& map, const LogPlace&, std::int64_t) override {
    constexpr std::size_t kExcluded = 5;
    TableBinding binding;
    TextDecoder decoder;
    std::size_t width = 0;
    for (std::size_t i = 0; i < map.columns.size(); ++i) {
      ColumnPlan plan = PlanOf(DeclarationOf(map.columns[i], decoder), flavor_);
      if (!Fits(map.columns[i], plan)) return TableBinding();
      plan.reader.stored = map.columns[i];
      binding.fields.push_back({std::move(plan.reader), i == kExcluded});
      width += i == kExcluded ? 0 : 1;
    }
    binding.stream = static_cast<StreamNo>(widths.size() + 1);
    binding.schema = 1;
    widths[binding.stream] = width;
    return binding;
  }
  Result<std::vector<SchemaChange>> Told(const Statement&, std::string_view, const LogPlace&, std::int64_t) override {
    return std::vector<SchemaChange>();
  }
  Result<TableBinding> BindTruncated(const TableName&, const LogPlace&, std::int64_t) override {
    TableBinding binding;
    binding.stream = binding.schema = 1;
    return binding;
  }

  std::map<StreamNo, std::size_t> widths;  // of streams, in columns

 private:
  const Flavor flavor_;
};

// Whatever becomes a transaction can be read, and has the columns of its tables.
void CheckRows(const Transaction& tx, const FuzzBinder& binder) {
  CHECK(!tx.empty());
  std::vector<Value> values;
  for (const Transaction::Block& block : tx.blocks()) {
    ChangeReader reader(block.bytes, block.first_ordinal);
    for (Change change; reader.Next(change);) {
      for (const std::string_view row : {change.before, change.after}) {
        if (row.empty()) continue;
        values.clear();
        CHECK(ReadRow(row, values).ok());
        CHECK(values.size() == binder.widths.at(change.stream));
      }
    }
    CHECK(!reader.failed());
  }
}

// FORMAT_DESCRIPTION of a log without checksums.
std::string Format() {
  constexpr std::size_t kServerBytes = 50;
  std::string body;
  PutFixed<std::uint16_t>(body, 4);
  body.append(kServerBytes, '\0');
  PutFixed<std::uint32_t>(body, 0);
  body.push_back(Event::kHeaderBytes);
  body.append(5, '\0');
  std::string event;
  PutFixed<std::uint32_t>(event, 0);
  event.push_back(static_cast<char>(EventType::kFormatDescription));
  PutFixed<std::uint32_t>(event, 1);
  PutFixed(event, static_cast<std::uint32_t>(Event::kHeaderBytes + body.size()));
  PutFixed<std::uint32_t>(event, 0);
  PutFixed<std::uint16_t>(event, 0);
  return event + body;
}

class Pieces final : public EventRest {
 public:
  explicit Pieces(std::string_view rest) : rest_(rest) {}
  Result<std::string_view> More() override {
    constexpr std::size_t kPiece = 7;
    const std::string_view next = rest_.substr(0, kPiece);
    rest_.remove_prefix(next.size());
    return next;
  }

 private:
  std::string_view rest_;
};

Status Handle(BinlogDecoder& decoder, std::string_view event, bool in_pieces, std::vector<Transaction>& done) {
  constexpr std::size_t kTypeAt = 4;
  constexpr std::size_t kBegin = 40;
  if (!in_pieces || event.size() <= kBegin) return decoder.Handle(event, done);
  if (event[kTypeAt] != static_cast<char>(EventType::kTransactionPayload)) return decoder.Handle(event, done);
  Pieces rest(event.substr(kBegin));
  return decoder.Handle(event.substr(0, kBegin), done, &rest);
}

void Decode(std::string_view bytes, Flavor flavor, bool statements, bool replay, bool in_pieces) {
  constexpr std::size_t kSizeAt = 9;
  constexpr std::size_t kTypeAt = 4;
  FuzzBinder binder(flavor);
  BinlogPosition start;
  start.place = {"binlog.000001", 4};
  BinlogPosition read = start;
  if (replay) read.place.offset = 800;
  BinlogDecoder::Limits limits;
  limits.statements = statements;
  BinlogDecoder decoder(binder, flavor, start, read, limits);
  std::vector<Transaction> done;
  CHECK(decoder.Handle(Format(), done).ok());
  while (bytes.size() >= Event::kHeaderBytes) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + kSizeAt, sizeof size);
    if (size < Event::kHeaderBytes) break;
    std::string event(bytes.substr(0, size));
    bytes.remove_prefix(event.size());
    size = static_cast<std::uint32_t>(event.size());
    std::memcpy(event.data() + kSizeAt, &size, sizeof size);
    // Another one could only turn checksums on, and nothing behind it would be read.
    if (event[kTypeAt] == static_cast<char>(EventType::kFormatDescription)) continue;
    const Status handled = Handle(decoder, event, in_pieces, done);
    for (const Transaction& tx : done) CheckRows(tx, binder);
    done.clear();
    static_cast<void>(decoder.restart());
    static_cast<void>(decoder.open_bytes());
    if (!handled.ok()) break;
  }
}

}  // namespace
}  // namespace headgate::mysql

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using headgate::mysql::Flavor;
  std::string_view bytes = headgate::fuzz::Bytes(data, size);
  const std::size_t choice = headgate::fuzz::Choose(bytes, 16);
  headgate::mysql::Decode(bytes, (choice & 1) != 0 ? Flavor::kMariadb : Flavor::kMysql, (choice & 2) != 0,
                          (choice & 4) != 0, (choice & 8) != 0);
  return 0;
}
