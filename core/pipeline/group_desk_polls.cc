#include <algorithm>

#include "core/base/diag.h"
#include "core/pipeline/group_desk_state.h"

// How the thread of the groups hands records out, takes them back, and deals with what retention has dropped.
namespace headgate {
namespace {

constexpr auto kScanSlice = std::chrono::milliseconds(5);  // of one poll, in turn with the others
constexpr std::size_t kWaitingMax = 10'000;                // records that are known and may not go yet, of a group
constexpr std::size_t kAnswerBytesMax = 4 << 20;
constexpr Seq kSaveScanEvery = 10'000;
constexpr auto kCountLost = std::chrono::seconds(2);
constexpr auto kScanOn = std::chrono::seconds(2);  // beyond what a poll would wait, if the log has more to look at

}  // namespace

// True if one of them has not seen the end of the log yet.
bool GroupDesk::ServePolls() {
  bool any_more = false;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    bool more = false;
    const auto late = parts_.clock->Now() - it->until;
    auto polled = Serve(it->poll,
                        late >= kScanOn     ? Patience::kNone
                        : late.count() >= 0 ? Patience::kScan
                                            : Patience::kWait,
                        more);
    if (polled.ok() && !*polled) {
      any_more = any_more || more;
      ++it;
      continue;
    }
    const auto answer = std::move(it->answer);
    it = waiting_.erase(it);
    if (polled.ok()) {
      answer(*std::move(*polled));
    } else {
      answer(std::move(polled).error());
    }
  }
  return any_more;
}

// Nothing: it waits on. `more`: the scan is not at the end.
Result<std::optional<GroupDesk::Polled>> GroupDesk::Serve(const Poll& poll, Patience patience, bool& more) {
  const auto found = groups_.find(poll.name);
  Group* group = found == groups_.end() ? nullptr : found->second.get();
  if (group == nullptr) {
    HG_ASSIGN_OR_RETURN(group, Create(poll.name, {}, {parts_.log->first_seq(), 0}, poll.caller));
  }
  if (Status faced = FaceLoss(*group); !faced.ok()) {
    Publish(poll.name);  // what was lost
    return std::move(faced).error();
  }
  Polled polled;
  const std::uint64_t serial = NewSerial();
  const auto taken = group->state.Take(poll.consumer, poll.max, serial, parts_.clock->NowUs());
  HG_RETURN_IF_ERROR(HandOut(*group, taken, polled));
  bool at_end = false;
  const bool full = group->state.in_flight() >= group->record.settings.in_flight_max;
  const bool held = group->state.ready() >= kWaitingMax;
  if (polled.records.size() < poll.max && !full && !held) {
    HG_ASSIGN_OR_RETURN(at_end, ScanFor(*group, poll, serial, polled));
    more = !at_end;
  }
  if (!polled.records.empty()) {
    // Not synced: what a power cut takes back is handed out again.
    StoreBatch batch;
    HG_RETURN_IF_ERROR(Save(*group, batch, false));
    return std::optional(std::move(polled));
  }
  if (group->state.floor().seq > group->record.floor.seq + kSaveScanEvery) {
    StoreBatch batch;
    HG_RETURN_IF_ERROR(Save(*group, batch, false));
  }
  if (patience == Patience::kWait || (more && patience == Patience::kScan)) return std::optional<Polled>();
  polled.reason = full ? "in_flight_limit" : group->state.ready() > 0 ? "held" : more ? "scanning" : "end";
  return std::optional(std::move(polled));
}

// Those that were known before.
Status GroupDesk::HandOut(Group& group, const std::vector<At>& taken, Polled& polled) {
  for (const At at : taken) {
    const GroupItem item = *group.state.Find(at);
    std::string record;
    if (const auto letter = group.revived.find(at); letter != group.revived.end()) {
      HG_ASSIGN_OR_RETURN(auto kept, DeadLetters::Read(*parts_.store, GroupLetterOwner(group.name), letter->second));
      if (kept) record = std::move(kept->record);
    } else {
      HG_ASSIGN_OR_RETURN(const bool there, group.reader.Find(at));
      if (there) HG_RETURN_IF_ERROR(group.reader.Append(record));
    }
    if (record.empty()) {  // retention was faster than its declaration of the loss
      group.state.Bury(at);
      continue;
    }
    ++group.record.totals.delivered;
    if (item.deliveries > 1) ++group.record.totals.redelivered;
    polled.records.push_back({std::move(record), ToText({at, item.serial, group.record.id}), item.deliveries});
  }
  return Ok();
}

