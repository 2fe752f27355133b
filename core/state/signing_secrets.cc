#include "core/state/signing_secrets.h"

#include "core/state/state.pb.h"

namespace headgate {
namespace {

std::string SecretsKey(std::string_view sink) { return std::string("signing/").append(sink); }

}  // namespace

Result<SigningSecrets> ReadSigningSecrets(const Store& store, std::string_view sink) {
  HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kMeta, SecretsKey(sink)));
  SigningSecrets secrets;
  if (!value) return secrets;
  stored::StoredSigningSecrets in;
  if (!in.ParseFromString(*value))
    return Corrupt("the signing secrets of sink " + std::string(sink) + " cannot be read");
  secrets.last_id = in.last_id();
  for (const stored::StoredSigningSecret& one : in.secrets()) {
    secrets.list.push_back({one.id(), one.text(), one.kind(), one.created_us(), one.expires_us(), one.public_key()});
  }
  return secrets;
}

void PutSigningSecrets(StoreBatch& batch, std::string_view sink, const SigningSecrets& secrets) {
  stored::StoredSigningSecrets out;
  out.set_last_id(secrets.last_id);
  for (const SigningSecret& secret : secrets.list) {
    stored::StoredSigningSecret& one = *out.add_secrets();
    one.set_id(secret.id);
    one.set_text(secret.text);
    one.set_kind(secret.kind);
    one.set_created_us(secret.created_us);
    one.set_expires_us(secret.expires_us);
    one.set_public_key(secret.public_key);
  }
  batch.Put(Family::kMeta, SecretsKey(sink), out.SerializeAsString());
}

void DeleteSigningSecrets(StoreBatch& batch, std::string_view sink) { batch.Delete(Family::kMeta, SecretsKey(sink)); }

}  // namespace headgate
