#include "core/pipeline/filter.h"

#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace headgate {

enum class FilterTest : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kMatch,
  kSearch,
};

struct FilterLiteral {
  std::string text;
  std::optional<double> number;       // written as a number
  std::optional<std::int64_t> exact;  // a number without a fraction
  bool is_null = false;
  bool quoted = false;
};

namespace {

using Json = nlohmann::json;

constexpr std::size_t kTextMax = 4096;
constexpr int kDepthMax = 50;
constexpr std::size_t kTermsMax = 200;

std::optional<double> ToNumber(std::string_view text) {
  double v = 0;
  if (text.find_first_of("0123456789") == std::string_view::npos) return std::nullopt;  // inf, nan
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return v;
}

std::optional<std::int64_t> ToInteger(std::string_view text) {
  std::int64_t v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return v;
}

// A record's value by its path; nullptr if it lacks it. source.schema and source.table are parts of `stream`.
const Json* Walk(const Json& record, const std::vector<std::string>& path, Json& made) {
  if (path.size() == 2 && path[0] == "source" && (path[1] == "table" || path[1] == "schema")) {
    const auto stream = record.find("stream");
    if (stream == record.end() || !stream->is_string()) return nullptr;
    const auto& name = stream->get_ref<const std::string&>();
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) return nullptr;
    made = path[1] == "table" ? name.substr(dot + 1) : name.substr(0, dot);
    return &made;
  }
  const Json* at = &record;
  for (const std::string& part : path) {
    if (!at->is_object()) return nullptr;
    const auto found = at->find(part);
    if (found == at->end()) return nullptr;
    at = &*found;
  }
  return at->is_null() ? nullptr : at;
}

std::string TextOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// <0, 0, >0; nothing if the two have no order.
std::optional<int> Compare(const Json& value, const FilterLiteral& literal) {
  const auto sign = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (literal.number && !literal.quoted) {
    if (literal.exact && value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return 1;
    if (literal.exact && value.is_number_integer()) return sign(value.get<std::int64_t>(), *literal.exact);
    if (value.is_number()) return sign(value.get<double>(), *literal.number);
    if (value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      if (const auto exact = ToInteger(text); exact && literal.exact) return sign(*exact, *literal.exact);
      if (const auto number = ToNumber(text)) return sign(*number, *literal.number);
    }
  }
  const int order = TextOf(value).compare(literal.text);
  return sign(order, 0);
}

bool Equal(const Json* value, const FilterLiteral& literal) {
  if (literal.is_null || value == nullptr) return literal.is_null && value == nullptr;
  return Compare(*value, literal) == 0;
}

}  // namespace

struct Filter::Node {
  enum class Kind : std::uint8_t { kAnd, kOr, kNot, kTerm };
  Kind kind = Kind::kTerm;
  std::vector<std::unique_ptr<Node>> parts;
  // Terms.
  FilterTest test = FilterTest::kSearch;
  std::vector<std::string> path;
  std::vector<FilterLiteral> values;
  std::unique_ptr<RE2> pattern;  // kMatch, kSearch

  bool NeedsDocument() const {
    if (kind == Kind::kTerm) return test != FilterTest::kSearch;
    return std::any_of(parts.begin(), parts.end(), [](const auto& p) { return p->NeedsDocument(); });
  }

  // False if more decides than columns of the rows and what every record has.
  bool AddColumns(std::set<std::string>& columns) const {
    if (kind != Kind::kTerm)
      return std::all_of(parts.begin(), parts.end(), [&](const auto& p) { return p->AddColumns(columns); });
    if (test == FilterTest::kSearch) return false;
    const std::string& head = path[0];
    if (head == "after" || head == "before") {
      if (path.size() > 1) columns.insert(path[1]);
      return path.size() > 1;
    }
    constexpr std::string_view kOfEvery[] = {"id", "source", "stream", "op", "commit_ts", "tx"};
    return std::find(std::begin(kOfEvery), std::end(kOfEvery), head) != std::end(kOfEvery);
  }

