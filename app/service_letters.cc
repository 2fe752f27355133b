// Dead letters, one by one and in bulk.
#include <algorithm>

#include "app/running_operation.h"
#include "app/service.h"
#include "core/base/diag.h"
#include "core/base/failpoint.h"
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
  if (const auto group = GroupOfLetters(owner)) return "Group " + group->group + " of stream " + group->stream;
  const auto view = views::ViewOfLetters(owner);
  return view ? "View " + *view : "Connector " + owner;
}

// Whose letters an event tells of.
void NameOwner(const std::string& owner, ServiceEvent& event) {
  if (const auto group = GroupOfLetters(owner)) {
    event.details["stream"] = group->stream;
    event.details["group"] = group->group;
  } else {
    event.connector = views::ViewOfLetters(owner).value_or(owner);
  }
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
  if (const auto group = GroupOfLetters(owner)) return groups_->groups()->contains(*group);
  const auto view = views::ViewOfLetters(owner);
  return view ? views_->Find(*view) != nullptr : catalog_->Find(owner) != nullptr;
}

void Service::Ask(const std::string& sink, LetterCommand command) {
  if (held_commands_) return held_commands_->emplace_back(sink, std::move(command)), void();
  if (views::ViewOfLetters(sink)) {
    views_->runtime().Discard({sink, std::move(command.ids), std::move(command.report), std::move(command.also)});
    return;
  }
  if (const auto group = GroupOfLetters(sink)) return groups_->Letters(*group, std::move(command));
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
  const auto commands = *std::exchange(held_commands_, std::nullopt);
  StoreBatch writes = std::exchange(held_writes_, StoreBatch());
  if (!answer.empty()) kept_answers_->Put(writes, key, answer);
  if (!writes.empty()) {
    if (headgate::Status status = store_->Write(writes, true); !status.ok())
      diag::Warn("service", "answer not kept", {{"error", status.error().what}});
  }
  if (!commands.empty()) HG_FAILPOINT("letters.accepted");
  for (const auto& [sink, command] : commands) Ask(sink, command);
}

Answer<std::vector<std::uint64_t>> Service::RetryLetter(const std::string& sink, std::uint64_t id,
                                                        const Caller& caller) {
  auto letter = Letter(sink, id);
  if (auto* refusal = std::get_if<Refusal>(&letter)) return std::move(*refusal);
  auto earlier = DeadLetters::Earlier(*store_, sink, id);
  if (!earlier.ok()) return Failed(earlier.error());
  std::vector<std::uint64_t> letters = *earlier;
  letters.push_back(id);
  ServiceEvent event;
  event.kind = "letter_retried";
  NameOwner(sink, event);
  event.SignedBy(caller);
  event.summary = "retry of dead letter " + std::to_string(id);
  const auto started = StartOperation(sink, false, std::move(letters), std::move(event));
  if (!started.ok()) return Failed(started.error());
  return *std::move(earlier);
}

Answer<Done> Service::DiscardLetter(const std::string& sink, std::uint64_t id, const Caller& caller) {
  auto letter = Letter(sink, id);
  if (auto* refusal = std::get_if<Refusal>(&letter)) return std::move(*refusal);
  ServiceEvent event;
  event.kind = "letters_discarded";
  NameOwner(sink, event);
  event.SignedBy(caller);
  event.summary = "1 dead letter discarded";
  event.details["event_id"] = std::get<DeadLetter>(letter).event_id;
  const auto started = StartOperation(sink, true, {id}, std::move(event));
  if (!started.ok()) return Failed(started.error());
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

  ServiceEvent event;
  event.kind = discard ? "letters_discarded" : "letters_retried";
  NameOwner(sink, event);
  event.SignedBy(caller);
  event.summary = std::to_string(ids.size()) + " dead letters " + (discard ? "discarded" : "retried");
  if (filter.state) event.details["filter.state"] = headgate::Name(*filter.state);
  if (!filter.stream.empty()) event.details["filter.stream"] = filter.stream;
  if (!filter.error.empty()) event.details["filter.error"] = filter.error;
  if (!filter.key.empty()) event.details["filter.key"] = filter.key;
  if (filter.since_us != 0) event.details["filter.since"] = UtcText(filter.since_us);
  const auto is_filter = [](const auto& detail) { return detail.first.starts_with("filter."); };
  if (std::ranges::none_of(event.details, is_filter)) event.details["filter.all"] = "true";
  auto started = StartOperation(sink, discard, std::move(ids), std::move(event));
  if (!started.ok()) return Failed(started.error());
  matched.operation = *std::move(started);
  return matched;
}

