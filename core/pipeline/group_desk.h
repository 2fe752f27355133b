#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/channel.h"
#include "core/base/published.h"
#include "core/base/signal.h"
#include "core/pipeline/deliver.h"
#include "core/pipeline/group_store.h"
#include "core/state/events.h"

namespace headgate {

class GroupReader;

// Names one delivery of a record to a consumer of one group; opaque to clients: "<at>.<serial>.<id of the group>".
struct DeliveryToken {
  At at;
  std::uint64_t serial = 0;
  std::uint64_t group_id = 0;
};
std::string ToText(const DeliveryToken& token);
std::optional<DeliveryToken> ParseDeliveryToken(std::string_view text);

// What anybody may see of a group.
struct GroupStatus {
  GroupRecord record;
  std::size_t in_flight = 0;
  std::size_t waiting = 0;             // known and not handed out: behind an earlier one of their key, or to come again
  std::size_t done = 0;                // acknowledged behind the floor
  std::optional<GroupLoss> loss;       // nobody has decided yet how it goes on
  std::vector<std::string> consumers;  // that hold records
};
using GroupStatuses = std::map<GroupName, std::shared_ptr<const GroupStatus>>;

// All consumer groups of the shard. A thread of its own has them: it reads the log, hands out records, and keeps what
// was acknowledged before it answers. Answers are given on that thread; calls are for any thread and return at once.
//
// Errors of answers: kConfig, a token or group that is none; kRejected, what the state of the group does not allow;
// kTransient, the disk, or too much is asked at once; kStopped.
class GroupDesk {
 public:
  struct Parts {
    Store* store;
    Log* log;
    Events* events;
    const Clock* clock;
    std::function<void()> wake;  // events were written; quick
  };
  template <class T>
  using Answer = std::function<void(Result<T>)>;

  static Result<std::unique_ptr<GroupDesk>> Open(Parts parts);
  ~GroupDesk();
  void Stop();  // polls that wait are answered with kStopped

  struct Made {
    bool created = false;
    std::shared_ptr<const GroupStatus> status;
  };
  // Creates it, or gives an existing one these settings and leaves it where it is.
  void Put(GroupName name, GroupSettings settings, At start, Caller caller, Answer<Made> answer);
  void Seek(GroupName name, At to, Caller caller, Answer<Made> answer);
  void Delete(GroupName name, Caller caller, Answer<bool> answer);

  struct Poll {
    GroupName name;
    std::string consumer;
    std::size_t max = 1;
    std::chrono::milliseconds wait{0};
    Caller caller = "service";
  };
  struct Delivered {
    std::string record;  // JSON
    std::string token;
    std::uint32_t deliveries = 0;  // with this one
  };
  struct Polled {
    std::vector<Delivered> records;
    std::string reason;  // why there are none: end, in_flight_limit, held, scanning; "" if there are
  };
  // Creates the group, with defaults, from the oldest record on. Answers when there is a record, or after the wait.
  void Take(Poll poll, Answer<Polled> answer);

  struct Settled {
    std::size_t done = 0;
    std::vector<std::string> expired;  // were handed out again since: not done by this
  };
  // Durable when it is answered. A token of another group, or none, is kConfig, and nothing is done.
  void Ack(GroupName name, std::vector<std::string> tokens, Answer<Settled> answer);
  void Nack(GroupName name, std::vector<std::string> tokens, std::chrono::milliseconds delay, Answer<Settled> answer);

  // What a person asks of the dead letters of a group.
  void Letters(GroupName name, LetterCommand command);

  // Any thread, as of the last answer.
  std::shared_ptr<const GroupStatuses> groups() const { return statuses_.Get(); }
  // Before retention drops what is in front of `first`: declares what groups lose by that, in the same write. How many
  // groups lose something.
  std::size_t TellOfLoss(Seq first, StoreBatch& batch);
  // After that: the groups face it, whether they are polled or not.
  void FaceLosses();

 private:
  struct Group;
  struct Waiting;
  using Groups = std::map<GroupName, std::unique_ptr<Group>>;

  explicit GroupDesk(Parts parts);
  void Run(std::stop_token stop);
  template <class T>
  void Enqueue(Answer<T> answer, std::function<Result<T>()> work);
  Clock::Steady::time_point NextLook(bool more) const;

  Result<std::unique_ptr<Group>> Load(const GroupName& name, const GroupRecord& record) const;
  Result<Group*> FindOrRefuse(const GroupName& name);
  Result<Group*> Create(const GroupName& name, const GroupSettings& settings, At start, const Caller& caller);
  Result<Made> DoPut(const GroupName& name, const GroupSettings& settings, At start, const Caller& caller);
  Result<Made> DoSeek(const GroupName& name, At to, const Caller& caller);
  Result<bool> DoDelete(const GroupName& name, const Caller& caller);
  using SettleOne = std::function<bool(Group&, const DeliveryToken&)>;
  Result<Settled> Settle(const GroupName& name, const std::vector<std::string>& tokens, const SettleOne& one);
  void DoLetters(const GroupName& name, const LetterCommand& command);

  bool ServePolls();
  enum class Patience { kWait, kScan, kNone };  // of a poll: for records, for the end of the log
  Result<std::optional<Polled>> Serve(const Poll& poll, Patience patience, bool& more);
  Status HandOut(Group& group, const std::vector<At>& taken, Polled& polled);
  Result<bool> ScanFor(Group& group, const Poll& poll, std::uint64_t serial, Polled& polled);
  Status FaceLoss(Group& group);
  Result<GroupLoss> CountLost(const GroupName& name, At from, Seq first) const;
  void TendAll();
  Status Tend(Group& group);
  Status Bury(Group& group, At at, StoreBatch& batch);
  Status Save(Group& group, StoreBatch& batch, bool sync);
  void Reload(const GroupName& name);
  void AddEvent(StoreBatch& batch, const GroupName& name, std::string kind, std::string summary, const Caller& caller);
  void Publish(const GroupName& name);
  std::uint64_t NewSerial();

  const Parts parts_;
  Signal signal_;
  Channel<std::function<void()>> work_{1'024};
  Groups groups_;
  std::list<Waiting> waiting_;
  std::uint64_t serial_ = 0;
  Published<GroupStatuses> statuses_;
  std::shared_ptr<void> subscription_;
  std::jthread thread_;  // last
};

}  // namespace headgate
