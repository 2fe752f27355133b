#include "core/state/replays.h"

#include "core/state/state.pb.h"

namespace headgate {
namespace {

std::string ReplaysKey(std::string_view sink) { return std::string("replays/").append(sink); }

}  // namespace

Result<Replays> ReadReplays(const Store& store, std::string_view sink) {
  HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kMeta, ReplaysKey(sink)));
  Replays replays;
  if (!value) return replays;
  stored::StoredReplays in;
  if (!in.ParseFromString(*value)) return Corrupt("what sink " + std::string(sink) + " sends again cannot be read");
  replays.until = {in.until_seq(), in.until_ordinal()};
  for (const stored::StoredReplay& one : in.replays()) {
    Replay& replay = replays.list.emplace_back();
    replay.from = {one.from_seq(), one.from_ordinal()};
    replay.streams.assign(one.streams().begin(), one.streams().end());
    replay.key = one.key();
  }
  return replays;
}

void PutReplays(StoreBatch& batch, std::string_view sink, const Replays& replays) {
  if (replays.empty()) return DeleteReplays(batch, sink);
  stored::StoredReplays out;
  out.set_until_seq(replays.until.seq);
  out.set_until_ordinal(replays.until.ordinal);
  for (const Replay& replay : replays.list) {
    stored::StoredReplay& one = *out.add_replays();
    one.set_from_seq(replay.from.seq);
    one.set_from_ordinal(replay.from.ordinal);
    for (const std::string& stream : replay.streams) one.add_streams(stream);
    one.set_key(replay.key);
  }
  batch.Put(Family::kMeta, ReplaysKey(sink), out.SerializeAsString());
}

void DeleteReplays(StoreBatch& batch, std::string_view sink) { batch.Delete(Family::kMeta, ReplaysKey(sink)); }

}  // namespace headgate
