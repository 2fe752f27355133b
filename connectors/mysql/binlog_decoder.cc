#include "connectors/mysql/binlog_decoder.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "connectors/mysql/json_diff.h"
#include "connectors/mysql/payload.h"
#include "core/base/diag.h"
#include "core/model/value.h"

namespace headgate::mysql {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000;

std::size_t JsonColumns(const TableBinding& binding) {
  return static_cast<std::size_t>(std::ranges::count_if(
      binding.fields, [](const auto& field) { return field.reader.stored.type == ColumnType::kJson; }));
}

Op OpOf(RowOp op) {
  switch (op) {
    case RowOp::kWrite:
      return Op::kInsert;
    case RowOp::kUpdate:
      return Op::kUpdate;
    default:
      return Op::kDelete;
  }
}

}  // namespace

BinlogDecoder::BinlogDecoder(Binder& binder, Flavor flavor, const BinlogPosition& start, BinlogPosition read,
                             Limits limits)
    : binder_(binder),
      flavor_(flavor),
      limits_(limits),
      events_(true),
      position_(std::move(read)),
      file_(start.place.file),
      next_offset_(start.place.offset) {
  if (limits_.spools != nullptr) transaction_.SpoolBeyond(limits_.transaction_memory_max, *limits_.spools);
  if (start != position_) replay_until_ = position_.place.Number();
}
BinlogDecoder::~BinlogDecoder() = default;

Error BinlogDecoder::Malformed(std::string_view what) const {
  return Corrupt("the binary log holds a malformed " + std::string(what) + " at " + Here().ToText() +
                 "; it is read again over a new connection");
}

Status BinlogDecoder::Handle(std::string_view bytes, std::vector<Transaction>& done, EventRest* rest) {
  HG_ASSIGN_OR_RETURN(const Event event, rest != nullptr ? events_.ReadBegin(bytes, *rest) : events_.Read(bytes));
  if (rest != nullptr && event.type != EventType::kTransactionPayload) return Malformed(Name(event.type));
  event_offset_ = next_offset_;
  if (event.type == EventType::kRotate) {
    const auto rotate = ParseRotate(event.body);
    if (!rotate) return Malformed("ROTATE");
    // A dump by GTIDs begins somewhere before what is missing; what lies between is passed over.
    const bool back =
        (event.flags & Event::kArtificial) != 0 && rotate->file == file_ && rotate->position < next_offset_;
    file_ = rotate->file;
    if (!back) next_offset_ = rotate->position;
  } else if (event.type == EventType::kHeartbeat || event.type == EventType::kHeartbeatV2) {
    // The server has passed over what this reader has: it says how far.
    if (!started_ && event.end > next_offset_ && event.body.find(file_) != std::string_view::npos)
      next_offset_ = event.end;
  } else if ((event.flags & Event::kArtificial) == 0 &&
             !(event.type == EventType::kFormatDescription && event.end == 0)) {  // again, at the start of a dump
    // Files may be larger than the header's 32 bits. Where they disagree something was passed over, or lies before.
    constexpr std::uint64_t kHeaderBits = 0xFFFF'FFFF;
    const bool odd = !started_ && event.end != 0 && ((next_offset_ + event.bytes) & kHeaderBits) != event.end;
    const bool before = odd && event.end <= (next_offset_ & kHeaderBits);
    if (odd && !before) event_offset_ = next_offset_ = (next_offset_ & ~kHeaderBits) + event.end - event.bytes;
    if (!before) next_offset_ += event.bytes;
    HG_RETURN_IF_ERROR(Take(event, done));
  }
  const LogPlace now{file_, next_offset_};
  if (!started_ && now.Number() > replay_until_) position_.place = now;
  return Ok();
}

BinlogPosition BinlogDecoder::restart() const {
  BinlogPosition restart = position_;
  const Prepared* first = nullptr;
  for (const auto& [xid, prepared] : prepared_) {
    if (prepared.gtid) {
      GtidSet held;
      held.Add(*prepared.gtid);
      restart.executed.Subtract(held);
    }
    if (first == nullptr || prepared.start.Number() < first->start.Number()) first = &prepared;
  }
  if (first != nullptr) {
    restart.place = first->start;
    restart.domains = first->before;
  }
  return restart;
}

