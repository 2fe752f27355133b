#include "core/sql/statement.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/sql/scanner.h"

namespace headgate::sql {
namespace {

using Tokens = std::vector<Token>;

bool IsAny(const Token& token, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return token.Is(word); });
}

void Blank(std::string& text, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to && i < text.size(); ++i) {
    if (text[i] != '\n') text[i] = ' ';
  }
}

// The pre-pass over one statement: its text and tokens, places relative to the statement.
class PrePass {
 public:
  PrePass(Statement& statement, Tokens tokens) : statement_(statement), tokens_(std::move(tokens)) {}

  Checked Run() {
    HG_RETURN_IF_ERROR(Refuse());
    LiftOrReplace();
    HG_RETURN_IF_ERROR(LiftEmit());
    return LiftSystemTimes();
  }

 private:
  const Token* At(std::size_t i) const { return i < tokens_.size() ? &tokens_[i] : nullptr; }
  bool Is(std::size_t i, std::string_view word) const { return i < tokens_.size() && tokens_[i].Is(word); }
  bool IsSymbol(std::size_t i, std::string_view symbol) const {
    return i < tokens_.size() && tokens_[i].IsSymbol(symbol);
  }

  // Words that other dialects put between relation and JOIN would be taken for aliases (reference 8.2).
  Checked Refuse() {
    for (std::size_t i = 1; i < tokens_.size(); ++i) {
      if (!IsAny(tokens_[i],
                 {"asof", "temporal", "semi", "anti", "interval", "lookup", "emit", "match_recognize", "qualify"}))
        continue;
      if (!FollowsRelation(i) || !EndsItem(i + 1)) continue;
      const std::string& word = tokens_[i].text;
      if (word == "emit" && i + 1 < tokens_.size() && IsAny(tokens_[i + 1], {"changes", "final", "on"})) continue;
      return Problem{"\"" + word + "\" would be read as another name of the relation before it", tokens_[i].start,
                     HintFor(word)};
    }
    for (std::size_t i = 0; i + 1 < tokens_.size(); ++i) {
      if (Is(i, "any") && Is(i + 1, "join"))
        return Problem{"ANY JOIN is not known", tokens_[i].start, "Write JOIN, or DISTINCT ON for one match a row."};
      if (Is(i, "window") && Is(i + 1, "join"))
        return Problem{"WINDOW JOIN is not known", tokens_[i].start, "Join on the window's columns."};
      if (IsAny(tokens_[i], {"left", "right", "full", "inner"}) &&
          IsAny(tokens_[i + 1], {"asof", "semi", "anti", "temporal"}))
        return Problem{tokens_[i + 1].text + " joins have another form here", tokens_[i + 1].start,
                       HintFor(tokens_[i + 1].text)};
    }
    return {};
  }

  static std::string HintFor(std::string_view word) {
    if (word == "asof" || word == "temporal" || word == "lookup")
      return "Write JOIN table FOR SYSTEM_TIME AS OF LOG_POSITION() AS t ON ...; for an alias of this name, AS \"" +
             std::string(word) + "\".";
    if (word == "semi") return "Write WHERE EXISTS (SELECT ...).";
    if (word == "anti") return "Write WHERE NOT EXISTS (SELECT ...).";
    if (word == "interval") return "Write the bounds as a condition: b.ts BETWEEN a.ts AND a.ts + INTERVAL '1 hour'.";
    if (word == "emit") return "Write EMIT CHANGES at the end of the statement.";
    if (word == "match_recognize") return "Patterns over events are not supported; use lag() and conditions.";
    return "Put the condition in a query around this one.";
  }

