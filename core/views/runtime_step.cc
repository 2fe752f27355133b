// A step: from a run of the log to one write.
#include <algorithm>

#include "core/base/bytes.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/views/runtime.h"
#include "core/views/stream.h"

namespace headgate::views {
namespace {

constexpr std::string_view kAppliedKey = "applied";  // as in runtime.cc

Error BadRow(const Registry& registry, const Run::Part& part, const Change& change) {
  const StreamInfo* stream = registry.Stream(change.stream);
  return Corrupt("change " + ToText({part.seq, change.ordinal}) + " of " + (stream == nullptr ? "?" : stream->name) +
                 " has a row that does not fit its schema");
}

Origin OriginOf(const Run::Part& part, const Change& change) {
  return {{part.seq, change.ordinal}, change.op, part.info.commit_us, part.info.stored_us};
}

bool IsRowOp(Op op) { return op == Op::kInsert || op == Op::kUpdate || op == Op::kDelete || op == Op::kRead; }

}  // namespace

void Runtime::MakePorts() {
  ports_.clear();
  for (const auto& form : forms_) {
    if (!form->running()) continue;
    for (const Input& input : form->definition().inputs) {
      if (input.kind == Input::Kind::kView) continue;
      Port& port = ports_[{input.stream, input.version}];
      if (port.relation == nullptr) port.relation = input.relation;
    }
  }
  for (auto& [key, port] : ports_) {
    std::vector<bool> needed(port.relation->columns.size(), false);
    for (const auto& form : forms_) {
      for (const Input& input : form->definition().inputs) {
        if (!form->running() || input.kind == Input::Kind::kView || PortKey{input.stream, input.version} != key)
          continue;
        for (std::size_t c = 0; c < needed.size(); ++c) needed[c] = needed[c] || input.needed[c];
      }
    }
    port.rows = std::make_unique<StreamRows>(*port.relation, needed);
  }
}

void Runtime::ClearPorts() {
  for (auto& [key, port] : ports_) {
    port.deltas.clear();
    if (port.rows->rows() > 0) port.rows->Take();
  }
}

void Runtime::ForgetStep() {
  base_.Forget();
  for (const auto& form : forms_) form->Forget();
  ClearPorts();
  reader_->Seek(applied_ + 1);
}

headgate::Status Runtime::Step(const views::Run& run) {
  registry_ = parts_.log->registry();
  keys_.clear();
  if (run.loaded != 0) {
    HG_RETURN_IF_ERROR(EndLoad(run.loaded));
  } else {
    HG_RETURN_IF_ERROR(TakeIn(run));
  }
  return StepForms(run.commit_us, run.last);
}

headgate::Status Runtime::TakeIn(const views::Run& run) {
  HG_RETURN_IF_ERROR(Prefetch(run));
  for (const Run::Part& part : run.parts) {
    ChangeReader changes = part.Changes();
    Change change;
    while (changes.Next(change)) {
      if (change.stream == 0) continue;
      if (IsRowOp(change.op)) {
        if (IsEventStream(*registry_, change.stream)) {
          TakeEvent(part, change);
        } else {
          HG_RETURN_IF_ERROR(TakeTable(part, change));
        }
      } else if (change.op == Op::kTruncate) {
        HG_RETURN_IF_ERROR(TakeTruncate(part, change));
      } else if (change.op == Op::kSnapshot) {
        base_.BeginLoad(change.stream);  // its end is a run of its own
      }
    }
    if (changes.failed()) return Corrupt("log entry " + std::to_string(part.seq) + " holds changes that make no sense");
  }
  return base_.failure();
}

// The base's rows that the run touches, with one sorted read a table.
headgate::Status Runtime::Prefetch(const views::Run& run) {
  std::string key;
  for (const Run::Part& part : run.parts) {
    ChangeReader changes = part.Changes();
    Change change;
    while (changes.Next(change)) {
      if (change.stream == 0 || !IsRowOp(change.op) || IsEventStream(*registry_, change.stream)) continue;
      const TableSchema* schema = registry_->Schema(change.stream, change.schema);
      if (schema == nullptr) return BadRow(*registry_, part, change);
      for (const auto& [has, row] : {std::pair{change.has_before, change.before}, {change.has_after, change.after}}) {
        key.clear();
        if (has && AppendBaseKey(key, row, *schema)) keys_[change.stream].insert(key);
      }
    }
  }
  for (const auto& [stream, keys] : keys_) base_.Load(stream, {keys.begin(), keys.end()});
  return Ok();
}

void Runtime::Emit(StreamNo stream, std::string_view row, std::uint32_t version, const Origin& origin,
                   std::int64_t weight, At at) {
  for (auto port = ports_.lower_bound({stream, 0}); port != ports_.end() && port->first.first == stream; ++port) {
    StreamRows& rows = *port->second.rows;
    rows.Add(row, version, *registry_->Schema(stream, version), origin, weight, at);
    if (rows.full()) port->second.deltas.push_back(rows.Take());
  }
}

void Runtime::TakeEvent(const Run::Part& part, const Change& change) {
  if (!change.has_after) return;
  const Origin origin = OriginOf(part, change);
  Emit(change.stream, change.after, change.schema, origin, 1, origin.at);
}

// Last writer wins, by the table's key: that is what the log's order is made for (change-events contract, 2).
headgate::Status Runtime::TakeTable(const Run::Part& part, const Change& change) {
  const StreamNo stream = change.stream;
  const TableSchema& schema = *registry_->Schema(stream, change.schema);
  const Origin origin = OriginOf(part, change);
  const bool keyless = schema.EventKey().empty();
  // A table that is not read by a snapshot is there from its first change on.
  if (base_.StateOf(stream).generation == 0) base_.EndLoad(stream);
  const bool shown = !base_.StateOf(stream).loading();
  const auto emit = [&](const Image& image, std::int64_t weight) {
    if (shown) Emit(stream, image.row, image.version, image.origin, weight, origin.at);
  };
  std::string new_key;
  std::string old_key;
  if (change.has_after && !AppendBaseKey(new_key, change.after, schema)) return BadRow(*registry_, part, change);
  if (!change.has_before || !AppendBaseKey(old_key, change.before, schema)) old_key = new_key;
  std::optional<Image> old;
  if (change.op == Op::kUpdate || change.op == Op::kDelete || !keyless) {
    if (const Image* found = base_.Find(stream, old_key)) {
      old = *found;
      emit(*old, -1);
      if (old->copies > 1) {
        Image rest = *old;
        --rest.copies;
        base_.Put(stream, old_key, std::move(rest));
      } else {
        base_.Erase(stream, old_key);
      }
    }
  }
  if (!change.has_after || change.op == Op::kDelete) return Ok();
  Image image;
  image.version = change.schema;
  image.origin = origin;
  const bool same_version = old && old->version == change.schema;
  if (!FillAbsent(image.row, change.after, same_version ? std::string_view(old->row) : std::string_view()))
    image.row = change.after;
  if (const Image* other = base_.Find(stream, new_key)) {
    if (keyless) {
      image.copies = other->copies + 1;
    } else {
      emit(*other, -1);  // the key was another row's
    }
  }
  emit(image, 1);
  base_.Put(stream, new_key, std::move(image));
  return Ok();
}

headgate::Status Runtime::TakeTruncate(const Run::Part& part, const Change& change) {
  const StreamNo stream = change.stream;
  const TableState state = base_.StateOf(stream);
  if (state.generation != 0 && !state.loading()) {
    const At at{part.seq, change.ordinal};
    const auto gone = [&](const Image& image) {
      for (std::uint64_t n = 0; n < image.copies; ++n) Emit(stream, image.row, image.version, image.origin, -1, at);
    };
    // What the run has touched is as it left it, the rest as it is stored.
    const std::set<std::string>& touched = keys_[stream];
    const StoreView view(*parts_.store);
    HG_RETURN_IF_ERROR(Base::ScanTable(view, stream, state.generation, "", [&](std::string_view key, const Image& row) {
      if (!touched.contains(std::string(key))) gone(row);
      return true;
    }));
    for (const std::string& key : touched) {
      if (const Image* image = base_.Find(stream, key)) gone(*image);
    }
  }
  base_.Truncate(stream);
  return Ok();
}

// A table's snapshot has ended: what views see changes from the old content to the new one, by its difference.
headgate::Status Runtime::EndLoad(StreamNo stream) {
  const TableState state = base_.StateOf(stream);
  if (state.generation != 0 && !state.loading()) return Ok();
  if (ports_.lower_bound({stream, 0}) != ports_.end()) {
    const At at{applied_ + 1, 0};
    const StoreView view(*parts_.store);
    for (const auto& [generation, weight] : {std::pair{state.shown, -1}, {state.generation, 1}}) {
      if (generation == 0) continue;
      const auto visit = [&](std::string_view, const Image& image) {
        for (std::uint64_t n = 0; n < image.copies; ++n)
          Emit(stream, image.row, image.version, image.origin, weight, at);
        return true;
      };
      HG_RETURN_IF_ERROR(Base::ScanTable(view, stream, generation, "", visit));
    }
  }
  base_.EndLoad(stream);
  return Ok();
}

// Views in order, each once; what they give goes on in memory (C-5).
headgate::Status Runtime::StepForms(std::int64_t commit_us, Seq last) {
  for (auto& [key, port] : ports_) {
    if (port.rows->rows() > 0) port.deltas.push_back(port.rows->Take());
  }
  StoreBatch batch;
  Transaction tx;
  for (const auto& form : forms_) {
    if (!form->running()) continue;
    bool fed = false;
    for (const Input& input : form->definition().inputs) {
      const std::vector<operators::Delta>* deltas = nullptr;
      if (input.kind == Input::Kind::kView) {
        const auto other = std::ranges::find_if(forms_, [&](const auto& f) { return f->id() == input.form; });
        if (other != forms_.end() && (*other)->running()) deltas = &(*other)->output();
      } else {
        deltas = &ports_.at({input.stream, input.version}).deltas;
      }
      if (deltas == nullptr) continue;
      for (const operators::Delta& delta : *deltas) form->Push(*input.relation, delta);
      fed = fed || !deltas->empty();
    }
    if (!fed) continue;
    const std::vector<RowChange> changes = form->Finish();
    HG_RETURN_IF_ERROR(form->failure());
    form->Apply(changes, batch);
    form->Save(batch);
    if (changes.empty()) continue;
    if (tx.empty()) tx = NewTransaction(commit_us, last);
    AddToStream(tx, *form, changes, commit_us);
  }
  base_.Save(batch);
  HG_RETURN_IF_ERROR(base_.failure());
  std::string applied;
  PutVarint(applied, last);
  batch.Put(Family::kMeta, kAppliedKey, applied);
  HG_FAILPOINT("views.before_write");
  HG_RETURN_IF_ERROR(Commit(batch, tx));
  HG_FAILPOINT("views.written");
  for (const auto& form : forms_) form->Committed();
  ClearPorts();
  applied_.store(last, std::memory_order_release);
  for (const auto& form : forms_) form->Trim(parts_.memory_bytes / 2 / std::max<std::size_t>(1, forms_.size()));
  base_.Trim(parts_.memory_bytes / 2);
  stepped_.Raise();
  Publish();
  return Ok();
}

// What went into the log has to be durable before anyone reads it. The rest is computed again, equal, if it is lost.
headgate::Status Runtime::Commit(StoreBatch& batch, const Transaction& tx) {
  if (tx.empty()) return parts_.store->Write(batch, false);
  const auto appended = writer_->Append(std::span(&tx, 1), std::nullopt, batch);
  return appended.ok() ? Ok() : headgate::Status(appended.error());
}

Transaction Runtime::NewTransaction(std::int64_t commit_us, Seq applied) {
  Transaction tx;
  tx.info.position = {PositionKind::kIngest, ++told_, 0, 0, {}};
  tx.info.commit_us = commit_us;
  tx.info.consistent_at = applied;
  return tx;
}

void Runtime::AddToStream(Transaction& tx, Form& form, const std::vector<RowChange>& changes, std::int64_t commit_us) {
  const sql::Relation& relation = *form.definition().relation;
  const StreamNo stream = writer_->OpenStream("", form.name());
  const std::uint32_t version = writer_->DefineSchema(stream, SchemaOf(relation), 0, commit_us);
  AddChanges(tx, stream, version, relation, changes);
}

}  // namespace headgate::views
