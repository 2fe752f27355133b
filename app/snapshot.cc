// `headgate snapshot`: snapshots of a source or a sink of a running service, over its API.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "app/api_client.h"
#include "app/commands.h"
#include "core/base/encoding.h"
#include "core/base/signal.h"
#include "core/config/address.h"

namespace headgate {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSnapshotHelp =
    R"(headgate snapshot CONNECTOR: rows that are read beside the stream of a running service

  headgate snapshot shop                       snapshots of the source, newest first
  headgate snapshot shop --watch               follow those that have not ended
  headgate snapshot shop --start [--table shop.orders]... [--where COLUMN --from VALUE --to VALUE] [--watch]
                                               read tables again (all, without --table) while the stream goes on;
                                               --from that value too, --to without it
  headgate snapshot docs --start --rebuild [--table shop.public.orders]... [--watch]
                                               of a search sink: its index is made anew and takes the place of the old one
  headgate snapshot shop --pause ID | --resume ID | --cancel ID

  --api ADDRESS   admin API of the service (default 127.0.0.1:8083)
  --json          answers as they come
)";

constexpr int kBarWidth = 28;
constexpr std::chrono::milliseconds kLookAgain{500};

std::string Grouped(std::uint64_t n) {
  std::string text = std::to_string(n);
  for (int i = static_cast<int>(text.size()) - 3; i > 0; i -= 3) text.insert(static_cast<std::size_t>(i), " ");
  return text;
}

std::string Duration(double seconds) {
  const auto all = static_cast<long>(seconds + 0.5);
  char text[32];
  if (all >= 3600) {
    std::snprintf(text, sizeof text, "%ldh%02ldm", all / 3600, all / 60 % 60);
  } else if (all >= 60) {
    std::snprintf(text, sizeof text, "%ldm%02lds", all / 60, all % 60);
  } else {
    std::snprintf(text, sizeof text, "%lds", all);
  }
  return text;
}

bool HasEnded(const Json& snapshot) {
  const std::string state = snapshot["state"];
  return state == "completed" || state == "cancelled" || state == "failed";
}

// "[#########-----]  65 %"; without a total only what is done is known.
std::string Bar(std::uint64_t done, std::uint64_t total) {
  if (total == 0) return std::string(static_cast<std::size_t>(kBarWidth) + 9, ' ');
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto filled = static_cast<std::size_t>(share * kBarWidth);
  char percent[8];
  std::snprintf(percent, sizeof percent, "%5.0f %%", share * 100);
  return "[" + std::string(filled, '#') + std::string(kBarWidth - filled, '-') + "]" + percent;
}

// Lines of one snapshot: itself, then its tables.
std::vector<std::string> Lines(const Json& snapshot) {
  const auto number = [](const Json& value) { return value.is_number() ? value.get<std::uint64_t>() : 0; };
  const double rate = snapshot["rate_rows_per_second"].get<double>();
  std::string head = "snapshot " + snapshot["id"].get<std::string>() + "  " + snapshot["mode"].get<std::string>() +
                     "  " + snapshot["state"].get<std::string>() + "  " + Grouped(number(snapshot["rows_done"])) +
                     " rows";
  if (snapshot["mode"] == "rebuild") head += ", phase " + snapshot["phase"].get<std::string>();
  if (rate >= 1) head += ", " + Grouped(static_cast<std::uint64_t>(rate)) + " rows/s";
  if (snapshot["eta_seconds"].is_number()) head += ", " + Duration(snapshot["eta_seconds"].get<double>()) + " left";
  if (snapshot["note"].is_string()) head += "  (" + snapshot["note"].get<std::string>() + ")";
  if (snapshot.contains("error")) head += "  error: " + snapshot["error"].get<std::string>();
  std::vector<std::string> lines{std::move(head)};
  std::size_t width = 0;
  for (const Json& table : snapshot["tables"]) width = std::max(width, table["table"].get<std::string>().size());
  for (const Json& table : snapshot["tables"]) {
    std::string name = table["table"].get<std::string>();
    name.resize(width, ' ');
    const std::uint64_t done = number(table["rows_done"]);
    std::string line = "  " + name + "  " + Bar(done, number(table["rows_total"])) + "  " + Grouped(done);
    if (table["rows_total"].is_number())
      line += (table["estimated"].get<bool>() ? " of about " : " of ") + Grouped(number(table["rows_total"]));
    line += "  " + table["state"].get<std::string>();
    if (table["error"].is_string()) line += ": " + table["error"].get<std::string>();
    lines.push_back(std::move(line));
  }
  return lines;
}

class Session {
 public:
  Session(config::Listen listen, std::string source, bool json)
      : listen_(std::move(listen)), source_(std::move(source)), json_(json) {}

  // Nothing on an error, which is told.
  std::optional<Json> Ask(const std::string& method, const std::string& rest, const std::string& body = "") const {
    const auto answer =
        AskApi(listen_, method, "/api/v1/connectors/" + PercentEncode(source_) + "/snapshots" + rest, body);
    if (!answer.ok() || answer->status >= 300) {
      const std::string text = answer.ok() ? ProblemText(answer->body) : answer.error().what;
      std::fprintf(stderr, "headgate snapshot: %s\n", text.c_str());
      return std::nullopt;
    }
    Json json = Json::parse(answer->body, nullptr, false);
    if (!json.is_discarded()) return json;
    std::fputs("headgate snapshot: the answer is no JSON; is this the admin API of Headgate?\n", stderr);
    return std::nullopt;
  }

