#pragma once

#include <optional>

#include "web/http.h"
#include "web/server.h"

// Pages of other origins (admin API, SE6): closed to all that no setting names. Credentials are never offered. Pure.
namespace headgate::web {

// A page of another origin that api.cors_allow_origins names may send this: its method is one of
// api.cors_allow_methods.
bool CorsAllows(const ServerOptions& options, const Request& request);

// The answer to a browser that asks first, if its page may go on; nothing if this is no such question, or it may not.
std::optional<Response> Preflight(const ServerOptions& options, const Request& request);

// Lets the page read the answer, if it is a named one.
void AddCors(const ServerOptions& options, const Request& request, Response& response);

}  // namespace headgate::web
