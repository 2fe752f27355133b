#include "web/health_book.h"

#include <algorithm>

namespace headgate::web {
namespace {

constexpr std::int64_t kSampleEveryUs = 5'000'000;
constexpr std::int64_t kKeepUs = 300'000'000;
constexpr std::int64_t kMinuteUs = 60'000'000;

std::uint64_t Minus(std::uint64_t now, std::uint64_t then) {
  return now >= then ? now - then : now;
}  // restarted: from 0

}  // namespace

std::uint64_t RecordsOf(const Registry& registry, std::string_view source) {
  const SourceInfo* info = registry.FindSource(source);
  std::uint64_t records = 0;
  for (std::size_t i = 0; info != nullptr && i < registry.streams.size() && i < registry.counters.size(); ++i) {
    if (registry.streams[i] != nullptr && registry.streams[i]->source == info->number)  // numbers have holes
      records += registry.counters[i]->records.load(std::memory_order_relaxed);
  }
  return records;
}

HealthBook::Page& HealthBook::PageOf(const ConnectorRecord& record, std::int64_t now_us) {
  Page& page = pages_[record.name];
  if (page.created_us != record.created_us || page.moved_us == 0) {
    page = Page();
    page.created_us = record.created_us;
    page.moved_us = now_us;
  }
  return page;
}

void HealthBook::Note(Page& page, const Control& control, const ConnectorStatus& status, std::int64_t now_us) {
  bool waiting = false;
  std::uint64_t position = 0;
  Sample sample;
  sample.at_us = now_us;
  if (status.source != nullptr) {
    position = status.source->durable_position;
    waiting = !status.source->caught_up && status.source->server_position > position;
    sample.retained_bytes = status.source->slot_retained_bytes;
    sample.records = RecordsOf(*const_cast<Control&>(control).log().registry(), status.name);
  }
  if (status.sink != nullptr) {
    position = status.next_seq + status.sink->delivered;
    waiting = status.sink->oldest_pending_commit_us > 0;
    sample.records = status.sink->delivered;
    sample.failed = status.sink->attempts_failed;
    sample.end_to_end_ms_buckets = status.sink->end_to_end_ms_buckets;
  }
  if (position != page.position || !waiting || status.target != TargetState::kRunning) page.moved_us = now_us;
  page.position = position;
  if (!page.samples.empty() && now_us - page.samples.back().at_us < kSampleEveryUs) return;
  page.samples.push_back(std::move(sample));
  while (page.samples.size() > 1 && page.samples[1].at_us <= now_us - kKeepUs) page.samples.pop_front();
}

Movement HealthBook::MovementOf(const Page& page, const ConnectorStatus& status, std::int64_t now_us) {
  Movement movement;
  movement.stalled_us = now_us - page.moved_us;
  const Sample& first = page.samples.front();
  if (status.sink != nullptr) {
    movement.attempts_failed = Minus(status.sink->attempts_failed, page.samples.size() > 1 ? first.failed : 0);
    movement.attempts =
        movement.attempts_failed + Minus(status.sink->delivered, page.samples.size() > 1 ? first.records : 0);
  }
  if (status.source != nullptr && first.retained_bytes >= 0 && status.source->slot_retained_bytes >= 0 &&
      now_us > first.at_us) {
    movement.retained_bytes_per_second =
        static_cast<double>(status.source->slot_retained_bytes - first.retained_bytes) * 1e6 /
        static_cast<double>(now_us - first.at_us);
  }
  return movement;
}

HealthBook::Report HealthBook::Look(const Control& control, const ConnectorRecord& record) {
  const std::int64_t now_us = control.clock().NowUs();
  auto status = control.Status(record.name);
  if (status == nullptr) {
    auto fresh = std::make_shared<ConnectorStatus>();
    fresh->name = record.name;
    fresh->kind = record.kind;
    fresh->target = record.target;
    status = std::move(fresh);
  }
  Page& page = PageOf(record, now_us);
  Note(page, control, *status, now_us);

  HealthInput input;
  input.record = &record;
  input.spec = control.FindPlugin(record.class_name);
  input.status = status.get();
  input.movement = MovementOf(page, *status, now_us);
  if (record.kind == config::ComponentKind::kSink) input.letters = control.LetterCounts(record.name);
  const Log& log = const_cast<Control&>(control).log();
  input.first_seq = log.first_seq();
  input.lost_records = log.lost_records();
  input.retention = control.retention();
  input.now_us = now_us;

  Report report;
  std::map<std::string, std::pair<CheckStatus, std::int64_t>> since;
  for (Check& check : RunChecks(input)) {
    const auto before = page.since.find(check.id);
    const bool same = before != page.since.end() && before->second.first == check.status;
    const std::int64_t since_us = same ? before->second.second : now_us;
    since[check.id] = {check.status, since_us};
    report.checks.push_back({std::move(check), since_us, now_us});
  }
  page.since = std::move(since);
  std::vector<Check> checks;
  for (const DatedCheck& dated : report.checks) checks.push_back(dated.check);
  report.status = Overall(input, checks);
  if (report.status != page.status) {
    page.status = report.status;
    page.status_since_us = now_us;
  }
  report.since_us = page.status_since_us;
  report.rogue = IsRogue(input);
  report.movement = input.movement;
  report.letters = std::move(input.letters);
  return report;
}

void HealthBook::Observe(const Control& control) {
  const auto names = control.Names();
  std::erase_if(pages_, [&](const auto& page) { return !std::binary_search(names.begin(), names.end(), page.first); });
  for (const std::string& name : names) {
    if (const auto record = control.Find(name)) Look(control, *record);
  }
}

HealthBook::Rates HealthBook::RatesOf(const std::string& name, std::int64_t now_us) const {
  Rates rates;
  const auto found = pages_.find(name);
  if (found == pages_.end() || found->second.samples.size() < 2) return rates;
  const auto& samples = found->second.samples;
  const Sample& last = samples.back();
  auto first = samples.begin();
  while (first->at_us < now_us - kMinuteUs && std::next(first)->at_us < last.at_us) ++first;
  if (last.at_us <= first->at_us) return rates;
  rates.records_per_second =
      static_cast<double>(Minus(last.records, first->records)) * 1e6 / static_cast<double>(last.at_us - first->at_us);
  for (std::size_t i = 0; i < last.end_to_end_ms_buckets.size(); ++i) {
    const std::uint64_t then = i < first->end_to_end_ms_buckets.size() ? first->end_to_end_ms_buckets[i] : 0;
    rates.end_to_end_ms_buckets.push_back(Minus(last.end_to_end_ms_buckets[i], then));
  }
  return rates;
}

}  // namespace headgate::web
