#include "core/pipeline/event_context.h"

#include "core/pipeline/sink.h"
#include "core/views/stream.h"

namespace headgate {

codec::EventContext ContextOf(const Registry& registry, Seq seq, const TransactionInfo& tx, const Change& change) {
  codec::EventContext context;
  context.tx = &tx;
  context.change = &change;
  context.schema = change.stream == 0 ? nullptr : registry.Schema(change.stream, change.schema);
  context.schema_version = change.schema;
  if (context.schema == nullptr) context.database = registry.DatabaseOf(tx.source);
  if (const SourceInfo* source = registry.Source(tx.source)) {
    context.source_id = source->id;
    context.source_name = source->name;
    context.connector = source->connector;
    context.of_view = source->connector == views::kViewConnector;
  }
  if (const StreamInfo* stream = change.stream == 0 ? nullptr : registry.Stream(change.stream)) {
    context.stream_schema = stream->schema;
    context.stream_table = stream->table;
    context.stream_name = stream->name;
  }
  context.at = {seq, change.ordinal};
  return context;
}

codec::EventContext ContextOf(const Event& event) {
  codec::EventContext context;
  context.tx = event.tx;
  context.change = event.change;
  context.schema = event.schema;
  context.schema_version = event.schema != nullptr ? event.change->schema : 0;
  context.database = event.database;
  if (event.source != nullptr) {
    context.source_id = event.source->id;
    context.source_name = event.source->name;
    context.connector = event.source->connector;
    context.of_view = event.source->connector == views::kViewConnector;
  }
  if (event.stream != nullptr) {
    context.stream_schema = event.stream->schema;
    context.stream_table = event.stream->table;
    context.stream_name = event.stream->name;
  }
  context.at = event.at;
  return context;
}

DeadLetter NewLetter(const codec::EventContext& event, std::string_view stream, codec::NativeEncoder& native) {
  DeadLetter letter;
  letter.at = event.at;
  letter.event_id = EventId(event.source_id, event.tx->epoch, event.tx->position, event.change->ordinal);
  letter.stream = stream;
  letter.op = Name(event.change->op);
  letter.commit_us = event.tx->commit_us;
  letter.content_type = "application/x-ndjson";
  static_cast<void>(native.AppendKeyJson(letter.key, event));
  static_cast<void>(native.Append(letter.record, event));
  return letter;
}

}  // namespace headgate
