#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

// Where secrets come from: guarded files and named commands. Errors say why only; the caller adds provider and path.
namespace headgate::config {

inline constexpr std::size_t kSecretBytesMax = 64 * 1024;

// The content of a regular file of at most 64 KiB. The path is resolved (symbolic links, "..") and must then lie at or
// below one of the allowed paths. A path outside answers the same whether or not it exists.
Result<std::string> ReadAllowedFile(const std::string& path, const std::vector<std::string>& allowed_paths);

// The standard output of a program that ends with status 0 before the timeout. No shell, no input, error output
// dropped (it may hold secrets); the program and what it started are killed at the end. Blocks for up to the timeout.
Result<std::string> RunCommand(const std::vector<std::string>& argv, std::chrono::milliseconds timeout);

// The value of a key in a Java properties file (UTF-8; comments, escapes, continued lines), the last one if repeated.
std::optional<std::string> FindProperty(std::string_view text, std::string_view key);

}  // namespace headgate::config
