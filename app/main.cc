// headgate: the command line. Exit codes: 0 done as asked; 1 failed at work; 2 wrong command line; 3 configuration
// invalid, or `check` found errors.
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "app/build_info.h"
#include "app/commands.h"

namespace {

constexpr std::string_view kMainHelp =
    R"(headgate: change data capture next to your database

Usage: headgate COMMAND [OPTIONS]

  run     run the service            headgate run --config headgate.yaml
  check   look before you start      headgate check --config headgate.yaml [--json]
          Connects to every database and endpoint of the file and prints what is missing,
          with the SQL that mends it. Changes nothing.
  tail    follow a stream            headgate tail shop.public.orders [--api 127.0.0.1:8083]
          [--from beginning|end|SEQ-ORDINAL|TIME] [--q EXPRESSION] [--all]
  sql     statements and queries     headgate sql [-c TEXT | -f FILE] [--address 127.0.0.1:8083] [--json]
  snapshot  tables, read again       headgate snapshot shop [--start | --watch | --pause ID | --cancel ID]
  version

The smallest configuration file:

  data_dir: /var/lib/headgate
  secrets: { env_pattern: SHOP_.* }
  connectors:
    shop:                              # every change of these tables, into the log
      connector.class: postgres
      host: 127.0.0.1
      dbname: shop
      username: headgate
      password: ${env:SHOP_PASSWORD}
      tables: public.*
    orders-hook:                       # and out to an HTTP endpoint
      connector.class: webhook
      topics: shop.public.orders
      url: http://127.0.0.1:9000/hook

`headgate COMMAND --help` has the options of a command. Exit codes: 0 done as asked, 1 failed at work, 2 wrong
command line, 3 configuration invalid or `check` found errors.
)";

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string_view> args(argv + 1, argv + argc);
  const bool help = !args.empty() && (args[0] == "--help" || args[0] == "-h" || args[0] == "help");
  if (args.empty() || (help && args.size() == 1)) {
    std::fputs(kMainHelp.data(), args.empty() ? stderr : stdout);
    return args.empty() ? headgate::kExitUsage : headgate::kExitOk;
  }
  const std::string_view command = help ? args[1] : args[0];  // `help run` is `run --help`
  const std::vector<std::string_view> rest =
      help ? std::vector<std::string_view>{"--help"} : std::vector<std::string_view>(args.begin() + 1, args.end());
  if (command == "run") return headgate::RunCommand(rest);
  if (command == "check") return headgate::CheckCommand(rest);
  if (command == "tail") return headgate::TailCommand(rest);
  if (command == "sql") return headgate::SqlCommand(rest);
  if (command == "snapshot") return headgate::SnapshotCommand(rest);
  if (command == "version" || command == "--version") {
    if (!rest.empty() && !help) {
      std::fputs("headgate version: takes no arguments.\n", stderr);
      return headgate::kExitUsage;
    }
    std::printf("headgate %s (%s)\n", HEADGATE_VERSION, std::string(headgate::Commit()).c_str());
    return headgate::kExitOk;
  }
  std::fprintf(stderr, "headgate: unknown command \"%s\". `headgate --help` lists them.\n",
               std::string(command).c_str());
  return headgate::kExitUsage;
}
