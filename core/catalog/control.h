#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/clock.h"
#include "core/catalog/health_settings.h"
#include "core/config/spec.h"
#include "core/log/log.h"
#include "core/pipeline/rewind.h"
#include "core/pipeline/sink.h"
#include "core/pipeline/snapshot_desk.h"
#include "core/pipeline/source_offset.h"
#include "core/pipeline/status.h"
#include "core/state/events.h"
#include "core/views/sql_error.h"

// Everything the admin API can ask of the service. The API's thread is the only caller of what changes anything, so the
// catalogue has one writer; reads are of immutable snapshots and never wait for a database or an endpoint.
namespace headgate {

class GroupDesk;  // group_desk.h
namespace sql {
struct Statement;
}
namespace views {
class Views;  // views.h
}

// A refused request: an HTTP status, its text, and errors per config key.
struct Refusal {
  int status = 400;
  std::string text;
  std::vector<config::KeyError> errors;
};
inline Refusal Failed(const Error& error) { return {500, error.what, {}}; }  // a fault of ours
template <class T>
using Answer = std::variant<T, Refusal>;
struct Done {};

// One connector as it is kept.
struct ConnectorRecord {
  std::string name;
  std::string class_name;  // "PostgresSource"
  config::ComponentKind kind = config::ComponentKind::kSource;
  config::FlatConfig config;  // exactly as sent, plus `name`; placeholders unresolved; literal secrets in clear
  TargetState target = TargetState::kRunning;
  bool from_file = false;     // declared in the config file
  std::uint64_t version = 0;  // for ETag
  std::int64_t created_us = 0;
  std::int64_t changed_us = 0;
  HealthSettings health;

  Thresholds thresholds() const { return health.thresholds.value_or(Thresholds::Default(kind)); }
};

struct PluginInfo {
  const config::ComponentSpec* spec;
  std::string version;
};

struct LetterFilter {
  std::optional<DeadLetter::State> state;
  std::string key;  // as the client wrote it, for events; "" if any key will do
  std::function<bool(std::string_view key_json)> key_matches = {};  // set if `key` is
  std::string error;                                                // class
  std::string stream;
  std::int64_t since_us = 0;
  bool newest_first = false;
};

// A bulk operation that goes on in the background.
struct Operation {
  std::string id;
  std::string state;  // running, done, failed
  std::uint64_t matched = 0;
  std::uint64_t done = 0;
  std::uint64_t failed = 0;
  std::string error;
};

// What lies behind a sink's cursor: all changes of its streams at or behind it, also those that are done but wait for
// an earlier one, with messages and gaps of their sources. Exact as of the moment of the call, but that records which
// retention has taken count until the sink meets the jump. Bytes are those of the stored rows (CountedBytes), not of
// requests.
struct CursorInfo {
  Seq next_seq = 0;
  std::uint64_t pending_records = 0;
  std::int64_t oldest_pending_commit_us = 0;  // 0: none, or not found yet
  std::uint64_t pending_bytes = 0;
  bool counted = true;  // false: the log cannot be read there, the figures are not known
};

// A signing secret of a sink as people see it: never the secret.
struct SigningSecretInfo {
  std::string id;
  std::string kind;  // hmac, ed25519; "" if it is not known without resolving a placeholder
  std::int64_t created_us = 0;
  std::int64_t expires_us = 0;  // 0: never
  std::string public_key;
};
struct NewSigningSecret {
  SigningSecretInfo info;
  std::string secret;  // of one that was made: shown once
};
struct SigningSecretChange {
  bool remove = false;
  std::optional<std::int64_t> expires_us;  // 0: never
  std::optional<std::size_t> position;     // from 1: the first signs first
};

class Control {
 public:
  virtual ~Control() = default;

  // Plugins.
  virtual std::vector<PluginInfo> Plugins() const = 0;
  // By class, alias, either with "Connector" appended, behind a dotted prefix (KC15). nullptr if unknown.
  virtual const config::ComponentSpec* FindPlugin(std::string_view name) const = 0;
  // Cross-key checks (and, with `live`, network checks of at most 10 s in all) of a config.
  virtual std::vector<config::KeyError> Check(const config::ComponentSpec& spec, const std::string& name,
                                              const config::FlatConfig& config, bool live) = 0;