  void Show(const Json& snapshot) const {
    if (json_) {
      std::puts(snapshot.dump().c_str());
      return;
    }
    for (const std::string& line : Lines(snapshot)) std::puts(line.c_str());
  }

  int List() const {
    const auto list = Ask("GET", "");
    if (!list) return kExitFailed;
    for (const Json& snapshot : (*list)["items"]) Show(snapshot);
    if ((*list)["items"].empty() && !json_) std::printf("%s has read no table yet.\n", source_.c_str());
    return kExitOk;
  }

  // Until none is left that has not ended; then shows how they ended. Of one: only that. On a terminal the lines are
  // written over; else one line is written for each change.
  int Watch(const std::optional<std::string>& id) const {
    const bool terminal = isatty(STDOUT_FILENO) == 1 && !json_;
    std::size_t shown = 0;
    bool failed = false;
    std::vector<std::string> seen;
    Signal pause;
    for (bool first = true;; first = false) {
      const auto list = Ask("GET", "");
      if (!list) return kExitFailed;
      std::vector<Json> chosen;
      bool open = false;
      for (const Json& snapshot : (*list)["items"]) {
        const std::string run = snapshot["id"].get<std::string>();
        const bool known = std::ranges::find(seen, run) != seen.end();
        if (id ? run != *id : HasEnded(snapshot) && !known) continue;
        if (!known) seen.push_back(run);
        open = open || !HasEnded(snapshot);
        failed = failed || snapshot["state"] == "failed";
        chosen.push_back(snapshot);
      }
      if (first && chosen.empty() && !json_) std::puts("no snapshot is running");
      if (terminal && shown > 0) std::printf("\x1b[%zuA\x1b[J", shown);
      shown = 0;
      for (const Json& snapshot : chosen) {
        if (terminal || json_ || !open) {
          Show(snapshot);
          shown += Lines(snapshot).size();
        } else {
          std::puts(Lines(snapshot)[0].c_str());
        }
      }
      std::fflush(stdout);
      if (!open) return failed ? kExitFailed : kExitOk;
      pause.WaitUntil(std::chrono::steady_clock::now() + kLookAgain, {});
    }
  }

 private:
  const config::Listen listen_;
  const std::string source_;
  const bool json_;
};

int Usage(const std::string& problem) {
  std::fprintf(stderr, "headgate snapshot: %s\n\n%s", problem.c_str(), kSnapshotHelp.data());
  return kExitUsage;
}

std::string RequestBody(const ParsedArguments& parsed, const std::vector<std::string>& tables) {
  Json body;
  body["mode"] = parsed.Has("--rebuild") ? "rebuild" : parsed.Has("--where") ? "partial" : "full";
  if (!tables.empty()) body["tables"] = tables;
  if (parsed.Has("--where")) body["where"]["column"] = parsed.Get("--where");
  if (parsed.Has("--from")) body["where"]["from"] = parsed.Get("--from");
  if (parsed.Has("--to")) body["where"]["to"] = parsed.Get("--to");
  if (parsed.Has("--note")) body["note"] = parsed.Get("--note");
  return body.dump();
}

}  // namespace

int SnapshotCommand(const Arguments& args) {
  // --table may be given more than once.
  std::vector<std::string> tables;
  Arguments rest;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (args[i].starts_with("--table=")) {
      tables.emplace_back(args[i].substr(8));
    } else if (args[i] == "--table" && i + 1 < args.size()) {
      tables.emplace_back(args[++i]);
    } else {
      rest.push_back(args[i]);
    }
  }
  const auto parsed =
      ParseArguments(rest, {"--api", "--where", "--from", "--to", "--note", "--pause", "--resume", "--cancel"},
                     {"--watch", "--start", "--rebuild", "--json", "--help"}, 1);
  if (parsed.Has("--help")) {
    std::fputs(kSnapshotHelp.data(), stdout);
    return kExitOk;
  }
  if (!parsed.error.empty()) return Usage(parsed.error);
  if (parsed.plain.size() != 1) return Usage("name the source or the sink");
  const bool limits = parsed.Has("--from") || parsed.Has("--to");
  const bool asks = limits || !tables.empty() || parsed.Has("--where") || parsed.Has("--note");
  if ((asks || parsed.Has("--rebuild")) && !parsed.Has("--start")) return Usage("what to read goes with --start");
  if (limits && parsed.Has("--rebuild")) return Usage("--rebuild is of whole tables");
  if (limits != parsed.Has("--where")) return Usage("--where COLUMN goes with --from, --to, or both");
  const auto listen = config::ParseListen(parsed.Get("--api", "127.0.0.1:8083"));
  if (!listen.ok()) return Usage("--api: " + listen.error().what);

  const Session session(*listen, parsed.plain[0], parsed.Has("--json"));
  std::optional<std::string> id;
  for (const auto& [option, state] :
       {std::pair{"--pause", "paused"}, {"--resume", "running"}, {"--cancel", "cancelled"}}) {
    if (!parsed.Has(option)) continue;
    id = parsed.Get(option);
    const auto changed = session.Ask("PATCH", "/" + PercentEncode(*id), Json{{"state", state}}.dump());
    if (!changed) return kExitFailed;
    if (!parsed.Has("--watch")) session.Show(*changed);
  }
  if (parsed.Has("--start")) {
    const auto made = session.Ask("POST", "", RequestBody(parsed, tables));
    if (!made) return kExitFailed;
    id = (*made)["id"].get<std::string>();
    if (!parsed.Has("--watch")) session.Show(*made);
  }
  if (parsed.Has("--watch")) return session.Watch(id);
  return id ? kExitOk : session.List();
}

}  // namespace headgate
