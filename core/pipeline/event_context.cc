#include "core/pipeline/event_context.h"

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
  }
  if (const StreamInfo* stream = change.stream == 0 ? nullptr : registry.Stream(change.stream)) {
    context.stream_schema = stream->schema;
    context.stream_table = stream->table;
  }
  context.at = {seq, change.ordinal};
  return context;
}

}  // namespace headgate
