#include "tests/support/kafka_node.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/support/wait_for.h"

namespace headgate::test {
namespace {

using std::chrono::milliseconds;
namespace fs = std::filesystem;

constexpr const char* kClusterId = "aGVhZGdhdGUtdGVzdHMtMQ";

std::string KafkaRoot() {
  if (const char* const named = std::getenv("HEADGATE_TEST_KAFKA"); named != nullptr && *named != '\0') return named;
  const char* const home = std::getenv("HOME");
  return std::string(home == nullptr ? "" : home) + "/.cache/headgate/kafka";
}

// Small and soon ready; the only lines that it prints besides warnings are those of the class that starts it.
constexpr const char* kLogging = R"(status = error
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d %p %c{2}: %m%n
rootLogger.level = WARN
rootLogger.appenderRefs = stdout
rootLogger.appenderRef.stdout.ref = STDOUT
logger.start.name = kafka.server.KafkaRaftServer
logger.start.level = INFO
)";
constexpr const char* kStarted = "Kafka Server started";

std::vector<std::string> KafkaJava(const std::string& folder, const std::vector<std::string>& options) {
  std::vector<std::string> command = {"java"};
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(),
                 {"-Dlog4j2.configurationFile=" + folder + "/log4j2.properties", "-cp", KafkaRoot() + "/lib/*"});
  // A second less. Java takes it if it fits; one that is missing would cost it its own archive.
  const std::string classes = KafkaRoot() + "/classes.jsa";
  if (fs::exists(classes)) command.insert(command.begin() + 1, "-XX:SharedArchiveFile=" + classes);
  return command;
}

std::vector<std::string> SmallJava(const std::string& heap) {
  return {heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=64m"};
}

std::string TextFrom(const std::string& file, std::uintmax_t start) {
  std::ifstream in(file);
  in.seekg(static_cast<std::streamoff>(start));
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

Status KafkaNode::Installed() {
  if (fs::exists(KafkaRoot() + "/.whole")) return Ok();
  return ConfigError("no Kafka is installed (" + KafkaRoot() + "): run ./dev setup kafka");
}

KafkaNode::KafkaNode(int id, std::vector<std::string> properties, bool fast, std::string data_dir)
    : dir_("headgate-kafka-"),
      data_dir_(data_dir.empty() ? dir_.path() + "/data" : std::move(data_dir)),
      id_(id),
      fast_(fast) {
  properties.push_back("log.dirs=" + data_dir_);
  std::ofstream file(dir_.path() + "/server.properties");
  for (const std::string& line : properties) file << line << '\n';
  std::ofstream(dir_.path() + "/log4j2.properties") << kLogging;
}

KafkaNode::~KafkaNode() { KillHard(); }

// It takes a second and is the same each time, but for users and identity: made once for all tests of a build, each
// node takes a copy.
Status KafkaNode::Format(const std::vector<std::string>& users, const std::string& cluster_id) {
  const bool keep = users.empty() && cluster_id.empty();
  std::string root = KafkaRoot();
  std::ranges::replace(root, '/', '-');
  const std::string kept = std::string(HG_TEST_CACHE) + "/kafka" + root + "-" + std::to_string(id_);
  std::error_code error;
  if (keep && fs::exists(kept, error)) {
    fs::copy(kept, data_dir_, fs::copy_options::recursive, error);
    return error ? Status(Transient("cannot copy " + kept + ": " + error.message())) : Ok();
  }
  std::vector<std::string> command = KafkaJava(dir_.path(), SmallJava("-Xmx128m"));
  command.insert(command.end(),
                 {"kafka.tools.StorageTool", "format", "-t", cluster_id.empty() ? kClusterId : cluster_id, "-c",
                  dir_.path() + "/server.properties"});
  for (const std::string& user : users) command.insert(command.end(), {"--add-scram", user});
  HG_ASSIGN_OR_RETURN(auto child, Child::Start({.command = std::move(command), .output_file = output()}));
  const auto exit = child->Wait(milliseconds(60'000));
  if (!exit || exit->code != 0 || exit->signal != 0) {
    return Transient("Kafka's storage was not made (" + (exit ? exit->Text() : "no answer in 60 s") +
                     "): " + OutputEnd());
  }
  if (!keep) return Ok();
  const std::string mine = kept + "." + std::to_string(getpid());
  fs::create_directories(HG_TEST_CACHE, error);
  fs::copy(data_dir_, mine, fs::copy_options::recursive, error);
  if (!error) fs::rename(mine, kept, error);
  if (error) fs::remove_all(mine, error);
  return Ok();
}

Status KafkaNode::Launch() {
  std::vector<std::string> command =
      KafkaJava(dir_.path(), fast_ ? std::vector<std::string>{"-Xms1g", "-Xmx1g"} : SmallJava("-Xmx384m"));
  command.insert(command.end(), {"kafka.Kafka", dir_.path() + "/server.properties"});
  std::error_code none;
  output_before_ = fs::exists(output(), none) ? fs::file_size(output()) : 0;
  HG_ASSIGN_OR_RETURN(child_, Child::Start({.command = std::move(command), .directory = "/", .output_file = output()}));
  return Ok();
}

// The port may answer though it is another's: what counts is what our own process says.
Status KafkaNode::AwaitStarted() {
  bool ended = false;
  const bool started = WaitFor(
      [&] {
        ended = !child_->running();
        return ended || TextFrom(output(), output_before_).find(kStarted) != std::string::npos;
      },
      std::chrono::seconds(60), milliseconds(20));
  if (started && !ended) return Ok();
  return Transient(std::string("Kafka ") + (ended ? "ended" : "did not start within 60 s") + ": " + OutputEnd());
}

Status KafkaNode::Stop() {
  if (!child_) return Ok();
  child_->Signal(SIGTERM);
  const auto exit = child_->Wait(milliseconds(60'000));
  child_.reset();
  return exit ? Ok() : Status(Transient("Kafka did not stop within 60 s"));
}

void KafkaNode::KillHard() {
  if (child_) child_->Kill();
  child_.reset();
}

Status KafkaNode::Freeze() const { return Signal(SIGSTOP); }

Status KafkaNode::Thaw() const { return Signal(SIGCONT); }

Status KafkaNode::Signal(int signal) const {
  if (!child_) return Transient("Kafka does not run");
  child_->Signal(signal);
  return Ok();
}

std::string KafkaNode::OutputEnd() const {
  const std::string all = TextFrom(output(), 0);
  return all.size() > 2000 ? all.substr(all.size() - 2000) : all;
}

}  // namespace headgate::test
