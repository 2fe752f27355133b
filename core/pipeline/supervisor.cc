// tidy: long because what a run consists of is private to this file
#include "core/pipeline/supervisor.h"

#include <algorithm>

#include "core/base/diag.h"
#include "core/pipeline/consent_desk.h"
#include "core/pipeline/retry.h"

namespace headgate {
namespace {

constexpr std::int64_t kFirstRetryMs = 500;
constexpr std::int64_t kLastRetryMs = 30'000;
constexpr std::int64_t kFailedAfterMs = 60'000;  // KC14, where the connector has no setting of its own
constexpr auto kOpenCheck = std::chrono::milliseconds(100);

std::string JoinErrors(const std::vector<config::KeyError>& errors) {
  std::string text;
  for (const auto& e : errors) {
    if (!text.empty()) text += "\n";
    text += e.key + ": " + e.text;
  }
  return text;
}

// Also of one whose config cannot be used otherwise.
Result<TopicFilter> FilterOf(const ConnectorPlan& plan) {
  const config::Bound bound = config::Bind(plan.spec(), plan.config, nullptr).bound;
  return TopicFilter::Make(bound.List("topics"), bound.Text("topics.regex"));
}

std::shared_ptr<const TopicNames> TopicsOf(const ConnectorPlan& plan) {
  if (plan.sink == nullptr) return nullptr;
  auto filter = FilterOf(plan);
  return filter.ok() ? std::make_shared<const TopicNames>(std::move(*filter)) : nullptr;
}

}  // namespace

// The parts of one run of a connector. Shared with readers of its telemetry, which may outlive the run.
struct Supervisor::Instance {
  std::uint64_t generation = 0;
  std::shared_ptr<Source> source;
  std::unique_ptr<Ingest> ingest;
  std::shared_ptr<Sink> sink;
  std::unique_ptr<Deliver> deliver;
  std::jthread thread;  // last: joined before the parts go

