#include <algorithm>

#include "core/sql/statement.h"

// Sources and sinks. The grammar does not know them, so the head of a statement is read here by its tokens; column
// lists and options go to the parser behind a carrier, CREATE TABLE s(), written over the head: it is never longer than
// that.
namespace headgate::sql {
namespace {

constexpr std::string_view kCarrier = "CREATE TABLE s()";
constexpr std::string_view kColumnsCarrier = "CREATE TABLE s ";

class ConnectorStatementReader {
 public:
  ConnectorStatementReader(Statement& statement, const std::vector<Token>& tokens)
      : statement_(statement), tokens_(tokens) {}

  Parsed<bool> Run() {
    ConnectorStatement& out = statement_.connector;
    if (Is(0, "show")) return Show();
    if (tokens_.size() < 2 || !(Is(1, "source") || Is(1, "sink"))) return false;
    out.sink = Is(1, "sink");
    at_ = 2;
    if (Is(0, "create")) {
      out.verb = ConnectorStatement::Verb::kCreate;
      if (Is(at_, "if") && Is(at_ + 1, "not") && Is(at_ + 2, "exists")) {
        out.if_not_exists = true;
        at_ += 3;
      }
      HG_RETURN_IF_ERROR(Name());
      HG_RETURN_IF_ERROR(out.sink ? CreateSink() : CreateSource());
      return true;
    }
    if (Is(0, "drop")) {
      out.verb = ConnectorStatement::Verb::kDrop;
      if (Is(at_, "if") && Is(at_ + 1, "exists")) {
        out.if_exists = true;
        at_ += 2;
      }
      HG_RETURN_IF_ERROR(Name());
      HG_RETURN_IF_ERROR(End("DROP SOURCE name"));
      return true;
    }
    if (Is(0, "alter")) {
      out.verb = ConnectorStatement::Verb::kAlter;
      HG_RETURN_IF_ERROR(Name());
      if (!Is(at_, "set"))
        return Wrong("ALTER " + Word() + " needs SET", "ALTER " + Word() + " name SET (option = 'value').");
      HG_RETURN_IF_ERROR(Options(at_ + 1));
      return true;
    }
    return false;
  }

 private:
  bool Is(std::size_t i, std::string_view word) const { return i < tokens_.size() && tokens_[i].Is(word); }
  bool IsSymbol(std::size_t i, std::string_view symbol) const {
    return i < tokens_.size() && tokens_[i].IsSymbol(symbol);
  }
  std::string Word() const { return statement_.connector.sink ? "SINK" : "SOURCE"; }
  std::size_t Place(std::size_t i) const { return i < tokens_.size() ? tokens_[i].start : statement_.text.size(); }
  Problem Wrong(std::string message, std::string hint) const {
    return {std::move(message), Place(at_), std::move(hint)};
  }

  Parsed<bool> Show() {
    if (tokens_.size() != 2 || !(Is(1, "sources") || Is(1, "sinks"))) return false;
    statement_.connector.verb = ConnectorStatement::Verb::kShow;
    statement_.connector.sink = Is(1, "sinks");
    return true;
  }

  Checked Name() {
    if (at_ >= tokens_.size() || !tokens_[at_].IsName())
      return Wrong(Word() + " needs a name", "A name of letters, digits and _.");
    statement_.connector.name = tokens_[at_++].text;
    return {};
  }

  Checked End(std::string_view form) {
    if (at_ == tokens_.size()) return {};
    return Wrong("the statement ends before \"" + tokens_[at_].text + "\"", "The form is: " + std::string(form) + ".");
  }

  Checked CreateSource() {
    const std::size_t columns = at_;
    if (IsSymbol(at_, "(")) {
      int depth = 0;
      for (; at_ < tokens_.size(); ++at_) {
        if (IsSymbol(at_, "(")) ++depth;
        if (IsSymbol(at_, ")") && --depth == 0) break;
        if (depth == 1 && Is(at_, "watermark") && Is(at_ + 1, "for"))
          return Wrong("watermarks are not supported yet",
                       "Leave WATERMARK FOR out: windows by event time come later.");
      }
      ++at_;
    }
    if (!Is(at_, "with"))
      return Wrong("CREATE SOURCE needs WITH (connector.class = ...)",
                   "For example WITH (connector.class = 'http', format = 'json').");
    if (at_ == columns) return Options(at_);
    // The column list and the options are read together.
    std::string carrier = statement_.text;
    Overwrite(carrier, Place(columns), kColumnsCarrier);
    HG_ASSIGN_OR_RETURN(const Node tree, ParseStatements(carrier));
    const Node& create = tree.at(0)["stmt"].body();
    statement_.connector.columns = create["tableElts"].items();
    HG_ASSIGN_OR_RETURN(statement_.connector.options, ReadOptions(create["options"]));
    return {};
  }