  // Is token i directly behind a relation's name (or a closing bracket) of a FROM clause, without AS?
  bool FollowsRelation(std::size_t i) const {
    std::size_t at = i;
    if (IsSymbol(at - 1, ")")) {
      int depth = 0;
      while (at-- > 0) {
        if (tokens_[at].IsSymbol(")")) ++depth;
        if (tokens_[at].IsSymbol("(") && --depth == 0) break;
      }
      if (at == 0 || at >= tokens_.size()) return false;
      if (tokens_[at - 1].IsName() && !IsAny(tokens_[at - 1], {"from", "join", "lateral"})) --at;  // a function's name
    } else {
      if (at == 0 || !tokens_[at - 1].IsName()) return false;
      --at;
      while (at >= 2 && tokens_[at - 1].IsSymbol(".") && tokens_[at - 2].IsName()) at -= 2;
    }
    if (at == 0) return false;
    const Token& before = tokens_[at - 1];
    return IsAny(before, {"from", "join", "lateral"}) || (before.IsSymbol(",") && InFrom(at - 1));
  }

  // Does the comma at i part items of a FROM list?
  bool InFrom(std::size_t i) const {
    int depth = 0;
    while (i-- > 0) {
      if (tokens_[i].IsSymbol(")")) ++depth;
      if (tokens_[i].IsSymbol("(") && depth-- == 0) return false;
      if (depth == 0 && IsAny(tokens_[i], {"from"})) return true;
      if (depth == 0 &&
          IsAny(tokens_[i], {"select", "where", "group", "order", "by", "having", "limit", "window", "values", "on"}))
        return false;
    }
    return false;
  }

  bool EndsItem(std::size_t i) const {
    if (i >= tokens_.size()) return true;
    return IsAny(tokens_[i], {"join",      "left",   "right",  "full",   "inner",   "cross", "natural",
                              "where",     "group",  "order",  "having", "limit",   "union", "except",
                              "intersect", "window", "offset", "fetch",  "changes", "final"}) ||
           tokens_[i].IsSymbol("(") || tokens_[i].IsSymbol(")") || tokens_[i].IsSymbol(",");
  }

  void LiftOrReplace() {
    if (!Is(0, "create") || !Is(1, "or") || !Is(2, "replace") || !Is(3, "materialized")) return;
    Blank(statement_.text, tokens_[1].start, tokens_[2].end);
    statement_.or_replace = true;
  }

  Checked LiftEmit() {
    const std::size_t n = tokens_.size();
    const auto ends_with = [&](std::initializer_list<std::string_view> words) {
      if (n < words.size()) return false;
      std::size_t i = n - words.size();
      return std::ranges::all_of(words, [&](std::string_view word) { return Is(i++, word); });
    };
    if (ends_with({"emit", "changes"})) {
      statement_.emit_changes = true;
      Blank(statement_.text, tokens_[n - 2].start, tokens_[n - 1].end);
      tokens_.resize(n - 2);
      return {};
    }
    for (const std::size_t length : {std::size_t{2}, std::size_t{4}}) {
      if (!(length == 2 ? ends_with({"emit", "final"}) : ends_with({"emit", "on", "window", "close"}))) continue;
      return Problem{"emission on window close is not supported yet", tokens_[n - length].start,
                     "Leave it out: rows change as events come."};
    }
    return {};
  }

  Checked LiftSystemTimes() {
    for (std::size_t i = 0; i + 3 < tokens_.size(); ++i) {
      if (!Is(i, "for") || !Is(i + 1, "system_time") || !Is(i + 2, "as") || !Is(i + 3, "of")) continue;
      if (i == 0 || !tokens_[i - 1].IsName())
        return Problem{"FOR SYSTEM_TIME AS OF stands behind a relation's name", tokens_[i].start,
                       "JOIN table FOR SYSTEM_TIME AS OF LOG_POSITION() AS t ON ..."};
      std::size_t name = i - 1;
      while (name >= 2 && tokens_[name - 1].IsSymbol(".") && tokens_[name - 2].IsName()) name -= 2;
      SystemTime time;
      time.relation = tokens_[name].start;
      time.offset = tokens_[i].start;
      HG_ASSIGN_OR_RETURN(const std::size_t end, SystemTimeEnd(i + 4, time));
      Blank(statement_.text, tokens_[i].start, tokens_[end - 1].end);
      statement_.system_times.push_back(time);
      i = end - 1;
    }
    return {};
  }

