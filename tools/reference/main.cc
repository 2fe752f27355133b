// headgate-reference DIRECTORY [--check]: writes one page of settings for each connector class and one for the service,
// made from their tables and DIRECTORY/examples. With --check it writes nothing and fails if a page is not what they
// say.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "connectors/registry.h"
#include "core/config/settings_table.h"
#include "core/config/validate.h"
#include "sinks/registry.h"

namespace headgate {
namespace {

std::string Cell(std::string_view text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c == '\n' ? ' ' : c;
  }
  return cell;
}

std::string ContentOf(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A request that makes a connector of this class. "" if something is wrong with it, which is told.
template <typename Factory>
std::string Example(const Factory& factory, const std::string& file) {
  const std::string text = ContentOf(file);
  const auto request = nlohmann::json::parse(text, nullptr, false);
  config::FlatConfig flat;
  std::vector<config::KeyError> errors;
  if (request.is_object() && request.contains("config") && request["config"].is_object() && request.contains("name") &&
      request["name"].is_string()) {
    for (const auto& [key, value] : request["config"].items()) {
      if (value.is_string()) flat[key] = value;
      if (!value.is_string()) errors.push_back({key, "is a text in requests"});
    }
    flat["name"] = request["name"];
  }
  if (!config::MeansClass(*factory.spec, flat["connector.class"])) {
    std::fprintf(stderr, "%s: there is no example of %s\n", file.c_str(),
                 std::string(factory.spec->class_name).c_str());
    return "";
  }
  const auto outcome = config::Bind(*factory.spec, flat, nullptr);
  errors.insert(errors.end(), outcome.errors.begin(), outcome.errors.end());
  config::AddErrors(errors, factory.check(outcome.bound));
  for (const auto& [key, what] : errors) std::fprintf(stderr, "%s: %s: %s\n", file.c_str(), key.c_str(), what.c_str());
  return errors.empty() ? text : "";
}

std::string ExampleSection(const config::ComponentSpec& spec, const std::string& example) {
  const std::string file = "examples/" + std::string(spec.class_name) + ".json";
  return "\n## Example\n\n```json\n" + example + "```\n\nIt is [" + file + "](" + file +
         "). To make this connector:\n\n" +
         "```sh\ncurl -s http://127.0.0.1:8083/connectors -H 'Content-Type: application/json' -d @docs/reference/" +
         file + "\n```\n" +
         (example.find("${env:") == std::string::npos
              ? ""
              : "\n`${env:...}` is a variable of the service's environment, which `secrets.env_pattern` has to let in "
                "(`SHOP_.*`, [service](service.md)).\n");
}

std::string Page(const config::ComponentSpec& spec, const std::string& example) {
  std::string page = "# " + std::string(spec.class_name) +
                     "\n\n`connector.class: " + std::string(spec.aliases.front()) +
                     "`. Made from the connector's own table of settings by `tools/reference`; not edited by hand.\n" +
                     ExampleSection(spec, example);
  std::string group;
  for (const config::KeyDefinition& key : config::Definitions(spec)) {
    if (key.group != group) {
      group = key.group;
      page += "\n## " + group + "\n\n| setting | type | default | meaning |\n|---|---|---|---|\n";
    }
    const std::string fallback = key.required        ? "required"
                                 : key.default_value ? "`" + Cell(*key.default_value) + "`"
                                                     : "";
    page += "| `" + key.name + "` | " + std::string(key.type) + " | " + (fallback == "``" ? "" : fallback) + " | " +
            Cell(key.documentation) + " |\n";
  }
  return page;
}

std::string ServicePage() {
  std::string page =
      "# The service\n\nSettings of the configuration file, besides `connectors`, `sql` (statements that make "
      "views, a text or a list of texts) and `secrets.commands` (programs that "
      "`${command:...}` may run, by name). A dot is a level of the YAML. Each can be overridden by the variable beside "
      "it. Made from the table of settings by `tools/reference`; not edited by hand.\n";
  config::ServiceConfig defaults;
  std::string section;
  for (const config::Setting& setting : config::Settings(defaults)) {
    const auto dot = setting.path.rfind('.');
    const std::string own(dot == std::string_view::npos ? "" : setting.path.substr(0, dot));
    if (own != section || setting.path == "data_dir") {
      section = own;
      page += (own.empty() ? "" : "\n## " + own + "\n") +
              "\n| setting | variable | default | meaning |\n|---|---|---|---|\n";
    }
    page += "| `" + std::string(setting.path) + "` | `" + config::VariableOf(setting.path) + "` | " +
            (setting.value.empty() ? "" : "`" + Cell(setting.value) + "`") + " | " + Cell(setting.help) + " |\n";
  }
  return page;
}

// True if the page was or now is as it should be.
bool Settle(const std::string& file, const std::string& page, bool check) {
  if (!check) return static_cast<bool>(std::ofstream(file, std::ios::binary) << page);
  if (ContentOf(file) == page) return true;
  std::fprintf(stderr, "%s is not what the tables say: run `./dev docs`\n", file.c_str());
  return false;
}

}  // namespace
}  // namespace headgate

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: headgate-reference DIRECTORY [--check]\n", stderr);
    return 2;
  }
  const std::string directory = argv[1];
  const bool check = argc > 2 && std::string_view(argv[2]) == "--check";
  bool ok = true;
  const auto settle = [&](const auto& factory) {
    const std::string name(factory.spec->class_name);
    const std::string example = headgate::Example(factory, directory + "/examples/" + name + ".json");
    ok = !example.empty() &&
         headgate::Settle(directory + "/" + name + ".md", headgate::Page(*factory.spec, example), check) && ok;
  };
  ok = headgate::Settle(directory + "/service.md", headgate::ServicePage(), check) && ok;
  for (const auto* factory : headgate::Sources()) settle(*factory);
  for (const auto* factory : headgate::Sinks()) settle(*factory);
  return ok ? 0 : 1;
}
