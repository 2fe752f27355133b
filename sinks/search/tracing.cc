#include <string>

#include "sinks/search/sink.h"

// What is told of requests while somebody looks (admin API, AP22).
namespace headgate::search {
namespace {

constexpr std::size_t kIdsTold = 20;
constexpr std::size_t kTextTold = 4 << 10;

// Request line and headers, without what signs in.
std::string HeadOf(std::string_view text) {
  std::string head(text.substr(0, text.find("\r\n\r\n")));
  constexpr std::string_view kSecret = "Authorization: ";
  if (const auto at = head.find(kSecret); at != std::string::npos) {
    const auto value = at + kSecret.size();
    head.replace(value, head.find("\r\n", value) - value, "[hidden]");
  }
  return head;
}

}  // namespace

std::optional<TracedDelivery> Delivery::Traced(std::uint64_t number) {
  DeliveryTrace* const trace = context_.trace();
  if (trace == nullptr || trace->until_us() == 0 || !trace->on(context_.clock().NowUs())) return std::nullopt;
  const Outbox::Request* const request = outbox_.Find(number);
  if (request == nullptr) return std::nullopt;
  TracedDelivery traced;
  bool wanted = false;
  for (const auto& entry : request->entries) {
    const DeadLetter copy = LetterOf(*entry);
    wanted = wanted || trace->Wants(copy.record);
    if (traced.event_ids.size() < kIdsTold) traced.event_ids.push_back(copy.event_id);
  }
  if (!wanted) return std::nullopt;
  traced.events = request->entries.size();
  traced.at_us = context_.clock().NowUs();
  return traced;
}

void SearchSink::TraceCall(const Call& call, std::string_view text) {
  auto traced = delivery_->Traced(call.number);
  if (!traced) return;
  traced->request = HeadOf(text);
  traced->body = call.body.substr(0, kTextTold);  // as it is before it is packed
  traced_[call.number] = *std::move(traced);
}

// What became of each of its documents is in the answer.
void SearchSink::TraceOutcome(std::uint64_t number, const net::Outcome& outcome) {
  const auto it = traced_.find(number);
  if (it == traced_.end()) return;
  TracedDelivery traced = std::move(it->second);
  traced_.erase(it);
  traced.duration_ms = static_cast<double>(clock_.NowUs() - traced.at_us) / 1000;
  if (const auto* response = std::get_if<net::Response>(&outcome)) {
    traced.status = response->status;
    traced.outcome = response->status == 200 ? "delivered" : "status_" + std::to_string(response->status / 100) + "xx";
    traced.response = "HTTP " + std::to_string(response->status) + "\r\n" + response->header_lines + "\r\n" +
                      response->body.substr(0, kTextTold);
  } else {
    const auto& failure = std::get<net::Failure>(outcome);
    traced.outcome = net::Name(failure.kind);
    traced.error = failure.text;
  }
  context_->trace()->Add(std::move(traced));
}

}  // namespace headgate::search
