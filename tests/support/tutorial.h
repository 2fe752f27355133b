#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"

// A page of docs/tutorials as what its reader does. docs/tutorials/README.md has the rules for its code blocks.
namespace headgate::test {

struct TutorialStep {
  enum class Kind : std::uint8_t {
    kFile,       // the text is saved as `file`
    kCommand,    // the text runs in a shell, and succeeds
    kTerminal,   // it goes on in the first terminal; later commands run in a second one
    kInterrupt,  // Ctrl-C in the first terminal
  };
  // What one sees, if the page tells it. JSON: what the answer has among other things.
  struct Seen {
    std::string text;
    bool json = false;
    int line = 0;
  };

  Kind kind = Kind::kCommand;
  int line = 0;  // of the block in the page, from 1
  std::string text = {};
  std::string file = {};
  bool again = false;  // kCommand: until one sees it
  std::optional<Seen> seen = {};
};

// kConfig, with the line, for a block that no rule is about.
Result<std::vector<TutorialStep>> ReadTutorial(const std::string& page);

// "" if `output` is what the page says, else the difference. "..." stands for anything in a line, as a line for any
// number of lines, and in JSON for any value.
std::string Unlike(const TutorialStep::Seen& seen, const std::string& output);

struct TutorialPlaces {
  // What the page writes, as a word, and what is meant: "5432" and the port of a server.
  std::vector<std::pair<std::string, std::string>> words = {};
  std::string programs = {};  // a folder in front of PATH
};
std::string WithPlaces(const TutorialPlaces& places, std::string text);

// Does what the page says, in a folder of its own. The error names page and line. What runs in the first terminal
// ends with it, and it is an error if the page itself had not ended it.
Status RunTutorial(const std::string& page_file, const TutorialPlaces& places);

}  // namespace headgate::test