  // LOG_POSITION(), PROCTIME(), a column, or a column plus or minus an interval.
  Parsed<std::size_t> SystemTimeEnd(std::size_t i, SystemTime& time) const {
    if (i >= tokens_.size() || !tokens_[i].IsName())
      return Problem{"FOR SYSTEM_TIME AS OF needs a time", time.offset, "Write LOG_POSITION()."};
    if (IsAny(tokens_[i], {"log_position", "proctime"}) && IsSymbol(i + 1, "(") && IsSymbol(i + 2, ")")) return i + 3;
    time.log_position = false;
    ++i;
    while (IsSymbol(i, ".") && i + 1 < tokens_.size() && tokens_[i + 1].IsName()) i += 2;
    if ((IsSymbol(i, "+") || IsSymbol(i, "-")) && Is(i + 1, "interval")) i += 3;
    return std::min(i, tokens_.size());
  }

  Statement& statement_;
  Tokens tokens_;
};

Problem Moved(Problem problem, std::size_t by) {
  problem.offset += by;
  return problem;
}

Parsed<Statement> Read(const std::string& text, std::size_t from, std::size_t to, Tokens tokens) {
  Statement statement;
  statement.offset = from;
  statement.text = statement.written = text.substr(from, to - from);
  if (tokens.empty()) return statement;
  for (Token& token : tokens) {
    token.start -= static_cast<std::uint32_t>(from);
    token.end -= static_cast<std::uint32_t>(from);
  }
  auto connector = ReadConnector(statement, tokens);
  if (!connector.ok()) return Moved(connector.error(), from);
  if (*connector) return statement;
  const auto passed = PrePass(statement, std::move(tokens)).Run();
  if (!passed.ok()) return Moved(passed.error(), from);
  auto parsed = ParseStatements(statement.text);
  if (!parsed.ok()) return Moved(parsed.error(), from);
  if (parsed->size() > 0) statement.tree = parsed->at(0)["stmt"];
  return statement;
}

}  // namespace

std::string RelationName(const Node& range) {
  std::string name;
  for (const char* part : {"catalogname", "schemaname", "relname"}) {
    if (range[part]) name += (name.empty() ? "" : ".") + std::string(range[part].text());
  }
  return name;
}

// The query begins behind the first AS outside brackets.
std::string QueryText(const Statement& statement) {
  std::string text = statement.text;
  const auto tokens = Scan(text);
  int depth = 0;
  std::size_t begin = 0;
  for (const Token& token : *tokens) {
    if (token.IsSymbol("(")) ++depth;
    if (token.IsSymbol(")")) --depth;
    if (depth > 0 || !token.Is("as")) continue;
    begin = token.end;
    break;
  }
  for (std::size_t i = 0; i < begin; ++i) text[i] = text[i] == '\n' ? '\n' : ' ';
  return text;
}

Parsed<std::vector<Statement>> ReadStatements(const std::string& text) {
  HG_ASSIGN_OR_RETURN(Tokens tokens, Scan(text));
  std::vector<Statement> statements;
  std::size_t from = 0;
  std::size_t first = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= tokens.size(); ++i) {
    if (i < tokens.size()) {
      if (tokens[i].IsSymbol("(")) ++depth;
      if (tokens[i].IsSymbol(")")) --depth;
      if (!tokens[i].IsSymbol(";") || depth > 0) continue;
    }
    const std::size_t to = i < tokens.size() ? tokens[i].start : text.size();
    if (i > first) {
      HG_ASSIGN_OR_RETURN(Statement statement, Read(text, from, to,
                                                    Tokens(tokens.begin() + static_cast<std::ptrdiff_t>(first),
                                                           tokens.begin() + static_cast<std::ptrdiff_t>(i))));
      statements.push_back(std::move(statement));
    }
    from = i < tokens.size() ? tokens[i].end : text.size();
    first = i + 1;
  }
  return statements;
}

}  // namespace headgate::sql
