#include "connectors/http/event_reader.h"

#include <algorithm>

#include "connectors/http/gunzip.h"
#include "connectors/http/json_place.h"
#include "connectors/http/json_value.h"
#include "core/net/digest.h"

namespace headgate::http {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t kFaultsMax = 100;
constexpr std::size_t kNone = ~std::size_t{0};
// Rows may take more room than their JSON: a short number can be a long one. Not without end.
constexpr std::size_t kRowsPerBody = 8;

// As long as nothing was found that ends the reading.
constexpr auto kOpen = IntakeAnswer::Kind::kUnavailable;

static_assert(IntakeRequest::kBodyPadding >= simdjson::SIMDJSON_PADDING);

std::string_view KindName(ondemand::json_type type) {
  switch (type) {
    case ondemand::json_type::array:
      return "an array";
    case ondemand::json_type::object:
      return "an object";
    case ondemand::json_type::number:
      return "a number";
    case ondemand::json_type::string:
      return "a string";
    case ondemand::json_type::boolean:
      return "true or false";
    case ondemand::json_type::null:
      return "null";
  }
  return "something else";
}

// RFC 6901: one step of a pointer.
void AppendStep(std::string& pointer, std::string_view name) {
  pointer.push_back('/');
  for (const char c : name) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer.push_back(c);
    }
  }
}

}  // namespace

class EventReader::Impl {
 public:
  explicit Impl(const EventLayout& layout) : layout_(layout), slots_(layout.columns.columns.size()) {}
  void Prepare(IntakeRequest& request);

 private:
  struct Slot {
    std::uint64_t event = 0;  // which event this is of
    bool null = false;
    std::string bytes;
    std::string fault;
  };
  using Kind = IntakeAnswer::Kind;

  // False: the answer is set, and nothing more is to be read.
  bool Unpack(IntakeRequest& request);
  bool ReadDocument(std::string_view text, std::size_t readable);
  bool ReadLines(std::string_view text, std::size_t readable);
  bool CountEvent();
  bool ReadElement(ondemand::value value, ondemand::document& document);
  bool ReadEvent(ondemand::object object, const char* start, ondemand::document& document);
  bool ReadField(ondemand::field field, std::size_t& expected);
  bool ReadUnknown(ondemand::value value, std::string_view name);
  bool WriteRow();
  std::size_t ColumnOf(std::string_view name, std::size_t expected) const;
  bool AddFault(std::string_view column, std::string detail);
  bool Malformed();
  bool Answer(Kind kind, std::string text);

  const EventLayout& layout_;
  ondemand::parser parser_;
  ValueReader values_;
  std::vector<Slot> slots_;
  std::uint64_t stamp_ = 0;    // of the event being read
  std::string_view text_;      // the document being read
  std::string_view all_;       // the whole body
  std::size_t bytes_max_ = 0;  // of the rows of one request
  std::uint64_t events_ = 0;   // of this request, the one being read included
  std::uint64_t unknown_ = 0;  // fields of this request
  bool faulty_ = false;        // the event being read
  Transaction transaction_;
  IntakeAnswer answer_;
};

EventLayout::EventLayout(sql::ColumnList list, StreamNo stream_number, std::uint32_t schema_version)
    : columns(std::move(list)), stream(stream_number), version(schema_version) {
  for (std::size_t i = 0; i < columns.columns.size(); ++i) by_name.emplace(columns.columns[i].name, i);
}

EventReader::EventReader(const EventLayout& layout) : impl_(std::make_unique<Impl>(layout)) {}
EventReader::~EventReader() = default;
EventReader::EventReader(EventReader&&) noexcept = default;
void EventReader::Prepare(IntakeRequest& request) { impl_->Prepare(request); }

bool EventReader::Impl::Answer(Kind kind, std::string text) {
  answer_.kind = kind;
  answer_.text = std::move(text);
  return false;
}

bool EventReader::Impl::Malformed() { return Answer(Kind::kMalformed, DescribeMalformed(all_, text_)); }

// False: enough of them.
bool EventReader::Impl::AddFault(std::string_view column, std::string detail) {
  faulty_ = true;
  EventFault& fault = answer_.faults.emplace_back();
  AppendStep(fault.pointer, std::to_string(events_ - 1));
  if (!column.empty()) AppendStep(fault.pointer, column);
  fault.detail = std::move(detail);
  return answer_.faults.size() < kFaultsMax;
}

