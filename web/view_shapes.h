#pragma once

#include <string>

#include "core/catalog/control.h"
#include "core/views/views.h"
#include "web/json.h"

// What is shown of a view wherever it shows.
namespace headgate::web {

// loading, gated, running, paused, failed.
std::string StateOf(views::Views& views, const views::Definition& view);
// {"status":"healthy|paused|error","summary"?}. A source may be deleted under its views (KC27): the names of those that
// are gone, and what came from them.
Json ViewHealthJson(Control& control, const views::Definition& view);

}  // namespace headgate::web
