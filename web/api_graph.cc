#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/views/stream.h"
#include "web/api.h"
#include "web/connect_shapes.h"
#include "web/lag.h"
#include "web/view_shapes.h"

// /api/v1/graph: what flows where (admin API, 4.10). A view and the stream of its changes are one node; named queries
// and declared tables are none, their readers read what stands behind them.
namespace headgate::web {
namespace {

std::string IdOf(std::string_view kind, const std::string& name) { return std::string(kind) + ":" + name; }

struct Edge {
  std::string from;
  std::string to;
  Json read_total, written_total, pending_records, read_lag_seconds, source_lag_seconds, rate;
};

Json EdgeJson(Edge edge) {
  Json json;
  json["from"] = std::move(edge.from);
  json["to"] = std::move(edge.to);
  json["read_total"] = std::move(edge.read_total);
  json["written_total"] = std::move(edge.written_total);
  json["pending_records"] = std::move(edge.pending_records);
  json["read_lag_seconds"] = std::move(edge.read_lag_seconds);
  json["source_lag_seconds"] = std::move(edge.source_lag_seconds);
  json["write_lag_seconds"] = nullptr;
  json["rate"] = std::move(edge.rate);
  return json;
}

class Graph {
 public:
  explicit Graph(Api& api) : api_(api), now_us_(api.control.clock().NowUs()), names_(api.control.views().names()) {}

  Json Make() {
    const auto registry = api_.control.log().registry();
    AddStreams(*registry);
    for (const auto& [name, definition] : names_->definitions) {
      if (definition->record.kind == views::ObjectKind::kView) AddView(*definition, *registry);
    }
    for (const std::string& name : api_.control.Names()) {
      const auto record = api_.control.Find(name);
      if (record != nullptr) AddConnector(*record);
    }
    Json json;
    json["nodes"] = std::move(nodes_);
    json["edges"] = std::move(edges_);
    return json;
  }

 private:
  void AddNode(std::string_view kind, const std::string& name, Json health, Json state, Json rate = nullptr) {
    Json node;
    node["id"] = IdOf(kind, name);
    node["kind"] = kind;
    node["name"] = name;
    node["health"] = std::move(health);
    node["state"] = std::move(state);
    if (!rate.is_null()) node["rate"] = std::move(rate);
    nodes_.push_back(std::move(node));
  }

  bool IsView(const std::string& stream) const {
    const auto view = names_->FindDefinition(stream);
    return view != nullptr && view->record.kind == views::ObjectKind::kView;
  }

  void AddStreams(const Registry& registry) {
    for (const auto& stream : registry.streams) {
      const SourceInfo* source = stream == nullptr ? nullptr : registry.Source(stream->source);
      if (source == nullptr || source->connector == views::kViewConnector) continue;
      AddNode("stream", stream->name, nullptr, nullptr);
      streams_.insert(stream->name);
      const auto origin = api_.control.Find(source->name);
      if (origin == nullptr || origin->kind != config::ComponentKind::kSource) continue;
      Edge edge;
      edge.from = IdOf("source", source->name);
      edge.to = IdOf("stream", stream->name);
      edge.written_total = api_.control.log().stats(stream->number).records;
      const auto status = StatusOf(api_, *origin);
      const Lag lag = LagOfSource(KnownOf(*status), now_us_);
      if (lag.seconds) edge.source_lag_seconds = *lag.seconds;
      edges_.push_back(EdgeJson(std::move(edge)));
    }
  }

  void AddView(const views::Definition& view, const Registry& registry) {
    Json health = ViewHealthJson(api_.control, view);
    AddNode("view", view.record.name, std::move(health["status"]), StateOf(api_.control.views(), view));
    const Seq applied = api_.control.views().applied();
    for (const views::Input& input : view.inputs) {
      const bool of_view = input.kind == views::Input::Kind::kView;
      const std::string name = of_view ? input.relation->name : input.stream_name;
      if (!of_view && streams_.insert(name).second) AddNode("stream", name, nullptr, nullptr);  // announced
      Edge edge;
      edge.from = IdOf(of_view ? "view" : "stream", name);
      edge.to = IdOf("view", view.record.name);
      const StreamInfo* stream = registry.FindStream(name);
      const bool read = stream == nullptr || api_.control.log().stats(stream->number).last_seq <= applied;
      if (read || of_view) edge.pending_records = 0;
      edges_.push_back(EdgeJson(std::move(edge)));
    }
  }

  void AddConnector(const ConnectorRecord& record) {
    const auto status = StatusOf(api_, record);
    const auto report = api_.health.Look(api_.control, record);
    const double rate = api_.health.RatesOf(record.name, now_us_).records_per_second;
    const bool sink = record.kind == config::ComponentKind::kSink;
    AddNode(sink ? "sink" : "source", record.name, report.status, Name(status->state), rate);
    if (!sink) return;
    // A sink that has not run yet has met no stream; what it names is known all the same.
    std::set<std::string> topics(status->topics.begin(), status->topics.end());
    for (std::string& topic : NamedTopics(record)) {
      if (IsView(topic)) topics.insert(std::move(topic));
    }
    const bool one = topics.size() == 1;
    const auto cursor = one ? api_.control.Cursor(record.name) : std::nullopt;
    for (const std::string& topic : topics) {
      Edge edge;
      edge.from = IdOf(IsView(topic) ? "view" : "stream", topic);
      edge.to = IdOf("sink", record.name);
      if (one && status->sink != nullptr) edge.read_total = status->sink->delivered + status->sink->filtered;
      if (one) edge.rate = rate;
      if (cursor && cursor->counted) {
        edge.pending_records = cursor->pending_records;
        if (const Lag lag = LagOfSink(*cursor, now_us_); lag.seconds) edge.read_lag_seconds = *lag.seconds;
      }
      edges_.push_back(EdgeJson(std::move(edge)));
    }
  }

  std::vector<std::string> NamedTopics(const ConnectorRecord& record) const {
    const config::ComponentSpec* spec = api_.control.FindPlugin(record.class_name);
    if (spec == nullptr) return {};
    return config::Bind(*spec, record.config, nullptr).bound.List("topics");
  }

  Api& api_;
  const std::int64_t now_us_;
  const std::shared_ptr<const views::NameTable> names_;
  std::set<std::string> streams_;
  Json nodes_ = Json::array();
  Json edges_ = Json::array();
};

Response Get(Api& api, const Request&) { return Response::Json(200, Dump(Graph(api).Make())); }

}  // namespace

void AddGraphRoutes(std::vector<Route>& routes) {
  const Route table[] = {
      {"GET",
       "/api/v1/graph",
       Role::kRead,
       "Sources, streams, views and sinks, and what flows between them",
       Get,
       {.answers = "200 Graph"}},
  };
  routes.insert(routes.end(), std::begin(table), std::end(table));
}

}  // namespace headgate::web
