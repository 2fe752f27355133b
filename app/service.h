#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/catalog/catalog.h"
#include "core/catalog/control.h"
#include "core/config/service_config.h"
#include "core/pipeline/group_desk.h"
#include "core/pipeline/supervisor.h"
#include "core/pipeline/views_state.h"
#include "core/state/events.h"
#include "core/state/kept_answers.h"
#include "core/state/signing_secrets.h"

namespace headgate {

namespace views {
struct Announced;
struct Definition;
struct SourceSight;
}  // namespace views

// The running service: wires the parts, and answers what the admin API asks (Control). Made and destroyed on the main
// thread; what changes anything is called by the API's thread alone.
class Service final : public Control {
 public:
  // Opens the data directory, reads the catalogue, takes over the connectors of the config file and starts what should
  // run. Errors say what to mend.
  // `own_listeners`: the addresses of the admin API, which nothing may be sent to.
  static Result<std::unique_ptr<Service>> Start(const config::ServiceConfig& config,
                                                const std::vector<std::string>& own_listeners);
  ~Service() override;

  // Ends all connectors; everything acknowledged is durable. Also done by the destructor.
  void Stop();
  const config::SecretResolver& secrets() const { return *secrets_; }

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
  std::vector<OffsetEntry> PartitionOffsets(const std::string& source) const override;
  void AlterOffsets(const std::string& name, const std::vector<OffsetEntry>& entries, const Caller& caller,
                    const std::function<void(Answer<std::string>)>& done) override;
  std::optional<SourceProgress> Progress(std::string_view source) const override;
  Answer<std::shared_ptr<SnapshotDesk>> DeskOf(const std::string& source) const override;
  std::optional<stored::ChunkLedger> Snapshots(const std::string& source) const override;
  Answer<std::vector<DeadLetter>> Letters(const std::string& sink, const LetterFilter& filter, std::uint64_t after_id,
                                          std::size_t limit) override;
  Answer<DeadLetter> Letter(const std::string& sink, std::uint64_t id) override;
  std::map<DeadLetter::State, std::uint64_t> LetterCounts(const std::string& sink) const override;
  Answer<std::vector<std::uint64_t>> RetryLetter(const std::string& sink, std::uint64_t id,
                                                 const Caller& caller) override;
  Answer<Done> DiscardLetter(const std::string& sink, std::uint64_t id, const Caller& caller) override;
  Answer<Matched> BulkLetters(const std::string& sink, const LetterFilter& filter, bool discard, bool dry_run,
                              const Caller& caller) override;
  std::optional<Operation> FindOperation(std::string_view id) const override;
  std::vector<Finding> Preflight(const config::ComponentSpec& spec, const std::string& name,
                                 const config::FlatConfig& config) const override;
  Answer<std::vector<ListedTable>> ListTables(const config::ComponentSpec& spec, const std::string& name,
                                              const config::FlatConfig& config) const override;
  Answer<TestDelivery> SendTest(const std::string& sink, const TestEvent& event) const override;
  Answer<std::shared_ptr<DeliveryTrace>> TraceOf(const std::string& sink) const override;
  bool GiveConsent(std::string_view token, std::optional<double> per_minute, const Caller& caller) override;
  Answer<std::vector<SigningSecretInfo>> ListSigningSecrets(const std::string& sink) const override;
  Answer<NewSigningSecret> AddSigningSecret(const std::string& sink, const std::string& placeholder, bool ed25519,
                                            const Caller& caller) override;
  Answer<Done> ChangeSigningSecret(const std::string& sink, const std::string& id, const SigningSecretChange& change,
                                   const Caller& caller) override;
  Answer<RewindCount> CountRewind(const std::string& sink, const Rewind& rewind, std::stop_token stop) const override;
  void SetBack(const std::string& sink, Rewind rewind, const Caller& caller,
               std::function<void(Answer<Rewound>)> done) override;
  std::optional<std::string> KeptAnswer(const std::string& key) const override;
  void KeepAnswer(const std::string& key, const std::function<std::string()>& work) override;
  views::Views& views() override { return *views_; }
  views::SqlResult<views::DefinitionPtr> CreateView(const sql::Statement& statement, const Caller& caller) override;
  SinkOfQuery CreateSinkOf(const sql::Statement& view, const std::string& name, config::FlatConfig config,
                           const Caller& caller) override;
  views::SqlResult<views::DefinitionPtr> DropView(const std::string& name, const Caller& caller) override;
  views::SqlResult<views::DefinitionPtr> CreateIndex(const sql::Statement& statement, const Caller& caller) override;
  views::SqlResult<views::DefinitionPtr> DropIndex(const std::string& name, const Caller& caller) override;
  views::SqlResult<views::DefinitionPtr> PauseView(const std::string& name, bool paused, const Caller& caller) override;
  Answer<std::shared_ptr<Intake>> IntakeOf(std::string_view stream) const override;
  GroupDesk& groups() override { return *groups_; }
  Log& log() override { return *log_; }
  RetentionPolicy retention() const override { return retention_; }
  std::vector<ServiceEvent> Events(const std::function<bool(const ServiceEvent&)>& match, std::uint64_t before_id,
                                   std::size_t limit) const override;
  std::uint64_t last_event_id() const override { return events_->last_id(); }
  void Record(ServiceEvent event) override;
  std::shared_ptr<void> Subscribe(std::function<void()> wake) override;
  std::string instance_id() const override { return store_->instance_id(); }
  bool ready() const override { return ready_; }
  void Ping(std::function<void()> pong) const override {
    supervisor_->WhileStopped("", [pong = std::move(pong)](bool) { pong(); });
  }
  std::vector<std::string> service_warnings() const override;
  const Clock& clock() const override { return SystemClock(); }
  void Attend() override;

