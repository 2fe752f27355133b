#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/catalog/control.h"
#include "core/pipeline/group_desk.h"
#include "tests/unit/log/log_support.h"

namespace headgate::test {

// The service as the API sees it, without threads: a catalogue in memory, two plugins (`db`, a source, and `hook`, a
// sink), and a real log. Tests change the public members before they call; the API thread calls the rest.
class FakeControl final : public Control {
 public:
  FakeControl();
  ~FakeControl() override;

  // One commit at `lsn` with an insert of {"id": id, "name": name} into shop.public.<table>.
  void Insert(std::uint64_t lsn, std::int64_t id, const std::string& name, const std::string& table = "orders");
  // Adds or replaces a connector's status.
  void SetStatus(ConnectorStatus status);
  void AddConnector(const std::string& name, config::FlatConfig config);
  void AddEvent(const std::string& kind, const std::string& connector);
  void AddEvent(ServiceEvent event);  // with an id: as one whose write took longer than those of later ones
  void Wake();

  ManualClock manual_clock;
  bool is_ready = true;
  std::vector<std::string> consents;                    // "token rate"
  std::vector<std::function<void()>>* pongs = nullptr;  // set: those that nobody called yet
  std::vector<std::string> warnings;
  std::map<std::uint64_t, DeadLetter> letters;  // of every sink
  std::function<void()> during_check;           // called by Check with `live`
  std::vector<config::KeyError> live_errors;
  std::atomic<int> live_checks = 0;
  std::vector<std::string> calls;                          // what was changed: "restart shop tasks"
  std::map<std::string, CursorInfo, std::less<>> cursors;  // by sink
  std::optional<Operation> operation;
  std::optional<Refusal> offsets_refused;  // by AlterOffsets
  std::vector<std::string> topics;         // of every connector
  std::map<std::string, std::string> kept_answers;
  std::vector<Rewind> rewinds;
  std::vector<SigningSecretInfo> signing_secrets;
  std::shared_ptr<DeliveryTrace> trace = std::make_shared<DeliveryTrace>();
  std::optional<Refusal> rewind_refusal;
  std::map<std::string, std::shared_ptr<Intake>, std::less<>> intakes;  // by stream; nullptr: does not run

