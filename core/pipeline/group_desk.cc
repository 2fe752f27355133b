#include "core/pipeline/group_desk.h"

#include <algorithm>
#include <charconv>

#include "core/base/diag.h"
#include "core/pipeline/group_desk_state.h"

// The thread of the groups, how they come and go, and what is acknowledged. Polls: group_desk_polls.cc.
namespace headgate {
namespace {

constexpr std::size_t kGroupsMax = 1'000;
constexpr auto kLookAgain = std::chrono::seconds(10);

std::string Shown(const GroupName& name) { return "group " + name.group + " of stream " + name.stream; }

std::optional<std::uint64_t> TakeNumber(std::string_view& text, char end) {
  std::uint64_t n = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  const auto length = static_cast<std::size_t>(stop - text.data());
  if (error != std::errc() || length == 0) return std::nullopt;
  if (end == '\0' ? length != text.size() : length == text.size() || *stop != end) return std::nullopt;
  text.remove_prefix(end == '\0' ? length : length + 1);
  return n;
}

}  // namespace

std::string ToText(const DeliveryToken& token) {
  return ToText(token.at) + "." + std::to_string(token.serial) + "." + std::to_string(token.group_id);
}

std::optional<DeliveryToken> ParseDeliveryToken(std::string_view text) {
  DeliveryToken token;
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos || !ParseAt(text.substr(0, dot), token.at)) return std::nullopt;
  text.remove_prefix(dot + 1);
  const auto serial = TakeNumber(text, '.');
  const auto group = serial ? TakeNumber(text, '\0') : std::nullopt;
  if (!group) return std::nullopt;
  token.serial = *serial;
  token.group_id = *group;
  return token;
}

GroupDesk::GroupDesk(Parts parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<GroupDesk>> GroupDesk::Open(Parts parts) {
  auto desk = std::unique_ptr<GroupDesk>(new GroupDesk(std::move(parts)));
  std::vector<std::pair<GroupName, GroupRecord>> records;
  HG_RETURN_IF_ERROR(ReadGroups(*desk->parts_.store, [&](GroupName name, const GroupRecord& record) {
    records.emplace_back(std::move(name), record);
  }));
  for (const auto& [name, record] : records) {
    HG_ASSIGN_OR_RETURN(desk->groups_[name], desk->Load(name, record));
    desk->serial_ = std::max(desk->serial_, record.id);
    desk->Publish(name);
  }
  GroupDesk* const raw = desk.get();
  desk->subscription_ = raw->parts_.log->Subscribe([raw] { raw->signal_.Raise(); });
  desk->thread_ = std::jthread([raw](std::stop_token stop) { raw->Run(stop); });
  return desk;
}

GroupDesk::~GroupDesk() { Stop(); }

void GroupDesk::Stop() {
  work_.Close();
  thread_ = std::jthread();
  subscription_.reset();
}

void GroupDesk::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    while (auto work = work_.TryPop()) (*work)();
    TendAll();
    const bool more = ServePolls();
    signal_.WaitUntil(NextLook(more), stop);
  }
  while (auto work = work_.TryPop()) (*work)();
  for (const Waiting& one : waiting_) one.answer(Stopped());
  waiting_.clear();
  // Where the scans are saves reading the same again.
  for (const auto& [name, group] : groups_) {
    StoreBatch batch;
    static_cast<void>(Save(*group, batch, false));
  }
}

// `more`: a poll has not seen the end of the log yet.
Clock::Steady::time_point GroupDesk::NextLook(bool more) const {
  const auto now = parts_.clock->Now();
  if (more) return now;
  auto next = now + kLookAgain;
  for (const Waiting& one : waiting_) next = std::min(next, one.until);
  const std::int64_t now_us = parts_.clock->NowUs();
  for (const auto& [name, group] : groups_) {
    const std::int64_t due_us = group->state.next_due_us();
    if (due_us != 0) next = std::min(next, now + std::chrono::microseconds(std::max<std::int64_t>(due_us - now_us, 0)));
  }
  return next;
}

// Work is answered on the thread, or at once if too much waits there.
template <class T>
void GroupDesk::Enqueue(Answer<T> answer, std::function<Result<T>()> work) {
  const bool taken = work_.TryPush([answer, work = std::move(work)] { answer(work()); });
  if (!taken) return answer(Transient("the consumer groups have too much to do at the moment, or stop; try again"));
  signal_.Raise();
}

