#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/codec/cloud_event.h"
#include "core/codec/debezium.h"
#include "core/codec/native.h"
#include "core/pipeline/sink.h"
#include "sinks/webhook/options.h"

namespace headgate::webhook {

// One event made ready to be sent. Strings keep their capacity when the object is used again.
struct Rendered {
  std::string id;             // webhook-id
  std::string body;           // what is sent; several requests' bodies, one a line, if `parts` > 1
  std::string headers;        // lines of its own
  std::string record;         // the native rendering, where it is not a part of the body
  std::size_t record_at = 0;  // else its place in the body
  std::size_t record_size = 0;
  std::uint32_t parts = 1;  // 0: the rendering has no form for it; 2: a changed key in debezium, a delete (id suffix
                            // -d) and a create (-c)
  std::string_view error_class;  // set if the event cannot be sent: "render", "too_large"
  std::string error;

  // Order: lanes of `lanes.h`. A barrier has none: it waits for its whole stream.
  std::array<std::uint64_t, 2> lanes{};
  std::uint8_t lane_count = 0;
  bool barrier = false;

  std::string_view Record() const {
    return record.empty() ? std::string_view(body).substr(record_at, record_size) : std::string_view(record);
  }
};

// The lane of everything of one stream: of keyless tables, and of barriers once they are stored.
std::uint64_t StreamLane(const StreamInfo* stream, SourceNo source);

// A value of a ce- header: what a header cannot carry is percent-encoded UTF-8.
void AppendHeaderValue(std::string& out, std::string_view text);

// Renders events, once. Pure: what comes out depends on the event and the settings. For one thread.
class Encoder {
 public:
  explicit Encoder(const Options& options);  // must outlive it

  // Overwrites `out`. The error concerns the log (kCorrupt) or the settings (kConfig); what is wrong with the event
  // alone is in `out`.
  Status Encode(const Event& event, Rendered& out);

  // True once a stream lacked a column of order_by.
  bool order_by_missing() const { return order_by_missing_; }

 private:
  // Which columns make the ordering key of one version of a stream.
  struct Layout {
    bool known = false;
    std::vector<std::size_t> columns;  // in key order; empty: the stream is one lane
    std::size_t last = 0;              // the largest of them
  };

  Status Render(const Event& event, Rendered& out);
  Status RenderCloudEvent(const Event& event, Rendered& out);
  Status RenderDebezium(const Event& event, Rendered& out);
  Status RenderRow(const Event& event, Rendered& out);
  Status RenderMessage(const codec::EventContext& context, Rendered& out);
  void AppendEnvelopeStart(const Event& event, std::string& out);
  void FindLanes(const Event& event, Rendered& out);
  const Layout& LayoutOf(const Event& event);
  // The hash of the key columns' bytes; false if one of them is not in the row. `fallback` fills absent ones.
  bool HashKey(const Layout& layout, std::string_view row, std::string_view fallback, std::uint64_t seed,
               std::uint64_t& hash);

  const Options& options_;
  codec::NativeEncoder native_;
  codec::DebeziumEncoder debezium_;
  codec::CloudEvents cloud_events_;
  codec::FlatFields flat_;
  codec::OutboxReader outbox_;
  std::string key_;
  codec::RecordList records_;
  std::unordered_map<std::uint64_t, Layout> layouts_;     // by stream and schema version
  std::unordered_map<std::uint64_t, std::string> types_;  // by stream and op: the start of envelope=standard
  std::vector<std::string_view> spans_;                   // of the columns of one row
  std::vector<std::string_view> fallback_spans_;
  bool order_by_missing_ = false;
};

}  // namespace headgate::webhook
