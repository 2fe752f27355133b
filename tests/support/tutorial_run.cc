#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/support/child_process.h"
#include "tests/support/tutorial.h"
#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = TutorialStep::Kind;

constexpr auto kPatience = seconds(60);  // for a command, and until one sees what the page says

std::string ContentOf(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Reader {
 public:
  explicit Reader(const TutorialPlaces& places) : places_(places) {
    std::filesystem::create_directory(folder_);
    env_["HOME"] = folder_;  // nobody's own settings of psql or mysql
    env_["LC_ALL"] = "C.UTF-8";
    const char* const path = std::getenv("PATH");
    env_["PATH"] = places.programs + ":" + (path == nullptr ? "" : path);
  }

  Status Do(TutorialStep step) {
    step.text = WithPlaces(places_, std::move(step.text));
    if (step.seen) step.seen->text = WithPlaces(places_, std::move(step.seen->text));
    switch (step.kind) {
      case Kind::kFile:
        std::ofstream(folder_ + "/" + step.file) << step.text;
        return Ok();
      case Kind::kCommand:
        return Command(step);
      case Kind::kTerminal:
        return Open(step);
      case Kind::kInterrupt:
        return Interrupt(step);
    }
    return Ok();
  }

  // What runs still in the first terminal; "" if nothing.
  std::string running() const { return terminal_.child == nullptr ? "" : terminal_.command; }
  std::string terminal() const {
    return terminal_.output.empty() ? "" : "\nthe first terminal has:\n" + ContentOf(terminal_.output);
  }

 private:
  struct Terminal {
    std::unique_ptr<Child> child;
    std::string output;
    std::string command;
  };

  // A command goes on with the variables of those before it in the same terminal: the second one, from when something
  // runs in the first.
  std::string Script(const std::string& text, bool first) const {
    const std::string variables = dir_.path() + (first ? "/variables1" : "/variables2");
    return "set -euo pipefail\n[ ! -e " + variables + " ] || . " + variables + "\n" + text + "\nexport -p > " +
           variables + "\n";
  }
  Result<std::unique_ptr<Child>> Shell(const std::string& script, const std::string& output) const {
    return Child::Start({.command = {"bash", "-c", script}, .env = env_, .directory = folder_, .output_file = output});
  }
  std::string NextOutput() { return dir_.path() + "/output" + std::to_string(++outputs_); }

  Status Command(const TutorialStep& step) {
    Status done = Ok();
    const bool good = WaitFor([&] { return (done = RunOnce(step)).ok() || !step.again; }, kPatience, milliseconds(300));
    return good ? done : Status(Transient("a minute later still: " + done.error().what));
  }

  Status RunOnce(const TutorialStep& step) {
    const std::string output = NextOutput();
    HG_ASSIGN_OR_RETURN(const auto child, Shell(Script(step.text, !opened_), output));
    const auto exit = child->Wait(kPatience);
    const std::string said = ContentOf(output);
    if (!exit) return Transient("no end within a minute: " + said);
    if (exit->code != 0 || exit->signal != 0) return Transient(exit->Text() + ": " + said);
    const std::string unlike = step.seen ? Unlike(*step.seen, said) : "";
    return unlike.empty() ? Ok() : Status(Transient(unlike));
  }

  Status Open(const TutorialStep& step) {
    if (terminal_.child != nullptr) return Transient("the first terminal is still busy with " + terminal_.command);
    opened_ = true;
    terminal_ = {nullptr, NextOutput(), step.text};
    HG_ASSIGN_OR_RETURN(terminal_.child, Shell(Script(step.text, true), terminal_.output));
    return Await(terminal_, step);
  }

  static Status Await(Terminal& terminal, const TutorialStep& step) {
    if (!step.seen) return Ok();
    std::string unlike;
    const bool good = WaitFor(
        [&] {
          const bool runs = terminal.child->running();
          unlike = Unlike(*step.seen, ContentOf(terminal.output));
          return unlike.empty() || (step.kind == Kind::kTerminal && !runs);
        },
        kPatience);
    return good && unlike.empty() ? Ok() : Status(Transient(unlike));
  }

  Status Interrupt(const TutorialStep& step) {
    if (terminal_.child == nullptr) return Transient("nothing runs in the first terminal");
    Terminal terminal{std::move(terminal_.child), terminal_.output, terminal_.command};
    terminal.child->SignalGroup(SIGINT);
    const auto exit = terminal.child->Wait(kPatience);
    if (!exit) return Transient("it goes on after Ctrl-C");
    if (exit->code != 0 || exit->signal != 0) return Transient("it ends with " + exit->Text());
    return Await(terminal, step);
  }

  const TutorialPlaces& places_;
  TempDir dir_{"headgate-tutorial-"};
  const std::string folder_ = dir_.path() + "/work";
  std::map<std::string, std::string> env_;
  Terminal terminal_;  // the first; the second has nothing that stays
  bool opened_ = false;
  int outputs_ = 0;
};

}  // namespace

Status RunTutorial(const std::string& page_file, const TutorialPlaces& places) {
  const std::string name = std::filesystem::path(page_file).filename();
  const auto steps = ReadTutorial(ContentOf(page_file));
  if (!steps.ok()) return ConfigError(name + ", " + steps.error().what);
  if (steps->empty()) return ConfigError(name + " has nothing to do");
  Reader reader(places);
  for (const TutorialStep& step : *steps) {
    const Status done = reader.Do(step);
    if (!done.ok())
      return Transient(name + ":" + std::to_string(step.line) + ": " + done.error().what + reader.terminal());
  }
  if (!reader.running().empty()) return Transient(name + " ends, and this still runs: " + reader.running());
  return Ok();
}

}  // namespace headgate::test
