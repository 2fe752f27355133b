#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/clock.h"
#include "core/pipeline/rebuild.h"
#include "core/pipeline/retry.h"
#include "sinks/search/call.h"
#include "sinks/search/document.h"
#include "sinks/search/index_setup.h"
#include "sinks/search/options.h"

namespace headgate::search {

// A rebuild by alias swap (search.md 7): what it asks of the server, a call at a time, in the phases of
// core/pipeline/rebuild.h. Knows no sockets; the time is the clock's. What it does in a phase may be done again.
//
//   create  per alias: what stands behind it, which generations there are, their size ─► free disk ─► old --next
//   deleted
//           ─► the new index, with the alias --next (IndexSetup)
//   settle  per index: settings for readers ─► refresh ─► health, until it is good
//   compare when asked: refresh ─► count ─► those that are to be checked
//   swap    look at the aliases ─► all swapped in one request, unless they are
//   retire  when it is due: look at the alias ─► the old index deleted, unless it is behind it again
//   drop    look at --next ─► the index behind it deleted, if this rebuild made it
//
// The documents go by way of Delivery, which asks here for both aliases.
class Rebuild final : public Rebuilder {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // They must outlive it.
  Rebuild(const Options& options, const Identity& identity, const Clock& clock)
      : options_(options),
        identity_(identity),
        clock_(clock),
        back_off_(kFirstWaitMs, kLongestWaitMs),
        documents_(options) {}

  // Rebuilder.
  Status CanRebuild() const override;
  void Take(RebuildPlan plan) override;
  RebuildTold told() const override;
  std::vector<std::string> wanted() const override { return wanted_; }
  void Count(const std::string& stream) override;
  std::optional<std::uint64_t> counted() const override { return counted_; }
  void Check(const Event& event) override;
  std::optional<RebuildChecked> checked() const override;

  // Once it is known what the server is: shapes documents. Nothing else but the above is called before.
  void SetProduct(Product product);

  // Changes go to both.
  bool dual() const;
  // Rows of the state with this run are for the new index alone.
  std::uint64_t run() const { return plan_.run; }
  // Of the index that is made for an alias, by this alias and `--next`; nullptr: none is.
  IndexSetup* Next(const std::string& alias) const;
  // The next index that has to be looked at, made or extended before anything else is sent.
  IndexSetup* Unready() const;
  // The answer to what Unready wanted, in this run and for this alias.
  Status SetUp(std::uint64_t run, const std::string& alias, const Answer& answer);
  // Nothing may be under way, and nothing new is taken.
  bool WantsQuiet() const {
    return plan_.phase == RebuildPhase::kSwap && told_.phase == RebuildPhase::kSwap && told_.error.empty();
  }
  // Of a shape that documents have, of this version of the stream: the new index takes them too.
  void Want(const std::string& alias, const Layout& layout, std::uint32_t version);

  // What is to be sent now, if anything; `quiet`: nothing is under way.
  std::optional<Call> NextCall(bool quiet);
  void Answered(const Answer& answer);
  void Unanswered(std::string_view text);
  Time NextWake(bool quiet) const;

  // A stream's index cannot take its changes any more.
  void Ask(const std::string& stream);
  // True from its creation to the swap, if this alias gets a new index by it.
  bool Covers(const std::string& alias) const;
  bool IsUnderWay() const {
    return begun_ && plan_.phase <= RebuildPhase::kSwap && told_.phase <= RebuildPhase::kSwap && told_.error.empty();
  }

  // How documents of the new index fare. Transient errors are borne for some minutes (Q30).
  void DocumentTaken();
  void DocumentRefused(std::string_view text);
  void DocumentRejected(std::string_view text);
  // It ends, and what is read now stays.
  void Fail(std::string text);

  // Once after a swap: each alias, and what it stands for now.
  std::vector<std::pair<std::string, const IndexSetup*>> TakeSwapped();

 private:
  static constexpr std::int64_t kFirstWaitMs = 1'000;
  static constexpr std::int64_t kLongestWaitMs = 60'000;

  enum class Step : std::uint8_t {
    kFindOld,
    kFindGenerations,
    kSize,
    kFree,
    kDropLeft,
    kMake,
    kRestore,
    kRefresh,
    kHealth,
    kCountRefresh,
    kCount,
    kCheck,
    kLook,
    kSwap,
    kDelete,
    kIdle,
  };
  struct Target {
    RebuildStream stream;
    std::string alias;
    std::string old_index;  // "": nothing stands behind the alias
    std::string new_index;
    unsigned number = 0;
    std::uint64_t bytes = 0;           // of the old one
    std::vector<std::string> left;     // of rebuilds that ended long ago
    std::unique_ptr<IndexSetup> next;  // from kMake on
  };

  // A document as it is to be, with the version that it has at most.
  struct Sample {
    Document document;
    std::uint64_t version = 0;
  };

  static std::string NextAlias(const Target& target) { return target.alias + "--next"; }
  void Begin();
  std::string Notes() const;
  void MakeNext(Target& target, bool may_make);
  void Moved(RebuildPhase phase);
  Step FirstStep() const;
  bool NeedsQuiet() const { return WantsQuiet() || step_ == Step::kCountRefresh; }
  void NextTarget(Step first, Step then);
  Call CallOf(const Target& target) const;
  Call SwapCall() const;
  void JudgeCreate(Target& target, const Answer& answer);
  void Make();
  void FoundOld(Target& target, const Answer& answer);
  void FoundGenerations(Target& target, const Answer& answer);
  void FoundFree(const Answer& answer);
  void JudgeSettle(const Answer& answer);
  void JudgeCheck(const Answer& answer);
  void JudgeSwap(const Target& target, const Answer& answer);
  void Swapped();
  void JudgeEnd(Target& target, const Answer& answer);
  void Hold(std::string_view text);

  const Options& options_;
  const Identity& identity_;
  const Clock& clock_;
  std::optional<Product> product_;
  BackOff back_off_;
  RebuildPlan plan_;                 // as stored
  RebuildTold told_;                 // what is done
  std::vector<std::string> wanted_;  // streams
  bool begun_ = false;               // targets_ are known
  std::vector<Target> targets_;
  std::size_t target_ = 0;
  Step step_ = Step::kIdle;
  bool under_way_ = false;
  bool swapped_ = false;  // and not taken yet
  Time held_until_{};
  std::optional<Time> calls_failing_since_;
  std::optional<Time> documents_failing_since_;
  std::size_t rejected_in_row_ = 0;
  bool proven_ = false;  // a document is in both
  std::optional<std::uint64_t> counted_;
  DocumentEncoder documents_;
  std::vector<Sample> samples_;              // to be looked at, the last first
  std::map<std::uint32_t, Layout> layouts_;  // of samples, by version of their stream
  RebuildChecked checked_;
};

}  // namespace headgate::search
