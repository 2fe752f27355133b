// headgate-demo: a private database server with a small shop, people at work in it, Headgate, and a webhook receiver.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/headgate_process.h"
#include "tools/demo/board.h"
#include "tools/demo/generator.h"
#include "tools/demo/receiver.h"
#include "tools/demo/search.h"
#include "tools/demo/shop_database.h"
#include "tools/demo/terminal.h"
#include "tools/demo/thermostat.h"
#include "tools/demo/thermostat_kafka.h"

namespace headgate::demo {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr int kChangesPerSecond = 200;
constexpr auto kSummaryEvery = seconds(3);
constexpr auto kCatchUp = seconds(30);

constexpr const char* kUsage =
    "usage: headgate-demo [thermostat [--kafka]|search|mysql|mariadb] [--seconds N] [--rate N] [--headgate PATH]\n"
    "  mysql, mariadb   the shop in that database instead of PostgreSQL\n"
    "  thermostat       settings in a table, readings over HTTP, a rule in SQL, commands to a webhook; without it a "
    "shop "
    "whose changes go to a webhook\n"
    "  --kafka          settings, readings and commands in topics of a private Kafka, in Protobuf\n"
    "  search           the shop as documents of an OpenSearch: its orders, and by a view one document an order with "
    "customer and items\n"
    "  --seconds N      end after N seconds; exit code 0 only if events were delivered and what was delivered equals "
    "the tables\n"
    "  --rate N         row changes per second (200)\n"
    "  --headgate PATH  the program (the one beside this one)\n";

struct Options {
  bool thermostat = false;
  bool kafka = false;
  bool search = false;
  ShopKind shop = ShopKind::kPostgres;
  int run_seconds = 0;  // 0: until Ctrl-C
  int rate = kChangesPerSecond;
  std::string headgate;
};

std::map<std::string, test::ConnectorSettings> Connectors(const ShopDatabase& shop, const Receiver& receiver) {
  return {{"shop", shop.Source()},
          {"orders-hook", {{"connector.class", "webhook"}, {"topics.regex", R"(shop\..*)"}, {"url", receiver.url()}}}};
}

// Everything that runs, in the order in which it has to end: generator, Headgate, receiver, database.
class Demo {
 public:
  explicit Demo(Options options) : options_(std::move(options)), board_(options_.run_seconds > 0) {}

  int Run() {
    const Status started = Start();
    if (!started.ok()) return Fail(started.error().what);
    const int code = Watch();
    generator_->Stop();
    const auto ended = headgate_->Terminate();
    if (!ended) Say("headgate did not end within 10 s of SIGTERM and was killed");
    board_.PrintTotals();
    return code;
  }

 private:
  Status Start() {
    Say("starting a private database server ...");
    HG_ASSIGN_OR_RETURN(shop_, ShopDatabase::Start(options_.shop));
    HG_ASSIGN_OR_RETURN(
        receiver_, Receiver::Start([this](std::string_view body, std::int64_t at) { board_.Delivered(body, at); }));
    headgate_ = std::make_unique<test::HeadgateProcess>(
        test::HeadgateOptions{.binary = options_.headgate, .connectors = Connectors(*shop_, *receiver_)});
    HG_RETURN_IF_ERROR(headgate_->Start());
    Say(std::string(shop_->product()) + std::string(13 - shop_->product().size(), ' ') + shop_->how_to_connect());
    if (options_.shop == ShopKind::kMariadb)
      Say("             (it tells commit times in whole seconds: latencies have up to one second too much)");
    Say("receiver     " + receiver_->url());
    Say("config       " + headgate_->config_file());
    Say("admin API    http://" + headgate_->address() + "   try: curl -s http://" + headgate_->address() +
        "/connectors?expand=status");
    Say(options_.run_seconds > 0 ? "running for " + std::to_string(options_.run_seconds) + " s" : "Ctrl-C ends it");
    Say("\narrived       operation table       key                           latency");
    generator_ = std::make_unique<Generator>(*shop_, options_.rate);
    generator_->Start();
    return Ok();
  }

