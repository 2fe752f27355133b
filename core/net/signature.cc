#include "core/net/signature.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <array>
#include <charconv>

#include "core/base/encoding.h"

namespace headgate::net {
namespace {

constexpr std::string_view kSecretPrefix = "whsec_";
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

Result<Signer> Signer::FromStandardSecret(std::string_view text) {
  if (text.substr(0, kSecretPrefix.size()) != kSecretPrefix) {
    return ConfigError("A signing secret must start with whsec_ and go on with the base64 of 24 to 64 random bytes");
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
