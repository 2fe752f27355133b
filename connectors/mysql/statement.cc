#include "connectors/mysql/statement.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/base/ascii.h"

namespace headgate::mysql {
namespace {

enum class TokenKind : std::uint8_t { kEnd, kWord, kName, kText, kMark };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;  // of a name or text with its quotes
};

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         (c & 0x80) != 0;
}

// `word` is in upper case.
bool IsWord(std::string_view text, std::string_view word) {
  return std::ranges::equal(text, word, [](char a, char b) { return LowerAscii(a) == LowerAscii(b); });
}

// Words, names and marks. Comments are skipped; those that only some servers read (/*!50100 ... */) are opened.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  Token Next() {
    SkipBlanks();
    if (rest_.empty()) return {};
    const char c = rest_[0];
    if (c == '`') return Quoted(TokenKind::kName, c);
    if (c == '\'' || c == '"') return Quoted(c == '"' ? TokenKind::kName : TokenKind::kText, c);
    std::size_t size = 1;
    if (IsWordByte(c)) {
      while (size < rest_.size() && IsWordByte(rest_[size])) ++size;
      return Take(TokenKind::kWord, size);
    }
    return Take(TokenKind::kMark, size);
  }

 private:
  Token Take(TokenKind kind, std::size_t size) {
    const Token token{kind, rest_.substr(0, size)};
    rest_.remove_prefix(size);
    return token;
  }

  Token Quoted(TokenKind kind, char quote) {
    std::size_t i = 1;
    while (i < rest_.size()) {
      if (rest_[i] == '\\' && quote != '`' && i + 1 < rest_.size()) {
        i += 2;
      } else if (rest_[i] == quote && i + 1 < rest_.size() && rest_[i + 1] == quote) {
        i += 2;
      } else if (rest_[i++] == quote) {
        break;
      }
    }
    return Take(kind, std::min(i, rest_.size()));
  }

  void SkipTo(std::string_view end) {
    const std::size_t at = rest_.find(end);
    rest_.remove_prefix(at == std::string_view::npos ? rest_.size() : at + end.size());
  }

  void SkipBlanks() {
    while (!rest_.empty()) {
      if (IsSpace(rest_[0])) {
        rest_.remove_prefix(1);
      } else if (rest_.starts_with("/*!") || rest_.starts_with("/*M!")) {
        rest_.remove_prefix(rest_[2] == 'M' ? 4 : 3);
        while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') rest_.remove_prefix(1);
      } else if (rest_.starts_with("/*")) {
        SkipTo("*/");
      } else if (rest_.starts_with("*/")) {
        rest_.remove_prefix(2);
      } else if (rest_[0] == '#' || (rest_.starts_with("--") && (rest_.size() == 2 || IsSpace(rest_[2])))) {
        SkipTo("\n");
      } else {
        return;
      }
    }
  }

  std::string_view rest_;
};

std::string Unquoted(const Token& token) {
  if (token.kind != TokenKind::kName && token.kind != TokenKind::kText) return std::string(token.text);
  std::string out;
  const char quote = token.text[0];
  const std::string_view inner = token.text.substr(1, token.text.size() - (token.text.size() > 1 ? 2 : 1));
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == quote && i + 1 < inner.size() && inner[i + 1] == quote) ++i;
    out.push_back(inner[i]);
  }
  return out;
}

// The content of a text: with doubled quotes and backslashes taken as the server does.
std::string Unescaped(std::string_view quoted) {
  const char quote = quoted[0];
  std::string_view inner = quoted.substr(1, quoted.size() - (quoted.size() > 1 ? 2 : 1));
  std::string out;
  for (std::size_t i = 0; i < inner.size(); ++i) {
    const bool pair = i + 1 < inner.size() && (inner[i] == '\\' || (inner[i] == quote && inner[i + 1] == quote));
    out.push_back(inner[pair ? ++i : i]);
  }
  return out;
}

class Reader {
 public:
  Reader(std::string_view text, std::string_view database) : scanner_(text), database_(database) { Advance(); }

