#pragma once

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/log/store.h"
#include "core/pipeline/consumer_group.h"

// The stored form of consumer groups, in Family::kMeta:
//
//   group/<stream>\0<group>\0m               settings, floor and counters
//   group/<stream>\0<group>\0r<seq><ordinal> one record that was handed out or is done (big-endian)
//   group/<stream>\0<group>\0l               what retention has dropped before the group had done it
namespace headgate {

struct GroupName {
  std::string stream;
  std::string group;
  auto operator<=>(const GroupName&) const = default;
};

// What a group has done, ever.
struct GroupTotals {
  std::uint64_t delivered = 0;  // handed out, again and again
  std::uint64_t acknowledged = 0;
  std::uint64_t redelivered = 0;
  std::uint64_t dead = 0;
  std::uint64_t lost = 0;  // dropped by retention
};

struct GroupRecord {
  std::uint64_t id = 0;  // in tokens: another one for a group that takes an old name, or was set to another place
  std::int64_t created_us = 0;
  GroupSettings settings;
  At floor;
  GroupTotals totals;
};

// A declared loss (design D1): what of the stream in [from, to) was not acknowledged; `to` is behind the last of it.
struct GroupLoss {
  At from;
  At to;
  std::uint64_t records = 0;
};

// Under which its dead letters are kept: no connector can have such a name.
std::string GroupLetterOwner(const GroupName& name);
std::optional<GroupName> GroupOfLetters(std::string_view owner);

Status ReadGroups(const Store& store, const std::function<void(GroupName, GroupRecord)>& visit);
Status ReadGroupItems(const Store& store, const GroupName& name, const std::function<void(At, GroupItem)>& visit);
Result<std::optional<GroupLoss>> ReadGroupLoss(const Store& store, const GroupName& name);
void PutGroup(StoreBatch& batch, const GroupName& name, const GroupRecord& record);
void PutGroupItem(StoreBatch& batch, const GroupName& name, At at, const GroupItem& item);
void DeleteGroupItem(StoreBatch& batch, const GroupName& name, At at);
void PutGroupLoss(StoreBatch& batch, const GroupName& name, const GroupLoss& loss);
void DeleteGroupLoss(StoreBatch& batch, const GroupName& name);
// With its dead letters.
void DeleteGroup(StoreBatch& batch, const GroupName& name);

}  // namespace headgate
