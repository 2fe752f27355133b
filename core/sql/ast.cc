#include "core/sql/ast.h"

#include <pg_query.h>

#include <memory>
#include <nlohmann/json.hpp>

namespace headgate::sql {

const Node& Node::Empty() {
  static const Node empty;
  return empty;
}

const Node& Node::operator[](std::string_view field) const {
  for (const auto& [name, value] : fields_) {
    if (name == field) return value;
  }
  return Empty();
}

Node Node::Text(std::string text) {
  Node node;
  node.form_ = Form::kText;
  node.text_ = std::move(text);
  return node;
}

Node Node::Flag(bool flag) {
  Node node;
  node.form_ = Form::kBool;
  node.number_ = flag ? 1 : 0;
  return node;
}

Node Node::List(std::vector<Node> items) {
  Node node;
  node.form_ = Form::kList;
  node.items_ = std::move(items);
  return node;
}

Node Node::Object(std::vector<std::pair<std::string, Node>> fields) {
  Node node;
  node.form_ = Form::kObject;
  node.fields_ = std::move(fields);
  return node;
}

Node Node::Wrap(std::string tag, std::vector<std::pair<std::string, Node>> fields) {
  return Object({{std::move(tag), Object(std::move(fields))}});
}

// Builds nodes from the events of the JSON reader, on a stack of its own: depth costs memory, not stack.
class TreeBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Add(Node{}); }
  bool boolean(bool value) override { return Add(Leaf(Node::Form::kBool, value ? 1 : 0)); }
  bool number_integer(number_integer_t value) override { return Add(Leaf(Node::Form::kNumber, value)); }
  bool number_unsigned(number_unsigned_t value) override {
    return Add(Leaf(Node::Form::kNumber, static_cast<std::int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t&) override {
    return Add(Leaf(Node::Form::kNumber, static_cast<std::int64_t>(value)));
  }
  bool string(string_t& value) override {
    Node node = Leaf(Node::Form::kText, 0);
    node.text_ = std::move(value);
    return Add(std::move(node));
  }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Open(Node::Form::kObject); }
  bool key(string_t& value) override {
    open_.back()->fields_.emplace_back(std::move(value), Node{});
    return true;
  }
  bool end_object() override { return Close(); }
  bool start_array(std::size_t) override { return Open(Node::Form::kList); }
  bool end_array() override { return Close(); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  Node root;

 private:
  static Node Leaf(Node::Form form, std::int64_t number) {
    Node node;
    node.form_ = form;
    node.number_ = number;
    return node;
  }
  bool Add(Node node) {
    Place() = std::move(node);
    return true;
  }
  bool Open(Node::Form form) {
    Node& place = Place();
    place.form_ = form;
    open_.push_back(&place);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }
  // Where the next value goes. Only the last child of an open node grows, so the pointers stay good.
  Node& Place() {
    if (open_.empty()) return root;
    Node& parent = *open_.back();
    if (parent.form_ == Node::Form::kObject) return parent.fields_.back().second;
    return parent.items_.emplace_back();
  }

  std::vector<Node*> open_;
};

namespace {

struct FreeParse {
  void operator()(PgQueryParseResult* result) const {
    pg_query_free_parse_result(*result);
    delete result;
  }
};

}  // namespace

Parsed<Node> ParseStatements(const std::string& text) {
  if (const auto zero = text.find('\0'); zero != std::string::npos)
    return Problem{"the text holds a zero byte", zero, "Remove it."};
  const std::unique_ptr<PgQueryParseResult, FreeParse> result(new PgQueryParseResult(pg_query_parse(text.c_str())));
  if (result->error != nullptr) {
    const auto at = result->error->cursorpos > 0 ? static_cast<std::size_t>(result->error->cursorpos - 1) : 0;
    return Problem{result->error->message, at, ""};
  }
  TreeBuilder builder;
  if (!nlohmann::json::sax_parse(std::string_view(result->parse_tree), &builder))
    return Problem{"the statement is nested too deeply or is too long", 0, "Split it."};
  return builder.root["stmts"];
}

}  // namespace headgate::sql
