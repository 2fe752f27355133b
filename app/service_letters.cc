// Dead letters, one by one and in bulk.
#include <algorithm>

#include "app/running_operation.h"
#include "app/service.h"
#include "core/base/diag.h"
#include "core/base/time_text.h"
#include "core/views/letters.h"
#include "core/views/views.h"

namespace headgate {
namespace {

constexpr std::size_t kSample = 10;
constexpr std::size_t kOperationsKept = 200;

bool Matches(const DeadLetter& letter, const LetterFilter& filter) {
  if (filter.state && letter.state != *filter.state) return false;
  if (filter.key_matches && !filter.key_matches(letter.key)) return false;
  if (!filter.error.empty() && letter.error_class != filter.error) return false;
  if (!filter.stream.empty() && letter.stream != filter.stream) return false;
  return letter.first_failed_us >= filter.since_us;
}

std::string ShownOwner(const std::string& owner) {
  const auto view = views::ViewOfLetters(owner);
  return view ? "View " + *view : "Connector " + owner;
}

}  // namespace

Answer<std::vector<DeadLetter>> Service::Letters(const std::string& sink, const LetterFilter& filter,
                                                 std::uint64_t after_id, std::size_t limit) {
  if (!HasLetters(sink)) return Refusal{404, ShownOwner(sink) + " not found", {}};
  std::vector<DeadLetter> letters;
  headgate::Status status = DeadLetters::Scan(*store_, sink, after_id, filter.newest_first, [&](DeadLetter&& letter) {
    if (Matches(letter, filter)) letters.push_back(std::move(letter));
    return letters.size() < limit;
  });
  if (!status.ok()) return Failed(status.error());
  return letters;
}

Answer<DeadLetter> Service::Letter(const std::string& sink, std::uint64_t id) {
  if (!HasLetters(sink)) return Refusal{404, ShownOwner(sink) + " not found", {}};
  auto letter = DeadLetters::Read(*store_, sink, id);
  if (!letter.ok()) return Failed(letter.error());
  if (!*letter) return Refusal{404, ShownOwner(sink) + " has no dead letter " + std::to_string(id), {}};
  return std::move(**letter);
}

std::map<DeadLetter::State, std::uint64_t> Service::LetterCounts(const std::string& sink) const {
  std::map<DeadLetter::State, std::uint64_t> counts;
  const auto stored = DeadLetters::Counts(*store_, sink);
  for (std::size_t state = 0; stored.ok() && state < stored->size(); ++state) {
    if ((*stored)[state] > 0) counts[static_cast<DeadLetter::State>(state)] = (*stored)[state];
  }
  return counts;
}

bool Service::HasLetters(const std::string& owner) const {
  const auto view = views::ViewOfLetters(owner);
  return view ? views_->Find(*view) != nullptr : catalog_->Find(owner) != nullptr;
}

void Service::Ask(const std::string& sink, LetterCommand command) {
  if (held_commands_) return held_commands_->emplace_back(sink, std::move(command)), void();
  if (views::ViewOfLetters(sink)) {
    views_->runtime().Discard({sink, std::move(command.ids), std::move(command.report), std::move(command.also)});
    return;
  }
  supervisor_->Letters(sink, std::move(command));
}

std::optional<std::string> Service::KeptAnswer(const std::string& key) const {
  auto answer = kept_answers_->Find(key);
  if (answer.ok()) return *std::move(answer);
  diag::Warn("service", "kept answer not read", {{"error", answer.error().what}});
  return std::nullopt;
}

void Service::KeepAnswer(const std::string& key, const std::function<std::string()>& work) {
  held_commands_.emplace();
  const std::string answer = work();
  auto commands = *std::exchange(held_commands_, std::nullopt);
  if (!answer.empty()) {
    const auto put = [kept = kept_answers_.get(), key, answer](StoreBatch& batch) { kept->Put(batch, key, answer); };
    if (!commands.empty()) {
      commands.back().second.also = put;
    } else {
      StoreBatch batch;
      put(batch);
      if (headgate::Status status = store_->Write(batch, true); !status.ok())
        diag::Warn("service", "answer not kept", {{"error", status.error().what}});
    }
  }
  for (auto& [sink, command] : commands) Ask(sink, std::move(command));
}

Answer<std::vector<std::uint64_t>> Service::RetryLetter(const std::string& sink, std::uint64_t id,
                                                        const Caller& caller) {
  auto letter = Letter(sink, id);
  if (auto* refusal = std::get_if<Refusal>(&letter)) return std::move(*refusal);
  auto earlier = DeadLetters::Earlier(*store_, sink, id);
  if (!earlier.ok()) return Failed(earlier.error());
  LetterCommand command;
  command.kind = LetterCommand::Kind::kRetry;
  command.ids = *earlier;
  command.ids.push_back(id);
  ServiceEvent event;
  event.kind = "letter_retried";
  event.connector = views::ViewOfLetters(sink).value_or(sink);
  event.SignedBy(caller);
  event.summary = "retry of dead letter " + std::to_string(id);
  Record(std::move(event));
  Ask(sink, std::move(command));
  return *std::move(earlier);
}

Answer<Done> Service::DiscardLetter(const std::string& sink, std::uint64_t id, const Caller& caller) {
  auto letter = Letter(sink, id);
  if (auto* refusal = std::get_if<Refusal>(&letter)) return std::move(*refusal);
  ServiceEvent event;
  event.kind = "letters_discarded";
  event.connector = views::ViewOfLetters(sink).value_or(sink);
  event.SignedBy(caller);
  event.summary = "1 dead letter discarded";
  event.details["event_id"] = std::get<DeadLetter>(letter).event_id;
  Record(std::move(event));
  LetterCommand command;
  command.kind = LetterCommand::Kind::kDiscard;
  command.ids = {id};
  Ask(sink, std::move(command));
  return Done{};
}

Answer<Control::Matched> Service::BulkLetters(const std::string& sink, const LetterFilter& filter, bool discard,
                                              bool dry_run, const Caller& caller) {
  if (!HasLetters(sink)) return Refusal{404, ShownOwner(sink) + " not found", {}};
  Matched matched;
  std::vector<std::uint64_t> ids;
  headgate::Status status = DeadLetters::Scan(*store_, sink, 0, false, [&](DeadLetter&& letter) {
    if (!Matches(letter, filter)) return true;
    ids.push_back(letter.id);
    if (dry_run && matched.sample.size() < kSample) matched.sample.push_back(std::move(letter));
    return true;
  });
  if (!status.ok()) return Failed(status.error());
  matched.matched = ids.size();
  if (dry_run) return matched;

  auto operation = std::make_shared<RunningOperation>();
  operation->id = "op-" + std::to_string(events_->last_id() + 1) + "-" + std::to_string(clock().NowUs());
  operation->matched = ids.size();
  auto operations = *operations_.Get();
  while (operations.size() >= kOperationsKept) operations.erase(operations.begin());
  operations[operation->id] = operation;
  operations_.Set(std::move(operations));
  matched.operation = operation->id;

  ServiceEvent event;
  event.kind = discard ? "letters_discarded" : "letters_retried";
  event.connector = views::ViewOfLetters(sink).value_or(sink);
  event.SignedBy(caller);
  event.summary = std::to_string(ids.size()) + " dead letters " + (discard ? "discarded" : "retried");
  event.details["operation"] = operation->id;
  if (filter.state) event.details["filter.state"] = headgate::Name(*filter.state);
  if (!filter.stream.empty()) event.details["filter.stream"] = filter.stream;
  if (!filter.error.empty()) event.details["filter.error"] = filter.error;
  if (!filter.key.empty()) event.details["filter.key"] = filter.key;
  if (filter.since_us != 0) event.details["filter.since"] = UtcText(filter.since_us);
  const auto is_filter = [](const auto& detail) { return detail.first.starts_with("filter."); };
  if (std::ranges::none_of(event.details, is_filter)) event.details["filter.all"] = "true";
  Record(std::move(event));

  LetterCommand command;
  command.kind = discard ? LetterCommand::Kind::kDiscard : LetterCommand::Kind::kRetry;
  command.ids = std::move(ids);
  command.report = [operation](bool done) { ++(done ? operation->done : operation->failed); };
  if (matched.matched > 0) Ask(sink, std::move(command));
  return matched;
}

std::optional<Operation> Service::FindOperation(std::string_view id) const {
  const auto operations = operations_.Get();
  const auto it = operations->find(id);
  if (it == operations->end()) return std::nullopt;
  const RunningOperation& running = *it->second;
  Operation operation;
  operation.id = running.id;
  operation.matched = running.matched;
  operation.done = running.done;
  operation.failed = running.failed;
  operation.state = operation.done + operation.failed < operation.matched ? "running"
                    : operation.failed > 0                                ? "failed"
                                                                          : "done";
  if (operation.failed > 0)
    operation.error = std::to_string(operation.failed) + " letters were gone or being sent at that moment.";
  return operation;
}

}  // namespace headgate
