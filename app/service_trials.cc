// What a person tries before, and looks at while, a connector runs.
#include <cmath>

#include "app/plugins.h"
#include "app/service.h"
#include "connectors/registry.h"
#include "core/config/validate.h"
#include "core/pipeline/consent_desk.h"
#include "sinks/registry.h"

namespace headgate {

std::vector<Finding> Service::Preflight(const config::ComponentSpec& spec, const std::string& name,
                                        const config::FlatConfig& config) const {
  config::FlatConfig named = config;
  named.emplace("name", name);
  const auto outcome = config::Bind(spec, named, secrets_.get());
  const SourceFactory* source = FindSource(spec.class_name);
  const SinkFactory* sink = FindSink(spec.class_name);
  auto errors = outcome.errors;
  config::AddErrors(errors, source != nullptr ? source->check(outcome.bound) : sink->check(outcome.bound));
  std::vector<Finding> findings;
  for (const config::KeyError& error : errors)
    findings.push_back({"settings", Finding::Level::kError, error.text, "", "", error.key});
  if (!findings.empty()) return findings;
  findings.push_back({"settings", Finding::Level::kOk, "the settings are complete", "", "", ""});
  const auto found =
      source != nullptr ? source->preflight(name, outcome.bound) : sink->preflight(name, outcome.bound, sink_services_);
  findings.insert(findings.end(), found.begin(), found.end());
  return findings;
}

Answer<std::vector<ListedTable>> Service::ListTables(const config::ComponentSpec& spec, const std::string& name,
                                                     const config::FlatConfig& config) const {
  const SourceFactory* source = FindSource(spec.class_name);
  if (source == nullptr || source->list_tables == nullptr)
    return Refusal{409, "A " + std::string(spec.class_name) + " has no server with tables.", {}};
  config::FlatConfig named = config;
  named.emplace("name", name);
  auto outcome = config::Bind(spec, named, secrets_.get());
  std::erase_if(outcome.errors, [](const config::KeyError& e) { return e.key == "tables"; });  // that is the question
  if (!outcome.errors.empty()) return Refusal{422, config::ErrorsText(outcome.errors), outcome.errors};
  auto tables = source->list_tables(name, outcome.bound);
  if (!tables.ok()) return Refusal{422, tables.error().what, {}};
  return *std::move(tables);
}

Answer<TestDelivery> Service::SendTest(const std::string& sink, const TestEvent& event) const {
  const auto record = catalog_->Find(sink);
  if (record == nullptr) return Refusal{404, "Connector " + sink + " not found", {}};
  const SinkFactory* factory = FindSink(record->class_name);
  const std::string is = "Connector " + sink + " is a " + record->class_name;
  if (factory == nullptr) return Refusal{409, is + ", which delivers nothing. Send the test event to a sink.", {}};
  if (factory->send_test == nullptr)
    return Refusal{409,
                   is +
                       ", which takes no test events: readers would find one among the rows. Try its connection with "
                       "POST /api/v1/connections/test {\"connector\":\"" +
                       sink + "\"} instead.",
                   {}};
  const auto outcome = config::Bind(*factory->spec, EffectiveConfig(*record), secrets_.get());
  if (!outcome.errors.empty()) return Refusal{422, outcome.errors.front().text, outcome.errors};
  auto sent = factory->send_test(outcome.bound, sink_services_, event);
  if (sent.ok()) return *std::move(sent);
  return Refusal{sent.error().kind == ErrorKind::kConfig ? 422 : 503, sent.error().what, {}};
}

Answer<std::shared_ptr<DeliveryTrace>> Service::TraceOf(const std::string& sink) const {
  const auto record = catalog_->Find(sink);
  if (record == nullptr) return Refusal{404, "Connector " + sink + " not found", {}};
  const SinkFactory* factory = FindSink(record->class_name);
  if (factory == nullptr || !factory->traces)
    return Refusal{
        409, "Connector " + sink + " is a " + record->class_name + ", which does not tell its deliveries.", {}};
  if (auto trace = supervisor_->TraceOf(sink)) return trace;
  return Refusal{503, "Connector " + sink + " is starting.", {}};
}

// The token alone says which sink it is of.
bool Service::GiveConsent(std::string_view token, std::optional<double> per_minute, const Caller& caller) {
  for (const auto& [name, record] : *catalog_->records()) {
    const auto consents = supervisor_->ConsentsOf(name);
    if (consents == nullptr || !consents->Give(token, per_minute, clock().NowUs())) continue;
    ServiceEvent event;
    event.kind = "consent_given";
    event.connector = name;
    event.SignedBy(caller);
    event.summary = "the endpoint consents to deliveries";
    if (per_minute) event.details["requests_per_minute"] = std::to_string(std::llround(*per_minute));
    Record(std::move(event));
    return true;
  }
  return false;
}

}  // namespace headgate
