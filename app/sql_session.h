#pragma once

#include <optional>
#include <string>

#include "core/config/address.h"
#include "core/sql/statement.h"

namespace headgate {

// Statements against a running service: asks, prints what comes back. Results go to stdout, mistakes to stderr.
class SqlSession {
 public:
  // `file`: what mistakes name beside the line, "" for none.
  SqlSession(config::Listen listen, bool json, std::string file)
      : listen_(std::move(listen)), json_(json), file_(std::move(file)) {}

  // Runs the statements of the text, one behind the other, up to the first that fails; false if one did. A text with a
  // mistake that the grammar finds is not begun.
  bool Run(const std::string& text);
  // \d, \d NAME and the like; false if it failed.
  bool Describe(const std::string& name);

 private:
  bool RunOne(const std::string& text, const sql::Statement& statement);
  bool RunQuery(const std::string& text, const sql::Statement& statement);
  bool RunStatement(const std::string& text, const sql::Statement& statement);
  bool Follow(const std::string& text, const sql::Statement& statement);
  bool FollowTarget(const std::string& target);
  bool List();
  // The answer's body; nothing, and the mistake is printed, if it is none of success.
  std::optional<std::string> Ask(const std::string& method, const std::string& target, const std::string& body,
                                 const std::string& text, std::size_t offset);
  void Complain(const std::string& message);
  void ComplainAt(const std::string& text, std::size_t offset, const std::string& message, const std::string& hint);

  const config::Listen listen_;
  const bool json_;
  const std::string file_;
};

// True while SIGINT ends the following of changes, and nothing else; and whether it came.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  static bool interrupted();
};

}  // namespace headgate
