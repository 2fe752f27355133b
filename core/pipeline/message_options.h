#pragma once

#include <string_view>
#include <vector>

#include "core/codec/flat_row.h"
#include "core/codec/outbox.h"
#include "core/config/spec.h"

// The settings of outbox tables and of flat rows, which sinks of records share.
namespace headgate {

// Whether messages have a topic, or go where everything goes.
enum class OutboxTarget : std::uint8_t { kTopics, kEndpoint };

// outbox_tables, outbox_id and so on; of topics also outbox_topic.
std::vector<config::Option> OutboxSpec(OutboxTarget target);
// Errors are per key; values that still hold a placeholder pass. Whether outbox_topic names a topic is not judged.
codec::OutboxOptions ReadOutbox(const config::Bound& bound, OutboxTarget target, std::vector<config::KeyError>& errors);

// add_fields, add_fields_prefix and deletes, of format=row. `deletes`: the choice that comes before rewrite, and what
// all of them mean.
std::vector<config::Option> FlatRowSpec(std::string_view deletes, std::string_view help);
codec::FlatOptions ReadFlatRows(const config::Bound& bound, bool rows, std::vector<config::KeyError>& errors);

}  // namespace headgate