  bool Holds(const Json& record, std::string_view text) const {
    const auto holds = [&](const std::unique_ptr<Node>& p) { return p->Holds(record, text); };
    switch (kind) {
      case Kind::kAnd:
        return std::all_of(parts.begin(), parts.end(), holds);
      case Kind::kOr:
        return std::any_of(parts.begin(), parts.end(), holds);
      case Kind::kNot:
        return !holds(parts[0]);
      case Kind::kTerm:
        break;
    }
    if (test == FilterTest::kSearch) return RE2::PartialMatch({text.data(), text.size()}, *pattern);
    Json made;
    const Json* value = Walk(record, path, made);
    if (test == FilterTest::kEqual) return Equal(value, values[0]);
    if (test == FilterTest::kNotEqual) return !Equal(value, values[0]);
    if (test == FilterTest::kIn)
      return std::any_of(values.begin(), values.end(), [&](const FilterLiteral& l) { return Equal(value, l); });
    if (value == nullptr) return false;
    if (test == FilterTest::kMatch) return RE2::PartialMatch(TextOf(*value), *pattern);
    const auto order = values[0].is_null ? std::nullopt : Compare(*value, values[0]);
    if (!order) return false;
    if (test == FilterTest::kLess) return *order < 0;
    if (test == FilterTest::kLessEqual) return *order <= 0;
    if (test == FilterTest::kGreater) return *order > 0;
    return *order >= 0;
  }
};

