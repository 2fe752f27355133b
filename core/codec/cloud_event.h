#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/codec/event.h"
#include "core/codec/event_type.h"

// Changes as CloudEvents 1.0 (webhooks.md 3), whatever carries them. Pure.
namespace headgate::codec {

struct CloudEventOptions {
  std::string source;  // "": /headgate/<source or view>
  std::vector<TypePiece> type_template;
  std::string type_prefix;
  std::string schema_base_url;  // "": events name no schema
};

struct CloudEventAttribute {
  std::string_view name;
  std::string_view value;
};

// The attributes of events. For one thread.
class CloudEvents {
 public:
  explicit CloudEvents(CloudEventOptions options) : options_(std::move(options)) {}

  // In the order of the reference. `id`: of the event. `key`: the row's key as the native rendering has it, "" if there
  // is none. The answer and what it points to stay until the next call.
  const std::vector<CloudEventAttribute>& AttributesOf(const EventContext& event, std::string_view id,
                                                       std::string_view key);

  // The structured form up to its data: {"specversion":"1.0",...,"data":
  void AppendStart(std::string& out, const EventContext& event, std::string_view id, std::string_view key);

 private:
  // What events of one stream and op have in common.
  struct Common {
    std::string source;
    std::string type;
    std::string subject;
  };
  const Common& CommonOf(const EventContext& event);

  const CloudEventOptions options_;
  std::unordered_map<std::uint64_t, Common> common_;
  std::vector<CloudEventAttribute> attributes_;
  std::string time_, recorded_time_, schema_, key_, sequence_, source_position_;  // the last event's
};

}  // namespace headgate::codec
