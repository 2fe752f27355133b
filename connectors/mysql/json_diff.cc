#include "connectors/mysql/json_diff.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "connectors/mysql/packed.h"

namespace headgate::mysql {
namespace {

enum class DiffOp : std::uint8_t { kReplace = 0, kInsert = 1, kRemove = 2 };

// A document opened up. Scalars stay where they are.
struct JsonNode {
  enum class Kind : std::uint8_t { kScalar, kObject, kArray };
  Kind kind = Kind::kScalar;
  JsonValue scalar;
  std::vector<std::string> keys;  // of an object, beside children
  std::vector<JsonNode> children;
};

std::optional<JsonNode> Open(const JsonValue& value, int depth = 0) {
  JsonNode node;
  const bool object = IsJsonObject(value.type);
  if (!object && !IsJsonArray(value.type)) {
    node.scalar = value;
    return node;
  }
  node.kind = object ? JsonNode::Kind::kObject : JsonNode::Kind::kArray;
  JsonContainer container(value);
  if (!container.good() || depth > kJsonDepthMax) return std::nullopt;
  for (std::size_t i = 0; i < container.size(); ++i) {
    if (object) node.keys.emplace_back(container.Key(i));
    auto child = Open(container.At(i), depth + 1);
    if (!container.good() || !child) return std::nullopt;
    node.children.push_back(std::move(*child));
  }
  return node;
}

std::optional<JsonNode> OpenDocument(std::string_view document) {
  if (document.empty()) return std::nullopt;
  return Open({static_cast<std::uint8_t>(document[0]), document.substr(1)});
}

bool AppendNode(std::string& out, const JsonNode& node, JsonForm form, bool& marks) {
  if (node.kind == JsonNode::Kind::kScalar) return AppendJsonValue(out, node.scalar, form, marks);
  const bool object = node.kind == JsonNode::Kind::kObject;
  out.push_back(object ? '{' : '[');
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) out.push_back(',');
    if (object) {
      AppendJsonText(out, node.keys[i]);
      out.push_back(':');
    }
    if (!AppendNode(out, node.children[i], form, marks)) return false;
  }
  out.push_back(object ? '}' : ']');
  return true;
}

// One step of a path: .name, ."any name", [3].
struct Leg {
  bool member = false;
  std::string name;
  std::size_t index = 0;
};

bool TakeQuoted(std::string_view& path, std::string& name) {
  path.remove_prefix(1);
  while (!path.empty() && path[0] != '"') {
    if (path[0] != '\\') {
      name.push_back(path[0]);
      path.remove_prefix(1);
      continue;
    }
    if (path.size() < 2) return false;
    constexpr std::string_view kLetters = "btnfr";
    const char c = path[1];
    path.remove_prefix(2);
    if (const std::size_t at = kLetters.find(c); at != std::string_view::npos) {
      name.push_back("\b\t\n\f\r"[at]);
    } else if (c != 'u') {
      name.push_back(c);
    } else {  // the servers write control characters alone like that
      unsigned v = 0;
      if (path.size() < 4) return false;
      const auto [end, ec] = std::from_chars(path.data(), path.data() + 4, v, 16);
      if (ec != std::errc() || end != path.data() + 4 || v >= 0x80) return false;
      name.push_back(static_cast<char>(v));
      path.remove_prefix(4);
    }
  }
  if (path.empty()) return false;
  path.remove_prefix(1);
  return true;
}

bool ParsePath(std::string_view path, std::vector<Leg>& legs) {
  if (!path.starts_with('$')) return false;
  path.remove_prefix(1);
  while (!path.empty()) {
    Leg& leg = legs.emplace_back();
    if (path[0] == '.') {
      path.remove_prefix(1);
      leg.member = true;
      if (path.starts_with('"')) {
        if (!TakeQuoted(path, leg.name)) return false;
        continue;
      }
      const std::size_t end = std::min(path.find_first_of(".["), path.size());
      leg.name = path.substr(0, end);
      path.remove_prefix(end);
      if (leg.name.empty()) return false;
    } else if (path[0] == '[') {
      const auto [end, ec] = std::from_chars(path.data() + 1, path.data() + path.size(), leg.index);
      if (ec != std::errc() || end == path.data() + path.size() || *end != ']') return false;
      path.remove_prefix(static_cast<std::size_t>(end + 1 - path.data()));
    } else {
      return false;
    }
  }
  return true;
}

