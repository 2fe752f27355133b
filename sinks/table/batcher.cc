#include "sinks/table/batcher.h"

#include <algorithm>

#include "core/base/diag.h"
#include "core/base/failpoint.h"
#include "core/pipeline/egress.h"
#include "sinks/table/letter.h"
#include "sinks/table/spec.h"

namespace headgate::table {
namespace {

std::vector<config::KeyError> Check(const config::Bound& bound) { return Read("", bound).errors; }

bool NeedsKey(const config::Bound& bound) { return bound.Text("mode") == "upsert"; }

std::unique_ptr<Sink> Create(const std::string& name, const config::Bound& bound, const SinkServices& services) {
  ReadOptions read = Read(name, bound);
  const Options& o = read.options;
  BatchSinkOptions course;
  course.size_max = o.batch_rows_max;
  course.bytes_max = o.batch_bytes_max;
  course.delay_max = o.batch_delay_max;
  course.stops_at_refusal = o.on_rejected == Options::Rejected::kStop;
  course.stop_hint = "Change the table so that the row fits, or set on_rejected=dead_letter";
  Status settings = read.errors.empty() ? Ok() : Status(ConfigError(read.errors.front().text));
  return std::make_unique<BatchSink>(std::make_unique<TableBatcher>(std::move(read.options), services),
                                     std::move(course), std::move(settings), services);
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

TableBatcher::TableBatcher(Options options, const SinkServices& services)
    : options_(std::move(options)), log_id_(services.log_id), guard_(GuardOf(services)) {}

TableBatcher::~TableBatcher() = default;

Result<TargetPlace> TableBatcher::Open(SinkContext& context, BatchSink& sink) {
  if (!guard_.ok()) return guard_.error();
  context_ = &context;
  sink_ = &sink;
  HG_ASSIGN_OR_RETURN(const auto addresses, AdmittedAddresses(*guard_, options_.host, options_.port));
  target_ = MakeTarget(options_);
  salvage_ = std::make_unique<Salvage>(*target_);
  HG_RETURN_IF_ERROR(target_->Connect(addresses));
  return target_->TakeOver(options_.name, log_id_, context.stand());
}

void TableBatcher::Close() {
  salvage_.reset();
  target_.reset();
}

Result<Batcher::Took> TableBatcher::Take(const Event& event) {
  const Op op = event.change->op;
  const bool truncate = op == Op::kTruncate && !options_.append && options_.on_truncate != Options::Truncate::kIgnore;
  if (event.schema == nullptr || !(IsOfRow(op) || truncate)) return Took::kFiltered;
  if (truncate && options_.on_truncate == Options::Truncate::kStop)
    return ConfigError("Stream " + std::string(event.stream->name) +
                       " was truncated. Set on_truncate to apply or ignore, and restart");
  HG_ASSIGN_OR_RETURN(const auto plan, PlanOf(event));
  HG_ASSIGN_OR_RETURN(const bool behind, IsBehindLetters(event, plan));
  if (behind) return ToLetters(event, plan);
  auto taken = filling().Take(event, plan);
  if (taken.ok() && *taken == Batch::Taken::kBatchFirst) {
    HG_RETURN_IF_ERROR(sink_->WritePart());
    taken = filling().Take(event, plan);
  }
  if (!taken.ok() && taken.error().kind == ErrorKind::kRejected) {
    HG_RETURN_IF_ERROR(sink_->Refuse(event, taken.error().what, ""));
    return Took::kToLetters;
  }
  if (!taken.ok()) return std::move(taken).error();
  CHECK(*taken == Batch::Taken::kYes);
  return Took::kIn;
}

Result<std::shared_ptr<const TablePlan>> TableBatcher::PlanOf(const Event& event) {
  auto& plan = plans_[{event.change->stream, event.change->schema}];
  if (plan != nullptr) return plan;
  HG_ASSIGN_OR_RETURN(const Wanted wanted, WantedOf(options_, event));
  HG_RETURN_IF_ERROR(sink_->WriteAll());
  HG_ASSIGN_OR_RETURN(const TargetTable table, Prepare(wanted));
  HG_ASSIGN_OR_RETURN(plan, table::PlanFor(options_, target_->dialect(), wanted, table));
  return plan;
}

// Makes the table or adds to it, where that is wanted.
Result<TargetTable> TableBatcher::Prepare(const Wanted& wanted) {
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

Status TableBatcher::ChangeSchema(const std::string& sql) {
  diag::Info("table", "changing a table", {{"connector", options_.name}, {"sql", sql}});
  if (!target_->ddl_commits() || !sink_->split()) return target_->ChangeSchema(sql);
  // What is under way may not be committed halfway: the table is changed first, then the transaction comes again.
  HG_RETURN_IF_ERROR(target_->Rollback());
  HG_RETURN_IF_ERROR(target_->ChangeSchema(sql));
  return Transient("a table was changed in the middle of a transaction, which is written again from its start");
}

Status TableBatcher::Write(const std::shared_ptr<const SinkBatch>& batch, const std::optional<TargetPlace>& commit,
                           const Ask& ask) {
  if (batch != nullptr) {
    std::vector<RefusedChange> refused;
    HG_RETURN_IF_ERROR(salvage_->Write(static_cast<const Batch&>(*batch), refused));
    // What is rejected has to be kept elsewhere before anything is committed without it.
    if (!refused.empty()) {
      HG_FAILPOINT("table.refused");
      HG_RETURN_IF_ERROR(ask(std::move(refused)));
    }
    HG_FAILPOINT("table.written");
  }
  if (!commit) return Ok();
  if (Status done = target_->Commit(*commit); !done.ok()) {
    const Error& error = done.error();
    return error.kind == ErrorKind::kRejected
               ? ConfigError(error.what + ". Change the table so that what is committed fits, and restart")
               : Status(error);
  }
  HG_FAILPOINT("table.committed");
  return Ok();
}

// "public.orders: truncated, 12 rows written, 3 removed"
void TableBatcher::Describe(const SinkBatch& described, TracedDelivery& traced) const {
  const auto& batch = static_cast<const Batch&>(described);
  for (const auto& table : batch.tables()) {
    const auto removed = static_cast<std::size_t>(std::ranges::count_if(table->rows, &Row::remove));
    traced.request += table->plan->name.Text() + ":";
    std::string_view separator = " ";
    const auto add = [&](const std::string& what) {
      traced.request.append(separator).append(what);
      separator = ", ";
    };
    if (table->truncate) add("truncated");
    if (!table->moves.empty()) add(std::to_string(table->moves.size()) + " keys changed");
    if (table->rows.size() > removed) add(std::to_string(table->rows.size() - removed) + " rows written");
    if (removed > 0) add(std::to_string(removed) + " removed");
    traced.request.push_back('\n');
  }
  for (const Batch::Unit& unit : batch.Units()) {
    if (traced.body.size() >= kTextTold) break;
    if (unit.kind != Batch::Unit::Kind::kTruncate) traced.body += BodyOf(unit);
  }
}

}  // namespace headgate::table