// Durable with the event that tells of it before anything of it is done. Its id.
Result<std::string> Service::StartOperation(const std::string& owner, bool discard, std::vector<std::uint64_t> letters,
                                            ServiceEvent event) {
  auto operation = std::make_shared<RunningOperation>();
  // The oldest is the first in order.
  operation->id = "op-" + std::to_string(clock().NowUs()) + "-" + std::to_string(events_->last_id() + 1);
  operation->owner = owner;
  operation->discard = discard;
  operation->matched = letters.size();
  event.details["operation"] = operation->id;
  StoreBatch batch;
  events_->Add(batch, std::move(event));
  PutLetterOperation(batch, letters.empty()
                                ? operation->End()
                                : LetterOperation{operation->id, owner, discard, letters.size(), false, 0, 0, letters});
  Keep(operation, batch);
  if (held_commands_) {
    held_writes_.Add(batch);
  } else {
    HG_RETURN_IF_ERROR(store_->Write(batch, true));
    HG_FAILPOINT("letters.accepted");
  }
  Wake();
  if (!letters.empty()) Carry(operation, std::move(letters));
  return operation->id;
}

// Where it is found, in the place of the oldest of very many.
void Service::Keep(const std::shared_ptr<RunningOperation>& operation, StoreBatch& batch) {
  auto operations = *operations_.Get();
  while (operations.size() >= kOperationsKept) {
    const RunningOperation& oldest = *operations.begin()->second;
    if (oldest.ended) DeleteLetterOperation(batch, oldest.owner, oldest.id);
    operations.erase(operations.begin());
  }
  operations[operation->id] = operation;
  operations_.Set(std::move(operations));
}

void Service::Carry(const std::shared_ptr<RunningOperation>& operation, std::vector<std::uint64_t> letters) {
  LetterCommand command;
  command.kind = operation->discard ? LetterCommand::Kind::kDiscard : LetterCommand::Kind::kRetry;
  command.ids = std::move(letters);
  command.report = [operation](bool done) { ++(done ? operation->done : operation->failed); };
  command.also = [operation](StoreBatch& batch, const std::vector<bool>& unreported) {
    LetterOperation end = operation->End();
    for (const bool done : unreported) ++(done ? end.done : end.failed);
    PutLetterOperation(batch, end);
  };
  Ask(operation->owner, std::move(command));
}

// Operations that the end of the process cut short go on. A letter that is gone by now needs nothing more.
headgate::Status Service::ResumeOperations() {
  std::vector<LetterOperation> open;
  auto operations = *operations_.Get();
  HG_RETURN_IF_ERROR(ReadLetterOperations(*store_, [&](LetterOperation&& one) {
    auto operation = std::make_shared<RunningOperation>();
    operation->id = one.id;
    operation->owner = one.owner;
    operation->discard = one.discard;
    operation->matched = one.matched;
    operation->done = one.done;
    operation->failed = one.failed;
    operation->ended = one.ended;
    operations[one.id] = std::move(operation);
    if (!one.ended) open.push_back(std::move(one));
  }));
  operations_.Set(operations);
  for (LetterOperation& one : open) {
    HG_ASSIGN_OR_RETURN(const auto letters, DeadLetters::Open(*store_, one.owner));
    operations[one.id]->done = std::erase_if(one.letters, [&](std::uint64_t id) { return !letters->Contains(id); });
    diag::Info("service", "an operation on dead letters goes on",
               {{"operation", one.id}, {"matched", one.matched}, {"left", one.letters.size()}});
    if (!one.letters.empty()) {
      Carry(operations[one.id], std::move(one.letters));
      continue;
    }
    StoreBatch batch;
    PutLetterOperation(batch, operations[one.id]->End());
    HG_RETURN_IF_ERROR(store_->Write(batch, true));
  }
  return Ok();
}

// A sink that has too many commands takes no more (Supervisor): what nobody began, nobody shall begin after a restart.
void Service::EndRefusedOperations() {
  StoreBatch batch;
  const auto operations = operations_.Get();
  for (const auto& [id, operation] : *operations) {
    if (!operation->ended && operation->failed == operation->matched) PutLetterOperation(batch, operation->End());
  }
  if (batch.empty()) return;
  if (headgate::Status status = store_->Write(batch, true); !status.ok())
    diag::Warn("service", "the end of operations not written", {{"error", status.error().what}});
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
