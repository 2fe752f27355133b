#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/encoding.h"
#include "core/config/secrets.h"
#include "web/api.h"
#include "web/page.h"

// /api/v1: the signing secrets of a sink (admin API, 7.5). A secret itself is shown once, by the answer that made it.
namespace headgate::web {
namespace {

Json InfoJson(const SigningSecretInfo& info) {
  Json json;
  json["id"] = info.id;
  json["kind"] = info.kind.empty() ? Json(nullptr) : Json(info.kind);
  json["state"] = info.expires_us == 0 ? "active" : "retiring";
  json["created_at"] = TimeJson(info.created_us);
  json["expires_at"] = TimeJson(info.expires_us);
  if (!info.public_key.empty()) json["public_key"] = info.public_key;
  return json;
}

Response ListSecrets(Api& api, const Request& request) {
  const auto answer = api.control.ListSigningSecrets(request.Argument(0));
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  Json items = Json::array();
  for (const auto& info : std::get<std::vector<SigningSecretInfo>>(answer)) items.push_back(InfoJson(info));
  return PageAnswer(request, std::move(items), "");
}

Response AddSecret(Api& api, const Request& request) {
  constexpr const char* kSecretShape =
      "The body must be {\"generate\":\"hmac\"}, or ed25519, or {\"secret\":\"${provider:path:key}\"}.";
  const auto body = ParseJson(request.body, request.json_depth_max);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  if (!body->is_object() || body->size() != 1 || !body->begin().value().is_string())
    return Fail(request, 400, kSecretShape);
  const std::string member = body->begin().key();
  const auto value = body->begin().value().get<std::string>();
  const bool generates = member == "generate" && (value == "hmac" || value == "ed25519");
  if (!generates && member != "secret")
    return Fail(request, 400, kSecretShape, {}, {{"/" + member.substr(0, 100), "?"}});
  if (!generates && (!config::HasPlaceholder(value) || !config::WithoutPlaceholders(value).empty())) {
    return Fail(request, 422,
                "secret must be a placeholder such as ${file:/run/secrets/hook:key}: a secret in clear is no business "
                "of this API.",
                {}, {{"/secret", "not a placeholder"}});
  }
  const auto answer =
      api.control.AddSigningSecret(request.Argument(0), generates ? "" : value, value == "ed25519", request.caller());
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  const auto& made = std::get<NewSigningSecret>(answer);
  Json json = InfoJson(made.info);
  if (!made.secret.empty()) json["secret"] = made.secret;
  return Response::Json(201, Dump(json))
      .With("Location",
            "/api/v1/connectors/" + PercentEncode(request.Argument(0)) + "/signing-secrets/" + made.info.id);
}

Response ChangeSecret(Api& api, const Request& request) {
  constexpr const char* kChangeShape =
      "The body must be {\"expires_at\":time or null,\"position\":1}, or one of the two.";
  const auto body = ParseJson(request.body, request.json_depth_max);
  if (!body.ok()) return Fail(request, 400, body.error().what);
  if (!body->is_object() || body->empty()) return Fail(request, 400, kChangeShape);
  SigningSecretChange change;
  for (const auto& [member, value] : body->items()) {
    if (member == "expires_at" && value.is_null()) {
      change.expires_us = 0;
      continue;
    }
    if (member == "expires_at" && value.is_string()) change.expires_us = ParseTime(value.get<std::string>());
    if (member == "position" && value.is_number_integer() && value.get<std::int64_t>() > 0)
      change.position = value.get<std::size_t>();
    const bool good = (member == "expires_at" && change.expires_us) || (member == "position" && change.position);
    if (!good) return Fail(request, 400, kChangeShape, {}, {{"/" + member.substr(0, 100), kChangeShape}});
  }
  const auto answer =
      api.control.ChangeSigningSecret(request.Argument(0), request.Argument(1), change, request.caller());
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  return ListSecrets(api, request);
}

Response RemoveSecret(Api& api, const Request& request) {
  SigningSecretChange change;
  change.remove = true;
  const auto answer =
      api.control.ChangeSigningSecret(request.Argument(0), request.Argument(1), change, request.caller());
  if (const auto* refusal = std::get_if<Refusal>(&answer)) return FromRefusal(request, *refusal);
  return Response::Empty(204);
}

constexpr Contract kSecretList = {.answers = "200 {items: [SigningSecret], next_cursor: string?}", .errors = "409"};
constexpr Contract kNewSecret = {
    .body = "{generate: 'hmac'|'ed25519'}|{secret: string}", .answers = "201 SigningSecret", .errors = "409 422"};
constexpr Contract kChangedSecret = {.body = "{expires_at?: time?, position?: int}",
                                     .answers = "200 {items: [SigningSecret], next_cursor: string?}",
                                     .errors = "409 422"};
constexpr Contract kRetiredSecret = {.answers = "204", .errors = "409"};

}  // namespace

void AddSigningRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET", "/api/v1/connectors/{c}/signing-secrets", Role::kAdmin, "Signing secrets of a sink, never the secret",
       ListSecrets, kSecretList},
      {"POST", "/api/v1/connectors/{c}/signing-secrets", Role::kAdmin, "Add one: generated, or a placeholder",
       AddSecret, kNewSecret},
      {"PATCH", "/api/v1/connectors/{c}/signing-secrets/{id}", Role::kAdmin, "When it ends, and where it stands",
       ChangeSecret, kChangedSecret},
      {"DELETE", "/api/v1/connectors/{c}/signing-secrets/{id}", Role::kAdmin, "Retire one at once", RemoveSecret,
       kRetiredSecret},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
