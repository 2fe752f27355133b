// The signing secrets of sinks (admin API, 7.5).
#include <algorithm>

#include "app/plugins.h"
#include "app/service.h"
#include "core/base/time_text.h"
#include "core/config/validate.h"
#include "core/net/signature.h"
#include "core/state/signing_secrets.h"

namespace headgate {
namespace {

constexpr std::string_view kSetting = "signing_secrets";

// As the setting has it: secret, and its end if it has one.
std::string ItemOf(const SigningSecret& secret) {
  return secret.expires_us == 0 ? secret.text : secret.text + "@" + UtcText(secret.expires_us);
}

std::vector<std::string> ItemsOf(const std::string& setting) {
  std::vector<std::string> items;
  for (std::size_t at = 0; at < setting.size();) {
    const std::size_t comma = std::min(setting.find(',', at), setting.size());
    if (comma > at) items.push_back(setting.substr(at, comma - at));
    at = comma + 1;
  }
  return items;
}

bool IsValid(const SigningSecret& secret, std::int64_t now_us) {
  return secret.expires_us == 0 || secret.expires_us > now_us;
}

}  // namespace

// The record's settings with the secrets that the API has beside them.
config::FlatConfig Service::EffectiveConfig(const ConnectorRecord& record) const {
  config::FlatConfig config = record.config;
  const auto secrets = ReadSigningSecrets(*store_, record.name);
  if (!secrets.ok() || secrets->list.empty()) return config;
  std::string items;
  for (const SigningSecret& secret : secrets->list) items += (items.empty() ? "" : ",") + ItemOf(secret);
  std::string& setting = config[std::string(kSetting)];
  setting = setting.empty() ? items : items + "," + setting;
  return config;
}

// The sink that signs, or why it does not.
Answer<std::shared_ptr<const ConnectorRecord>> Service::SignerOf(const std::string& sink) const {
  auto record = catalog_->Find(sink);
  if (record == nullptr) return Refusal{404, "Connector " + sink + " not found", {}};
  if (config::FindOption(*FindPlugin(record->class_name), kSetting) == nullptr)
    return Refusal{409, "Connector " + sink + " is a " + record->class_name + ", which signs nothing.", {}};
  return record;
}

Answer<std::vector<SigningSecretInfo>> Service::ListSigningSecrets(const std::string& sink) const {
  const auto record = SignerOf(sink);
  if (const auto* refusal = std::get_if<Refusal>(&record)) return *refusal;
  const auto secrets = ReadSigningSecrets(*store_, sink);
  if (!secrets.ok()) return Failed(secrets.error());
  std::vector<SigningSecretInfo> all;
  const std::int64_t now_us = clock().NowUs();
  for (const SigningSecret& secret : secrets->list) {
    if (!IsValid(secret, now_us)) continue;
    all.push_back({std::to_string(secret.id), secret.kind, secret.created_us, secret.expires_us, secret.public_key});
  }
  const auto& config = std::get<std::shared_ptr<const ConnectorRecord>>(record)->config;
  const auto setting = config.find(std::string(kSetting));
  const std::size_t in_config = setting == config.end() ? 0 : ItemsOf(setting->second).size();
  for (std::size_t i = 1; i <= in_config; ++i) all.push_back({"config-" + std::to_string(i), "", 0, 0, ""});
  return all;
}

// All of it or nothing: the settings have to be good with them.
std::optional<Refusal> Service::SaveSigningSecrets(const ConnectorRecord& record, const SigningSecrets& secrets,
                                                   ServiceEvent event) {
  StoreBatch batch;
  PutSigningSecrets(batch, record.name, secrets);
  event.kind = "signing_secret";
  event.connector = record.name;
  events_->Add(batch, std::move(event));
  if (headgate::Status status = store_->Write(batch, true); !status.ok()) return Failed(status.error());
  supervisor_->Apply(PlanFor(record));
  Wake();
  return std::nullopt;
}

Answer<NewSigningSecret> Service::AddSigningSecret(const std::string& sink, const std::string& placeholder,
                                                   bool ed25519, const Caller& caller) {
  const auto found = SignerOf(sink);
  if (const auto* refusal = std::get_if<Refusal>(&found)) return *refusal;
  const ConnectorRecord& record = *std::get<std::shared_ptr<const ConnectorRecord>>(found);
  auto secrets = ReadSigningSecrets(*store_, sink);
  if (!secrets.ok()) return Failed(secrets.error());
  NewSigningSecret made;
  SigningSecret secret;
  secret.id = ++secrets->last_id;
  secret.created_us = clock().NowUs();
  secret.text = placeholder;
  if (placeholder.empty()) {
    secret.text = made.secret = net::Signer::NewStandardSecret(ed25519);
    secret.kind = ed25519 ? "ed25519" : "hmac";
    const auto signer = net::Signer::FromStandardSecret(secret.text);
    if (!signer.ok()) return Failed(signer.error());
    secret.public_key = signer->PublicKey();
  }
  config::FlatConfig with = EffectiveConfig(record);
  std::string& setting = with[std::string(kSetting)];
  setting += (setting.empty() ? "" : ",") + secret.text;
  if (auto errors = BindAndCheck(*FindPlugin(record.class_name), sink, with, false); !errors.empty())
    return Refusal{422, config::ErrorsText(errors), std::move(errors)};
  made.info = {std::to_string(secret.id), secret.kind, secret.created_us, 0, secret.public_key};
  secrets->list.push_back(std::move(secret));
  ServiceEvent event;
  event.SignedBy(caller);
  event.summary = "signing secret " + made.info.id + " added";
  if (!placeholder.empty()) event.details["placeholder"] = placeholder;
  if (auto refused = SaveSigningSecrets(record, *secrets, std::move(event))) return *std::move(refused);
  return made;
}

Answer<Done> Service::ChangeSigningSecret(const std::string& sink, const std::string& id,
                                          const SigningSecretChange& change, const Caller& caller) {
  const auto found = SignerOf(sink);
  if (const auto* refusal = std::get_if<Refusal>(&found)) return *refusal;
  const ConnectorRecord& record = *std::get<std::shared_ptr<const ConnectorRecord>>(found);
  auto secrets = ReadSigningSecrets(*store_, sink);
  if (!secrets.ok()) return Failed(secrets.error());
  const std::int64_t now_us = clock().NowUs();
  std::erase_if(secrets->list, [&](const SigningSecret& secret) { return !IsValid(secret, now_us); });
  const auto it = std::ranges::find(secrets->list, id, [](const SigningSecret& s) { return std::to_string(s.id); });
  if (it == secrets->list.end()) {
    if (id.starts_with("config-"))
      return Refusal{409, "Secret " + id + " stands in the setting signing_secrets: change the config.", {}};
    return Refusal{404, "Connector " + sink + " has no signing secret " + id + ".", {}};
  }
  ServiceEvent event;
  event.SignedBy(caller);
  event.summary = "signing secret " + id + (change.remove ? " removed" : " changed");
  SigningSecret secret = *it;
  const auto place = static_cast<std::size_t>(it - secrets->list.begin());
  secrets->list.erase(it);
  if (change.remove) {
    const auto setting = record.config.find(std::string(kSetting));
    const bool others = setting != record.config.end() && !ItemsOf(setting->second).empty();
    if (secrets->list.empty() && !others)
      return Refusal{
          409,
          "Secret " + id + " is the last one of " + sink + ", which never sends unsigned. Add another one first.",
          {}};
  } else {
    if (change.expires_us) {
      if (*change.expires_us != 0 && *change.expires_us <= now_us)
        return Refusal{422, "expires_at must lie in the future. To end a secret at once, delete it.", {}};
      secret.expires_us = *change.expires_us;
      event.details["expires_at"] = secret.expires_us == 0 ? "never" : UtcText(secret.expires_us);
    }
    const std::size_t to = std::min(change.position ? *change.position - 1 : place, secrets->list.size());
    secrets->list.insert(secrets->list.begin() + static_cast<std::ptrdiff_t>(to), std::move(secret));
  }
  if (auto refused = SaveSigningSecrets(record, *secrets, std::move(event))) return *std::move(refused);
  return Done{};
}

}  // namespace headgate
