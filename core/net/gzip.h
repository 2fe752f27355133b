#pragma once

#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;

namespace headgate::net {

// Bodies of requests. The same text gives the same bytes every time: no time stamp, one level. For one thread.
class Gzip {
 public:
  Gzip();
  ~Gzip();

  // The compressed text; valid until the next call.
  std::string_view Compress(std::string_view text);

 private:
  std::unique_ptr<z_stream_s> stream_;
  std::string out_;
};

}  // namespace headgate::net
