#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/base/channel.h"
#include "core/base/clock.h"
#include "core/base/published.h"
#include "core/base/signal.h"
#include "core/views/backlog.h"
#include "core/views/base.h"
#include "core/views/declared.h"
#include "core/views/follow.h"
#include "core/views/form.h"
#include "core/views/letters.h"
#include "core/views/run.h"
#include "core/views/stream.h"

namespace headgate::views {

// In Family::kMeta: up to where in the log the views are (AppliedOf; behind it its log time), the position of their
// last transaction in it (ToldOf).
inline constexpr std::string_view kAppliedKey = "applied";
inline constexpr std::string_view kToldKey = "told";

// What is seen of a view from outside.
struct ViewStatus {
  std::string state;  // gated, loading, running, paused, failed
  std::string failure;
  std::uint64_t rows = 0;
  std::uint64_t forgotten = 0;  // rows that its retention took
  std::uint64_t expired = 0;    // rows that left because their time had passed
  std::uint64_t waiting = 0;    // rows that wait for the end of their grace
  std::int64_t errors = 0;
  std::uint64_t errors_ever = 0;
  Seq held_from = 0;    // while gated: events from here on wait
  Seq behind_from = 0;  // what came from there on it has not been given; 0: it is in step
  Seq hold_from = 0;    // events from there on wait (max_staleness); 0: they do not
  std::string held_by;  // the source of its tables that was silent for too long
  std::uint64_t held_rows = 0;
  std::string paused_by;        // the view that it reads and that is paused; "" if it is paused itself
  std::uint64_t rows_done = 0;  // while loading
  struct Control {              // the tables that a gated view waits for
    std::string stream;
    std::uint64_t required = 0;  // position of its source, 0: not known yet
    std::uint64_t reached = 0;
    bool ready = false;
  };
  std::vector<Control> control;
  std::set<std::uint32_t> indexes;        // those that are whole, by number
  bool told = false;                      // its stream in the log is written
  Seq told_from = 0;                      // what it was before is not in there
  DefinitionPtr serving;                  // the form that is read
  std::shared_ptr<ViewStatus> replacing;  // the one that comes in its place
};

// What the views know of a source: how far its server is, and how far the log.
struct SourceSight {
  bool known = false;
  std::uint64_t server_position = 0;  // asked after `asked_after_us`, 0: not yet
  std::uint64_t reached_position = 0;
  bool reached = false;       // everything up to server_position is in the log
  std::int64_t heard_us = 0;  // Unix time of the last sign of life of the server, 0: none
};

// Keeps all views of the shard in step with the log, on a thread of its own. A step takes a run of whole transactions:
// the base, every view's state and rows, the views' changes in the log and the place in the log are one write
// (design D4).
class Runtime {
 public:
  // All must outlive the runtime.
  struct Parts {
    Store* store = nullptr;
    Log* log = nullptr;
    const Clock* clock = nullptr;
    std::size_t memory_bytes = 64 << 20;  // of state, rows and base in memory
    // What a view gives in a step, and the step's write, are in files beyond this. 0: a share of that.
    std::size_t step_bytes = 0;
    // The source of a stream, its server asked at or behind a time of its log; any thread.
    std::function<SourceSight(SourceNo source, std::int64_t asked_after_us)> sight;
    std::function<void()> on_step;  // after every step and change of state, on the views' thread
    // Whether a sink reads the stream of this view: asked on the views' thread, a few times a second, as long as
    // nobody did. Without it all are taken to be read.
    std::function<bool(std::string_view view)> read;
    // How long all views wait until one of them has the columns that came to its tables.
    std::chrono::milliseconds follow_wait = std::chrono::seconds(10);
  };
  static Result<std::unique_ptr<Runtime>> Start(Parts parts, std::vector<DefinitionPtr> definitions);
  ~Runtime();  // Stop()

  // Any thread. A new definition, one that replaces another form of its name, or another record of a form that runs:
  // one that is paused stands still, and so does what reads it. `readers`: what reads the form before, as it is from
  // now on. They get the difference in the step in which the new form takes the place of the other.
  void Make(DefinitionPtr definition, std::vector<DefinitionPtr> readers = {});
  void Drop(const std::string& name);
  // Somebody wants to follow the view: its stream is to be written from now on, and begins with its content
  // (ViewStatus::told).
  void Follow(const std::string& name);
  void Discard(DiscardLetters command);
  // Views that may take in new columns of what they read. No step is made until for each of them another form was made
  // (Make), or it was declined.
  std::shared_ptr<const std::vector<Wanted>> wanted() const { return wanted_.Get(); }
  void Decline(Wanted wanted);