// One token of lookahead over the text.
class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : text_(text) { Next(); }

  Result<Filter> Run() {
    auto root = Or(0);
    if (root != nullptr && error_.empty() && token_.kind != Token::kEnd)
      Fail("\"and\" or \"or\" is missing before " + Shown());
    if (!error_.empty()) return ConfigError(error_);
    return Filter(std::move(root));
  }

 private:
  using Node = Filter::Node;
  struct Token {
    enum Kind { kEnd, kWord, kText, kSymbol } kind = kEnd;
    std::string text;
    std::size_t column = 1;
  };

  void Fail(std::string what) {
    if (error_.empty())
      error_ = "The filter goes wrong at column " + std::to_string(token_.column) + ": " + std::move(what) + ".";
  }
  std::string Shown() const { return token_.kind == Token::kEnd ? "the end" : "'" + token_.text.substr(0, 50) + "'"; }
  bool IsSymbol(std::string_view s) const { return token_.kind == Token::kSymbol && token_.text == s; }
  bool IsKeyword(std::string_view word) const {
    return token_.kind == Token::kWord &&
           std::equal(word.begin(), word.end(), token_.text.begin(), token_.text.end(),
                      [](char x, char y) { return x == (y >= 'A' && y <= 'Z' ? y + 32 : y); });
  }

  static bool IsWordByte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == ':' || c == '+' || c == '/' || c == '$' || static_cast<unsigned char>(c) >= 0x80;
  }

  void Next() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
    token_ = Token{Token::kEnd, "", at_ + 1};
    if (at_ >= text_.size()) return;
    const char c = text_[at_];
    if (c == '\'' || c == '"') return Quoted(c);
    if (IsWordByte(c)) {
      token_.kind = Token::kWord;
      while (at_ < text_.size() && (IsWordByte(text_[at_]) || (text_[at_] == '"' && text_[at_ - 1] == '.'))) {
        if (text_[at_] == '"') {
          if (!QuotedPart()) return;
        } else {
          token_.text += text_[at_++];
        }
      }
      return;
    }
    token_.kind = Token::kSymbol;
    token_.text = text_.substr(at_, 1);
    ++at_;
    if (at_ < text_.size() && text_[at_] == '=' && (c == '!' || c == '<' || c == '>')) {
      token_.text += '=';
      ++at_;
    }
  }

  // 'it''s': a doubled quote stands for one.
  void Quoted(char quote) {
    token_.kind = Token::kText;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        if (at_ >= text_.size() || text_[at_] != quote) return;
      }
      token_.text += text_[at_];
    }
    Fail("the text is not closed");
  }

  // after."Odd.name": the dots inside are kept apart from those between parts.
  bool QuotedPart() {
    const std::size_t end = text_.find('"', at_ + 1);
    if (end == std::string_view::npos) {
      Fail("the quoted part of the path is not closed");
      at_ = text_.size();
      return false;
    }
    for (char c : text_.substr(at_ + 1, end - at_ - 1)) token_.text += c == '.' ? '\x01' : c;
    at_ = end + 1;
    return true;
  }

  std::unique_ptr<Node> Or(int depth) { return Chain("or", Node::Kind::kOr, depth); }
  std::unique_ptr<Node> Chain(std::string_view word, Node::Kind kind, int depth) {
    const auto part = [&] { return kind == Node::Kind::kOr ? Chain("and", Node::Kind::kAnd, depth) : Not(depth); };
    auto first = part();
    if (first == nullptr || !IsKeyword(word)) return first;
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->parts.push_back(std::move(first));
    while (IsKeyword(word)) {
      Next();
      auto more = part();
      if (more == nullptr) return nullptr;
      node->parts.push_back(std::move(more));
    }
    return node;
  }

  std::unique_ptr<Node> Not(int depth) {
    if (depth > kDepthMax) {
      Fail("more than " + std::to_string(kDepthMax) + " levels");
      return nullptr;
    }
    if (IsKeyword("not")) {
      Next();
      auto inner = Not(depth + 1);
      if (inner == nullptr) return nullptr;
      auto node = std::make_unique<Node>();
      node->kind = Node::Kind::kNot;
      node->parts.push_back(std::move(inner));
      return node;
    }
    if (!IsSymbol("(")) return Term();
    Next();
    auto inner = Or(depth + 1);
    if (inner == nullptr) return nullptr;
    if (!IsSymbol(")")) {
      Fail("\")\" is missing before " + Shown());
      return nullptr;
    }
    Next();
    return inner;
  }

  std::unique_ptr<Node> Term() {
    auto node = std::make_unique<Node>();
    if (++terms_ > kTermsMax) Fail("more than " + std::to_string(kTermsMax) + " terms");
    if (token_.kind != Token::kWord && token_.kind != Token::kText)
      Fail("a path or a text is expected, not " + Shown());
    for (std::string_view word : {"and", "or", "not", "in"}) {
      if (IsKeyword(word)) Fail("a path or a text is expected, not " + Shown() + " (in quotes it is a text)");
    }
    if (!error_.empty()) return nullptr;
    const Token first = token_;
    Next();
    if (!error_.empty()) return nullptr;
    const bool is_path = first.kind == Token::kWord;
    if (is_path && IsKeyword("in")) return In(std::move(node), first);
    const auto test = token_.kind == Token::kSymbol ? ParseTest(token_.text) : std::nullopt;
    if (!test || !is_path) {
      if (test) Fail("a quoted text is no path; write after.column " + token_.text + " value");
      node->test = FilterTest::kSearch;
      return error_.empty() && Compile(*node, RE2::QuoteMeta(first.text), first.column) ? std::move(node) : nullptr;
    }
    node->test = *test;
    if (!Path(*node, first)) return nullptr;
    Next();
    FilterLiteral literal;
    if (!Value(literal)) return nullptr;
    if (*test == FilterTest::kMatch && !Compile(*node, literal.text, last_column_)) return nullptr;
    node->values.push_back(std::move(literal));
    return node;
  }

  std::unique_ptr<Node> In(std::unique_ptr<Node> node, const Token& path) {
    node->test = FilterTest::kIn;
    if (!Path(*node, path)) return nullptr;
    Next();
    if (!IsSymbol("(")) {
      Fail("\"(\" is expected after \"in\", not " + Shown());
      return nullptr;
    }
    do {
      Next();
      FilterLiteral literal;
      if (!Value(literal)) return nullptr;
      node->values.push_back(std::move(literal));
    } while (IsSymbol(","));
    if (!IsSymbol(")")) {
      Fail("\",\" or \")\" is expected, not " + Shown());
      return nullptr;
    }
    Next();
    return node;
  }

  static std::optional<FilterTest> ParseTest(std::string_view symbol) {
    if (symbol == "=") return FilterTest::kEqual;
    if (symbol == "!=") return FilterTest::kNotEqual;
    if (symbol == "<") return FilterTest::kLess;
    if (symbol == "<=") return FilterTest::kLessEqual;
    if (symbol == ">") return FilterTest::kGreater;
    if (symbol == ">=") return FilterTest::kGreaterEqual;
    if (symbol == "~") return FilterTest::kMatch;
    return std::nullopt;
  }

  bool Path(Node& node, const Token& token) {
    std::string part;
    for (char c : token.text + ".") {
      if (c != '.') {
        part += c == '\x01' ? '.' : c;
        continue;
      }
      if (part.empty()) {
        Fail("the path " + token.text.substr(0, 50) + " has an empty part");
        return false;
      }
      node.path.push_back(std::exchange(part, {}));
    }
    return true;
  }

  bool Value(FilterLiteral& literal) {
    if (token_.kind != Token::kWord && token_.kind != Token::kText) Fail("a value is expected, not " + Shown());
    if (!error_.empty()) return false;
    last_column_ = token_.column;
    literal.text = token_.text;
    literal.quoted = token_.kind == Token::kText;
    literal.is_null = !literal.quoted && literal.text == "null";
    if (!literal.quoted) {
      literal.number = ToNumber(literal.text);
      literal.exact = ToInteger(literal.text);
    }
    Next();
    return error_.empty();
  }

  bool Compile(Node& node, const std::string& pattern, std::size_t column) {
    RE2::Options options;
    options.set_case_sensitive(false);
    options.set_log_errors(false);
    options.set_max_mem(1 << 20);
    node.pattern = std::make_unique<RE2>(pattern, options);
    if (node.pattern->ok()) return true;
    token_.column = column;
    Fail("the expression is not RE2: " + node.pattern->error());
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Token token_;
  std::size_t last_column_ = 1;
  std::size_t terms_ = 0;
  std::string error_;
};

