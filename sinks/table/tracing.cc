#include <algorithm>

#include "sinks/table/letter.h"
#include "sinks/table/sink.h"

// What is told of batches while somebody looks (admin API, AP22).
namespace headgate::table {
namespace {

constexpr std::size_t kIdsTold = 20;
constexpr std::size_t kTextTold = 4 << 10;

// "public.orders: truncated, 12 rows written, 3 removed"
std::string Told(const Batch::Table& table) {
  const auto removed = static_cast<std::size_t>(std::ranges::count_if(table.rows, &Row::remove));
  std::string text = table.plan->name.Text() + ":";
  std::string_view separator = " ";
  const auto add = [&](const std::string& what) {
    text.append(separator).append(what);
    separator = ", ";
  };
  if (table.truncate) add("truncated");
  if (!table.moves.empty()) add(std::to_string(table.moves.size()) + " keys changed");
  if (table.rows.size() > removed) add(std::to_string(table.rows.size() - removed) + " rows written");
  if (removed > 0) add(std::to_string(removed) + " removed");
  return text + "\n";
}

}  // namespace

bool TableSink::IsTraced() const {
  DeliveryTrace* const trace = context_->trace();
  return trace != nullptr && trace->until_us() != 0 && trace->on(clock_.NowUs());
}

// The event is in filling_.
void TableSink::Look(const Event& event) {
  const DeadLetter copy = LetterOf(event);
  wanted_ = wanted_ || context_->trace()->Wants(copy.record);
  if (looked_at_ == nullptr) looked_at_ = std::make_shared<TracedDelivery>();
  ++looked_at_->events;
  if (looked_at_->event_ids.size() < kIdsTold) looked_at_->event_ids.push_back(copy.event_id);
}

void TableSink::TraceFiltered(const Event& event) {
  if (event.stream == nullptr || event.schema == nullptr) return;
  DeadLetter copy = LetterOf(event);
  if (!context_->trace()->Wants(copy.record)) return;
  TracedDelivery traced;
  traced.at_us = clock_.NowUs();
  traced.event_ids = {std::move(copy.event_id)};
  traced.events = 1;
  traced.outcome = "filtered";
  traced.record = std::move(copy.record);
  context_->trace()->Add(std::move(traced));
}

void TableSink::Trace(const Writer::Finished& finished) {
  const WriteJob& job = finished.job;
  TracedDelivery traced = std::move(*job.traced);
  traced.at_us = clock_.NowUs() - static_cast<std::int64_t>(finished.ms * 1000);
  traced.duration_ms = finished.ms;
  traced.request = options_.Place() + "\n";
  for (const auto& table : job.batch->tables()) traced.request += Told(*table);
  for (const Batch::Unit& unit : job.batch->Units()) {
    if (traced.body.size() >= kTextTold) break;
    if (unit.kind != Batch::Unit::Kind::kTruncate) traced.body += BodyOf(unit);
  }
  traced.error = refusal_;
  if (!finished.status.ok()) {
    traced.outcome = Name(finished.status.error().kind);
    traced.error = finished.status.error().what;
  } else if (job.commit) {
    traced.outcome = "delivered";
    traced.response = "committed, cursor " + std::to_string(job.commit->cursor);
  } else {
    traced.outcome = "written";
    traced.response = "written, to be committed with the rest of its transaction";
  }
  context_->trace()->Add(std::move(traced));
}

// One that is tried again goes alone.
void TableSink::TraceLetter(const DeadLetter& letter, const Status& status, bool anew, std::int64_t began_us) {
  if (!context_->trace()->Wants(letter.record)) return;
  TracedDelivery traced;
  traced.at_us = began_us;
  traced.duration_ms = static_cast<double>(clock_.NowUs() - began_us) / 1000;
  traced.event_ids = {letter.event_id};
  traced.events = 1;
  traced.request = options_.Place() + "\ndead letter " + std::to_string(letter.id) + ", tried again\n";
  traced.body = letter.body.substr(0, kTextTold);
  if (status.ok()) {
    traced.outcome = "delivered";
    traced.response =
        anew ? "committed, cursor " + std::to_string(kept_.cursor) : "nothing to write, the table has its row already";
  } else {
    traced.outcome = Name(status.error().kind);
    traced.error = status.error().what;
  }
  context_->trace()->Add(std::move(traced));
}

}  // namespace headgate::table
