#pragma once

#include <string>
#include <string_view>
#include <vector>

// Small text operations that every file of this folder needs.
namespace headgate::config {

std::string_view Trim(std::string_view text);  // blanks, tabs and line ends at both sides
std::string ToLower(std::string_view text);    // ASCII only
bool Contains(std::string_view text, std::string_view part);

// A comma list: blanks trimmed, empty items dropped.
std::vector<std::string> SplitList(std::string_view text);
std::string Join(const std::vector<std::string>& items, std::string_view between);

// In double quotes, for error texts: cut after 100 bytes, control characters replaced. Foreign text cannot break the
// line or flood the log.
std::string Quoted(std::string_view text);

}  // namespace headgate::config
