// The service's own YAML file.
#include "core/base/check.h"
#include "core/config/service_config.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  const auto outcome = config::ParseServiceConfig(fuzz::Bytes(data, size), "headgate.yaml", {});
  for (const std::string& error : outcome.errors) CHECK(error.size() < 100'000);
  return 0;
}