  bool progressed() const { return ingest != nullptr ? ingest->progressed() : deliver->progressed(); }
  bool opened() const { return ingest != nullptr ? ingest->opened() : deliver->opened(); }
  void SetFailuresMax(std::uint32_t failures) {
    if (deliver != nullptr) deliver->SetFailuresMax(failures);
  }
  void SetPaused(bool paused) {
    if (ingest != nullptr) ingest->SetPaused(paused);
    if (deliver != nullptr) deliver->SetPaused(paused);
  }
};

struct Supervisor::Connector {
  ConnectorPlan plan;
  std::shared_ptr<const TopicNames> topics;  // of a sink whose config says which
  std::shared_ptr<DeliveryTrace> trace;      // of a sink
  std::shared_ptr<ConsentDesk> consents;     // of a sink
  std::shared_ptr<Instance> instance;
  bool opened = false;  // seen open in this run
  std::chrono::steady_clock::time_point opened_at;
  // Failures since a run worked: made progress, or lasted a minute. A connector that opens and fails again and again is
  // as rogue as one that never opens, although status.failures_in_row starts anew with each opening.
  std::uint32_t failures = 0;
  BackOff back_off{kFirstRetryMs, kLastRetryMs};
  std::int64_t failed_after_ms = kFailedAfterMs;
  std::optional<std::chrono::steady_clock::time_point> retry_at;
  std::optional<std::chrono::steady_clock::time_point> failing_since;
  ConnectorStatus status;
};

Supervisor::Supervisor(Parts parts) : parts_(std::move(parts)), thread_([this](std::stop_token stop) { Run(stop); }) {}
Supervisor::~Supervisor() { Stop(); }

void Supervisor::Stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void Supervisor::Apply(ConnectorPlan plan) { static_cast<void>(messages_.Push(std::move(plan), {})); }
void Supervisor::Remove(const std::string& name, std::function<void()> then) {
  static_cast<void>(messages_.Push(RemoveCommand{name, std::move(then)}, {}));
}
void Supervisor::Restart(const std::string& name, bool connector, bool tasks, bool only_failed) {
  static_cast<void>(messages_.Push(RestartCommand{name, connector, tasks, only_failed}, {}));
}
void Supervisor::Letters(const std::string& name, LetterCommand command) {
  static_cast<void>(messages_.Push(LettersCommand{name, std::move(command)}, {}));
}

void Supervisor::SetBack(const std::string& name, Rewind rewind, Caller caller,
                         std::function<void(Result<Rewound>)> done) {
  static_cast<void>(messages_.Push(RewindCommand{name, std::move(rewind), std::move(caller), std::move(done)}, {}));
}

void Supervisor::WhileStopped(const std::string& name, std::function<void(bool stopped)> work) {
  static_cast<void>(messages_.Push(StandingCommand{name, std::move(work)}, {}));
}

void Supervisor::SetFailuresMax(const std::string& name, std::uint32_t failures) {
  static_cast<void>(messages_.Push(LimitCommand{name, failures}, {}));
}
void Supervisor::Saw(const std::string& name, SourceTelemetry seen) {
  static_cast<void>(messages_.Push(Seen{name, std::move(seen)}, {}));
}

void Supervisor::Look(std::string_view source) const {
  const auto views = views_.Get();
  const auto found = views->find(source);
  if (found == views->end() || found->second->instance == nullptr) return;
  if (found->second->instance->source != nullptr) found->second->instance->source->Look();
}

std::shared_ptr<const ConnectorStatus> Supervisor::Status(std::string_view name) const {
  const auto views = views_.Get();
  const auto it = views->find(name);
  if (it == views->end()) return nullptr;
  auto status = std::make_shared<ConnectorStatus>(it->second->status);
  if (const auto& instance = it->second->instance; instance != nullptr) {
    if (instance->source != nullptr) status->source = instance->source->telemetry();
    if (instance->sink != nullptr) {
      status->sink = instance->deliver->telemetry();
      status->next_seq = instance->deliver->cursor().seq;
      status->lost = instance->deliver->lost();
      status->place = instance->deliver->place();
      status->totals.Add(instance->deliver->records(), *status->sink);
    }
  }
  if (it->second->topics != nullptr) {
    status->topics = it->second->topics->In(parts_.log->registry());
    if (status->next_seq == 0) {  // does not run
      const auto cursor = ReadCursor(*parts_.store, name);
      if (cursor.ok()) status->next_seq = cursor->value_or(At{parts_.log->first_seq(), 0}).seq;
    }
  }
  return status;
}

std::shared_ptr<Intake> Supervisor::IntakeOf(std::string_view name) const {
  const auto views = views_.Get();
  const auto it = views->find(name);
  if (it == views->end() || it->second->instance == nullptr || it->second->instance->source == nullptr) return nullptr;
  return it->second->instance->source->intake();
}

std::shared_ptr<SnapshotDesk> Supervisor::DeskOf(std::string_view name) const {
  const auto views = views_.Get();
  const auto it = views->find(name);
  if (it == views->end() || it->second->instance == nullptr) return nullptr;
  const Instance& instance = *it->second->instance;
  return instance.source != nullptr ? instance.source->desk() : instance.deliver->desk();
}

std::shared_ptr<DeliveryTrace> Supervisor::TraceOf(std::string_view name) const {
  const auto views = views_.Get();
  const auto it = views->find(name);
  return it == views->end() ? nullptr : it->second->trace;
}

std::shared_ptr<ConsentDesk> Supervisor::ConsentsOf(std::string_view name) const {
  const auto views = views_.Get();
  const auto it = views->find(name);
  return it == views->end() ? nullptr : it->second->consents;
}

void Supervisor::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    if (auto message = messages_.Pop(stop, NextDeadline())) {
      std::visit([this](auto&& m) { Handle(std::move(m)); }, std::move(*message));
    }
    CheckOpened();
    const auto now = parts_.clock->Now();
    for (auto& [name, connector] : connectors_) {
      if (connector->retry_at && *connector->retry_at <= now) {
        connector->retry_at.reset();
        Converge(*connector);
      }
    }
  }
  for (auto& [name, connector] : connectors_) {
    if (connector->instance != nullptr) connector->instance->thread.request_stop();
  }
  for (auto& [name, connector] : connectors_) StopInstance(*connector);
}

