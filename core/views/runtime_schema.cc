// What a table's new shape means for views that are bound to an earlier one (stream-SQL reference, 5.4). A column that
// a view reads and that is gone, or is of another type, never turns into NULLs: the view fails, keeps what it has, and
// waits for another one in its place.
#include <algorithm>

#include "core/sql/column_type.h"
#include "core/views/runtime.h"

namespace headgate::views {
namespace {

using sql::TypeId;

constexpr std::string_view kReplace = "Put another in its place: CREATE OR REPLACE MATERIALIZED VIEW ";
constexpr std::string_view kReadAnew =
    "What they hold is known once the table is read anew: delete its source with forget=true and create it again.";

std::string Quoted(const std::string& name) { return "\"" + name + "\""; }

const Column* FindColumn(const TableSchema& schema, const std::string& name) {
  const auto found = std::ranges::find(schema.columns, name, &Column::name);
  return found == schema.columns.end() ? nullptr : &*found;
}

// Values of the one are values of the other, as long as they are not too large.
bool Widens(sql::Type bound, sql::Type now) {
  if (bound == now) return true;
  const auto text = [](sql::Type type) { return type.Is(TypeId::kText) || type.Is(TypeId::kVarchar); };
  if (text(bound) && text(now)) return true;
  return IsWider(bound, now);
}

// The column that stands where the other one stood, if each of them is in one of the versions only: renamed, perhaps.
const Column* StandsFor(const TableSchema& in, const TableSchema& other, const std::string& name) {
  const auto found = std::ranges::find(other.columns, name, &Column::name);
  const auto place = static_cast<std::size_t>(found - other.columns.begin());
  if (found == other.columns.end() || place >= in.columns.size()) return nullptr;
  const Column& there = in.columns[place];
  return FindColumn(other, there.name) == nullptr ? &there : nullptr;
}

std::string KeyNames(const TableSchema& schema) {
  std::string names;
  for (const std::size_t c : schema.EventKey()) names += (names.empty() ? "" : ", ") + Quoted(schema.columns[c].name);
  return names;
}

std::string KeyNames(const sql::Relation& relation) {
  std::string names;
  for (const std::size_t c : relation.key) names += (names.empty() ? "" : ", ") + Quoted(relation.columns[c].name);
  return names;
}

}  // namespace

std::string WhyUnfit(const Input& input, const TableSchema& schema, const TableSchema& bound, bool newer) {
  const sql::Relation& relation = *input.relation;
  const std::string of = " of " + input.stream_name;
  const bool declared = input.declared != nullptr;  // it judges the types of each row by itself
  for (std::size_t c = 0; c < relation.columns.size(); ++c) {
    const sql::RelationColumn& column = relation.columns[c];
    if (column.hidden || !input.needed[c]) continue;
    const Column* const there = FindColumn(schema, column.name);
    if (there != nullptr && !declared) {
      const sql::Type type = sql::FromColumn(there->type);
      if (newer && !Widens(column.type, type))
        return "column " + Quoted(column.name) + of + " is " + sql::Name(type) + " now, and the view has it as " +
               sql::Name(column.type) + ". Rows from before the change are not known as they are now. ";
      if (!newer && !Widens(column.type, type) && !Widens(type, column.type))
        return "rows" + of + " from before column " + Quoted(column.name) + " became " + sql::Name(column.type) +
               " have it as " + sql::Name(type) + ". ";
    }
    if (there != nullptr) continue;
    if (newer) {
      const Column* const stands = StandsFor(schema, bound, column.name);
      return "column " + Quoted(column.name) + of + " was dropped or renamed" +
             (stands == nullptr ? "" : "; " + Quoted(stands->name) + " stands in its place") + ". ";
    }
    const Column* const added = FindColumn(bound, column.name);
    const bool unknown = added != nullptr && !added->value_before && (!added->nullable || added->default_expression);
    if (unknown || StandsFor(schema, bound, column.name) != nullptr)
      return "rows" + of + " from before column " + Quoted(column.name) +
             " was added or renamed have no value for it here. ";
  }
  if (newer && !declared && KeyNames(schema) != KeyNames(relation))
    return "the key" + of + " is (" + KeyNames(schema) + ") now, and was (" + KeyNames(relation) + "). ";
  return "";
}

// The first row of another version comes to a port: those that cannot read it fail.
void Runtime::CheckShape(Port& port, std::uint32_t version, At at) {
  port.version = version;
  const TableSchema& schema = *registry_->Schema(port.stream, version);
  for (const auto& form : forms_) {
    if (!form->running()) continue;
    for (const Input& input : form->definition().inputs) {
      const auto found = input.kind == Input::Kind::kTable ? ports_.find(input.relation.get()) : ports_.end();
      if (found == ports_.end() || &found->second != &port) continue;
      const std::uint32_t bound = input.version != 0 ? input.version : version;
      const std::string unfit = WhyUnfit(input, schema, *registry_->Schema(port.stream, bound), version >= bound);
      if (unfit.empty()) continue;
      Fail(*form, Rejected("as of seq " + std::to_string(at.seq) + " " + unfit + std::string(kReplace) + form->name()));
      FindStanding();
      break;
    }
  }
}

// A row of a wider type came that does not fit the column that the views have.
void Runtime::CheckMisfits() {
  for (auto& [relation, port] : ports_) {
    const std::uint64_t misfits = port.rows->misfits();
    if (std::exchange(port.misfits, misfits) == misfits) continue;
    const TableSchema* const schema = port.version == 0 ? nullptr : registry_->Schema(port.stream, port.version);
    if (schema == nullptr) continue;
    for (const auto& form : forms_) {
      const auto& inputs = form->definition().inputs;
      const auto input = std::ranges::find(inputs, relation, [](const Input& i) { return i.relation.get(); });
      if (!form->running() || input == inputs.end()) continue;
      for (std::size_t c = 0; c < relation->columns.size(); ++c) {
        const sql::RelationColumn& column = relation->columns[c];
        const Column* const there = column.hidden ? nullptr : FindColumn(*schema, column.name);
        if (there == nullptr || !input->needed[c] || sql::FromColumn(there->type) == column.type) continue;
        Fail(*form, Rejected("column " + Quoted(column.name) + " of " + input->stream_name + " has become " +
                             sql::Name(sql::FromColumn(there->type)) + ", and a value came that is no " +
                             sql::Name(column.type) + ". " + std::string(kReplace) + form->name()));
        FindStanding();
        break;
      }
    }
  }
}

// Whether a form that loads a table can read its rows, some of which may be older than the shape that it is bound to.
std::string Runtime::WhyNotLoaded(const Input& input, std::uint32_t version) const {
  const std::uint32_t bound = input.version != 0 ? input.version : registry_->LatestVersion(StreamOf(input));
  if (version == bound) return "";
  const StreamNo stream = StreamOf(input);
  const std::string unfit =
      WhyUnfit(input, *registry_->Schema(stream, version), *registry_->Schema(stream, bound), version > bound);
  return unfit.empty() ? "" : unfit + std::string(kReadAnew);
}

}  // namespace headgate::views
