#include "core/state/dead_letters.h"

#include <algorithm>
#include <functional>

#include "core/base/bytes.h"
#include "core/state/state.pb.h"

namespace headgate {
namespace {

// Key: sink name, a zero byte (names hold no control characters), id big-endian.
std::string LetterKey(std::string_view sink, std::uint64_t id) {
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
// The counts by state lie right behind the letters, and the next id behind them.
std::string CountsKey(std::string_view sink) { return EndKey(sink); }

// FNV-1a: lanes only need to be told apart within one sink; a collision merely makes a letter wait.
std::uint64_t LaneHash(std::string_view lane) {
  std::uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : lane) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  return h;
}

std::string EncodeLetter(const DeadLetter& l) {
  stored::StoredLetter out;
  out.set_id(l.id);
  out.set_state(static_cast<std::uint32_t>(l.state));
  out.set_event_id(l.event_id);
  out.set_seq(l.at.seq);
  out.set_ordinal(l.at.ordinal);
  out.set_stream(l.stream);
  out.set_op(l.op);
  out.set_key(l.key);
  out.set_record(l.record);
  out.set_body(l.body);
  out.set_headers(l.headers);
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
  for (const LetterLane& lane : l.lanes) {
    stored::StoredLane& stored = *out.add_lanes();
    stored.set_name(lane.name);
    stored.set_shared(lane.shared);
  }
  return out.SerializeAsString();
}

std::optional<DeadLetter> DecodeLetter(std::string_view bytes) {
  stored::StoredLetter in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || in.state() >= kLetterStates)
    return std::nullopt;
  DeadLetter l;
  l.id = in.id();
  l.state = static_cast<DeadLetter::State>(in.state());
  l.event_id = in.event_id();
  l.at = {in.seq(), in.ordinal()};
  l.stream = in.stream();
  l.op = in.op();
  l.key = in.key();
  l.record = in.record();
  l.body = in.body();
  l.headers = in.headers();
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
  for (const stored::StoredLane& lane : in.lanes()) l.lanes.push_back({lane.name(), lane.shared()});
  if (!in.lane().empty()) l.lanes.push_back({in.lane(), false});
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

bool ShareALane(std::span<const LetterLane> a, std::span<const LetterLane> b) {
  return std::ranges::any_of(a, [b](const LetterLane& one) {
    return std::ranges::any_of(
        b, [&one](const LetterLane& other) { return one.name == other.name && !(one.shared && other.shared); });
  });
}

Result<std::unique_ptr<DeadLetters>> DeadLetters::Open(const Store& store, std::string sink) {
  auto letters = std::unique_ptr<DeadLetters>(new DeadLetters(std::move(sink)));
  bool corrupt = false;
  HG_RETURN_IF_ERROR(store.Scan(Family::kLetters, LetterKey(letters->sink_, 0), EndKey(letters->sink_),
                                [&](std::string_view, std::string_view value) {
                                  auto letter = DecodeLetter(value);
                                  corrupt = !letter;
                                  if (letter) letters->Index(*letter, value.size());
                                  return !corrupt;
                                }));
  if (corrupt) return Corrupt("a dead letter of sink " + letters->sink_ + " cannot be read");
  // An id that a person may still name is not given to another letter.
  HG_ASSIGN_OR_RETURN(const auto counts, store.Get(Family::kLetters, CountsKey(letters->sink_)));
  ByteReader in(counts ? std::string_view(*counts) : "");
  for (std::size_t i = 0; i < kLetterStates; ++i) static_cast<void>(in.Varint());
  const std::uint64_t next_id = in.Varint();
  if (!in.failed()) letters->next_id_ = std::max(letters->next_id_, next_id);
  return letters;
}

void DeadLetters::Index(const DeadLetter& letter, std::uint64_t bytes) {
  std::vector<Lane> lanes;
  for (const LetterLane& lane : letter.lanes) lanes.push_back({LaneHash(lane.name), lane.shared});
  Take(lanes, lanes_);
  index_[letter.id] = {letter.state, std::move(lanes), letter.next_try_us, bytes};
  ++counts_[static_cast<std::size_t>(letter.state)];
  bytes_ += bytes;
  next_id_ = std::max(next_id_, letter.id + 1);
}

void DeadLetters::Unindex(std::uint64_t id) {
  const auto it = index_.find(id);
  if (it == index_.end()) return;
  bytes_ -= it->second.bytes;
  for (const Lane& lane : it->second.lanes) {
    const auto users = lanes_.find(lane.hash);
    --(lane.shared ? users->second.shared : users->second.alone);
    if (users->second.alone + users->second.shared == 0) lanes_.erase(users);
  }
  --counts_[static_cast<std::size_t>(it->second.state)];
  index_.erase(it);
}

std::uint64_t DeadLetters::Add(StoreBatch& batch, DeadLetter letter) {
  letter.id = next_id_++;
  const std::string bytes = EncodeLetter(letter);
  batch.Put(Family::kLetters, LetterKey(sink_, letter.id), bytes);
  Index(letter, bytes.size());
  PutCounts(batch);
  return letter.id;
}

void DeadLetters::Update(StoreBatch& batch, const DeadLetter& letter) {
  const std::string bytes = EncodeLetter(letter);
  batch.Put(Family::kLetters, LetterKey(sink_, letter.id), bytes);
  Unindex(letter.id);
  Index(letter, bytes.size());
  PutCounts(batch);
}

void DeadLetters::Remove(StoreBatch& batch, std::uint64_t id) {
  batch.Delete(Family::kLetters, LetterKey(sink_, id));
  Unindex(id);
  PutCounts(batch);
}

void DeadLetters::PutCounts(StoreBatch& batch) const {
  std::string value;
  for (const std::uint64_t count : counts_) PutVarint(value, count);
  PutVarint(value, next_id_);
  batch.Put(Family::kLetters, CountsKey(sink_), value);
}

Result<CountsByState> DeadLetters::Counts(const Store& store, std::string_view sink) {
  HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kLetters, CountsKey(sink)));
  CountsByState counts{};
  if (!value) return counts;
  ByteReader in(*value);
  for (std::uint64_t& count : counts) count = in.Varint();
  if (in.failed()) return Corrupt("the counts of dead letters of sink " + std::string(sink) + " cannot be read");
  return counts;
}