std::chrono::steady_clock::time_point Supervisor::NextDeadline() const {
  auto deadline = parts_.clock->Now() + std::chrono::hours(1);
  for (const auto& [name, connector] : connectors_) {
    if (connector->retry_at) deadline = std::min(deadline, *connector->retry_at);
    if (connector->instance != nullptr && !connector->opened)
      deadline = std::min(deadline, parts_.clock->Now() + kOpenCheck);
  }
  return deadline;
}

void Supervisor::Handle(ConnectorPlan plan) {
  auto& slot = connectors_[plan.name];
  if (slot == nullptr) {
    slot = std::make_unique<Connector>();
    slot->status.name = plan.name;
    slot->status.kind = plan.kind();
    slot->status.since_us = parts_.clock->NowUs();
    if (plan.sink != nullptr) {
      slot->trace = std::make_shared<DeliveryTrace>();
      slot->consents = std::make_shared<ConsentDesk>();
    }
  }
  Connector& connector = *slot;
  const bool changed =
      connector.plan.config != plan.config || connector.plan.source != plan.source || connector.plan.sink != plan.sink;
  const bool resumed = connector.plan.target != plan.target && plan.target == TargetState::kRunning;
  connector.plan = std::move(plan);
  connector.status.target = connector.plan.target;
  if (changed) StopInstance(connector);
  if (changed) connector.topics = TopicsOf(connector.plan);
  if (changed || resumed) {
    connector.back_off.Reset();
    connector.retry_at.reset();
    connector.failing_since.reset();
    connector.failures = 0;
    if (connector.status.state == State::kFailed) SetState(connector, State::kUnassigned, "");
  }
  Converge(connector);
}

void Supervisor::Handle(RemoveCommand command) {
  if (const auto it = connectors_.find(command.name); it != connectors_.end()) {
    StopInstance(*it->second);
    connectors_.erase(it);
    Publish();
  }
  if (command.then) command.then();
}

// A connector and its tasks are one thread here, so restarting either restarts that.
void Supervisor::Handle(RestartCommand command) {
  const auto it = connectors_.find(command.name);
  if (it == connectors_.end()) return;
  Connector& connector = *it->second;
  const bool failed =
      connector.status.state == State::kFailed || !connector.status.last_error.empty() ||
      std::ranges::any_of(connector.status.tasks, [](const TaskStatus& t) { return t.state == State::kFailed; });
  if (command.only_failed && !failed) return;
  StopInstance(connector);
  connector.back_off.Reset();
  connector.retry_at.reset();
  connector.failing_since.reset();
  SetState(connector, State::kRestarting, "");
  Converge(connector);
}

// The letters belong to the deliver loop as long as there is one, else to us.
void Supervisor::Handle(LettersCommand command) {
  const auto it = connectors_.find(command.name);
  Instance* const instance = it != connectors_.end() ? it->second->instance.get() : nullptr;
  if (instance != nullptr && instance->deliver != nullptr) {
    if (!instance->deliver->Command(command.command)) {
      diag::Warn("supervisor", "too many commands for dead letters at once, one was refused",
                 {{"connector", command.name}});
      if (command.command.report) {
        for (std::size_t i = 0; i < command.command.ids.size(); ++i) command.command.report(false);
      }
    }
    return;
  }
  // A source that runs has its letters in memory, too.
  const bool ran = instance != nullptr;
  if (ran) StopInstance(*it->second);
  ExecuteHere(command.name, command.command);
  if (ran) Converge(*it->second);
}

