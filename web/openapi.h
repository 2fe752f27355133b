#pragma once

#include <span>

#include "web/json.h"
#include "web/router.h"

namespace headgate::web {

// The OpenAPI 3.1 document of these routes (AP28): every one with its parameters, bodies, statuses and errors.
Json OpenApi(std::span<const Route> routes);

}  // namespace headgate::web
