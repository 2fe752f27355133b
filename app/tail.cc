// `headgate tail`: follows a stream of a running service over its API (server-sent events).
#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/api_client.h"
#include "app/commands.h"
#include "core/base/encoding.h"
#include "core/config/address.h"

namespace headgate {
namespace {

constexpr std::string_view kTailHelp = R"(headgate tail STREAM: follow a stream of a running service

  --api ADDRESS   admin API of the service (default 127.0.0.1:8083)
  --from WHERE    end (default), beginning, a place such as 4711-1, or a time such as 2026-03-04T05:06
  --q EXPRESSION  only records that match, such as: op = update and after.status = paid
  --all           every record, instead of at most 50 a second
  --json          whole records, one JSON object a line

`curl http://127.0.0.1:8083/api/v1/streams` lists the streams.
)";

void PrintRecord(const std::string& data, bool whole) {
  if (whole) {
    std::puts(data.c_str());
  } else {
    const auto record = nlohmann::ordered_json::parse(data, nullptr, false);
    if (record.is_discarded()) return;
    const auto text = [&](const char* member) {
      return record.contains(member)
                 ? record[member].is_string() ? record[member].get<std::string>() : record[member].dump()
                 : std::string();
    };
    std::printf("%s  %-9s %-8s %s %s\n", text("commit_ts").c_str(), text("op").c_str(), text("at").c_str(),
                text("key").c_str(), record.contains("after") ? text("after").c_str() : text("before").c_str());
  }
  std::fflush(stdout);
}

int Follow(ApiConnection& connection, const std::string& target, bool whole) {
  const auto status = connection.Ask("GET", target, "", {{"Accept", "text/event-stream"}});
  if (!status.ok() || *status != 200) {
    const std::string text = status.ok() ? ProblemText(connection.Body()) : status.error().what;
    std::fprintf(stderr, "headgate tail: %s\n", text.c_str());
    return kExitFailed;
  }
  std::string line;
  std::string event;
  while (connection.NextLine(line)) {
    if (line.starts_with("event: ")) {
      event = line.substr(7);
    } else if (line.starts_with("data: ")) {
      if (event == "record") PrintRecord(line.substr(6), whole);
      if (event == "dropped" || event == "gap")
        std::fprintf(stderr, "headgate tail: %s %s\n", event.c_str(), line.c_str() + 6);
    }
  }
  if (event == "end") return kExitOk;
  std::fputs("headgate tail: the connection broke before the end of the stream; the service may have been killed.\n",
             stderr);
  return kExitFailed;
}

}  // namespace

int TailCommand(const Arguments& args) {
  const auto parsed = ParseArguments(args, {"--api", "--from", "--q"}, {"--all", "--json", "--help"}, 1);
  if (parsed.Has("--help")) {
    std::fputs(kTailHelp.data(), stdout);
    return kExitOk;
  }
  if (!parsed.error.empty() || parsed.plain.size() != 1) {
    std::fprintf(stderr, "headgate tail: %s\n\n%s", parsed.error.empty() ? "name one stream" : parsed.error.c_str(),
                 kTailHelp.data());
    return kExitUsage;
  }
  const auto listen = config::ParseListen(parsed.Get("--api", "127.0.0.1:8083"));
  if (!listen.ok()) {
    std::fprintf(stderr, "headgate tail: --api: %s\n", listen.error().what.c_str());
    return kExitUsage;
  }
  auto connection = ApiConnection::Open(*listen);
  if (!connection.ok()) {
    std::fprintf(stderr, "headgate tail: %s Give its address with --api.\n", connection.error().what.c_str());
    return kExitFailed;
  }
  std::string target =
      "/api/v1/streams/" + PercentEncode(parsed.plain[0]) + "/tail?from=" + PercentEncode(parsed.Get("--from", "end"));
  if (parsed.Has("--q")) target += "&q=" + PercentEncode(parsed.Get("--q"));
  if (parsed.Has("--all")) target += "&mode=all";
  return Follow(*connection, target, parsed.Has("--json"));
}

}  // namespace headgate
