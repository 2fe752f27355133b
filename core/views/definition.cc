#include "core/views/definition.h"

#include <algorithm>
#include <set>

#include "core/sql/scanner.h"
#include "core/state/state.pb.h"

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

// Where the query of CREATE VIEW ... AS begins: behind the first AS outside brackets.
std::size_t BodyStart(const std::string& text) {
  const auto tokens = sql::Scan(text);
  int depth = 0;
  for (const sql::Token& token : *tokens) {
    if (token.IsSymbol("(")) ++depth;
    if (token.IsSymbol(")")) --depth;
    if (depth == 0 && token.Is("as")) return token.end;
  }
  return 0;
}

std::string NameOf(const Node& range) {
  std::string name;
  for (const char* part : {"catalogname", "schemaname", "relname"}) {
    if (range[part]) name += (name.empty() ? "" : ".") + std::string(range[part].text());
  }
  return name;
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
  made.record.name = NameOf(create["view"]);
  const Recorded recorded(names);
  HG_ASSIGN_OR_RETURN(const sql::BoundQuery query, Bind(statement, create["query"], recorded, {}));
  made.reads = recorded.found();
  auto relation = std::make_shared<sql::Relation>();
  relation->name = made.record.name;
  HG_ASSIGN_OR_RETURN(relation->columns, ColumnsOf(statement, query, create["aliases"].items()));
  // The query's own text, so that it can be read again; what stands before it is blank.
  std::string text = statement.text;
  const std::size_t as = BodyStart(text);
  for (std::size_t i = 0; i < as; ++i) text[i] = text[i] == '\n' ? '\n' : ' ';
  relation->definition = std::move(text);
  relation->system_times = statement.system_times;
  made.inputs = InputsOf(*query.plan, names);
  made.relation = std::move(relation);
  return made;
}

SqlResult<Definition> DefineView(const sql::Statement& statement, const Node& create, const NameTable& names) {
  const Node& into = create["into"];
  Definition made;
  made.record.kind = ObjectKind::kView;
  made.record.name = NameOf(into["rel"]);
  auto options = sql::ReadOptions(into["options"]);
  if (!options.ok()) return Wrong(options.error(), statement);
  for (auto& [name, value] : *options) made.record.options[name] = value;
  const Recorded recorded(names);
  HG_ASSIGN_OR_RETURN(sql::BoundQuery query, Bind(statement, create["query"], recorded, {}));
  made.reads = recorded.found();
  auto relation = std::make_shared<sql::Relation>();
  relation->name = made.record.name;
  HG_ASSIGN_OR_RETURN(relation->columns, ColumnsOf(statement, query, into["colNames"].items()));
  if (query.visible != query.plan->columns.size()) {
    std::vector<std::size_t> columns(query.visible);
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = i;
    query.plan = sql::MakePick(std::move(query.plan), columns);
  }
  relation->append_only = IsAppendOnly(*query.plan);
  const auto keys = KeysOf(*query.plan);
  const auto shortest = std::ranges::min_element(keys, {}, &std::vector<std::size_t>::size);
  if (shortest != keys.end()) relation->key = *shortest;
  made.inputs = InputsOf(*query.plan, names);
  made.relation = std::move(relation);
  made.plan = std::move(query.plan);
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
  for (const auto& [stream, version] : record.versions) (*out.mutable_versions())[stream] = version;
  out.set_begins_at(record.begins_at);
  out.set_version(record.version);
  out.set_created_us(record.created_us);
  out.set_changed_us(record.changed_us);
  out.set_from_file(record.from_file);
  out.set_paused(record.paused);
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
  record.begins_at = in.begins_at();
  record.version = in.version();
  record.created_us = in.created_us();
  record.changed_us = in.changed_us();
  record.from_file = in.from_file();
  record.paused = in.paused();
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
    input.kind = stream->second.events ? Input::Kind::kEvents : Input::Kind::kTable;
    input.stream = stream->second.number;
    input.version = stream->second.version;
    return input;
  }
  const DefinitionPtr definition = FindDefinition(relation.name);
  if (definition == nullptr || definition->relation.get() != &relation) return std::nullopt;
  input.relation = definition->relation;
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
  const bool view = statement.tree.Is("CreateTableAsStmt");
  if (view && body["objtype"].text() != "OBJECT_MATVIEW")
    return Refused("0A000", "CREATE TABLE AS is not supported", statement,
                   "Write CREATE MATERIALIZED VIEW ... AS: the result is then kept in step.");
  auto made = view ? DefineView(statement, body, names) : DefineQuery(statement, body, names);
  if (!made.ok()) return made;
  made->record.sql = statement.written;
  for (const Input& input : made->inputs) {
    if (input.kind != Input::Kind::kView) made->record.versions[input.relation->name] = input.version;
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

std::vector<std::string> ReadersOf(const NameTable& all, std::string_view name) {
  std::vector<std::string> readers;
  for (const auto& [other, definition] : all.definitions) {
    if (other != name && std::ranges::find(definition->reads, name) != definition->reads.end())
      readers.push_back(other);
  }
  return readers;
}

}  // namespace headgate::views
