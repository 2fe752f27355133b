#include "sinks/table/sink.h"

#include <algorithm>

#include "core/base/diag.h"
#include "core/pipeline/egress.h"
#include "sinks/table/spec.h"

namespace headgate::table {
namespace {

constexpr auto kTold = std::chrono::milliseconds(200);
// A transaction that is half written keeps rows of the target locked.
constexpr auto kLockedWhilePaused = std::chrono::seconds(10);
// How long the target's cursor may stay behind where nothing is for this sink.
constexpr auto kCursorEvery = std::chrono::seconds(10);

std::vector<config::KeyError> Check(const config::Bound& bound) { return Read("", bound).errors; }

bool NeedsKey(const config::Bound& bound) { return bound.Text("mode") == "upsert"; }

std::unique_ptr<Sink> Create(const std::string& name, const config::Bound& bound, const SinkServices& services) {
  return std::make_unique<TableSink>(Read(name, bound), services);
}

// Signs in, and looks whether the bookkeeping table could be made.
std::vector<Finding> Preflight(const std::string& name, const config::Bound& bound, const SinkServices& services) {
  using Level = Finding::Level;
  ReadOptions settings = Read(name, bound);
  if (!settings.errors.empty())
    return {{"settings", Level::kError, settings.errors.front().text, "", "", settings.errors.front().key}};
  settings.options.connect_timeout = std::min(settings.options.connect_timeout, std::chrono::milliseconds(10'000));
  const auto guard = GuardOf(services);
  if (!guard.ok()) return {{"server", Level::kError, guard.error().what, "", "", "host"}};
  const auto addresses = AdmittedAddresses(*guard, settings.options.host, settings.options.port);
  if (!addresses.ok()) {
    const bool refused = addresses.error().kind != ErrorKind::kTransient;
    return {{"server", refused ? Level::kError : Level::kWarning, addresses.error().what, "", "", "host"}};
  }
  const auto target = MakeTarget(settings.options);
  if (const Status connected = target->Connect(*addresses); !connected.ok()) {
    const bool person = connected.error().kind != ErrorKind::kTransient;
    return {{"server", person ? Level::kError : Level::kWarning, connected.error().what, "", "",
             person ? "username" : "host"}};
  }
  return {
      {"server", Level::kOk, settings.options.Place() + " lets " + settings.options.username + " in", "", "", "host"}};
}

}  // namespace

const SinkFactory& Factory() {
  static const SinkFactory factory{&Spec(), &Check, &Create,   &Preflight,
                                   nullptr, true,   &NeedsKey, SinkTransforms::kAll};
  return factory;
}

TableSink::TableSink(ReadOptions settings, const SinkServices& services)
    : options_(std::move(settings.options)),
      log_id_(services.log_id),
      clock_(services.clock != nullptr ? *services.clock : SystemClock()),
      guard_(GuardOf(services)),
      settings_(settings.errors.empty() ? Ok() : Status(ConfigError(settings.errors.front().text))) {
  SinkTelemetry starting;
  starting.phase = "starting";
  starting.published_us = clock_.NowUs();
  telemetry_.Set(std::move(starting));
}

TableSink::~TableSink() = default;

Status TableSink::Open(SinkContext& context) {
  HG_RETURN_IF_ERROR(settings_);
  if (!guard_.ok()) return guard_.error();
  context_ = &context;
  HG_ASSIGN_OR_RETURN(const auto addresses, AdmittedAddresses(*guard_, options_.host, options_.port));
  target_ = MakeTarget(options_);
  HG_RETURN_IF_ERROR(target_->Connect(addresses));
  HG_ASSIGN_OR_RETURN(kept_, target_->TakeOver(options_.name, log_id_, context.stand()));
  asked_ = kept_.cursor;
  committed_at_ = clock_.Now();
  filling_ = std::make_unique<Batch>(target_->dialect());
  writer_ = std::make_unique<Writer>(*target_, [this] { wake_.Raise(); });
  Publish();
  return Ok();
}

bool TableSink::IsFull() const {
  return filling_->rows() >= options_.batch_rows_max || filling_->bytes() >= options_.batch_bytes_max;
}

// One batch may wait behind the one that is written.
bool TableSink::Room() const { return writer_->under_way() < 2; }

void TableSink::Filtered(const Event& event) {
  if (IsMarker(event.change->op)) return;
  ++filtered_;
  ++meter_.filtered;
  if (IsTraced()) TraceFiltered(event);
}

Status TableSink::Write(const Event& event) {
  if (event.at.seq != filling_seq_) {
    if (IsFull()) HG_RETURN_IF_ERROR(Flush(filling_seq_ + 1));
    if (!retries_.empty()) HG_RETURN_IF_ERROR(WriteLettersAt(std::max(asked_, filling_seq_ + 1)));
    filling_seq_ = event.at.seq;
    inside_ = false;
  }
  const Op op = event.change->op;
  const bool truncate = op == Op::kTruncate && !options_.append && options_.on_truncate != Options::Truncate::kIgnore;
  if (event.schema == nullptr || !(IsOfRow(op) || truncate)) {
    Filtered(event);
    return Ok();
  }
  if (truncate && options_.on_truncate == Options::Truncate::kStop)
    return ConfigError("Stream " + std::string(event.stream->name) +
                       " was truncated. Set on_truncate to apply or ignore, and restart");
  HG_ASSIGN_OR_RETURN(const Went went, Take(event));
  inside_ = true;
  if (went == Went::kToLetters) return Ok();
  last_commit_us_ = event.tx->commit_us;
  if (IsState(event.at)) {
    states_.push_back(event.at);
    state_letters_[event.at] = LetterOf(event);
  } else {
    ++taken_;
  }
  // A transaction that is larger than a batch goes in parts, and is committed as one.
  const bool large =
      filling_->rows() >= 2 * options_.batch_rows_max || filling_->bytes() >= 2 * options_.batch_bytes_max;
  return large ? Flush({}) : Ok();
}

Result<TableSink::Went> TableSink::Take(const Event& event) {
  HG_ASSIGN_OR_RETURN(const auto plan, PlanOf(event));
  HG_ASSIGN_OR_RETURN(const bool behind, IsBehindLetters(event, plan));
  if (behind) {
    HG_RETURN_IF_ERROR(Park(event, plan));
    return Went::kToLetters;
  }
  if (filling_->empty()) filling_since_ = clock_.Now();
  auto taken = filling_->Take(event, plan);
  if (taken.ok() && *taken == Batch::Taken::kBatchFirst) {
    HG_RETURN_IF_ERROR(Flush({}));
    taken = filling_->Take(event, plan);
  }
  if (!taken.ok() && taken.error().kind == ErrorKind::kRejected) {
    HG_RETURN_IF_ERROR(Refuse(event, taken.error().what, ""));
    return Went::kToLetters;
  }
  if (!taken.ok()) return std::move(taken).error();
  CHECK(*taken == Batch::Taken::kYes);
  if (IsTraced()) Look(event);
  return Went::kIn;
}

Result<std::shared_ptr<const TablePlan>> TableSink::PlanOf(const Event& event) {
  auto& plan = plans_[{event.change->stream, event.change->schema}];
  if (plan != nullptr) return plan;
  HG_ASSIGN_OR_RETURN(const Wanted wanted, WantedOf(options_, event));
  if (!filling_->empty() || split_) HG_RETURN_IF_ERROR(Flush(inside_ ? std::nullopt : std::optional(filling_seq_)));
  HG_RETURN_IF_ERROR(Settle());
  HG_ASSIGN_OR_RETURN(const TargetTable table, Prepare(wanted));
  HG_ASSIGN_OR_RETURN(plan, table::PlanFor(options_, target_->dialect(), wanted, table));
  return plan;
}

// Makes the table or adds to it, where that is wanted.
Result<TargetTable> TableSink::Prepare(const Wanted& wanted) {
  HG_ASSIGN_OR_RETURN(auto table, target_->Describe(wanted.name));
  if (!table) {
    HG_ASSIGN_OR_RETURN(const std::string sql, CreateTable(target_->dialect(), wanted));
    if (!options_.create_tables)
      return ConfigError("There is no table " + wanted.name.Text() + " on " + options_.Place() + " for stream " +
                         wanted.stream + ". Set create_tables=true, or make it: " + sql);
    HG_RETURN_IF_ERROR(ChangeSchema(sql));
  } else {
    HG_ASSIGN_OR_RETURN(const std::string sql, AddColumns(target_->dialect(), wanted, *table));
    if (sql.empty()) return *std::move(table);
    if (!options_.evolve)
      return ConfigError("Table " + wanted.name.Text() + " on " + options_.Place() + " lacks columns that stream " +
                         wanted.stream + " has. Set evolve=true, or add them and restart: " + sql);
    HG_RETURN_IF_ERROR(ChangeSchema(sql));
  }
  HG_ASSIGN_OR_RETURN(table, target_->Describe(wanted.name));
  if (!table) return Transient("table " + wanted.name.Text() + " on " + options_.Place() + " is gone again");
  return *std::move(table);
}

Status TableSink::ChangeSchema(const std::string& sql) {
  diag::Info("table", "changing a table", {{"connector", options_.name}, {"sql", sql}});
  if (!target_->ddl_commits() || !split_) return target_->ChangeSchema(sql);
  // What is under way may not be committed halfway: the table is changed first, then the transaction comes again.
  HG_RETURN_IF_ERROR(target_->Rollback());
  HG_RETURN_IF_ERROR(target_->ChangeSchema(sql));
  return Transient("a table was changed in the middle of a transaction, which is written again from its start");
}

Status TableSink::Flush(std::optional<Seq> commit) {
  HG_RETURN_IF_ERROR(context_->SyncLetters());
  WriteJob job;
  if (!filling_->empty()) {
    job.batch = std::move(filling_);
    filling_ = std::make_unique<Batch>(target_->dialect());
    if (std::exchange(wanted_, false)) job.traced = std::move(looked_at_);
    looked_at_ = nullptr;
  }
  split_ = !commit;
  if (commit) {
    job.commit = Target::Kept{*commit, context_->states()};
    job.delivered = std::exchange(taken_, 0);
    job.filtered = std::exchange(filtered_, 0);
    job.states = std::exchange(states_, {});
    job.commit_us = last_commit_us_;
    asked_ = *commit;
  }
  pushed_at_ = clock_.Now();
  under_way_.push_back(job.batch);
  writer_->Push(std::move(job));
  return Ok();
}

// What may be committed: nothing in the middle of a transaction, or of a piece of a state.
std::optional<Seq> TableSink::WholeBefore() const {
  const At known = context_->handed_over();
  return known.ordinal != 0 || context_->inside_states() ? std::nullopt : std::optional(known.seq);
}

Status TableSink::CommitWhatIsWhole(Time now) {
  const auto whole = WholeBefore();
  const bool news = split_ || !filling_->empty();
  if (!whole || writer_->under_way() > 0 || (*whole <= asked_ && !news)) return Ok();
  const bool due = news ? IsFull() || split_ || now >= filling_since_ + options_.batch_delay_max
                        : now >= committed_at_ + kCursorEvery;
  return due ? Flush(*whole) : Ok();
}

Status TableSink::Finish(Writer::Finished&& finished) {
  under_way_.pop_front();
  const std::int64_t now_us = clock_.NowUs();
  if (finished.job.traced != nullptr) Trace(finished);
  refusal_.clear();
  if (!finished.status.ok()) {
    const Error& error = finished.status.error();
    meter_.Failed(Name(error.kind), 0, error.what);
    ++failures_;
    // Not of a row that is written, but of a commit.
    return error.kind == ErrorKind::kRejected
               ? ConfigError(error.what + ". Change the table so that what is committed fits, and restart")
               : Status(error);
  }
  meter_.request_ms.Add(finished.ms);
  if (!finished.job.commit) return Ok();
  meter_.Succeeded(now_us);
  failures_ = 0;
  const std::uint64_t left_out = std::min(refused_, finished.job.delivered);
  refused_ -= left_out;
  const std::uint64_t delivered = finished.job.delivered - left_out;
  meter_.delivered += delivered;
  if (delivered > 0) meter_.end_to_end_ms.Add(static_cast<double>(now_us - finished.job.commit_us) / 1000);
  kept_ = *finished.job.commit;
  committed_at_ = clock_.Now();
  context_->DoneBefore({kept_.cursor, 0}, delivered, finished.job.filtered);
  for (const At at : finished.job.states) {
    if (state_letters_.erase(at) > 0) context_->Done(at, Outcome::kDelivered);
  }
  return Ok();
}

Status TableSink::Settle() {
  while (writer_->under_way() > 0) {
    writer_->WaitForNews();
    HG_RETURN_IF_ERROR(TakeResults());
  }
  return TakeResults();
}

Status TableSink::TakeResults() {
  while (auto finished = writer_->Pop()) {
    if (Status status = Finish(*std::move(finished)); !status.ok()) {
      Publish();
      return status;
    }
  }
  if (auto refused = writer_->PopQuestion()) {
    refusal_ = std::to_string(refused->size()) + " of its changes were rejected: " + refused->front().what;
    HG_RETURN_IF_ERROR(StoreRefused(*std::move(refused)));
    writer_->Answer(Ok());
  }
  return Ok();
}

Status TableSink::Poll(Time deadline) {
  HG_RETURN_IF_ERROR(CommitWhatIsWhole(clock_.Now()));
  if (split_ && context_->paused() && writer_->under_way() == 0 && clock_.Now() - pushed_at_ >= kLockedWhilePaused)
    return Transient("paused in the middle of a transaction, which is taken back and written again from its start");
  if (const auto whole = WholeBefore(); whole && !retries_.empty()) HG_RETURN_IF_ERROR(WriteLettersAt(*whole));
  Time until = std::min(deadline, published_at_ + kTold);
  // Of a transaction that is not whole, as of a sink that is paused in the middle of one, nothing is due.
  if (!filling_->empty() && writer_->under_way() == 0 && WholeBefore())
    until = std::min(until, filling_since_ + options_.batch_delay_max);
  // On the machine's clock, whatever the context's says.
  wake_.WaitUntil(Clock::Steady::now() + (until - clock_.Now()), {});
  HG_RETURN_IF_ERROR(TakeResults());
  HG_RETURN_IF_ERROR(CommitWhatIsWhole(clock_.Now()));
  if (clock_.Now() - published_at_ >= kTold) Publish();
  return Ok();
}

void TableSink::Close() {
  writer_.reset();
  target_.reset();
  Publish();
}

void TableSink::Publish() {
  published_at_ = clock_.Now();
  SinkTelemetry t;
  meter_.Tell(t);
  t.published_us = clock_.NowUs();
  t.phase = "delivering";
  t.failures_in_row = failures_;
  t.in_flight = writer_ != nullptr ? writer_->under_way() : 0;
  t.queue_bytes = filling_ != nullptr ? filling_->bytes() : 0;
  telemetry_.Set(std::move(t));
}

}  // namespace headgate::table
