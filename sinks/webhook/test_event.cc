#include "sinks/webhook/test_event.h"

#include <chrono>

#include "core/base/encoding.h"
#include "core/codec/json_text.h"
#include "core/codec/time_text.h"
#include "core/pipeline/egress.h"
#include "sinks/webhook/encode.h"
#include "sinks/webhook/request.h"
#include "sinks/webhook/sink.h"

namespace headgate::webhook {
namespace {

constexpr std::string_view kType = "headgate.test";
constexpr std::size_t kShown = 4096;

}  // namespace

TestBody TestBodyOf(const Options& options, const std::string& id, const TestEvent& event, std::int64_t now_us) {
  TestBody out;
  std::string time;
  codec::AppendUnixUtc(time, now_us);
  const std::string data = event.payload.empty() ? "{\"message\":\"a test event of Headgate\"}" : event.payload;
  const std::string source = options.ce_source.empty() ? "/headgate" : options.ce_source;
  std::vector<std::pair<std::string_view, std::string_view>> members;
  if (IsCloudEvent(options.envelope)) {
    members = {{"specversion", "1.0"}, {"id", id}, {"source", source}, {"type", kType}, {"time", time}};
    if (!event.stream.empty()) members.emplace_back("subject", event.stream);
  } else {
    members = {{"type", kType}, {"timestamp", time}};
    if (!event.stream.empty()) members.emplace_back("stream", event.stream);
  }
  if (options.envelope == Envelope::kCloudEventBinary) {
    for (const auto& [name, value] : members) {
      out.headers.append("ce-").append(name).append(": ");
      AppendHeaderValue(out.headers, value);
      out.headers.append("\r\n");
    }
    out.body = data;
    return out;
  }
  if (IsCloudEvent(options.envelope)) members.emplace_back("datacontenttype", "application/json");
  for (const auto& [name, value] : members) {
    out.body.append(out.body.empty() ? "{\"" : ",\"").append(name).append("\":");
    codec::AppendJsonString(out.body, value);
  }
  out.body.append(",\"data\":").append(data).append("}");
  if (options.batched()) out.body = "[" + out.body + "]";
  return out;
}

Result<TestDelivery> SendTest(const config::Bound& bound, const SinkServices& services, const TestEvent& event) {
  const ReadOptions settings = Read(bound);
  if (!settings.errors.empty()) return ConfigError(settings.errors.front().text);
  const Options& options = settings.options;
  HG_ASSIGN_OR_RETURN(auto endpoint, EndpointOf(options, services));
  HG_ASSIGN_OR_RETURN(auto writer, RequestWriter::Create(options));
  const std::int64_t now_us = endpoint.clock->NowUs();
  const std::string id = "test:" + std::to_string(now_us);
  const TestBody test = TestBodyOf(options, id, event, now_us);
  std::string request;
  HG_RETURN_IF_ERROR(writer.Write(request, id, test.headers, test.body, now_us));
  TestDelivery out;
  out.request = writer.Shown(id, test.headers, now_us) + "\r\n" + test.body;
  const auto start = std::chrono::steady_clock::now();
  HG_ASSIGN_OR_RETURN(const auto outcome, Probe(std::move(endpoint), std::move(request)));
  out.duration_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  if (!outcome) {
    out.error = "no answer from " + options.url.HostPort() + " within 10 s";
  } else if (const auto* failure = std::get_if<net::Failure>(&*outcome)) {
    out.error = failure->text;
  } else {
    const auto& answer = std::get<net::Response>(*outcome);
    out.status = answer.status;
    out.response =
        "HTTP " + std::to_string(answer.status) + "\r\n" + answer.header_lines + "\r\n" + answer.body.substr(0, kShown);
  }
  return out;
}

}  // namespace headgate::webhook