// The place in the log belongs to the deliver loop as long as there is one, so that ends first.
void Supervisor::Handle(RewindCommand command) {
  const auto it = connectors_.find(command.name);
  if (it == connectors_.end() || it->second->plan.sink == nullptr)
    return command.done(Transient("Sink " + command.name + " is not there at the moment."));
  Connector& connector = *it->second;
  const auto topics = FilterOf(connector.plan);
  if (!topics.ok()) return command.done(topics.error());
  const bool ran = connector.instance != nullptr;
  StopInstance(connector);
  auto done =
      Execute(command.rewind, command.name, *topics, *parts_.store, *parts_.log, *parts_.events, command.caller);
  if (ran) Converge(connector);
  command.done(std::move(done));
}

void Supervisor::Handle(StandingCommand command) {
  const auto it = connectors_.find(command.name);
  command.work(it != connectors_.end() && it->second->instance == nullptr &&
               it->second->plan.target == TargetState::kStopped);
}

void Supervisor::Handle(LimitCommand command) {
  const auto it = connectors_.find(command.name);
  if (it == connectors_.end()) return;
  it->second->plan.failures_max = command.failures;
  if (it->second->instance != nullptr) it->second->instance->SetFailuresMax(command.failures);
}

void Supervisor::Handle(Seen seen) {
  const auto it = connectors_.find(seen.name);
  if (it == connectors_.end() || it->second->instance != nullptr) return;
  it->second->status.last_source = std::make_shared<const SourceTelemetry>(std::move(seen.telemetry));
  Publish();
}

void Supervisor::ExecuteHere(const std::string& name, const LetterCommand& command) {
  const auto discarded = Execute(command, *parts_.store, name, parts_.clock->NowUs());
  if (discarded.ok()) {
    const auto it = connectors_.find(name);
    if (it == connectors_.end() || *discarded == 0) return;
    it->second->status.totals.records.discarded += *discarded;
    return Publish();
  }
  diag::Error("supervisor", "dead letters not changed", {{"connector", name}, {"error", discarded.error().what}});
  if (!command.report) return;
  for (std::size_t i = 0; i < command.ids.size(); ++i) command.report(false);
}

void Supervisor::Handle(Finished finished) {
  const auto it = connectors_.find(finished.name);
  if (it == connectors_.end() || it->second->instance == nullptr ||
      it->second->instance->generation != finished.generation)
    return;
  Connector& connector = *it->second;
  const bool was_open = connector.instance->opened();
  const bool lasted = connector.opened && parts_.clock->Now() - connector.opened_at >= kRogueWait;
  const bool worked = lasted || connector.instance->progressed();
  StopInstance(connector);
  Error error = finished.status.ok() ? Stopped() : std::move(finished.status).error();
  Fail(connector, std::move(error), was_open, worked);
}

// Brings the instance in line with the target state.
void Supervisor::Converge(Connector& connector) {
  switch (connector.plan.target) {
    case TargetState::kStopped:
      StopInstance(connector);
      connector.retry_at.reset();
      connector.status.last_error.clear();
      SetState(connector, State::kStopped, "");
      return;
    case TargetState::kRunning:
    case TargetState::kPaused:
      if (connector.instance == nullptr) {
        StartInstance(connector);
        return;
      }
      connector.instance->SetPaused(connector.plan.target == TargetState::kPaused);
      if (connector.opened)
        SetState(connector, connector.plan.target == TargetState::kPaused ? State::kPaused : State::kRunning, "");
      else
        Publish();
      return;
  }
}