// The transaction at hand lies before what was read already: it is seen again for the sake of another one.
bool BinlogDecoder::WasRead() const {
  if (gtid_) return position_.executed.Contains(*gtid_);
  if (LogPlace{file_, next_offset_}.Number() > replay_until_) return false;
  return !mariadb_gtid_ || position_.domains.Has(*mariadb_gtid_);
}

Status BinlogDecoder::Take(const Event& event, std::vector<Transaction>& done) {
  if (RowOpOf(event.type)) return TakeRows(event);
  switch (event.type) {
    case EventType::kGtid:
    case EventType::kGtidTagged:
    case EventType::kAnonymousGtid:
    case EventType::kMariadbGtid:
      return TakeGtid(event);
    case EventType::kQuery:
    case EventType::kQueryCompressed:
      return TakeQuery(event, done);
    case EventType::kXid:
      End(event, done);
      return Ok();
    case EventType::kTableMap:
      return TakeTableMap(event);
    case EventType::kTransactionPayload:
      return TakePayload(event, done);
    case EventType::kXaPrepare:
      return TakeXaPrepare(event, done);
    case EventType::kRowsQuery:
    case EventType::kAnnotateRows: {
      if (!limits_.statements) return Ok();
      const auto statement = ParseStatement(event);
      if (!statement) return Malformed(Name(event.type));
      statement_ = *statement;
      return Ok();
    }
    case EventType::kStartEncryption:
      return ConfigError(
          "the server's binary log is encrypted with a key that only its files tell; set "
          "encrypt_binlog=OFF and rotate, or replicate from a server that does not encrypt it");
    case EventType::kIncident:
      return ConfigError("the server wrote an INCIDENT into its binary log at " + Here().ToText() +
                         ": changes are missing there. Its tables have to be read again");
    case EventType::kPartialRowData:
      return ConfigError(
          "the server splits rows over several events (binlog_row_event_fragment_threshold), which "
          "is not supported yet; raise that threshold");
    case EventType::kFormatDescription:
    case EventType::kStop:
    case EventType::kIntvar:
    case EventType::kRand:
    case EventType::kUserVar:
    case EventType::kBeginLoadQuery:
    case EventType::kExecuteLoadQuery:
    case EventType::kHeartbeat:
    case EventType::kHeartbeatV2:
    case EventType::kIgnorable:
    case EventType::kPreviousGtids:
    case EventType::kTransactionContext:
    case EventType::kViewChange:
    case EventType::kBinlogCheckpoint:
    case EventType::kGtidList:
      return Ok();
    default:
      break;
  }
  if ((event.flags & Event::kIgnorable) != 0) return Ok();
  return ConfigError("the binary log holds an event of " + Name(event.type) + " at " + Here().ToText() +
                     ", which this version does not know and must not skip");
}

Status BinlogDecoder::TakeGtid(const Event& event) {
  if (started_) return Malformed("transaction: another one begins inside of it");
  started_ = true;
  start_offset_ = event_offset_;
  gtid_.reset();
  mariadb_gtid_.reset();
  commit_us_ = 0;
  thread_ = 0;
  standalone_ = false;
  if (event.type == EventType::kMariadbGtid) {
    const auto head = ParseMariadbGtid(event);
    if (!head) return Malformed("GTID");
    mariadb_gtid_ = head->gtid;
    standalone_ = (head->flags & MariadbGtidHead::kStandalone) != 0;
    if (!standalone_) return Begin(event);
    return Ok();
  }
  const auto head = ParseGtid(event);
  if (!head) return Malformed("GTID");
  gtid_ = head->gtid;
  commit_us_ = head->commit_us;
  return Ok();
}

Status BinlogDecoder::Begin(const Event& event) {
  if (!started_) start_offset_ = event_offset_;  // a server that writes no GTID events
  started_ = open_ = true;
  transaction_.Clear();
  savepoints_.clear();
  transaction_.info.server_id = event.server_id;
  return Ok();
}

