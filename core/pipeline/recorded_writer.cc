#include "core/pipeline/recorded_writer.h"

#include <algorithm>

#include "core/model/position.h"

namespace headgate {
namespace {

const Column* FindColumn(const TableSchema& schema, const std::string& name) {
  const auto it = std::ranges::find(schema.columns, name, &Column::name);
  return it == schema.columns.end() ? nullptr : &*it;
}

std::string GapKey(std::string_view source) { return std::string("gap/").append(source); }

}  // namespace

std::optional<Finding> ReadGap(const Store& store, std::string_view source) {
  const auto text = store.Get(Family::kMeta, GapKey(source));
  if (!text.ok() || !*text) return std::nullopt;
  return Finding{"gap",
                 Finding::Level::kError,
                 **text,
                 "Compare the tables with what was delivered, or read them again with a new connector under another "
                 "name. Restart " +
                     std::string(source) + " when that is seen to.",
                 "",
                 ""};
}

void ForgetGap(StoreBatch& batch, std::string_view source) { batch.Delete(Family::kMeta, GapKey(source)); }

std::string DescribeChange(const TableSchema& before, const TableSchema& after) {
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  for (const Column& column : after.columns) {
    const Column* old = FindColumn(before, column.name);
    if (old == nullptr) {
      add("+" + column.name + " " + column.type.declared);
    } else if (old->type.declared != column.type.declared) {
      add(column.name + " " + old->type.declared + " -> " + column.type.declared);
    } else if (*old != column) {
      add(column.name + " changed");
    }
  }
  for (const Column& column : before.columns) {
    if (FindColumn(after, column.name) == nullptr) add("-" + column.name);
  }
  return text.empty() ? "the table changed, not its columns" : text;
}

void RecordedWriter::Tell(ServiceEvent event) {
  event.connector = source().name;
  event.actor = "service";
  pending_.push_back(std::move(event));
}

StreamNo RecordedWriter::OpenStream(std::string_view schema, std::string_view table) {
  const StreamNo stream = writer_.OpenStream(schema, table);
  names_[stream] = LogStreamName(source().name, schema, table);
  return stream;
}

std::uint32_t RecordedWriter::DefineSchema(StreamNo stream, const TableSchema& schema, std::uint64_t at,
                                           std::int64_t commit_us) {
  const auto before = writer_.NewestSchema(stream);
  const std::uint32_t version = writer_.DefineSchema(stream, schema, at, commit_us);
  if (!before || *before == schema) return version;
  ServiceEvent event;
  event.kind = "schema";
  event.summary =
      names_[stream] + " has schema version " + std::to_string(version) + ": " + DescribeChange(*before, schema);
  event.details["stream"] = names_[stream];
  event.details["version"] = std::to_string(version);
  event.details["position"] = PositionText(source().connector, at);
  Tell(std::move(event));
  return version;
}

StoreBatch RecordedWriter::WithPending(const StoreBatch& also) {
  StoreBatch batch;
  batch.Add(also);
  for (const ServiceEvent& event : pending_) events_.Add(batch, event);
  return batch;
}

Result<LogWriter::Outcome> RecordedWriter::Append(std::span<const Transaction> transactions,
                                                  std::optional<std::string> resume, const StoreBatch& also,
                                                  const Numbered& numbered) {
  if (pending_.empty()) return writer_.Append(transactions, std::move(resume), also, numbered);
  auto outcome = writer_.Append(transactions, std::move(resume), WithPending(also), numbered);
  if (outcome.ok()) pending_.clear();
  return outcome;
}

Status RecordedWriter::DeclareGap(const GapExtra& gap, std::int64_t commit_us, std::string resume,
                                  const StoreBatch& also) {
  ServiceEvent event;
  event.kind = "gap";
  event.connector = source().name;
  event.actor = "service";
  const std::string from = PositionText(source().connector, gap.from);
  const std::string to = PositionText(source().connector, gap.to);
  event.summary = gap.text.empty() ? "changes between " + from + " and " + to + " are missing" : gap.text;
  event.details["reason"] = gap.reason;
  event.details["from"] = from;
  event.details["to"] = to;
  event.details["action"] = gap.action;
  for (const std::string& stream : gap.streams) {
    std::string& list = event.details["tables"];
    list += (list.empty() ? "" : ", ") + stream;
  }
  StoreBatch batch = WithPending(also);
  batch.Put(Family::kMeta, GapKey(source().name), event.summary);
  events_.Add(batch, std::move(event));
  Status declared = writer_.DeclareGap(gap, commit_us, std::move(resume), batch);
  if (declared.ok()) pending_.clear();
  return declared;
}

}  // namespace headgate
