#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/commands.h"
#include "app/file_sql.h"
#include "app/plugins.h"
#include "core/config/service_config.h"
#include "core/config/validate.h"
#include "core/log/store.h"
#include "web/server.h"

namespace headgate {
namespace {

constexpr std::string_view kCheckHelp = R"(headgate check: look before you start; changes nothing

  --config FILE   the configuration file (required)
  --json          findings as one JSON document

Exit code 0: no errors (warnings are possible). 3: something has to be mended first.
)";

struct Report {
  std::string connector;
  std::vector<Finding> findings;
};

Finding FromKeyError(const config::KeyError& error) {
  Finding finding;
  finding.id = "config";
  finding.level = Finding::Level::kError;
  finding.summary = error.key + ": " + error.text;
  finding.key = error.key;
  return finding;
}

Report CheckConnector(const std::string& name, const config::FlatConfig& flat, const config::SecretResolver& secrets,
                      const SinkServices& services) {
  Report report{name, {}};
  const std::string asked = flat.contains("connector.class") ? flat.at("connector.class") : "";
  const SourceFactory* source = FindSource(asked);
  const SinkFactory* sink = FindSink(asked);
  if (source == nullptr && sink == nullptr) {
    report.findings.push_back(FromKeyError({"connector.class", UnknownClassText(asked)}));
    return report;
  }
  const auto outcome = config::Bind(source != nullptr ? *source->spec : *sink->spec, flat, &secrets);
  auto errors = outcome.errors;
  config::AddErrors(errors, source != nullptr ? source->check(outcome.bound) : sink->check(outcome.bound));
  for (const config::KeyError& error : errors) report.findings.push_back(FromKeyError(error));
  if (errors.empty()) {
    report.findings =
        source != nullptr ? source->preflight(name, outcome.bound) : sink->preflight(name, outcome.bound, services);
  }
  return report;
}

// What would keep the service itself from starting.
Report CheckService(const config::ServiceConfig& config) {
  Report report{"service", {}};
  const auto add = [&](const char* key, const Status& status) {
    if (status.ok()) return;
    report.findings.push_back({key, Finding::Level::kError, status.error().what, "", "", key});
  };
  add("data_dir", Store::Check(config.data_dir));
  web::ServerOptions listen;
  listen.address = config.api.listen.address;
  listen.port = config.api.listen.port;
  listen.allow_insecure = config.api.allow_insecure;
  const auto listener = web::Listener::Bind(listen);  // free again when this returns
  add("api.listen", listener.ok() ? Ok() : headgate::Status(listener.error()));
  if (!config.api.admin_listener) return report;
  listen.address = config.api.admin_listener->address;
  listen.port = config.api.admin_listener->port;
  const auto admin = web::Listener::Bind(listen, "api.admin_listener");
  add("api.admin_listener", admin.ok() ? Ok() : headgate::Status(admin.error()));
  return report;
}

// What can be told of the statements without the streams that they read.
Report CheckSql(const config::ServiceConfig& config) {
  Report report{"sql", {}};
  const auto add = [&](const std::string& text, Finding::Level level, const char* hint) {
    report.findings.push_back({"sql", level, text, hint, "", "sql"});
  };
  const FileSql read = ReadFileSql(config);
  std::set<std::string> sources;
  for (const auto& [name, flat] : config.connectors) {
    if (FindSource(flat.contains("connector.class") ? flat.at("connector.class") : "") != nullptr) sources.insert(name);
  }
  const FileSqlBound bound = BindFileSql(read.statements, {}, sources);
  for (const std::string& error : read.errors) add(error, Finding::Level::kError, "");
  for (const std::string& error : bound.errors) add(error, Finding::Level::kError, "");
  for (const std::string& text : bound.unknown)
    add(text, Finding::Level::kWarning, "No source of the file has that name; the service may know it all the same.");
  if (report.findings.empty())
    add("statements: " + std::to_string(read.statements.size()) + "; columns are checked when the service knows them",
        Finding::Level::kOk, "");
  return report;
}

std::string_view LevelName(Finding::Level level) {
  switch (level) {
    case Finding::Level::kOk:
      return "ok";
    case Finding::Level::kWarning:
      return "warning";
    case Finding::Level::kError:
      return "error";
  }
  return "error";
}

void PrintJson(const std::vector<Report>& reports, bool ok) {
  nlohmann::ordered_json out;
  out["ok"] = ok;
  out["connectors"] = nlohmann::ordered_json::array();
  for (const Report& report : reports) {
    nlohmann::ordered_json checks = nlohmann::ordered_json::array();
    for (const Finding& f : report.findings) {
      checks.push_back({{"id", f.id},
                        {"status", LevelName(f.level)},
                        {"summary", f.summary},
                        {"hint", f.hint},
                        {"fix", f.fix},
                        {"key", f.key}});
    }
    out["connectors"].push_back({{"connector", report.connector}, {"checks", std::move(checks)}});
  }
  std::puts(out.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
}

void PrintText(const std::vector<Report>& reports) {
  for (const Report& report : reports) {
    std::printf("%s\n", report.connector.c_str());
    for (const Finding& f : report.findings) {
      std::printf("  %-8s %s\n", std::string(LevelName(f.level)).c_str(), f.summary.c_str());
      if (f.level == Finding::Level::kOk) continue;
      if (!f.hint.empty()) std::printf("           %s\n", f.hint.c_str());
      for (std::string_view fix = f.fix; !fix.empty();) {
        const auto line = fix.substr(0, fix.find('\n'));
        std::printf("             %s\n", std::string(line).c_str());
        fix.remove_prefix(std::min(fix.size(), line.size() + 1));
      }
    }
  }
}

}  // namespace

int CheckCommand(const Arguments& args) {
  const auto parsed = ParseArguments(args, {"--config"}, {"--json", "--help"});
  if (parsed.Has("--help")) {
    std::fputs(kCheckHelp.data(), stdout);
    return kExitOk;
  }
  if (!parsed.error.empty() || !parsed.Has("--config")) {
    std::fprintf(stderr, "headgate check: %s\n\n%s",
                 parsed.error.empty() ? "--config FILE is required" : parsed.error.c_str(), kCheckHelp.data());
    return kExitUsage;
  }
  const auto loaded = config::LoadServiceConfig(parsed.Get("--config"), config::ProcessEnvironment());
  std::vector<Report> reports;
  if (!loaded.errors.empty()) {
    Report report{parsed.Get("--config"), {}};
    for (const std::string& error : loaded.errors) {
      Finding finding;
      finding.id = "config";
      finding.level = Finding::Level::kError;
      finding.summary = error;
      report.findings.push_back(std::move(finding));
    }
    reports.push_back(std::move(report));
  } else {
    const auto secrets = config::SecretResolver::Create(loaded.config.secrets);
    if (!secrets.ok()) {
      std::fprintf(stderr, "headgate check: %s\n", secrets.error().what.c_str());
      return kExitConfig;
    }
    SinkServices services;
    services.clock = &SystemClock();
    services.egress_allow = loaded.config.egress.allow;
    services.egress_deny = loaded.config.egress.deny;
    services.egress_deny_ports = loaded.config.egress.deny_ports;
    if (loaded.config.api.listen.port != 0) services.own_listeners = {loaded.config.api.listen.Text()};
    services.public_url = loaded.config.api.public_url;
    if (const auto& admin = loaded.config.api.admin_listener; admin && admin->port != 0)
      services.own_listeners.push_back(admin->Text());
    if (Report service = CheckService(loaded.config); !service.findings.empty()) reports.push_back(std::move(service));
    for (const auto& [name, flat] : loaded.config.connectors)
      reports.push_back(CheckConnector(name, flat, *secrets, services));
    if (!loaded.config.sql.empty()) reports.push_back(CheckSql(loaded.config));
  }
  bool ok = true;
  for (const Report& report : reports) {
    for (const Finding& finding : report.findings) ok = ok && finding.level != Finding::Level::kError;
  }
  if (parsed.Has("--json")) {
    PrintJson(reports, ok);
  } else {
    PrintText(reports);
    std::printf("%s\n", ok ? "Ready to run." : "Mend the errors above, then check again.");
  }
  return ok ? kExitOk : kExitConfig;
}

}  // namespace headgate