  std::shared_ptr<const ViewStatus> Status(std::string_view name) const;  // nullptr: unknown
  // Everything up to it is in the views. Stored under AppliedKey, for readers of a StoreView.
  Seq applied() const { return applied_.load(std::memory_order_acquire); }
  // True once the views have applied `seq`.
  bool Wait(Seq seq, std::chrono::steady_clock::time_point deadline, std::stop_token stop);
  // Why the thread stands, "" while it works.
  std::string trouble() const { return *trouble_.Get(); }

  // Makes the base take in the log, also while there is no view: retention is about to take its oldest part.
  void CatchUp();
  void Stop();

 private:
  struct MakeCommand {
    DefinitionPtr definition;
    std::vector<DefinitionPtr> readers;
  };
  struct DropCommand {
    std::string name;
  };
  struct CatchUpCommand {};
  struct FollowCommand {
    std::string name;
  };
  using Command = std::variant<MakeCommand, DropCommand, CatchUpCommand, FollowCommand, DiscardLetters, Wanted>;
  // Rows of a version of a stream's schema, and the first transaction of a run that has them.
  struct SeenShape {
    std::uint32_t version = 0;
    Seq seq = 0;
  };
  // The rows of one stream, as the forms that read one relation of it see them.
  struct Port {
    StreamNo stream = 0;
    std::unique_ptr<StreamRows> rows;
    std::vector<operators::Delta> deltas;  // of the step
    DeclaredTable* declared = nullptr;
    std::uint32_t version = 0;  // of the schema of the last row that came
    std::uint64_t misfits = 0;  // that were looked at
  };

  // Shares of the memory: what is counted is less than what the allocator takes, and a step takes some (RunSize).
  static constexpr std::size_t kShares = 16;
  static constexpr std::size_t kFormsShare = 6;
  static constexpr std::size_t kBaseShare = 2;
  static constexpr std::size_t kStepShare = 2;
  std::size_t FormBytes() const {
    return parts_.memory_bytes * kFormsShare / kShares / std::max<std::size_t>(1, forms_.size());
  }

  explicit Runtime(Parts parts);
  headgate::Status Open(const std::vector<DefinitionPtr>& definitions);
  headgate::Status Adopt(const DefinitionPtr& definition);
  Result<FormProgress> Begun(const Definition& definition);
  void Declare(const DefinitionPtr& definition);
  headgate::Status DropLost(const std::vector<DefinitionPtr>& definitions);

  void Loop(std::stop_token stop);
  headgate::Status Work(std::stop_token stop);  // one turn; sets idle_
  void Handle(const MakeCommand& command);
  void Take(const DefinitionPtr& definition);
  headgate::Status LoadForms(std::stop_token stop);
  headgate::Status ExpireForms();
  void Handle(DropCommand command);
  void Handle(CatchUpCommand) { catch_up_ = true; }
  void Handle(FollowCommand command);
  void Handle(const DiscardLetters& command) { letters_.Discard(command); }
  void NoteFailed(const Form& form);
  void Publish();
  void Fail(Form& form, const Error& error);
  void Fail(Form& form, const Error& error, StoreBatch batch);  // the form is as it was stored; `batch` goes with that

  // runtime_step.cc
  headgate::Status Step(const Run& run);
  headgate::Status TellLoss(Seq first);
  headgate::Status TakeIn(const Run& run);
  void GiveMany(StreamNo stream, Seq last);
  headgate::Status TakeTable(const Run::Part& part, const Change& change);
  headgate::Status TakeTruncate(const Run::Part& part, const Change& change);
  void TakeEvent(const Run::Part& part, const Change& change);
  headgate::Status Prefetch(const Run& run);
  headgate::Status EndLoad(StreamNo stream, Seq last);
  headgate::Status StepForms(std::int64_t commit_us, Seq last, ViewWrite write = ViewWrite::kStep);
  bool FeedForm(Form& form, Seq last, StoreBatch& batch);
  headgate::Status FeedWaiting(Form& form, Seq last, StoreBatch& batch);
  void BeginFeed(Form& form) const;
  void Feed(Form& form, std::uint32_t input, const operators::Delta& delta, Seq last, StoreBatch& batch);
  void FeedReaders(const Form& form, const std::vector<operators::Delta>& deltas, Seq last, StoreBatch& batch);
  bool Releases(const Form& form) const { return replay_ && replay_->release && replay_->changes.contains(form.id()); }
  bool Holds(const Form& form) const { return form.progress().hold_from != 0 && !Releases(form); }
  StoreBatch NewBatch() const;
  std::size_t StepBytes() const;
  const std::vector<operators::Delta>* DeltasOf(const Input& input) const;
  headgate::Status Commit(StoreBatch& batch, const Transaction& tx);
  static void PutTold(StoreBatch& batch, const Transaction& tx);
  void ForgetStep();
  void Emit(Port& port, const Image& image, std::int64_t weight, At at);
  void EmitGone(StreamNo stream, const std::string& key, const Image& image, At at);
  void EmitCame(StreamNo stream, const std::string& key, const Image& image, At at);
  void MakePorts();
  bool ResolveStreams();
  StreamNo StreamOf(const Input& input) const;
  void ClearPorts();

