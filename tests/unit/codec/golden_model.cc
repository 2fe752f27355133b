#include "tests/unit/codec/golden_model.h"

#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"

namespace headgate::testing {
namespace {

template <class T>
T Real(const std::string& text) {
  T v{};
  std::from_chars(text.data(), text.data() + text.size(), v);
  return v;
}

std::int64_t InstantOf(const nlohmann::json& j) {
  if (!j.is_string()) return j.get<std::int64_t>();
  return j.get<std::string>() == "infinity" ? kInfinity : kMinusInfinity;
}

void Put(std::string& out, const nlohmann::json& j) {
  if (j.is_null()) return PutNull(out);
  const std::string kind = j[0];
  const auto text = [&] { return j[1].get<std::string>(); };
  if (kind == "absent") return PutAbsent(out);
  if (kind == "bool") return PutBool(out, j[1]);
  if (kind == "int") return PutInt(out, j[1]);
  if (kind == "uint") return PutUint(out, j[1]);
  if (kind == "float") return PutFloat(out, Real<float>(text()));
  if (kind == "double") return PutDouble(out, Real<double>(text()));
  if (kind == "decimal") return PutBlob(out, ValueKind::kDecimal, text());
  if (kind == "text") return PutBlob(out, ValueKind::kText, text());
  if (kind == "json") return PutBlob(out, ValueKind::kJson, text());
  if (kind == "bits") return PutBlob(out, ValueKind::kBits, text());
  if (kind == "bytes") return PutBlob(out, ValueKind::kBytes, *FromHex(text()));
  if (kind == "uuid") return PutUuid(out, *FromHex(text()));
  if (kind == "date") return PutDate(out, InstantOf(j[1]));
  if (kind == "time") return PutTime(out, j[1]);
  if (kind == "timetz") return PutTimeTz(out, j[1], j[2]);
  if (kind == "ts") return PutTimestamp(out, InstantOf(j[1]));
  if (kind == "tstz") return PutTimestampTz(out, InstantOf(j[1]));
  if (kind == "interval") return PutInterval(out, j[1], j[2], j[3]);
  std::string payload;
  if (kind == "array") {
    std::vector<ArrayDimension> dimensions;
    for (const nlohmann::json& d : j[1]) dimensions.push_back({d[0], d[1]});
    PutArrayHeader(payload, dimensions);
    for (const nlohmann::json& v : j[2]) Put(payload, v);
    return PutBlob(out, ValueKind::kArray, payload);
  }
  for (const nlohmann::json& v : j[1]) Put(payload, v);
  PutBlob(out, ValueKind::kComposite, payload);
}

std::string Row(const nlohmann::json& values) {
  std::string out;
  for (const nlohmann::json& v : values) Put(out, v);
  return out;
}

DataType TypeOf(const nlohmann::json& j) {
  DataType t;
  t.kind = static_cast<TypeKind>(j["kind"].get<int>());
  t.declared = j["declared"];
  t.base = j["base"];
  t.oid = j["oid"];
  t.length = j["length"];
  t.precision = j["precision"];
  t.scale = j["scale"];
  t.domain = j["domain"];
  t.extension = j["extension"];
  for (const nlohmann::json& child : j["children"]) t.children.push_back(TypeOf(child));
  for (const nlohmann::json& name : j["fields"]) t.field_names.push_back(name);
  return t;
}

TableSchema Schema(const nlohmann::json& j) {
  TableSchema schema;
  schema.database = "gold";
  schema.schema = "g";
  schema.table = j["table"];
  schema.replica_identity = j["identity"].get<std::string>()[0];
  for (const nlohmann::json& c : j["columns"]) {
    Column& column = schema.columns.emplace_back();
    column.name = c["name"];
    column.type = TypeOf(c["type"]);
    column.nullable = c["nullable"];
    column.key_position = c["key"];
    column.identity = c["identity"];
    if (c["default"].is_string()) column.default_expression = c["default"].get<std::string>();
  }
  return schema;
}

}  // namespace

GoldenModel::GoldenModel(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) error_ = "cannot read " + file.string();
  for (std::string line; std::getline(in, line);) {
    const nlohmann::json j = nlohmann::json::parse(line, nullptr, false);
    const std::string kind = j.value("kind", "");
    if (kind == "schema") {
      TableSchema schema = Schema(j);
      streams_.emplace(schema.table, static_cast<StreamNo>(streams_.size() + 1));
      schemas_[schema.table].push_back(std::move(schema));
      continue;
    }
    StoredTransaction tx;
    tx.info.stored_us = 1'700'000'000'123'456;
    if (kind == "snapshot") {
      tx.info.position = {.kind = PositionKind::kChunk, .a = 1, .b = 1, .c = 1, .text = {}};
      tx.info.consistent_at = 1000;
      tx.info.commit_us = 1'700'000'000'000'001;
      tx.info.id = "500";
      tx.info.flags = kFirstOfStream | kLastOfStream;
      const std::string table = j["table"];
      for (const nlohmann::json& row : j["rows"]) {
        tx.changes.push_back({.table = table,
                              .op = Op::kRead,
                              .stream = streams_[table],
                              .version = 1,
                              .has_after = true,
                              .before = {},
                              .after = Row(row),
                              .extra = {}});
      }
      snapshot_.push_back(std::move(tx));
      continue;
    }
    tx.info.position.kind = kind == "message" ? PositionKind::kPgMessage : PositionKind::kPgCommit;
    tx.info.position.a = j.value("commit_lsn", j.value("lsn", std::uint64_t{0}));
    tx.info.commit_us = j["commit_us"];
    tx.info.id = j.value("id", "");
    tx.info.end = j.value("end", std::uint64_t{0});
    tx.info.previous_end = j.value("previous_end", std::uint64_t{0});
    tx.info.origin = j.value("origin", "");
    tx.info.origin_end = j.value("origin_end", std::uint64_t{0});
    for (const nlohmann::json& c : j["changes"]) {
      StoredChange change;
      ParseOp(c["op"].get<std::string>(), change.op);
      change.lsn = c["lsn"];
      if (change.op == Op::kMessage) {
        const std::string prefix = c["prefix"];
        const std::string content = *FromHex(c["content"].get<std::string>());
        change.extra = Encode(MessageExtra{c["transactional"].get<bool>(), prefix, content});
      } else {
        change.table = c["table"];
        change.stream = streams_[change.table];
        change.version = static_cast<std::uint32_t>(schemas_[change.table].size());
        change.has_before = c.contains("before");
        change.has_after = c.contains("after");
        if (change.has_before) change.before = Row(c["before"]);
        if (change.has_after) change.after = Row(c["after"]);
        if (change.op == Op::kTruncate)
          change.extra = Encode(TruncateExtra{c["cascade"].get<bool>(), c["restart_identity"].get<bool>()});
      }
      tx.changes.push_back(std::move(change));
    }
    stream_.push_back(std::move(tx));
  }
}

