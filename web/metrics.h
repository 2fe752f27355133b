#pragma once

#include <string>

#include "web/api.h"

namespace headgate::web {

// The figures of the service for Prometheus (admin API, AP27), in its text format or as OpenMetrics.
std::string RenderMetrics(Api& api, bool open_metrics);

}  // namespace headgate::web
