#include "core/config/service_config.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "core/config/settings_table.h"
#include "core/config/text.h"
#include "core/config/yaml_tree.h"

extern char** environ;

namespace headgate::config {

namespace {

constexpr std::size_t kErrorsMax = 100;
constexpr std::size_t kNameBytesMax = 255;
constexpr std::string_view kCommands = "secrets.commands";
constexpr std::string_view kConnectors = "connectors";
constexpr std::string_view kSql = "sql";

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

std::string LastPart(std::string_view path) { return std::string(path.substr(path.rfind('.') + 1)); }

// Fills one outcome from one document and the environment. Used once.
class Loader {
 public:
  explicit Loader(std::string_view file) : file_(file), settings_(Settings(outcome_.config)) {
    for (const Setting& setting : settings_) paths_.push_back(setting.path);
    paths_.push_back(kCommands);
    paths_.push_back(kConnectors);
    paths_.push_back(kSql);
  }
  Loader(const Loader&) = delete;  // settings_ points into outcome_
  Loader& operator=(const Loader&) = delete;

  ServiceConfigOutcome Load(std::string_view text, const Environment& environment) {
    text_ = text;
    auto parsed = ParseYaml(text);
    if (const auto* error = std::get_if<YamlError>(&parsed)) {
      Fail(At(error->line), error->text + ".");
      return std::move(outcome_);
    }
    const YamlNode& root = *std::get<0>(parsed);
    if (root.kind == YamlNode::Kind::kMap) {
      ReadSection(root, "");
    } else if (root.kind != YamlNode::Kind::kNull) {
      Fail(At(root.line), "The file must be a map of settings, such as data_dir: /var/lib/headgate.");
      return std::move(outcome_);
    }
    ApplyEnvironment(environment);
    CheckWhole();
    return std::move(outcome_);
  }

 private:
  std::string At(int line) const { return std::string(file_) + ":" + std::to_string(line); }

  void Fail(const std::string& where, std::string_view text) {
    if (outcome_.errors.size() == kErrorsMax)
      outcome_.errors.emplace_back(where + ": More errors follow. Mend these first.");
    if (outcome_.errors.size() > kErrorsMax) return;
    outcome_.errors.push_back(where + ": " + std::string(text));
  }

  // Calls take for each entry whose key was not there before.
  template <class Take>
  void EachOnce(const YamlNode& map, Take take) {
    std::map<std::string_view, int> first;
    for (const YamlNode::Entry& entry : map.entries) {
      if (outcome_.errors.size() > kErrorsMax) return;  // a suggestion for each of a million names would take minutes
      const auto [known, is_new] = first.emplace(entry.key, entry.line);
      if (is_new) {
        take(entry);
      } else {
        Fail(At(entry.line),
             Quoted(entry.key) + " is given twice, first on line " + std::to_string(known->second) + ". Remove one.");
      }
    }
  }

  void ReadSection(const YamlNode& map, const std::string& section) {
    EachOnce(map, [&](const YamlNode::Entry& entry) {
      ReadEntry(section.empty() ? entry.key : section + "." + entry.key, entry);
    });
  }

  void ReadEntry(const std::string& path, const YamlNode::Entry& entry) {
    const auto setting =
        std::find_if(settings_.begin(), settings_.end(), [&](const Setting& s) { return s.path == path; });
    if (setting != settings_.end()) return ReadSetting(*setting, entry);
    if (path == kSql) return ReadSql(entry);
    const bool free_names = path == kConnectors || path == kCommands;
    const bool is_section = std::any_of(paths_.begin(), paths_.end(), [&](std::string_view known) {
      return known.size() > path.size() && known.starts_with(path) && known[path.size()] == '.';
    });
    if (!free_names && !is_section) return Fail(At(entry.line), UnknownText(path));
    if (entry.value->kind == YamlNode::Kind::kNull) return;  // a section whose content is commented out
    if (entry.value->kind != YamlNode::Kind::kMap) {
      return Fail(At(entry.line), Quoted(path) + " must be a map, not " + std::string(entry.value->KindText()) + ".");
    }
    if (path == kConnectors) {
      EachOnce(*entry.value, [&](const YamlNode::Entry& connector) { ReadConnector(connector); });
    } else if (path == kCommands) {
      EachOnce(*entry.value, [&](const YamlNode::Entry& command) { ReadCommand(command); });
    } else {
      ReadSection(*entry.value, path);
    }
  }

  void ReadSetting(const Setting& setting, const YamlNode::Entry& entry) {
    const YamlNode& value = *entry.value;
    where_[setting.path] = At(entry.line);
    std::vector<std::string> texts;
    if (value.kind == YamlNode::Kind::kScalar) {
      texts = setting.is_list ? SplitList(value.text) : std::vector<std::string>{value.text};
    } else if (value.kind == YamlNode::Kind::kSequence && setting.is_list) {
      if (!ReadTexts(value, setting.path, texts)) return;
    } else {
      return Fail(At(entry.line), Quoted(setting.path) + " must be " + (setting.is_list ? "a list" : "one value") +
                                      ", not " + std::string(value.KindText()) + ".");
    }
    Assign(setting, texts, At(entry.line));
  }

