#include "core/pipeline/trace.h"

namespace headgate {
namespace {

constexpr std::size_t kDeliveriesMax = 1'000;
constexpr std::size_t kTraceBytesMax = 8 << 20;
constexpr std::size_t kTracedTextMax = 4 << 10;

std::size_t BytesOf(const TracedDelivery& d) {
  std::size_t bytes =
      sizeof d + d.request.size() + d.body.size() + d.response.size() + d.error.size() + d.record.size();
  for (const std::string& id : d.event_ids) bytes += id.size();
  return bytes;
}

}  // namespace

void DeliveryTrace::Start(std::int64_t until_us, std::optional<Filter> q) {
  question_.Set({std::move(q)});
  deliveries_.Set({});
  ++starts_;
  until_us_ = until_us;
}

bool DeliveryTrace::Wants(std::string_view record) const {
  const auto question = question_.Get();
  return !question->q || question->q->Matches(record);
}

void DeliveryTrace::Add(TracedDelivery delivery) {
  const std::uint64_t starts = starts_;
  if (starts != seen_starts_) bytes_ = 0;
  Deliveries all = starts != seen_starts_ ? Deliveries() : *deliveries_.Get();
  seen_starts_ = starts;
  for (std::string* text : {&delivery.body, &delivery.record}) text->resize(std::min(text->size(), kTracedTextMax));
  bytes_ += BytesOf(delivery);
  all.push_back(std::make_shared<const TracedDelivery>(std::move(delivery)));
  std::size_t gone = 0;
  while (all.size() - gone > kDeliveriesMax || (bytes_ > kTraceBytesMax && all.size() - gone > 1))
    bytes_ -= BytesOf(*all[gone++]);
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(gone));
  deliveries_.Set(std::move(all));
}

}  // namespace headgate