  Statement Read() {
    if (Skip("BEGIN")) return Of(StatementKind::kBegin);
    if (Skip("START")) return Of(Skip("TRANSACTION") ? StatementKind::kBegin : StatementKind::kOther);
    if (Skip("COMMIT")) return Of(StatementKind::kCommit);
    if (Skip("ROLLBACK")) return Rollback();
    if (Skip("SAVEPOINT")) return Savepoint(StatementKind::kSavepoint);
    if (Skip("XA")) return Xa();
    if (Skip("CREATE")) return Create();
    if (Skip("ALTER")) return Alter();
    if (Skip("DROP")) return Drop();
    if (Skip("RENAME")) return Rename();
    if (Skip("TRUNCATE")) return Truncate();
    for (const std::string_view word : {"INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD", "WITH", "CALL"}) {
      if (Skip(word)) return ChangesRows(word);
    }
    return {};
  }

 private:
  void Advance() { token_ = scanner_.Next(); }
  bool Is(std::string_view word) const { return token_.kind == TokenKind::kWord && IsWord(token_.text, word); }
  bool Skip(std::string_view word) {
    if (!Is(word)) return false;
    Advance();
    return true;
  }
  bool SkipMark(char c) {
    if (token_.kind != TokenKind::kMark || token_.text[0] != c) return false;
    Advance();
    return true;
  }
  void SkipAny(std::initializer_list<std::string_view> words) {
    for (bool skipped = true; skipped;) {
      skipped = false;
      for (const std::string_view word : words) skipped = Skip(word) || skipped;
    }
  }
  bool AtName() const { return token_.kind == TokenKind::kWord || token_.kind == TokenKind::kName; }

  static Statement Of(StatementKind kind) {
    Statement statement;
    statement.kind = kind;
    return statement;
  }

  bool Name(TableName& name) {
    if (!AtName()) return false;
    std::string first = Unquoted(token_);
    Advance();
    if (SkipMark('.')) {
      if (!AtName()) return false;
      name = {std::move(first), Unquoted(token_)};
      Advance();
    } else {
      name = {std::string(database_), std::move(first)};
    }
    return true;
  }
  Statement OneTable(StatementKind kind, bool temporary = false) {
    Statement statement = Of(kind);
    statement.temporary = temporary;
    TableName name;
    if (!Name(name)) return {};
    statement.tables.push_back(std::move(name));
    return statement;
  }

  Statement Savepoint(StatementKind kind) {
    Statement statement = Of(kind);
    statement.name = Unquoted(token_);
    return statement;
  }
  Statement Rollback() {
    Skip("WORK");
    if (!Skip("TO")) return Of(StatementKind::kRollback);
    Skip("SAVEPOINT");
    return Savepoint(StatementKind::kRollbackTo);
  }

  // X'6778',X'',1: the servers log it so, without blanks.
  Statement Xa() {
    constexpr std::array<std::pair<std::string_view, StatementKind>, 5> kVerbs = {{
        {"START", StatementKind::kXaStart},
        {"BEGIN", StatementKind::kXaStart},
        {"END", StatementKind::kXaEnd},
        {"COMMIT", StatementKind::kXaCommit},
        {"ROLLBACK", StatementKind::kXaRollback},
    }};
    for (const auto& [word, kind] : kVerbs) {
      if (!Skip(word)) continue;
      Statement statement = Of(kind);
      while (token_.kind != TokenKind::kEnd && !Is("ONE")) {
        statement.name += token_.text;
        Advance();
      }
      return statement;
    }
    return {};
  }

