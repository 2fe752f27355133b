#include "web/health_book.h"

#include <algorithm>

#include "core/base/diag.h"

namespace headgate::web {
namespace {

constexpr std::int64_t kSampleEveryUs = 5'000'000;
constexpr std::int64_t kKeepUs = 300'000'000;
constexpr std::int64_t kMinuteUs = 60'000'000;
constexpr std::int64_t kWellUs = 3'600'000'000;  // healthy for so long: a dismissal is over

std::uint64_t Minus(std::uint64_t now, std::uint64_t then) {
  return now >= then ? now - then : now;
}  // restarted: from 0

}  // namespace

std::uint64_t RecordsOf(const Registry& registry, std::string_view source) {
  const SourceInfo* info = registry.FindSource(source);
  std::uint64_t records = 0;
  for (std::size_t i = 0; info != nullptr && i < registry.streams.size() && i < registry.counters.size(); ++i) {
    if (registry.streams[i] != nullptr && registry.streams[i]->source == info->number)  // numbers have holes
      records += registry.counters[i]->records.load() - registry.counters[i]->markers.load();
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

void HealthBook::Note(Page& page, Control& control, const HealthInput& input) {
  const ConnectorStatus& status = *input.status;
  bool waiting = false;
  std::uint64_t position = 0;
  Sample sample;
  sample.at_us = input.now_us;
  if (status.source != nullptr) {
    position = status.source->durable_position;
    waiting = !status.source->caught_up && status.source->server_position > position;
    sample.records = RecordsOf(*control.log().registry(), status.name);
  }
  if (const auto& seen = status.source != nullptr ? status.source : status.last_source; seen != nullptr)
    sample.retained_bytes = seen->slot_retained_bytes;
  if (status.sink != nullptr) {
    position = status.next_seq + status.sink->delivered;
    for (const auto& [state, count] : input.letters) position += count;
    waiting = status.sink->oldest_pending_commit_us > 0 ||
              (status.next_seq > 0 && status.next_seq <= control.log().last_seq());
    sample.records = status.sink->delivered;
    sample.failed = status.sink->attempts_failed;
    sample.attempts = status.sink->attempts_failed + status.sink->attempts_ok;
    sample.end_to_end_ms_buckets = status.sink->end_to_end_ms_buckets;
  }
  if (position != page.position || !waiting || status.target != TargetState::kRunning) page.moved_us = input.now_us;
  page.position = position;
  // What a sink counted before it was first looked at is recent: its counters begin with the process.
  if (page.samples.empty() && status.kind == config::ComponentKind::kSink)
    page.samples.emplace_back().at_us = input.now_us;
  if (!page.samples.empty() && input.now_us - page.samples.back().at_us < kSampleEveryUs) return;
  const std::int64_t keep_us = std::max(kKeepUs, input.record->thresholds().error_window_seconds * 1'000'000);
  page.samples.push_back(std::move(sample));
  while (page.samples.size() > 1 && page.samples[1].at_us <= input.now_us - keep_us) page.samples.pop_front();
}

Movement HealthBook::MovementOf(const Page& page, const HealthInput& input) {
  const ConnectorStatus& status = *input.status;
  Movement movement;
  movement.stalled_us = input.now_us - page.moved_us;
  if (status.sink != nullptr) {
    const std::int64_t from_us = input.now_us - input.record->thresholds().error_window_seconds * 1'000'000;
    auto first = page.samples.begin();
    while (std::next(first) != page.samples.end() && std::next(first)->at_us <= from_us) ++first;
    const bool alone = page.samples.size() == 1;  // then all that the sink ever counted is recent
    const std::uint64_t all = status.sink->attempts_failed + status.sink->attempts_ok;
    movement.attempts_failed = Minus(status.sink->attempts_failed, alone ? 0 : first->failed);
    movement.attempts = Minus(all, alone ? 0 : first->attempts);
  }
  const Sample& first = page.samples.front();
  const Sample& last = page.samples.back();
  if (first.retained_bytes >= 0 && last.retained_bytes >= 0 && last.at_us > first.at_us) {
    movement.retained_bytes_per_second = static_cast<double>(last.retained_bytes - first.retained_bytes) * 1e6 /
                                         static_cast<double>(last.at_us - first.at_us);
  }
  return movement;
}

// A dismissal is over when its time is, when the check has another cause or got worse, and when it was well for so long
// that the next alarm is news.
std::vector<std::string> HealthBook::DismissalsOver(Page& page, const HealthInput& input,
                                                    const std::vector<DatedCheck>& checks) {
  std::vector<std::string> over;
  const auto& dismissals = input.record->health.dismissals;
  std::erase_if(page.well_since, [&](const auto& entry) { return !dismissals.contains(entry.first); });
  const bool running = input.record->target == TargetState::kRunning && input.status->state == State::kRunning;
  for (const auto& [id, dismissal] : dismissals) {
    const auto found = std::find_if(checks.begin(), checks.end(),
                                    [&wanted = id](const DatedCheck& c) { return c.check.id == wanted; });
    const bool ill = found != checks.end() && found->check.status > CheckStatus::kHealthy;
    const bool stale = ill && found->check.cause == "stale";  // says nothing about the cause
    if (ill || !running) page.well_since.erase(id);
    if (input.now_us >= dismissal.until_us || (ill && !stale && found->check.dismissed_us == 0)) {
      over.push_back(id);
    } else if (!ill && running) {
      const auto well = page.well_since.try_emplace(id, input.now_us).first;
      if (input.now_us - well->second >= kWellUs) over.push_back(id);
    }
  }
  return over;
}

void HealthBook::EndDismissals(Control& control, const ConnectorRecord& record, const std::vector<std::string>& over) {
  HealthSettings settings = record.health;
  ServiceEvent event;
  event.kind = "check_returned";
  event.actor = "service";
  event.summary = "no longer dismissed:";
  for (const std::string& id : over) {
    event.summary += " " + id;
    settings.dismissals.erase(id);
  }
  const auto ended = control.SetHealth(record.name, std::move(settings), std::move(event));
  if (const auto* refusal = std::get_if<Refusal>(&ended)) {
    diag::Warn("web", "a dismissal that is over stays in the catalogue",
               {{"connector", record.name}, {"error", refusal->text}});
  }
}

HealthBook::Report HealthBook::Look(Control& control, const ConnectorRecord& record) {
  const std::int64_t now_us = control.clock().NowUs();
  auto status = control.Status(record.name);
  if (status == nullptr) {
    auto fresh = std::make_shared<ConnectorStatus>();
    fresh->name = record.name;
    fresh->kind = record.kind;
    fresh->target = record.target;
    fresh->since_us = record.changed_us;
    status = std::move(fresh);
  }
  Page& page = PageOf(record, now_us);
  HealthInput input;
  input.record = &record;
  input.spec = control.FindPlugin(record.class_name);
  input.status = status.get();
  input.now_us = now_us;
  if (record.kind == config::ComponentKind::kSink) input.letters = control.LetterCounts(record.name);
  input.first_seq = control.log().first_seq();
  input.retention = control.retention();
  Note(page, control, input);
  input.movement = MovementOf(page, input);

  Report report;
  std::vector<Check> checks = RunChecks(input);
  std::map<std::string, std::pair<CheckStatus, std::int64_t>> since;
  for (const Check& check : checks) {
    const auto before = page.since.find(check.id);
    const bool same = before != page.since.end() && before->second.first == check.status;
    const std::int64_t since_us = same ? before->second.second : now_us;
    since[check.id] = {check.status, since_us};
    report.checks.push_back({check, since_us, check.result_us != 0 ? check.result_us : now_us});
  }
  page.since = std::move(since);
  if (const auto over = DismissalsOver(page, input, report.checks); !over.empty()) EndDismissals(control, record, over);
  report.status = Overall(input, checks);
  if (report.status != page.status) {
    page.status = report.status;
    page.status_since_us = now_us;
  }
  report.since_us = page.status_since_us;
  report.rogue = IsRogue(input);
  report.alarm = Alarm(input, checks);
  report.movement = input.movement;
  report.letters = std::move(input.letters);
  return report;
}

void HealthBook::Observe(Control& control) {
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