  void Assign(const Setting& setting, const std::vector<std::string>& texts, const std::string& where) {
    where_[setting.path] = where;
    const std::string wrong = setting.assign(texts);
    if (wrong.empty()) return;
    Fail(where, "Setting " + Quoted(setting.path) + (wrong.starts_with(':') ? "" : " ") + wrong);
  }

  bool ReadTexts(const YamlNode& list, std::string_view path, std::vector<std::string>& texts) {
    for (const auto& item : list.items) {
      if (item->kind != YamlNode::Kind::kScalar) {
        Fail(At(item->line),
             "An item of " + Quoted(path) + " must be one value, not " + std::string(item->KindText()) + ".");
        return false;
      }
      texts.push_back(item->text);
    }
    return true;
  }

  void ReadSql(const YamlNode::Entry& entry) {
    const YamlNode& value = *entry.value;
    if (value.kind == YamlNode::Kind::kNull) return;
    if (value.kind == YamlNode::Kind::kScalar) return AddSql(value);
    if (value.kind != YamlNode::Kind::kSequence)
      return Fail(At(entry.line), "\"sql\" must be a text of statements or a list of texts, not " +
                                      std::string(value.KindText()) + ".");
    for (const auto& item : value.items) {
      if (item->kind == YamlNode::Kind::kScalar) {
        AddSql(*item);
      } else {
        Fail(At(item->line), "An item of \"sql\" must be a text, not " + std::string(item->KindText()) + ".");
      }
    }
  }

  // The lines of a literal block (|) stand below the line that begins it.
  void AddSql(const YamlNode& node) {
    std::string_view rest = text_;
    for (int line = 1; line < node.line && !rest.empty(); ++line)
      rest.remove_prefix(std::min(rest.size(), rest.find('\n') + 1));
    const std::string_view line = rest.substr(0, rest.find('\n'));
    const std::size_t bar = line.find('|');
    const bool block = bar != std::string_view::npos && node.text.find('|') != 0 &&
                       line.find_first_not_of("|+-0123456789 \t\r", bar) == std::string_view::npos;
    outcome_.config.sql.push_back({node.text, std::string(file_), node.line + (block ? 1 : 0), block});
  }

  void ReadCommand(const YamlNode::Entry& entry) {
    const std::string path = std::string(kCommands) + "." + entry.key;
    std::vector<std::string> argv;
    const bool named =
        !entry.key.empty() && entry.key.find_first_of(":{}$ ") == std::string::npos && !HasControl(entry.key);
    if (!named) return Fail(At(entry.line), Quoted(path) + ": a command's name holds letters, digits, - and _.");
    if (entry.value->kind != YamlNode::Kind::kSequence) {
      return Fail(At(entry.line), Quoted(path) +
                                      " must be a list of program and arguments, such as [/usr/bin/vault, read], not " +
                                      std::string(entry.value->KindText()) + ".");
    }
    if (!ReadTexts(*entry.value, path, argv)) return;
    if (argv.empty() || !argv[0].starts_with('/')) {
      return Fail(At(entry.line), Quoted(path) + " must begin with the absolute path of a program.");
    }
    outcome_.config.secrets.commands[entry.key] = std::move(argv);
  }

  void ReadConnector(const YamlNode::Entry& entry) {
    const std::string& name = entry.key;
    if (Trim(name).empty() || Trim(name) != name || name.size() > kNameBytesMax || HasControl(name)) {
      return Fail(At(entry.line), "Connector " + Quoted(name) +
                                      ": a name has 1 to 255 bytes, no control characters and no blanks around it.");
    }
    if (entry.value->kind != YamlNode::Kind::kMap) {
      return Fail(At(entry.line), "Connector " + Quoted(name) + " must be a map of settings, not " +
                                      std::string(entry.value->KindText()) + ".");
    }
    FlatConfig flat;
    auto& lines = outcome_.config.connector_lines[name];
    lines[""] = At(entry.line);
    EachOnce(*entry.value, [&](const YamlNode::Entry& setting) {
      lines[setting.key] = At(setting.line);
      if (setting.value->kind == YamlNode::Kind::kScalar) {
        flat[setting.key] = setting.value->text;
        return;
      }
      Fail(At(setting.line), "Connector " + Quoted(name) + ": " + Quoted(setting.key) + " must be one value, not " +
                                 std::string(setting.value->KindText()) +
                                 ". Write several as a comma list, none as \"\".");
    });
    const auto given = flat.emplace("name", name);
    if (!given.second && given.first->second != name) {
      Fail(lines["name"], "Connector " + Quoted(name) + ": \"name\" is " + Quoted(given.first->second) +
                              ". Remove it, the name stands above.");
    }
    outcome_.config.connectors[name] = std::move(flat);
  }

  std::string UnknownText(const std::string& path) const {
    const std::string text = "Unknown setting " + Quoted(path) + ". ";
    const std::string nearest = NearestPath(path);
    if (!nearest.empty()) return text + "Did you mean " + Quoted(nearest) + "?";
    return text + "`headgate run --help` lists the settings.";
  }

