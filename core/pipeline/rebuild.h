#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/log/log.h"

// A sink's target that is made anew beside the one that is read, and takes its place at once (search.md 7).
namespace headgate {

struct Event;  // sink.h

// Each is entered by the write that stores it, and only then acted on. A sink finds by looking at its target whether
// what it did in one came through.
//
//   kCreate ─► kDual ─► kLoad ─► kSettle ─► kCompare ─► kSwap ─► kRetire ─► kEnded
//      └─────────┴────────┴─────────┴───────────┴── failed or cancelled ─► kDrop ─► kEnded
enum class RebuildPhase : std::uint8_t {
  kNone,     // no rebuild
  kCreate,   // the new target is made
  kDual,     // changes go to both from now on
  kLoad,     // the state of the streams goes to the new one, in the order of the changes
  kSettle,   // it becomes what readers need
  kCompare,  // as many documents as there are rows
  kSwap,     // readers get the new one
  kRetire,   // the old one is kept until it is due
  kDrop,     // the new one is deleted
  kEnded,
};
std::string_view Name(RebuildPhase phase);
inline RebuildPhase PhaseOf(const auto& snapshot) { return static_cast<RebuildPhase>(snapshot.phase()); }

struct RebuildStream {
  SourceInfo source;
  StreamInfo stream;
  TableSchema schema;         // the latest
  std::uint32_t version = 0;  // of it
};

// What is stored of a rebuild.
struct RebuildPlan {
  std::uint64_t run = 0;
  std::string tag;  // of this rebuild and of no other, ever
  RebuildPhase phase = RebuildPhase::kNone;
  std::string notes;  // as the sink gave them
  std::int64_t due_us = 0;
  std::vector<RebuildStream> streams;
};

// What a sink says of it.
struct RebuildTold {
  std::uint64_t run = 0;  // 0: it has none in hand
  RebuildPhase phase = RebuildPhase::kNone;
  std::string notes;
  std::string error;  // it has failed
  std::int64_t due_us = 0;
};

struct RebuildChecked {
  std::uint64_t differ = 0;
  std::string what;
};

// The side of the sink, on its thread. State rows of the run (Position::a) are for the new target alone, all other
// events for both.
class Rebuilder {
 public:
  virtual ~Rebuilder() = default;
  // kRejected with the reason if its target cannot be made anew.
  virtual Status CanRebuild() const = 0;
  // This is stored now. Another run than before: that one is not in hand any more.
  virtual void Take(RebuildPlan plan) = 0;
  // Moves on from all phases but kLoad and kCompare, which the deliver loop ends.
  virtual RebuildTold told() const = 0;
  // Streams whose changes the target cannot take any more, until it is made anew.
  virtual std::vector<std::string> wanted() const = 0;
  // kCompare: no event comes until the documents of this stream are counted.
  virtual void Count(const std::string& stream) = 0;
  virtual std::optional<std::uint64_t> counted() const = 0;
  // A row of the state at a place of the log; its document is to be the same, unless a later change has come. The event
  // holds only during the call.
  virtual void Check(const Event& event) = 0;
  // How many of those since Count differ, and in what one does; no value as long as it is not known.
  virtual std::optional<RebuildChecked> checked() const = 0;
};

}  // namespace headgate
