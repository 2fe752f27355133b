#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/log/store.h"

// The signing secrets of a sink that people manage over the API (webhooks, W12; admin API, 7.5), beside those of its
// settings.
namespace headgate {

struct SigningSecret {
  std::uint64_t id = 0;  // in its sink, from 1
  std::string text;      // whsec_..., whsk_..., or a placeholder for one
  std::string kind;      // hmac, ed25519; "" of a placeholder
  std::int64_t created_us = 0;
  std::int64_t expires_us = 0;  // 0: never
  std::string public_key;       // whpk_...; "" unless it is known
};

struct SigningSecrets {
  std::uint64_t last_id = 0;
  std::vector<SigningSecret> list;  // the first signs first
};

Result<SigningSecrets> ReadSigningSecrets(const Store& store, std::string_view sink);
void PutSigningSecrets(StoreBatch& batch, std::string_view sink, const SigningSecrets& secrets);
void DeleteSigningSecrets(StoreBatch& batch, std::string_view sink);

}  // namespace headgate