void GoldenModel::Replay(const std::deque<StoredTransaction>& transactions, const Captured& captured,
                         const See& see) const {
  const auto wanted = [&](const StoredChange& c) { return c.op == Op::kMessage || captured(c.table); };
  std::uint64_t previous_end = 0;
  for (const StoredTransaction& stored : transactions) {
    TransactionInfo info = stored.info;
    info.total = 0;
    for (const StoredChange& c : stored.changes) info.total += wanted(c) ? 1 : 0;
    if (info.total == 0) continue;
    info.previous_end = previous_end;
    if (info.end != 0) previous_end = info.end;
    std::uint32_t ordinal = info.position.kind == PositionKind::kPgMessage ? 0 : 1;
    for (const StoredChange& c : stored.changes) {
      if (!wanted(c)) continue;
      Change change;
      change.op = c.op;
      change.ordinal = ordinal++;
      change.stream = c.stream;
      change.schema = c.version;
      change.place = c.lsn;
      change.has_before = c.has_before;
      change.has_after = c.has_after;
      change.before = c.before;
      change.after = c.after;
      change.extra = c.extra;
      codec::EventContext event;
      event.tx = &info;
      event.change = &change;
      event.schema = c.version == 0 ? nullptr : &schemas_.at(c.table)[c.version - 1];
      event.schema_version = c.version;
      event.source_id = "srv";
      event.source_name = "srv";
      event.connector = "postgresql";
      event.database = "gold";
      see(event);
    }
  }
}

void GoldenModel::Snapshot(const Captured& captured, const See& see) const { Replay(snapshot_, captured, see); }
void GoldenModel::Stream(const Captured& captured, const See& see) const { Replay(stream_, captured, see); }

}  // namespace headgate::testing
