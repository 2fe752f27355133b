#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/sql/problem.h"

namespace headgate::sql {

// PostgreSQL's raw parse tree, as libpg_query gives it. A field that is absent is an empty node, so a path may be
// walked without asking at each step; protobuf's defaults (0, false, "") are absent too.
class Node {
 public:
  bool empty() const { return form_ == Form::kEmpty; }
  explicit operator bool() const { return !empty(); }

  // Fields of an object.
  const Node& operator[](std::string_view field) const;
  // A wrapped node {"ColumnRef": {...}}: its tag, and what it holds.
  std::string_view tag() const {
    return form_ == Form::kObject && !fields_.empty() ? std::string_view(fields_[0].first) : "";
  }
  const Node& body() const { return fields_.empty() ? Empty() : fields_[0].second; }
  bool Is(std::string_view wanted) const { return tag() == wanted; }

  // Nodes of our own making.
  static Node Text(std::string text);
  static Node Flag(bool flag);
  static Node List(std::vector<Node> items);
  static Node Object(std::vector<std::pair<std::string, Node>> fields);
  static Node Wrap(std::string tag, std::vector<std::pair<std::string, Node>> fields);

  // Items of a list; nothing else has any.
  const std::vector<Node>& items() const { return items_; }
  std::size_t size() const { return items_.size(); }
  // All fields of an object, in the order of the tree.
  const std::vector<std::pair<std::string, Node>>& fields() const { return fields_; }
  const Node& at(std::size_t i) const { return i < items_.size() ? items_[i] : Empty(); }

  std::string_view text() const { return text_; }
  std::int64_t number() const { return number_; }
  bool flag() const { return form_ == Form::kBool && number_ != 0; }
  // Of an object with a place in the statement.
  std::uint32_t location() const { return static_cast<std::uint32_t>((*this)["location"].number()); }
  // The text of a String node.
  std::string_view name() const { return Is("String") ? body()["sval"].text() : std::string_view{}; }

 private:
  friend class TreeBuilder;
  enum class Form : std::uint8_t { kEmpty, kBool, kNumber, kText, kList, kObject };
  static const Node& Empty();

  Form form_ = Form::kEmpty;
  std::int64_t number_ = 0;
  std::string text_;
  std::vector<Node> items_;
  std::vector<std::pair<std::string, Node>> fields_;
};

// Parses statements of PostgreSQL's grammar. The list holds wrapped nodes of RawStmt: ["stmt"] is the statement.
Parsed<Node> ParseStatements(const std::string& text);

}  // namespace headgate::sql