void GroupDesk::Put(GroupName name, GroupSettings settings, At start, Caller caller, Answer<Made> answer) {
  Enqueue<Made>(std::move(answer), [=, this] { return DoPut(name, settings, start, caller); });
}

void GroupDesk::Seek(GroupName name, At to, Caller caller, Answer<Made> answer) {
  Enqueue<Made>(std::move(answer), [=, this] { return DoSeek(name, to, caller); });
}

void GroupDesk::Delete(GroupName name, Caller caller, Answer<bool> answer) {
  Enqueue<bool>(std::move(answer), [=, this] { return DoDelete(name, caller); });
}

void GroupDesk::Ack(GroupName name, std::vector<std::string> tokens, Answer<Settled> answer) {
  Enqueue<Settled>(std::move(answer), [this, name = std::move(name), tokens = std::move(tokens)] {
    return Settle(name, tokens, [](Group& group, const DeliveryToken& token) {
      if (!group.state.Ack(token.at, token.serial)) return false;
      ++group.record.totals.acknowledged;
      return true;
    });
  });
}

void GroupDesk::Nack(GroupName name, std::vector<std::string> tokens, std::chrono::milliseconds delay,
                     Answer<Settled> answer) {
  Enqueue<Settled>(std::move(answer), [this, name = std::move(name), tokens = std::move(tokens), delay] {
    const std::int64_t due_us = delay.count() == 0 ? 0 : parts_.clock->NowUs() + delay.count() * 1'000;
    return Settle(name, tokens, [due_us](Group& group, const DeliveryToken& token) {
      return group.state.Nack(token.at, token.serial, due_us);
    });
  });
}

void GroupDesk::Take(Poll poll, Answer<Polled> answer) {
  const auto until = parts_.clock->Now() + poll.wait;
  const bool taken = work_.TryPush([this, poll = std::move(poll), answer, until] {
    waiting_.push_back({poll, answer, until});
  });
  if (!taken) return answer(Transient("the consumer groups have too much to do at the moment, or stop; try again"));
  signal_.Raise();
}

void GroupDesk::Letters(GroupName name, LetterCommand command) {
  const auto shared = std::make_shared<LetterCommand>(std::move(command));
  if (work_.TryPush([this, name = std::move(name), shared] { DoLetters(name, *shared); })) return signal_.Raise();
  for (std::size_t i = 0; shared->report && i < shared->ids.size(); ++i) shared->report(false);
}

// What is stored, with the dead letters that go out again.
Result<std::unique_ptr<GroupDesk::Group>> GroupDesk::Load(const GroupName& name, const GroupRecord& record) const {
  auto group = std::make_unique<Group>(*parts_.log, name, record);
  HG_RETURN_IF_ERROR(
      ReadGroupItems(*parts_.store, name, [&](At at, GroupItem item) { group->state.Restore(at, std::move(item)); }));
  HG_ASSIGN_OR_RETURN(group->loss, ReadGroupLoss(*parts_.store, name));
  if (group->loss && group->loss->to <= record.floor) group->loss.reset();  // it was acknowledged just before the drop
  const std::string owner = GroupLetterOwner(name);
  HG_ASSIGN_OR_RETURN(group->letters, DeadLetters::Open(*parts_.store, owner));
  HG_RETURN_IF_ERROR(DeadLetters::Scan(*parts_.store, owner, 0, false, [&](DeadLetter&& letter) {
    if (letter.state != DeadLetter::State::kRetrying) return true;
    group->revived[letter.at] = letter.id;
    if (group->state.Find(letter.at) == nullptr) group->state.Revive(letter.at, 0);
    return true;
  }));
  static_cast<void>(group->state.TakeChanged());
  return group;
}

// After a write that failed: what is in memory goes back to what is stored.
void GroupDesk::Reload(const GroupName& name) {
  const auto found = groups_.find(name);
  if (found == groups_.end()) return;
  GroupRecord stored = found->second->record;
  static_cast<void>(ReadGroups(*parts_.store, [&](const GroupName& one, const GroupRecord& record) {
    if (one == name) stored = record;
  }));
  auto group = Load(name, stored);
  if (group.ok()) {
    found->second = *std::move(group);
  } else {
    diag::Error("deliver", "state of a consumer group not read again",
                {{"group", name.group}, {"error", group.error().what}});
  }
  Publish(name);
}