// MySQL keeps members by length of the name, then by its bytes.
bool NameBefore(const std::string& a, const std::string& b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

std::optional<std::size_t> PlaceOf(const JsonNode& node, const Leg& leg) {
  if (!leg.member) {
    if (node.kind != JsonNode::Kind::kArray || leg.index >= node.children.size()) return std::nullopt;
    return leg.index;
  }
  const auto found = std::ranges::find(node.keys, leg.name);
  if (node.kind != JsonNode::Kind::kObject || found == node.keys.end()) return std::nullopt;
  return static_cast<std::size_t>(found - node.keys.begin());
}

bool Insert(JsonNode& parent, const Leg& leg, JsonNode value) {
  if (leg.member) {
    if (parent.kind != JsonNode::Kind::kObject || PlaceOf(parent, leg)) return false;
    const auto before = std::ranges::lower_bound(parent.keys, leg.name, NameBefore);
    const auto place = before - parent.keys.begin();
    parent.keys.insert(before, leg.name);
    parent.children.insert(parent.children.begin() + place, std::move(value));
    return true;
  }
  if (parent.kind != JsonNode::Kind::kArray) return false;
  const std::size_t place = std::min(leg.index, parent.children.size());
  parent.children.insert(parent.children.begin() + static_cast<std::ptrdiff_t>(place), std::move(value));
  return true;
}

bool Apply(JsonNode& root, DiffOp op, const std::vector<Leg>& legs, JsonNode value) {
  if (legs.empty()) {
    if (op != DiffOp::kReplace) return false;
    root = std::move(value);
    return true;
  }
  JsonNode* parent = &root;
  for (std::size_t i = 0; i + 1 < legs.size(); ++i) {
    const auto place = PlaceOf(*parent, legs[i]);
    if (!place) return false;
    parent = &parent->children[*place];
  }
  const Leg& last = legs.back();
  if (op == DiffOp::kInsert) return Insert(*parent, last, std::move(value));
  const auto place = PlaceOf(*parent, last);
  if (!place) return false;
  if (op == DiffOp::kReplace) {
    parent->children[*place] = std::move(value);
    return true;
  }
  parent->children.erase(parent->children.begin() + static_cast<std::ptrdiff_t>(*place));
  if (last.member) parent->keys.erase(parent->keys.begin() + static_cast<std::ptrdiff_t>(*place));
  return true;
}

bool ApplyAll(JsonNode& root, std::string_view diffs) {
  ByteReader in(diffs);
  while (!in.done()) {
    const auto op = static_cast<DiffOp>(in.Byte());
    const std::string_view path = in.Take(static_cast<std::size_t>(PackedNumber(in)));
    std::vector<Leg> legs;
    if (in.failed() || op > DiffOp::kRemove || !ParsePath(path, legs)) return false;
    JsonNode value;
    if (op != DiffOp::kRemove) {
      const std::string_view document = in.Take(static_cast<std::size_t>(PackedNumber(in)));
      if (in.failed()) return false;
      auto opened = OpenDocument(document);
      if (!opened) return false;
      value = std::move(*opened);
    }
    if (!Apply(root, op, legs, std::move(value))) return false;
  }
  return true;
}

}  // namespace

bool TakeJsonDiffs(ByteReader& in, std::string_view& diffs) {
  diffs = in.Take(in.Fixed<std::uint32_t>());
  return !in.failed();
}

bool AppendJsonAfter(std::string& out, std::string_view before, std::string_view diffs, JsonForm form, bool& marks) {
  auto root = OpenDocument(before);
  return root && ApplyAll(*root, diffs) && AppendNode(out, *root, form, marks);
}

}  // namespace headgate::mysql