// The transaction is over, whether anything of it is kept or not.
void BinlogDecoder::End(const Event& event, std::vector<Transaction>& done) {
  const std::int64_t commit_us = commit_us_ != 0 ? commit_us_ : event.unix_s * kSecondUs;
  last_commit_us_ = commit_us;
  const bool was_read = WasRead();
  if (!was_read) position_.place = {file_, next_offset_};
  if (gtid_) position_.executed.Add(*gtid_);
  if (mariadb_gtid_ && !was_read) position_.domains.Set(*mariadb_gtid_);
  if (open_ && !transaction_.empty() && !was_read) {
    TransactionInfo& info = transaction_.info;
    info.commit_us = commit_us;
    info.file = file_;
    info.thread = thread_;
    info.end = position_.place.Number();
    const LogPlace start{file_, start_offset_};
    if (gtid_) {
      info.position = {PositionKind::kNamed, 0, 0, 0, IdOf(*gtid_)};
      info.id = ToText(*gtid_);
    } else if (mariadb_gtid_) {
      info.id = ToText(*mariadb_gtid_);
      info.position = {PositionKind::kNamed, 0, 0, 0, info.id};
    } else {
      info.position = {PositionKind::kBinlog, start.FileNumber(), start_offset_, 0, {}};
      info.id = start.ToText();
    }
    done.push_back(std::move(transaction_));
  }
  transaction_.Clear();
  started_ = open_ = standalone_ = false;
  gtid_.reset();
  mariadb_gtid_.reset();
  statement_.clear();
}

Status BinlogDecoder::TakeQuery(const Event& event, std::vector<Transaction>& done) {
  const auto query = ParseQuery(event, inflated_query_);
  if (!query) return Malformed("QUERY");
  const Statement statement = ReadStatement(query->text, query->database);
  switch (statement.kind) {
    case StatementKind::kBegin:
    case StatementKind::kXaStart:
      if (!open_) HG_RETURN_IF_ERROR(Begin(event));
      thread_ = flavor_ == Flavor::kMysql && statement.kind == StatementKind::kBegin ? query->thread : 0;
      return Ok();
    case StatementKind::kCommit:
      End(event, done);
      return Ok();
    case StatementKind::kRollback:
      transaction_.Clear();
      End(event, done);
      return Ok();
    case StatementKind::kSavepoint:
      savepoints_.push_back({statement.name, transaction_.Here()});
      return Ok();
    case StatementKind::kRollbackTo: {
      const auto found = std::ranges::find(savepoints_.rbegin(), savepoints_.rend(), statement.name, &Savepoint::name);
      if (found == savepoints_.rend()) return Malformed("ROLLBACK TO: there is no such savepoint");
      transaction_.Rewind(found->mark);
      return Ok();
    }
    case StatementKind::kXaEnd:
      return Ok();
    case StatementKind::kXaCommit:
    case StatementKind::kXaRollback:
      return EndXa(statement, event, done);
    default:
      return Told(statement, query->text, event, done);
  }
}

// A statement that stands for itself, or, with rows to follow, opens a transaction.
Status BinlogDecoder::Told(const Statement& statement, std::string_view text, const Event& event,
                           std::vector<Transaction>& done) {
  const bool alone = !open_;
  if (alone) HG_RETURN_IF_ERROR(Begin(event));
  if (statement.kind == StatementKind::kTruncate && !statement.temporary) HG_RETURN_IF_ERROR(Truncate(statement));
  const std::int64_t commit_us = commit_us_ != 0 ? commit_us_ : event.unix_s * kSecondUs;
  if (!statement.temporary && statement.kind != StatementKind::kOther) {
    HG_ASSIGN_OR_RETURN(const auto changes, binder_.Told(statement, text, Here(), commit_us));
    for (const SchemaChange& change : changes) {
      transaction_.StartChange(Op::kSchema, change.stream, change.schema, event_offset_);
      transaction_.EndChange(Encode(change.extra));
    }
    if (statement.kind != StatementKind::kChangesRows) bound_.clear();  // tables come with new numbers now
  }
  if (alone && !statement.goes_on) End(event, done);
  return Ok();
}

Status BinlogDecoder::Truncate(const Statement& statement) {
  for (const TableName& table : statement.tables) {
    HG_ASSIGN_OR_RETURN(const TableBinding binding, binder_.BindTruncated(table, Here(), commit_us_));
    if (binding.stream == 0) continue;
    transaction_.StartChange(Op::kTruncate, binding.stream, binding.schema, event_offset_);
    transaction_.EndChange(Encode(TruncateExtra{}));
  }
  return Ok();
}

