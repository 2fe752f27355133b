#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

// A YAML document as a small tree with line numbers. Built from yaml-cpp's events, so that depth and size are bounded
// while the text is read.
namespace headgate::config {

struct YamlNode {
  enum class Kind : std::uint8_t { kNull, kScalar, kSequence, kMap };
  struct Entry {
    std::string key;
    int line;
    std::shared_ptr<const YamlNode> value;
  };

  Kind kind = Kind::kNull;
  int line = 1;                                        // from 1
  std::string text;                                    // kScalar, exactly as written (0x10 stays 0x10)
  std::vector<std::shared_ptr<const YamlNode>> items;  // kSequence
  std::vector<Entry> entries;                          // kMap, in order, repeated keys as they are

  std::string_view KindText() const;  // "nothing", "one value", "a list", "a map"
};

struct YamlError {
  int line;
  std::string text;
};

inline constexpr std::size_t kYamlBytesMax = 16 * 1024 * 1024;
inline constexpr int kYamlDepthMax = 16;
inline constexpr int kYamlNodesMax = 1'000'000;

// Never throws. An empty document is a node of kind kNull. Errors: not YAML, not UTF-8, control characters, more than
// one document, a tag of its own, a key that is no single value, too large or too deep. An alias shares the node it
// names, so a chain of aliases costs nothing; one that contains itself is an error.
std::variant<std::shared_ptr<const YamlNode>, YamlError> ParseYaml(std::string_view text);

}  // namespace headgate::config
