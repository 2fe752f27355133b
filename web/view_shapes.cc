#include "web/view_shapes.h"

#include <nlohmann/json.hpp>

namespace headgate::web {

std::string StateOf(views::Views& views, const views::Definition& view) {
  const auto status = views.Status(view.record.name);
  return status == nullptr ? "loading" : status->state;
}

Json ViewHealthJson(Control& control, const views::Definition& view) {
  const auto registry = control.log().registry();
  std::string text;
  for (const views::Input& input : view.inputs) {
    const StreamInfo* stream = registry->FindStream(input.stream_name);
    const SourceInfo* source = stream == nullptr ? nullptr : registry->Source(stream->source);
    if (input.kind == views::Input::Kind::kView || source == nullptr) continue;
    if (const auto origin = control.Find(source->name);
        origin != nullptr && origin->kind == config::ComponentKind::kSource)
      continue;
    text += (text.empty() ? "" : " ") + std::string("Source ") + source->name + " was deleted: nothing new comes to " +
            stream->name + ". Create " + source->name + " again, or drop the view.";
  }
  const std::string state = StateOf(control.views(), view);
  Json health;
  health["status"] = state == "failed" || !text.empty() ? "error" : state == "paused" ? "paused" : "healthy";
  if (!text.empty()) health["summary"] = text;
  return health;
}

}  // namespace headgate::web