// Goes on through the log until the poll has what it asked for. True at the end of the log.
Result<bool> GroupDesk::ScanFor(Group& group, const Poll& poll, std::uint64_t serial, Polled& polled) {
  std::size_t bytes = 0;
  for (const Delivered& one : polled.records) bytes += one.record.size();
  const std::int64_t now_us = parts_.clock->NowUs();
  const auto visit = [&](At at) -> Result<bool> {
    const bool by_key = group.record.settings.ordering == GroupSettings::Ordering::kKey;
    group.state.Offer(at, by_key ? group.reader.lane() : 0);
    if (!group.state.Take(poll.consumer, 1, serial, now_us).empty()) {
      const GroupItem* const item = group.state.Find(at);
      Delivered& one = polled.records.emplace_back();
      HG_RETURN_IF_ERROR(group.reader.Append(one.record));
      one.token = ToText({at, serial, group.record.id});
      one.deliveries = item->deliveries;
      bytes += one.record.size();
      ++group.record.totals.delivered;
    }
    return polled.records.size() < poll.max && bytes < kAnswerBytesMax && group.state.ready() < kWaitingMax &&
           group.state.in_flight() < group.record.settings.in_flight_max;
  };
  HG_ASSIGN_OR_RETURN(const auto scanned,
                      group.reader.Scan(group.state.next(), Clock::Steady::now() + kScanSlice, visit));
  group.state.Passed(scanned.next);
  return scanned.at_end;
}

// Retention has dropped something of the stream that nobody had acknowledged (D-24): how it goes on is a setting.
Status GroupDesk::FaceLoss(Group& group) {
  const Seq first = parts_.log->first_seq();
  if (group.state.floor().seq < first) {
    HG_ASSIGN_OR_RETURN(group.loss, ReadGroupLoss(*parts_.store, group.name));
    if (group.loss && group.loss->to <= group.state.floor()) group.loss.reset();  // acknowledged just before the drop
    if (!group.loss) group.Lose({first, 0});                                      // nothing of this stream was there
  }
  if (!group.loss) return Ok();
  if (group.record.settings.on_lost == GroupSettings::OnLost::kFail) {
    return Rejected("Retention has dropped " + std::to_string(group.loss->records) + " records of stream " +
                    group.name.stream + " that group " + group.name.group + " had not acknowledged, from " +
                    ToText(group.loss->from) + " to " + ToText(group.loss->to) +
                    ". Seek the group to a place from which it shall go on, or set on_lost to earliest or latest.");
  }
  const bool latest = group.record.settings.on_lost == GroupSettings::OnLost::kLatest;
  group.Lose({latest ? parts_.log->last_seq() + 1 : first, 0});
  group.record.totals.lost += group.loss->records;
  group.loss.reset();
  StoreBatch batch;
  DeleteGroupLoss(batch, group.name);
  return Save(group, batch, true);
}

void GroupDesk::FaceLosses() {
  const bool taken = work_.TryPush([this] {
    for (auto it = groups_.begin(); it != groups_.end();) {
      Group& group = *(it++)->second;
      const GroupName name = group.name;
      static_cast<void>(FaceLoss(group));  // a poll is told
      Publish(name);
    }
  });
  if (taken) signal_.Raise();
}

// On the thread of retention, before anything is dropped.
std::size_t GroupDesk::TellOfLoss(Seq first, StoreBatch& batch) {
  std::size_t losers = 0;
  const Log& log = *parts_.log;
  const auto registry = log.registry();
  for (const auto& [name, status] : *statuses_.Get()) {
    const StreamInfo* const stream = registry->FindStream(name.stream);
    const At floor = std::max(status->record.floor, At{log.first_seq(), 0});
    if (stream == nullptr || floor.seq >= first || log.stats(stream->number).last_seq < floor.seq) continue;
    const auto counted = CountLost(name, floor, first);
    if (!counted.ok()) diag::Warn("deliver", "loss of a consumer group not counted", {{"error", counted.error().what}});
    if (!counted.ok() || counted->records == 0) continue;
    GroupLoss loss = *counted;
    const auto old = ReadGroupLoss(*parts_.store, name);
    if (old.ok() && *old && status->record.floor < (*old)->to) {  // nobody has decided about it yet
      loss.from = (*old)->from;
      loss.records += (*old)->records;
    }
    PutGroupLoss(batch, name, loss);
    AddEvent(batch, name, "loss",
             "retention dropped " + std::to_string(counted->records) + " records of " + name.stream + " before group " +
                 name.group + " had acknowledged them",
             "service");
    ++losers;
  }
  return losers;
}

