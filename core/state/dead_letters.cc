#include "core/state/dead_letters.h"

#include <algorithm>
#include <functional>
#include <unordered_set>

#include "core/base/bytes.h"
#include "core/state/state.pb.h"

namespace headgate {
namespace {

// Key: sink name, a zero byte (names hold no control characters), id big-endian.
std::string Key(std::string_view sink, std::uint64_t id) {
  std::string key(sink);
  key.push_back('\0');
  PutBigEndian(key, id);
  return key;
}
std::string EndKey(std::string_view sink) {
  std::string key(sink);
  key.push_back('\1');
  return key;
}

// FNV-1a: lanes only need to be told apart within one sink; a collision merely makes a letter wait.
std::uint64_t LaneHash(std::string_view lane) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : lane) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h | 1;  // 0 means unknown
}

std::string Encode(const DeadLetter& l) {
  stored::StoredLetter out;
  out.set_id(l.id);
  out.set_state(static_cast<std::uint32_t>(l.state));
  out.set_event_id(l.event_id);
  out.set_seq(l.at.seq);
  out.set_ordinal(l.at.ordinal);
  out.set_stream(l.stream);
  out.set_op(l.op);
  out.set_key(l.key);
  out.set_lane(l.lane);
  out.set_record(l.record);
  out.set_body(l.body);
  out.set_content_type(l.content_type);
  out.set_source_position(l.source_position);
  out.set_commit_us(l.commit_us);
  out.set_attempts(l.attempts);
  out.set_first_failed_us(l.first_failed_us);
  out.set_last_failed_us(l.last_failed_us);
  out.set_next_try_us(l.next_try_us);
  out.set_error_class(l.error_class);
  out.set_error_status(l.error_status);
  out.set_error_message(l.error_message);
  out.set_request(l.request);
  out.set_response(l.response);
  for (const std::string& line : l.history) out.add_history(line);
  return out.SerializeAsString();
}

std::optional<DeadLetter> Decode(std::string_view bytes) {
  stored::StoredLetter in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  DeadLetter l;
  l.id = in.id();
  l.state = static_cast<DeadLetter::State>(in.state());
  l.event_id = in.event_id();
  l.at = {in.seq(), in.ordinal()};
  l.stream = in.stream();
  l.op = in.op();
  l.key = in.key();
  l.lane = in.lane();
  l.record = in.record();
  l.body = in.body();
  l.content_type = in.content_type();
  l.source_position = in.source_position();
  l.commit_us = in.commit_us();
  l.attempts = in.attempts();
  l.first_failed_us = in.first_failed_us();
  l.last_failed_us = in.last_failed_us();
  l.next_try_us = in.next_try_us();
  l.error_class = in.error_class();
  l.error_status = in.error_status();
  l.error_message = in.error_message();
  l.request = in.request();
  l.response = in.response();
  l.history.assign(in.history().begin(), in.history().end());
  return l;
}

}  // namespace

std::string_view Name(DeadLetter::State state) {
  switch (state) {
    case DeadLetter::State::kWaiting:
      return "waiting";
    case DeadLetter::State::kParked:
      return "parked";
    case DeadLetter::State::kDead:
      return "dead";
    case DeadLetter::State::kRetrying:
      return "retrying";
  }
  return "unknown";
}

Result<std::unique_ptr<DeadLetters>> DeadLetters::Open(const Store& store, std::string sink) {
  auto letters = std::unique_ptr<DeadLetters>(new DeadLetters(store, std::move(sink)));
  bool corrupt = false;
  HG_RETURN_IF_ERROR(store.Scan(Family::kLetters, Key(letters->sink_, 0), EndKey(letters->sink_),
                                [&](std::string_view, std::string_view value) {
                                  auto letter = Decode(value);
                                  corrupt = !letter;
                                  if (letter) letters->Index(*letter, value.size());
                                  return !corrupt;
                                }));
  if (corrupt) return Corrupt("a dead letter of sink " + letters->sink_ + " cannot be read");
  return letters;
}

void DeadLetters::Index(const DeadLetter& letter, std::uint64_t bytes) {
  const std::uint64_t lane = LaneHash(letter.lane);
  index_[letter.id] = {letter.state, lane, letter.next_try_us, bytes};
  ++lanes_[lane];
  bytes_ += bytes;
  next_id_ = std::max(next_id_, letter.id + 1);
}