// The rows wait for the end of the transaction, which comes as one of its own.
Status BinlogDecoder::TakeXaPrepare(const Event& event, std::vector<Transaction>& done) {
  const auto prepare = ParseXaPrepare(event.body);
  if (!prepare || !open_) return Malformed("XA_PREPARE");
  if (!prepare->one_phase) {
    Prepared& prepared = prepared_[prepare->xid];
    prepared.transaction = std::move(transaction_);
    transaction_.Clear();
    prepared.gtid = gtid_;
    prepared.start = {file_, start_offset_};
    prepared.before = position_.domains;
  }
  End(event, done);
  return Ok();
}

Status BinlogDecoder::EndXa(const Statement& statement, const Event& event, std::vector<Transaction>& done) {
  if (!open_) HG_RETURN_IF_ERROR(Begin(event));
  const auto found = prepared_.find(statement.name);
  if (found != prepared_.end()) {
    if (statement.kind == StatementKind::kXaCommit) {
      const std::uint32_t server_id = transaction_.info.server_id;
      transaction_ = std::move(found->second.transaction);
      transaction_.info.server_id = server_id;
    }
    if (found->second.gtid) position_.executed.Add(*found->second.gtid);
    prepared_.erase(found);
  } else if (statement.kind == StatementKind::kXaCommit && !WasRead()) {
    diag::Warn("mysql",
               "an XA transaction that was prepared before the stream began is committed: its rows are missing",
               {{"place", Here().ToText()}, {"xid", statement.name}});
  }
  End(event, done);
  return Ok();
}

// Its checksum may come last: until then what it brought is not done, and what seems wrong with it may be damage.
Status BinlogDecoder::TakePayload(const Event& event, std::vector<Transaction>& done) {
  std::vector<Transaction> inside;
  Status taken = TakeInside(event, inside);
  const auto seems_wrong = [&] {
    return !taken.ok() && (taken.error().kind == ErrorKind::kCorrupt || taken.error().kind == ErrorKind::kConfig);
  };
  while (event.rest != nullptr && seems_wrong()) {
    HG_ASSIGN_OR_RETURN(const std::string_view more, event.rest->More());
    if (more.empty()) break;
  }
  HG_RETURN_IF_ERROR(std::move(taken));
  std::ranges::move(inside, std::back_inserter(done));
  return Ok();
}

Status BinlogDecoder::TakeInside(const Event& event, std::vector<Transaction>& done) {
  const auto payload = ParsePayload(event);
  if (!payload) return Malformed("TRANSACTION_PAYLOAD");
  PayloadReader reader(*payload, event.rest);
  while (true) {
    HG_ASSIGN_OR_RETURN(const std::string_view bytes, reader.Next());
    if (bytes.empty()) return Ok();
    HG_ASSIGN_OR_RETURN(const Event inner, EventReader::ReadInner(bytes));
    HG_RETURN_IF_ERROR(Take(inner, done));
  }
}

Status BinlogDecoder::TakeTableMap(const Event& event) {
  const auto id = ReadTableId(event.body);
  constexpr std::size_t kIdBytes = 6;
  if (!id || !open_) return Malformed("TABLE_MAP");
  const std::string_view rest = event.body.substr(kIdBytes);
  Bound& bound = bound_[*id];
  if (bound.body == rest) return Ok();
  const auto map = ParseTableMap(event.body, flavor_);
  if (!map) return Malformed("TABLE_MAP");
  auto binding = binder_.Bind(*map, Here(), commit_us_ != 0 ? commit_us_ : event.unix_s * kSecondUs);
  if (!binding.ok()) {
    bound_.erase(*id);
    return std::move(binding).error();
  }
  bound.binding = std::move(binding).value();
  bound.body = rest;
  return Ok();
}

Status BinlogDecoder::TakeRows(const Event& event) {
  const auto rows = ParseRows(event, inflated_);
  if (!rows || !open_) return Malformed(Name(event.type));
  constexpr std::uint64_t kNoTable = 0xFF'FFFF;  // an event that only says that a statement ends
  const auto bound = bound_.find(rows->table);
  if (bound == bound_.end()) return rows->table == kNoTable && rows->rows.empty() ? Ok() : Malformed(Name(event.type));
  const TableBinding& binding = bound->second.binding;
  if (binding.stream == 0) return Ok();
  if (rows->before.size() != binding.fields.size() ||
      (rows->op == RowOp::kUpdate && rows->after.size() != binding.fields.size())) {
    return Malformed(Name(event.type));
  }
  return ReadRows(*rows, binding);
}

