#include "tools/bench/nexmark_log.h"

#include <span>
#include <utility>

#include "core/sql/column_type.h"

namespace headgate::nexmark {
namespace {

using sql::TypeId;

constexpr std::size_t kBatch = 50'000;  // changes
constexpr std::int64_t kSideRows = 10'000;

TableSchema SchemaOf(const char* table, const std::vector<std::pair<const char*, TypeId>>& columns, const char* key) {
  TableSchema schema;
  schema.table = table;
  for (const auto& [name, type] : columns) {
    Column& column = schema.columns.emplace_back();
    column.name = name;
    column.type = sql::ToColumn(type);
    column.nullable = false;
    if (column.name == key) column.key_position = 1;
  }
  return schema;
}

// In the order of Event's alternatives.
std::vector<TableSchema> Schemas() {
  constexpr auto kInt = TypeId::kInt8;
  constexpr auto kText = TypeId::kText;
  constexpr auto kTime = TypeId::kTimestamp;
  return {SchemaOf("person",
                   {{"id", kInt},
                    {"name", kText},
                    {"email", kText},
                    {"credit_card", kText},
                    {"city", kText},
                    {"state", kText},
                    {"at", kTime},
                    {"extra", kText}},
                   "id"),
          SchemaOf("auction",
                   {{"id", kInt},
                    {"item_name", kText},
                    {"description", kText},
                    {"initial_bid", kInt},
                    {"reserve", kInt},
                    {"at", kTime},
                    {"expires", kTime},
                    {"seller", kInt},
                    {"category", kInt},
                    {"extra", kText}},
                   "id"),
          SchemaOf("bid",
                   {{"auction", kInt},
                    {"bidder", kInt},
                    {"price", kInt},
                    {"channel", kText},
                    {"url", kText},
                    {"at", kTime},
                    {"extra", kText}},
                   "at")};
}

// Appends the values of one row.
class RowWriter {
 public:
  explicit RowWriter(std::string& out) : out_(out) {}

  void operator()(const Person& person) {
    PutInt(out_, person.id);
    for (const auto* text : {&person.name, &person.email, &person.credit_card, &person.city, &person.state})
      PutBlob(out_, ValueKind::kText, *text);
    PutTimestamp(out_, person.at);
    PutBlob(out_, ValueKind::kText, person.extra);
  }
  void operator()(const Auction& auction) {
    PutInt(out_, auction.id);
    PutBlob(out_, ValueKind::kText, auction.item_name);
    PutBlob(out_, ValueKind::kText, auction.description);
    PutInt(out_, auction.initial_bid);
    PutInt(out_, auction.reserve);
    PutTimestamp(out_, auction.at);
    PutTimestamp(out_, auction.expires);
    PutInt(out_, auction.seller);
    PutInt(out_, auction.category);
    PutBlob(out_, ValueKind::kText, auction.extra);
  }
  void operator()(const Bid& bid) {
    PutInt(out_, bid.auction);
    PutInt(out_, bid.bidder);
    PutInt(out_, bid.price);
    PutBlob(out_, ValueKind::kText, bid.channel);
    PutBlob(out_, ValueKind::kText, bid.url);
    PutTimestamp(out_, bid.at);
    PutBlob(out_, ValueKind::kText, bid.extra);
  }

 private:
  std::string& out_;
};

}  // namespace

Result<std::unique_ptr<Feed>> Feed::Open(Log& log, Form form) {
  std::unique_ptr<Feed> feed(new Feed(form));
  const bool tables = form == Form::kTables;
  HG_ASSIGN_OR_RETURN(feed->writer_, log.OpenWriter("nexmark", "nexmark", tables ? "postgresql" : "http"));
  for (TableSchema& schema : Schemas()) {
    if (tables) {
      schema.schema = "public";
    } else {
      for (Column& column : schema.columns) column.key_position = 0;
    }
    Stream& stream = feed->streams_.emplace_back();
    stream.number = feed->writer_->OpenStream(schema.schema, schema.table);
    stream.version = feed->writer_->DefineSchema(stream.number, schema, 0, 0);
  }
  if (const auto& last = feed->writer_->progress().last) feed->position_ = last->a;
  feed->batch_.emplace_back();
  HG_RETURN_IF_ERROR(feed->Flush());
  return feed;
}

void Feed::Add(Op op, const Event& event) {
  Transaction& tx = batch_.back();
  const Stream& stream = streams_[event.index()];
  tx.StartChange(op, stream.number, stream.version, 0);
  std::visit(RowWriter(tx.StartRow(op == Op::kDelete ? RowImage::kBefore : RowImage::kAfter)), event);
  tx.EndRow();
  tx.EndChange();
}

Status Feed::Commit() {
  if (batch_.back().empty()) return Ok();
  batch_.back().info.position = {
      form_ == Form::kTables ? PositionKind::kPgCommit : PositionKind::kIngest, ++position_, 0, 0, {}};
  std::size_t changes = 0;
  for (const Transaction& tx : batch_) changes += tx.changes();
  batch_.emplace_back();
  return changes < kBatch ? Ok() : Flush();
}

Status Feed::Flush() {
  batch_.pop_back();  // what was not committed
  HG_RETURN_IF_ERROR(writer_->Append(batch_, std::nullopt));
  batch_.clear();
  batch_.emplace_back();
  return Ok();
}

Status WriteSideInput(Log& log) {
  HG_ASSIGN_OR_RETURN(const auto writer, log.OpenWriter("nexmark_side", "nexmark_side", "postgresql"));
  TableSchema schema = SchemaOf("side_input", {{"key", TypeId::kInt8}, {"value", TypeId::kText}}, "key");
  schema.schema = "public";
  const StreamNo stream = writer->OpenStream("public", "side_input");
  const std::uint32_t version = writer->DefineSchema(stream, schema, 0, 0);
  Transaction tx;
  tx.info.position = {PositionKind::kPgCommit, 1, 0, 0, {}};
  for (std::int64_t key = 0; key < kSideRows; ++key) {
    tx.StartChange(Op::kInsert, stream, version, 0);
    std::string& row = tx.StartRow(RowImage::kAfter);
    PutInt(row, key);
    PutBlob(row, ValueKind::kText, "value of " + std::to_string(key));
    tx.EndRow();
    tx.EndChange();
  }
  const auto appended = writer->Append(std::span(&tx, 1), std::nullopt);
  return appended.ok() ? Ok() : Status(appended.error());
}

}  // namespace headgate::nexmark
