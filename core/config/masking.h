#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/spec.h"

// What may be shown of a config, and what a client's echo of it means (admin API, 7.3, 7.4).
namespace headgate::config {

inline constexpr std::string_view kMask = "[hidden]";

// Options of type PASSWORD; and, where no option says more, keys whose name tells of a secret: the auth headers below a
// free prefix (header.Authorization) and ignored or unknown keys such as producer.override.sasl.password.
bool IsSecretKey(const ComponentSpec& spec, std::string_view key);

// True if a value of a secret key holds a literal secret: text beside its placeholders, other than commas and the name
// of an authentication scheme ("Bearer ${env:TOKEN}"). Such values are masked; the others are echoed exactly (KC9).
bool IsLiteralSecret(std::string_view value);

// A copy with every literal secret as [hidden].
FlatConfig MaskSecrets(const ComponentSpec& spec, const FlatConfig& config);
// As above, and every URL masked too: for what is kept and shown of a config, such as events (7.4). The answers that
// have to echo exactly (KC9) use the one above.
FlatConfig MaskSecretsAndUrls(const ComponentSpec& spec, const FlatConfig& config);

struct Unmasked {
  FlatConfig config;  // to be stored; complete only if errors is empty
  std::vector<KeyError> errors;
};

// A written config in which a mask means "unchanged". A mask without a stored value behind it is an error of that key;
// so is every mask when the target of secrets (host, port, url, proxy) changes in the same write. `stored` is empty
// for a connector that does not exist yet.
Unmasked UnmaskUpdate(const ComponentSpec& spec, const FlatConfig& stored, const FlatConfig& incoming);

// A URL without user info, and with *** for the values of query parameters named like tokens. Any text is accepted.
std::string MaskUrl(std::string_view url);

}  // namespace headgate::config
