#include "core/views/definition.h"

#include <algorithm>
#include <set>

#include "core/sql/function.h"
#include "core/state/state.pb.h"
#include "core/views/shape.h"

namespace headgate::views {
namespace {

using sql::Node;
using sql::PlanKind;

SqlError Wrong(const sql::Problem& problem, const sql::Statement& statement, std::string code = "42601") {
  return {std::move(code), problem.message, problem.offset + statement.offset, problem.hint};
}

SqlError Refused(std::string code, std::string message, const sql::Statement& statement, std::string hint = "") {
  return {std::move(code), std::move(message), statement.offset, std::move(hint)};
}

// Notes what the binder asks for.
class Recorded final : public sql::RelationSource {
 public:
  explicit Recorded(const NameTable& names) : names_(names) {}
  const sql::Relation* Find(const std::vector<std::string>& name) const override {
    const sql::Relation* found = names_.Find(name);
    if (found != nullptr) found_.insert(found->name);
    return found;
  }
  std::vector<std::string> Names() const override { return names_.Names(); }
  std::vector<std::string> found() const { return {found_.begin(), found_.end()}; }

 private:
  const NameTable& names_;
  mutable std::set<std::string> found_;
};

SqlResult<sql::BoundQuery> Bind(const sql::Statement& statement, const Node& select, const sql::RelationSource& names,
                                sql::BindOptions options) {
  options.text = statement.text;
  options.system_times = statement.system_times;
  auto query = sql::BindQuery(select, names, options);
  if (!query.ok()) return Wrong(query.error(), statement);
  auto plan = sql::Unnest(std::move(query->plan));
  if (!plan.ok()) return Wrong(plan.error(), statement, "0A000");
  query->plan = sql::PruneColumns(sql::Rewrite(std::move(*plan)));
  return std::move(*query);
}

void Collect(const sql::Plan& plan, const sql::Plan* above, const NameTable& names, std::vector<Input>& inputs) {
  if (plan.kind != PlanKind::kScan) {
    for (const sql::PlanPtr& input : plan.inputs) Collect(*input, &plan, names, inputs);
    return;
  }
  auto found = std::ranges::find_if(inputs, [&](const Input& i) { return i.relation.get() == plan.relation; });
  if (found == inputs.end()) {
    auto input = names.InputOf(*plan.relation);
    CHECK(input.has_value());  // the plan was bound over these names
    input->needed.assign(plan.relation->columns.size(), false);
    inputs.push_back(std::move(*input));
    found = std::prev(inputs.end());
  }
  // Pruning puts a projection of the columns that are read above each scan that has others.
  const bool pruned = above != nullptr && above->kind == PlanKind::kProject;
  if (!pruned) found->needed.assign(found->needed.size(), true);
  if (pruned) {
    for (const sql::ExprPtr& root : above->expressions) {
      Walk(*root, [&](const sql::Expr& expr) {
        if (expr.kind == sql::ExprKind::kColumn) found->needed[expr.column] = true;
        return true;
      });
    }
  }
}

// The columns of a view or of a named query.
SqlResult<std::vector<sql::RelationColumn>> ColumnsOf(const sql::Statement& statement, const sql::BoundQuery& query,
                                                      const std::vector<Node>& aliases) {
  std::set<std::string> seen;
  std::vector<sql::RelationColumn> columns;
  if (aliases.size() > query.visible) return Refused("42601", "the view has more column names than columns", statement);
  for (std::size_t i = 0; i < query.visible; ++i) {
    const sql::PlanColumn& column = query.plan->columns[i];
    std::string name = i < aliases.size() ? std::string(aliases[i].name()) : column.name;
    if (!seen.insert(name).second)
      return Refused("42701", "column \"" + name + "\" specified more than once", statement,
                     "Give one of them another name with AS.");
    columns.push_back({std::move(name), column.type, false, false});
  }
  return columns;
}

SqlResult<Definition> DefineQuery(const sql::Statement& statement, const Node& create, const NameTable& names) {
  Definition made;
  made.record.kind = ObjectKind::kQuery;
  made.record.name = sql::RelationName(create["view"]);
  const Recorded recorded(names);
  HG_ASSIGN_OR_RETURN(const sql::BoundQuery query,
                      Bind(statement, create["query"], recorded, sql::BindOptions::ForView()));
  made.reads = recorded.found();
  auto relation = std::make_shared<sql::Relation>();
  relation->name = made.record.name;
  HG_ASSIGN_OR_RETURN(relation->columns, ColumnsOf(statement, query, create["aliases"].items()));
  relation->definition = sql::QueryText(statement);
  relation->system_times = statement.system_times;
  made.inputs = InputsOf(*query.plan, names);
  made.relation = std::move(relation);
  return made;
}

// 0 if it is no interval that is longer than nothing. A month has 30 days.
std::int64_t IntervalUs(const std::string& text) {
  sql::EvalContext context;
  const sql::Datum interval = sql::FromText(sql::TypeId::kInterval, text, context);
  const std::int64_t days = interval.w.days + std::int64_t{30} * interval.w.months;
  return context.failed() ? 0 : std::max<std::int64_t>(0, interval.w.us + days * 86'400'000'000);
}

// Where control rows are to be: with the rows that look them up, or everywhere. In one shard that is the same place.
SqlResult<bool> CheckDistribution(const std::string& value, const sql::Statement& statement) {
  if (value == "keyed" || value == "broadcast") return true;
  return Refused("22023", "distribution is keyed or broadcast, not \"" + value + "\"", statement);
}

SqlResult<OnError> OnErrorOf(const std::string& value, const sql::Statement& statement) {
  if (value == "dead_letter") return OnError::kDeadLetter;
  if (value == "null") return OnError::kNull;
  if (value == "stop") return OnError::kStop;
  return Refused("22023", "on_error is dead_letter, null or stop, not \"" + value + "\"", statement);
}

// What views can be told; everything else is refused by its name.
SqlResult<bool> TakeOptions(const sql::Statement& statement, Definition& made) {
  for (const auto& [name, value] : made.record.options) {
    if (name == "on_load") {
      if (value != "wait" && value != "nulls")
        return Refused("22023", "on_load is wait or nulls, not \"" + value + "\"", statement);
    } else if (name == "history") {
      if (value != "none" && value != "retained")
        return Refused("22023", "history is none or retained, not \"" + value + "\"", statement);
    } else if (name == "retention") {
      if (!made.relation->append_only)
        return Refused("0A000", "retention is for views that never take a row back", statement,
                       "Rows of this view go when what they are made of goes.");
      made.retention_us = IntervalUs(value);
      if (made.retention_us == 0)
        return Refused("22023", "retention is an interval such as '7 d', not \"" + value + "\"", statement);
    } else if (name == "max_staleness") {
      const bool control = std::ranges::any_of(made.inputs, [](const Input& input) { return !IsData(input); });
      if (!control || !std::ranges::any_of(made.inputs, IsData))
        return Refused("0A000", "max_staleness is for views that judge events by tables", statement,
                       "Leave it out: nothing would wait.");
      made.max_staleness_us = IntervalUs(value);
      if (made.max_staleness_us == 0)
        return Refused("22023", "max_staleness is an interval such as '30 s', not \"" + value + "\"", statement);
    } else if (name == "grace") {
      made.grace_us = IntervalUs(value);
      if (made.grace_us == 0)
        return Refused("22023", "grace is an interval such as '500 ms', not \"" + value + "\"", statement);
    } else if (name == "on_error") {
      HG_ASSIGN_OR_RETURN(made.on_error, OnErrorOf(value, statement));
    } else if (name == "distribution") {
      HG_RETURN_IF_ERROR(CheckDistribution(value, statement));
    } else {
      return Refused("0A000", "a view has no option \"" + name + "\"", statement,
                     "It has on_load, on_error, max_staleness, grace, history, retention and distribution.");
    }
  }
  return true;
}

SqlResult<Definition> DefineView(const sql::Statement& statement, const Node& create, const NameTable& names) {
  const Node& into = create["into"];
  Definition made;
  made.record.kind = ObjectKind::kView;
  made.record.name = sql::RelationName(into["rel"]);
  auto options = sql::ReadOptions(into["options"]);
  if (!options.ok()) return Wrong(options.error(), statement);
  for (auto& [name, value] : *options) made.record.options[name] = value;
  const Recorded recorded(names);
  HG_ASSIGN_OR_RETURN(sql::BoundQuery query, Bind(statement, create["query"], recorded, sql::BindOptions::ForView()));
  made.reads = recorded.found();
  auto relation = std::make_shared<sql::Relation>();
  relation->name = made.record.name;
  HG_ASSIGN_OR_RETURN(relation->columns, ColumnsOf(statement, query, into["colNames"].items()));
  if (query.visible != query.plan->columns.size()) {
    std::vector<std::size_t> columns(query.visible);
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = i;
    query.plan = sql::MakePick(std::move(query.plan), columns);
  }
  made.has_star = query.has_star;
  relation->append_only = IsAppendOnlyView(*query.plan, relation->columns);
  const auto keys = KeysOf(*query.plan);
  const auto shortest = std::ranges::min_element(keys, {}, &std::vector<std::size_t>::size);
  if (shortest != keys.end()) relation->key = *shortest;
  made.inputs = InputsOf(*query.plan, names);
  made.relation = std::move(relation);
  HG_RETURN_IF_ERROR(TakeOptions(statement, made));
  if (made.grace_us > 0 && !SetGrace(*query.plan, made.grace_us))
    return Refused("0A000", "grace is for views that look up tables as of the log position", statement,
                   "Write JOIN ... FOR SYSTEM_TIME AS OF LOG_POSITION(), or leave it out: nothing would wait.");
  if (made.on_error == OnError::kNull) SetNullOnError(*query.plan);
  made.plan = std::move(query.plan);
  return made;
}

// The columns of a declared table, and what stands behind them.
struct Columns {
  std::shared_ptr<sql::Relation> relation = std::make_shared<sql::Relation>();
  std::vector<std::pair<const Node*, std::optional<std::size_t>>> constraints;  // with the column that has it
};

SqlResult<Columns> TableColumns(const sql::Statement& statement, const Node& create) {
  Columns made;
  for (const Node& element : create["tableElts"].items()) {
    if (element.Is("Constraint")) {
      made.constraints.emplace_back(&element.body(), std::nullopt);
      continue;
    }
    if (!element.Is("ColumnDef")) return Refused("0A000", "LIKE is not supported in CREATE TABLE", statement);
    const Node& column = element.body();
    const auto type = sql::BindType(column["typeName"]);
    if (!type.ok()) return Wrong(type.error(), statement, "42704");
    for (const Node& constraint : column["constraints"].items())
      made.constraints.emplace_back(&constraint.body(), made.relation->columns.size());
    made.relation->columns.push_back({std::string(column["colname"].text()), *type, false, false});
  }
  AddHiddenColumns(*made.relation);
  return made;
}

SqlResult<bool> AddConstraint(const sql::Statement& statement, const Node& constraint,
                              std::optional<std::size_t> column, sql::Relation& relation, Definition& made) {
  const std::string_view kind = constraint["contype"].text();
  std::vector<std::size_t> columns;
  if (column) columns.push_back(*column);
  for (const Node& key : constraint["keys"].items()) {
    const auto found = std::ranges::find(relation.columns, key.name(), &sql::RelationColumn::name);
    if (found == relation.columns.end())
      return Refused("42703", "column \"" + std::string(key.name()) + "\" named in key does not exist", statement);
    columns.push_back(static_cast<std::size_t>(found - relation.columns.begin()));
  }
  if (kind == "CONSTR_PRIMARY") {
    for (const std::size_t c : columns) relation.columns[c].not_null = true;
    relation.key = columns;
  } else if (kind == "CONSTR_NOTNULL") {
    relation.columns[*column].not_null = true;
  } else if (kind == "CONSTR_CHECK") {
    auto condition = sql::BindOver(constraint["raw_expr"], relation, {});
    if (!condition.ok()) return Wrong(condition.error(), statement, "42804");
    made.checks.emplace_back(std::move(*condition));
  } else if (kind != "CONSTR_NULL") {
    return Refused("0A000", "a declared table may have PRIMARY KEY, NOT NULL and CHECK", statement);
  }
  return true;
}

// A declaration of a stream that is there already has to fit it.
SqlResult<bool> FitsStream(const sql::Statement& statement, sql::Relation& table, const NameTable& names,
                           const std::string& stream) {
  const auto known = names.streams.find(stream);
  if (known == names.streams.end()) return true;
  if (known->second.events)
    return Refused("42809", "\"" + stream + "\" is a stream of events, not a table", statement,
                   "Name it in FROM as it is.");
  const sql::Relation& relation = *known->second.relation;
  for (sql::RelationColumn& column : table.columns) {
    const auto found = std::ranges::find(relation.columns, column.name, &sql::RelationColumn::name);
    if (found == relation.columns.end())
      return Refused("42703", "stream \"" + stream + "\" has no column \"" + column.name + "\"", statement);
    if (!(found->type == column.type))
      return Refused("42804",
                     "column \"" + column.name + "\" of stream \"" + stream + "\" is " + sql::Name(found->type),
                     statement, "Declare it with that type, and cast it in the view.");
    column.value_before = found->value_before;
  }
  std::vector<std::string> key;
  for (const std::size_t c : relation.key) key.push_back(relation.columns[c].name);
  std::vector<std::string> declared;
  for (const std::size_t c : table.key) declared.push_back(table.columns[c].name);
  std::ranges::sort(key);
  std::ranges::sort(declared);
  if (key != declared)
    return Refused("42830", "the PRIMARY KEY is not the key of stream \"" + stream + "\"", statement);
  return true;
}

SqlResult<Definition> DefineTable(const sql::Statement& statement, const Node& create, const NameTable& names) {
  Definition made;
  made.record.kind = ObjectKind::kTable;
  made.record.name = sql::RelationName(create["relation"]);
  auto options = sql::ReadOptions(create["options"]);
  if (!options.ok()) return Wrong(options.error(), statement);
  for (auto& [name, value] : *options) {
    if (name == "distribution") HG_RETURN_IF_ERROR(CheckDistribution(value, statement));
    if (name != "stream" && name != "on_violation" && name != "distribution")
      return Refused("0A000", "a declared table has no option \"" + name + "\"", statement,
                     "It has stream, on_violation and distribution.");
    made.record.options[name] = value;
  }
  if (!made.record.options.contains("stream"))
    return Refused("0A000", "a table here is a captured one", statement,
                   "Write CREATE TABLE ... WITH (stream = '<source>.<schema>.<table>').");
  if (const auto policy = made.record.options.find("on_violation");
      policy != made.record.options.end() && policy->second != "keep_previous" && policy->second != "remove")
    return Refused("22023", "on_violation is keep_previous or remove", statement);
  HG_ASSIGN_OR_RETURN(Columns columns, TableColumns(statement, create));
  columns.relation->name = made.record.name;
  for (const auto& [constraint, column] : columns.constraints)
    HG_RETURN_IF_ERROR(AddConstraint(statement, *constraint, column, *columns.relation, made));
  if (columns.relation->key.empty())
    return Refused("42P16", "a declared table needs a PRIMARY KEY", statement, "It is the key of the captured table.");
  HG_RETURN_IF_ERROR(FitsStream(statement, *columns.relation, names, made.record.options["stream"]));
  made.relation = std::move(columns.relation);
  return made;
}

}  // namespace

std::string EncodeRecord(const ViewRecord& record) {
  stored::StoredView out;
  out.set_name(record.name);
  out.set_kind(static_cast<std::uint32_t>(record.kind));
  out.set_sql(record.sql);
  for (const auto& [key, value] : record.options) (*out.mutable_options())[key] = value;
  out.set_form(record.form);
  for (const auto& [view, columns] : record.widths) (*out.mutable_widths())[view] = columns;
  for (const auto& [stream, version] : record.versions) (*out.mutable_versions())[stream] = version;
  for (const auto& [stream, version] : record.followed) (*out.mutable_followed())[stream] = version;
  for (const auto& [view, columns] : record.followed_widths) (*out.mutable_followed_widths())[view] = columns;
  out.set_replaces(record.replaces.form);
  out.set_replaces_rows(static_cast<std::uint32_t>(record.replaces.rows));
  out.set_same_shape(record.replaces.same_shape);
  out.set_follows(record.replaces.follows);
  out.set_carries(record.replaces.carries);
  out.set_replaces_columns(record.replaces.columns);
  out.set_begins_at(record.begins_at);
  out.set_born_at(record.born_at);
  out.set_version(record.version);
  out.set_created_us(record.created_us);
  out.set_changed_us(record.changed_us);
  out.set_from_file(record.from_file);
  out.set_paused(record.paused);
  out.set_of_sink(record.of_sink);
  for (const ViewIndex& index : record.indexes) {
    stored::StoredIndex& one = *out.add_indexes();
    one.set_name(index.name);
    one.set_number(index.number);
    one.set_from_file(index.from_file);
    for (const std::string& column : index.columns) one.add_columns(column);
  }
  return out.SerializeAsString();
}

Result<ViewRecord> DecodeRecord(std::string_view bytes) {
  stored::StoredView in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return Corrupt("the data directory holds a view that makes no sense");
  ViewRecord record;
  record.name = in.name();
  record.kind = static_cast<ObjectKind>(in.kind());
  record.sql = in.sql();
  for (const auto& [key, value] : in.options()) record.options[key] = value;
  record.form = in.form();
  for (const auto& [stream, version] : in.versions()) record.versions[stream] = version;
  for (const auto& [view, columns] : in.widths()) record.widths[view] = columns;
  for (const auto& [stream, version] : in.followed()) record.followed[stream] = version;
  for (const auto& [view, columns] : in.followed_widths()) record.followed_widths[view] = columns;
  record.replaces = {in.replaces(),   static_cast<RowForm>(in.replaces_rows()),
                     in.same_shape(), in.replaces_columns(),
                     in.follows(),    in.carries()};
  record.begins_at = in.begins_at();
  record.born_at = in.born_at();
  record.version = in.version();
  record.created_us = in.created_us();
  record.changed_us = in.changed_us();
  record.from_file = in.from_file();
  record.paused = in.paused();
  record.of_sink = in.of_sink();
  for (const stored::StoredIndex& index : in.indexes())
    record.indexes.push_back(
        {index.name(), index.number(), {index.columns().begin(), index.columns().end()}, index.from_file()});
  return record;
}

const sql::Relation* NameTable::Find(const std::vector<std::string>& name) const {
  std::string joined;
  for (const std::string& part : name) joined += (joined.empty() ? "" : ".") + part;
  if (const auto stream = streams.find(joined); stream != streams.end()) return stream->second.relation.get();
  auto found = definitions.find(joined);
  if (found == definitions.end() && name.size() == 2 && name[0] == "public") found = definitions.find(name[1]);
  return found == definitions.end() ? nullptr : found->second->relation.get();
}

std::vector<std::string> NameTable::Names() const {
  std::vector<std::string> all;
  for (const auto& [name, stream] : streams) all.push_back(name);
  for (const auto& [name, definition] : definitions) all.push_back(name);
  return all;
}

DefinitionPtr NameTable::FindDefinition(std::string_view name) const {
  const auto found = definitions.find(name);
  return found == definitions.end() ? nullptr : found->second;
}

std::optional<Input> NameTable::InputOf(const sql::Relation& relation) const {
  Input input;
  if (const auto stream = streams.find(relation.name);
      stream != streams.end() && stream->second.relation.get() == &relation) {
    input.relation = stream->second.relation;
    input.stream_name = relation.name;
    input.kind = stream->second.events ? Input::Kind::kEvents : Input::Kind::kTable;
    input.stream = stream->second.number;
    input.version = stream->second.version;
    return input;
  }
  const DefinitionPtr definition = FindDefinition(relation.name);
  if (definition == nullptr || definition->relation.get() != &relation) return std::nullopt;
  input.relation = definition->relation;
  if (definition->record.kind == ObjectKind::kTable) {
    input.kind = Input::Kind::kTable;
    input.stream_name = definition->record.options.at("stream");
    input.declared = definition;
    if (const auto known = streams.find(input.stream_name); known != streams.end()) input.stream = known->second.number;
    return input;
  }
  input.kind = Input::Kind::kView;
  input.form = definition->record.form;
  return input;
}

std::vector<Input> InputsOf(const sql::Plan& plan, const NameTable& names) {
  std::vector<Input> inputs;
  Collect(plan, nullptr, names, inputs);
  return inputs;
}

SqlResult<sql::BoundQuery> BindSelect(const sql::Statement& statement, const Node& select, const NameTable& names,
                                      sql::BindOptions options) {
  return Bind(statement, select, names, std::move(options));
}

SqlResult<Definition> Define(const sql::Statement& statement, const NameTable& names) {
  const Node& body = statement.tree.body();
  if (statement.tree.Is("CreateStmt")) {
    auto table = DefineTable(statement, body, names);
    if (table.ok()) table->record.sql = statement.written;
    return table;
  }
  const bool view = statement.tree.Is("CreateTableAsStmt");
  if (view && body["objtype"].text() != "OBJECT_MATVIEW")
    return Refused("0A000", "CREATE TABLE AS is not supported", statement,
                   "Write CREATE MATERIALIZED VIEW ... AS: the result is then kept in step.");
  auto made = view ? DefineView(statement, body, names) : DefineQuery(statement, body, names);
  if (!made.ok()) return made;
  made->record.sql = statement.written;
  for (const Input& input : made->inputs) {
    if (input.kind != Input::Kind::kView && input.declared == nullptr)
      made->record.versions[input.relation->name] = input.version;
    if (input.kind == Input::Kind::kView)
      made->record.widths[input.relation->name] = static_cast<std::uint32_t>(input.relation->columns.size());
  }
  return made;
}

Definition Restore(ViewRecord record, const NameTable& names) {
  Definition made;
  const auto statements = sql::ReadStatements(record.sql);
  if (!statements.ok() || statements->size() != 1) {
    made.failure = "its statement cannot be read: " + (statements.ok() ? "" : statements.error().message);
  } else if (auto defined = Define((*statements)[0], names); defined.ok()) {
    made = std::move(*defined);
  } else {
    made.failure = defined.error().message;
  }
  if (made.relation == nullptr) {
    auto relation = std::make_shared<sql::Relation>();
    relation->name = record.name;
    made.relation = std::move(relation);
  }
  made.record = std::move(record);
  return made;
}

}  // namespace headgate::views