 private:
  // What a sink reads, and where one that does not run stands.
  struct SinkLook {
    SinkLook(std::shared_ptr<const ConnectorRecord> r, TopicFilter f)
        : record(std::move(r)), filter(std::move(f)), selection(filter) {}
    const std::shared_ptr<const ConnectorRecord> record;
    const TopicFilter filter;
    StreamSelection selection;
    std::optional<SinkPlace> place;
  };
  using Wakes = std::vector<std::pair<std::uint64_t, std::function<void()>>>;
  struct RunningOperation;
  struct FileStatements;

  Service() = default;
  headgate::Status TakeOverSql(const config::ServiceConfig& config);
  headgate::Status RunFileStatement(const struct FileStatement& one);
  headgate::Status RunFileIndex(const struct FileStatement& one);
  std::set<std::string> SourceNames() const;
  void AddWaiting(std::vector<std::string>& warnings) const;
  void AttendViews();
  views::SqlResult<views::DefinitionPtr> CreateViewBy(const sql::Statement& statement, const Caller& caller,
                                                      bool from_file);
  views::SqlResult<bool> SinksKeepUp(const sql::Statement& statement) const;
  headgate::Status TakeOver(const config::ServiceConfig& config);
  views::SqlResult<views::DefinitionPtr> CreateIndexBy(const sql::Statement& statement, const Caller& caller,
                                                       bool from_file);
  headgate::Status StartViews(const config::ServiceConfig& config);
  views::SourceSight SightOf(SourceNo source, std::int64_t asked_after_us) const;
  Answer<Put> Save(const std::string& name, config::FlatConfig config, TargetState target, const ConnectorRecord* old,
                   const Caller& caller, bool from_file);
  Answer<ConnectorRecord> Judge(const std::string& name, config::FlatConfig config, TargetState target,
                                const ConnectorRecord* old, bool from_file) const;
  std::vector<views::Announced> AnnouncedStreams() const;
  std::string PushedStream(const ConnectorRecord& record) const;  // "" if events are not sent to it
  std::string StreamTaken(const ConnectorRecord& record) const;   // who has the stream, "" if nobody else
  // What the views that a sink reads lack for it, "" if nothing; `changed`: how one of them will be.
  std::string KeyLacks(const ConnectorRecord& record, const views::Definition* changed = nullptr) const;
  std::string Resumes(const ConnectorRecord& record) const;
  void NoteSaved(const ConnectorRecord& record, const ConnectorRecord* old, const Caller& caller, StoreBatch& batch);
  config::FlatConfig EffectiveConfig(const ConnectorRecord& record) const;
  Answer<std::shared_ptr<const ConnectorRecord>> SignerOf(const std::string& sink) const;
  std::optional<Refusal> SaveSigningSecrets(const ConnectorRecord& record, const SigningSecrets& secrets,
                                            ServiceEvent event);
  bool VerifiesNothing(const ConnectorRecord& record) const;
  ConnectorPlan PlanFor(const ConnectorRecord& record) const;
  std::optional<Refusal> DropWithView(const std::string& name, const Caller& caller, StoreBatch& removal);
  void AlterSource(const ConnectorRecord& record, const std::vector<OffsetEntry>& entries, const Caller& caller,
                   const std::function<void(Answer<std::string>)>& done);
  Answer<std::string> MoveSource(const SourceFactory& factory, const std::string& name, const SourceProgress& seen,
                                 const std::optional<SourceMove>& move, const Caller& caller);
  void AlterSink(const ConnectorRecord& record, const std::vector<OffsetEntry>& entries, const Caller& caller,
                 const std::function<void(Answer<std::string>)>& done);
  void EndRemoval(const std::string& name, bool source, bool forget);
  headgate::Status EndRemovals();
  void DropUpstream(const ConnectorRecord& record);
  config::Bound BoundOf(const ConnectorRecord& record) const;  // with secrets, where they resolve
  Leftover LeftoverOf(const ConnectorRecord& record) const;
  void NoteLeftSlot(const ConnectorRecord& record, const Leftover& left, StoreBatch& batch);
  static void ForgetLeftSlot(const std::string& connector, const Leftover& left, StoreBatch& batch);
  void LookForLeftSlots(std::stop_token stop);
  bool HasLetters(const std::string& owner) const;
  void Ask(const std::string& sink, LetterCommand command);
  Result<std::string> StartOperation(const std::string& owner, bool discard, std::vector<std::uint64_t> letters,
                                     ServiceEvent event);
  void Carry(const std::shared_ptr<RunningOperation>& operation, std::vector<std::uint64_t> letters);
  void Keep(const std::shared_ptr<RunningOperation>& operation, StoreBatch& batch);
  headgate::Status ResumeOperations();
  void EndRefusedOperations();
  void Wake() const;
  void Maintain(std::stop_token stop);
  void TrimLog(std::stop_token stop);
  void LookAtServers(std::stop_token stop);
  void AddStanding(const ConnectorRecord& record, ConnectorStatus& status) const;
  void AddGoneSources(const ConnectorRecord& record, ConnectorStatus& status) const;
  bool IsThere(const SourceInfo& source, const std::string& topic) const;
  void TellOfLoss(const Log::Trimmed& dropped, StoreBatch& batch);
  void LookUpstream(std::stop_token stop);
  SinkLook* LookOf(const std::shared_ptr<const ConnectorRecord>& record) const;
  std::optional<SinkPlace> PlaceOf(SinkLook& look, std::string_view sink) const;
  std::vector<config::KeyError> BindAndCheck(const config::ComponentSpec& spec, const std::string& name,
                                             const config::FlatConfig& config, bool live) const;

  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<headgate::Events> events_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<KeptAnswers> kept_answers_;
  // Set while KeepAnswer calls its work: the commands that wait for the answer.
  std::optional<std::vector<std::pair<std::string, LetterCommand>>> held_commands_;
  StoreBatch held_writes_;  // what makes them durable
  std::unique_ptr<config::SecretResolver> secrets_;
  SinkServices sink_services_;
  RetentionPolicy retention_;
  std::shared_ptr<Published<Wakes>> wakes_ = std::make_shared<Published<Wakes>>();
  std::shared_ptr<std::atomic<std::uint64_t>> next_wake_ = std::make_shared<std::atomic<std::uint64_t>>(1);
  Published<std::map<std::string, std::shared_ptr<RunningOperation>, std::less<>>> operations_;
  std::vector<std::string> warnings_;
  std::atomic<bool> ready_ = false;
  mutable std::map<std::string, std::unique_ptr<SinkLook>, std::less<>> sink_looks_;  // of the API's thread
  // Connectors by the stream that is pushed to them, as of these records. Of the API's thread.
  mutable std::shared_ptr<const Catalog::Records> pushed_of_;
  mutable std::map<std::string, std::string, std::less<>> pushed_;
  std::unique_ptr<ViewsState> state_;
  std::unique_ptr<Supervisor> supervisor_;
  std::unique_ptr<views::Views> views_;
  std::unique_ptr<GroupDesk> groups_;
  std::shared_ptr<FileStatements> file_statements_;  // of the config file, that wait; of the API's thread
  // By left slot, what is not stored of those that this process left.
  Published<std::map<std::string, ConnectorRecord, std::less<>>> left_whole_;
  std::map<std::string, std::int64_t, std::less<>> looked_us_;       // by source, of the thread of looks
  std::map<std::string, std::int64_t, std::less<>> look_failed_us_;  // by left slot, of the thread of looks
  std::jthread maintenance_;
  std::jthread looks_;
};

}  // namespace headgate
