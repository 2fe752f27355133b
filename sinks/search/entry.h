#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/pipeline/sink.h"
#include "sinks/search/document.h"
#include "sinks/search/index_setup.h"

namespace headgate::search {

// What is known of one version of a stream. It stays while the sink runs: the log's own registry may change.
struct Route {
  IndexSetup* target = nullptr;
  Layout layout;
  SourceInfo source;
  StreamInfo stream;
  TableSchema schema;
};

// A change as it was handed over, for the dead letter that it may become: few do, so the letter is rendered only then.
struct KeptChange {
  KeptChange(const Event& event, std::shared_ptr<const TransactionInfo> transaction)
      : tx(std::move(transaction)), change(*event.change) {
    rows.reserve(change.before.size() + change.after.size() + change.extra.size());
    rows.append(change.before).append(change.after).append(change.extra);
    const std::string_view all = rows;
    change.before = all.substr(0, change.before.size());
    change.after = all.substr(change.before.size(), change.after.size());
    change.extra = all.substr(change.before.size() + change.after.size());
  }
  KeptChange(const KeptChange&) = delete;  // `change` points into `rows`
  KeptChange& operator=(const KeptChange&) = delete;

  const std::shared_ptr<const TransactionInfo> tx;
  Change change;
  std::string rows;
};

// A change, or a stored letter, from the time it is taken over until it is done or stored.
struct Entry {
  struct Failure {
    std::string error_class;
    int status = 0;
    std::string message;
    std::optional<std::size_t> document;  // the one that was rejected
  };

  std::uint64_t order = 0;  // among all; letters have 0
  At at;
  std::uint64_t version = 0;
  std::int64_t commit_us = 0;
  IndexSetup* target = nullptr;
  std::vector<Document> documents;
  std::size_t bytes = 0;
  std::chrono::steady_clock::time_point added;
  bool truncation = false;  // of everything in target; no documents
  bool truncated = false;   // and that is done; what is left is the next index
  bool fresh = false;       // came into the log after the sink had begun, and is sent for the first time
  bool settled = false;
  std::optional<Failure> failure;  // it ends as a dead letter once all of its documents are done

  // One of them.
  std::unique_ptr<DeadLetter> letter;  // as it is stored
  const Route* route = nullptr;
  std::unique_ptr<KeptChange> kept;
};

}  // namespace headgate::search
