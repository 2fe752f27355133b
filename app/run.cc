#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "app/build_info.h"
#include "app/commands.h"
#include "app/service.h"
#include "core/base/diag.h"
#include "core/base/signal.h"
#include "core/config/settings_table.h"
#include "web/server.h"

namespace headgate {
namespace {

constexpr auto kApiGrace = std::chrono::seconds(3);

constexpr std::string_view kRunHelp = R"(headgate run: run the service until SIGTERM or SIGINT

  --config FILE   the configuration file (required)
  --json          diagnostics as JSON lines

Diagnostics go to stderr, one line an event. The line "api listening" has the address of the admin API.
SIGTERM ends within seconds; everything that was acknowledged is durable.

Settings of the file, besides secrets.commands, connectors and sql. HEADGATE_API_LISTEN overrides api.listen, and so on.

)";

void PrintHelp() {
  std::fputs(kRunHelp.data(), stdout);
  config::ServiceConfig defaults;
  for (const config::Setting& setting : config::Settings(defaults)) {
    std::printf("  %-30s %s%s\n", std::string(setting.path).c_str(), std::string(setting.help).c_str(),
                setting.value.empty() ? "" : (" Default: " + setting.value).c_str());
  }
}

// Blocks the ending signals in this and all later threads; they are taken by sigwait.
sigset_t BlockEndingSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

web::ServerOptions MakeServerOptions(const config::ServiceConfig& config) {
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  web::ServerOptions options;
  options.address = config.api.listen.address;
  options.port = config.api.listen.port;
  options.allow_insecure = config.api.allow_insecure;
  options.mask_secrets = config.api.mask_secrets;
  options.topic_tracking = config.api.topic_tracking;
  options.allowed_hosts = config.api.allowed_hosts;
  options.allowed_origins = config.api.allowed_origins;
  if (!config.api.public_url.empty()) {
    const std::string authority = config.api.public_url.substr(config.api.public_url.find("//") + 2);
    options.allowed_hosts.push_back(authority.substr(0, authority.find('/')));
  }
  options.cors_allow_origins = config.api.cors_allow_origins;
  options.cors_allow_methods = config.api.cors_allow_methods;
  options.loggers = config.api.loggers && !config.api.admin_listener;
  options.commit = Commit();
  options.limits.body_bytes_max = size(config.api.limits.body_bytes_max);
  options.limits.header_bytes_max = size(config.api.limits.header_bytes_max);
  options.limits.connections_max = size(config.api.limits.connections_max);
  options.limits.streams_max = size(config.api.limits.streams_max);
  options.limits.json_depth_max = size(config.api.limits.json_depth_max);
  options.limits.rate_bytes_per_second = size(config.api.limits.rate_bytes_min);
  options.limits.idle_timeout = std::chrono::milliseconds(config.api.limits.idle_timeout_ms);
  options.limits.request_timeout = std::chrono::milliseconds(config.api.limits.request_timeout_ms);
  return options;
}

// The listener of /admin/loggers, if it has one of its own.
Result<std::optional<web::Listener>> BindAdmin(const config::ServiceConfig& config, web::ServerOptions options) {
  if (!config.api.admin_listener) return std::optional<web::Listener>();
  options.address = config.api.admin_listener->address;
  options.port = config.api.admin_listener->port;
  HG_ASSIGN_OR_RETURN(auto admin, web::Listener::Bind(options, "api.admin_listener"));
  return std::optional(std::move(admin));
}

int Complain(const Error& error) {
  // A config file with several mistakes has one in each line.
  for (std::string_view rest = error.what; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    diag::Error("headgate", "cannot start", {{"error", line}});
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
  }
  return error.kind == ErrorKind::kConfig ? kExitConfig : kExitFailed;
}

}  // namespace

int RunCommand(const Arguments& args) {
  const auto parsed = ParseArguments(args, {"--config"}, {"--json", "--help"});
  if (parsed.Has("--help")) {
    PrintHelp();
    return kExitOk;
  }
  if (!parsed.error.empty() || !parsed.Has("--config")) {
    std::fprintf(stderr, "headgate run: %s\n\n%s",
                 parsed.error.empty() ? "--config FILE is required" : parsed.error.c_str(),
                 "`headgate run --help` has the options.\n");
    return kExitUsage;
  }
  const auto loaded = config::LoadServiceConfig(parsed.Get("--config"), config::ProcessEnvironment());
  diag::Configure(loaded.config.log.level, parsed.Has("--json") ? diag::Format::kJson : loaded.config.log.format);
  for (const std::string& warning : loaded.warnings) diag::Warn("config", "configuration", {{"warning", warning}});
  if (!loaded.errors.empty()) {
    for (const std::string& error : loaded.errors) diag::Error("config", "configuration invalid", {{"error", error}});
    return kExitConfig;
  }
  const config::ServiceConfig& config = loaded.config;
  const sigset_t signals = BlockEndingSignals();
  ::umask(077);  // the data directory's files hold literal secrets (7.6)

  diag::Info("headgate", "starting", {{"version", HEADGATE_VERSION}, {"data_dir", config.data_dir}});
  // The address is taken first: the guard of outgoing calls has to know it before a connector runs.
  web::ServerOptions options = MakeServerOptions(config);
  auto listener = web::Listener::Bind(options);
  if (!listener.ok()) return Complain(listener.error());
  auto admin = BindAdmin(config, options);
  if (!admin.ok()) return Complain(admin.error());
  std::vector<std::string> own_listeners = {listener->address()};
  if (*admin) own_listeners.push_back((*admin)->address());
  auto service = Service::Start(config, own_listeners);
  if (!service.ok()) return Complain(service.error());
  options.resolver = &(*service)->secrets();
  auto server = web::Server::Start(std::move(options), *std::move(listener), **service, *std::move(admin));
  if (!server.ok()) return Complain(server.error());
  diag::Info("headgate", "api listening", {{"address", (*server)->address()}});
  if (own_listeners.size() > 1) diag::Info("headgate", "loggers listening", {{"address", own_listeners.back()}});

  int signal = 0;
  sigwait(&signals, &signal);
  diag::Info("headgate", "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  (*service)->groups().Stop();  // polls that wait are answered
  Signal stopped;
  std::jthread stopper([&] {
    (*server)->Stop();
    stopped.Raise();
  });
  if (!stopped.WaitUntil(std::chrono::steady_clock::now() + kApiGrace, {})) {
    // A live check may hang on somebody else's server for ten seconds; nothing of ours depends on its end.
    diag::Warn("headgate", "a check of the API is still running: ending without it");
    (*service)->Stop();
    std::_Exit(kExitOk);
  }
  (*service)->Stop();
  diag::Info("headgate", "stopped");
  return kExitOk;
}

}  // namespace headgate