void DeadLetters::Unindex(std::uint64_t id) {
  const auto it = index_.find(id);
  if (it == index_.end()) return;
  bytes_ -= it->second.bytes;
  if (const auto lane = lanes_.find(it->second.lane); lane != lanes_.end() && --lane->second == 0) lanes_.erase(lane);
  index_.erase(it);
}

std::uint64_t DeadLetters::Add(StoreBatch& batch, DeadLetter letter) {
  letter.id = next_id_++;
  const std::string bytes = Encode(letter);
  batch.Put(Family::kLetters, Key(sink_, letter.id), bytes);
  Index(letter, bytes.size());
  return letter.id;
}

void DeadLetters::Update(StoreBatch& batch, const DeadLetter& letter) {
  const std::string bytes = Encode(letter);
  batch.Put(Family::kLetters, Key(sink_, letter.id), bytes);
  Unindex(letter.id);
  Index(letter, bytes.size());
}

void DeadLetters::Remove(StoreBatch& batch, std::uint64_t id) {
  batch.Delete(Family::kLetters, Key(sink_, id));
  Unindex(id);
}

bool DeadLetters::LaneIsStored(std::string_view lane) const { return lanes_.contains(LaneHash(lane)); }

std::optional<std::uint64_t> DeadLetters::NextDue(std::int64_t now_us,
                                                  const std::function<bool(std::uint64_t)>& busy) const {
  std::unordered_set<std::uint64_t> blocked;  // lanes with an earlier letter that is not due
  for (const auto& [id, entry] : index_) {
    const bool dead = entry.state == DeadLetter::State::kDead;
    const bool due = entry.state == DeadLetter::State::kParked || (!dead && entry.next_try_us <= now_us);
    if (blocked.contains(entry.lane)) continue;
    if (due && !busy(entry.lane)) return id;
    blocked.insert(entry.lane);
  }
  return std::nullopt;
}

std::int64_t DeadLetters::next_due_us() const {
  std::int64_t next = 0;
  for (const auto& [id, entry] : index_) {
    if (entry.state == DeadLetter::State::kDead || entry.state == DeadLetter::State::kParked) continue;
    if (next == 0 || entry.next_try_us < next) next = entry.next_try_us;
  }
  return next;
}

std::vector<std::uint64_t> DeadLetters::Earlier(std::uint64_t id) const {
  std::vector<std::uint64_t> ids;
  const std::uint64_t lane = Lane(id);
  for (const auto& [other, entry] : index_) {
    if (other >= id) break;
    if (entry.lane == lane) ids.push_back(other);
  }
  return ids;
}

std::uint64_t DeadLetters::Lane(std::uint64_t id) const {
  const auto it = index_.find(id);
  return it == index_.end() ? 0 : it->second.lane;
}

Result<std::optional<DeadLetter>> DeadLetters::Read(const Store& store, std::string_view sink, std::uint64_t id) {
  HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kLetters, Key(sink, id)));
  if (!value) return std::optional<DeadLetter>();
  auto letter = Decode(*value);
  if (!letter)
    return Corrupt("dead letter " + std::to_string(id) + " of sink " + std::string(sink) + " cannot be read");
  return letter;
}

Status DeadLetters::Scan(const Store& store, std::string_view sink, std::uint64_t after_id, bool newest_first,
                         const std::function<bool(DeadLetter&&)>& visit) {
  bool corrupt = false;
  const auto each = [&](std::string_view, std::string_view value) {
    auto letter = Decode(value);
    corrupt = !letter;
    return letter ? visit(std::move(*letter)) : false;
  };
  if (newest_first) {
    HG_RETURN_IF_ERROR(
        store.ScanBack(Family::kLetters, Key(sink, 0), after_id == 0 ? EndKey(sink) : Key(sink, after_id), each));
  } else {
    HG_RETURN_IF_ERROR(store.Scan(Family::kLetters, Key(sink, after_id + 1), EndKey(sink), each));
  }
  if (corrupt) return Corrupt("a dead letter of sink " + std::string(sink) + " cannot be read");
  return Ok();
}

void DeadLetters::DeleteAll(StoreBatch& batch, std::string_view sink) {
  batch.DeleteRange(Family::kLetters, Key(sink, 0), EndKey(sink));
}

}  // namespace headgate
