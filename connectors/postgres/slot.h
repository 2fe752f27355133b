#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/connection.h"
#include "core/base/result.h"

// The replication slot: made, found again, and compared with what we left (P3, PG-15).
namespace headgate::postgres {

// How long a slot is waited for whose last user is just ending, and how often it is looked at.
inline constexpr auto kSlotWait = std::chrono::milliseconds(2'000);
inline constexpr auto kSlotLook = std::chrono::milliseconds(50);

struct Identity {
  std::string system_identifier;
  std::uint32_t timeline = 0;
  std::uint64_t wal_position = 0;  // the server's end of WAL
};
// IDENTIFY_SYSTEM, on a replication connection.
Result<Identity> IdentifySystem(Connection& replication, std::stop_token stop);

// The place where `timeline` was left for a newer one, from the text of a timeline history file; nothing if it is not
// in it.
std::optional<std::uint64_t> LeftTimelineAt(std::string_view history, std::uint32_t timeline);
// The same asked from the server, which is now on `current`.
Result<std::optional<std::uint64_t>> ReadTimelineSwitch(Connection& replication, std::uint32_t left,
                                                        std::uint32_t current, std::stop_token stop);

struct NewSlot {
  std::uint64_t consistent_point = 0;
  std::string snapshot;  // of EXPORT_SNAPSHOT; valid until the next command on that connection
};
// A slot while the server makes it, which waits for the transactions that run at the moment, however long that takes.
// Lives on the ingest thread. To end it early is not enough to close the session: its process hears of nothing while it
// waits for a transaction (EndWaitingSql).
class SlotCreation {
 public:
  // `replication` is used for nothing else. No snapshot is exported unless asked for.
  static Result<std::unique_ptr<SlotCreation>> Begin(std::unique_ptr<Connection> replication, const std::string& name,
                                                     bool temporary, bool export_snapshot);
  // The slot once it is there. Never waits. Keep the object while the snapshot, or a temporary slot, is needed.
  Result<std::optional<NewSlot>> Poll();
  // Until the server has said something or the deadline passes.
  Status Wait(Connection::Deadline deadline, std::stop_token stop) {
    return replication_->WaitReadable(deadline, std::move(stop));
  }
  int backend_pid() const { return replication_->backend_pid(); }
  std::unique_ptr<Connection> TakeSession() { return std::move(replication_); }

 private:
  SlotCreation(std::unique_ptr<Connection> replication, std::string tried)
      : replication_(std::move(replication)), tried_(std::move(tried)) {}

  std::unique_ptr<Connection> replication_;
  std::string tried_;
};

// The transaction that the making of a slot waits for, as rows of one column: processes that have it, separated by
// commas, 0 for a prepared one. No row: it does not wait, or no longer.
std::string WaitsForSql(int creation_pid);
// Ends it.
std::string EndWaitingSql(int creation_pid);
// Ends the making of temporary slots that a process of ours which was killed has left behind. Only for the holder of
// the claim.
std::string EndLeftBehindSql(const Options& options);
// Names of temporary slots end with their session; they only must not meet another of the moment.
std::string TemporarySlotName(const Options& options, std::int64_t now_us);

// Waits for the slot; only a stop request ends that. Meanwhile it calls `waiting` about every second.
Result<NewSlot> AwaitSlot(SlotCreation& creation, const std::function<void()>& waiting, const std::stop_token& stop);

// Two sources on one slot would each make the publication theirs, and both stay healthy while they lose changes. So a
// source claims its slot's name, as an advisory lock of its query session, before it touches anything, and keeps the
// claim while that session lives: the slot itself is not held while a snapshot is read. Waits 2 s for a session that is
// just ending; then kTransient, with the session that has it.
Status ClaimSlot(Connection& connection, std::stop_token stop);
// The same for users of the slot that make no claim. Returns the slot as it then is.
Result<std::optional<SlotFacts>> AwaitIdleSlot(Connection& connection, Catalog& catalog, std::stop_token stop);

// Nothing if the slot is not there. One whose last user is just leaving is waited for, 2 s at most; then kTransient.
Status DropSlot(Connection& connection, const std::string& name, std::stop_token stop);

// What we knew when we last stored our progress.
struct LastSeen {
  std::string system_identifier;
  std::uint32_t timeline = 0;
  std::uint64_t durable = 0;  // end of the last commit, or keep-alive position, that is durable here
};
struct GapVerdict {
  std::string reason;  // of the change-events contract 4.2; "" if the history goes on
  std::string text;    // what was found, for people
};
// Does the history that the slot offers now go on where ours ends? Pure. `switched_at`: where the server left our
// timeline, if it did.
GapVerdict Compare(const LastSeen& last, const Identity& now, const std::optional<SlotFacts>& slot,
                   std::optional<std::uint64_t> switched_at);

}  // namespace headgate::postgres