  int Watch() {
    const auto end = steady_clock::now() + seconds(options_.run_seconds);
    auto summary = steady_clock::now() + kSummaryEvery;
    while (options_.run_seconds == 0 || steady_clock::now() < end) {
      if (AskedToEnd(std::chrono::milliseconds(100))) {
        Say("\nending");
        return options_.run_seconds > 0 ? 130 : 0;
      }
      if (!headgate_->running()) return Fail("headgate ended by itself; its last words:\n" + headgate_->Stderr());
      if (steady_clock::now() >= summary) {
        board_.PrintSummary(generator_->changes());
        summary += kSummaryEvery;
      }
    }
    board_.PrintSummary(generator_->changes());
    return CheckFold();
  }

  // Stops the changes and waits until what was delivered equals the tables.
  int CheckFold() {
    generator_->Stop();
    if (!generator_->error().empty()) return Fail("the generator stopped: " + generator_->error());
    Say("no more changes; waiting until the receiver's fold equals the tables ...");
    const auto end = steady_clock::now() + kCatchUp;
    std::vector<std::string> differences;
    do {
      auto now = Differences();
      if (!now.ok()) return Fail(now.error().what);
      differences = std::move(now).value();
      if (differences.empty()) break;
      if (AskedToEnd(std::chrono::milliseconds(200))) return 130;
    } while (steady_clock::now() < end);

    for (const std::string& text : board_.Violations()) differences.push_back("promise broken: " + text);
    if (board_.events() == 0) differences.emplace_back("nothing was delivered");
    if (differences.empty()) {
      Say("equal: every row of every table is at the receiver as it is in the database");
      return 0;
    }
    for (const std::string& text : differences) Say("  " + text);
    const std::string words = headgate_->Stderr();
    return Fail("what was delivered differs from the tables; the last words of headgate:\n" +
                words.substr(words.size() > 4000 ? words.size() - 4000 : 0));
  }

  Result<std::vector<std::string>> Differences() {
    std::vector<std::string> out;
    for (const std::string& table : shop_->tables()) {
      HG_ASSIGN_OR_RETURN(auto rows, shop_->Read(table));
      for (std::string& text : board_.Difference(table, rows)) out.push_back(std::move(text));
    }
    return out;
  }

  const Options options_;
  Board board_;
  std::unique_ptr<ShopDatabase> shop_;
  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<test::HeadgateProcess> headgate_;
  std::unique_ptr<Generator> generator_;
};

std::optional<Options> Parse(const std::vector<std::string>& arguments) {
  Options options;
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    if (arguments[i] == "thermostat" || arguments[i] == "search") {
      (arguments[i] == "search" ? options.search : options.thermostat) = true;
      if (++i == arguments.size()) break;
      options.kafka = options.thermostat && arguments[i] == "--kafka";
      if (options.kafka && ++i == arguments.size()) break;
    } else if (arguments[i] == "mysql" || arguments[i] == "mariadb") {
      options.shop = arguments[i] == "mysql" ? ShopKind::kMysql : ShopKind::kMariadb;
      if (++i == arguments.size()) break;
    }
    if (i + 1 == arguments.size()) return std::nullopt;
    const std::string& value = arguments[i + 1];
    if (arguments[i] == "--headgate") {
      options.headgate = value;
    } else if (arguments[i] == "--seconds" && std::atoi(value.c_str()) > 0) {
      options.run_seconds = std::atoi(value.c_str());
    } else if (arguments[i] == "--rate" && std::atoi(value.c_str()) > 0) {
      options.rate = std::atoi(value.c_str());
    } else {
      return std::nullopt;
    }
  }
  if (options.headgate.empty())
    options.headgate = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "headgate";
  return options;
}

int Main(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && (arguments[0] == "--help" || arguments[0] == "-h")) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  const auto options = Parse(arguments);
  if (!options) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  // Blocked in every thread; AskedToEnd takes them.
  sigset_t set;
  sigemptyset(&set);
  for (const int s : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, s);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  if (options->kafka) return RunKafkaThermostat(options->headgate, options->run_seconds);
  if (options->thermostat) return RunThermostat(options->headgate, options->run_seconds);
  if (options->search) return RunSearch(options->headgate, options->run_seconds, options->rate);
  return Demo(*options).Run();
}

}  // namespace
}  // namespace headgate::demo

int main(int argc, char** argv) { return headgate::demo::Main(std::vector<std::string>(argv + 1, argv + argc)); }
