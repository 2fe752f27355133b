#include <algorithm>

#include "sinks/kafka/producer.h"

// Which records the brokers do not take.
namespace headgate::kafka::sink {
namespace {

constexpr std::size_t kRefusedMax = 100;  // in a row: then it is not the records

}  // namespace

// Which of those that failed are to blame: one that is too large takes with it what was sent along. Those of one part,
// as what is behind it comes again.
Result<Producer::Part*> Producer::Refused(std::vector<Refusal>& refused) {
  const std::size_t before = refused.size();
  const std::vector<Failed> failed = failed_;
  HG_RETURN_IF_ERROR(Abort());
  Part* part = nullptr;
  for (auto it = failed.begin(); it != failed.end() && refused.size() == before;) {
    part = Find(it->part);
    std::vector<std::size_t> suspects;
    for (; it != failed.end() && it->part == part->number; ++it) suspects.push_back(it->record);
    HG_RETURN_IF_ERROR(Prepare(*part->batch));
    HG_RETURN_IF_ERROR(Narrow(*part, suspects, refused));
  }
  const Batch& batch = *part->batch;
  if (refused.size() == before) return NotOneIsRefused(batch);
  refused_in_row_ += refused.size() - before;
  // A change is written with all of its records or with none.
  for (std::size_t i = 0, known = refused.size(); i < known; ++i) {
    const Refusal one = refused[i];
    const At at = batch.records()[one.record].at;
    const auto add = [&](std::size_t record) {
      if (std::ranges::find(refused, record, &Refusal::record) == refused.end()) refused.push_back({record, one.what});
    };
    for (std::size_t r = one.record; r > 0 && batch.records()[r - 1].at == at; --r) add(r - 1);
    for (std::size_t r = one.record + 1; r < batch.records().size() && batch.records()[r].at == at; ++r) add(r);
  }
  std::ranges::sort(refused, {}, &Refusal::record);
  return part;
}

// By halves; what passes is given up again where there are transactions, and is delivered where there are none.
Status Producer::Narrow(Part& part, std::span<const std::size_t> records, std::vector<Refusal>& refused) {
  const Batch& batch = *part.batch;
  if (std::max(refused_in_row_, refused.size()) > kRefusedMax) return NotOneIsRefused(batch);
  const auto produce = [&]() -> Status {
    failed_.clear();
    for (const std::size_t record : records) {
      HG_ASSIGN_OR_RETURN(const bool whole, Produce(part, record));
      if (!whole) break;
    }
    return Flush();
  };
  HG_RETURN_IF_ERROR(Anew(produce));
  const std::vector<Failed> failed = failed_;
  HG_RETURN_IF_ERROR(Abort());
  std::vector<std::size_t> again;
  for (const Failed& one : failed) again.push_back(one.record);
  const auto is_refused = [](const Failed& one) { return !one.is_purged(); };
  // What is refused by itself was not sent along with another.
  if (std::ranges::count_if(failed, is_refused) == 1) {
    const Failed& one = *std::ranges::find_if(failed, is_refused);
    const Batch::Packed& r = batch.records()[one.record];
    const std::string tried =
        "writing a record of " + std::to_string(r.key + r.value) + " bytes to topic " + batch.topics()[r.topic];
    refused.push_back({one.record, client().ErrorOf(one.code, tried).what});
    std::erase(again, one.record);
    return again.empty() ? Ok() : Narrow(part, again, refused);
  }
  const std::span<const std::size_t> all(again);
  if (all.empty()) return Ok();
  HG_RETURN_IF_ERROR(Narrow(part, all.first(all.size() / 2), refused));
  return Narrow(part, all.subspan(all.size() / 2), refused);
}

Error Producer::NotOneIsRefused(const Batch& batch) const {
  std::string topics;
  for (const std::string& topic : batch.topics()) topics += (topics.empty() ? "" : ", ") + topic;
  return ConfigError("The brokers refuse one record after the other, or what is sent at once (" + topics + " on " +
                     place() +
                     "). Set record_bytes_max to at most max.message.bytes of these topics; a topic with "
                     "cleanup.policy=compact takes only records with a key. Then restart");
}

}  // namespace headgate::kafka::sink
