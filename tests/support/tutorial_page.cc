#include <nlohmann/json.hpp>
#include <span>
#include <sstream>

#include "tests/support/tutorial.h"

namespace headgate::test {
namespace {

using nlohmann::json;
using Kind = TutorialStep::Kind;

constexpr std::string_view kFence = "```";
constexpr std::string_view kAnything = "...";

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  std::stringstream in(text);
  for (std::string line; std::getline(in, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    lines.push_back(line);
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

Error At(int line, const std::string& text) { return ConfigError("line " + std::to_string(line) + ": " + text); }

struct Block {
  std::string language;
  std::string rule;
  std::string text;
  int line = 0;
};

Result<std::vector<Block>> BlocksOf(const std::string& page) {
  std::vector<Block> blocks;
  std::stringstream in(page);
  bool open = false;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (open && line == kFence) {
      open = false;
    } else if (open) {
      blocks.back().text += line + "\n";
    } else if (line.starts_with(kFence)) {
      std::stringstream words(line.substr(kFence.size()));
      Block block;
      block.line = number;
      words >> block.language >> block.rule;
      if (std::string more; words >> more) return At(number, "one word behind the language, not also " + more);
      blocks.push_back(std::move(block));
      open = true;
    } else if (line.find(kFence) != std::string::npos) {
      return At(number, "a block begins and ends at the left margin");
    }
  }
  if (open) return At(blocks.back().line, "the block has no end");
  return blocks;
}

Status See(std::vector<TutorialStep>& steps, const Block& block) {
  if (steps.empty() || steps.back().kind == Kind::kFile || steps.back().seen)
    return At(block.line, "there is no command whose output this could be");
  steps.back().seen = {block.text, block.language == "json", block.line};
  return Ok();
}

Status Take(std::vector<TutorialStep>& steps, const Block& block) {
  TutorialStep step{.line = block.line, .text = block.text};
  if (block.rule == "shown") return Ok();
  if (block.rule.starts_with("file=") && block.rule.find('/') == std::string::npos) {
    step.kind = Kind::kFile;
    step.file = block.rule.substr(5);
  } else if (block.language == "sh" && (block.rule.empty() || block.rule == "again")) {
    step.again = block.rule == "again";
  } else if (block.language == "sh" && block.rule == "terminal") {
    step.kind = Kind::kTerminal;
  } else if (block.language == "text" && block.rule == "ctrl-c") {
    step.kind = Kind::kInterrupt;
    step.seen = {block.text, false, block.line};
  } else if ((block.language == "text" || block.language == "json") && block.rule.empty()) {
    return See(steps, block);
  } else {
    return At(block.line, "no rule is about a block that begins with \"" + block.language +
                              (block.rule.empty() ? "" : " " + block.rule) + "\"");
  }
  steps.push_back(std::move(step));
  return Ok();
}

bool LikeLine(std::string_view want, std::string_view have) {
  const auto gap = want.find(kAnything);
  if (gap == std::string_view::npos) return want == have;
  if (have.substr(0, gap) != want.substr(0, gap)) return false;
  want.remove_prefix(gap + kAnything.size());
  have.remove_prefix(gap);
  for (;; have.remove_prefix(1)) {
    if (LikeLine(want, have)) return true;
    if (have.empty()) return false;
  }
}

using Lines = std::span<const std::string>;

bool LikeLines(Lines want, Lines have) {
  for (; !want.empty() && want.front() != kAnything; want = want.subspan(1), have = have.subspan(1)) {
    if (have.empty() || !LikeLine(want.front(), have.front())) return false;
  }
  if (want.empty()) return have.empty();
  for (std::size_t skip = 0; skip <= have.size(); ++skip) {
    if (LikeLines(want.subspan(1), have.subspan(skip))) return true;
  }
  return false;
}

bool LikeJson(const json& want, const json& have) {
  if (want == kAnything) return true;
  if (want.is_array() && have.is_array()) {
    return std::ranges::equal(want, have, [](const json& a, const json& b) { return LikeJson(a, b); });
  }
  if (!want.is_object() || !have.is_object()) return want == have;
  return std::ranges::all_of(want.items(), [&](const auto& member) {
    return have.contains(member.key()) && LikeJson(member.value(), have[member.key()]);
  });
}

bool IsOfWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

Result<std::vector<TutorialStep>> ReadTutorial(const std::string& page) {
  HG_ASSIGN_OR_RETURN(const auto blocks, BlocksOf(page));
  std::vector<TutorialStep> steps;
  for (const Block& block : blocks) HG_RETURN_IF_ERROR(Take(steps, block));
  for (const TutorialStep& step : steps) {
    if (step.again && !step.seen) return At(step.line, "again until what? The output has to follow");
    if (step.seen && step.seen->json && json::parse(step.seen->text, nullptr, false).is_discarded())
      return At(step.seen->line, "this is not JSON");
  }
  return steps;
}

std::string Unlike(const TutorialStep::Seen& seen, const std::string& output) {
  std::string difference = "the page says:\n" + seen.text + "but one sees:\n" + output;
  if (!seen.json) return LikeLines(LinesOf(seen.text), LinesOf(output)) ? "" : difference;
  const json have = json::parse(output, nullptr, false);
  if (have.is_discarded()) return difference;
  return LikeJson(json::parse(seen.text, nullptr, false), have) ? "" : difference;
}

std::string WithPlaces(const TutorialPlaces& places, std::string text) {
  for (const auto& [word, meant] : places.words) {
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
      const std::size_t end = at + word.size();
      const bool whole = (at == 0 || !IsOfWord(text[at - 1])) && (end == text.size() || !IsOfWord(text[end]));
      if (whole) text.replace(at, word.size(), meant);
      at += whole ? meant.size() : word.size();
    }
  }
  return text;
}

}  // namespace headgate::test