  Checked CreateSink() {
    if (Is(at_, "from")) {
      ++at_;
      for (;;) {
        if (at_ >= tokens_.size() || !tokens_[at_].IsName())
          return Wrong("CREATE SINK ... FROM needs a relation", "FROM view, or FROM shop.public.orders.");
        statement_.connector.from.push_back(tokens_[at_++].text);
        if (!IsSymbol(at_, ".")) break;
        ++at_;
      }
      if (!Is(at_, "with"))
        return Wrong("CREATE SINK needs WITH (connector.class = ...)",
                     "For example WITH (connector.class = 'webhook', url = 'https://...').");
      return Options(at_);
    }
    if (!Is(at_, "as")) return Wrong("CREATE SINK needs FROM relation or AS SELECT", "");
    const std::size_t query = at_ + 1;
    // The options are the last WITH ( outside brackets.
    std::size_t with = 0;
    int depth = 0;
    for (std::size_t i = query; i < tokens_.size(); ++i) {
      if (IsSymbol(i, "(")) ++depth;
      if (IsSymbol(i, ")")) --depth;
      if (depth == 0 && Is(i, "with") && IsSymbol(i + 1, "(")) with = i;
    }
    if (with == 0) return Wrong("CREATE SINK needs WITH (connector.class = ...) behind the query", "");
    HG_RETURN_IF_ERROR(View(query, with));
    return Options(with);
  }

  // The statement of the view that stands between the SELECT and the sink.
  Checked View(std::size_t query, std::size_t end) {
    ConnectorStatement& out = statement_.connector;
    std::string text = "CREATE MATERIALIZED VIEW \"";
    for (const char c : out.name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    text += "\" AS ";
    out.view_query = text.size();
    out.query = Place(query);
    text += statement_.written.substr(Place(query), Place(end) - Place(query));
    while (text.ends_with(' ') || text.ends_with('\n')) text.pop_back();
    auto read = ReadStatements(text);
    if (!read.ok()) {
      Problem problem = read.error();
      problem.offset = PlaceOfQuery(out, problem.offset);
      return problem;
    }
    if (read->size() != 1 || !read->front().tree.Is("CreateTableAsStmt") || read->front().emit_changes)
      return Wrong("CREATE SINK ... AS needs one SELECT",
                   "CREATE SINK name AS SELECT ... WITH (connector.class = ...).");
    out.view = std::make_shared<const Statement>(std::move(read->front()));
    return {};
  }

  // WITH (...) from token `i` on, or a bare (...).
  Checked Options(std::size_t i) {
    std::string carrier = statement_.text;
    const bool bare = IsSymbol(i, "(");
    const std::string head = std::string(kCarrier) + (bare ? " WITH" : "");
    if (Place(i) < head.size()) {  // ALTER SINK s SET (: one word is missing
      carrier.insert(0, head.size() - Place(i), ' ');
      Overwrite(carrier, head.size(), head);
    } else {
      Overwrite(carrier, Place(i), head);
    }
    auto tree = ParseStatements(carrier);
    HG_RETURN_IF_ERROR(tree);
    HG_ASSIGN_OR_RETURN(statement_.connector.options, ReadOptions(tree->at(0)["stmt"].body()["options"]));
    return {};
  }

  static void Blank(std::string& text, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
      if (text[i] != '\n') text[i] = ' ';
    }
  }
  static void Overwrite(std::string& text, std::size_t to, std::string_view head) {
    Blank(text, 0, to);
    std::ranges::copy(head, text.begin());
  }

  Statement& statement_;
  const std::vector<Token>& tokens_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t PlaceOfQuery(const ConnectorStatement& sink, std::size_t in_view) {
  return in_view < sink.view_query ? 0 : in_view - sink.view_query + sink.query;
}

Parsed<std::vector<std::pair<std::string, std::string>>> ReadOptions(const Node& list) {
  std::vector<std::pair<std::string, std::string>> options;
  for (const Node& item : list.items()) {
    const Node& option = item.body();
    std::string key(option["defnamespace"].text());
    if (!key.empty()) key += '.';
    key += option["defname"].text();
    const Node& value = option["arg"];
    std::string text;
    if (value.Is("String")) {
      text = std::string(value.name());
    } else if (value.Is("Integer")) {
      text = std::to_string(value.body()["ival"].number());
    } else if (value.Is("Float")) {
      text = std::string(value.body()["fval"].text());
    } else if (value.Is("Boolean")) {
      text = value.body()["boolval"].flag() ? "true" : "false";
    } else if (value.Is("TypeName")) {
      for (const Node& part : value.body()["names"].items())
        text += (text.empty() ? "" : ".") + std::string(part.name());
    } else if (value.empty()) {
      text = "true";
    } else {
      return Problem{"the value of " + key + " is not a string, a number or a word", option.location(),
                     "Put it in quotes: " + key + " = '...'."};
    }
    const bool twice = std::ranges::any_of(options, [&](const auto& other) { return other.first == key; });
    if (twice) return Problem{"option " + key + " is given twice", option.location(), ""};
    options.emplace_back(std::move(key), std::move(text));
  }
  return options;
}

Parsed<bool> ReadConnector(Statement& statement, const std::vector<Token>& tokens) {
  return ConnectorStatementReader(statement, tokens).Run();
}

}  // namespace headgate::sql
