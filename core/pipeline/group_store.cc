#include "core/pipeline/group_store.h"

#include "core/base/bytes.h"
#include "core/state/dead_letters.h"
#include "core/state/letter_operations.h"

namespace headgate {
namespace {

constexpr std::string_view kGroups = "group/";
constexpr std::string_view kGroupsEnd = "group0";  // '0' follows '/'
constexpr std::string_view kOwner = "group\x1f";   // names have no control characters
constexpr std::uint64_t kGroupForm = 1;

std::string PrefixOf(const GroupName& name) {
  std::string key(kGroups);
  key.append(name.stream).push_back('\0');
  key.append(name.group).push_back('\0');
  return key;
}

std::string ItemKey(const GroupName& name, At at) {
  std::string key = PrefixOf(name) + "r";
  PutBigEndian(key, at.seq);
  PutBigEndian(key, at.ordinal);
  return key;
}

void PutAt(std::string& out, At at) {
  PutVarint(out, at.seq);
  PutVarint(out, at.ordinal);
}

At TakeAt(ByteReader& in) {
  At at;
  at.seq = in.Varint();
  at.ordinal = static_cast<std::uint32_t>(in.Varint());
  return at;
}

std::string EncodeGroup(const GroupRecord& record) {
  std::string out;
  PutVarint(out, kGroupForm);
  PutVarint(out, record.id);
  PutSigned(out, record.created_us);
  PutSigned(out, record.settings.ack_timeout_ms);
  PutVarint(out, record.settings.deliveries_max);
  PutVarint(out, record.settings.in_flight_max);
  PutVarint(out, static_cast<std::uint64_t>(record.settings.ordering));
  PutVarint(out, static_cast<std::uint64_t>(record.settings.on_lost));
  PutAt(out, record.floor);
  const GroupTotals& t = record.totals;
  for (const std::uint64_t n : {t.delivered, t.acknowledged, t.redelivered, t.dead, t.lost}) PutVarint(out, n);
  return out;
}

std::optional<GroupRecord> DecodeGroup(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.Varint() != kGroupForm) return std::nullopt;
  GroupRecord record;
  record.id = in.Varint();
  record.created_us = in.Signed();
  record.settings.ack_timeout_ms = in.Signed();
  record.settings.deliveries_max = static_cast<std::uint32_t>(in.Varint());
  record.settings.in_flight_max = static_cast<std::uint32_t>(in.Varint());
  record.settings.ordering = static_cast<GroupSettings::Ordering>(in.Varint());
  record.settings.on_lost = static_cast<GroupSettings::OnLost>(in.Varint());
  record.floor = TakeAt(in);
  GroupTotals& t = record.totals;
  for (std::uint64_t* n : {&t.delivered, &t.acknowledged, &t.redelivered, &t.dead, &t.lost}) *n = in.Varint();
  if (in.failed() || !in.done()) return std::nullopt;
  return record;
}

std::string EncodeItem(const GroupItem& item) {
  std::string out;
  PutVarint(out, static_cast<std::uint64_t>(item.state));
  PutVarint(out, item.lane);
  PutVarint(out, item.serial);
  PutVarint(out, item.deliveries);
  PutSigned(out, item.due_us);
  PutBytes(out, item.consumer);
  return out;
}

std::optional<GroupItem> DecodeItem(std::string_view bytes) {
  ByteReader in(bytes);
  GroupItem item;
  const std::uint64_t state = in.Varint();
  item.lane = in.Varint();
  item.serial = in.Varint();
  item.deliveries = static_cast<std::uint32_t>(in.Varint());
  item.due_us = in.Signed();
  item.consumer = in.Bytes();
  if (in.failed() || !in.done() || state > static_cast<std::uint64_t>(GroupItem::State::kDone)) return std::nullopt;
  item.state = static_cast<GroupItem::State>(state);
  return item;
}

Error Unreadable(const GroupName& name) {
  return Corrupt("the state of group " + name.group + " of stream " + name.stream + " cannot be read");
}

}  // namespace