Filter::Filter(std::unique_ptr<Node> root) : root_(std::move(root)) {}
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;
Filter::~Filter() = default;

Result<Filter> Filter::Parse(std::string_view text) {
  if (text.size() > kTextMax) return ConfigError("The filter is longer than " + std::to_string(kTextMax) + " bytes.");
  return FilterParser(text).Run();
}

std::optional<std::set<std::string>> Filter::Columns() const {
  std::set<std::string> columns;
  if (!root_->AddColumns(columns)) return std::nullopt;
  return columns;
}

bool Filter::Matches(std::string_view native_json) const {
  if (!root_->NeedsDocument()) return root_->Holds(Json(), native_json);
  const Json record = Json::parse(native_json.begin(), native_json.end(), nullptr, false);
  return record.is_object() && root_->Holds(record, native_json);
}

KeyFilter::KeyFilter(std::string_view text) : text_(text) {
  const auto json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_object()) canonical_ = json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool KeyFilter::Matches(std::string_view key_json) const {
  const auto json = Json::parse(key_json.begin(), key_json.end(), nullptr, false);
  if (!json.is_object()) return false;
  if (!canonical_.empty()) return json.dump(-1, ' ', false, Json::error_handler_t::replace) == canonical_;
  if (json.size() != 1) return false;
  const auto& value = *json.begin();
  return (value.is_string() ? value.get<std::string>() : value.dump()) == text_;
}

}  // namespace headgate
