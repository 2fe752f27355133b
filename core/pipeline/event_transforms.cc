#include "core/pipeline/event_transforms.h"

#include <algorithm>

#include "core/base/bytes.h"
#include "core/config/option_builders.h"
#include "core/config/secrets.h"
#include "core/pipeline/event_context.h"
#include "core/transform/column_options.h"

namespace headgate {
namespace {

using config::Option;
using config::OptionType;

constexpr std::string_view kTransformGroup = "Transforms";

// The columns of a row that are wanted. False if it is malformed.
bool Narrow(std::string_view row, const std::vector<bool>& wanted, std::string& out) {
  out.clear();
  ByteReader in(row);
  for (std::size_t column = 0; !in.done(); ++column) {
    const char* const start = in.position();
    ReadValue(in);
    if (in.failed()) return false;
    if (column < wanted.size() && wanted[column]) out.append(start, in.position());
  }
  return true;
}

}  // namespace

std::vector<Option> SinkTransformSpec(SinkTransforms offered) {
  std::vector<Option> out;
  if (offered == SinkTransforms::kNone) return out;
  if (offered == SinkTransforms::kAll) {
    Option ops = config::Optional("ops", OptionType::kList, kTransformGroup, "Operations",
                                  "Which operations are taken; all if it is not set. What is told of a stream beside "
                                  "its rows is not concerned.");
    ops.choices = {"insert", "update", "delete", "read", "truncate", "message"};
    ops.example = "insert,update,read";
    out.push_back(std::move(ops));
    out.push_back(config::WithExample(
        config::Optional("filter", OptionType::kString, kTransformGroup, "Filter",
                         "Which records are taken: an expression over the native rendering, with columns as they are "
                         "after the other transforms. A row that no longer fits is not taken back."),
        "op = delete or after.status in (open, paid)"));
  }
  for (Option& option : ColumnTransformSpec(TransformPlace::kSink, "public.users.mail"))
    out.push_back(std::move(option));
  return out;
}

bool EventTransformSettings::empty() const {
  return columns.empty() && filter == nullptr && std::ranges::all_of(ops, [](bool taken) { return taken; });
}

EventTransformSettings ReadSinkTransforms(const config::Bound& bound, SinkTransforms offered,
                                          std::vector<config::KeyError>& errors) {
  EventTransformSettings settings;
  settings.ops.fill(true);
  if (offered == SinkTransforms::kNone) return settings;
  settings.columns = ReadColumnRules(bound, TransformPlace::kSink, errors);
  if (offered != SinkTransforms::kAll) return settings;
  const std::string& text = bound.Text("filter");
  if (!text.empty() && !config::HasPlaceholder(text)) {
    auto filter = Filter::Parse(text);
    if (filter.ok()) {
      settings.filter = std::make_shared<const Filter>(std::move(filter).value());
    } else {
      errors.push_back({"filter", "Setting \"filter\": " + filter.error().what});
    }
  }
  const std::vector<std::string> names = bound.List("ops");
  if (names.empty() || config::HasPlaceholder(bound.Text("ops"))) return settings;
  for (std::size_t i = 0; i < kOps; ++i) settings.ops[i] = IsMarker(static_cast<Op>(i)) || i == 0;
  for (const std::string& name : names) {
    Op op{};
    if (ParseOp(name, op)) settings.ops[static_cast<std::size_t>(op)] = true;
  }
  return settings;
}

Result<const EventTransforms::Shape*> EventTransforms::ShapeOf(const Event& event) {
  const auto [place, added] = shapes_.try_emplace((std::uint64_t{event.change->stream} << 32) | event.change->schema);
  Shape& shape = place->second;
  if (!added) return &shape;
  auto made = Compile(settings_.columns, *event.schema);
  if (!made.ok()) {
    shapes_.erase(place);
    return std::move(made).error();
  }
  shape.transform = *std::move(made);
  const auto looked_at = settings_.filter == nullptr ? std::nullopt : settings_.filter->Columns();
  if (!looked_at) return &shape;
  const TableSchema& schema = shape.transform != nullptr ? shape.transform->schema() : *event.schema;
  shape.narrow = schema;
  shape.narrow.columns.clear();
  for (const Column& column : schema.columns) {
    const bool wanted = looked_at->contains(column.name);
    shape.looked_at.push_back(wanted);
    if (wanted) shape.narrow.columns.push_back(column);
  }
  return &shape;
}

Status EventTransforms::Transform(Event& event, const RowTransform& transform) {
  event.schema = &transform.schema();
  if (!transform.changes_rows()) return Ok();
  change_ = *event.change;
  for (const auto& [row, out] : {std::pair(&change_.before, &before_), std::pair(&change_.after, &after_)}) {
    out->clear();
    HG_RETURN_IF_ERROR(transform.Append(*row, *out));
    *row = *out;
  }
  event.change = &change_;
  return Ok();
}

Result<bool> EventTransforms::Apply(Event& event, bool selects) {
  if (selects && !settings_.ops.at(static_cast<std::size_t>(event.change->op))) return false;
  const Shape* shape = nullptr;
  if (event.schema != nullptr) {
    HG_ASSIGN_OR_RETURN(shape, ShapeOf(event));
    if (shape->transform != nullptr) HG_RETURN_IF_ERROR(Transform(event, *shape->transform));
  }
  if (!selects || settings_.filter == nullptr || IsMarker(event.change->op)) return true;
  return Passes(event, shape);
}

// Only what the filter looks at is rendered.
Result<bool> EventTransforms::Passes(const Event& event, const Shape* shape) {
  Event seen = event;
  if (shape != nullptr && !shape->looked_at.empty() && IsOfRow(event.change->op)) {
    narrow_ = *event.change;
    if (!Narrow(narrow_.before, shape->looked_at, narrow_before_) ||
        !Narrow(narrow_.after, shape->looked_at, narrow_after_))
      return Corrupt("change " + ToText(event.at) + " holds a malformed row");
    narrow_.before = narrow_before_;
    narrow_.after = narrow_after_;
    seen.change = &narrow_;
    seen.schema = &shape->narrow;
  }
  record_.clear();
  const Status rendered = native_.Append(record_, ContextOf(seen));
  if (!rendered.ok()) {
    if (rendered.error().kind == ErrorKind::kRejected) return true;
    return rendered.error();
  }
  return settings_.filter->Matches(record_);
}

}  // namespace headgate
