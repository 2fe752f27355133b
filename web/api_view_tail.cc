#include "web/api.h"
#include "web/page.h"
#include "web/sql_shapes.h"
#include "web/view_feed.h"

// /api/v1: tails of views (admin API, 4.8).
namespace headgate::web {
namespace {

// key.<column>=, from.<column>= and to.<column>= as for the rows of a view.
std::optional<Response> ReadViewFilter(const Request& request, ViewFeedOptions& options) {
  for (const auto& [name, value] : request.query.items()) {
    if (name.starts_with("key.")) {
      options.filter.equal.emplace_back(name.substr(4), value);
    } else if (name.starts_with("from.")) {
      options.filter.from.emplace_back(name.substr(5), value);
    } else if (name.starts_with("to.")) {
      options.filter.to.emplace_back(name.substr(3), value);
    } else if (name != "from" && name != "mode") {
      return Fail(request, 400,
                  "There is no parameter " + name + ": a view's tail has from, mode, and " +
                      "key.<column>, from.<column>, to.<column> to choose rows.");
    }
  }
  const auto filter = views::RowFilter::Make(*options.view->relation, options.filter);
  if (!filter.ok()) return Fail(request, 400, filter.error().message);
  return std::nullopt;
}

std::optional<Response> ReadStart(const Request& request, ViewFeedOptions& options) {
  const std::string_view last_id = request.Header("last-event-id");
  const std::string_view from = !last_id.empty()            ? last_id
                                : request.query.Has("from") ? request.query.Get("from")
                                                            : "end";
  options.snapshot = from == "beginning";
  if (options.snapshot || from == "end") return std::nullopt;
  options.resume = ParseNumber(from);
  if (options.resume) return std::nullopt;
  const std::string what = last_id.empty() ? "from" : "Last-Event-ID";
  return Fail(request, 400, what + " must be beginning, end, or the seq of a progress.", "bad-place",
              {{"/" + what, "not a place"}});
}

Response TailView(Api& api, const Request& request) {
  ViewFeedOptions options;
  options.view = api.control.views().Find(request.Argument(0));
  if (options.view == nullptr) return Fail(request, 404, "View " + request.Argument(0) + " not found");
  if (options.view->record.kind != views::ObjectKind::kView)
    return Fail(request, 409, request.Argument(0) + " is a named query: it has no changes to follow.");
  const auto status = api.control.views().Status(request.Argument(0));
  if (status != nullptr && status->state == "failed")
    return Fail(request, 409, "View " + request.Argument(0) + " has failed: " + status->failure);
  if (auto bad = ReadViewFilter(request, options)) return std::move(*bad);
  if (auto bad = ReadStart(request, options)) return std::move(*bad);
  const std::string_view mode = request.query.Has("mode") ? request.query.Get("mode") : "sample";
  if (mode != "sample" && mode != "all")
    return Fail(request, 400, "mode must be sample or all.", {}, {{"/mode", "unknown mode"}});
  options.all = mode == "all";
  auto feed = MakeViewFeed(api.control.log(), api.control.views(), api.control.clock(), std::move(options));
  if (!feed.ok()) return Fail(request, 500, feed.error().what);
  Response response;
  response.type = "text/event-stream";
  response.feed = std::move(*feed);
  return response;
}

}  // namespace

void AddViewTailRoutes(std::vector<Route>& routes) {
  routes.push_back({"GET",
                    "/api/v1/views/{v}/tail",
                    Role::kOperate,
                    "Follow a view",
                    TailView,
                    {.query = "...Tail, ...RowChoice", .answers = "200 string", .errors = "409"},
                    Produces::kEvents});
}

}  // namespace headgate::web
