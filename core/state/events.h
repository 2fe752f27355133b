#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/log/store.h"

namespace headgate {

// Who asked for a change: "api <address>" with the id of the request, "file", "service".
struct Caller {
  Caller(const char* who) : actor(who) {}            // NOLINT(google-explicit-constructor): a name is a caller
  Caller(std::string who, std::string request = {})  // NOLINT(google-explicit-constructor)
      : actor(std::move(who)), request_id(std::move(request)) {}
  std::string actor;
  std::string request_id;
};

// An entry of the audit and event list (admin API, 4.11).
struct ServiceEvent {
  std::uint64_t id = 0;
  std::int64_t at_us = 0;
  std::string
      kind;  // connector_created, connector_changed, target_state, state, gap, loss, snapshot, letters_discarded, ...
  std::string connector;
  std::string actor;  // "api <address>", "file", "service"
  std::string summary;
  std::map<std::string, std::string> details;  // before, after, range, request_id ...; secrets masked

  void SignedBy(const Caller& caller) {
    actor = caller.actor;
    if (!caller.request_id.empty()) details["request_id"] = caller.request_id;
  }
};

// The one append-only, durable list of what happened. Thread-safe.
class Events {
 public:
  static Result<std::unique_ptr<Events>> Open(const Store& store, const Clock& clock);

  // Fills in id and time and adds the event to the batch of the change it tells of.
  void Add(StoreBatch& batch, ServiceEvent event);
  // Newest first, older than `before_id` (0: from the newest); stops when `visit` returns false.
  Status Read(std::uint64_t before_id, const std::function<bool(ServiceEvent&&)>& visit) const;
  std::uint64_t last_id() const { return next_id_.load() - 1; }
  // Drops events older than `before_us`.
  void Trim(StoreBatch& batch, std::int64_t before_us) const;

 private:
  Events(const Store& store, const Clock& clock) : store_(store), clock_(clock) {}
  const Store& store_;
  const Clock& clock_;
  std::atomic<std::uint64_t> next_id_ = 1;
};

}  // namespace headgate