void EventReader::Impl::Prepare(IntakeRequest& request) {
  auto& prepared = request.prepared.emplace();
  transaction_ = Transaction();
  answer_ = IntakeAnswer();
  events_ = unknown_ = 0;
  if (!request.key.empty())
    prepared.fingerprint = net::Sha256Hex((request.lines ? "lines\n" : "json\n") + request.body);
  if (Unpack(request)) {
    all_ = request.body;
    bytes_max_ = kRowsPerBody * std::max(request.bytes_max, request.body.size());
    const std::size_t readable = request.body.capacity();
    request.lines ? ReadLines(all_, readable) : ReadDocument(all_, readable);
    if (answer_.kind != kOpen) {
      answer_.faults.clear();
    } else if (!answer_.faults.empty()) {
      const std::string least = answer_.faults.size() == kFaultsMax ? " at least" : "";
      Answer(Kind::kRefused, "Nothing was stored:" + least + " " + std::to_string(answer_.faults.size()) +
                                 " of the events cannot be rows of this stream.");
    } else if (events_ == 0) {
      Answer(Kind::kRefused, "There is no event in the body.");
    } else {
      prepared.transaction = std::move(transaction_);
      layout_.unknown_fields += unknown_;
    }
  }
  prepared.refusal = std::move(answer_);
  request.body = std::string();
}

bool EventReader::Impl::Unpack(IntakeRequest& request) {
  if (!request.gzip) {
    request.body.reserve(request.body.size() + IntakeRequest::kBodyPadding);
    return true;
  }
  std::string plain;
  switch (Gunzip(request.body, request.bytes_max, IntakeRequest::kBodyPadding, plain)) {
    case Unpacked::kOk:
      request.body = std::move(plain);
      return true;
    case Unpacked::kTooLarge:
      return Answer(Kind::kTooLarge,
                    "The body is larger than " + std::to_string(request.bytes_max) + " bytes, unpacked.");
    case Unpacked::kBroken:
      break;
  }
  return Answer(Kind::kMalformed, "The body is not gzip, or it is cut off.");
}

bool EventReader::Impl::ReadLines(std::string_view text, std::size_t readable) {
  const char* const begin = text.data();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (!ReadDocument(line, readable - static_cast<std::size_t>(line.data() - begin))) return false;
  }
  return true;
}

// `readable`: bytes from its start that may be read, padding included.
bool EventReader::Impl::ReadDocument(std::string_view text, std::size_t readable) {
  text_ = text;
  ondemand::document document;
  ondemand::json_type type;
  const bool lines = text.data() != all_.data() || text.size() != all_.size();
  if (parser_.iterate(simdjson::padded_string_view(text.data(), text.size(), readable)).get(document))
    return Malformed();
  if (document.type().get(type)) return Malformed();
  if (type == ondemand::json_type::object) {
    ondemand::object object;
    if (!CountEvent()) return false;
    if (document.get_object().get(object)) return Malformed();
    if (!ReadEvent(object, text.data() + std::min(text.find('{'), text.size()), document)) return false;
  } else if (type == ondemand::json_type::array && !lines) {
    ondemand::array array;
    if (document.get_array().get(array)) return Malformed();
    for (auto item : array) {
      ondemand::value value;
      if (std::move(item).get(value)) return Malformed();
      if (!ReadElement(value, document)) return false;
    }
  } else {
    if (FindMalformed(text)) return Malformed();
    return CountEvent() && AddFault("", std::string("expected an object, got ").append(KindName(type)));
  }
  // Behind the value there is nothing.
  return document.current_location().error() == simdjson::OUT_OF_BOUNDS || Malformed();
}

bool EventReader::Impl::CountEvent() {
  if (++events_ <= layout_.events_max) return true;
  return Answer(Kind::kTooLarge,
                "There are more than " + std::to_string(layout_.events_max) + " events in one request (events_max).");
}

