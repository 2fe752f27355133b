#include "core/net/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

#include "core/base/check.h"
#include "core/base/encoding.h"

namespace headgate::net {
namespace {

const EVP_MD* Algorithm(DigestKind kind) {
  switch (kind) {
    case DigestKind::kMd5:
      return EVP_md5();
    case DigestKind::kSha224:
      return EVP_sha224();
    case DigestKind::kSha256:
      return EVP_sha256();
    case DigestKind::kSha384:
      return EVP_sha384();
    case DigestKind::kSha512:
      return EVP_sha512();
  }
  return nullptr;
}

}  // namespace

std::string Digest(DigestKind kind, std::string_view bytes) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned length = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &length,
                   Algorithm(kind), nullptr) == 1);
  digest.resize(length);
  return digest;
}

std::string Sha256Hex(std::string_view bytes) { return Hex(Digest(DigestKind::kSha256, bytes)); }

std::string HmacSha256Hex(std::string_view key, std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> code{};
  unsigned length = 0;
  CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), code.data(), &length) != nullptr);
  return Hex({reinterpret_cast<const char*>(code.data()), length});
}

}  // namespace headgate::net