  // Connectors. Names in order.
  virtual std::vector<std::string> Names() const = 0;
  virtual std::shared_ptr<const ConnectorRecord> Find(std::string_view name) const = 0;
  virtual std::shared_ptr<const ConnectorStatus> Status(std::string_view name) const = 0;  // nullptr: unknown
  // `created` tells a new one from a replaced one.
  struct Put {
    std::shared_ptr<const ConnectorRecord> record;
    bool created = false;
  };
  // Create fails with 409 if the name exists; Replace creates or replaces. 400 with all errors otherwise.
  virtual Answer<Put> Create(const std::string& name, config::FlatConfig config, TargetState initial,
                             const Caller& caller) = 0;
  virtual Answer<Put> Replace(const std::string& name, config::FlatConfig config,
                              std::optional<std::uint64_t> if_version, const Caller& caller) = 0;
  virtual Answer<Done> SetTarget(const std::string& name, TargetState target, const Caller& caller) = 0;
  // task < 0: the connector; else that task.
  virtual Answer<Done> Restart(const std::string& name, bool include_tasks, bool only_failed, int task,
                               const Caller& caller) = 0;
  virtual Answer<Done> Delete(const std::string& name, bool forget, bool drop_slot, const Caller& caller) = 0;
  // Replaces what a person set about its health; `event` tells of it, in the same atomic step.
  virtual Answer<Done> SetHealth(const std::string& name, HealthSettings settings, ServiceEvent event) = 0;
  // The topic list shown since the last reset (KC `topics`).
  virtual std::vector<std::string> Topics(std::string_view name) const = 0;
  virtual Answer<Done> ResetTopics(const std::string& name) = 0;
  // API thread. A few look-ups; for a sink that does not run, once for each place it stands at, about
  // Log::CountsBefore.
  virtual std::optional<CursorInfo> Cursor(std::string_view sink) const = 0;
  // The same by stream: the next record of each that it reads.
  virtual std::map<std::string, Seq> StreamOffsets(const std::string& sink) const = 0;
  // Where a source is, in Kafka Connect's words; empty: nowhere yet.
  virtual SourceOffset OffsetOf(const std::string& source) const = 0;
  // The same of each partition, of a source that has several; empty: it has none.
  virtual std::vector<OffsetEntry> PartitionOffsets(const std::string& source) const {
    static_cast<void>(source);
    return {};
  }
  // Any thread; may wait for the server of a source, some connect timeouts. Sets a stopped connector to other places,
  // without entries as if it were new (KC23): nothing of it, or all, is durable when `done` is called, on any thread,
  // with what people should know.
  virtual void AlterOffsets(const std::string& name, const std::vector<OffsetEntry>& entries, const Caller& caller,
                            const std::function<void(Answer<std::string>)>& done) = 0;
  // Durable progress of a source; nothing if it never wrote.
  virtual std::optional<SourceProgress> Progress(std::string_view source) const = 0;

  // API thread. Where snapshots of a source, or of the state for a sink, are asked for: 404 if there is no such
  // connector, 409 if it cannot make any, or not at the moment because somebody stopped or paused it, 503 if it fails.
  virtual Answer<std::shared_ptr<SnapshotDesk>> DeskOf(const std::string& connector) const = 0;
  // What its snapshots have read and are to read, as of the last write; nothing if it has none, or never wrote.
  virtual std::optional<stored::ChunkLedger> Snapshots(const std::string& connector) const = 0;

  // Dead letters of a sink, or of a view (views::LetterOwner), which has none to retry. Pages by id: those after
  // `after_id` in the filter's order.
  virtual Answer<std::vector<DeadLetter>> Letters(const std::string& sink, const LetterFilter& filter,
                                                  std::uint64_t after_id, std::size_t limit) = 0;
  virtual Answer<DeadLetter> Letter(const std::string& sink, std::uint64_t id) = 0;
  virtual std::map<DeadLetter::State, std::uint64_t> LetterCounts(const std::string& sink) const = 0;
  // Answers the ids of earlier letters of the same lane that go first (AP16).
  virtual Answer<std::vector<std::uint64_t>> RetryLetter(const std::string& sink, std::uint64_t id,
                                                         const Caller& caller) = 0;
  virtual Answer<Done> DiscardLetter(const std::string& sink, std::uint64_t id, const Caller& caller) = 0;
  struct Matched {
    std::uint64_t matched = 0;
    std::vector<DeadLetter> sample;  // dry runs
    std::string operation;           // otherwise
  };
  virtual Answer<Matched> BulkLetters(const std::string& sink, const LetterFilter& filter, bool discard, bool dry_run,
                                      const Caller& caller) = 0;
  virtual std::optional<Operation> FindOperation(std::string_view id) const = 0;

  // What is found of a config before it is used, without saving it: settings, reach, rights, at most 15 s in all. On
  // any thread; blocks.
  virtual std::vector<Finding> Preflight(const config::ComponentSpec& spec, const std::string& name,
                                         const config::FlatConfig& config) const = 0;
  // The tables of a source's server, for choosing: 409 of what has none, 422 with why they cannot be listed. On any
  // thread; blocks for up to 10 s.
  virtual Answer<std::vector<ListedTable>> ListTables(const config::ComponentSpec& spec, const std::string& name,
                                                      const config::FlatConfig& config) const = 0;
  // Sends a test event to the target of a sink, whatever its state. 409 if it takes none. On any thread; blocks for up
  // to 10 s.
  virtual Answer<TestDelivery> SendTest(const std::string& sink, const TestEvent& event) const = 0;
  // Where the deliveries of a sink can be looked at; 409 if it does not tell them.
  virtual Answer<std::shared_ptr<DeliveryTrace>> TraceOf(const std::string& sink) const = 0;