std::string GroupLetterOwner(const GroupName& name) {
  return std::string(kOwner) + name.stream + kOwner.back() + name.group;
}

std::optional<GroupName> GroupOfLetters(std::string_view owner) {
  if (!owner.starts_with(kOwner)) return std::nullopt;
  owner.remove_prefix(kOwner.size());
  const std::size_t end = owner.find(kOwner.back());
  if (end == std::string_view::npos) return std::nullopt;
  return GroupName{std::string(owner.substr(0, end)), std::string(owner.substr(end + 1))};
}

Status ReadGroups(const Store& store, const std::function<void(GroupName, GroupRecord)>& visit) {
  Status status = Ok();
  HG_RETURN_IF_ERROR(store.Scan(Family::kMeta, kGroups, kGroupsEnd, [&](std::string_view key, std::string_view value) {
    key.remove_prefix(kGroups.size());
    const std::size_t stream = key.find('\0');
    const std::size_t group = stream == std::string_view::npos ? stream : key.find('\0', stream + 1);
    if (group == std::string_view::npos || key.substr(group + 1) != "m") return true;
    GroupName name{std::string(key.substr(0, stream)), std::string(key.substr(stream + 1, group - stream - 1))};
    auto record = DecodeGroup(value);
    if (!record) return status = Unreadable(name), false;
    visit(std::move(name), *std::move(record));
    return true;
  }));
  return status;
}

Status ReadGroupItems(const Store& store, const GroupName& name, const std::function<void(At, GroupItem)>& visit) {
  const std::string from = PrefixOf(name) + "r";
  Status status = Ok();
  const auto each = [&](std::string_view key, std::string_view value) {
    auto item = DecodeItem(value);
    if (!item || key.size() != from.size() + 12) return status = Unreadable(name), false;
    const char* place = key.data() + from.size();
    visit({LoadBigEndian<Seq>(place), LoadBigEndian<std::uint32_t>(place + 8)}, *std::move(item));
    return true;
  };
  HG_RETURN_IF_ERROR(store.Scan(Family::kMeta, from, PrefixOf(name) + "s", each));
  return status;
}

Result<std::optional<GroupLoss>> ReadGroupLoss(const Store& store, const GroupName& name) {
  HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kMeta, PrefixOf(name) + "l"));
  if (!value) return std::optional<GroupLoss>();
  ByteReader in(*value);
  GroupLoss loss;
  loss.from = TakeAt(in);
  loss.to = TakeAt(in);
  loss.records = in.Varint();
  if (in.failed()) return Unreadable(name);
  return std::optional(loss);
}

void PutGroup(StoreBatch& batch, const GroupName& name, const GroupRecord& record) {
  batch.Put(Family::kMeta, PrefixOf(name) + "m", EncodeGroup(record));
}

void PutGroupItem(StoreBatch& batch, const GroupName& name, At at, const GroupItem& item) {
  batch.Put(Family::kMeta, ItemKey(name, at), EncodeItem(item));
}

void DeleteGroupItem(StoreBatch& batch, const GroupName& name, At at) {
  batch.Delete(Family::kMeta, ItemKey(name, at));
}

void PutGroupLoss(StoreBatch& batch, const GroupName& name, const GroupLoss& loss) {
  std::string value;
  PutAt(value, loss.from);
  PutAt(value, loss.to);
  PutVarint(value, loss.records);
  batch.Put(Family::kMeta, PrefixOf(name) + "l", value);
}

void DeleteGroupLoss(StoreBatch& batch, const GroupName& name) { batch.Delete(Family::kMeta, PrefixOf(name) + "l"); }

void DeleteGroup(StoreBatch& batch, const GroupName& name) {
  const std::string from = PrefixOf(name);
  std::string to = from;
  to.back() = '\x01';
  batch.DeleteRange(Family::kMeta, from, to);
  DeadLetters::DeleteAll(batch, GroupLetterOwner(name));
  DeleteLetterOperations(batch, GroupLetterOwner(name));
}

}  // namespace headgate