bool EventReader::Impl::ReadElement(ondemand::value value, ondemand::document& document) {
  ondemand::json_type type;
  if (!CountEvent()) return false;
  if (value.type().get(type)) return Malformed();
  if (type != ondemand::json_type::object) {
    if (!SkipValue(value, 2)) return Malformed();
    return AddFault("", std::string("expected an object, got ").append(KindName(type)));
  }
  const char* const start = value.raw_json_token().data();
  ondemand::object object;
  if (value.get_object().get(object)) return Malformed();
  return ReadEvent(object, start, document);
}

bool EventReader::Impl::ReadEvent(ondemand::object object, const char* start, ondemand::document& document) {
  ++stamp_;
  faulty_ = false;
  std::size_t expected = 0;
  for (auto item : object) {
    ondemand::field field;
    if (std::move(item).get(field)) return Malformed();
    if (!ReadField(field, expected)) return false;
  }
  const char* end = nullptr;
  if (document.current_location().get(end)) end = text_.data() + text_.size();
  const auto bytes = static_cast<std::size_t>(end - start);
  if (!faulty_ && bytes > layout_.event_bytes_max)
    return AddFault("",
                    "the event is larger than " + std::to_string(layout_.event_bytes_max) + " bytes (event_bytes_max)");
  return faulty_ ? answer_.faults.size() < kFaultsMax : WriteRow();
}

std::size_t EventReader::Impl::ColumnOf(std::string_view name, std::size_t expected) const {
  const auto& columns = layout_.columns.columns;
  if (expected < columns.size() && columns[expected].name == name) return expected;
  const auto found = layout_.by_name.find(name);
  return found == layout_.by_name.end() ? kNone : found->second;
}

bool EventReader::Impl::ReadField(ondemand::field field, std::size_t& expected) {
  std::string_view name;
  if (field.unescaped_key().get(name)) return Malformed();
  const std::size_t column = ColumnOf(name, expected);
  if (column == kNone) return ReadUnknown(field.value(), name);
  expected = column + 1;
  Slot& slot = slots_[column];  // a member that comes again wins
  slot.event = stamp_;
  slot.bytes.clear();
  slot.fault.clear();
  const auto outcome = values_.Append(slot.bytes, layout_.columns.columns[column].type, field.value());
  slot.null = outcome == ValueReader::Outcome::kNull;
  if (outcome == ValueReader::Outcome::kRefused) slot.fault = values_.detail();
  return outcome != ValueReader::Outcome::kMalformed || Malformed();
}

bool EventReader::Impl::ReadUnknown(ondemand::value value, std::string_view name) {
  const std::string kept(layout_.reject_unknown ? name : std::string_view());
  if (!SkipValue(value, 2)) return Malformed();
  if (!layout_.reject_unknown) {
    ++unknown_;
  } else if (!faulty_) {
    return AddFault(kept, "the stream has no such column, and unknown_fields is reject");
  }
  return true;
}

// False: nothing more is to be read.
bool EventReader::Impl::WriteRow() {
  const auto& columns = layout_.columns.columns;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Slot& slot = slots_[i];
    const bool present = slot.event == stamp_;
    if (present && !slot.fault.empty()) return AddFault(columns[i].name, slot.fault);
    if (!columns[i].not_null || (present ? !slot.null : columns[i].has_fallback)) continue;
    return AddFault(columns[i].name,
                    "expected " + sql::Name(columns[i].type) + ", got " +
                        (present ? "null, and the column is NOT NULL" : "nothing, and the column is NOT NULL"));
  }
  if (!answer_.faults.empty()) return true;
  transaction_.StartChange(Op::kInsert, layout_.stream, layout_.version, 0);
  std::string& row = transaction_.StartRow(RowImage::kAfter);
  const std::size_t before = row.size();
  for (std::size_t i = 0; i < columns.size(); ++i)
    row += slots_[i].event == stamp_ ? slots_[i].bytes : columns[i].fallback;
  if (row.size() - before > layout_.event_bytes_max) {
    transaction_.AbandonChange();
    return AddFault("",
                    "the row is larger than " + std::to_string(layout_.event_bytes_max) + " bytes (event_bytes_max)");
  }
  transaction_.EndRow();
  transaction_.EndChange();
  if (transaction_.bytes() <= bytes_max_) return true;
  return Answer(Kind::kTooLarge, "The rows of the events take more than " + std::to_string(bytes_max_) + " bytes.");
}

}  // namespace headgate::http
