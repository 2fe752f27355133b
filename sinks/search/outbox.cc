#include "sinks/search/outbox.h"

#include <algorithm>

namespace headgate::search {
namespace {

// Entries passed over for one request: it does not have to be full if the documents at the front are all under way.
constexpr std::size_t kPassedOverMax = 10'000;

}  // namespace

void Outbox::Add(std::unique_ptr<Entry> entry) {
  entry->order = ++last_order_;
  waiting_bytes_ += entry->bytes;
  waiting_.push_back(std::move(entry));
}

void Outbox::AddLetter(std::unique_ptr<Entry> entry) {
  waiting_bytes_ += entry->bytes;
  const bool behind = !waiting_.empty() && waiting_.front()->truncation;  // it may be under way
  waiting_.insert(waiting_.begin() + (behind ? 1 : 0), std::move(entry));
}

std::optional<std::int64_t> Outbox::oldest_commit_us() const {
  const Entry* oldest = nullptr;
  const auto look = [&](const auto& entries) {
    const auto it = std::ranges::find_if(entries, [](const auto& entry) { return entry->letter == nullptr; });
    if (it != entries.end() && (oldest == nullptr || (*it)->order < oldest->order)) oldest = it->get();
  };
  look(waiting_);
  for (const auto& [number, request] : requests_) look(request.entries);
  return oldest == nullptr ? std::nullopt : std::optional(oldest->commit_us);
}

bool Outbox::MayGo(const Entry& entry, const std::unordered_set<Id, IdHash>& behind, const Request& request) const {
  for (const Document& document : entry.documents) {
    if (document.done) continue;
    const Id id{entry.target, document.id, document.next};
    if (behind.contains(id)) return false;
    for (const auto& [number, other] : requests_) {
      if (other.ids.contains(id)) return false;
    }
    // What was sent before, and is read again, does not speak for what is newer.
    if (request.newest <= entry.version || !request.ids.contains(id)) continue;
    const auto newer = [&](const Sent& sent) {
      return sent.entry->version > entry.version && sent.entry->target == entry.target &&
             sent.entry->documents[sent.document].id == document.id &&
             sent.entry->documents[sent.document].next == document.next;
    };
    if (std::ranges::any_of(request.sent, newer)) return false;
  }
  return true;
}

void Outbox::Append(Request& request, Entry& entry) {
  request.newest = std::max(request.newest, entry.version);
  for (std::size_t i = 0; i < entry.documents.size(); ++i) {
    if (entry.documents[i].done) continue;
    request.sent.push_back({&entry, i, {}});
    request.ids.insert({entry.target, entry.documents[i].id, entry.documents[i].next});
  }
}

// Of several writes to one place the last is sent, and speaks for those before it.
void Outbox::Fold(Request& request) {
  if (request.ids.size() == request.sent.size()) return;
  std::unordered_map<Id, std::vector<std::size_t>, IdHash> places;  // the last of each routing
  for (std::size_t i = 0; i < request.sent.size(); ++i) {
    const Sent& sent = request.sent[i];
    const Document& document = sent.entry->documents[sent.document];
    std::vector<std::size_t>& last = places[{sent.entry->target, document.id, document.next}];
    const auto same = std::ranges::find_if(last, [&](std::size_t other) {
      const Sent& before = request.sent[other];
      return before.entry->documents[before.document].routing == document.routing;
    });
    if (same == last.end()) {
      last.push_back(i);
    } else {
      request.sent[*same].behind = i;
      *same = i;
    }
  }
}

const Outbox::Request* Outbox::Take(std::uint64_t number, std::size_t entries_max, std::size_t bytes_max, Time now) {
  Request request;
  request.at = now;
  std::size_t bytes = 0;
  std::unordered_set<Id, IdHash> behind;  // of those passed over
  std::vector<std::unique_ptr<Entry>> passed;
  while (!waiting_.empty() && request.entries.size() < entries_max && passed.size() < kPassedOverMax) {
    Entry& entry = *waiting_.front();
    if (entry.truncation || (!request.entries.empty() && bytes + entry.bytes > bytes_max)) break;
    if (MayGo(entry, behind, request)) {
      bytes += entry.bytes;
      Append(request, entry);
      request.entries.push_back(std::move(waiting_.front()));
    } else {
      for (const Document& document : entry.documents) behind.insert({entry.target, document.id, document.next});
      passed.push_back(std::move(waiting_.front()));
    }
    waiting_.pop_front();
  }
  waiting_.insert(waiting_.begin(), std::make_move_iterator(passed.begin()), std::make_move_iterator(passed.end()));
  if (request.entries.empty()) return nullptr;
  Fold(request);
  waiting_bytes_ -= bytes;
  under_way_bytes_ += bytes;
  under_way_entries_ += request.entries.size();
  return &requests_.emplace(number, std::move(request)).first->second;
}

Outbox::Request* Outbox::Find(std::uint64_t number) {
  const auto it = requests_.find(number);
  return it == requests_.end() ? nullptr : &it->second;
}

void Outbox::End(std::uint64_t number) {
  const auto it = requests_.find(number);
  if (it == requests_.end()) return;
  auto entries = std::move(it->second.entries);
  requests_.erase(it);
  under_way_entries_ -= entries.size();
  for (const auto& entry : entries) under_way_bytes_ -= entry->bytes;
  std::erase_if(entries, [](const auto& entry) { return entry->settled; });
  if (entries.empty()) return;
  for (const auto& entry : entries) {
    entry->fresh = false;
    waiting_bytes_ += entry->bytes;
  }
  const auto count = static_cast<std::ptrdiff_t>(entries.size());
  waiting_.insert(waiting_.begin(), std::make_move_iterator(entries.begin()), std::make_move_iterator(entries.end()));
  std::inplace_merge(waiting_.begin(), waiting_.begin() + count, waiting_.end(),
                     [](const auto& a, const auto& b) { return a->order < b->order; });
}

std::vector<std::unique_ptr<Entry>> Outbox::ForgetNext() {
  std::vector<std::unique_ptr<Entry>> over;
  std::deque<std::unique_ptr<Entry>> kept;
  for (auto& entry : waiting_) {
    for (Document& document : entry->documents) document.done = document.done || document.next;
    if (entry->truncation || !std::ranges::all_of(entry->documents, &Document::done)) {
      kept.push_back(std::move(entry));
      continue;
    }
    waiting_bytes_ -= entry->bytes;
    over.push_back(std::move(entry));
  }
  waiting_ = std::move(kept);
  return over;
}

void Outbox::MoveToNext(const IndexSetup* target) {
  for (auto& entry : waiting_) {
    if (entry->target != target) continue;
    const bool both = std::ranges::any_of(entry->documents, &Document::next);
    for (Document& document : entry->documents) {
      if (both) {
        document.done = document.done || !document.next;
      } else {
        document.next = true;
      }
    }
  }
}

void Outbox::DropFirst() {
  waiting_bytes_ -= waiting_.front()->bytes;
  waiting_.pop_front();
}

}  // namespace headgate::search
