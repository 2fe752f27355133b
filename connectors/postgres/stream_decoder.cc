#include "connectors/postgres/stream_decoder.h"

#include <utility>

#include "core/base/failpoint.h"
#include "core/base/wildcard.h"

namespace headgate::postgres {
namespace {

Error Malformed(std::string_view what, std::uint64_t place) {
  return Corrupt("the replication stream holds " + std::string(what) + " at " + LsnText(place) +
                 ". The server or something in between does not speak pgoutput protocol 1 as documented; connect to "
                 "the server directly.");
}

}  // namespace

Status StreamDecoder::Handle(const pgoutput::Frame& frame, std::int64_t now_us, std::vector<Transaction>& done) {
  if (reached_) return Ok();
  if (!pgoutput::Parse(frame.data, message_)) return Malformed("a malformed message", frame.start);
  switch (message_.kind) {
    case pgoutput::Kind::kBegin:
      return Begin(frame.start);
    case pgoutput::Kind::kCommit:
      return End(done);
    case pgoutput::Kind::kOrigin:
      transaction_.info.origin = message_.name;
      transaction_.info.origin_end = message_.lsn;
      return Ok();
    case pgoutput::Kind::kRelation:
      return Learn(frame);
    case pgoutput::Kind::kType:
      return Ok();  // types are read from the catalog
    case pgoutput::Kind::kInsert:
    case pgoutput::Kind::kUpdate:
    case pgoutput::Kind::kDelete:
      return Row(frame.start);
    case pgoutput::Kind::kTruncate:
      return Truncate(frame.start);
    case pgoutput::Kind::kMessage:
      return LogicalMessage(now_us, done);
  }
  return Malformed("an unknown message", frame.start);
}

Status StreamDecoder::Begin(std::uint64_t place) {
  if (in_transaction_) return Malformed("a transaction inside another", place);
  if (limits_.until != 0 && message_.lsn >= limits_.until) {
    reached_ = true;
    return Ok();
  }
  in_transaction_ = true;
  commit_lsn_ = message_.lsn;
  commit_us_ = message_.commit_us;
  transaction_.Clear();
  transaction_.info.id = std::to_string(message_.xid);
  return Ok();
}

Status StreamDecoder::End(std::vector<Transaction>& done) {
  if (!in_transaction_ || message_.lsn != commit_lsn_)
    return Malformed("a commit without its transaction", message_.lsn);
  in_transaction_ = false;
  completed_end_ = message_.end_lsn;
  if (transaction_.empty()) return Ok();
  TransactionInfo& info = transaction_.info;
  info.position = {PositionKind::kPgCommit, commit_lsn_, 0, 0, {}};
  info.commit_us = commit_us_;
  info.end = message_.end_lsn;
  info.total = transaction_.changes();
  done.push_back(std::move(transaction_));
  transaction_.Clear();
  return Ok();
}

Status StreamDecoder::Learn(const pgoutput::Frame& frame) {
  pgoutput::Relation relation;
  if (!pgoutput::ParseRelation(frame.data, relation)) return Malformed("a malformed relation", frame.start);
  HG_ASSIGN_OR_RETURN(Binding binding, binder_.Bind(relation, frame.start, commit_us_));
  if (binding.stream != 0 && binding.fields.size() != relation.columns.size())
    return Malformed("a relation of unknown shape", frame.start);
  bindings_[relation.oid] = std::move(binding);
  HG_FAILPOINT("pg.schema_defined");
  return Ok();
}

Result<const Binding*> StreamDecoder::Find(std::uint32_t relation) const {
  const auto it = bindings_.find(relation);
  if (it == bindings_.end()) return Malformed("a row of a relation that was not described", commit_lsn_);
  return &it->second;
}

Status StreamDecoder::Row(std::uint64_t place) {
  if (!in_transaction_) return Malformed("a row outside of a transaction", place);
  HG_ASSIGN_OR_RETURN(const Binding* const binding, Find(message_.relation));
  if (binding->stream == 0) return Ok();
  const Op op = message_.kind == pgoutput::Kind::kInsert   ? Op::kInsert
                : message_.kind == pgoutput::Kind::kUpdate ? Op::kUpdate
                                                           : Op::kDelete;
  transaction_.StartChange(op, binding->stream, binding->schema, place);
  old_fields_.clear();
  bool fits = true;
  if (message_.old_kind != 0) {
    fits = ReadOldRow(*binding);
    if (fits) {
      std::string& row = transaction_.StartRow(RowImage::kBefore);
      const std::size_t start = row.size();
      AppendOldRow(*binding, row);
      if (binding->transform != nullptr) HG_RETURN_IF_ERROR(binding->transform->Apply(row, start));
      transaction_.EndRow();
    }
  }
  if (fits && op != Op::kDelete) {
    std::string& row = transaction_.StartRow(RowImage::kAfter);
    const std::size_t start = row.size();
    fits = AppendNewRow(*binding, row);
    if (fits && binding->transform != nullptr) HG_RETURN_IF_ERROR(binding->transform->Apply(row, start));
    transaction_.EndRow();
  }
  if (!fits) {
    transaction_.AbandonChange();
    return Malformed("a row that does not fit its relation", place);
  }
  transaction_.EndChange();
  return transaction_.status();
}

bool StreamDecoder::ReadOldRow(const Binding& binding) {
  pgoutput::TupleReader reader(message_.old_row);
  if (reader.columns() != binding.fields.size()) return false;
  pgoutput::Field field;
  while (reader.Next(field)) {
    if (field.kind == 'b') return false;  // binary was not asked for
    old_fields_.push_back(field);
  }
  return !reader.failed();
}

// 'K' has the identity columns only, the others come as nulls that mean nothing: they are absent.
void StreamDecoder::AppendOldRow(const Binding& binding, std::string& out) {
  for (std::size_t i = 0; i < old_fields_.size(); ++i) {
    const Binding::Field& field = binding.fields[i];
    if (field.excluded) continue;
    if (old_fields_[i].kind == 'u' || (message_.old_kind == 'K' && !field.identity)) {
      PutAbsent(out);
    } else if (old_fields_[i].kind == 'n') {
      PutNull(out);
    } else {
      encoder_.Append(out, *field.type, old_fields_[i].text);
    }
  }
}

// An unchanged TOAST value was not sent; the old row has it if it was logged (PG-26).
bool StreamDecoder::AppendNewRow(const Binding& binding, std::string& out) {
  pgoutput::TupleReader reader(message_.new_row);
  if (reader.columns() != binding.fields.size()) return false;
  pgoutput::Field field;
  for (std::size_t i = 0; reader.Next(field); ++i) {
    const Binding::Field& bound = binding.fields[i];
    if (bound.excluded) continue;
    if (field.kind == 'u' && i < old_fields_.size() && (message_.old_kind == 'O' || bound.identity))
      field = old_fields_[i];
    switch (field.kind) {
      case 't':
        encoder_.Append(out, *bound.type, field.text);
        break;
      case 'n':
        PutNull(out);
        break;
      case 'u':
        PutAbsent(out);
        break;
      default:
        return false;
    }
  }
  return !reader.failed();
}

Status StreamDecoder::Truncate(std::uint64_t place) {
  if (!in_transaction_) return Malformed("a truncate outside of a transaction", place);
  const std::string extra = Encode(TruncateExtra{message_.cascade, message_.restart_identity});
  for (const std::uint32_t relation : message_.relations) {
    HG_ASSIGN_OR_RETURN(const Binding* const binding, Find(relation));
    if (binding->stream == 0) continue;
    transaction_.StartChange(Op::kTruncate, binding->stream, binding->schema, place);
    transaction_.EndChange(extra);
  }
  return Ok();
}

Status StreamDecoder::LogicalMessage(std::int64_t now_us, std::vector<Transaction>& done) {
  if (!MatchesAnyWildcard(limits_.messages_prefixes, message_.name)) return Ok();
  const std::string extra = Encode(MessageExtra{message_.transactional, message_.name, message_.content});
  if (message_.transactional) {
    if (!in_transaction_) return Malformed("a transactional message outside of a transaction", message_.lsn);
    transaction_.StartChange(Op::kMessage, 0, 0, message_.lsn);
    transaction_.EndChange(extra);
    return transaction_.status();
  }
  if (limits_.until != 0 && message_.lsn > limits_.until) {  // the LSN is where the message ends
    reached_ = true;
    return Ok();
  }
  Transaction& single = done.emplace_back();
  single.first_ordinal = 0;
  single.info.position = {PositionKind::kPgMessage, message_.lsn, 0, 0, {}};
  single.info.commit_us = now_us;
  single.info.end = message_.lsn;
  single.info.total = 1;
  single.StartChange(Op::kMessage, 0, 0, message_.lsn);
  single.EndChange(extra);
  return Ok();
}

}  // namespace headgate::postgres