// What retention would take of the group. Read, because the sums of the log count markers too; of very much, by them.
Result<GroupLoss> GroupDesk::CountLost(const GroupName& name, At from, Seq first) const {
  std::set<At> done;
  HG_RETURN_IF_ERROR(ReadGroupItems(*parts_.store, name, [&](At at, const GroupItem& item) {
    if (item.state == GroupItem::State::kDone) done.insert(at);
  }));
  GroupLoss loss{from, from, 0};
  bool all = false;
  const auto visit = [&](At at) -> Result<bool> {
    all = at.seq >= first;
    if (all || done.contains(at)) return !all;
    ++loss.records;
    loss.to = {at.seq, at.ordinal + 1};
    return true;
  };
  GroupReader reader(*parts_.log, name.stream);
  HG_ASSIGN_OR_RETURN(const auto scanned, reader.Scan(from, Clock::Steady::now() + kCountLost, visit));
  if (all || scanned.at_end || scanned.next.seq >= first) return loss;
  HG_ASSIGN_OR_RETURN(const LogCounts before, parts_.log->CountsBefore(scanned.next));
  HG_ASSIGN_OR_RETURN(const LogCounts kept, parts_.log->CountsBefore({first, 0}));
  const std::size_t i = parts_.log->registry()->FindStream(name.stream)->number - 1;
  if (i >= kept.streams.size()) return loss;
  loss.records += kept.streams[i].records - (i < before.streams.size() ? before.streams[i].records : 0);
  loss.to = {first, 0};
  return loss;
}

// Takes back what is in flight for too long, and buries what failed too often.
void GroupDesk::TendAll() {
  for (auto it = groups_.begin(); it != groups_.end();) {
    Group& group = *(it++)->second;
    const GroupName name = group.name;
    if (const Status tended = Tend(group); !tended.ok())
      diag::Warn("deliver", "state of a consumer group not written",
                 {{"group", name.group}, {"error", tended.error().what}});
  }
}

Status GroupDesk::Tend(Group& group) {
  const std::int64_t due_us = group.state.next_due_us();
  const bool due = due_us != 0 && due_us <= parts_.clock->NowUs();
  if (due) group.state.Expire(parts_.clock->NowUs());
  const auto exhausted = group.state.Exhausted();
  if (!due && exhausted.empty()) return Ok();
  StoreBatch batch;
  for (const At at : exhausted) HG_RETURN_IF_ERROR(Bury(group, at, batch));
  HG_RETURN_IF_ERROR(Save(group, batch, !exhausted.empty()));
  if (!exhausted.empty()) parts_.wake();
  return Ok();
}

// A dead letter with its own copy of the record (D-18); the rest goes on.
Status GroupDesk::Bury(Group& group, At at, StoreBatch& batch) {
  const GroupItem item = *group.state.Find(at);
  const std::string owner = GroupLetterOwner(group.name);
  std::optional<DeadLetter> letter;
  const auto revived = group.revived.find(at);
  if (revived != group.revived.end()) {
    HG_ASSIGN_OR_RETURN(letter, DeadLetters::Read(*parts_.store, owner, revived->second));
    group.revived.erase(revived);
  } else {
    HG_ASSIGN_OR_RETURN(const bool there, group.reader.Find(at));
    if (there) letter = group.reader.Letter();
  }
  group.state.Bury(at);
  if (!letter) return Ok();
  letter->state = DeadLetter::State::kDead;
  letter->attempts += item.deliveries;
  letter->last_failed_us = parts_.clock->NowUs();
  if (letter->first_failed_us == 0) letter->first_failed_us = letter->last_failed_us;
  letter->next_try_us = 0;
  letter->error_class = "deliveries";
  letter->error_message = "handed out " + std::to_string(letter->attempts) +
                          " times and never acknowledged, last to consumer " + item.consumer;
  ++group.record.totals.dead;
  if (letter->id != 0) {
    group.letters->Update(batch, *letter);
  } else {
    group.letters->Add(batch, *std::move(letter));
  }
  return Ok();
}

}  // namespace headgate
