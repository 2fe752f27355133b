#include <algorithm>

#include "app/commands.h"

namespace headgate {

std::string ParsedArguments::Get(std::string_view name, std::string_view otherwise) const {
  const auto it = values.find(name);
  return it == values.end() ? std::string(otherwise) : it->second;
}

ParsedArguments ParseArguments(const Arguments& args, const std::vector<std::string_view>& valued,
                               const std::vector<std::string_view>& flags, std::size_t plain_max) {
  ParsedArguments parsed;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string_view arg = args[i];
    if (!arg.starts_with('-')) {
      parsed.plain.emplace_back(arg);
      if (parsed.plain.size() <= plain_max) continue;
      parsed.error = "unexpected argument \"" + parsed.plain.back() + "\"";
      return parsed;
    }
    const auto equals = arg.starts_with("--") ? arg.find('=') : std::string_view::npos;
    const std::string name(arg.substr(0, equals));
    if (std::ranges::find(flags, name) != flags.end()) {
      parsed.values[name] = "true";
    } else if (std::ranges::find(valued, name) == valued.end()) {
      parsed.error = "unknown option " + name;
      return parsed;
    } else if (equals != std::string_view::npos) {
      parsed.values[name] = arg.substr(equals + 1);
    } else if (i + 1 < args.size()) {
      parsed.values[name] = args[++i];
    } else {
      parsed.error = "option " + name + " needs a value";
      return parsed;
    }
  }
  return parsed;
}

}  // namespace headgate
