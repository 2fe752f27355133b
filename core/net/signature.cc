#include "core/net/signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>
#include <charconv>

#include "core/base/encoding.h"

namespace headgate::net {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
constexpr std::string_view kSigningKeyPrefix = "whsk_";
constexpr std::string_view kPublicKeyPrefix = "whpk_";
constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kSignatureBytes = 64;
constexpr std::size_t kSecretBytesMin = 24;
constexpr std::size_t kSecretBytesMax = 64;

using Mac = std::array<unsigned char, 32>;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// OpenSSL fails here only when memory is out or the context is not one of ours.
void Begin(EVP_MAC_CTX* context) { CHECK(EVP_MAC_init(context, nullptr, 0, nullptr) == 1); }
void Add(EVP_MAC_CTX* context, std::string_view bytes) {
  CHECK(EVP_MAC_update(context, Bytes(bytes), bytes.size()) == 1);
}
Mac End(EVP_MAC_CTX* context) {
  Mac mac;
  std::size_t written = 0;
  CHECK(EVP_MAC_final(context, mac.data(), &written, mac.size()) == 1 && written == mac.size());
  return mac;
}

std::string_view View(const Mac& mac) { return {reinterpret_cast<const char*>(mac.data()), mac.size()}; }

}  // namespace

void Signer::Free::operator()(evp_mac_ctx_st* context) const { EVP_MAC_CTX_free(context); }
void Signer::Free::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }

std::string Signer::NewStandardSecret(bool ed25519) {
  std::string bytes(kSeedBytes, '\0');
  CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) == 1);
  std::string text(ed25519 ? kSigningKeyPrefix : kSecretPrefix);
  AppendBase64(text, bytes);
  OPENSSL_cleanse(bytes.data(), bytes.size());
  return text;
}

Result<Signer> Signer::FromSigningKey(std::string_view key) {
  std::unique_ptr<evp_pkey_st, Free> pair(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(key), kSeedBytes));
  if (pair == nullptr) return ConfigError("OpenSSL offers no Ed25519. Check the providers in its configuration file");
  Signer signer(std::move(pair));
  std::string known(kPublicKeyPrefix);
  AppendBase64(known, key.substr(kSeedBytes));
  if (key.size() > kSeedBytes && known != signer.PublicKey())
    return ConfigError("A signing key after whsk_ holds a seed and a public key that do not belong together");
  return signer;
}

std::string Signer::PublicKey() const {
  if (key_ == nullptr) return {};
  std::array<unsigned char, kSeedBytes> bytes{};
  std::size_t size = bytes.size();
  CHECK(EVP_PKEY_get_raw_public_key(key_.get(), bytes.data(), &size) == 1 && size == bytes.size());
  std::string text(kPublicKeyPrefix);
  AppendBase64(text, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return text;
}

Result<Signer> Signer::FromStandardSecret(std::string_view text) {
  if (text.starts_with(kSigningKeyPrefix)) {
    auto key = FromBase64(text.substr(kSigningKeyPrefix.size()));
    if (!key) return ConfigError("A signing key has text after whsk_ that is not standard base64 with padding");
    if (key->size() != kSeedBytes && key->size() != 2 * kSeedBytes) {
      return ConfigError(
          "A signing key must hold 32 bytes (a seed) or 64 (seed and public key) after whsk_; this one "
          "holds " +
          std::to_string(key->size()));
    }
    auto signer = FromSigningKey(*key);
    OPENSSL_cleanse(key->data(), key->size());
    return signer;
  }
  if (text.substr(0, kSecretPrefix.size()) != kSecretPrefix) {
    return ConfigError(
        "A signing secret must start with whsec_ and go on with the base64 of 24 to 64 random bytes, or with whsk_ "
        "and the base64 of an Ed25519 key");
  }
  auto key = FromBase64(text.substr(kSecretPrefix.size()));
  if (!key) return ConfigError("A signing secret has text after whsec_ that is not standard base64 with padding");
  if (key->size() < kSecretBytesMin || key->size() > kSecretBytesMax) {
    return ConfigError("A signing secret must hold 24 to 64 bytes after whsec_; this one holds " +
                       std::to_string(key->size()));
  }
  auto signer = FromKey(*key);
  OPENSSL_cleanse(key->data(), key->size());
  return signer;
}

Result<Signer> Signer::FromKey(std::string_view key) {
  if (key.empty()) return ConfigError("A signing key is empty");
  EVP_MAC* hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  std::unique_ptr<evp_mac_ctx_st, Free> context(hmac == nullptr ? nullptr : EVP_MAC_CTX_new(hmac));
  EVP_MAC_free(hmac);
  char digest[] = "SHA256";
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                               OSSL_PARAM_construct_end()};
  if (context == nullptr || EVP_MAC_init(context.get(), Bytes(key), key.size(), params) != 1) {
    return ConfigError("OpenSSL offers no HMAC with SHA-256. Check the providers in its configuration file");
  }
  return Signer(std::move(context));
}

void Signer::AppendStandard(std::string& out, std::string_view id, std::int64_t timestamp_s, std::string_view body) {
  CHECK(id.find('.') == std::string_view::npos);
  char buffer[24];
  buffer[0] = '.';
  char* end = std::to_chars(buffer + 1, buffer + sizeof buffer - 1, timestamp_s).ptr;
  *end++ = '.';
  if (key_ != nullptr) {
    message_.assign(id).append(buffer, static_cast<std::size_t>(end - buffer)).append(body);
    std::array<unsigned char, kSignatureBytes> signature{};
    std::size_t size = signature.size();
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    CHECK(context != nullptr && EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key_.get()) == 1 &&
          EVP_DigestSign(context, signature.data(), &size, Bytes(message_), message_.size()) == 1);
    EVP_MD_CTX_free(context);
    out += "v1a,";
    return AppendBase64(out, {reinterpret_cast<const char*>(signature.data()), size});
  }
  Begin(context_.get());
  Add(context_.get(), id);
  Add(context_.get(), std::string_view(buffer, static_cast<std::size_t>(end - buffer)));
  Add(context_.get(), body);
  out += "v1,";
  AppendBase64(out, View(End(context_.get())));
}

void Signer::AppendHex(std::string& out, std::string_view body) {
  Begin(context_.get());
  Add(context_.get(), body);
  headgate::AppendHex(out, View(End(context_.get())));
}

void AppendSignatures(std::string& out, std::span<Signer> signers, std::string_view id, std::int64_t timestamp_s,
                      std::string_view body) {
  bool first = true;
  for (Signer& signer : signers) {
    if (!first) out += ' ';
    first = false;
    signer.AppendStandard(out, id, timestamp_s, body);
  }
}

bool VerifySignature(Signer& signer, std::string_view header, std::string_view id, std::int64_t timestamp_s,
                     std::string_view body) {
  if (id.find('.') != std::string_view::npos) return false;
  std::string expected;
  signer.AppendStandard(expected, id, timestamp_s, body);
  bool good = false;
  while (!header.empty()) {
    const std::size_t space = std::min(header.find(' '), header.size());
    const std::string_view item = header.substr(0, space);
    header.remove_prefix(std::min(space + 1, header.size()));
    good |= item.size() == expected.size() && CRYPTO_memcmp(item.data(), expected.data(), item.size()) == 0;
  }
  return good;
}

}  // namespace headgate::net
