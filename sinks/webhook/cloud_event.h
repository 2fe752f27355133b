#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/pipeline/sink.h"
#include "sinks/webhook/options.h"

// Changes as CloudEvents 1.0 (webhooks.md 3). Pure.
namespace headgate::webhook {

// A value of a ce- header: what a header cannot carry is percent-encoded UTF-8.
void AppendHeaderValue(std::string& out, std::string_view text);

// For one thread.
class CloudEventWriter {
 public:
  explicit CloudEventWriter(const Options& options) : options_(options) {}  // must outlive it

  // The envelope up to its data: {"specversion":"1.0",...,"data":   `key` is the row's key as the native rendering has
  // it, "" if there is none.
  void AppendStart(std::string& out, const Event& event, std::string_view id, std::string_view key);
  // The attributes as whole header lines, but datacontenttype, which is the Content-Type.
  void AppendHeaders(std::string& out, const Event& event, std::string_view id, std::string_view key);

 private:
  // What events of one stream and op have in common.
  struct Common {
    std::string source;
    std::string type;
    std::string subject;
  };
  const Common& CommonOf(const Event& event);
  // Calls f(name, value) for each attribute in order.
  template <class F>
  void ForEach(const Event& event, std::string_view id, std::string_view key, F f);

  const Options& options_;
  std::unordered_map<std::uint64_t, Common> common_;
};

}  // namespace headgate::webhook
