#include <nlohmann/json.hpp>

#include "core/pipeline/consent_desk.h"
#include "web/api.h"

// The callback of the CloudEvents handshake (webhooks.md 3.3): whoever has the token may grant, without a sign-in.
namespace headgate::web {
namespace {

Response Consent(Api& api, const Request& request) {
  if (request.method == "HEAD") return Response::Empty(204);  // of somebody who only looks
  const auto rate = AllowedRate(request.Header("webhook-allowed-rate"));
  if (api.control.GiveConsent(request.Argument(0), rate, request.caller())) return Response::Empty(204);
  return Fail(request, 404, "This address grants nothing: it was used, a day has passed, or there is no such one.");
}

}  // namespace

void AddConsentRoutes(std::vector<Route>& routes) {
  for (const char* method : {"GET", "POST"}) {
    routes.push_back({method,
                      "/api/v1/webhook-consent/{token}",
                      Role::kNone,
                      "The endpoint of a sink consents to deliveries",
                      Consent,
                      {.query = "WebHook-Allowed-Rate: string", .answers = "204"}});
  }
}

}  // namespace headgate::web