Result<GroupDesk::Group*> GroupDesk::FindOrRefuse(const GroupName& name) {
  const auto found = groups_.find(name);
  if (found != groups_.end()) return found->second.get();
  return ConfigError("There is no " + Shown(name) + ": poll it, or PUT it, first.");
}

Result<GroupDesk::Group*> GroupDesk::Create(const GroupName& name, const GroupSettings& settings, At start,
                                            const Caller& caller) {
  if (groups_.size() >= kGroupsMax)
    return Rejected("There are " + std::to_string(kGroupsMax) +
                    " consumer groups, which is the most. Delete one first.");
  GroupRecord record;
  record.id = NewSerial();
  record.created_us = parts_.clock->NowUs();
  record.settings = settings;
  record.floor = start;
  StoreBatch batch;
  DeleteGroup(batch, name);  // what a deleted one of its name may have left
  PutGroup(batch, name, record);
  AddEvent(batch, name, "group_created", Shown(name) + " created at " + ToText(start), caller);
  HG_RETURN_IF_ERROR(parts_.store->Write(batch, true));
  HG_ASSIGN_OR_RETURN(auto group, Load(name, record));
  Group* const raw = group.get();
  groups_[name] = std::move(group);
  Publish(name);
  parts_.wake();
  return raw;
}

Result<GroupDesk::Made> GroupDesk::DoPut(const GroupName& name, const GroupSettings& settings, At start,
                                         const Caller& caller) {
  Made made;
  const auto found = groups_.find(name);
  if (found == groups_.end()) {
    HG_ASSIGN_OR_RETURN(Group* const group, Create(name, settings, start, caller));
    made.created = group != nullptr;
  } else if (Group& group = *found->second; group.record.settings != settings) {
    group.record.settings = settings;
    StoreBatch batch;
    AddEvent(batch, name, "group_changed", "settings of " + Shown(name) + " changed", caller);
    HG_RETURN_IF_ERROR(Save(group, batch, true));
    Reload(name);  // what is known is judged by the new ones
    parts_.wake();
  }
  made.status = groups()->at(name);
  return made;
}

Result<GroupDesk::Made> GroupDesk::DoSeek(const GroupName& name, At to, const Caller& caller) {
  HG_ASSIGN_OR_RETURN(Group* const group, FindOrRefuse(name));
  const At before = group->state.floor();
  group->Seek(to);
  group->record.id = NewSerial();  // no token of before means anything now
  group->loss.reset();
  StoreBatch batch;
  DeleteGroupLoss(batch, name);
  AddEvent(batch, name, "group_seek", Shown(name) + " set from " + ToText(before) + " to " + ToText(to), caller);
  HG_RETURN_IF_ERROR(Save(*group, batch, true));
  parts_.wake();
  return Made{false, groups()->at(name)};
}

Result<bool> GroupDesk::DoDelete(const GroupName& name, const Caller& caller) {
  HG_RETURN_IF_ERROR(FindOrRefuse(name));
  StoreBatch batch;
  DeleteGroup(batch, name);
  AddEvent(batch, name, "group_deleted", Shown(name) + " deleted", caller);
  HG_RETURN_IF_ERROR(parts_.store->Write(batch, true));
  groups_.erase(name);
  Publish(name);
  parts_.wake();
  return true;
}

Result<GroupDesk::Settled> GroupDesk::Settle(const GroupName& name, const std::vector<std::string>& tokens,
                                             const SettleOne& one) {
  HG_ASSIGN_OR_RETURN(Group* const group, FindOrRefuse(name));
  std::vector<DeliveryToken> parsed;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const std::string place = "deliveries[" + std::to_string(i) + "]";
    const auto token = ParseDeliveryToken(tokens[i]);
    if (!token) return ConfigError(place + " is no delivery that a poll has answered.");
    if (token->group_id != group->record.id) {
      return ConfigError(place + " is of another group, or from before " + Shown(name) +
                         " was set to another place. Nothing was done; poll again.");
    }
    parsed.push_back(*token);
  }
  Settled settled;
  for (std::size_t i = 0; i < parsed.size(); ++i) {
    if (one(*group, parsed[i])) {
      ++settled.done;
    } else {
      settled.expired.push_back(tokens[i]);
    }
  }
  if (settled.done == 0) return settled;
  StoreBatch batch;
  HG_RETURN_IF_ERROR(Save(*group, batch, true));
  return settled;
}

