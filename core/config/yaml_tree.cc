#include "core/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <exception>
#include <istream>
#include <map>
#include <streambuf>

#include "core/base/encoding.h"
#include "core/config/text.h"

namespace headgate::config {

namespace {

using NodePtr = std::shared_ptr<const YamlNode>;

// Ends the parse from inside a callback of yaml-cpp; never leaves this file.
struct Abort {
  YamlError error;
};

// Reads a view without a copy of it.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

int LineOf(const YAML::Mark& mark) { return std::max(mark.line, 0) + 1; }

bool IsPlainTag(const std::string& tag) {
  constexpr std::string_view kStandard = "tag:yaml.org,2002:";
  return tag.empty() || tag == "?" || tag == "!" || tag.starts_with(kStandard);
}

class TreeBuilder : public YAML::EventHandler {
 public:
  // Call once, after the document.
  NodePtr TakeRoot() { return root_ ? root_ : std::make_shared<YamlNode>(); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) Fail(mark, "a second YAML document begins. Keep everything in one");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Attach(mark, anchor, NewNode(mark, YamlNode::Kind::kNull));
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) Fail(mark, "an alias stands inside what it names");
    Attach(mark, 0, found->second);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    CheckTag(mark, tag);
    auto node = NewNode(mark, YamlNode::Kind::kScalar);
    node->text = text;
    Attach(mark, anchor, node);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Enter(mark, anchor, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { Leave(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Enter(mark, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { Leave(); }

 private:
  struct Open {
    std::shared_ptr<YamlNode> node;
    YAML::anchor_t anchor;
    bool has_key = false;  // in a map: the next value belongs to the last entry
  };

  [[noreturn]] static void Fail(const YAML::Mark& mark, std::string text) {
    throw Abort{{LineOf(mark), std::move(text)}};
  }

  static void CheckTag(const YAML::Mark& mark, const std::string& tag) {
    if (!IsPlainTag(tag)) Fail(mark, "the tag " + Quoted(tag) + " means nothing here. Remove it");
  }

  std::shared_ptr<YamlNode> NewNode(const YAML::Mark& mark, YamlNode::Kind kind) {
    if (++nodes_ > kYamlNodesMax) Fail(mark, "the file has more than a million entries");
    auto node = std::make_shared<YamlNode>();
    node->kind = kind;
    node->line = LineOf(mark);
    return node;
  }

  void Enter(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    if (static_cast<int>(open_.size()) >= kYamlDepthMax) Fail(mark, "the nesting is deeper than 16 levels");
    const bool is_key = !open_.empty() && open_.back().node->kind == YamlNode::Kind::kMap && !open_.back().has_key;
    if (is_key) Fail(mark, "a key must be one value");
    open_.push_back({NewNode(mark, kind), anchor});
  }

  void Leave() {
    const Open closed = std::move(open_.back());
    open_.pop_back();
    Attach(YAML::Mark::null_mark(), closed.anchor, closed.node);
  }

  // Puts a finished node where the document has it. Only finished nodes can be named by an alias.
  void Attach(const YAML::Mark& mark, YAML::anchor_t anchor, NodePtr node) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node->kind == YamlNode::Kind::kSequence) {
      parent.node->items.push_back(std::move(node));
    } else if (parent.has_key) {
      parent.node->entries.back().value = std::move(node);
      parent.has_key = false;
    } else if (node->kind != YamlNode::Kind::kScalar) {
      Fail(mark, "a key must be one value");
    } else {
      static const NodePtr nothing = std::make_shared<YamlNode>();  // until its value comes
      parent.node->entries.push_back({node->text, LineOf(mark), nothing});
      parent.has_key = true;
    }
  }

  int documents_ = 0;
  int nodes_ = 0;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, NodePtr> anchors_;
  NodePtr root_;
};

int LineAt(std::string_view text, std::size_t at) {
  return static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n')) + 1;
}

// yaml-cpp takes some control characters for the end of the text; what follows would be lost without a word.
std::size_t FindControl(std::string_view text) {
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\n' && c != '\r' && c != '\t') || byte == 0x7f;
  };
  const auto found = std::find_if(text.begin(), text.end(), is_control);
  return found == text.end() ? std::string_view::npos : static_cast<std::size_t>(found - text.begin());
}

}  // namespace

std::string_view YamlNode::KindText() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return "one value";
    case Kind::kSequence:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "nothing";
}

std::variant<std::shared_ptr<const YamlNode>, YamlError> ParseYaml(std::string_view text) {
  if (text.size() > kYamlBytesMax) return YamlError{1, "the file is larger than 16 MiB"};
  if (!IsUtf8(text)) return YamlError{1, "the file is not UTF-8"};
  const std::size_t control = FindControl(text);
  if (control != std::string_view::npos) {
    return YamlError{LineAt(text, control), "a control character. Write it as an escape in double quotes"};
  }
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    TreeBuilder builder;
    while (parser.HandleNextDocument(builder)) {
    }
    return builder.TakeRoot();
  } catch (const Abort& abort) {
    return abort.error;
  } catch (const YAML::Exception& failure) {
    return YamlError{LineOf(failure.mark), "this is not YAML: " + failure.msg};
  } catch (const std::exception&) {  // out of memory, out of range
    return YamlError{1, "the file cannot be read as YAML"};
  }
}

}  // namespace headgate::config