Status BinlogDecoder::ReadRows(const RowsEvent& rows, const TableBinding& binding) {
  ByteReader in(rows.rows);
  const std::size_t json_columns = rows.partial ? JsonColumns(binding) : 0;
  json_before_.assign(rows.partial ? binding.fields.size() : 0, {});
  row_ = 0;
  const Op op = OpOf(rows.op);
  PartialHead partial;
  // An insert that names no column, under the image MINIMAL: a row of no bytes, which has an event to itself.
  const bool bare = rows.op == RowOp::kWrite && rows.rows.empty() && rows.before.Count() == 0;
  for (bool more = bare || !in.done(); more; more = !in.done()) {
    const std::size_t left = in.remaining();
    transaction_.StartChange(op, binding.stream, binding.schema, event_offset_, row_++);
    if (rows.op != RowOp::kWrite)
      HG_RETURN_IF_ERROR(AppendImage(in, rows.before, binding, RowImage::kBefore, PartialHead()));
    if (rows.op == RowOp::kUpdate) {
      if (rows.partial && !TakePartialHead(in, json_columns, partial)) return Malformed("row image");
      HG_RETURN_IF_ERROR(AppendImage(in, rows.after, binding, RowImage::kAfter, partial));
    } else if (rows.op == RowOp::kWrite) {
      HG_RETURN_IF_ERROR(AppendImage(in, rows.before, binding, RowImage::kAfter, PartialHead()));
    }
    transaction_.EndChange(statement_);
    if (in.remaining() == left && !bare) return Malformed("row without bytes");  // or there would be no end of them
  }
  return transaction_.status();
}

Status BinlogDecoder::AppendImage(ByteReader& in, const ColumnSet& columns, const TableBinding& binding, RowImage image,
                                  const PartialHead& partial) {
  RowImageHead head;
  if (!TakeImageHead(in, columns, head)) return Malformed("row image");
  std::string& row = transaction_.StartRow(image);
  const std::size_t row_start = row.size();
  std::size_t place = 0;
  std::size_t json = 0;
  const bool keep_json = !json_before_.empty();
  for (std::size_t i = 0; i < binding.fields.size(); ++i) {
    const TableBinding::Field& field = binding.fields[i];
    const bool is_json = keep_json && field.reader.stored.type == ColumnType::kJson;
    const bool differences = is_json && partial.IsPartial(json++);
    if (!columns.Has(i)) {
      if (is_json && image == RowImage::kBefore) json_before_[i] = {};
      if (!field.excluded) PutAbsent(row);
      continue;
    }
    skipped_.clear();
    std::string& out = field.excluded ? skipped_ : row;
    if (head.IsNull(place++)) {
      if (is_json && image == RowImage::kBefore) json_before_[i] = {};
      PutNull(out);
      continue;
    }
    if (differences) {
      HG_RETURN_IF_ERROR(AppendPartialJson(in, i, out));
      continue;
    }
    const char* const start = in.position();
    values_.AppendStored(out, field.reader, in);
    if (in.failed()) return Malformed("row of " + field.reader.stored.name);
    if (is_json && image == RowImage::kBefore)
      json_before_[i] = {start + field.reader.stored.meta,
                         static_cast<std::size_t>(in.position() - start) - field.reader.stored.meta};
  }
  if (binding.transform != nullptr) HG_RETURN_IF_ERROR(binding.transform->Apply(row, row_start));
  transaction_.EndRow();
  return Ok();
}

// Without the document before, what it became is not known (NM34).
Status BinlogDecoder::AppendPartialJson(ByteReader& in, std::size_t column, std::string& out) {
  std::string_view diffs;
  if (!TakeJsonDiffs(in, diffs)) return Malformed("JSON difference");
  const std::string_view before = json_before_[column];
  if (before.empty()) {
    PutAbsent(out);
    return Ok();
  }
  if (!values_.AppendJsonChanged(out, before, diffs)) return Malformed("JSON difference");
  return Ok();
}

}  // namespace headgate::mysql