bool DeadLetters::IsBehind(const std::vector<Lane>& lanes, const Taken& taken) {
  return std::ranges::any_of(lanes, [&taken](const Lane& lane) {
    const auto users = taken.find(lane.hash);
    return users != taken.end() && (!lane.shared || users->second.alone > 0);
  });
}

void DeadLetters::Take(const std::vector<Lane>& lanes, Taken& taken) {
  for (const Lane& lane : lanes) ++(lane.shared ? taken[lane.hash].shared : taken[lane.hash].alone);
}

bool DeadLetters::AreStored(std::span<const LetterLane> lanes) const {
  return std::ranges::any_of(lanes, [this](const LetterLane& lane) {
    const auto users = lanes_.find(LaneHash(lane.name));
    return users != lanes_.end() && (!lane.shared || users->second.alone > 0);
  });
}

std::vector<std::uint64_t> DeadLetters::InFrontOf(std::span<const LetterLane> lanes) const {
  Taken wanted;
  for (const LetterLane& lane : lanes) Take({{LaneHash(lane.name), lane.shared}}, wanted);
  std::vector<std::uint64_t> ids;
  for (const auto& [id, entry] : index_) {
    if (IsBehind(entry.lanes, wanted)) ids.push_back(id);  // it is the same the other way round
  }
  return ids;
}

std::optional<std::uint64_t> DeadLetters::NextDue(std::int64_t now_us, const std::set<std::uint64_t>& in_sink) const {
  Taken before;  // by letters that are being sent, and by earlier ones that are not due
  for (const std::uint64_t id : in_sink) {
    if (const auto it = index_.find(id); it != index_.end()) Take(it->second.lanes, before);
  }
  for (const auto& [id, entry] : index_) {
    if (in_sink.contains(id)) continue;
    const bool dead = entry.state == DeadLetter::State::kDead;
    const bool due = entry.state == DeadLetter::State::kParked || (!dead && entry.next_try_us <= now_us);
    if (due && !IsBehind(entry.lanes, before)) return id;
    Take(entry.lanes, before);
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

Result<std::optional<DeadLetter>> DeadLetters::Read(const Store& store, std::string_view sink, std::uint64_t id) {
  HG_ASSIGN_OR_RETURN(const auto value, store.Get(Family::kLetters, LetterKey(sink, id)));
  if (!value) return std::optional<DeadLetter>();
  auto letter = DecodeLetter(*value);
  if (!letter)
    return Corrupt("dead letter " + std::to_string(id) + " of sink " + std::string(sink) + " cannot be read");
  return letter;
}

Status DeadLetters::Scan(const Store& store, std::string_view sink, std::uint64_t after_id, bool newest_first,
                         const std::function<bool(DeadLetter&&)>& visit) {
  bool corrupt = false;
  const auto each = [&](std::string_view, std::string_view value) {
    auto letter = DecodeLetter(value);
    corrupt = !letter;
    return letter ? visit(std::move(*letter)) : false;
  };
  if (newest_first) {
    HG_RETURN_IF_ERROR(store.ScanBack(Family::kLetters, LetterKey(sink, 0),
                                      after_id == 0 ? EndKey(sink) : LetterKey(sink, after_id), each));
  } else {
    HG_RETURN_IF_ERROR(store.Scan(Family::kLetters, LetterKey(sink, after_id + 1), EndKey(sink), each));
  }
  if (corrupt) return Corrupt("a dead letter of sink " + std::string(sink) + " cannot be read");
  return Ok();
}

Result<std::vector<std::uint64_t>> DeadLetters::Earlier(const Store& store, std::string_view sink, std::uint64_t id) {
  std::vector<std::uint64_t> ids;
  HG_ASSIGN_OR_RETURN(const auto letter, Read(store, sink, id));
  if (!letter) return ids;
  std::vector<LetterLane> lanes = letter->lanes;
  HG_RETURN_IF_ERROR(Scan(store, sink, id, true, [&](DeadLetter&& other) {
    if (!ShareALane(other.lanes, lanes)) return true;
    ids.push_back(other.id);
    for (LetterLane& lane : other.lanes) {
      if (std::ranges::find(lanes, lane) == lanes.end()) lanes.push_back(std::move(lane));
    }
    return true;
  }));
  std::ranges::reverse(ids);
  return ids;
}

void DeadLetters::DeleteAll(StoreBatch& batch, std::string_view sink) {
  batch.DeleteRange(Family::kLetters, LetterKey(sink, 0), EndKey(sink));
  batch.Delete(Family::kLetters, CountsKey(sink));
}

}  // namespace headgate
