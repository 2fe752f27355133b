// The settings of a connector, as the config file and the API carry them: the first byte chooses the component, then
// come lines key=value. What is said about them must name each mistake once and be fit for JSON.
#include "connectors/postgres/options.h"
#include "connectors/postgres/spec.h"
#include "core/base/check.h"
#include "core/base/encoding.h"
#include "core/config/masking.h"
#include "core/config/validate.h"
#include "sinks/search/options.h"
#include "sinks/search/spec.h"
#include "sinks/webhook/options.h"
#include "sinks/webhook/spec.h"
#include "tests/fuzz/input.h"

namespace headgate {
namespace {

config::FlatConfig Lines(std::string_view text) {
  config::FlatConfig flat;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t sign = line.find('=');
    if (sign != std::string_view::npos) flat[std::string(line.substr(0, sign))] = line.substr(sign + 1);
  }
  return flat;
}

void CheckAnswer(const config::ComponentSpec& spec, const config::FlatConfig& flat,
                 const std::vector<config::KeyError>& errors) {
  const config::ConfigInfos infos = config::Describe(spec, flat, errors);
  CHECK(infos.error_count == static_cast<int>(errors.size()));
  for (const config::KeyInfo& info : infos.configs) {
    CHECK(IsUtf8(info.name) && IsUtf8(info.value.value_or("")));
    for (const std::string& error : info.errors) CHECK(IsUtf8(error));
  }
}

// A stored config comes back masked; written again as it was shown, it is what it was.
void CheckEcho(const config::ComponentSpec& spec, const config::FlatConfig& flat) {
  const config::FlatConfig shown = config::MaskSecrets(spec, flat);
  const auto back = config::UnmaskUpdate(spec, flat, shown);
  if (back.errors.empty()) CHECK(config::MaskSecrets(spec, back.config) == shown);
}

}  // namespace
}  // namespace headgate

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace headgate;
  std::string_view text = fuzz::Bytes(data, size);
  const std::size_t chosen = fuzz::Choose(text, 3);
  const bool source = chosen == 0;
  if (!IsUtf8(text)) return 0;  // refused where it comes in
  const config::ComponentSpec& spec = source ? postgres::Spec() : chosen == 1 ? webhook::Spec() : search::Spec();
  const config::FlatConfig flat = Lines(text);
  const config::BindOutcome outcome = config::Bind(spec, flat, nullptr);
  std::vector<config::KeyError> errors = outcome.errors;
  if (errors.empty()) {
    errors = source        ? postgres::CheckOptions(outcome.bound)
             : chosen == 1 ? webhook::Read(outcome.bound).errors
                           : search::Read(outcome.bound).errors;
    if (source) static_cast<void>(postgres::MakeOptions("shop", outcome.bound));
  }
  CheckAnswer(spec, flat, errors);
  CheckEcho(spec, flat);
  return 0;
}
