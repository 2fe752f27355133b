// `headgate sql`: statements and queries against a running service, from a file, a text, a pipe or a prompt.
#include <editline/readline.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "app/commands.h"
#include "app/sql_session.h"
#include "core/sql/scanner.h"

namespace headgate {
namespace {

constexpr std::string_view kSqlHelp = R"(headgate sql: statements and queries against a running service

  --address ADDRESS  admin API of the service (default 127.0.0.1:8083)
  -c TEXT            runs the statements of the text; \d and \d NAME too
  -f FILE            runs the statements of the file
  --json             one JSON document a result, for machines

Without -c and -f: a prompt if there is a terminal, else the statements of stdin. The first statement that fails ends
it, but for the prompt. SELECT * FROM view EMIT CHANGES follows the view until Ctrl-C.

At the prompt: \d lists views and streams, \d NAME shows columns, \q leaves, \? helps. A statement ends with a
semicolon; lines are kept in $XDG_STATE_HOME/headgate/sql_history.

Exit codes: 0 done, 1 a statement failed, 2 wrong command line.
)";
constexpr std::string_view kPromptHelp =
    "A statement ends with a semicolon.\n\\d         views and streams\n\\d NAME    columns of one\n\\q         "
    "leave\n";

std::string Trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n;");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n;") - first + 1);
}

// \d and \d NAME; nothing if the text is no such command.
std::optional<bool> RunMeta(SqlSession& session, const std::string& text) {
  const std::string command = Trimmed(text);
  if (!command.starts_with('\\')) return std::nullopt;
  if (command == "\\d" || command.starts_with("\\d ")) return session.Describe(Trimmed(command.substr(2)));
  if (command == "\\?") {
    std::fputs(kPromptHelp.data(), stdout);
    return true;
  }
  std::fprintf(stderr, "ERROR:  there is no command %s; \\? lists them\n", command.c_str());
  return false;
}

std::string HistoryFile() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  const char* const home = std::getenv("HOME");
  std::filesystem::path folder;
  if (state != nullptr && state[0] == '/') {
    folder = state;
  } else if (home != nullptr && home[0] == '/') {
    folder = std::filesystem::path(home) / ".local" / "state";
  } else {
    return "";
  }
  std::error_code failed;
  std::filesystem::create_directories(folder / "headgate", failed);
  return failed ? "" : (folder / "headgate" / "sql_history").string();
}

// True if the last thing in the text is a semicolon outside of quotes and comments.
bool IsWhole(const std::string& text) {
  const auto tokens = sql::Scan(text);
  return tokens.ok() && !tokens->empty() && tokens->back().IsSymbol(";");
}

int Prompt(SqlSession& session) {
  const std::string history = HistoryFile();
  ::umask(077);  // statements may hold secrets
  if (!history.empty()) read_history(history.c_str());
  std::puts("Statements end with a semicolon; \\? helps, \\q leaves.");
  std::string text;
  while (true) {
    const std::unique_ptr<char, void (*)(void*)> line(readline(text.empty() ? "headgate=> " : "headgate-> "),
                                                      std::free);
    if (line == nullptr) break;
    if (line.get()[0] != '\0') {
      add_history(line.get());
      if (!history.empty()) write_history(history.c_str());
    }
    if (text.empty()) {
      if (Trimmed(line.get()) == "\\q") return kExitOk;
      if (RunMeta(session, line.get())) continue;
    }
    text += std::string(line.get()) + "\n";
    if (Trimmed(text).empty()) text.clear();
    if (!IsWhole(text)) continue;
    session.Run(text);
    text.clear();
  }
  std::puts("");
  return kExitOk;
}

int Usage(const std::string& text) {
  std::fprintf(stderr, "headgate sql: %s\n\n%s", text.c_str(), kSqlHelp.data());
  return kExitUsage;
}

}  // namespace

int SqlCommand(const Arguments& args) {
  const auto parsed = ParseArguments(args, {"--address", "-c", "-f"}, {"--json", "--help"});
  if (parsed.Has("--help")) {
    std::fputs(kSqlHelp.data(), stdout);
    return kExitOk;
  }
  if (!parsed.error.empty()) return Usage(parsed.error);
  if (parsed.Has("-c") && parsed.Has("-f")) return Usage("-c and -f exclude each other");
  const auto listen = config::ParseListen(parsed.Get("--address", "127.0.0.1:8083"));
  if (!listen.ok()) return Usage("--address: " + listen.error().what);
  SqlSession session(*listen, parsed.Has("--json"), parsed.Get("-f"));
  std::string text = parsed.Get("-c");
  if (parsed.Has("-f")) {
    std::ifstream file(parsed.Get("-f"));
    if (!file) return Usage("the file " + parsed.Get("-f") + " cannot be read");
    text.assign(std::istreambuf_iterator<char>(file), {});
  } else if (!parsed.Has("-c")) {
    if (::isatty(STDIN_FILENO) == 1) return Prompt(session);
    text.assign(std::istreambuf_iterator<char>(std::cin), {});
  }
  if (const auto meta = RunMeta(session, text)) return *meta ? kExitOk : kExitFailed;
  return session.Run(text) ? kExitOk : kExitFailed;
}

}  // namespace headgate
