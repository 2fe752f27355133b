#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/net/gzip.h"
#include "core/net/signature.h"
#include "sinks/webhook/options.h"

namespace headgate::webhook {

// Writes requests as they go on the wire: one buffer with request line, headers and body. Everything that does not
// change is written once. Pure but for the time, which is passed in. For one thread.
class RequestWriter {
 public:
  // The error (kConfig) is a signing secret that is none. `options` must outlive the writer.
  static Result<RequestWriter> Create(const Options& options);

  // Overwrites `out`. `headers` are whole lines of this event. `now_us` is the time of this attempt (Unix): it becomes
  // webhook-timestamp and decides which secrets are still valid. kConfig if the sink signs and no secret is valid any
  // more (W12).
  Status Write(std::string& out, std::string_view id, std::string_view headers, std::string_view body,
               std::int64_t now_us);

  // Request line and headers of the same request for a person, secrets as [hidden].
  std::string Shown(std::string_view id, std::string_view headers, std::int64_t now_us) const;

  // When the last secret expires; nothing if one never does or the sink does not sign.
  std::optional<std::int64_t> last_expiry_us() const;

 private:
  struct Secret {
    net::Signer signer;
    std::optional<std::int64_t> expires_us;
  };
  explicit RequestWriter(const Options& options) : options_(&options) {}

  Status AppendSignatures(std::string& out, std::string_view id, std::int64_t second, std::string_view body,
                          std::int64_t now_us);

  const Options* options_;
  std::string head_;  // up to the first header that changes
  std::vector<Secret> secrets_;
  std::optional<net::Signer> hmac_;
  std::unique_ptr<net::Gzip> gzip_;
  std::int64_t second_ = -1;  // the one `second_text_` shows
  std::string second_text_;
};

}  // namespace headgate::webhook