  // runtime_pause.cc
  bool stands(const Form& form) const { return standing_.contains(form.id()); }
  // It is not given anything now: it stands still, or has not caught up yet with what a swap comes behind.
  bool Waits(const Form& form) const {
    return stands(form) || (replay_ && replay_->swap && form.progress().behind_from != 0);
  }
  void FindStanding();
  headgate::Status CatchUpForms(std::stop_token stop);
  headgate::Status TakeBacklog(const std::vector<Form*>& behind);

  // runtime_index.cc
  void SetIndexes(Form& form);
  headgate::Status BuildIndexes();

  // runtime_stop.cc
  Result<views::Run> ReadRun();
  headgate::Status TakeFailed(Form& form, Seq last);
  headgate::Status StopBefore(Form& form, Seq last);
  bool StopsLoading(Form& form);
  void FailAt(Form& form, Seq seq, const operators::FailedRow& row);
  headgate::Status Again();
  using AddPart = std::function<void(Seq step, const operators::Delta& part)>;
  static void BacklogSteps(const Form& form, const operators::Delta& delta, Seq step, const AddPart& add);

  // runtime_hold.cc
  std::set<StreamNo> ControlTables(const Definition& definition) const;
  std::string StaleSource(const Form& form);
  bool MayRelease(const Form& form, ViewStatus& status);
  headgate::Status HoldForms(std::stop_token stop);
  headgate::Status Hold(Form& form, const std::string& source);
  headgate::Status Release(Form& form, std::stop_token stop);

  // runtime_time.cc
  std::int64_t NowUs() const;
  std::shared_ptr<const operators::LogTimes> TimesOf(const Form& form) const;
  bool IsDue(const Form& form, std::int64_t us) const;
  headgate::Status MarkTime();
  headgate::Status PassTime(std::stop_token stop);
  void KeepTimes(const Form& form, const Backlog& backlog, Seq step, StoreBatch& batch) const;
  static std::vector<std::vector<sql::Type>> BacklogTypes(const Form& form);
  static std::vector<operators::LogTime> KeptTimes(const Form& form, Backlog::Changes& changes);
  bool GraceIsOver(const Form& old, const Form& made);

  // runtime_follow.cc
  static void FindShapes(const Run& run, std::map<StreamNo, std::vector<SeenShape>>& shapes);
  bool MayFollow(const Form& form) const;
  std::uint32_t SettledVersion(const Form& form, const Input& input) const;
  Wanted WantedBy(const Form& form, const std::map<StreamNo, std::vector<SeenShape>>& shapes, Seq& before) const;
  bool AwaitFollowers(Run& run);
  bool WaitTooLong(const std::vector<Wanted>& wanted);
  void Handle(const Wanted& declined);
  headgate::Status CarryRows(Form& form, std::stop_token stop);

  // runtime_schema.cc
  void CheckShape(Port& port, std::uint32_t version, At at);
  void CheckMisfits();
  std::string WhyNotLoaded(const Input& input, std::uint32_t version) const;

  // runtime_load.cc
  headgate::Status OpenGates();
  bool GateIsOpen(const Form& form, ViewStatus& status);
  headgate::Status Load(Form& form, std::stop_token stop);
  headgate::Status LoadChunk(Form& form, const Input& input, bool& done);
  headgate::Status LoadTable(Form& form, const Input& input, bool& done);
  headgate::Status LoadView(Form& form, const Input& input, bool& done);
  headgate::Status LoadEvents(Form& form, const Input& input, bool& done);
  headgate::Status FinishChunk(Form& form);
  headgate::Status Tell(Form& form, std::stop_token stop);
  headgate::Status TellContent(Form& form, ViewWrite write, std::stop_token stop);
  bool IsRead(const std::string& view) const { return !parts_.read || parts_.read(view); }
  headgate::Status TellToReaders(std::stop_token stop);
  headgate::Status TellDifference(Form& form, std::stop_token stop);
  headgate::Status TellGone(Form& form, std::stop_token stop);
  headgate::Status TellChunk(Form& form, const Transaction& tx, bool last);