  Statement Create() {
    if (Skip("OR")) Skip("REPLACE");
    const bool temporary = Skip("TEMPORARY");
    if (Skip("TABLE")) return CreateTable(temporary);
    if (Skip("DATABASE") || Skip("SCHEMA")) return Database(StatementKind::kDatabase);
    SkipAny({"UNIQUE", "FULLTEXT", "SPATIAL", "ONLINE", "OFFLINE"});
    return Skip("INDEX") ? Index() : Statement();
  }
  Statement CreateTable(bool temporary) {
    if (Skip("IF")) SkipAny({"NOT", "EXISTS"});
    Statement statement = OneTable(StatementKind::kCreateTable, temporary);
    statement.like = Is("LIKE");
    if (SkipMark('(')) {
      statement.like = Is("LIKE");
      do {
        Definition(statement);
      } while (SkipMark(','));
    }
    bool start = false;
    while (token_.kind != TokenKind::kEnd) {
      statement.goes_on = start && Is("TRANSACTION");
      start = Is("START");
      Advance();
    }
    return statement;
  }
  // A column, or an index, up to its comma or the closing parenthesis.
  void Definition(Statement& statement) {
    if (AtName()) {
      DeclaredColumn column;
      column.name = Unquoted(token_);
      Advance();
      ReadType(column.type);
      ReadDefault(column.default_value);
      statement.columns.push_back(std::move(column));
    }
    SkipToComma();
  }
  // BIGINT (20) unsigned becomes BIGINT(20) UNSIGNED.
  void ReadType(std::string& type) {
    if (token_.kind != TokenKind::kWord) return;
    AppendUpper(type);
    if (SkipMark('(')) {
      const bool numbers = token_.kind == TokenKind::kWord && IsDigit(token_.text[0]);
      if (numbers) type.push_back('(');
      while (token_.kind != TokenKind::kEnd && !(token_.kind == TokenKind::kMark && token_.text[0] == ')')) {
        if (numbers) type += token_.text;
        Advance();
      }
      if (numbers) type.push_back(')');
      SkipMark(')');
    }
    while (Is("UNSIGNED") || Is("SIGNED") || Is("ZEROFILL")) {
      type.push_back(' ');
      AppendUpper(type);
    }
  }
  void AppendUpper(std::string& out) {
    for (const char c : token_.text) out.push_back(UpperAscii(c));
    Advance();
  }
  // The first DEFAULT before the column's end, if a constant follows.
  void ReadDefault(std::optional<std::string>& value) {
    while (!AtEndOfPart() && !Is("DEFAULT")) SkipGroup();
    if (!Skip("DEFAULT")) return;
    const std::string sign = SkipMark('-') ? "-" : "";
    SkipMark('+');
    if (token_.kind == TokenKind::kText) {
      value = Unescaped(token_.text);
    } else if (token_.kind == TokenKind::kWord && IsDigit(token_.text[0])) {
      value = sign + std::string(token_.text);
      Advance();
      if (!SkipMark('.')) return;
      *value += '.';
      if (token_.kind == TokenKind::kWord) *value += token_.text;
    } else if (Is("TRUE") || Is("FALSE")) {
      value.emplace();
      AppendUpper(*value);
    }
  }
  bool AtEndOfPart() const {
    return token_.kind == TokenKind::kEnd ||
           (token_.kind == TokenKind::kMark && (token_.text[0] == ',' || token_.text[0] == ')'));
  }
  // One token, or all that a parenthesis holds.
  void SkipGroup() {
    const bool opens = SkipMark('(');
    if (!opens) return Advance();
    for (int depth = 1; depth > 0 && token_.kind != TokenKind::kEnd; Advance()) {
      if (token_.kind == TokenKind::kMark) depth += token_.text[0] == '(' ? 1 : token_.text[0] == ')' ? -1 : 0;
    }
  }
  // To a comma or a parenthesis that closes what was open before.
  void SkipToComma() {
    while (!AtEndOfPart()) SkipGroup();
  }
  Statement Index() {  // ... name ... ON table
    while (token_.kind != TokenKind::kEnd && !Is("ON")) Advance();
    return Skip("ON") ? OneTable(StatementKind::kIndex) : Statement();
  }

