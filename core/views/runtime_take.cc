// From a run of the log to the changes of relations: through the base, so that a change knows what it replaces.
#include <algorithm>

#include "core/base/failpoint.h"
#include "core/views/runtime.h"

namespace headgate::views {
namespace {

constexpr std::size_t kTableRowBytes = 100;  // about

Error BadRow(const Registry& registry, const Run::Part& part, const Change& change) {
  const StreamInfo* stream = registry.Stream(change.stream);
  return Corrupt("change " + ToText({part.seq, change.ordinal}) + " of " + (stream == nullptr ? "?" : stream->name) +
                 " has a row that does not fit its schema");
}

Origin OriginOf(const Run::Part& part, const Change& change) {
  return {{part.seq, change.ordinal}, change.op, part.info.commit_us, part.info.stored_us};
}

}  // namespace

headgate::Status Runtime::TakeIn(const views::Run& run) {
  HG_RETURN_IF_ERROR(Prefetch(run));
  for (const Run::Part& part : run.parts) {
    ChangeReader changes = part.Changes();
    Change change;
    while (changes.Next(change)) {
      if (change.stream == 0) continue;
      if (IsOfRow(change.op)) {
        if (IsEventStream(*registry_, change.stream)) {
          TakeEvent(part, change);
        } else {
          HG_RETURN_IF_ERROR(TakeTable(part, change));
        }
      } else if (change.op == Op::kTruncate) {
        HG_RETURN_IF_ERROR(TakeTruncate(part, change));
      } else if (change.op == Op::kSnapshot) {
        base_.BeginLoad(change.stream);  // its end is a run of its own
      } else if (change.op == Op::kSchema && IsTopicTable(*registry_, change.stream)) {
        if (base_.StateOf(change.stream).generation == 0 && base_.MayBegin()) base_.EndLoad(change.stream);
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
      if (change.stream == 0 || !IsOfRow(change.op) || IsEventStream(*registry_, change.stream)) continue;
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

void Runtime::Emit(Port& port, const Image& image, std::int64_t weight, At at) {
  if (weight > 0 && image.version != port.version) CheckShape(port, image.version, at);
  port.rows->Add(image.row, image.version, *registry_->Schema(port.stream, image.version), image.origin, weight, at);
  if (port.rows->full()) port.deltas.push_back(port.rows->Take());
}

void Runtime::EmitGone(StreamNo stream, const std::string& key, const Image& image, At at) {
  const auto [first, last] = ports_of_.equal_range(stream);
  for (auto port = first; port != last; ++port) {
    DeclaredTable* const declared = port->second->declared;
    const TableSchema& schema = *registry_->Schema(stream, image.version);
    const auto shown = declared == nullptr ? std::nullopt : declared->Gone(key, image, schema);
    if (declared == nullptr) {
      Emit(*port->second, image, -1, at);
    } else if (shown) {
      Emit(*port->second, *shown, -1, at);
    }
  }
}

void Runtime::EmitCame(StreamNo stream, const std::string& key, const Image& image, At at) {
  const auto [first, last] = ports_of_.equal_range(stream);
  for (auto port = first; port != last; ++port) {
    DeclaredTable* const declared = port->second->declared;
    const TableSchema& schema = *registry_->Schema(stream, image.version);
    const auto shown = declared == nullptr ? std::nullopt : declared->Came(key, image, schema);
    if (declared == nullptr) {
      Emit(*port->second, image, 1, at);
    } else if (shown) {
      Emit(*port->second, *shown, 1, at);
    }
  }
}

void Runtime::TakeEvent(const Run::Part& part, const Change& change) {
  if (!change.has_after) return;
  const Origin origin = OriginOf(part, change);
  const auto [first, last] = ports_of_.equal_range(change.stream);
  for (auto port = first; port != last; ++port) {
    StreamRows& rows = *port->second->rows;
    rows.Add(change.after, change.schema, *registry_->Schema(change.stream, change.schema), origin, 1, origin.at);
    if (rows.full()) port->second->deltas.push_back(rows.Take());
  }
}

// Last writer wins, by the table's key: that is what the log's order is made for (change-events contract, 2).
headgate::Status Runtime::TakeTable(const Run::Part& part, const Change& change) {
  const StreamNo stream = change.stream;
  const TableSchema& schema = *registry_->Schema(stream, change.schema);
  const Origin origin = OriginOf(part, change);
  const bool keyless = schema.EventKey().empty();
  // A table that is not read by a snapshot is there from its first change on.
  if (base_.StateOf(stream).generation == 0 && base_.MayBegin()) base_.EndLoad(stream);
  if (base_.StateOf(stream).generation == 0) base_.BeginLoad(stream);
  const bool shown = !base_.StateOf(stream).loading();
  std::string new_key;
  std::string old_key;
  if (change.has_after && !AppendBaseKey(new_key, change.after, schema)) return BadRow(*registry_, part, change);
  if (!change.has_before || !AppendBaseKey(old_key, change.before, schema)) old_key = new_key;
  std::optional<Image> old;
  if (change.op == Op::kUpdate || change.op == Op::kDelete || !keyless) {
    if (const Image* found = base_.Find(stream, old_key)) {
      old = *found;
      if (shown) EmitGone(stream, old_key, *old, origin.at);
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
  const TableSchema* const old_schema = old ? registry_->Schema(stream, old->version) : nullptr;
  if (old_schema == nullptr || !FillAbsent(image.row, change.after, schema, old->row, *old_schema))
    image.row = change.after;
  if (const Image* other = base_.Find(stream, new_key)) {
    if (keyless) {
      image.copies = other->copies + 1;
    } else if (shown) {
      EmitGone(stream, new_key, *other, origin.at);  // the key was another row's
    }
  }
  if (shown) EmitCame(stream, new_key, image, origin.at);
  base_.Put(stream, new_key, std::move(image));
  return Ok();
}

headgate::Status Runtime::TakeTruncate(const Run::Part& part, const Change& change) {
  const StreamNo stream = change.stream;
  const TableState state = base_.StateOf(stream);
  if (state.generation != 0 && !state.loading()) {
    const At at{part.seq, change.ordinal};
    const auto gone = [&](const std::string& key, const Image& image) {
      for (std::uint64_t n = 0; n < image.copies; ++n) EmitGone(stream, key, image, at);
      GiveMany(stream, part.seq);
    };
    // What the run has touched is as it left it, the rest as it is stored.
    const std::set<std::string>& touched = keys_[stream];
    const StoreView view(*parts_.store);
    HG_RETURN_IF_ERROR(Base::ScanTable(view, stream, state.generation, "", [&](std::string_view key, const Image& row) {
      if (!touched.contains(std::string(key))) gone(std::string(key), row);
      return true;
    }));
    for (const std::string& key : touched) {
      if (const Image* image = base_.Find(stream, key)) gone(key, *image);
    }
  }
  base_.Truncate(stream);
  return Ok();
}

// A table's snapshot has ended: what views see changes from the old content to the new one, by its difference.
headgate::Status Runtime::EndLoad(StreamNo stream, Seq last_seq) {
  const TableState state = base_.StateOf(stream);
  if (state.generation != 0 && !state.loading()) return Ok();
  const At at{applied_ + 1, 0};
  const StoreView view(*parts_.store);
  const auto [first, last] = ports_of_.equal_range(stream);
  for (auto port = first; port != last; ++port) {
    DeclaredTable* const declared = port->second->declared;
    for (const auto& [generation, weight] : {std::pair{state.shown, -1}, {state.generation, 1}}) {
      if (generation == 0) continue;
      const auto visit = [&, sign = weight](std::string_view key, const Image& image) {
        const TableSchema& schema = *registry_->Schema(stream, image.version);
        const auto shown = declared == nullptr ? image : declared->Shown(std::string(key), image, schema);
        for (std::uint64_t n = 0; shown && n < image.copies; ++n) Emit(*port->second, *shown, sign, at);
        GiveMany(stream, last_seq);
        return true;
      };
      HG_RETURN_IF_ERROR(Base::ScanTable(view, stream, generation, "", visit));
    }
  }
  base_.EndLoad(stream);
  return Ok();
}

// All rows of a table may be more than fit into memory: the forms get what there is of them before their turn comes.
void Runtime::GiveMany(StreamNo stream, Seq last) {
  const auto [first, end] = ports_of_.equal_range(stream);
  for (auto of = first; of != end; ++of) {
    Port& port = *of->second;
    const std::size_t rows = port.deltas.size() * operators::kPieceRows + port.rows->rows();
    if (rows * kTableRowBytes <= StepBytes()) continue;
    if (port.rows->rows() > 0) port.deltas.push_back(port.rows->Take());
    for (const auto& form : forms_) {
      if (!form->running()) continue;
      const std::vector<Input>& inputs = form->definition().inputs;
      for (std::uint32_t i = 0; i < inputs.size(); ++i) {
        if (DeltasOf(inputs[i]) != &port.deltas) continue;
        BeginFeed(*form);
        for (const operators::Delta& delta : port.deltas) Feed(*form, i, delta, last, batch_);
      }
    }
    port.deltas.clear();
  }
}

}  // namespace headgate::views