void Supervisor::StartInstance(Connector& connector) {
  const ConnectorPlan& plan = connector.plan;
  auto outcome = config::Bind(plan.spec(), plan.config, parts_.secrets);
  if (outcome.errors.empty())
    outcome.errors = plan.source != nullptr ? plan.source->check(outcome.bound) : plan.sink->check(outcome.bound);
  if (!outcome.errors.empty()) {
    Fail(connector, ConfigError(JoinErrors(outcome.errors)), false, false);
    return;
  }
  const config::Bound& bound = outcome.bound;
  auto instance = std::make_shared<Instance>();
  instance->generation = ++generations_;
  if (plan.source != nullptr) {
    if (bound.Has("failed_after_ms")) connector.failed_after_ms = bound.Int("failed_after_ms");
    instance->source = plan.source->create(plan.name, bound, *parts_.clock);
    const std::string source_id = bound.Has("source_id") ? bound.Text("source_id") : "";
    instance->ingest = std::make_unique<Ingest>(*parts_.log, *parts_.events, *instance->source, plan.name, source_id,
                                                std::string(plan.source->connector));
  } else {
    auto topics = TopicFilter::Make(bound.List("topics"), bound.Text("topics.regex"));
    if (!topics.ok()) {
      Fail(connector, std::move(topics).error(), false, false);
      return;
    }
    instance->sink = plan.sink->create(plan.name, bound, *parts_.sink_services);
    instance->deliver = std::make_unique<Deliver>(*parts_.store, *parts_.log, *parts_.events, *instance->sink,
                                                  plan.name, std::move(*topics), *parts_.clock, parts_.state);
    std::vector<config::KeyError> told;  // by check
    if (auto transforms = ReadSinkTransforms(bound, plan.sink->transforms, told); !transforms.empty())
      instance->deliver->SetTransforms(std::make_unique<EventTransforms>(std::move(transforms)));
    instance->deliver->SetTrace(connector.trace);
    instance->deliver->SetConsents(connector.consents);
    instance->deliver->desk()->SetWake([sink = std::weak_ptr(instance->sink)] {
      if (const auto there = sink.lock()) there->Wake();
    });
  }
  instance->SetPaused(plan.target == TargetState::kPaused);
  instance->SetFailuresMax(plan.failures_max);
  connector.instance = instance;
  connector.opened = false;
  Instance* const running = instance.get();
  instance->thread = std::jthread([this, running, name = plan.name](std::stop_token stop) {
    headgate::Status status = running->ingest != nullptr ? running->ingest->Run(stop) : running->deliver->Run(stop);
    if (running->source != nullptr) running->source->Close();
    // Not waited for without end: while the supervisor stops this very instance nobody takes messages.
    static_cast<void>(messages_.Push(Finished{name, running->generation, std::move(status)}, stop));
  });
  Publish();
}

void Supervisor::StopInstance(Connector& connector) {
  if (connector.instance == nullptr) return;
  connector.instance->thread.request_stop();
  if (connector.instance->thread.joinable()) connector.instance->thread.join();
  if (Deliver* const deliver = connector.instance->deliver.get()) {
    while (const auto command = deliver->TakeCommand()) ExecuteHere(connector.plan.name, *command);
  }
  if (connector.instance->source != nullptr) connector.status.last_source = connector.instance->source->telemetry();
  if (connector.instance->sink != nullptr) connector.status.last_sink = connector.instance->deliver->telemetry();
  // Readers see the run in its own counters or in the totals, never in both: the next Publish replaces both at once.
  if (const Instance& run = *connector.instance; run.sink != nullptr)
    connector.status.totals.Add(run.deliver->records(), *run.sink->telemetry());
  connector.instance.reset();
  connector.opened = false;
}