  Statement Alter() {
    SkipAny({"ONLINE", "OFFLINE", "IGNORE"});
    if (Skip("DATABASE") || Skip("SCHEMA")) return Database(StatementKind::kDatabase);
    if (!Skip("TABLE")) return {};
    if (Skip("IF")) Skip("EXISTS");
    Statement statement = OneTable(StatementKind::kAlterTable);
    if (statement.tables.empty()) return statement;
    do {
      AlterPart(statement);
      SkipToComma();
    } while (SkipMark(','));
    return statement;
  }
  void AlterPart(Statement& statement) {
    if (Skip("RENAME")) {
      if (Is("COLUMN") || Is("INDEX") || Is("KEY") || Is("CONSTRAINT")) return;
      SkipAny({"TO", "AS"});
      SkipMark('=');
      TableName to;
      if (!Name(to)) return;
      statement.kind = StatementKind::kRenameTable;
      statement.tables.resize(1);
      statement.tables.push_back(std::move(to));
      return;
    }
    const bool change = Is("CHANGE");
    if (!Skip("ADD") && !Skip("MODIFY") && !Skip("CHANGE")) return;
    Skip("COLUMN");
    if (Skip("IF")) SkipAny({"NOT", "EXISTS"});
    if (change) Advance();  // the name so far
    if (!SkipMark('(')) return Definition(statement);
    do {
      Definition(statement);
    } while (SkipMark(','));
    SkipMark(')');
  }

  Statement Drop() {
    const bool temporary = Skip("TEMPORARY");
    if (Skip("TABLE") || Skip("TABLES")) {
      const bool if_exists = Skip("IF") && Skip("EXISTS");
      Statement statement = Tables(StatementKind::kDropTable, temporary);
      statement.if_exists = if_exists && !statement.tables.empty();
      return statement;
    }
    if (Skip("DATABASE") || Skip("SCHEMA")) return Database(StatementKind::kDropDatabase);
    SkipAny({"ONLINE", "OFFLINE"});
    return Skip("INDEX") ? Index() : Statement();
  }
  Statement Database(StatementKind kind) {
    if (Skip("IF")) SkipAny({"NOT", "EXISTS"});
    if (!AtName()) return {};
    Statement statement = Of(kind);
    statement.tables.push_back({Unquoted(token_), ""});
    return statement;
  }
  Statement Tables(StatementKind kind, bool temporary) {
    Statement statement = OneTable(kind, temporary);
    while (SkipMark(',')) {
      TableName name;
      if (!Name(name)) break;
      statement.tables.push_back(std::move(name));
    }
    return statement;
  }

  Statement Rename() {
    if (!Skip("TABLE") && !Skip("TABLES")) return {};
    if (Skip("IF")) Skip("EXISTS");
    Statement statement = Of(StatementKind::kRenameTable);
    do {
      TableName from;
      TableName to;
      if (!Name(from)) break;
      while (token_.kind != TokenKind::kEnd && !Is("TO")) Advance();  // WAIT 10, NOWAIT
      if (!Skip("TO") || !Name(to)) break;
      statement.tables.push_back(std::move(from));
      statement.tables.push_back(std::move(to));
    } while (SkipMark(','));
    return statement.tables.empty() ? Statement() : statement;
  }

  Statement Truncate() {
    Skip("TABLE");
    return OneTable(StatementKind::kTruncate);
  }

  // The first table that is named where the statement's kind has it; none if that is beyond a look.
  Statement ChangesRows(std::string_view word) {
    Statement statement = Of(StatementKind::kChangesRows);
    SkipAny({"LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE", "CONCURRENT", "LOCAL"});
    if (word == "LOAD") {
      while (token_.kind != TokenKind::kEnd && !Is("TABLE")) Advance();
      Skip("TABLE");
    } else if (word == "DELETE") {
      while (token_.kind != TokenKind::kEnd && !Is("FROM")) Advance();
      Skip("FROM");
    } else if (word == "WITH" || word == "CALL") {
      return statement;
    } else {
      Skip("INTO");
    }
    TableName name;
    if (Name(name)) statement.tables.push_back(std::move(name));
    return statement;
  }

  Scanner scanner_;
  std::string_view database_;
  Token token_;
};

}  // namespace

Statement ReadStatement(std::string_view text, std::string_view database) { return Reader(text, database).Read(); }

}  // namespace headgate::mysql