  // runtime_replace.cc
  void Order();
  const Form* RunningOf(const Input& input) const;
  struct StoredRows {  // of a view
    std::uint32_t form = 0;
    RowForm rows = RowForm::kKeyed;
    std::vector<sql::Type> types;
  };
  std::optional<StoredRows> RowsOf(const Input& input) const;
  Result<ViewChange> Difference(const Form& form, std::string& cursor, bool& last) const;
  Result<std::vector<operators::Delta>> DifferenceForReaders(const Form& form) const;
  headgate::Status Swap(Form& form, const Transaction& tx);
  Transaction NewTransaction(std::int64_t commit_us, Seq applied, ViewWrite write);
  void AddToStream(Transaction& tx, const Form& form, const ViewChange& change);

  Parts parts_;
  std::unique_ptr<LogWriter> writer_;
  std::unique_ptr<RunReader> reader_;
  RunSize run_size_;
  std::size_t worked_ = 0;  // bytes that the step has in memory, about
  StoreBatch batch_;        // of the step, until StepForms takes it
  Base base_;
  Letters letters_;
  std::vector<std::unique_ptr<Form>> forms_;  // inputs before those that read them
  std::map<const sql::Relation*, Port> ports_;
  std::multimap<StreamNo, Port*> ports_of_;                           // by stream
  std::set<std::uint32_t> read_;                                      // forms that other forms read
  std::map<std::uint32_t, std::unique_ptr<DeclaredTable>> declared_;  // by form
  std::map<StreamNo, std::set<std::string>> keys_;                    // of the base, that the run touches
  std::shared_ptr<const Registry> registry_;
  // A gate whose tables are loaded: since when, and the end of the log when it had all that their servers had then.
  struct Gate {
    std::int64_t loaded_us = 0;
    std::optional<Seq> required;
  };
  std::map<std::string, Gate> gates_;                       // by view
  std::map<std::string, StreamNo> resolved_;                // streams that came after what reads them
  std::uint64_t told_ = 0;                                  // number of the last transaction of views
  std::set<std::string> followed_;                          // asked for, and not told yet
  std::chrono::steady_clock::time_point look_for_readers_;  // at the next turn behind it
  std::map<SourceNo, std::int64_t> heard_us_;  // sources of views with max_staleness: their last sign of life
  std::chrono::steady_clock::time_point look_for_holds_;
  std::chrono::steady_clock::time_point look_for_expired_;
  // Log time: of the applied seq, in us since 2000, and of the transactions of the run.
  std::int64_t log_us_ = operators::LogTimes::kNever;
  std::shared_ptr<const operators::LogTimes> run_times_;
  std::chrono::steady_clock::time_point next_mark_;      // not before
  std::map<std::uint32_t, std::int64_t> grace_since_;    // by form that waits for the one before: since when
  std::map<std::uint32_t, std::string> standing_;        // forms that stand still: the view that is paused
  struct Replay {                                        // what forms are given in a step of their own
    std::map<std::uint32_t, Backlog::Changes> changes;   // by form
    std::map<std::uint32_t, operators::LogTimes> times;  // of forms that are given what came while they waited
    Seq through = 0;
    StoreBatch taken;
    Transaction told;
    bool release = false;  // held events of the form
    bool swap = false;     // a form comes in the place of another: these are the readers
    bool single = false;   // no more of it than was one step when it came
  };
  std::optional<Replay> replay_;
  std::map<std::uint32_t, Wanted> declined_;  // by form: what it was found not to take in
  std::set<std::uint32_t> late_;              // forms with new columns that nobody waits for any more
  std::optional<std::chrono::steady_clock::time_point> follow_since_;
  // A view stops at a row (on_error): the step is given up, and done again in other parts. The next run ends before the
  // transaction `cut_before_`, or is that one alone; what waits is given to views step by step.
  bool again_ = false;
  Seq cut_before_ = 0;  // 0: runs are as long as they may be
  bool singly_ = false;
  bool idle_ = false;
  bool catch_up_ = false;

  Channel<Command> commands_{1024};
  std::shared_ptr<Signal> wake_ = std::make_shared<Signal>();
  std::shared_ptr<void> subscription_;
  std::atomic<Seq> applied_ = 0;
  Signal stepped_;
  Published<std::map<std::string, std::shared_ptr<const ViewStatus>, std::less<>>> statuses_;
  Published<std::string> trouble_;
  Published<std::vector<Wanted>> wanted_;
  std::jthread thread_;
};

// The applied seq as a view of the store has it; 0 if there is none.
Result<Seq> AppliedOf(const StoreView& view);
// The number of the last transaction of views that it has (TransactionInfo::position.a); 0 if there is none.
Result<std::uint64_t> ToldOf(const StoreView& view);

}  // namespace headgate::views
