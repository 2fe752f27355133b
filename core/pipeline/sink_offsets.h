#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/pipeline/rewind.h"

// Where a sink stands, stream by stream, as Kafka Connect sees and sets it (admin API, KC22).
namespace headgate {

using StreamPlaces = std::map<std::string, At>;  // the next record of each stream

// Of the streams that it reads.
StreamPlaces PlacesOf(const SinkStand& stand, const std::vector<std::string>& streams);
// Where a sink stands of which these are the places.
SinkStand StandAt(const StreamPlaces& places);

struct PlacedSink {
  StreamPlaces before;
  StreamPlaces after;
};
// Sets some streams of a sink that does not run to other places: `to` names a seq, 0: the oldest that is kept. Cursor,
// letters whose records go out again, and the event that tells of it are one synced write. kConfig, with what is
// possible, if one of them cannot be: then nothing is changed.
Result<PlacedSink> PlaceSink(const std::string& sink, const std::vector<std::string>& streams,
                             const std::map<std::string, Seq>& to, Store& store, const Log& log, Events& events,
                             const Caller& caller);

}  // namespace headgate
