#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"

struct evp_mac_ctx_st;
struct evp_pkey_st;

namespace headgate::net {

// Signs with one secret: HMAC-SHA256, keeping the keyed context, so that a signature costs the hashing alone; or
// Ed25519. Belongs to one thread; movable. Nothing here ever shows the secret.
class Signer {
 public:
  // A Standard Webhooks secret: `whsec_` and the base64 of 24 to 64 bytes, for v1; or `whsk_` and the base64 of an
  // Ed25519 seed of 32 bytes, or of seed and public key, for v1a. The error is kConfig.
  static Result<Signer> FromStandardSecret(std::string_view text);
  // A new secret of either form.
  static std::string NewStandardSecret(bool ed25519);
  // Any non-empty key, as the legacy hex header uses it.
  static Result<Signer> FromKey(std::string_view key);

  // `whpk_` and the base64 of the public key, of v1a; "" of a secret that both sides share.
  std::string PublicKey() const;

  // Appends `v1,<base64>`, or `v1a,<base64>`, over "<id>.<timestamp>.<body>" (webhooks.md 1). The id has no dots; the
  // timestamp is in Unix seconds; the body is exactly what is sent.
  void AppendStandard(std::string& out, std::string_view id, std::int64_t timestamp_s, std::string_view body);
  // Appends the lower-case hex HMAC over the body alone (webhooks.md W11, without the prefix such as `sha256=`). Not
  // for Ed25519.
  void AppendHex(std::string& out, std::string_view body);

 private:
  struct Free {
    void operator()(evp_mac_ctx_st* context) const;
    void operator()(evp_pkey_st* key) const;
  };
  explicit Signer(std::unique_ptr<evp_mac_ctx_st, Free> context) : context_(std::move(context)) {}
  explicit Signer(std::unique_ptr<evp_pkey_st, Free> key) : key_(std::move(key)) {}
  static Result<Signer> FromSigningKey(std::string_view key);

  std::unique_ptr<evp_mac_ctx_st, Free> context_;  // one of the two
  std::unique_ptr<evp_pkey_st, Free> key_;
  std::string message_;
};

// The value of the webhook-signature header: one item a signer in the given order, one space between them.
void AppendSignatures(std::string& out, std::span<Signer> signers, std::string_view id, std::int64_t timestamp_s,
                      std::string_view body);

// What a receiver does, in constant time per item: true if any item of the header is the signer's. Items of other
// versions are skipped. The age of the timestamp is not judged.
bool VerifySignature(Signer& signer, std::string_view header, std::string_view id, std::int64_t timestamp_s,
                     std::string_view body);

}  // namespace headgate::net