  // API thread. The endpoint of a sink consents to deliveries, at most `per_minute` of them; false: the token grants
  // nothing.
  virtual bool GiveConsent(std::string_view token, std::optional<double> per_minute, const Caller& caller) = 0;

  // API thread. The signing secrets of a sink: those of the API, then those of its settings (config-1, ...), which
  // change with its config alone. 409 of a sink that signs nothing. Changes are durable when they are answered, and the
  // sink takes them up by itself.
  virtual Answer<std::vector<SigningSecretInfo>> ListSigningSecrets(const std::string& sink) const = 0;
  // A placeholder for one, or "": a new one is made.
  virtual Answer<NewSigningSecret> AddSigningSecret(const std::string& sink, const std::string& placeholder,
                                                    bool ed25519, const Caller& caller) = 0;
  virtual Answer<Done> ChangeSigningSecret(const std::string& sink, const std::string& id,
                                           const SigningSecretChange& change, const Caller& caller) = 0;

  // Sets a sink to another place of the log, in any state of it (OP-15). Any thread: what that would do; blocks for up
  // to 10 s. 422 if it cannot be, with what can.
  virtual Answer<RewindCount> CountRewind(const std::string& sink, const Rewind& rewind,
                                          std::stop_token stop) const = 0;
  // Durable when `done` is called, on another thread.
  virtual void SetBack(const std::string& sink, Rewind rewind, const Caller& caller,
                       std::function<void(Answer<Rewound>)> done) = 0;

  // Answers kept for an Idempotency-Key (AP4): opaque bytes, durable for a day. Nothing if none is kept.
  virtual std::optional<std::string> KeptAnswer(const std::string& key) const = 0;
  // API thread. Calls `work` and keeps what it returns under `key`, "": nothing. Durable on return, in one write with
  // what `work` asked of dead letters: a crash before that has neither.
  virtual void KeepAnswer(const std::string& key, const std::function<std::string()>& work) = 0;

  // Views. What changes them is here; all else is in views().
  virtual views::Views& views() = 0;
  // CREATE [OR REPLACE] [MATERIALIZED] VIEW; nullptr: it exists and IF NOT EXISTS was said.
  virtual views::SqlResult<views::DefinitionPtr> CreateView(const sql::Statement& statement, const Caller& caller) = 0;
  // CREATE SINK ... AS SELECT: the view and the sink of its name that reads it, both or neither. Deleting the sink
  // takes the view away again.
  using SinkOfQuery = std::variant<Put, Refusal, views::SqlError>;
  virtual SinkOfQuery CreateSinkOf(const sql::Statement& view, const std::string& name, config::FlatConfig config,
                                   const Caller& caller) = 0;
  virtual views::SqlResult<views::DefinitionPtr> DropView(const std::string& name, const Caller& caller) = 0;
  // CREATE INDEX, DROP INDEX: the view of the index; nullptr: it exists and IF NOT EXISTS was said.
  virtual views::SqlResult<views::DefinitionPtr> CreateIndex(const sql::Statement& statement, const Caller& caller) = 0;
  virtual views::SqlResult<views::DefinitionPtr> DropIndex(const std::string& name, const Caller& caller) = 0;
  // Stored before it is answered; takes effect between two steps.
  virtual views::SqlResult<views::DefinitionPtr> PauseView(const std::string& name, bool paused,
                                                           const Caller& caller) = 0;
  // API thread. Where events of a stream are handed in: 404 if there is no such stream, 409 if nothing takes events for
  // it, 503 if its source does not at the moment.
  virtual Answer<std::shared_ptr<Intake>> IntakeOf(std::string_view stream) const = 0;

  // Groups of consumers that fetch records over HTTP. Answers on another thread.
  virtual GroupDesk& groups() = 0;

  // Log and events.
  virtual Log& log() = 0;
  virtual RetentionPolicy retention() const = 0;
  // Newest first, older than `before_id` (0: from the newest).
  virtual std::vector<ServiceEvent> Events(const std::function<bool(const ServiceEvent&)>& match,
                                           std::uint64_t before_id, std::size_t limit) const = 0;
  virtual std::uint64_t last_event_id() const = 0;
  // Adds what tells of a change that is no part of the database, such as a level of the diagnostics. Not synced.
  virtual void Record(ServiceEvent event) = 0;
  // `wake` is called on any thread after an event was written or a status changed; it must be quick.
  virtual std::shared_ptr<void> Subscribe(std::function<void()> wake) = 0;

  // The service itself.
  virtual std::string instance_id() const = 0;  // id of the data directory
  virtual bool ready() const = 0;               // database open, catalogue read
  // Calls `pong` on the thread that runs the connectors, as soon as it does nothing else.
  virtual void Ping(std::function<void()> pong) const = 0;
  virtual std::vector<std::string> service_warnings() const = 0;  // slots left behind, insecure bind
  virtual const Clock& clock() const = 0;
  // API thread, now and then: what the service has to do there of its own accord.
  virtual void Attend() {}
};

}  // namespace headgate