  std::vector<PluginInfo> Plugins() const override;
  const config::ComponentSpec* FindPlugin(std::string_view name) const override;
  std::vector<config::KeyError> Check(const config::ComponentSpec& spec, const std::string& name,
                                      const config::FlatConfig& config, bool live) override;
  std::vector<std::string> Names() const override;
  std::shared_ptr<const ConnectorRecord> Find(std::string_view name) const override;
  std::shared_ptr<const ConnectorStatus> Status(std::string_view name) const override;
  Answer<Put> Create(const std::string& name, config::FlatConfig config, TargetState initial,
                     const Caller& caller) override;
  Answer<Put> Replace(const std::string& name, config::FlatConfig config, std::optional<std::uint64_t> if_version,
                      const Caller& caller) override;
  Answer<Done> SetTarget(const std::string& name, TargetState target, const Caller& caller) override;
  Answer<Done> Restart(const std::string& name, bool include_tasks, bool only_failed, int task,
                       const Caller& caller) override;
  Answer<Done> Delete(const std::string& name, bool forget, bool drop_slot, const Caller& caller) override;
  Answer<Done> SetHealth(const std::string& name, HealthSettings settings, ServiceEvent event) override;
  std::vector<std::string> Topics(std::string_view name) const override;
  Answer<Done> ResetTopics(const std::string& name) override;
  std::optional<CursorInfo> Cursor(std::string_view sink) const override;
  std::map<std::string, Seq> StreamOffsets(const std::string& sink) const override;
  SourceOffset OffsetOf(const std::string& source) const override;
  void AlterOffsets(const std::string& name, const std::vector<OffsetEntry>& entries, const Caller& caller,
                    const std::function<void(Answer<std::string>)>& done) override;
  std::optional<SourceProgress> Progress(std::string_view source) const override;
  Answer<std::vector<DeadLetter>> Letters(const std::string& sink, const LetterFilter& filter, std::uint64_t after_id,
                                          std::size_t limit) override;
  Answer<DeadLetter> Letter(const std::string& sink, std::uint64_t id) override;
  Answer<std::shared_ptr<SnapshotDesk>> DeskOf(const std::string& source) const override {
    return Refusal{503, "Source " + source + " is starting.", {}};
  }
  std::optional<stored::ChunkLedger> Snapshots(const std::string&) const override { return std::nullopt; }
  std::map<DeadLetter::State, std::uint64_t> LetterCounts(const std::string& sink) const override;
  Answer<std::vector<std::uint64_t>> RetryLetter(const std::string& sink, std::uint64_t id,
                                                 const Caller& caller) override;
  Answer<Done> DiscardLetter(const std::string& sink, std::uint64_t id, const Caller& caller) override;
  Answer<Matched> BulkLetters(const std::string& sink, const LetterFilter& filter, bool discard, bool dry_run,
                              const Caller& caller) override;
  std::optional<Operation> FindOperation(std::string_view id) const override;
  std::vector<Finding> Preflight(const config::ComponentSpec&, const std::string&,
                                 const config::FlatConfig& config) const override {
    if (config.contains("host") && config.at("host") == "down")
      return {
          {"connect", Finding::Level::kError, "nothing accepts connections", "Start it.", "systemctl start", "host"}};
    return {{"connect", Finding::Level::kOk, "it answers", "", "", ""}};
  }
  Answer<std::vector<ListedTable>> ListTables(const config::ComponentSpec& spec, const std::string&,
                                              const config::FlatConfig&) const override {
    if (spec.kind == config::ComponentKind::kSink) return Refusal{409, "it has no tables", {}};
    return std::vector<ListedTable>{
        {"public", "orders", {{"id", "bigint", false, 1}, {"note", "text", true, 0}}, 7, "default"}};
  }
  Answer<TestDelivery> SendTest(const std::string& sink, const TestEvent& event) const override {
    if (sink == "docs") return Refusal{409, "docs takes no test events.", {}};
    return TestDelivery{"POST /hook\r\n\r\n" + event.payload, "HTTP 200\r\n\r\nok", 200, 1.5, ""};
  }
  Answer<std::shared_ptr<DeliveryTrace>> TraceOf(const std::string& sink) const override {
    if (sink == "docs") return Refusal{409, "docs does not tell its deliveries.", {}};
    return trace;
  }
  Answer<std::vector<SigningSecretInfo>> ListSigningSecrets(const std::string&) const override {
    return signing_secrets;
  }
  Answer<NewSigningSecret> AddSigningSecret(const std::string&, const std::string& placeholder, bool ed25519,
                                            const Caller&) override {
    const bool made = placeholder.empty() && ed25519;
    signing_secrets.push_back({std::to_string(signing_secrets.size() + 1), ed25519 ? "ed25519" : "hmac",
                               manual_clock.now_us, 0, made ? "whpk_made" : ""});
    return NewSigningSecret{signing_secrets.back(), made ? "whsk_made" : ""};
  }
  Answer<Done> ChangeSigningSecret(const std::string&, const std::string& id, const SigningSecretChange&,
                                   const Caller&) override {
    if (id != "1") return Refusal{404, "There is no secret " + id + ".", {}};
    return Done{};
  }
  Answer<RewindCount> CountRewind(const std::string& sink, const Rewind& rewind, std::stop_token stop) const override;
  void SetBack(const std::string& sink, Rewind rewind, const Caller& caller,
               std::function<void(Answer<Rewound>)> done) override;
  std::optional<std::string> KeptAnswer(const std::string& key) const override;
  void KeepAnswer(const std::string& key, const std::function<std::string()>& work) override;
  Answer<std::shared_ptr<Intake>> IntakeOf(std::string_view stream) const override;
  views::Views& views() override { return *views_; }
  views::SqlResult<views::DefinitionPtr> CreateView(const sql::Statement& statement, const Caller& caller) override;
  SinkOfQuery CreateSinkOf(const sql::Statement& view, const std::string& name, config::FlatConfig config,
                           const Caller& caller) override;
  views::SqlResult<views::DefinitionPtr> DropView(const std::string& name, const Caller& caller) override;
  views::SqlResult<views::DefinitionPtr> CreateIndex(const sql::Statement& statement, const Caller& caller) override;
  views::SqlResult<views::DefinitionPtr> DropIndex(const std::string& name, const Caller& caller) override;
  views::SqlResult<views::DefinitionPtr> PauseView(const std::string& name, bool paused, const Caller& caller) override;
  GroupDesk& groups() override { return *groups_; }
  Log& log() override { return *log_; }
  RetentionPolicy retention() const override { return {}; }
  std::vector<ServiceEvent> Events(const std::function<bool(const ServiceEvent&)>& match, std::uint64_t before_id,
                                   std::size_t limit) const override;
  std::uint64_t last_event_id() const override { return last_event_.load(); }
  void Record(ServiceEvent event) override { AddEvent(std::move(event)); }
  std::shared_ptr<void> Subscribe(std::function<void()> wake) override;
  std::string instance_id() const override { return "data-directory-1"; }
  bool ready() const override { return is_ready; }
  bool GiveConsent(std::string_view token, std::optional<double> per_minute, const Caller&) override {
    consents.push_back(std::string(token) + " " + (per_minute ? std::to_string(std::lround(*per_minute)) : "any"));
    return token == "good";
  }
  void Ping(std::function<void()> pong) const override { pongs ? pongs->push_back(std::move(pong)) : pong(); }
  std::vector<std::string> service_warnings() const override { return warnings; }
  const Clock& clock() const override { return manual_clock; }

 private:
  Answer<Put> Save(const std::string& name, config::FlatConfig config, TargetState target);

  DataDir directory_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<views::Views> views_;            // real
  std::unique_ptr<headgate::Events> kept_events_;  // of the groups alone
  std::unique_ptr<GroupDesk> groups_;              // real
  std::unique_ptr<LogWriter> writer_;
  std::map<std::string, StreamNo> streams_;
  std::map<std::string, std::shared_ptr<const ConnectorRecord>, std::less<>> records_;
  std::map<std::string, std::shared_ptr<const ConnectorStatus>, std::less<>> statuses_;
  Published<std::vector<ServiceEvent>> events_;
  std::atomic<std::uint64_t> last_event_ = 0;
  std::shared_ptr<Published<std::function<void()>>> wake_ = std::make_shared<Published<std::function<void()>>>();
};

}  // namespace headgate::test