// Handed out again, or forgotten. Execute writes what the letters become.
void GroupDesk::DoLetters(const GroupName& name, const LetterCommand& command) {
  const auto found = groups_.find(name);
  if (found == groups_.end()) {
    for (std::size_t i = 0; command.report && i < command.ids.size(); ++i) command.report(false);
    return;
  }
  const auto done = Execute(command, *parts_.store, GroupLetterOwner(name), parts_.clock->NowUs());
  if (!done.ok())
    diag::Warn("deliver", "dead letters of a consumer group not changed",
               {{"group", name.group}, {"error", done.error().what}});
  if (done.ok() && command.kind == LetterCommand::Kind::kDiscard) {
    Group& group = *found->second;
    for (auto it = group.revived.begin(); it != group.revived.end();) {
      const auto [at, id] = *it;
      const bool gone = std::ranges::find(command.ids, id) != command.ids.end();
      it = gone ? group.revived.erase(it) : std::next(it);
      if (gone) group.state.Bury(at);
    }
  }
  StoreBatch batch;
  if (Save(*found->second, batch, false).ok()) Reload(name);
  parts_.wake();
}

// Nothing of the group is told before it is written.
Status GroupDesk::Save(Group& group, StoreBatch& batch, bool sync) {
  const At floor = group.state.floor();
  for (const At at : group.state.TakeChanged()) {
    const GroupItem* const item = group.state.Find(at);
    if (item != nullptr && ConsumerGroup::IsWorthKeeping(*item)) {
      PutGroupItem(batch, group.name, at, *item);
    } else {
      DeleteGroupItem(batch, group.name, at);
    }
    const auto letter = group.revived.find(at);
    if (letter == group.revived.end() || (item != nullptr && item->state != GroupItem::State::kDone)) continue;
    group.letters->Remove(batch, letter->second);
    group.revived.erase(letter);
  }
  group.record.floor = floor;
  PutGroup(batch, group.name, group.record);
  Status written = parts_.store->Write(batch, sync);
  if (!written.ok()) {
    Reload(group.name);  // `group` is gone
    return written;
  }
  Publish(group.name);
  return Ok();
}

void GroupDesk::AddEvent(StoreBatch& batch, const GroupName& name, std::string kind, std::string summary,
                         const Caller& caller) {
  ServiceEvent event;
  event.kind = std::move(kind);
  event.summary = std::move(summary);
  event.details["stream"] = name.stream;
  event.details["group"] = name.group;
  event.SignedBy(caller);
  parts_.events->Add(batch, std::move(event));
}

void GroupDesk::Publish(const GroupName& name) {
  GroupStatuses all = *statuses_.Get();
  const auto found = groups_.find(name);
  if (found == groups_.end()) {
    all.erase(name);
    return statuses_.Set(std::move(all));
  }
  const Group& group = *found->second;
  auto status = std::make_shared<GroupStatus>();
  status->record = group.record;
  status->record.floor = group.state.floor();
  status->in_flight = group.state.in_flight();
  status->waiting = group.state.ready();
  status->done = group.state.done();
  status->loss = group.loss;
  std::set<std::string> consumers;
  for (const auto& [at, item] : group.state.items()) {
    if (item.state == GroupItem::State::kInFlight) consumers.insert(item.consumer);
  }
  status->consumers.assign(consumers.begin(), consumers.end());
  all[name] = std::move(status);
  statuses_.Set(std::move(all));
}

// Never one that was used before, in any run of the process.
std::uint64_t GroupDesk::NewSerial() {
  serial_ = std::max<std::uint64_t>(serial_ + 1, static_cast<std::uint64_t>(parts_.clock->NowUs()));
  return serial_;
}

}  // namespace headgate