  // A likely name in the same section, else the same name in another one.
  std::string NearestPath(const std::string& path) const {
    const auto dot = path.rfind('.');
    const std::string section = dot == std::string::npos ? "" : path.substr(0, dot + 1);
    std::vector<std::string_view> siblings;
    for (std::string_view known : paths_) {
      if (!known.starts_with(section)) continue;
      known.remove_prefix(section.size());
      siblings.push_back(known.substr(0, known.find('.')));
    }
    const std::string wanted = LastPart(path);
    const std::string_view nearest = Nearest(wanted, siblings);
    if (!nearest.empty()) return section + std::string(nearest);
    // egress_allow for egress.allow
    std::string flat = path;
    std::replace(flat.begin(), flat.end(), '.', '_');
    for (const std::string_view known : paths_) {
      std::string other(known);
      std::replace(other.begin(), other.end(), '.', '_');
      if (other == flat) return std::string(known);
    }
    const auto elsewhere =
        std::find_if(paths_.begin(), paths_.end(), [&](std::string_view p) { return LastPart(p) == wanted; });
    return elsewhere != paths_.end() ? std::string(*elsewhere) : std::string();
  }

  void ApplyEnvironment(const Environment& environment) {
    std::vector<std::string> variables;
    for (const Setting& setting : settings_) {
      variables.push_back(VariableOf(setting.path));
      const auto found = environment.find(variables.back());
      if (found == environment.end()) continue;
      Assign(setting, setting.is_list ? SplitList(found->second) : std::vector<std::string>{found->second},
             found->first);
    }
    const std::vector<std::string_view> known(variables.begin(), variables.end());
    for (const auto& [name, value] : environment) {
      if (!name.starts_with("HEADGATE_") || std::find(known.begin(), known.end(), name) != known.end()) continue;
      const std::string_view nearest = Nearest(name, known);
      if (!nearest.empty())
        outcome_.warnings.push_back(name + ": no setting has this variable. Did you mean " + std::string(nearest) +
                                    "?");
    }
  }

  // What no single setting shows.
  void CheckWhole() {
    if (!where_.contains("data_dir")) {
      Fail(At(1),
           "Missing required setting \"data_dir\". Name the folder that holds the shard, such as data_dir: "
           "/var/lib/headgate.");
    }
    const ServiceConfig::Api& api = outcome_.config.api;
    CheckReach("api.listen", api.listen);
    if (api.admin_listener) CheckReach("api.admin_listener", *api.admin_listener);
    if (api.limits.streams_max > api.limits.connections_max) {
      const auto at = where_.find("api.limits.streams_max");
      Fail(at != where_.end() ? at->second : where_["api.limits.connections_max"],
           "Setting \"api.limits.streams_max\" is more than api.limits.connections_max. Streams are some of the "
           "connections.");
    }
  }

  void CheckReach(const std::string& setting, const Listen& listen) {
    if (IsLoopback(listen.address) || outcome_.config.api.allow_insecure) return;
    Fail(where_[setting],
         "Setting \"" + setting + "\" is " + listen.Text() +
             ", which others can reach without signing in. Listen on 127.0.0.1, or set api.allow_insecure: true.");
  }

  const std::string_view file_;
  std::string_view text_;
  ServiceConfigOutcome outcome_;
  const std::vector<Setting> settings_;
  std::vector<std::string_view> paths_;
  std::map<std::string_view, std::string> where_;  // path -> "file:line" or the variable that set it
};

}  // namespace

std::string ServiceConfig::Where(const std::string& connector, const std::string& key) const {
  const auto lines = connector_lines.find(connector);
  if (lines == connector_lines.end()) return {};
  const auto line = lines->second.find(key);
  return line != lines->second.end() ? line->second : lines->second.at("");
}

Environment ProcessEnvironment() {
  Environment environment;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const auto equals = text.find('=');
    if (!text.starts_with("HEADGATE_") || equals == std::string_view::npos) continue;
    environment.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return environment;
}

ServiceConfigOutcome ParseServiceConfig(std::string_view text, std::string_view file, const Environment& environment) {
  return Loader(file).Load(text, environment);
}

ServiceConfigOutcome LoadServiceConfig(const std::string& path, const Environment& environment) {
  const auto failed = [&](const std::string& text) {
    ServiceConfigOutcome outcome;
    outcome.errors.push_back(path + ": " + text);
    return outcome;
  };
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return failed("the configuration file cannot be opened: " + std::generic_category().message(errno) +
                  ". Give its path with --config.");
  }
  std::string text;
  std::array<char, 65536> chunk;
  while (text.size() <= kYamlBytesMax && file.good()) {
    file.read(chunk.data(), chunk.size());
    text.append(chunk.data(), static_cast<std::size_t>(file.gcount()));
  }
  if (!file.good() && !file.eof()) return failed("the configuration file cannot be read. Is it a folder?");
  return ParseServiceConfig(text, path, environment);
}

}  // namespace headgate::config