// KC14: transient causes heal by themselves, the rest waits for a person.
void Supervisor::Fail(Connector& connector, Error error, bool was_open, bool worked) {
  const auto now = parts_.clock->Now();
  connector.failures = worked ? 1 : connector.failures + 1;
  connector.status.failures_in_row = connector.failures;
  connector.status.last_failure_us = parts_.clock->NowUs();
  const bool news = connector.status.last_error != error.what;
  connector.status.last_error = error.what;
  connector.status.last_error_transient = error.kind == ErrorKind::kTransient;
  if (was_open || !connector.failing_since) connector.failing_since = now;
  if (ActionFor(error.kind) != Action::kRetry) {
    connector.status.next_attempt_us = 0;
    SetState(connector, State::kFailed, error.what);
    diag::Error("supervisor", "connector failed", {{"connector", connector.plan.name}, {"error", error.what}});
    return;
  }
  if (was_open) connector.back_off.Reset();
  const bool rogue = connector.failures > connector.plan.failures_max;
  const std::int64_t wait_ms = rogue ? std::chrono::milliseconds(kRogueWait).count() : connector.back_off.NextMs();
  connector.retry_at = now + std::chrono::milliseconds(wait_ms);
  connector.status.next_attempt_us = parts_.clock->NowUs() + wait_ms * 1000;
  if (news) {  // the same again and again is told once
    diag::Warn("supervisor", "connector lost its peer, retries until it is back",
               {{"connector", connector.plan.name}, {"error", error.what}, {"retry_ms", wait_ms}});
  }
  if (was_open && connector.status.state != State::kFailed)
    Tell(connector, "connection_lost", "connection lost, retries until it is back", error.what);
  const bool never_ran =
      !was_open && connector.status.state != State::kRunning && connector.status.state != State::kPaused;
  const bool too_long = now - *connector.failing_since >= std::chrono::milliseconds(connector.failed_after_ms);
  if (never_ran || too_long) {
    SetState(connector, State::kFailed,
             error.what + " Next attempt in " + std::to_string((wait_ms + 999) / 1000) + " s.");
  } else {
    Publish();
  }
}

void Supervisor::CheckOpened() {
  for (auto& [name, connector] : connectors_) {
    if (connector->instance == nullptr || connector->opened || !connector->instance->opened()) continue;
    connector->opened = true;
    connector->opened_at = parts_.clock->Now();
    if (connector->failing_since) {
      diag::Info("supervisor", "connector is back",
                 {{"connector", name}, {"failed_attempts", connector->status.failures_in_row}});
      if (connector->status.state != State::kFailed) Tell(*connector, "connection_restored", "connected again", "");
    }
    connector->back_off.Reset();
    connector->failing_since.reset();
    connector->status.failures_in_row = 0;
    connector->status.last_error.clear();
    connector->status.last_source.reset();
    connector->status.last_sink.reset();
    connector->status.next_attempt_us = 0;
    SetState(*connector, connector->plan.target == TargetState::kPaused ? State::kPaused : State::kRunning, "");
  }
}

void Supervisor::SetState(Connector& connector, State state, std::string trace) {
  ConnectorStatus& status = connector.status;
  if (status.state != state) {
    Tell(connector, "state", std::string(Name(status.state)) + " -> " + std::string(Name(state)), trace);
    status.since_us = parts_.clock->NowUs();
    diag::Debug("supervisor", "state", {{"connector", status.name}, {"state", Name(state)}, {"trace", trace}});
  }
  status.state = state;
  status.trace = trace;
  status.tasks.clear();
  if (state != State::kStopped && state != State::kUnassigned) status.tasks.push_back({0, state, std::move(trace)});
  Publish();
}

void Supervisor::Tell(const Connector& connector, std::string kind, std::string summary, std::string trace) {
  StoreBatch batch;
  ServiceEvent event;
  event.kind = std::move(kind);
  event.connector = connector.plan.name;
  event.actor = "service";
  event.summary = std::move(summary);
  if (!trace.empty()) event.details["trace"] = std::move(trace);
  parts_.events->Add(batch, std::move(event));
  if (headgate::Status written = parts_.store->Write(batch, false); !written.ok()) {
    diag::Warn("supervisor", "event not written", {{"error", written.error().what}});
  }
}

void Supervisor::Publish() {
  std::map<std::string, std::shared_ptr<const View>, std::less<>> views;
  for (const auto& [name, connector] : connectors_) {
    views[name] = std::make_shared<const View>(
        View{connector->status, connector->instance, connector->topics, connector->trace, connector->consents});
  }
  views_.Set(std::move(views));
  if (parts_.on_change) parts_.on_change();
}

}  // namespace headgate
