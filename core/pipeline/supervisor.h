#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/base/channel.h"
#include "core/base/published.h"
#include "core/config/secrets.h"
#include "core/log/log.h"
#include "core/log/store.h"
#include "core/pipeline/deliver.h"
#include "core/pipeline/ingest.h"
#include "core/pipeline/retry.h"
#include "core/pipeline/rewind.h"
#include "core/pipeline/status.h"
#include "core/pipeline/topics.h"
#include "core/state/events.h"

namespace headgate {

// A connector as it should run.
struct ConnectorPlan {
  std::string name;
  const SourceFactory* source = nullptr;  // one of the two
  const SinkFactory* sink = nullptr;
  config::FlatConfig config;  // placeholders unresolved
  TargetState target = TargetState::kRunning;
  std::uint32_t failures_max = kRogueFailures;  // more in a row are rogue (retry.h)

  config::ComponentKind kind() const {
    return source != nullptr ? config::ComponentKind::kSource : config::ComponentKind::kSink;
  }
  const config::ComponentSpec& spec() const { return source != nullptr ? *source->spec : *sink->spec; }
};

// Starts, stops, restarts and backs off (KC10 to KC14). One thread of its own, one thread for each running connector.
// What callers ask is queued; what they see is the state as last published.
class Supervisor {
 public:
  // All must outlive the supervisor.
  struct Parts {
    Store* store;
    Log* log;
    Events* events;
    const config::SecretResolver* secrets;
    const SinkServices* sink_services;
    const Clock* clock;
    std::function<void()> on_change;  // called after every published change, on the supervisor's thread
    StateReader* state = nullptr;     // of streams, for sinks that are to get it; may stay nullptr
  };
  explicit Supervisor(Parts parts);
  ~Supervisor();  // Stop()

  // Any thread. Create or change; the running instance, if any, is replaced when config or class differ.
  void Apply(ConnectorPlan plan);
  void Remove(const std::string& name, std::function<void()> then);  // `then` runs after it has stopped
  void Restart(const std::string& name, bool connector, bool tasks, bool only_failed);
  void Letters(const std::string& name, LetterCommand command);
  // Sets a sink to another place, whether it runs or not; one that runs is closed and opened again. `done` is called
  // on the supervisor's thread.
  void SetBack(const std::string& name, Rewind rewind, Caller caller, std::function<void(Result<Rewound>)> done);
  // Calls `work` on the supervisor's thread, with whether the connector is there and stands still because somebody
  // stopped it: then nothing of it runs, and nothing begins meanwhile.
  void WhileStopped(const std::string& name, std::function<void(bool stopped)> work);
  // As in the plan; starts nothing.
  void SetFailuresMax(const std::string& name, std::uint32_t failures);
  // What was seen of the server of a source that has no thread (ConnectorStatus::last_source).
  void Saw(const std::string& name, SourceTelemetry seen);

  // Any thread. As Source::Look; nothing if the source does not run.
  void Look(std::string_view source) const;
  // Any thread. nullptr: unknown.
  std::shared_ptr<const ConnectorStatus> Status(std::string_view name) const;

  // Any thread. Where events are handed in to a source that takes them; nullptr if it does not run.
  std::shared_ptr<Intake> IntakeOf(std::string_view name) const;
  // Any thread. Where it is asked for snapshots; nullptr if it does not run, or reads no tables.
  std::shared_ptr<SnapshotDesk> DeskOf(std::string_view name) const;

  // Any thread. Where the deliveries of a sink can be looked at, also over its runs; nullptr: no such sink.
  std::shared_ptr<DeliveryTrace> TraceOf(std::string_view name) const;
  // Any thread. Where its endpoint consents, also over its runs; nullptr: no such sink.
  std::shared_ptr<ConsentDesk> ConsentsOf(std::string_view name) const;

  // Ends all connectors, everything durable, and the thread. Within about a second.
  void Stop();

 private:
  struct Instance;  // a running connector
  struct Connector;
  struct Finished {
    std::string name;
    std::uint64_t generation;
    headgate::Status status;
  };
  struct RemoveCommand {
    std::string name;
    std::function<void()> then;
  };
  struct RestartCommand {
    std::string name;
    bool connector, tasks, only_failed;
  };
  struct LettersCommand {
    std::string name;
    LetterCommand command;
  };
  struct RewindCommand {
    std::string name;
    Rewind rewind;
    Caller caller;
    std::function<void(Result<Rewound>)> done;
  };
  struct StandingCommand {
    std::string name;
    std::function<void(bool)> work;
  };
  struct LimitCommand {
    std::string name;
    std::uint32_t failures;
  };
  struct Seen {
    std::string name;
    SourceTelemetry telemetry;
  };
  using Message = std::variant<ConnectorPlan, RemoveCommand, RestartCommand, LettersCommand, RewindCommand,
                               StandingCommand, LimitCommand, Seen, Finished>;
  // What readers see of a connector: its state, and the objects that know the rest.
  struct View {
    ConnectorStatus status;
    std::shared_ptr<Instance> instance;
    std::shared_ptr<const TopicNames> topics;  // sinks
    std::shared_ptr<DeliveryTrace> trace;      // sinks
    std::shared_ptr<ConsentDesk> consents;     // sinks
  };

  void Run(std::stop_token stop);
  void Handle(ConnectorPlan plan);
  void Handle(RemoveCommand command);
  void Handle(RestartCommand command);
  void Handle(LettersCommand command);
  void Handle(RewindCommand command);
  void Handle(StandingCommand command);
  void Handle(LimitCommand command);
  void Handle(Seen seen);
  void Handle(Finished finished);
  void ExecuteHere(const std::string& name, const LetterCommand& command);
  void Converge(Connector& connector);
  void StartInstance(Connector& connector);
  void StopInstance(Connector& connector);
  void Fail(Connector& connector, Error error, bool was_open, bool worked);
  void SetState(Connector& connector, State state, std::string trace);
  void Tell(const Connector& connector, std::string kind, std::string summary, std::string trace);
  void CheckOpened();
  void Publish();
  std::chrono::steady_clock::time_point NextDeadline() const;

  Parts parts_;
  Channel<Message> messages_{4096};
  std::map<std::string, std::unique_ptr<Connector>, std::less<>> connectors_;  // of the supervisor's thread
  std::uint64_t generations_ = 0;
  Published<std::map<std::string, std::shared_ptr<const View>, std::less<>>> views_;
  std::jthread thread_;
};

}  // namespace headgate
