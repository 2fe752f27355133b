#include <algorithm>

#include "core/base/failpoint.h"
#include "core/pipeline/deliver.h"

// The dead letters of the deliver loop: handed in when they are due, stored, and what people ask of them.
namespace headgate {
namespace {

constexpr std::size_t kLettersInSink = 64;
constexpr std::size_t kLettersNamed = 20;  // in the event that tells of them
constexpr std::size_t kIdsAtOnce = 1'000;  // of a command, in one write

// Whether what comes with these lanes leaves nothing to do for the letter.
bool Replaces(std::span<const LetterLane> lanes, const DeadLetter& letter) {
  const auto has = [&](const LetterLane& own) {
    return std::ranges::any_of(lanes, [&](const LetterLane& lane) { return !lane.shared && lane.name == own.name; });
  };
  bool all = true;
  for (const LetterLane& own : letter.lanes) {
    if (own.shared && has(own)) return true;  // the whole table
    all = all && (own.shared || has(own));
  }
  return all;
}

}  // namespace

Result<std::uint64_t> Execute(const LetterCommand& command, Store& store, const std::string& sink,
                              std::int64_t now_us) {
  HG_ASSIGN_OR_RETURN(const auto letters, DeadLetters::Open(store, sink));
  StoreBatch batch;
  std::vector<bool> done;
  std::uint64_t discarded = 0;
  const auto write = [&](bool last) -> Status {
    if (last && command.also) command.also(batch, done);
    HG_RETURN_IF_ERROR(store.Write(batch, true));
    batch.Clear();
    if (command.report) {
      for (const bool one : done) command.report(one);
    }
    done.clear();
    return Ok();
  };
  for (const std::uint64_t id : command.ids) {
    const bool known = letters->Contains(id);
    done.push_back(known);
    if (known && command.kind == LetterCommand::Kind::kDiscard) {
      letters->Remove(batch, id);
      ++discarded;
    }
    if (known && command.kind == LetterCommand::Kind::kRetry) {
      HG_ASSIGN_OR_RETURN(auto letter, DeadLetters::Read(store, sink, id));
      if (letter) {
        letter->state = DeadLetter::State::kRetrying;
        letter->next_try_us = now_us;
        letters->Update(batch, *letter);
      }
    }
    if (done.size() == kIdsAtOnce) HG_RETURN_IF_ERROR(write(false));
  }
  HG_RETURN_IF_ERROR(write(true));
  return discarded;
}

Deliver::~Deliver() {
  while (const auto command = TakeCommand()) {
    if (!command->report) continue;
    for (std::size_t i = 0; i < command->ids.size(); ++i) command->report(false);
  }
}

Status Deliver::FeedLetters() {
  if (letters_->size() == 0) return Ok();
  const std::int64_t now = clock_.NowUs();
  if (now < next_letter_scan_us_ || letters_dirty_) return Ok();  // an unwritten letter is not handed out
  while (letters_in_sink_.size() < kLettersInSink) {
    const auto id = letters_->NextDue(now, letters_in_sink_);
    if (!id) {
      const std::int64_t next = letters_->next_due_us();
      // Parked letters become due when an earlier one goes; that resets the time below.
      next_letter_scan_us_ = next == 0 ? now + 60'000'000 : std::max(next, now + 1'000);
      return Ok();
    }
    HG_ASSIGN_OR_RETURN(const auto letter, DeadLetters::Read(store_, name_, *id));
    if (!letter)
      return Corrupt("dead letter " + std::to_string(*id) + " of sink " + name_ + " is in the index but not stored");
    letters_in_sink_.insert(*id);
    HG_RETURN_IF_ERROR(sink_.Retry(*letter));
  }
  return Ok();
}

// Once they are in the sink, as far as it takes them.
void Deliver::HurryLetters() {
  if (hurried_.empty()) return;
  sink_.Hurry(hurried_);
  hurried_.clear();
}

// So many at a time that one command for very many letters is many rounds of the loop.
void Deliver::TakeCommands() {
  for (std::size_t left = kIdsAtOnce; left > 0;) {
    if (!command_) {
      command_ = commands_.TryPop();
      obeyed_ = 0;
    }
    if (!command_) return;
    for (; obeyed_ < command_->ids.size() && left > 0; --left) Obey(*command_, command_->ids[obeyed_++]);
    next_letter_scan_us_ = 0;
    if (obeyed_ < command_->ids.size()) return;
    if (command_->also) {
      command_->also(batch_, {});
      letters_dirty_ = true;
    }
    command_.reset();
  }
}

void Deliver::Obey(const LetterCommand& command, std::uint64_t id) {
  const bool retry = command.kind == LetterCommand::Kind::kRetry;
  bool done = letters_->Contains(id) && !letters_in_sink_.contains(id);
  if (retry && letters_->Contains(id)) hurried_.push_back(id);
  if (retry && letters_in_sink_.contains(id)) {
    done = true;  // it waits there for its turn
  } else if (done && !retry) {
    letters_->Remove(batch_, id);
    letters_dirty_ = true;
    ++discarded_;
  } else if (done) {
    auto letter = DeadLetters::Read(store_, name_, id);
    done = letter.ok() && *letter;
    if (done) {
      (*letter)->state = DeadLetter::State::kRetrying;
      (*letter)->next_try_us = clock_.NowUs();
      letters_->Update(batch_, **letter);
      letters_dirty_ = true;
    }
  }
  if (command.report) command.report(done);
  HG_FAILPOINT("deliver.letter");
}

std::optional<LetterCommand> Deliver::TakeCommand() {
  if (!command_) return commands_.TryPop();
  LetterCommand rest = *std::exchange(command_, std::nullopt);
  rest.ids.erase(rest.ids.begin(), rest.ids.begin() + static_cast<std::ptrdiff_t>(obeyed_));
  return rest;
}

void Deliver::Store(At at, DeadLetter letter) {
  letter.at = at;
  if (letter.state == DeadLetter::State::kDead) ++dead_;
  letters_->Add(batch_, std::move(letter));
  letters_dirty_ = true;
  next_letter_scan_us_ = 0;
  progressed_ = true;
  if (!target_ || IsState(at)) Pass(PendingAt(at));
}

Status Deliver::SyncLetters() {
  if (!letters_dirty_) return Ok();
  HG_RETURN_IF_ERROR(Persist(true));
  return letters_dirty_ ? Status(Transient("dead letters cannot be written to the data directory")) : Ok();
}

Status Deliver::Reread(std::span<const At> ats, const std::function<Status(const Event&)>& each) {
  const auto registry = log_.registry();
  const auto reader = log_.NewReader();
  LogReader::Block block;
  for (std::size_t next = 0; next < ats.size();) {
    if (block.seq != ats[next].seq) reader->Seek(ats[next].seq);
    HG_ASSIGN_OR_RETURN(const bool more, reader->Next(block));
    if (!more || block.seq != ats[next].seq)
      return Corrupt("change " + ToText(ats[next]) + " is not in the log any more, before sink " + name_ + " was done");
    Change change;
    for (ChangeReader changes = block.Changes(); next < ats.size() && changes.Next(change);) {
      if (At{block.seq, change.ordinal} != ats[next]) continue;
      Event event = EventOf(*registry, block, change);
      if (transforms_ != nullptr) {
        HG_ASSIGN_OR_RETURN([[maybe_unused]] const bool taken, transforms_->Apply(event, false));
      }
      HG_RETURN_IF_ERROR(each(event));
      ++next;
    }
  }
  return Ok();
}

Result<bool> Deliver::Overtake(At at, std::span<const LetterLane> lanes, bool replaces) {
  HG_RETURN_IF_ERROR(SyncLetters());
  bool behind = false;
  for (const std::uint64_t id : letters_->InFrontOf(lanes)) {
    HG_ASSIGN_OR_RETURN(const auto letter, DeadLetters::Read(store_, name_, id));
    if (letter && letter->at >= at) continue;  // of a later one: the sink was rewound
    if (!letter) return Corrupt("dead letter " + std::to_string(id) + " of sink " + name_ + " is not stored");
    if (!replaces || !Replaces(lanes, *letter)) {
      behind = true;
      continue;
    }
    letters_->Remove(batch_, id);
    letters_in_sink_.erase(id);
    letters_dirty_ = true;
    ++discarded_;
  }
  return behind;
}

void Deliver::LetterDelivered(std::uint64_t id) {
  ++delivered_;
  letters_in_sink_.erase(id);
  ++letters_untold_;
  if (letters_named_.size() < kLettersNamed) {
    if (const auto letter = DeadLetters::Read(store_, name_, id); letter.ok() && *letter)
      letters_named_.push_back((*letter)->event_id);
  }
  letters_->Remove(batch_, id);
  letters_dirty_ = true;
  next_letter_scan_us_ = 0;
}

void Deliver::LetterFailed(DeadLetter letter) {
  if (letter.state == DeadLetter::State::kDead) ++dead_;
  letters_in_sink_.erase(letter.id);
  letters_->Update(batch_, letter);
  letters_dirty_ = true;
  next_letter_scan_us_ = 0;
}

// One event for all that went with one write (AP18).
void Deliver::TellOfLetters() {
  if (letters_untold_ == 0) return;
  ServiceEvent event;
  event.kind = "letters_delivered";
  event.connector = name_;
  event.actor = "service";
  const std::size_t count = std::exchange(letters_untold_, 0);
  event.summary = std::to_string(count) + (count == 1 ? " dead letter" : " dead letters") + " delivered";
  for (const std::string& id : std::exchange(letters_named_, {})) {
    std::string& list = event.details["event_ids"];
    list += (list.empty() ? "" : ", ") + id;
  }
  events_.Add(batch_, std::move(event));
}

}  // namespace headgate
