#include "core/pipeline/sink_offsets.h"

#include <algorithm>

#include "core/state/cursors.h"

namespace headgate {
namespace {

std::string JoinedStreams(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list.empty() ? "none yet" : list;
}

// One behind the end is the end, as of a Kafka topic; what is no longer there is not.
Result<At> PlaceFor(const std::string& stream, Seq seq, const Log& log) {
  const Seq first = log.first_seq();
  const Seq end = log.last_seq() + 1;
  if (seq >= first) return At{std::min(seq, end), 0};
  if (seq == 0 || first <= 1) return At{first, 0};
  return ConfigError("kafka_offset " + std::to_string(seq) + " of " + stream +
                     ": retention has dropped what lies there. It can be from " + std::to_string(first) + " to " +
                     std::to_string(end) + ".");
}

Result<StreamPlaces> Placed(const std::string& sink, const std::vector<std::string>& streams,
                            const std::map<std::string, Seq>& to, const SinkStand& stand, const Log& log) {
  StreamPlaces places = PlacesOf(stand, streams);
  for (const auto& [stream, seq] : to) {
    if (!places.contains(stream))
      return ConfigError(sink + " does not read " + stream + ". It reads: " + JoinedStreams(streams) + ".");
    HG_ASSIGN_OR_RETURN(places[stream], PlaceFor(stream, seq, log));
  }
  const bool by_key = std::ranges::any_of(stand.replays.list, [](const Replay& one) { return !one.key.empty(); });
  if (by_key) {
    return ConfigError(sink +
                       " sends records of single keys again, which places of streams cannot tell. Resume it until "
                       "it has passed " +
                       ToText(stand.replays.until) + ", or rewind it as a whole.");
  }
  return places;
}

}  // namespace

StreamPlaces PlacesOf(const SinkStand& stand, const std::vector<std::string>& streams) {
  StreamPlaces places;
  for (const std::string& stream : streams) {
    At& place = places[stream] = stand.whole_from();
    for (const Replay& one : stand.replays.list) {
      const bool meant = one.streams.empty() || std::ranges::find(one.streams, stream) != one.streams.end();
      if (meant) place = std::min(place, std::max(one.from, stand.cursor));
    }
  }
  return places;
}

SinkStand StandAt(const StreamPlaces& places) {
  SinkStand stand;
  const auto [low, high] = std::ranges::minmax_element(places, {}, &StreamPlaces::value_type::second);
  stand.cursor = low->second;
  if (low->second == high->second) return stand;
  stand.replays.until = high->second;
  for (const auto& [stream, place] : places) {
    if (place < high->second) stand.replays.list.push_back({place, {stream}, ""});
  }
  return stand;
}

Result<PlacedSink> PlaceSink(const std::string& sink, const std::vector<std::string>& streams,
                             const std::map<std::string, Seq>& to, Store& store, const Log& log, Events& events,
                             const Caller& caller) {
  HG_ASSIGN_OR_RETURN(const SinkStand stand, ReadStand(store, log, sink));
  PlacedSink placed;
  placed.before = PlacesOf(stand, streams);
  HG_ASSIGN_OR_RETURN(placed.after, Placed(sink, streams, to, stand, log));
  if (placed.after.empty()) return placed;
  const SinkStand after = StandAt(placed.after);
  StoreBatch batch;
  PutGivenCursor(batch, sink, after.cursor);
  PutReplays(batch, sink, after.replays);
  HG_ASSIGN_OR_RETURN(const auto letters, DeadLetters::Open(store, sink));
  HG_RETURN_IF_ERROR(DeadLetters::Scan(store, sink, 0, false, [&](DeadLetter&& letter) {
    const auto from = placed.after.find(letter.stream);
    const bool again = from != placed.after.end() && !IsState(letter.at) && letter.at >= from->second &&
                       letter.at < placed.before.at(letter.stream);
    if (again) letters->Remove(batch, letter.id);
    return true;
  }));
  ServiceEvent event;
  event.kind = "offsets_altered";
  event.connector = sink;
  event.SignedBy(caller);
  event.summary = "offsets of " + std::to_string(to.size()) + (to.size() == 1 ? " stream" : " streams") + " altered";
  for (const auto& [stream, seq] : to) {
    event.details["before." + stream] = ToText(placed.before.at(stream));
    event.details["after." + stream] = ToText(placed.after.at(stream));
  }
  events.Add(batch, std::move(event));
  HG_RETURN_IF_ERROR(store.Write(batch, true));
  return placed;
}

}  // namespace headgate
