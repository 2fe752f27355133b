#pragma once

#include <cstdint>
#include <string_view>

#include "core/model/change.h"

// What a rendering needs to know of one stored change. Everything pointed to must outlive the call it is passed to.
namespace headgate::codec {

struct EventContext {
  const TransactionInfo* tx = nullptr;
  const Change* change = nullptr;
  const TableSchema* schema = nullptr;  // nullptr: message, gap, marker of a table not yet described
  std::uint32_t schema_version = 0;     // of the stream, from 1; 0 without schema
  std::string_view source_id;           // in event ids
  std::string_view source_name;         // of the connector: the topic prefix and `source.name` of `debezium`
  std::string_view connector;           // "postgresql"
  std::string_view database;            // of the source, for changes without schema: messages
  std::string_view stream_schema;  // names of the stream; native and debezium use them only where `schema` is nullptr
  std::string_view stream_table;
  std::string_view stream_name;  // shop.public.orders; "" without a stream. In CloudEvents alone
  bool of_view = false;          // the stream is a view's
  At at;                         // address in the log; part of no rendering
};

}  // namespace headgate::codec
