#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>

#include "core/pipeline/group_desk.h"
#include "core/pipeline/group_reader.h"

// What the thread of the groups has of each of them. Only for group_desk*.cc.
namespace headgate {

struct GroupDesk::Group {
  Group(const Log& log, GroupName n, const GroupRecord& r)
      : name(std::move(n)), record(r), state(r.settings, r.floor), reader(log, name.stream) {}

  void Seek(At to) {
    state.Seek(to);
    ReviveAll();
  }
  void Lose(At first) {
    state.Lose(first);
    ReviveAll();
  }
  // Dead letters have their own copies: no place of the log is needed for them.
  void ReviveAll() {
    for (const auto& [at, id] : revived) state.Revive(at, 0);
  }

  const GroupName name;
  GroupRecord record;  // its floor is the stored one
  ConsumerGroup state;
  GroupReader reader;
  std::unique_ptr<DeadLetters> letters;
  std::map<At, std::uint64_t> revived;  // dead letters that are handed out again, by the place of their record
  std::optional<GroupLoss> loss;        // it stands until it was set to another place
};

struct GroupDesk::Waiting {
  Poll poll;
  Answer<Polled> answer;
  Clock::Steady::time_point until;
};

}  // namespace headgate
